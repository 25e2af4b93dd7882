//! Values on surfaces and in template space, against the formulas of the bucket.

use std::path::Path;

use fixtures::Bucket;
use fixtures::bucket::{self, BETA_GRID};
use laion_fmri::template::{
    CorticalSurface, Interpolation, SurfaceSpace, TemplateOptions, TemplateSpace, TemplateValues,
};
use laion_fmri::{
    Dataset, Error, ErrorKind, Hemi, Hemisphere, MaskSource, RoiFormat, Subject, TemplateError,
    Voxels,
};
use ndarray::{Array2, ArrayView2};

use super::opened;

const SUBJECT: &str = "sub-01";

fn side(hemisphere: Hemisphere) -> bucket::Hemisphere {
    match hemisphere {
        Hemisphere::Left => bucket::Hemisphere::Left,
        Hemisphere::Right => bucket::Hemisphere::Right,
    }
}

/// Where a vertex is sampled, in voxels of the grid of the betas.
fn position(hemisphere: Hemisphere, depth: f64, vertex: usize) -> [f64; 3] {
    let at = |surface| bucket::surface_vertex(SUBJECT, side(hemisphere), surface, vertex);
    let (white, pial) = (at("white"), at("pial"));
    let zoom = f64::from(BETA_GRID.zoom);
    std::array::from_fn(|axis| {
        let (white, pial) = (f64::from(white[axis]), f64::from(pial[axis]));
        let world = white + depth * (pial - white);
        let sign = if axis == 0 { -1.0 } else { 1.0 };
        sign * (world - f64::from(BETA_GRID.origin[axis])) / zoom
    })
}

/// A value for each voxel of the brain, and the same by voxel: 0 outside.
fn sample(subject: &Subject, voxels: &Voxels) -> (Vec<f32>, impl Fn([usize; 3]) -> f64 + use<>) {
    let mask = voxels.resolve(subject).unwrap();
    let values: Vec<f32> =
        (0..mask.n_voxels()).map(|place| (place * 37 % 101) as f32 - 50.0).collect();
    let mut volume = vec![0.0_f64; BETA_GRID.len()];
    for (index, value) in mask.indices().iter().zip(&values) {
        volume[*index] = f64::from(*value);
    }
    (values, move |voxel| volume[BETA_GRID.flat(voxel)])
}

/// The value between the voxels around a position.
fn trilinear(value: impl Fn([usize; 3]) -> f64, position: [f64; 3]) -> f64 {
    let low = position.map(f64::floor);
    let corner = |corner: usize| {
        let high: [usize; 3] = std::array::from_fn(|axis| corner >> axis & 1);
        let weight: f64 = (0..3)
            .map(|axis| {
                let share = position[axis] - low[axis];
                if high[axis] == 1 { share } else { 1.0 - share }
            })
            .product();
        weight * value(std::array::from_fn(|axis| low[axis] as usize + high[axis]))
    };
    (0..8).map(corner).sum()
}

fn check_close(got: &[f32], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (vertex, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((f64::from(*got) - expected).abs() < 1e-3, "{vertex}: {got}, expected {expected}");
    }
}

fn row(values: &[f32]) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((1, values.len()), values).unwrap()
}

