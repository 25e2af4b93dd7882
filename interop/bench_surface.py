#!/usr/bin/env python3
"""Times nilearn on the subject of `cargo xtask bench surface`.

    bench_surface.py DIR

Reads the name of a surface per line from standard input, takes one map to its left hemisphere with
`nilearn.surface.vol_to_surf`, and answers with the seconds that it took. The mask and the mesh are read
each time, as by the other side; the map is there.
"""

import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
from nilearn import surface


def main(folder):
    mirror = Path(folder) / "mirror" / "derivatives"
    mask_file = next(mirror.glob("anatomical/sub-01/*/anat/*_res-1pt8_desc-brain_mask.nii.gz"))
    n_voxels = int((np.asarray(nib.load(mask_file).dataobj) != 0).sum())
    values = (np.arange(n_voxels) % 977).astype(np.float32)
    for line in sys.stdin:
        started = time.perf_counter()
        mask = nib.load(mask_file)
        volume = np.zeros(mask.shape, np.float32)
        volume[np.asarray(mask.dataobj) != 0] = values
        points, faces, info = nib.freesurfer.read_geometry(
            mirror / "freesurfer" / "sub-01" / "surf" / f"lh.{line.strip()}", read_metadata=True
        )
        mesh = surface.InMemoryMesh(points + info["cras"], faces)
        # One sample in each vertex.
        surface.vol_to_surf(
            nib.Nifti1Image(volume, mask.affine), mesh, inner_mesh=mesh, depth=[0.0], interpolation="linear"
        )
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
