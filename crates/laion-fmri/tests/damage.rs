//! Files that are missing, damaged or do not fit: typed errors, never wrong numbers.

use std::error::Error as _;
use std::fs;
use std::io::Read as _;

use fixtures::Bucket;
use laion_fmri::{Error, ErrorKind, MaskSource, StimulusSet, TrialTableError, layout};

use crate::{assert_same, opened};

fn key(kind: fn(&laion_fmri::SubjectId, &laion_fmri::SessionId) -> String) -> String {
    kind(&"sub-01".parse().unwrap(), &"ses-01".parse().unwrap())
}

#[test]
fn betas_cut_anywhere_are_refused() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let path = bucket.path(&key(layout::betas));
    let whole = fs::read(&path).unwrap();
    for part in 0..64 {
        fs::write(&path, &whole[..whole.len() * part / 64]).unwrap();
        let error = subject.betas().session("ses-01").roi("FFA1").load().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{part}/64: {error}");
        assert!(error.to_string().contains("ses-01_task-images"), "{error}");
        assert!(error.source().is_some() || !error.to_string().is_empty());
    }
}

#[test]
fn a_file_that_was_unpacked_is_read_in_the_place_of_the_packed_one() {
    let bucket = Bucket::temporary().unwrap();
    let read = || {
        let subject = opened(&bucket, "sub-01");
        let ffa1 = subject.roi_mask("FFA1", MaskSource::Anatomical).unwrap();
        (
            ffa1,
            subject.rois(None).unwrap(),
            subject.betas().session("ses-01").roi("FFA1").load().unwrap(),
        )
    };
    let (mask, rois, betas) = read();
    let roi = "derivatives/rois/sub-01/face/sub-01_space-T1w_res-1pt8_label-FFA-1_mask.nii.gz";
    for packed in [bucket.path(&key(layout::betas)), bucket.path(roi)] {
        let mut plain = Vec::new();
        let bytes = fs::read(&packed).unwrap();
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
        fs::write(packed.with_extension(""), plain).unwrap();
        fs::remove_file(&packed).unwrap();
    }
    let (mask_again, rois_again, again) = read();
    assert_eq!((mask_again, rois_again), (mask, rois));
    assert_same(again.as_slice().unwrap(), betas.as_slice().unwrap(), "unpacked");
    // With both, the packed one counts, as it is the name of the bucket.
    fs::write(bucket.path(roi), b"damaged").unwrap();
    let error = opened(&bucket, "sub-01").roi_mask("FFA1", MaskSource::Anatomical).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
}

#[test]
fn a_slope_without_an_intercept_is_refused() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let path = bucket.path(&key(layout::betas));
    let mut plain = Vec::new();
    let packed = fs::read(&path).unwrap();
    flate2::read::MultiGzDecoder::new(&packed[..]).read_to_end(&mut plain).unwrap();
    for (slope, inter, is_read) in [
        (0.01_f32, f32::NAN, false),
        (1.0, f32::INFINITY, false),
        (f32::NAN, f32::NAN, true),
        (0.0, f32::NAN, true),
    ] {
        // scl_slope and scl_inter of NIfTI-1.
        plain[112..116].copy_from_slice(&slope.to_le_bytes());
        plain[116..120].copy_from_slice(&inter.to_le_bytes());
        fs::write(&path, &plain).unwrap();
        match subject.betas().session("ses-01").roi("FFA1").load() {
            Ok(_) => assert!(is_read, "{slope} {inter}"),
            Err(error) => {
                assert!(!is_read, "{slope} {inter}: {error}");
                assert_eq!(error.kind(), ErrorKind::Integrity);
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_noticed() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let path = bucket.path(&key(layout::betas));
    let whole = fs::read(&path).unwrap();
    for part in 1..16 {
        let mut damaged = whole.clone();
        damaged[whole.len() * part / 16] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        let error = subject.betas().session("ses-01").load().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{part}/16: {error}");
    }
}

#[test]
fn a_trial_too_few_or_too_many_is_refused_before_reading() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let path = bucket.path(&key(layout::trials));
    let table = fs::read_to_string(&path).unwrap();
    let volumes = table.lines().count() - 1;
    fs::write(&path, format!("{table}ses-01\t4\t{volumes}\tone_more.jpg\n")).unwrap();
    let error = subject.betas().session("ses-01").load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(matches!(error, Error::TrialCountMismatch { volumes: v, rows, trials, .. }
        if v == volumes && rows == volumes + 1 && trials == path));
    fs::remove_file(&path).unwrap();
    assert_eq!(subject.betas().session("ses-01").roi("FFA1").load().unwrap().nrows(), volumes);
}

#[test]
fn a_table_without_label_is_refused_where_images_are_needed() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let table = bucket.path(&key(layout::trials));
    let rows = "\nses-01\t1".repeat(subject.trials("ses-01").unwrap().len());
    fs::write(&table, format!("session\trun{rows}\n")).unwrap();
    let betas = subject.betas().session("ses-01").roi("FFA1");
    assert_eq!(betas.load().unwrap().nrows(), subject.trials("ses-01").unwrap().len());
    let error = betas.stimuli(StimulusSet::Shared).load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(
        matches!(error, Error::TrialTable { path, source: TrialTableError::MissingLabel { got } }
        if path == table && got == ["session", "run"])
    );
}

