#!/usr/bin/env python3
"""Compares what the Rust tests projected with nilearn, scipy and nibabel.

    check_spaces.py OUT

`make_spaces.py` left a subject in OUT/spaces, and the Rust tests what they made of it in
OUT/spaces/written: `KIND_INTERPOLATION_SIDE.npy` for each surface and depth, `average_INTERPOLATION_SIDE.npy`
for the way over the spheres, `sub-NN_mni.nii.gz`, `map.func.gii`, `mesh.surf.gii` and the values and
meshes that were read and written again.
"""

import json
from functools import partial

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from nilearn import surface
from scipy.spatial import cKDTree

import verdict
from make_spaces import ANATOMY, SIDES, TALAIRACH, mesh_of

DEPTHS = {"white": [0.0], "pial": [1.0], "mid": [0.5], "mean": [0.0, 0.25, 0.5, 0.75, 1.0]}


def image_of(folder, row):
    mask = nib.load(folder / "mirror" / ANATOMY.format("sub-01"))
    volume = np.zeros(mask.shape, np.float32)
    volume[np.asarray(mask.dataobj) != 0] = np.nan_to_num(row)
    return nib.Nifti1Image(volume, mask.affine)


def surface_of(folder, name):
    """A surface in the coordinates of the scanner."""
    path = folder / "mirror" / "derivatives" / "freesurfer" / "sub-01" / "surf" / name
    points, faces, info = nib.freesurfer.read_geometry(path, read_metadata=True)
    return surface.InMemoryMesh(points + info["cras"], faces)


def sampled(folder, name, interpolation, side):
    """A surface against `nilearn.surface.vol_to_surf`."""
    values = np.load(folder / "values.npy")
    got = np.load(folder / "written" / f"{name}_{interpolation}_{side}.npy")
    white, pial = (surface_of(folder, f"{side}.{kind}") for kind in ("white", "pial"))
    how = {"linear": "linear", "nearest": "nearest_most_frequent"}[interpolation]
    problems = []
    for row, found in zip(values, got, strict=True):
        # nilearn counts depths from the outer surface.
        depth = [1 - depth for depth in DEPTHS[name]]
        expected = surface.vol_to_surf(
            image_of(folder, row), pial, inner_mesh=white, depth=depth, interpolation=how, kind="depth"
        ).ravel()
        if not np.array_equal(np.isnan(found), np.isnan(expected)):
            problems.append(f"{np.isnan(found).sum()} NaN (expected {np.isnan(expected).sum()})")
        elif interpolation == "nearest":
            different = (found != expected) & ~np.isnan(expected)
            if different.any():
                problems.append(f"{different.sum()} of {len(found)} values differ")
        else:
            worst = np.nanmax(np.abs(found - expected)) / np.nanmax(np.abs(expected))
            if worst > 1e-5:
                problems.append(f"values differ by {worst} of the largest")
    return problems


def on_average(folder, interpolation, side):
    """The way over the spheres against scipy's nearest neighbour, and against the triangles."""
    native = np.load(folder / "written" / f"white_{interpolation}_{side}.npy")
    got = np.load(folder / "written" / f"average_{interpolation}_{side}.npy")
    source, faces = mesh_of(f"sphere_{SIDES[side]}")
    target, _ = nib.freesurfer.read_geometry(
        folder / "average" / "fsaverage5" / "surf" / f"{side}.sphere.reg"
    )
    if interpolation == "nearest":
        _, nearest = cKDTree(source.astype(float)).query(target)
        different = got != native[:, nearest]
        return [f"{different.sum()} values differ"] if different.any() else []
    # Each value lies between those of the corners of a triangle whose shares reproduce the point.
    unit = source / np.linalg.norm(source, axis=1, keepdims=True)
    centers = unit[faces].mean(axis=1)
    _, candidates = cKDTree(centers).query(target / 100, k=12)
    expected = np.full(got.shape, np.nan)
    best = np.full(len(target), -np.inf)
    for column in candidates.T:
        corners = faces[column]
        shares = np.linalg.solve(
            np.swapaxes(unit[corners].astype(float), 1, 2), (target / 100)[..., None]
        )[..., 0]
        shares /= shares.sum(axis=1, keepdims=True)
        better = shares.min(axis=1) > best
        best[better] = shares.min(axis=1)[better]
        between = (native[:, corners] * shares).sum(axis=-1)
        expected[:, better] = between[:, better]
    inside = best > -1e-6
    worst = np.abs(got - expected)[:, inside].max() / np.abs(native).max()
    problems = [] if inside.mean() > 0.999 else [f"only {inside.mean()} lie in a triangle nearby"]
    return problems + ([f"values differ by {worst} of the largest"] if worst > 1e-5 else [])


