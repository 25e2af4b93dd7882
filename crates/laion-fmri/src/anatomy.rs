//! Anatomical images and masks of a subject, as paths.

mod freesurfer;

use std::path::PathBuf;

use crate::mask::Resolution;
use crate::subject::anatomical_mask;
use crate::{DownloadRequest, FilterField, Result, Subject, layout};
#[cfg(doc)]
use crate::{Error, MaskSource};

/// T1w, T2w and brain mask, each at both resolutions.
const RESOLUTIONS: [Resolution; 2] = [Resolution::Full, Resolution::Func1pt8];

impl Subject {
    /// Whether all six anatomical files are on disk: T1w, T2w and brain mask, at full resolution
    /// and on the functional grid. The download of a session fetches only one of them.
    ///
    /// ```
    /// use laion_fmri::{Dataset, Resolution};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// assert!(subject.has_anatomical());
    /// let t1w = laion_fmri::nifti_stream::fs::read_volume(subject.t1w(Resolution::Full)?)?;
    /// let small = laion_fmri::nifti_stream::fs::read_volume(subject.t1w(Resolution::Func1pt8)?)?;
    /// assert!(t1w.data().len() > small.data().len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn has_anatomical(&self) -> bool {
        RESOLUTIONS.into_iter().all(|resolution| {
            self.t1w(resolution).is_ok()
                && self.t2w(resolution).is_ok()
                && self.anatomical_brain_mask(resolution).is_ok()
        })
    }

    /// The directory of the anatomical files, in the first root that has it.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when no root has it.
    #[doc(alias = "get_anatomical_dir")]
    pub fn anatomical_dir(&self) -> Result<PathBuf> {
        let fetch = || {
            let suffixes = ["T1w", "T2w", "mask"];
            DownloadRequest::of(self.id())
                .filter(FilterField::Suffix, suffixes)
                .include_anatomical()
        };
        self.directory("the anatomical directory", &layout::anatomical_images(self.id()), fetch)
    }

    /// The T1-weighted image, in the subject's T1w space.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when it is not in the mirror.
    #[doc(alias = "get_t1w")]
    pub fn t1w(&self, resolution: Resolution) -> Result<PathBuf> {
        self.anatomical_image("T1w", resolution)
    }

    /// The T2-weighted image, in the subject's T1w space.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when it is not in the mirror.
    #[doc(alias = "get_t2w")]
    pub fn t2w(&self, resolution: Resolution) -> Result<PathBuf> {
        self.anatomical_image("T2w", resolution)
    }

    /// The brain mask made from the anatomy. On the functional grid it is the file that
    /// [`MaskSource::Anatomical`] reads.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when it is not in the mirror.
    #[doc(alias = "get_anatomical_brain_mask")]
    pub fn anatomical_brain_mask(&self, resolution: Resolution) -> Result<PathBuf> {
        let key = layout::anatomical_brain_mask(self.id(), res(resolution));
        self.file("the anatomical brain mask", &key, || anatomical_mask(self.id(), resolution))
    }

    fn anatomical_image(&self, suffix: &'static str, resolution: Resolution) -> Result<PathBuf> {
        let key = layout::anatomical_image(self.id(), suffix, res(resolution));
        self.file(&format!("the {suffix} image of {}", self.id()), &key, || {
            DownloadRequest::of(self.id())
                .filter(FilterField::Suffix, [suffix])
                .include_anatomical()
        })
    }
}

fn res(resolution: Resolution) -> Option<&'static str> {
    match resolution {
        Resolution::Func1pt8 => Some("1pt8"),
        Resolution::Full => None,
    }
}
