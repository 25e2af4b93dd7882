//! Gated files as objects of a store: the links of a grant, renewed when the store refuses them.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use laion_fmri_base::lock;
use s3_mirror::{
    Cancel, Key, Links, Outcome, Plan, Source, Store, TransferError, TransferOptions, Withheld,
};

use super::http::Http;
use super::protocol::Grant;
use super::{AccessError, AccessService, GatedFile, Manifest};
use crate::{Error, Result};

/// The gated files that a grant opens.
pub(crate) struct GatedStore {
    http: Arc<Http>,
    store: Store,
}

/// The links of a grant.
struct GrantedLinks {
    service: AccessService,
    http: Arc<Http>,
    manifest: Manifest,
    grant: Mutex<Grant>,
}

#[async_trait]
impl Links for GrantedLinks {
    async fn link(&self, key: &Key, renew: bool) -> Result<String, Source> {
        let name = key.file_name();
        let file = self.manifest.files().iter().find(|file| file.name == name);
        let file = file.ok_or_else(|| AccessError::NoLink {
            server: self.service.url().to_owned(),
            name: name.to_owned(),
        })?;
        if renew {
            let id = lock(&self.grant).request_id().clone();
            let grant = self.service.refreshed(&self.http, &id, &self.manifest).await?;
            *lock(&self.grant) = grant;
        }
        Ok(lock(&self.grant).link(file, self.service.url())?.url.to_string())
    }
}

impl GatedStore {
    pub(crate) fn open(
        service: &AccessService,
        manifest: &Manifest,
        grant: &Grant,
    ) -> Result<Self> {
        let http = service.http()?;
        let links = GrantedLinks {
            service: service.clone(),
            http: Arc::clone(&http),
            manifest: manifest.clone(),
            grant: Mutex::new(grant.clone()),
        };
        let options = http.options.of_files();
        let store = Store::linked(http.files(), Arc::new(links), service.url(), &options);
        Ok(Self { http, store })
    }

    /// What becomes of the one file of a plan.
    pub(crate) fn transfer(
        &self,
        plan: &Plan,
        root: &Path,
        options: &TransferOptions,
        observer: &dyn s3_mirror::Observer,
        cancel: &Cancel,
    ) -> Option<Outcome> {
        let transfer = s3_mirror::transfer(&self.store, plan, root, options, observer, cancel);
        self.http.wait(transfer).outcomes.pop().map(|(_, outcome)| outcome)
    }

    /// Why a file did not come, in the words of the service; `received` bytes of it are on disk.
    pub(crate) fn failure(&self, file: &GatedFile, error: TransferError, received: u64) -> Error {
        let (name, expected) = (file.name.clone(), file.size);
        let attempts = self.http.options.idle_attempts.max(1);
        let interrupted = |source| AccessError::Interrupted {
            name: name.clone(),
            received,
            expected,
            attempts,
            source,
        };
        match error {
            TransferError::SizeMismatch { expected, got } => {
                AccessError::FileSize { name, expected, got }.into()
            }
            TransferError::Sha256 { expected, got } => {
                AccessError::FileDigest { name, expected, got }.into()
            }
            TransferError::Write { path, source } => Error::io("write", path)(source),
            TransferError::Store(s3_mirror::Error::Link { source, .. }) => {
                match source.downcast::<AccessError>() {
                    Ok(error) => (*error).into(),
                    Err(source) => interrupted(source).into(),
                }
            }
            TransferError::Store(s3_mirror::Error::ObjectStatus { status, .. }) => {
                let repeated = s3_mirror::is_transient_status(status);
                let attempts = if repeated { attempts } else { 1 };
                AccessError::FileStatus { name, status, attempts }.into()
            }
            TransferError::Store(s3_mirror::Error::Unreachable { source, .. }) => {
                interrupted(source).into()
            }
            TransferError::Store(s3_mirror::Error::WrongAnswer { expected, got, .. }) => {
                AccessError::FileAnswer { name, expected, got }.into()
            }
            TransferError::Store(source) => interrupted(source.into()).into(),
            TransferError::KeepsChanging => interrupted(error.into()).into(),
            source => Error::Transfer { key: name, source: Arc::new(source) },
        }
    }

    /// The error of a file that the store does not hand out.
    pub(crate) fn denied(file: &GatedFile, reason: &Withheld) -> AccessError {
        let (status, renewed) = match reason {
            Withheld::Link { status, renewed } => (*status, *renewed),
            _ => (403, 0),
        };
        AccessError::Denied { name: file.name.clone(), status, renewed }
    }
}