fn template_error(error: &Error) -> &TemplateError {
    match error {
        Error::Template(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn voxels_are_sampled_where_the_surface_lies() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, SUBJECT);
    for voxels in
        [Voxels::all(), Voxels::roi("face"), Voxels::all().mask_source(MaskSource::Rsquare)]
    {
        let (values, value) = sample(&subject, &voxels);
        for (surface, depth) in [
            (CorticalSurface::White, 0.0),
            (CorticalSurface::Pial, 1.0),
            (CorticalSurface::Mid, 0.5),
        ] {
            let options = TemplateOptions::default().surface(surface);
            for hemisphere in Hemisphere::ALL {
                let n_vertices = side(*hemisphere).vertices(SUBJECT);
                let project = |options: &TemplateOptions| {
                    let space = SurfaceSpace::Fsnative;
                    let projection =
                        subject.projection(&voxels, space, *hemisphere, options).unwrap();
                    assert_eq!(
                        (projection.n_sources(), projection.n_vertices()),
                        (values.len(), n_vertices)
                    );
                    assert!(projection.outside().is_empty());
                    projection.project_row(&values).unwrap()
                };
                let at = |vertex| position(*hemisphere, depth, vertex);
                let linear: Vec<f64> =
                    (0..n_vertices).map(|vertex| trilinear(&value, at(vertex))).collect();
                check_close(&project(&options), &linear);
                // What lies half way between two voxels belongs to either: the file has float32.
                let is_clear = |vertex: &usize| {
                    at(*vertex).iter().all(|it| (it - it.floor() - 0.5).abs() > 1e-4)
                };
                let clear: Vec<usize> = (0..n_vertices).filter(is_clear).collect();
                assert!(clear.len() + 4 >= n_vertices, "{} of {n_vertices}", clear.len());
                let nearest = project(&options.clone().interpolation(Interpolation::Nearest));
                for vertex in clear {
                    let expected = value(at(vertex).map(|it| it.round() as usize)) as f32;
                    assert_eq!(nearest[vertex], expected, "{vertex}");
                }
            }
        }
    }
}

#[test]
fn depths_are_averaged() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, SUBJECT);
    let (values, value) = sample(&subject, &Voxels::all());
    let depths = [0.0, 0.25, 0.5, 1.0];
    let options = TemplateOptions::default().depths(depths).hemi(Hemi::Left);
    let maps = subject
        .volume_to_surface(row(&values), &Voxels::all(), SurfaceSpace::Fsnative, &options)
        .unwrap();
    assert_eq!(maps.keys().collect::<Vec<_>>(), [&Hemisphere::Left]);
    let mean = |vertex| {
        let at = |depth| trilinear(&value, position(Hemisphere::Left, depth, vertex));
        depths.iter().map(|depth| at(*depth)).sum::<f64>() / 4.0
    };
    let map = &maps[&Hemisphere::Left];
    let expected: Vec<f64> = (0..map.ncols()).map(mean).collect();
    check_close(map.as_slice().unwrap(), &expected);
}

#[test]
fn many_rows_are_as_one_by_one_and_nan_counts_as_zero() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap().with_jobs(3);
    let subject = dataset.subject(SUBJECT).unwrap();
    let face = Voxels::roi("face");
    let betas =
        subject.betas().session("ses-01").voxels(face.clone()).trials(0..20).load().unwrap();
    assert!(betas.iter().any(|beta| beta.is_nan()));
    let (space, left) = (SurfaceSpace::Fsnative, Hemisphere::Left);
    let projection = subject.projection(&face, space, left, &TemplateOptions::default()).unwrap();
    let maps = projection.project(betas.view()).unwrap();
    for (map, betas) in maps.rows().into_iter().zip(betas.rows()) {
        let known: Vec<f32> =
            betas.iter().map(|beta| if beta.is_nan() { 0.0 } else { *beta }).collect();
        assert_eq!(map.to_vec(), projection.project_row(&known).unwrap());
        assert_eq!(map.to_vec(), projection.project_row(&betas.to_vec()).unwrap());
    }
    let error = projection.project_row(&[1.0]).unwrap_err();
    assert!(
        matches!(error, Error::ValuesLength { expected, got: 1 } if expected == betas.ncols()),
        "{error}"
    );
}

