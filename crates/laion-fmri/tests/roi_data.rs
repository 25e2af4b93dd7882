//! ROIs as volumes, surface masks and vertex lists.

use crate::{download, fetch};
use laion_fmri::FilterField;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fixtures::Bucket;
use fixtures::bucket::{self, Roi};
use laion_fmri::surface::GiftiError;
use laion_fmri::surface::fs::{ReadGiftiError, ReadLabelError};
use laion_fmri::{
    Contradiction, Dataset, Error, ErrorKind, Hemi, Hemisphere, MaskSource, RoiData, RoiFormat,
    Subject,
};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::opened;

fn of_fixture(hemisphere: Hemisphere) -> bucket::Hemisphere {
    match hemisphere {
        Hemisphere::Left => bucket::Hemisphere::Left,
        Hemisphere::Right => bucket::Hemisphere::Right,
    }
}

/// Compares both surface forms of a hemisphere with the formulas of the bucket.
fn check_surface(data: &RoiData, roi: &Roi, hemisphere: Hemisphere) {
    let side = of_fixture(hemisphere);
    let surface = data.surface(hemisphere).unwrap();
    let expected: Vec<bool> =
        (0..side.vertices(roi.subject)).map(|vertex| roi.contains_vertex(side, vertex)).collect();
    assert_eq!(surface.mask.as_ref().unwrap(), &expected, "{roi:?}");
    let vertices = surface.vertices.as_ref().unwrap().iter().map(|vertex| *vertex as usize);
    assert_eq!(vertices.collect::<Vec<_>>(), roi.vertices(side), "{roi:?}");
}

fn surface_path(bucket: &Bucket, label: &str, rest: &str) -> PathBuf {
    let roi = Roi::of("sub-01", &label.replace('-', "")).unwrap();
    bucket.path(&format!(
        "derivatives/rois/sub-01/{}/sub-01_{}_label-{label}_mask.{}",
        roi.category,
        rest.split_once('.').unwrap().0,
        rest.split_once('.').unwrap().1
    ))
}

#[test]
fn every_form_of_a_roi_is_what_the_bucket_says() {
    let bucket = Bucket::temporary().unwrap();
    for id in ["sub-01", "sub-03"] {
        let subject = opened(&bucket, id);
        for roi in bucket::rois(id).into_iter().filter(|roi| roi.has_surface) {
            let data = subject.roi_data(roi.label().as_str(), RoiFormat::All, Hemi::Both).unwrap();
            let data = &data[&roi.label()];
            for hemisphere in Hemisphere::ALL {
                check_surface(data, &roi, *hemisphere);
            }
            assert_eq!(data.volume.is_some(), roi.has_volume, "{roi:?}");
            if let Some(volume) = &data.volume {
                let mask = subject.roi_mask(roi.label().as_str(), MaskSource::Anatomical).unwrap();
                assert_eq!(volume, &mask);
            }
        }
    }
}

#[test]
fn format_and_hemisphere_prune() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    // What is there: volume, left mask, left label, right mask, right label.
    let shape = |format, hemi| {
        let data = subject.roi_data("FFA1", format, hemi).unwrap();
        assert_eq!(data.keys().collect::<Vec<_>>(), ["FFA1"]);
        let roi = &data["FFA1"];
        let mask = |hemisphere| roi.surface(hemisphere).is_some_and(|s| s.mask.is_some());
        let label = |hemisphere| roi.surface(hemisphere).is_some_and(|s| s.vertices.is_some());
        let (left, right) = (Hemisphere::Left, Hemisphere::Right);
        [roi.volume.is_some(), mask(left), label(left), mask(right), label(right)].map(u8::from)
    };
    assert_eq!(shape(RoiFormat::All, Hemi::Both), [1, 1, 1, 1, 1]);
    assert_eq!(shape(RoiFormat::All, Hemi::Right), [1, 0, 0, 1, 1]);
    assert_eq!(shape(RoiFormat::Volume, Hemi::Both), [1, 0, 0, 0, 0]);
    assert_eq!(shape(RoiFormat::Gii, Hemi::Both), [0, 1, 1, 1, 1]);
    assert_eq!(shape(RoiFormat::Gii, Hemi::Left), [0, 1, 1, 0, 0]);
    assert_eq!(shape(RoiFormat::FuncGii, Hemi::Right), [0, 0, 0, 1, 0]);
    assert_eq!(shape(RoiFormat::Label, Hemi::Both), [0, 0, 1, 0, 1]);
}

