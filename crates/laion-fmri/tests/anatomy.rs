//! Anatomical images and the FreeSurfer reconstruction, as paths.

use crate::{download, fetch};
use fixtures::Bucket;
use fixtures::bucket::{self, ANATOMICAL_GRID, BETA_GRID};
use laion_fmri::FilterField;
use laion_fmri::nifti_stream::fs::read_volume;
use laion_fmri::{Error, Hemisphere, MaskSource, Resolution};

use crate::opened;

#[test]
fn paths_lead_to_the_images() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-03");
    assert!(subject.has_anatomical());
    let directory = subject.anatomical_dir().unwrap();
    for (resolution, grid, res) in
        [(Resolution::Full, ANATOMICAL_GRID, ""), (Resolution::Func1pt8, BETA_GRID, "_res-1pt8")]
    {
        for (suffix, path) in [("T1w", subject.t1w(resolution)), ("T2w", subject.t2w(resolution))] {
            let path = path.unwrap();
            assert!(path.starts_with(&directory));
            let volume = read_volume(&path).unwrap();
            let name = format!("space-T1w{res}_{suffix}");
            for (value, voxel) in volume.data().iter().zip(grid.voxels()) {
                assert_eq!(*value, f32::from(bucket::intensity("sub-03", &name, voxel)));
            }
        }
        let mask = subject.anatomical_brain_mask(resolution).unwrap();
        let read = subject.brain_mask(MaskSource::Anatomical, resolution).unwrap();
        assert_eq!(read.path(), mask);
    }
}

#[test]
fn what_is_not_on_disk_is_named_with_the_download_that_brings_it() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let t2w = subject.t2w(Resolution::Func1pt8).unwrap();
    std::fs::remove_file(&t2w).unwrap();
    assert!(!subject.has_anatomical(), "one of six is missing");
    let error = subject.t2w(Resolution::Func1pt8).unwrap_err();
    assert!(
        matches!(&error, Error::DataNotDownloaded { what, path, .. } if what == "the T2w image of sub-01" && *path == t2w),
        "{error:?}"
    );
    let expected = download("sub-01", &[(FilterField::Suffix, &["T2w"])]).include_anatomical();
    assert_eq!(fetch(&error), expected);
    std::fs::remove_dir_all(bucket.path("derivatives/anatomical")).unwrap();
    for (error, what) in [
        (subject.anatomical_dir().unwrap_err(), "the anatomical directory of sub-01"),
        (subject.t1w(Resolution::Full).unwrap_err(), "the T1w image of sub-01"),
        (subject.anatomical_brain_mask(Resolution::Full).unwrap_err(), "the anatomical brain mask"),
    ] {
        assert!(
            matches!(&error, Error::DataNotDownloaded { what: got, fetch, .. } if got == what && fetch.include_anatomical),
            "{error:?}"
        );
    }
}

#[test]
fn the_reconstruction_is_found_by_name() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-03");
    assert!(subject.has_freesurfer());
    let directory = subject.freesurfer_dir().unwrap();
    for (path, name) in [
        (subject.freesurfer_mri("aparc+aseg.mgz"), "mri/aparc+aseg.mgz"),
        (subject.freesurfer_surface(Hemisphere::Left, "white"), "surf/lh.white"),
        (subject.freesurfer_surface(Hemisphere::Right, "sphere.reg"), "surf/rh.sphere.reg"),
        (subject.talairach_lta(), "mri/transforms/talairach.lta"),
    ] {
        assert_eq!(path.unwrap(), directory.join(name));
    }
    for name in ["", ".hidden", "../white", "a/b", "white\0"] {
        for result in
            [subject.freesurfer_mri(name), subject.freesurfer_surface(Hemisphere::Left, name)]
        {
            let error = result.unwrap_err();
            assert!(
                matches!(&error, Error::InvalidValue { got, .. } if *got == format!("{name:?}")),
                "{error:?}"
            );
        }
    }
    let error = subject.freesurfer_surface(Hemisphere::Left, "sulc").unwrap_err();
    assert!(
        matches!(&error, Error::DataNotDownloaded { what, path, .. } if what == "the FreeSurfer file lh.sulc of sub-03" && *path == directory.join("surf/lh.sulc")),
        "{error:?}"
    );
    let expected = |extension| {
        download("sub-03", &[(FilterField::Extension, &[extension])]).include_freesurfer()
    };
    assert_eq!(fetch(&error), expected("sulc"));
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(!subject.has_freesurfer());
    let error = subject.freesurfer_dir().unwrap_err();
    assert!(
        matches!(&error, Error::DataNotDownloaded { path, .. } if *path == directory),
        "{error:?}"
    );
    assert_eq!(fetch(&error), expected("mgz"));
}