#[test]
fn weights_are_kept_by_what_they_are_made_from() {
    let bucket = Bucket::temporary().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap().with_cache_dir(cache.path());
    let subject = dataset.subject(SUBJECT).unwrap();
    let (values, _) = sample(&subject, &Voxels::all());
    let project = |options: &TemplateOptions| {
        let space = SurfaceSpace::Fsnative;
        let maps = subject.volume_to_surface(row(&values), &Voxels::all(), space, options).unwrap();
        maps[&Hemisphere::Left].clone()
    };
    let files = || {
        let mut files: Vec<_> = std::fs::read_dir(cache.path().join("weights"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        files
    };
    let left = TemplateOptions::default().hemi(Hemi::Left);
    let first = project(&left);
    let kept = files();
    assert_eq!(kept.len(), 1);
    assert_eq!(project(&left), first);
    assert_eq!(files(), kept);
    // Damage is seen, and the weights are made again.
    let whole = std::fs::read(&kept[0]).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&kept[0], damaged).unwrap();
    assert_eq!(project(&left), first);
    assert_eq!(std::fs::read(&kept[0]).unwrap(), whole);
    // Others for another surface, and for other contents of the same file.
    project(&left.clone().surface(CorticalSurface::Mid));
    assert_eq!(files().len(), 2);
    let white = bucket.path("derivatives/freesurfer/sub-01/surf/lh.white");
    let mut bytes = std::fs::read(&white).unwrap();
    // The exponent of a coordinate: behind the two lines and the counts.
    let at = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap() + 10;
    bytes[at] ^= 0x80;
    std::fs::write(&white, bytes).unwrap();
    assert_ne!(project(&left), first);
    assert_eq!(files().len(), 3);
}

/// The sphere of the subject as the bucket has it, of length 1.
fn registered(hemisphere: Hemisphere) -> Vec<[f64; 3]> {
    let side = side(hemisphere);
    let at = |vertex| bucket::surface_vertex(SUBJECT, side, "sphere.reg", vertex).map(f64::from);
    (0..side.vertices(SUBJECT)).map(at).map(normalized).collect()
}

fn normalized(point: [f64; 3]) -> [f64; 3] {
    let length = point.iter().map(|it| it * it).sum::<f64>().sqrt();
    point.map(|it| it / length)
}

#[test]
fn vertices_reach_fsaverage_by_the_registered_sphere() {
    let bucket = Bucket::temporary().unwrap();
    let average = tempfile::tempdir().unwrap();
    bucket::write_fsaverage(average.path()).unwrap();
    let subject = opened(&bucket, SUBJECT);
    let targets: Vec<[f64; 3]> = bucket::fsaverage_vertices()
        .into_iter()
        .map(|point| normalized(point.map(f64::from)))
        .collect();
    let options = TemplateOptions::default().fsaverage_in([average.path()]);
    for hemisphere in Hemisphere::ALL {
        let sources = registered(*hemisphere);
        // The values are where the vertices lie, so that a projection gives back the place.
        let rows = Array2::from_shape_fn((3, sources.len()), |(axis, v)| sources[v][axis] as f32);
        let nearest = options.clone().interpolation(Interpolation::Nearest);
        let maps = subject.surface_to_template(rows.view(), *hemisphere, &nearest).unwrap();
        assert_eq!(maps.dim(), (3, 10_242));
        let apart = |a: [f64; 3], b: [f64; 3]| {
            a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        };
        for (target, point) in targets.iter().enumerate() {
            let got = [0, 1, 2].map(|axis| f64::from(maps[[axis, target]]));
            let least = sources.iter().map(|it| apart(*it, *point)).fold(f64::INFINITY, f64::min);
            assert!((apart(got, *point) - least).abs() < 1e-6, "{target}");
        }
        let maps = subject.surface_to_template(rows.view(), *hemisphere, &options).unwrap();
        for (target, point) in targets.iter().enumerate() {
            let got = [0, 1, 2].map(|axis| f64::from(maps[[axis, target]]));
            assert!(apart(normalized(got), *point) < 1e-5, "{target}: {got:?}, {point:?}");
        }
    }
    let error =
        subject.surface_to_template(row(&[1.0, 2.0]), Hemisphere::Left, &options).unwrap_err();
    assert!(
        matches!(template_error(&error), TemplateError::VertexValues { expected: 60, got: 2, path } if path.ends_with("surf/lh.sphere.reg")),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[test]
fn voxels_reach_fsaverage_as_by_both_steps() {
    let bucket = Bucket::temporary().unwrap();
    let average = tempfile::tempdir().unwrap();
    bucket::write_fsaverage(average.path()).unwrap();
    let subject = opened(&bucket, SUBJECT);
    let (values, _) = sample(&subject, &Voxels::all());
    for interpolation in [Interpolation::Linear, Interpolation::Nearest] {
        let options = TemplateOptions::default()
            .interpolation(interpolation)
            .fsaverage_in([average.path()])
            .hemi(Hemi::Right);
        let to =
            |space| subject.to_template(row(&values), &Voxels::all(), space, &options).unwrap();
        let TemplateValues::Surface(direct) = to(TemplateSpace::Fsaverage) else { panic!() };
        let TemplateValues::Surface(native) = to(TemplateSpace::Fsnative) else { panic!() };
        let native = native[&Hemisphere::Right].view();
        let steps = subject.surface_to_template(native, Hemisphere::Right, &options).unwrap();
        let steps: Vec<f64> = steps.iter().map(|value| f64::from(*value)).collect();
        check_close(direct[&Hemisphere::Right].as_slice().unwrap(), &steps);
    }
}

#[test]
fn fsaverage_is_found_in_the_dataset_in_folders_and_nowhere_else() {
    let bucket = Bucket::temporary().unwrap();
    let average = tempfile::tempdir().unwrap();
    let subject = opened(&bucket, SUBJECT);
    let options = TemplateOptions::default();
    let find = |directory: Option<&Path>| {
        let options = options.clone().fsaverage_in(directory);
        subject.sphere_projection(Hemisphere::Left, &options).map(|found| found.n_vertices())
    };
    let error = find(Some(average.path())).unwrap_err();
    assert!(
        matches!(template_error(&error), TemplateError::NoFsaverage { hemisphere: Hemisphere::Left, looked_in, .. }
            if *looked_in == [bucket.path("derivatives/freesurfer/"), average.path().to_owned()]),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::NotThere);
    // TemplateFlow has an empty file for what it has not fetched.
    let skeleton = average.path().join("tpl-fsaverage");
    std::fs::create_dir(&skeleton).unwrap();
    std::fs::write(skeleton.join("tpl-fsaverage_hemi-L_den-10k_sphere.surf.gii"), "").unwrap();
    let error = find(Some(average.path())).unwrap_err();
    assert!(matches!(template_error(&error), TemplateError::NoFsaverage { .. }), "{error}");
    bucket::write_fsaverage(average.path()).unwrap();
    assert_eq!(find(Some(average.path())).unwrap(), 10_242);
    assert_eq!(find(Some(&average.path().join("fsaverage5"))).unwrap(), 10_242);
    // A finer one is taken apart; a coarser one is refused.
    std::fs::rename(average.path().join("fsaverage5"), average.path().join("fsaverage")).unwrap();
    assert_eq!(find(Some(average.path())).unwrap(), 10_242);
    let finer = options.clone().fsaverage_in([average.path()]).density("41k".parse().unwrap());
    let error = subject.sphere_projection(Hemisphere::Left, &finer).unwrap_err();
    assert!(
        matches!(
            template_error(&error),
            TemplateError::Coarse { expected: 40_962, got: 10_242, .. }
        ),
        "{error}"
    );
    // In the tree of the dataset.
    bucket::write_fsaverage(&bucket.path("derivatives/freesurfer")).unwrap();
    assert_eq!(find(None).unwrap(), 10_242);
}

#[test]
fn mni305_follows_the_linear_transform() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, SUBJECT);
    let (values, value) = sample(&subject, &Voxels::all());
    let projection =
        subject.volume_to_template(&Voxels::all(), &TemplateOptions::default()).unwrap();
    assert_eq!(projection.n_sources(), values.len());
    // Both transforms are the same, but for the digits of one of them.
    assert!(projection.transforms_apart().unwrap() < 0.01);
    let grid = *projection.grid();
    assert_eq!(grid.shape(), [44, 48, 40]);
    assert_eq!(
        grid.affine().rows(),
        [[-1.0, 0.0, 0.0, 22.0], [0.0, 0.0, 1.0, -20.0], [0.0, -1.0, 0.0, 24.0]]
    );
    let volume = projection.project_row(&values).unwrap();
    let m = nalgebra::Matrix3::from_fn(|row, column| bucket::TALAIRACH[row][column]);
    let shift = nalgebra::Vector3::from_fn(|row, _| bucket::TALAIRACH[row][3]);
    let inverse = m.try_inverse().unwrap();
    let (mut filled, mut close) = (0, 0);
    for (index, got) in volume.iter().enumerate() {
        let voxel = grid.voxel(index).unwrap().map(|n| n as f64);
        let world = inverse * (nalgebra::Vector3::from(grid.affine().apply(voxel)) - shift);
        let zoom = f64::from(BETA_GRID.zoom);
        let position: [f64; 3] = std::array::from_fn(|axis| {
            let sign = if axis == 0 { -1.0 } else { 1.0 };
            sign * (world[axis] - f64::from(BETA_GRID.origin[axis])) / zoom
        });
        // A rounding of a half may go either way.
        if position.iter().any(|it| (it - it.floor() - 0.5).abs() < 1e-6) {
            close += 1;
            continue;
        }
        let rounded = position.map(f64::round);
        let is_inside =
            (0..3).all(|axis| (0.0..=BETA_GRID.shape[axis] as f64 - 1.0).contains(&rounded[axis]));
        let expected = if is_inside { value(rounded.map(|it| it as usize)) } else { 0.0 };
        assert_eq!(f64::from(*got), expected, "{voxel:?}");
        filled += usize::from(expected != 0.0);
    }
    assert!(filled > 4000 && close < 100, "{filled}, {close}");
    // Some voxels alone: the others are 0.
    let face = Voxels::roi("face");
    let some = subject.volume_projection(&face, &TemplateOptions::default()).unwrap();
    let ones = some.project_row(&vec![1.0; some.n_sources()]).unwrap();
    let n_voxels = ones.iter().filter(|value| **value == 1.0).count();
    assert!(n_voxels > some.n_sources() && ones.iter().all(|value| [0.0, 1.0].contains(value)));
}

#[test]
fn rows_become_volumes_of_a_file() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, SUBJECT);
    let (values, _) = sample(&subject, &Voxels::all());
    let options = TemplateOptions::default().interpolation(Interpolation::Linear);
    let projection = subject.volume_projection(&Voxels::all(), &options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mni.nii.gz");
    let write = |n_rows: Option<usize>| {
        projection.write_nifti(&path, n_rows, |put| {
            for factor in 0..n_rows.unwrap_or(1) {
                put(&values.iter().map(|it| it * (factor + 1) as f32).collect::<Vec<_>>())?;
            }
            Ok::<(), Error>(())
        })
    };
    write(None).unwrap();
    let image = laion_fmri::nifti_stream::fs::read_volume(&path).unwrap();
    assert_eq!(image.grid(), projection.grid());
    assert_eq!(image.data(), projection.project_row(&values).unwrap());
    write(Some(2)).unwrap();
    let header = laion_fmri::nifti_stream::fs::read_header(&path).unwrap();
    assert_eq!(header.shape(), [44, 48, 40, 2]);
    let short = projection.write_nifti(&path, None, |put| put(&[1.0]));
    assert!(matches!(short, Err(Error::ValuesLength { got: 1, .. })));
}

