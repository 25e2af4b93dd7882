//! One object of the bucket read like a file: [`RemoteObject`].

use std::io::{self, BufRead, Read};

use s3_mirror::{Key, ObjectContent, ObjectError, ObjectOptions, ObjectReader, PendingObject};

use super::Remote;
use crate::{Error, ErrorKind, Result};

/// An [`ObjectReader`] with the runtime that feeds it.
#[derive(Debug)]
pub(crate) struct RemoteObject {
    // Dropped before the runtime.
    reader: ObjectReader,
    _remote: Remote,
}

/// An object that was asked for; nobody has waited for the answer yet.
#[derive(Debug)]
pub(crate) struct PendingRemoteObject {
    // Dropped before the runtime.
    pending: PendingObject,
    remote: Remote,
}

impl PendingRemoteObject {
    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// As [`Remote::object`].
    pub(crate) fn wait(self) -> Result<RemoteObject> {
        let Self { pending, remote } = self;
        Ok(RemoteObject { reader: pending.wait()?, _remote: remote })
    }
}

impl Remote {
    /// Opens an object: its size and entity tag are known, its bytes are on their way.
    ///
    /// # Errors
    ///
    /// [`Error::Object`]; [`Error::Cancelled`].
    pub(crate) fn object(&self, key: &Key, options: &ObjectOptions) -> Result<RemoteObject> {
        self.begin(key, options).wait()
    }

    /// Asks for an object without waiting.
    pub(crate) fn begin(&self, key: &Key, options: &ObjectOptions) -> PendingRemoteObject {
        let pending = ObjectReader::begin(self.runtime.handle(), &self.store, key, options);
        PendingRemoteObject { pending, remote: self.clone() }
    }
}

impl RemoteObject {
    /// Bytes in the object.
    pub(crate) fn size(&self) -> u64 {
        self.reader.size()
    }

    /// The entity tag of the version that is read.
    pub(crate) fn etag(&self) -> Option<&str> {
        self.reader.etag()
    }

    /// Reads what is left and compares everything with the entity tag.
    ///
    /// # Errors
    ///
    /// As [`Remote::object`].
    pub(crate) fn finish(self) -> Result<ObjectContent> {
        self.reader.finish().map_err(Error::from)
    }
}

impl Read for RemoteObject {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

impl BufRead for RemoteObject {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}

impl From<ObjectError> for Error {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Cancelled { .. } => Self::Cancelled,
            error => Self::Object(error),
        }
    }
}

/// What a failed read means for the caller.
pub(crate) fn kind(error: &ObjectError) -> ErrorKind {
    match error {
        ObjectError::Changed { .. } | ObjectError::Checksum { .. } => ErrorKind::Integrity,
        ObjectError::Cancelled { .. } => ErrorKind::Cancelled,
        ObjectError::Store(error) => match &**error {
            s3_mirror::Error::Denied { .. } | s3_mirror::Error::NotFound { .. } => {
                ErrorKind::NotThere
            }
            _ => ErrorKind::Other,
        },
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use fixtures::{Bucket, Fault, Proxy};
    use s3_mirror::Cancel;

    use super::*;
    use crate::Dataset;

    fn key(bucket: &Bucket) -> Key {
        let betas = crate::layout::betas(&"sub-03".parse().unwrap(), &"ses-01".parse().unwrap());
        assert!(bucket.root().join(&betas).is_file());
        betas.parse().unwrap()
    }

    fn dataset(url: &str) -> (tempfile::TempDir, Dataset) {
        let mirror = tempfile::tempdir().unwrap();
        let dataset = Dataset::open(mirror.path()).unwrap().with_location(url.parse().unwrap());
        (mirror, dataset)
    }

    #[test]
    fn a_session_arrives_over_a_bad_line_without_being_stored() {
        let bucket = Bucket::temporary().unwrap();
        let key = key(&bucket);
        let server = bucket.serve().unwrap();
        let proxy = Proxy::start(server.address(), |request| match request.number {
            0 => Fault::Cut(1000),
            1 => Fault::Status(503, None),
            _ => Fault::Pass,
        })
        .unwrap();
        let (mirror, dataset) = dataset(&proxy.url("laion-fmri"));
        let remote = dataset.remote("read").unwrap();
        let mut object = remote.object(&key, &ObjectOptions::default()).unwrap();
        // The runtime lives as long as its last reader.
        drop(remote);
        let expected = std::fs::read(bucket.root().join(key.as_str())).unwrap();
        assert_eq!(object.size(), expected.len() as u64);
        let etag = object.etag().unwrap().to_owned();
        let mut bytes = Vec::new();
        object.read_to_end(&mut bytes).unwrap();
        assert!(bytes == expected);
        let content = object.finish().unwrap();
        assert!(content.content.etag_verified);
        assert_eq!(content.etag, Some(etag));
        assert_eq!(std::fs::read_dir(mirror.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_can_go_wrong_has_a_kind() {
        let bucket = Bucket::temporary().unwrap();
        let key = key(&bucket);
        let server = bucket.serve().unwrap();
        let proxy = Proxy::start(server.address(), |_| Fault::Flip(100)).unwrap();
        let (_mirror, dataset) = dataset(&proxy.url("laion-fmri"));
        let remote = dataset.remote("read").unwrap();
        let options = ObjectOptions::default();

        let error = remote.object(&key, &options).unwrap().finish().unwrap_err();
        assert!(matches!(error, Error::Object(ObjectError::Checksum { .. })), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Integrity);

        let other = options.clone().with_etag("\"another\"");
        let error = remote.object(&key, &other).unwrap_err();
        assert!(matches!(error, Error::Object(ObjectError::Changed { .. })), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Integrity);

        proxy.decide(|_| Fault::Status(403, None));
        let error = remote.object(&key, &options).unwrap_err();
        assert!(matches!(&error, Error::Object(error) if error.is_denied()), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::NotThere);

        let cancel = Cancel::new();
        cancel.cancel();
        let error = remote.object(&key, &options.with_cancel(cancel)).unwrap_err();
        assert!(matches!(error, Error::Cancelled), "{error:?}");

        let error = dataset.with_offline(true).remote("read").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotThere);
    }
}
