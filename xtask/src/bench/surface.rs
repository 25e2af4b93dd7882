//! Values to surfaces: a subject of full size, against `nilearn.surface.vol_to_surf` for the same points.
//!
//! The hemispheres are spheres with 163,842 vertices, those of the release have some 147,000; the grid and
//! the number of voxels of the brain are those of the release.

use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fixtures::bucket::icosphere;
use laion_fmri::ndarray::Array2;
use laion_fmri::nifti_stream::{self, Affine, Spatial};
use laion_fmri::surface::{SurfaceMesh, VolumeGeometry, write_mesh};
use laion_fmri::template::{Density, SurfaceSpace, TemplateOptions};
use laion_fmri::{Dataset, Hemi, Hemisphere, Subject, SubjectId, Voxels, layout};

use super::process::Python;
use super::timing::{once, timed};
use super::{Row, median};
use crate::interop::Environment;
use crate::interop::environment::python_version;
use crate::project::Project;

const ROUNDS: usize = 7;
/// Voxels along each axis of the grid, and the edge of one in mm.
const SIDE: usize = 143;
const EDGE: f64 = 16.0 / 9.0;
/// The radius of the brain in voxels, which makes it some 272,000.
const RADIUS: f64 = 40.2;
/// Rows of a session.
const N_ROWS: usize = 1000;

pub(super) fn run(project: &Project) -> Result<Vec<Row>> {
    let folder = project.target.join("bench").join("surface");
    write_files(&folder)?;
    let cache = folder.join("cache");
    let subject = subject(&folder)?;
    let voxels = Voxels::all();
    let n_voxels = voxels.resolve(&subject)?.n_voxels();
    let map: Vec<f32> = (0..n_voxels).map(|voxel| (voxel % 977) as f32).collect();
    let options = TemplateOptions::default();
    let one_map = |options: &TemplateOptions, space: SurfaceSpace| -> Result<()> {
        let subject = self::subject(&folder)?;
        for hemisphere in options.hemispheres() {
            let projection = subject.projection(&voxels, space, *hemisphere, options)?;
            std::hint::black_box(projection.project_row(&map)?);
        }
        Ok(())
    };
    let fsnative = SurfaceSpace::Fsnative;
    let first = once(|| one_map(&options, fsnative))?;
    println!("one map to both hemispheres, without cached weights: {first:.3} s");
    let cached = timed(ROUNDS, || one_map(&options, fsnative))?;
    let over = options.clone().density(Density::K164).fsaverage_in([folder.join("subjects")]);
    let first = once(|| one_map(&over, SurfaceSpace::Fsaverage))?;
    println!("one map to fsaverage with 164k vertices, without cached weights: {first:.3} s");
    let fsaverage = timed(ROUNDS, || one_map(&over, SurfaceSpace::Fsaverage))?;
    println!("the same with them: {fsaverage:.3} s");
    let rows =
        Array2::from_shape_fn((N_ROWS, n_voxels), |(row, voxel)| ((row * 31 + voxel) % 977) as f32);
    let many = timed(3, || {
        for hemisphere in Hemisphere::ALL {
            let projection = subject.projection(&voxels, fsnative, *hemisphere, &options)?;
            std::hint::black_box(projection.project(rows.view())?);
        }
        Ok(())
    })?;
    let above = above_result(&subject, &voxels, &rows)?;
    fs::remove_dir_all(&cache).with_context(|| cache.display().to_string())?;
    let ratio = against_nilearn(project, &folder, &map)?;
    Ok(vec![
        Row::at_most("one map to both hemispheres, cached weights", cached, 0.3, "s"),
        Row::at_most("1,000 rows to both hemispheres, one depth", many, 4.0, "s"),
        Row::at_most("memory above the result, 1,000 rows", above, 200.0, "MiB"),
        Row::at_most("one map to one hemisphere, against nilearn", ratio, 0.3, "x"),
    ])
}

/// How far the peak of memory rises above what was in use and the result, in MiB.
fn above_result(subject: &Subject, voxels: &Voxels, rows: &Array2<f32>) -> Result<f64> {
    fs::write("/proc/self/clear_refs", "5").context("peak memory is read on Linux")?;
    let before = status("VmRSS:")?;
    let (space, options) = (SurfaceSpace::Fsnative, TemplateOptions::default());
    let projection = subject.projection(voxels, space, Hemisphere::Left, &options)?;
    let maps = projection.project(rows.view())?;
    let above = status("VmHWM:")? - before - 4.0 * maps.len() as f64 / 1024.0 / 1024.0;
    std::hint::black_box(maps);
    Ok(above.max(0.0))
}

