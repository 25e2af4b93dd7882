//! Names of files in template space.

use bids_names::{FileName, SessionId, SubjectId};

use super::{Density, TemplateSpace};
use crate::{Hemisphere, Result};

/// What the name of a map in template space says, such as
/// `sub-03_ses-01_space-fsaverage_den-10k_hemi-L_desc-MeanBeta_statmap.func.gii`.
///
/// ```
/// use laion_fmri::Hemisphere;
/// use laion_fmri::template::{Density, TemplateName, TemplateSpace};
///
/// let name = TemplateName::new("03".parse()?, TemplateSpace::Fsaverage)
///     .session("ses-01".parse()?)
///     .desc("MeanBeta");
/// assert_eq!(
///     name.surface(Hemisphere::Left, Density::K10)?,
///     "sub-03_ses-01_space-fsaverage_den-10k_hemi-L_desc-MeanBeta_statmap.func.gii"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct TemplateName {
    subject: SubjectId,
    session: Option<SessionId>,
    space: TemplateSpace,
    desc: Option<String>,
}

impl TemplateName {
    /// Of a subject in a space.
    pub fn new(subject: SubjectId, space: TemplateSpace) -> Self {
        Self { subject, session: None, space, desc: None }
    }

    /// With the session that the values are of.
    pub fn session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// With a description, which is letters and digits.
    pub fn desc(mut self, desc: impl Into<String>) -> Self {
        self.desc = Some(desc.into());
        self
    }

    /// The name of a hemisphere, a `.func.gii`. Only fsaverage has a density.
    ///
    /// # Errors
    ///
    /// [`Error::FileName`](crate::Error::FileName) for a description that cannot be part of a name.
    pub fn surface(&self, hemisphere: Hemisphere, density: Density) -> Result<String> {
        let density = (self.space == TemplateSpace::Fsaverage).then_some(density.as_str());
        self.build(density, Some(hemisphere.as_str()), "func.gii")
    }

    /// The name of a volume, a `.nii.gz`.
    ///
    /// # Errors
    ///
    /// As [`surface`](Self::surface).
    pub fn volume(&self) -> Result<String> {
        self.build(None, None, "nii.gz")
    }

    fn build(
        &self,
        density: Option<&str>,
        hemisphere: Option<&str>,
        extension: &str,
    ) -> Result<String> {
        let session = self.session.as_ref().map(SessionId::label);
        let entities = [
            ("sub", Some(self.subject.label())),
            ("ses", session),
            ("space", Some(self.space.as_str())),
            ("den", density),
            ("hemi", hemisphere),
            ("desc", self.desc.as_deref()),
        ];
        let mut name = FileName::builder("statmap", extension);
        for (key, value) in entities {
            if let Some(value) = value {
                name = name.entity(key, value);
            }
        }
        Ok(name.build()?.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn names_say_what_there_is_to_say() {
        let of = |space| TemplateName::new("sub-03".parse().unwrap(), space);
        let name = of(TemplateSpace::Fsnative);
        assert_eq!(
            name.surface(Hemisphere::Right, Density::K41).unwrap(),
            "sub-03_space-fsnative_hemi-R_statmap.func.gii"
        );
        let name = of(TemplateSpace::Mni305).session("02".parse().unwrap());
        assert_eq!(name.volume().unwrap(), "sub-03_ses-02_space-MNI305_statmap.nii.gz");
        let error = name.desc("a_b").volume().unwrap_err();
        assert!(matches!(error, Error::FileName(_)), "{error}");
    }
}
