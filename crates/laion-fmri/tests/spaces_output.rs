//! A subject with real meshes, projected for nilearn, scipy and nibabel to look at.

use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use laion_fmri::export::{read_npy, write_npy};
use laion_fmri::ndarray::{Array2, Ix2};
use laion_fmri::surface;
use laion_fmri::template::{CorticalSurface, Interpolation, SurfaceSpace, TemplateOptions};
use laion_fmri::{Dataset, Hemisphere, Subject, Voxels};
use serde_json::json;

#[expect(clippy::disallowed_methods, reason = "the runner tells the place by a variable")]
fn folder() -> PathBuf {
    let out = std::env::var_os("LAION_FMRI_INTEROP").expect("LAION_FMRI_INTEROP is set");
    PathBuf::from(out).join("spaces")
}

fn subject(name: &str) -> Subject {
    let dataset = Dataset::open(folder().join("mirror")).unwrap();
    dataset.with_jobs(2).subject(name).unwrap()
}

fn values() -> Array2<f32> {
    read_npy(folder().join("values.npy")).unwrap().into_dimensionality::<Ix2>().unwrap()
}

fn written() -> PathBuf {
    let folder = folder().join("written");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn project(options: &TemplateOptions, space: SurfaceSpace, name: &str) {
    let (subject, values) = (subject("sub-01"), values());
    for hemisphere in Hemisphere::ALL {
        let projection = subject.projection(&Voxels::all(), space, *hemisphere, options).unwrap();
        let maps = projection.project(values.view()).unwrap();
        let path = written().join(format!("{name}_{}.npy", hemisphere.freesurfer()));
        write_npy(path, &maps).unwrap();
    }
}

#[test]
#[ignore = "leaves maps for nilearn to compare: run by cargo xtask interop"]
fn maps_on_surfaces_are_left_for_nilearn() {
    for interpolation in [Interpolation::Linear, Interpolation::Nearest] {
        let options = TemplateOptions::default().interpolation(interpolation);
        for surface in CorticalSurface::ALL {
            let on_surface = options.clone().surface(*surface);
            project(&on_surface, SurfaceSpace::Fsnative, &format!("{surface}_{interpolation}"));
        }
        let over = options.fsaverage_in([folder().join("average")]);
        project(&over, SurfaceSpace::Fsaverage, &format!("average_{interpolation}"));
    }
    let options = TemplateOptions::default().depths([0.0, 0.25, 0.5, 0.75, 1.0]);
    project(&options, SurfaceSpace::Fsnative, "mean_linear");
}

#[test]
#[ignore = "leaves volumes for nibabel to compare: run by cargo xtask interop"]
fn volumes_of_mni305_are_left_for_nibabel() {
    let values = values();
    for name in ["sub-01", "sub-03"] {
        let options = TemplateOptions::default();
        let projection = subject(name).volume_projection(&Voxels::all(), &options).unwrap();
        assert!(projection.transforms_apart().unwrap() < 0.01);
        let path = written().join(format!("{name}_mni.nii.gz"));
        projection
            .write_nifti(path, None, |put| put(&values.row(0).to_vec()))
            .unwrap_or_else(|error: laion_fmri::Error| panic!("{error}"));
    }
}

#[test]
#[ignore = "leaves files for nibabel to read: run by cargo xtask interop"]
fn files_that_were_read_are_written_again() {
    let of = |name: &str| folder().join("mirror/derivatives/freesurfer/sub-01").join(name);
    let create = |name: &str| BufWriter::new(fs::File::create(written().join(name)).unwrap());
    for side in ["lh", "rh"] {
        let mesh = surface::fs::read_mesh(of(&format!("surf/{side}.pial"))).unwrap();
        surface::write_mesh(create(&format!("{side}.pial")), &mesh).unwrap();
        let curvature = surface::fs::read_curvature(of(&format!("surf/{side}.curv"))).unwrap();
        let triangles = mesh.triangles().len();
        surface::write_curvature(create(&format!("{side}.curv")), &curvature, triangles).unwrap();
    }
    let mesh = surface::fs::read_mesh(of("surf/lh.white")).unwrap();
    let about = surface::GiftiMetadata::new(Hemisphere::Left, "T1w");
    write_surface(&written().join("mesh.surf.gii"), &about, &mesh);
    let options = TemplateOptions::default();
    let (subject, values) = (subject("sub-01"), values());
    let projection = subject
        .projection(&Voxels::all(), SurfaceSpace::Fsnative, Hemisphere::Left, &options)
        .unwrap();
    projection
        .write_gifti(written().join("map.func.gii"), values.nrows(), |put| {
            values.rows().into_iter().try_for_each(|row| put(&row.to_vec()))
        })
        .unwrap_or_else(|error: laion_fmri::Error| panic!("{error}"));
    let header = surface::fs::read_mgh_header(of("mri/orig.mgz")).unwrap();
    let geometry = header.geometry();
    let text = json!({
        "affine": geometry.affine(),
        "surface_affine": geometry.surface_affine(),
    });
    fs::write(written().join("orig.json"), text.to_string()).unwrap();
}

fn write_surface(path: &Path, about: &surface::GiftiMetadata, mesh: &surface::SurfaceMesh) {
    surface::fs::write_gifti(path, about, 2, |gifti| gifti.mesh(mesh)).unwrap();
}
