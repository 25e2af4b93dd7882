//! The access service and the access to it that the environment tells of.

use super::{Environment, Secret};
use crate::access::{AccessService, AuthFile, PUBLIC_URL, RequestId};
use crate::{Error, Result};

impl Environment {
    /// The access service: `LAION_FMRI_ACCESS_URL`, or the one of the dataset.
    ///
    /// # Errors
    ///
    /// As [`AccessService::new`].
    pub fn access_service(&self) -> Result<AccessService> {
        match &self.access_url {
            Some(url) => AccessService::new(&url.to_string_lossy()),
            None => AccessService::new(PUBLIC_URL),
        }
    }

    /// `~/.cache/laion-fmri/auth.json`, shared with the Python package, which does not look at
    /// `XDG_CACHE_HOME` either.
    #[must_use]
    pub fn auth_file(&self) -> Option<AuthFile> {
        let home = self.home.as_ref()?;
        Some(AuthFile::new(home.join(".cache").join("laion-fmri").join("auth.json")))
    }

    /// The request id for this service: that of the variable, else the one that was saved for it.
    ///
    /// # Errors
    ///
    /// [`AccessError::InvalidRequestId`](crate::access::AccessError::InvalidRequestId) when the variable holds none. A damaged file counts as absent.
    pub fn request_id(&self, service: &AccessService) -> Result<Option<RequestId>> {
        if let Some(Secret(text)) = &self.request_id {
            let text = text.to_str().unwrap_or("\u{fffd}");
            if !text.trim().is_empty() {
                return Ok(Some(RequestId::new(text).map_err(Error::from)?));
            }
        }
        let saved = self.auth_file().and_then(|file| file.load(service));
        Ok(saved.map(|saved| saved.request_id))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::access::AccessError;

    #[test]
    fn the_variable_comes_before_the_saved_id_and_is_not_shown() {
        let home = tempfile::tempdir().unwrap();
        let home_of = Some(home.path().to_owned());
        let mut environment = Environment { home: home_of, ..Environment::default() };
        let public = environment.access_service().unwrap();
        assert_eq!(public.url(), PUBLIC_URL);
        assert_eq!(environment.request_id(&public).unwrap(), None);
        let saved = RequestId::new("lfm_saved").unwrap();
        let file = environment.auth_file().unwrap();
        assert_eq!(file.path(), home.path().join(".cache/laion-fmri/auth.json"));
        file.save(&public, &saved, "").unwrap();
        assert_eq!(environment.request_id(&public).unwrap(), Some(saved.clone()));

        environment.access_url = Some("https://other.example/".into());
        let other = environment.access_service().unwrap();
        assert_eq!(other.url(), "https://other.example");
        assert_eq!(environment.request_id(&other).unwrap(), None);

        environment.request_id = Some(OsString::from(" \n").into());
        assert_eq!(environment.request_id(&public).unwrap(), Some(saved));
        environment.request_id = Some(OsString::from(" lfm_SECRET \n").into());
        let id = environment.request_id(&other).unwrap().unwrap();
        assert_eq!(id.reveal(), "lfm_SECRET");
        assert!(!format!("{environment:?}").contains("SECRET"));
        environment.request_id = Some(OsString::from("lfm SECRET").into());
        assert!(matches!(
            environment.request_id(&other),
            Err(Error::Access(AccessError::InvalidRequestId { .. }))
        ));
    }
}