#[test]
fn regions_on_surfaces_become_voxels() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, SUBJECT);
    let mst = &subject.roi_data("MST", RoiFormat::FuncGii, Hemi::Both).unwrap()["MST"];
    let region = mst.left.as_ref().and_then(|surface| surface.mask.clone()).unwrap();
    assert!(region.contains(&true));
    let regions = [(Hemisphere::Left, region.clone())].into();
    let source = MaskSource::Anatomical;
    let options = TemplateOptions::default();
    let voxels = subject.surface_to_voxels(&regions, source, &options).unwrap();
    let mut expected: Vec<usize> = Vec::new();
    for vertex in (0..region.len()).filter(|vertex| region[*vertex]) {
        for depth in [0.0, 0.25, 0.5, 0.75, 1.0] {
            let voxel = position(Hemisphere::Left, depth, vertex).map(|it| it.round() as usize);
            if bucket::in_anatomical_mask(SUBJECT, voxel) {
                expected.push(BETA_GRID.flat(voxel));
            }
        }
    }
    expected.sort_unstable();
    expected.dedup();
    assert!(!expected.is_empty());
    assert_eq!(voxels.indices(), expected);
    let short = [(Hemisphere::Right, vec![true; 3])].into();
    let error = subject.surface_to_voxels(&short, source, &options).unwrap_err();
    assert!(
        matches!(template_error(&error), TemplateError::VertexValues { expected: 54, got: 3, .. }),
        "{error}"
    );
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let bucket = Bucket::temporary().unwrap();
    let of = |file: &str| bucket.path(&format!("derivatives/freesurfer/sub-01/{file}"));
    let subject = opened(&bucket, SUBJECT);
    let project = |surface: CorticalSurface| {
        let options = TemplateOptions::default().surface(surface);
        let (voxels, space) = (Voxels::all(), SurfaceSpace::Fsnative);
        subject.projection(&voxels, space, Hemisphere::Left, &options).map(|it| it.n_vertices())
    };
    // The surface of the other hemisphere has fewer vertices.
    let pial = std::fs::read(of("surf/lh.pial")).unwrap();
    std::fs::copy(of("surf/rh.pial"), of("surf/lh.pial")).unwrap();
    let error = project(CorticalSurface::Mid).unwrap_err();
    assert!(
        matches!(&error, Error::VertexMismatch { expected: 60, got: 54, path, .. } if path.ends_with("lh.pial")),
        "{error}"
    );
    std::fs::write(of("surf/lh.pial"), &pial).unwrap();
    assert_eq!(project(CorticalSurface::Mid).unwrap(), 60);
    // A surface that says it was made from a volume elsewhere.
    let elsewhere = replaced(&pial, "cras   = 0.5", "cras   = 7.5");
    std::fs::write(of("surf/lh.pial"), elsewhere).unwrap();
    let error = project(CorticalSurface::Pial).unwrap_err();
    assert!(
        matches!(template_error(&error), TemplateError::OtherVolume { difference, path, reference } if (difference - 7.0).abs() < 1e-6
            && path.ends_with("lh.pial") && reference.ends_with("orig.mgz")),
        "{error}"
    );
    assert_eq!(error.kind(), ErrorKind::Integrity);
    // Without a word about its place, that of the volume holds; without a volume it is nowhere.
    let end = pial.windows(5).position(|bytes| bytes == b"valid").unwrap() - 12;
    std::fs::write(of("surf/lh.pial"), &pial[..end]).unwrap();
    assert_eq!(project(CorticalSurface::Pial).unwrap(), 60);
    for volume in ["orig", "brain"] {
        std::fs::remove_file(of(&format!("mri/{volume}.mgz"))).unwrap();
    }
    let error = project(CorticalSurface::Pial).unwrap_err();
    assert!(matches!(template_error(&error), TemplateError::NoPlace { .. }), "{error}");
    // A surface far away from the grid.
    std::fs::write(of("surf/lh.pial"), replaced(&pial, "cras   = 0.5", "cras   = 900.5")).unwrap();
    let error = project(CorticalSurface::Pial).unwrap_err();
    assert!(matches!(template_error(&error), TemplateError::OffGrid { .. }), "{error}");
    // A damaged one, and none.
    std::fs::write(of("surf/lh.pial"), &pial[..200]).unwrap();
    let error = project(CorticalSurface::Pial).unwrap_err();
    assert!(matches!(template_error(&error), TemplateError::File(_)), "{error}");
    assert_eq!(error.kind(), ErrorKind::Integrity);
    std::fs::remove_file(of("surf/lh.pial")).unwrap();
    let error = project(CorticalSurface::Pial).unwrap_err();
    assert!(
        matches!(&error, Error::DataNotDownloaded { what, fetch, .. } if what == "the FreeSurfer file lh.pial of sub-01" && fetch.include_freesurfer),
        "{error}"
    );
}

