//! The bytes of one object, continued where a broken connection stopped.

use bytes::Bytes;
use futures::stream::{BoxStream, TryStreamExt};
use object_store::path::Path as StorePath;
use object_store::{GetOptions, GetRange};

use super::TransferError;
use crate::listing::store_path;
use crate::{PlanItem, Store, error};

/// How often a body is continued without a single byte having arrived in between. `object_store`
/// bounds its own repetitions by the age of the request, which a long transfer outgrows.
const IDLE_ATTEMPTS: u32 = 3;

pub(super) struct Body<'a> {
    store: &'a Store,
    item: &'a PlanItem,
    path: StorePath,
    etag: Option<String>,
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    received: u64,
    idle_attempts: u32,
}

impl<'a> Body<'a> {
    /// Asks for the object; an object whose size is not the listed one is not read.
    pub(super) async fn open(store: &'a Store, item: &'a PlanItem) -> Result<Self, TransferError> {
        let path = store_path(store, &item.key)?;
        let found = store
            .inner()
            .get_opts(&path, GetOptions::default())
            .await
            .map_err(|source| translate(store, item, source))?;
        if found.meta.size != item.size {
            return Err(TransferError::SizeMismatch { expected: item.size, got: found.meta.size });
        }
        let etag = found.meta.e_tag.clone();
        let stream = found.into_stream();
        Ok(Self { store, item, path, etag, stream, received: 0, idle_attempts: 0 })
    }

    /// The next bytes, or `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, TransferError> {
        loop {
            match self.stream.try_next().await {
                Ok(Some(chunk)) => {
                    self.received = self.received.saturating_add(chunk.len() as u64);
                    self.idle_attempts = 0;
                    return Ok(Some(chunk));
                }
                Ok(None) => return Ok(None),
                Err(source) if self.may_continue(&source) => self.reopen().await?,
                Err(source) => return Err(translate(self.store, self.item, source)),
            }
        }
    }

    /// Without an entity tag nothing proves that the rest belongs to the same object.
    fn may_continue(&self, source: &object_store::Error) -> bool {
        self.idle_attempts < IDLE_ATTEMPTS
            && self.etag.is_some()
            && self.received < self.item.size
            && error::is_transport(source)
    }

    async fn reopen(&mut self) -> Result<(), TransferError> {
        self.idle_attempts += 1;
        tracing::debug!(key = self.item.key.as_str(), received = self.received, "continuing");
        let options = GetOptions {
            range: Some(GetRange::Bounded(self.received..self.item.size)),
            if_match: self.etag.clone(),
            ..GetOptions::default()
        };
        let found = self
            .store
            .inner()
            .get_opts(&self.path, options)
            .await
            .map_err(|source| translate(self.store, self.item, source))?;
        self.stream = found.into_stream();
        Ok(())
    }
}

fn translate(store: &Store, item: &PlanItem, source: object_store::Error) -> TransferError {
    error::about_object(store.name(), item.key.as_str(), source).into()
}
