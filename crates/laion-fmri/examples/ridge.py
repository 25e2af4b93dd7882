"""Ridge regression from CLIP embeddings to one ROI with numpy alone: ridge.py OUTPUT (see ridge.rs)."""

import sys

import numpy as np

PENALTY = 100.0

data = np.load(sys.argv[1])
train, test = data["train"], data["test"]
x, y = data["features"].astype(float), data["betas"].astype(float)
x, y = x - x[train].mean(axis=0), y - y[train].mean(axis=0)
gram = x[train].T @ x[train] + PENALTY * np.eye(x.shape[1])
weights = np.linalg.solve(gram, x[train].T @ y[train])
predicted, measured = x[test] @ weights, y[test]
predicted, measured = predicted - predicted.mean(axis=0), measured - measured.mean(axis=0)
norms = np.linalg.norm(predicted, axis=0) * np.linalg.norm(measured, axis=0)
with np.errstate(invalid="ignore"):
    correlations = (predicted * measured).sum(axis=0) / norms
counts = f"{train.sum()} training and {test.sum()} test rows, {y.shape[1]} voxels"
print(f"{counts}: median correlation {np.nanmedian(correlations):.6f}")
