//! A bucket and an access service on loopback, and the variables that lead a command there.

use std::path::Path;

use anyhow::Result;
use fixtures::{AccessServer, Server, bucket};

use crate::demo;
use crate::interop::start_empty;

/// Two servers, which stop when this is dropped.
pub(super) struct Place {
    bucket: Server,
    access: AccessServer,
}

impl Place {
    /// Writes the bucket below a folder that is emptied, and serves it.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        start_empty(folder)?;
        let bucket = bucket::write(&folder.join("bucket"))?.serve()?;
        Ok(Self { bucket, access: demo::access_service()? })
    }

    /// `NAME=VALUE`, for a command that knows nothing else.
    pub(super) fn variables(&self) -> [String; 3] {
        [
            format!("LAION_FMRI_BUCKET={}", self.bucket.url("laion-fmri")),
            format!("LAION_FMRI_ACCESS_URL={}", self.access.url()),
            "LAION_FMRI_ACCEPT_LICENSE=1".to_owned(),
        ]
    }
}