#[test]
fn transforms_that_cannot_be_used_are_refused() {
    let bucket = Bucket::temporary().unwrap();
    let of = |file: &str| {
        bucket.path(&format!("derivatives/freesurfer/sub-01/mri/transforms/talairach.{file}"))
    };
    let subject = opened(&bucket, SUBJECT);
    let project = || subject.volume_projection(&Voxels::all(), &TemplateOptions::default());
    let lta = std::fs::read(of("lta")).unwrap();
    // Of another kind.
    std::fs::write(of("lta"), replaced(&lta, "type      = 0", "type      = 14")).unwrap();
    let error = project().unwrap_err();
    assert!(matches!(template_error(&error), TemplateError::File(_)), "{error}");
    assert_eq!(error.kind(), ErrorKind::Integrity);
    // From another volume.
    std::fs::write(of("lta"), replaced(&lta, "cras   = 0.5", "cras   = 3.5")).unwrap();
    let error = project().unwrap_err();
    assert!(
        matches!(template_error(&error), TemplateError::OtherVolume { difference, .. } if (difference - 3.0).abs() < 1e-6),
        "{error}"
    );
    // Between coordinates, without the place of the template.
    let text = String::from_utf8(replaced(&lta, "type      = 0", "type      = 1")).unwrap();
    let cut = text.find("dst volume info").unwrap();
    std::fs::write(of("lta"), &text[..cut]).unwrap();
    let error = project().unwrap_err();
    assert!(matches!(template_error(&error), TemplateError::NoDestination { .. }), "{error}");
    std::fs::write(of("lta"), &lta).unwrap();
    // Another transform is only a note, and none says nothing.
    let xfm = std::fs::read(of("xfm")).unwrap();
    std::fs::write(of("xfm"), replaced(&xfm, "0.500000", "5.500000")).unwrap();
    let apart = project().unwrap().transforms_apart().unwrap();
    assert!((apart - 5.0).abs() < 0.01, "{apart}");
    std::fs::remove_file(of("xfm")).unwrap();
    assert_eq!(project().unwrap().transforms_apart(), None);
}

/// Some bytes with the first text replaced by another.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
}
