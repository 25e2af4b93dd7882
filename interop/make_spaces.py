#!/usr/bin/env python3
"""Writes a subject with the meshes of fsaverage5 that come with nilearn, for the Rust tests to project.

    make_spaces.py OUT

Below OUT/spaces this leaves `mirror/`, the files of sub-01 as in a mirror: a brain mask of 2 mm, the
white, pial and registered surfaces written by nibabel around the centre of a volume that is not 0,
curvature, and the transforms of FreeSurfer, `talairach.lta` once between voxels and once, for sub-03,
between coordinates. `average/` holds a turned sphere as that of fsaverage. `values.npy` has rows of one
value for each voxel of the mask, the last of which is random.
"""

import shutil
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
from nilearn import surface
from scipy.spatial.transform import Rotation

CENTER = np.array([1.5, -18.25, 14.75])
SIDES = {"lh": "left", "rh": "right"}
ANATOMY = (
    "derivatives/anatomical/{0}/ses-PrismaAnat/anat/"
    "{0}_ses-PrismaAnat_space-T1w_res-1pt8_desc-brain_mask.nii.gz"
)
TALAIRACH = np.array(
    [[1.04, 0.02, -0.01, 0.7], [-0.03, 1.08, 0.09, -1.4], [0.005, -0.11, 1.12, 3.1], [0, 0, 0, 1]]
)


def mesh_of(name):
    """Coordinates and triangles of a mesh in nilearn's wheel."""
    folder = Path(surface.__file__).parent.parent / "datasets" / "data" / "fsaverage5"
    mesh = surface.load_surf_mesh(folder / f"{name}.gii.gz")
    return np.asarray(mesh.coordinates, np.float32), np.asarray(mesh.faces, np.int32)


def volume_info(shape, center):
    return {
        "head": np.array([2, 0, 20], np.int32),
        "valid": "1  # volume info valid",
        "filename": "../mri/orig.mgz",
        "volume": np.array(shape),
        "voxelsize": np.ones(3),
        "xras": np.array([-1.0, 0, 0]),
        "yras": np.array([0, 0, -1.0]),
        "zras": np.array([0, 1.0, 0]),
        "cras": center,
    }


def conformed(shape, center):
    """The affine of a conformed volume with voxels of 1 mm."""
    directions = np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    affine = np.eye(4)
    affine[:3, :3] = directions
    affine[:3, 3] = center - directions @ (np.array(shape) / 2)
    return affine


def geometry(shape, center, name):
    return (
        f"valid = 1  # volume info valid\nfilename = {name}\nvolume = {shape[0]} {shape[1]} {shape[2]}\n"
        "voxelsize = 1.000000000000000e+00 1.000000000000000e+00 1.000000000000000e+00\n"
        "xras   = -1 0 0\nyras   = 0 0 -1\nzras   = 0 1 0\n"
        f"cras   = {center[0]:.15e} {center[1]:.15e} {center[2]:.15e}\n"
    )


def write_transforms(folder, kind):
    folder.mkdir(parents=True)
    shape = (256, 256, 256)
    matrix = TALAIRACH
    if kind == 0:
        to_voxel = np.linalg.inv(conformed(shape, np.zeros(3)))
        matrix = to_voxel @ TALAIRACH @ conformed(shape, CENTER)
    rows = "\n".join(" ".join(f"{number:.17g}" for number in row) for row in matrix)
    (folder / "talairach.lta").write_text(
        f"# transform file\n\ntype      = {kind}\nnxforms   = 1\nmean      = 0 0 0\nsigma     = 1\n"
        f"1 4 4\n{rows}\nsrc volume info\n{geometry(shape, CENTER, 'orig_nu.mgz')}"
        f"dst volume info\n{geometry(shape, np.zeros(3), 'mni305.cor.mgz')}subject fsaverage\n"
    )
    rows = "\n".join(" ".join(f"{number:.6f}" for number in row) for row in TALAIRACH[:3])
    (folder / "talairach.xfm").write_text(
        f"MNI Transform File\n% by hand\n\nTransform_Type = Linear;\nLinear_Transform = \n{rows};\n"
    )


def write_subject(mirror, subject, kind):
    path = mirror / ANATOMY.format(subject)
    path.parent.mkdir(parents=True)
    # The brain is what lies near the surfaces; its rim cuts through them here and there.
    affine = np.diag([-2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [80.0, -112.0, -56.0]
    shape = (79, 95, 79)
    mask = np.zeros(shape, np.uint8)
    freesurfer = mirror / "derivatives" / "freesurfer" / subject
    (freesurfer / "surf").mkdir(parents=True)
    for side, name in SIDES.items():
        for kind_of_surface in ("white", "pial", "sphere"):
            points, faces = mesh_of(f"{kind_of_surface}_{name}")
            file = {"sphere": "sphere.reg"}.get(kind_of_surface, kind_of_surface)
            shift = 0 if kind_of_surface == "sphere" else CENTER
            info = volume_info((256, 256, 256), CENTER)
            nib.freesurfer.write_geometry(
                freesurfer / "surf" / f"{side}.{file}", points - shift, faces, volume_info=info
            )
            if kind_of_surface != "sphere":
                at = np.round(nib.affines.apply_affine(np.linalg.inv(affine), points)).astype(int)
                at = at[((at >= 2) & (at < np.array(shape) - 2)).all(axis=1)]
                mask[tuple(at.T)] = 1
        curvature = np.linspace(-1, 1, len(points), dtype=np.float32)
        nib.freesurfer.write_morph_data(freesurfer / "surf" / f"{side}.curv", curvature)
    nib.save(nib.Nifti1Image(mask, affine), path)
    (freesurfer / "mri").mkdir()
    volume = nib.MGHImage(np.zeros((256, 256, 256), np.uint8), conformed((256, 256, 256), CENTER))
    nib.save(volume, freesurfer / "mri" / "orig.mgz")
    write_transforms(freesurfer / "mri" / "transforms", kind)
    return int(mask.sum())


def main(out):
    folder = out / "spaces"
    if folder.exists():
        shutil.rmtree(folder)
    n_voxels = write_subject(folder / "mirror", "sub-01", 0)
    assert write_subject(folder / "mirror", "sub-03", 1) == n_voxels
    turned = Rotation.from_rotvec([0.02, -0.3, 0.11])
    (folder / "average" / "fsaverage5" / "surf").mkdir(parents=True)
    for side, name in SIDES.items():
        points, faces = mesh_of(f"sphere_{name}")
        path = folder / "average" / "fsaverage5" / "surf" / f"{side}.sphere.reg"
        nib.freesurfer.write_geometry(path, turned.apply(points), faces)
    values = np.random.default_rng(7).normal(size=(3, n_voxels)).astype(np.float32)
    values[0] = np.arange(n_voxels) % 997
    values[1, ::13] = np.nan
    np.save(folder / "values.npy", values)
    print(f"{n_voxels} voxels")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