#[test]
fn names_follow_the_query_and_both_spellings_are_found() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let names = |query: &[&str], format| -> Vec<String> {
        subject.roi_data(query, format, Hemi::Both).unwrap().into_keys().collect()
    };
    assert_eq!(names(&["V1v", "FFA-1", "V1v"], RoiFormat::Label), ["V1v", "FFA1"]);
    assert_eq!(names(&["face"], RoiFormat::FuncGii), ["FFA1", "pSTSfaces"]);
    assert_eq!(names(&["face"], RoiFormat::All), ["FFA1", "FFA2", "OFA", "pSTSfaces"]);
    assert_eq!(names(&["all"], RoiFormat::Gii), ["FFA1", "pSTSfaces", "MST", "V1v"]);
    assert_eq!(names(&["V1v | face"], RoiFormat::Label), ["V1v", "FFA1", "pSTSfaces"]);
    assert!(names(&[], RoiFormat::All).is_empty());
    for expression in ["face - FFA1", "face & laion"] {
        let error = subject.roi_data(expression, RoiFormat::All, Hemi::Both).unwrap_err();
        assert!(
            matches!(&error, Error::Contradiction(Contradiction::NotAUnion { query }) if query == expression),
            "{error:?}"
        );
    }

    // The same ROIs under the names that a download gives them.
    let here = tempfile::tempdir().unwrap();
    copy_dehyphenated(bucket.root(), here.path());
    let renamed = Dataset::open(here.path()).unwrap().subject("sub-01").unwrap();
    for query in ["FFA1", "pSTS-faces", "motion"] {
        assert_eq!(
            renamed.roi_data(query, RoiFormat::All, Hemi::Both).unwrap(),
            renamed_brain(&subject, &renamed, query),
        );
    }
}

/// What `subject` reads, with the volumes over the brain mask of `other`.
fn renamed_brain(
    subject: &Subject,
    other: &Subject,
    query: &str,
) -> indexmap::IndexMap<String, RoiData> {
    let mut data = subject.roi_data(query, RoiFormat::All, Hemi::Both).unwrap();
    for (name, roi) in &mut data {
        if let Some(volume) = &mut roi.volume {
            let same = other.roi_mask(name.as_str(), MaskSource::Anatomical).unwrap();
            assert_eq!(same.as_slice(), volume.as_slice());
            *volume = same;
        }
    }
    data
}

fn copy_dehyphenated(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if name != "sub-03" && name != "stimuli" {
                std::fs::create_dir(to.join(&name)).unwrap();
                copy_dehyphenated(&path, &to.join(name));
            }
        } else {
            std::fs::copy(&path, to.join(&*laion_fmri::bids::dehyphenate_labels(&name))).unwrap();
        }
    }
}

#[test]
fn rois_that_are_surfaces_alone_are_found_for_surface_formats_alone() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    assert!(!subject.rois(None).unwrap().contains(&"MST".to_owned()));
    let mst = subject.roi_data("MST", RoiFormat::Label, Hemi::Both).unwrap();
    assert!(mst["MST"].volume.is_none());
    let error = subject.roi_data("MST", RoiFormat::Volume, Hemi::Both).unwrap_err();
    assert!(
        matches!(&error, Error::UnknownRoi { got, rois, .. } if got == "MST" && !rois.contains(got))
    );
    let error = subject.roi_data("MXT", RoiFormat::Gii, Hemi::Both).unwrap_err();
    assert!(
        matches!(&error, Error::UnknownRoi { got, rois, .. } if got == "MXT" && rois.contains(&"MST".to_owned()))
    );
}

