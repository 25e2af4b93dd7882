//! The FreeSurfer reconstruction of a subject, as paths.

use std::path::PathBuf;

use gifti_surface::Hemisphere;

use crate::files::Located;
use crate::{DownloadRequest, Error, FilterField, Result, Subject, layout};

impl Subject {
    /// Whether anything of the FreeSurfer reconstruction is on disk.
    ///
    /// ```
    /// use laion_fmri::{Dataset, Hemisphere};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// assert!(subject.has_freesurfer());
    /// let white = subject.freesurfer_surface(Hemisphere::Left, "white")?;
    /// assert!(white.ends_with("derivatives/freesurfer/sub-03/surf/lh.white"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn has_freesurfer(&self) -> bool {
        self.freesurfer_dir().is_ok()
    }

    /// The directory of the reconstruction, with `mri`, `surf`, `label` and `stats` below it, in
    /// the first root that has it.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when no root has it.
    #[doc(alias = "get_freesurfer_dir")]
    pub fn freesurfer_dir(&self) -> Result<PathBuf> {
        let fetch = || self.fetch_freesurfer("mgz");
        self.directory("the FreeSurfer directory", &layout::freesurfer(self.id()), fetch)
    }

    /// A volume below `mri/`, such as `brain.mgz` or `aparc+aseg.mgz`: conformed to LIA, with the
    /// world coordinates of the anatomical images.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] when `name` is not a file name, [`Error::DataNotDownloaded`] when it
    /// is not in the mirror.
    pub fn freesurfer_mri(&self, name: &str) -> Result<PathBuf> {
        self.freesurfer_file("mri/", name)
    }

    /// A surface file of a hemisphere below `surf/`, such as `white`, `pial`, `inflated` or
    /// `sphere.reg`.
    ///
    /// # Errors
    ///
    /// As [`Subject::freesurfer_mri`].
    pub fn freesurfer_surface(&self, hemisphere: Hemisphere, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        self.freesurfer_file("surf/", &format!("{}.{name}", hemisphere.freesurfer()))
    }

    /// The linear transform from the subject's T1w space to MNI305 (`talairach.lta`).
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when it is not in the mirror.
    pub fn talairach_lta(&self) -> Result<PathBuf> {
        self.freesurfer_file("mri/transforms/", "talairach.lta")
    }

    fn freesurfer_file(&self, directory: &str, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        let key = format!("{}{directory}{name}", layout::freesurfer(self.id()));
        self.file(&format!("the FreeSurfer file {name} of {}", self.id()), &key, || {
            self.fetch_freesurfer(bids_names::extension_of(name))
        })
    }

    /// A file of the reconstruction, on disk or in the bucket that is read.
    pub(crate) fn freesurfer_place(&self, directory: &str, name: &str) -> Result<Located> {
        let key = format!("{}{directory}{name}", layout::freesurfer(self.id()));
        self.locate_anywhere(&format!("the FreeSurfer file {name} of {}", self.id()), &key, || {
            self.fetch_freesurfer(bids_names::extension_of(name))
        })
    }

    /// The tree is fetched whole; the filter keeps the other trees out.
    fn fetch_freesurfer(&self, extension: &str) -> DownloadRequest {
        let extension = if extension.is_empty() { "mgz" } else { extension };
        DownloadRequest::of(self.id())
            .filter(FilterField::Extension, [extension])
            .include_freesurfer()
    }
}

/// Names are single files, never paths.
fn check_name(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    if !name.is_empty() && !name.starts_with('.') && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::InvalidValue {
        what: "name of a FreeSurfer file",
        got: format!("{name:?}"),
        expected: "a file name such as white or brain.mgz".to_owned(),
    })
}