def in_mni(folder, subject):
    """The volume against nibabel's affine arithmetic."""
    values = np.load(folder / "values.npy")
    got = nib.load(folder / "written" / f"{subject}_mni.nii.gz")
    image = image_of(folder, values[0])
    if got.shape != (256, 256, 256) or not np.allclose(nib.affines.voxel_sizes(got.affine), 1):
        return [f"shape {got.shape}, voxels {nib.affines.voxel_sizes(got.affine)}"]
    back = np.linalg.inv(image.affine) @ np.linalg.inv(TALAIRACH) @ got.affine
    volume, found = np.asarray(image.dataobj), np.asarray(got.dataobj)
    problems = 0
    for x in range(256):
        voxels = np.stack(np.meshgrid([x], range(256), range(256), indexing="ij"), axis=-1)
        at = apply_affine(back, voxels)[0]
        rounded = np.round(at).astype(int)
        inside = ((rounded >= 0) & (rounded < volume.shape)).all(axis=-1)
        expected = np.zeros((256, 256), np.float32)
        expected[inside] = volume[tuple(rounded[inside].T)]
        clear = (np.abs(at - np.floor(at) - 0.5) > 1e-9).all(axis=-1)
        problems += ((found[x] != expected) & clear).sum()
    return [f"{problems} voxels differ"] if problems else []


def gifti_map(folder):
    image = nib.load(folder / "written" / "map.func.gii")
    rows = np.load(folder / "written" / "white_linear_lh.npy")
    problems = [] if len(image.darrays) == len(rows) else [f"{len(image.darrays)} arrays"]
    for array, row in zip(image.darrays, rows, strict=True):
        if array.data.dtype != np.float32 or not np.array_equal(array.data, row, equal_nan=True):
            problems.append("an array differs")
    meta = {"AnatomicalStructurePrimary": "CortexLeft", "Space": "fsnative"}
    if dict(image.meta) != meta:
        problems.append(f"metadata {dict(image.meta)} (expected {meta})")
    return problems


def gifti_mesh(folder):
    image = nib.load(folder / "written" / "mesh.surf.gii")
    points, faces = nib.freesurfer.read_geometry(
        folder / "mirror" / "derivatives" / "freesurfer" / "sub-01" / "surf" / "lh.white"
    )
    got = image.agg_data()
    same = np.array_equal(got[0], points.astype(np.float32)) and np.array_equal(got[1], faces)
    return [] if same else ["the mesh differs"]


def written_again(folder, side):
    """A mesh and values that Rust read and wrote, as nibabel reads both."""
    first = folder / "mirror" / "derivatives" / "freesurfer" / "sub-01" / "surf"
    again = folder / "written"
    problems = []
    a = nib.freesurfer.read_geometry(first / f"{side}.pial", read_metadata=True)
    b = nib.freesurfer.read_geometry(again / f"{side}.pial", read_metadata=True)
    if not (np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1])):
        problems.append("the mesh differs")
    for key in ("volume", "voxelsize", "xras", "yras", "zras", "cras"):
        if not np.array_equal(a[2][key], b[2][key]):
            problems.append(f"{key}: {b[2][key]} (expected {a[2][key]})")
    a, b = (nib.freesurfer.read_morph_data(path / f"{side}.curv") for path in (first, again))
    if not np.array_equal(a, b):
        problems.append("the curvature differs")
    return problems


def volume_header(folder):
    got = json.loads((folder / "written" / "orig.json").read_text())
    header = nib.load(
        folder / "mirror" / "derivatives" / "freesurfer" / "sub-01" / "mri" / "orig.mgz"
    ).header
    same = np.allclose(got["affine"], header.get_affine()[:3], rtol=0, atol=1e-9)
    same &= np.allclose(got["surface_affine"], header.get_vox2ras_tkr()[:3], rtol=0, atol=1e-9)
    return [] if same else [f"affines {got}"]


def cases(out):
    folder = out / "spaces"
    verdict.there(folder / "written" / "orig.json")
    for side in SIDES:
        for interpolation in ("linear", "nearest"):
            for name in ("white", "pial", "mid"):
                yield (
                    f"{name}, {interpolation}, {side}",
                    partial(sampled, folder, name, interpolation, side),
                )
            yield (
                f"over the spheres, {interpolation}, {side}",
                partial(on_average, folder, interpolation, side),
            )
        yield f"mean over depths, {side}", partial(sampled, folder, "mean", "linear", side)
        yield f"written again, {side}", partial(written_again, folder, side)
    for subject in ("sub-01", "sub-03"):
        yield f"MNI305, {subject}", partial(in_mni, folder, subject)
    yield "a map as GIFTI", partial(gifti_map, folder)
    yield "a mesh as GIFTI", partial(gifti_mesh, folder)
    yield "the header of a volume", partial(volume_header, folder)


if __name__ == "__main__":
    verdict.run(__doc__, cases)