/// A field of the status of this process, in MiB.
fn status(field: &str) -> Result<f64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).context("a memory field")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}

/// One map to the left hemisphere, in turns, without weights from before; files are read by both.
fn against_nilearn(project: &Project, folder: &Path, map: &[f32]) -> Result<f64> {
    let python = python_version(project)?.context("python3 runs nilearn")?;
    let list = "requirements-spaces.txt";
    let environment = Environment::prepare_from(project, &python, list, "venv-spaces")?;
    let script = project.root.join("interop").join("bench_surface.py");
    let mut nilearn = Python::start(&environment, &script, &[folder])?;
    let voxels = Voxels::all();
    let options = TemplateOptions::default().hemi(Hemi::Left);
    let ours = || -> Result<()> {
        let dataset = Dataset::open(folder.join("mirror"))?.with_jobs(1);
        let subject = dataset.subject("sub-01")?;
        let space = SurfaceSpace::Fsnative;
        let projection = subject.projection(&voxels, space, Hemisphere::Left, &options)?;
        std::hint::black_box(projection.project_row(map)?);
        Ok(())
    };
    let (mut our, mut their) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (theirs, ours) = (nilearn.run("white")?, once(ours)?);
        // The first turn fills the caches of the system.
        if round > 0 {
            their.push(theirs);
            our.push(ours);
        }
    }
    let (our, their) = (median(our), median(their));
    println!("one map to one hemisphere: {:.1} ms against {:.1} ms", our * 1e3, their * 1e3);
    Ok(our / their)
}

fn subject(folder: &Path) -> Result<Subject> {
    let jobs = std::thread::available_parallelism()?.get();
    let dataset = Dataset::open(folder.join("mirror"))?.with_jobs(jobs);
    Ok(dataset.with_cache_dir(folder.join("cache")).subject("sub-01")?)
}

/// A brain mask, surfaces and spheres, written once.
fn write_files(folder: &Path) -> Result<()> {
    if folder.join("complete").exists() {
        return Ok(());
    }
    let mirror = folder.join("mirror");
    let path = |key: String| -> Result<PathBuf> {
        let path = mirror.join(key);
        fs::create_dir_all(path.parent().context("a folder")?)?;
        Ok(path)
    };
    let half = SIDE as f64 / 2.0;
    let affine = Affine::from_rows([
        [-EDGE, 0.0, 0.0, half * EDGE],
        [0.0, EDGE, 0.0, -half * EDGE],
        [0.0, 0.0, EDGE, -half * EDGE],
    ]);
    let mut mask = vec![0_u8; SIDE * SIDE * SIDE];
    for (index, voxel) in mask.iter_mut().enumerate() {
        let place = [index / (SIDE * SIDE), index / SIDE % SIDE, index % SIDE];
        let squares = place.map(|n| (n as f64 - half) * (n as f64 - half));
        *voxel = u8::from(squares.iter().sum::<f64>() < RADIUS * RADIUS);
    }
    let subject: SubjectId = "sub-01".parse()?;
    let spatial = Spatial::from_affine(&affine);
    let key = layout::anatomical_brain_mask(&subject, Some("1pt8"));
    nifti_stream::fs::write_volume(path(key)?, &spatial, [SIDE; 3], &mask)?;
    let geometry = VolumeGeometry {
        shape: [320; 3],
        voxel_size: [0.8; 3],
        directions: [[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
        center: [1.5, -2.0, 3.25],
        file: "orig.mgz".to_owned(),
    };
    let (points, triangles) = icosphere(7);
    let triangles: Vec<[u32; 3]> =
        triangles.into_iter().map(|corners| corners.map(|corner| corner as u32)).collect();
    let write = |path: PathBuf, scale: f32, geometry: Option<VolumeGeometry>| -> Result<()> {
        fs::create_dir_all(path.parent().context("a folder")?)?;
        let vertices = points.iter().map(|point| point.map(|it| it * scale)).collect();
        let mesh = SurfaceMesh::new(vertices, triangles.clone(), geometry)?;
        Ok(write_mesh(BufWriter::new(fs::File::create(path)?), &mesh)?)
    };
    for side in ["lh", "rh"] {
        for (name, scale) in [("white", 0.6), ("pial", 0.63), ("sphere.reg", 1.0)] {
            let key = format!("{}surf/{side}.{name}", layout::freesurfer(&subject));
            write(mirror.join(key), scale, Some(geometry.clone()))?;
        }
        let average = folder.join("subjects/fsaverage/surf").join(format!("{side}.sphere.reg"));
        write(average, 1.0, None)?;
    }
    fs::write(folder.join("complete"), "")?;
    Ok(())
}