#[test]
fn a_beta_index_decides_which_row_is_which_volume() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let table = bucket.path(&key(layout::trials));
    let text = fs::read_to_string(&table).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let expected = subject.trials("ses-01").unwrap();
    let request = subject.betas().session("ses-01").roi("FFA1").stimuli(StimulusSet::Shared);
    let betas = request.load().unwrap();
    // The rows backwards are the same table.
    let backwards: Vec<&str> = rows.lines().rev().collect();
    fs::write(&table, format!("{header}\n{}\n", backwards.join("\n"))).unwrap();
    assert_eq!(subject.trials("ses-01").unwrap(), expected);
    let again = request.load().unwrap();
    assert_same(again.as_slice().unwrap(), betas.as_slice().unwrap(), "sorted");
    // A row that stands for the volume of another one joins nothing.
    let row = backwards.iter().position(|row| row.split('\t').nth(2) == Some("0")).unwrap();
    let twice = backwards.join("\n").replacen("\t1\t0\t", "\t1\t1\t", 1);
    fs::write(&table, format!("{header}\n{twice}\n")).unwrap();
    let error = request.load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(
        matches!(&error, Error::TrialTable { path, source: TrialTableError::BetaIndex { row: got, expected, got: value } }
            if *path == table && *got == row && *expected == row && value == "1"),
        "{error:?}"
    );
}

#[test]
fn grids_that_differ_are_named() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    // An ROI volume of the localizer grid in the place of one of the functional grid.
    let rois = bucket.path("derivatives/rois/sub-01/face");
    let ffa1 = rois.join("sub-01_space-T1w_res-1pt8_label-FFA-1_mask.nii.gz");
    fs::copy(rois.join("sub-01_space-T1w_res-1pt5_label-FFA-1_mask.nii.gz"), &ffa1).unwrap();
    let error = subject.roi_mask("FFA1", MaskSource::Anatomical).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(matches!(&error, Error::GridMismatch { path, reference, .. }
        if *path == ffa1 && reference.ends_with("sub-01_ses-PrismaAnat_space-T1w_res-1pt8_desc-brain_mask.nii.gz")));
    assert!(error.source().is_some());
}

#[test]
fn a_volume_in_the_place_of_betas_is_refused() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let betas = bucket.path(&key(layout::betas));
    let r2 = bucket.path(&layout::r2mean(subject.id()));
    fs::copy(r2, &betas).unwrap();
    let error = subject.betas().session("ses-01").load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    let Error::Nifti(error) = error else { panic!("{error:?}") };
    assert!(matches!(
        error.innermost(),
        laion_fmri::nifti_stream::Error::NotFourDimensional { .. }
    ));
}

#[test]
fn text_in_the_place_of_a_mask_is_refused() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let mask = bucket.path(&layout::anatomical_brain_mask(subject.id(), Some("1pt8")));
    fs::write(&mask, "<html>not found</html>").unwrap();
    let error = subject.n_voxels(MaskSource::Anatomical).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error:?}");
}
