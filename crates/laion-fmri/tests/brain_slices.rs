//! What slices of the brain are drawn from.

use fixtures::Bucket;
use laion_fmri::figure::{BrainSlices, ColorMap, ColorScale};
use laion_fmri::{Error, MaskSource, NoiseCeiling, Resolution, Voxels};

use crate::{assert_same, opened};

#[test]
fn values_lie_in_their_voxels_and_nowhere_else() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-03");
    let face = Voxels::roi("face");
    let ceiling = subject.noise_ceiling(&NoiseCeiling::session("01").unwrap(), &face).unwrap();
    let slices = subject.brain_slices(&ceiling, &face).unwrap();
    let mask = face.resolve(&subject).unwrap();
    let mut expected = vec![f32::NAN; mask.brain().grid().n_voxels()];
    for (index, value) in mask.indices().iter().zip(&ceiling) {
        expected[*index] = *value;
    }
    assert_same(slices.values(), &expected, "values");
    assert_eq!(slices.anatomy(), Some(subject.t1w(Resolution::Func1pt8).unwrap().as_path()));
    let error = subject.brain_slices(&ceiling, &Voxels::all()).unwrap_err();
    let (n_face, n_brain) = (ceiling.len(), subject.n_voxels(MaskSource::Anatomical).unwrap());
    assert!(
        matches!(error, Error::ValuesLength { expected, got } if (expected, got) == (n_brain, n_face)),
        "{error:?}"
    );
}

#[test]
fn slices_go_through_the_region() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-03");
    let brain = Voxels::all();
    let fit = subject.mean_r2(&brain).unwrap();
    let region = Voxels::roi("FFA1").resolve(&subject).unwrap();
    let slices = subject.brain_slices(&fit, &brain).unwrap();
    let n_slices = |slices: &BrainSlices| {
        let scale = ColorScale::new(ColorMap::Viridis, 0.0, 100.0).unwrap();
        slices.figure(scale).slices(1000).layers().unwrap()
    };
    let all = n_slices(&slices);
    assert!(all.region.is_none());
    let outlined = n_slices(&slices.clone().with_region(&region, "FFA1").unwrap());
    let (few, many) = (outlined.mosaic.slices(), all.mosaic.slices());
    assert!(few.len() < many.len(), "{} {}", few.len(), many.len());
    // Every slice of the region, and no other one.
    let grid = region.brain().grid();
    let mut planes: Vec<usize> =
        region.indices().iter().map(|index| grid.voxel(*index).unwrap()[2]).collect();
    planes.sort_unstable();
    let mut drawn: Vec<usize> = few.iter().map(|slice| slice.index).collect();
    drawn.sort_unstable();
    assert_eq!((drawn.first(), drawn.last()), (planes.first(), planes.last()));
    assert!(outlined.region.unwrap().iter().any(|inside| *inside));
    // A region of another brain mask does not fit.
    let other = Voxels::roi("FFA1").mask_source(MaskSource::Rsquare).resolve(&subject).unwrap();
    let error = slices.with_region(&other, "FFA1").unwrap_err();
    assert!(matches!(error, Error::MaskAxis { .. }), "{error:?}");
}

#[test]
fn the_strongest_voxel_is_the_furthest_from_zero() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-03");
    let brain = Voxels::all();
    let mask = brain.resolve(&subject).unwrap();
    let mut values = vec![0.5; mask.n_voxels()];
    (values[3], values[7], values[9]) = (f32::NAN, -4.0, f32::INFINITY);
    let slices = subject.brain_slices(values.as_slice(), &brain).unwrap();
    let extent = slices.strongest().unwrap();
    let voxel = mask.brain().grid().voxel(mask.indices()[7]).unwrap();
    assert_eq!([0, 1, 2].map(|axis| extent.along(axis)), voxel.map(|index| index..index + 1));
    let figure = slices.figure(slices.fitting(ColorMap::BlueRed)).through(extent);
    let layers = figure.layers().unwrap();
    assert_eq!(layers.mosaic.slices().len(), 1);
    assert!(layers.values.iter().any(|value| *value == -4.0));
    values.fill(f32::NAN);
    assert_eq!(subject.brain_slices(values.as_slice(), &brain).unwrap().strongest(), None);
}

#[test]
fn the_finer_image_is_taken_where_the_other_is_missing_and_a_damaged_one_is_named() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-03");
    let brain = Voxels::all();
    let fit = subject.mean_r2(&brain).unwrap();
    let greys = || {
        let slices = subject.brain_slices(&fit, &brain).unwrap();
        let scale = slices.fitting(ColorMap::Viridis);
        (slices.figure(scale).layers().unwrap().background, slices.anatomy().map(ToOwned::to_owned))
    };
    std::fs::remove_file(subject.t1w(Resolution::Func1pt8).unwrap()).unwrap();
    let full = subject.t1w(Resolution::Full).unwrap();
    let (background, path) = greys();
    assert_eq!(path.as_ref(), Some(&full));
    assert!(background.iter().any(|grey| *grey > 0));
    std::fs::write(&full, b"no image").unwrap();
    let error = subject.brain_slices(&fit, &brain).unwrap_err();
    assert!(matches!(error, Error::Nifti(_)), "{error:?}");
    std::fs::remove_file(&full).unwrap();
    let (background, path) = greys();
    assert_eq!(path, None);
    assert!(background.iter().all(|grey| matches!(grey, 0 | 88)));
    assert!(background.iter().any(|grey| *grey == 88));
}