#[test]
fn volumes_lie_on_the_chosen_brain_mask() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    for source in [MaskSource::Anatomical, MaskSource::Rsquare] {
        let data = subject.roi_data_on("OFA", RoiFormat::Volume, Hemi::Both, source).unwrap();
        let volume = data["OFA"].volume.as_ref().unwrap();
        assert_eq!(volume, &subject.roi_mask("OFA", source).unwrap());
        assert_eq!(volume.as_slice().len(), subject.n_voxels(source).unwrap());
    }
}

#[test]
fn surfaces_need_no_volume_on_disk() {
    let bucket = Bucket::temporary().unwrap();
    std::fs::remove_dir_all(bucket.path("derivatives/anatomical")).unwrap();
    for entry in std::fs::read_dir(bucket.path("derivatives/rois/sub-01/face")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_str().unwrap().ends_with(".nii.gz") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let subject = opened(&bucket, "sub-01");
    let data = subject.roi_data("FFA1", RoiFormat::All, Hemi::Both).unwrap();
    let roi = Roi::of("sub-01", "FFA1").unwrap();
    assert!(data["FFA1"].volume.is_none());
    check_surface(&data["FFA1"], &roi, Hemisphere::Right);
}

#[test]
fn what_is_not_on_disk_is_named_with_the_download_that_brings_it() {
    let bucket = Bucket::temporary().unwrap();
    let missing = surface_path(&bucket, "FFA-1", "hemi-R_space-fsnative.label");
    std::fs::remove_file(&missing).unwrap();
    let subject = opened(&bucket, "sub-01");
    let error = subject.roi_data("FFA1", RoiFormat::Gii, Hemi::Both).unwrap_err();
    let Error::DataNotDownloaded { what, path, .. } = &error else { panic!("{error:?}") };
    assert_eq!(what, "the label of sub-01 FFA1 on hemisphere R");
    assert_eq!(path, &PathBuf::from(missing.to_str().unwrap().replace("FFA-1", "FFA1")));
    let expected = |extensions| {
        let mask: &[&str] = &["mask"];
        download("sub-01", &[(FilterField::Suffix, mask), (FilterField::Extension, extensions)])
    };
    assert_eq!(fetch(&error), expected(&["func.gii", "label"]));
    assert_eq!(error.kind(), ErrorKind::NotThere);
    assert!(subject.roi_data("FFA1", RoiFormat::Gii, Hemi::Left).is_ok());
    assert!(subject.roi_data("FFA1", RoiFormat::All, Hemi::Both).unwrap()["FFA1"].right.is_some());

    // A named ROI without any surface, and a category without any.
    for (query, what) in [
        ("EBA", "the surface mask of sub-01 EBA on hemisphere L"),
        ("body", "any ROI of sub-01 as func.gii"),
    ] {
        let error = subject.roi_data(query, RoiFormat::FuncGii, Hemi::Left).unwrap_err();
        assert!(
            matches!(&error, Error::DataNotDownloaded { what: got, .. } if got == what),
            "{error:?}"
        );
        assert_eq!(fetch(&error), expected(&["func.gii"]));
    }
    std::fs::remove_dir_all(bucket.path("derivatives/rois/sub-01")).unwrap();
    let error = subject.roi_data("FFA1", RoiFormat::Label, Hemi::Left).unwrap_err();
    assert!(
        matches!(&error, Error::DataNotDownloaded { what, .. } if what == "any ROI of sub-01"),
        "{error:?}"
    );
    assert_eq!(fetch(&error), expected(&["label"]));
}

#[test]
fn damaged_and_unfitting_files_are_refused() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let read = |format| subject.roi_data("FFA1", format, Hemi::Left).unwrap_err();

    let label = surface_path(&bucket, "FFA-1", "hemi-L_space-fsnative.label");
    std::fs::write(&label, "#!ascii label\n1\n60 0 0 0 0\n").unwrap();
    let mask = surface_path(&bucket, "FFA-1", "hemi-L_space-fsnative.func.gii");
    let error = read(RoiFormat::Gii);
    assert!(
        matches!(&error, Error::VertexMismatch { path, reference, expected: 60, got: 61, at_least: true } if *path == label && *reference == mask),
        "{error:?}"
    );
    assert!(error.to_string().ends_with("expected 60 vertices, got 61 or more"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(subject.roi_data("FFA1", RoiFormat::Label, Hemi::Left).is_ok(), "alone it is fine");

    std::fs::write(&label, "#!ascii label\n2\n60 0 0 0 0\n").unwrap();
    let error = read(RoiFormat::Label);
    assert!(
        matches!(&error, Error::Label(ReadLabelError::Read { path, .. }) if *path == label),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::Integrity);

    std::fs::write(&mask, "<GIFTI/>").unwrap();
    let error = read(RoiFormat::FuncGii);
    assert!(
        matches!(&error, Error::Gifti(ReadGiftiError::Read { path, source: GiftiError::NoDataArray }) if *path == mask),
        "{error:?}"
    );
    assert_eq!(error.kind(), ErrorKind::Integrity);
}

#[test]
fn a_roi_in_two_categories_is_the_union_of_both() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let other = bucket.path("derivatives/rois/sub-01/motion");
    let name = "sub-01_hemi-L_space-fsnative_label-FFA1_mask";
    let gifti = |n: usize| {
        let values = vec!["1"; n].join(" ");
        format!(
            "<GIFTI><DataArray DataType=\"NIFTI_TYPE_UINT8\" Dimensionality=\"1\" Dim0=\"{n}\" Encoding=\"ASCII\"><Data>{values}</Data></DataArray></GIFTI>"
        )
    };
    std::fs::write(other.join(format!("{name}.func.gii")), gifti(60)).unwrap();
    std::fs::write(other.join(format!("{name}.label")), "#\n2\n59 0 0 0 0\n1 0 0 0 0\n").unwrap();
    let left = |format| {
        subject.roi_data("FFA1", format, Hemi::Left).map(|data| data["FFA1"].left.clone().unwrap())
    };
    let union = left(RoiFormat::Gii).unwrap();
    assert_eq!(union.mask.unwrap(), [true; 60]);
    let mut expected = Roi::of("sub-01", "FFA1").unwrap().vertices(bucket::Hemisphere::Left);
    for vertex in [59, 1] {
        if !expected.contains(&vertex) {
            expected.push(vertex);
        }
    }
    let vertices: Vec<usize> = union.vertices.unwrap().iter().map(|v| *v as usize).collect();
    assert_eq!(vertices, expected);

    std::fs::write(other.join(format!("{name}.func.gii")), gifti(61)).unwrap();
    let error = left(RoiFormat::FuncGii).unwrap_err();
    assert!(
        matches!(&error, Error::VertexMismatch { path, expected: 60, got: 61, at_least: false, .. } if path.starts_with(&other)),
        "{error:?}"
    );
}

/// Counts the directories that are listed in this thread.
#[derive(Clone, Default)]
struct Listings(Arc<AtomicUsize>);

impl Subscriber for Listings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "laion_fmri::roots"
    }

    fn event(&self, event: &Event<'_>) {
        // Single files are looked at too, which says so from the same place.
        let is_listing = event.metadata().fields().field("directory").is_some();
        self.0.fetch_add(usize::from(is_listing), Ordering::Relaxed);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

#[test]
fn directories_are_listed_once_however_many_rois_are_read() {
    let bucket = Bucket::temporary().unwrap();
    let listings = Listings::default();
    let count = |read: &dyn Fn(&Subject)| {
        let subject = opened(&bucket, "sub-01");
        listings.0.store(0, Ordering::Relaxed);
        tracing::subscriber::with_default(listings.clone(), || read(&subject));
        listings.0.load(Ordering::Relaxed)
    };
    let rois = opened(&bucket, "sub-01").rois(None).unwrap();
    assert!(rois.len() > 3);
    let data = |queries: &[String]| {
        count(&|subject| drop(subject.roi_data(queries, RoiFormat::All, Hemi::Both).unwrap()))
    };
    let masks = |queries: &[String]| {
        count(&|subject| drop(subject.roi_masks(queries, MaskSource::Anatomical).unwrap()))
    };
    let one_scan = count(&|subject| drop(subject.rois(None).unwrap()));
    assert!(one_scan > 1);
    for queries in [&rois[..1], &rois] {
        assert_eq!(data(queries), 2 * one_scan, "one scan for volumes, one for every form");
        assert_eq!(masks(queries), one_scan);
    }
}
