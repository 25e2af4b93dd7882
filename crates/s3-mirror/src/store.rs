//! An open bucket: [`Store`], and how to open one.

use std::fmt;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use laion_fmri_base::RootCause;
use object_store::client::{HttpClient, HttpConnector, ReqwestConnector};
use object_store::local::LocalFileSystem;
use object_store::{ClientOptions, ObjectStore};

use crate::get::{Bucket, Http, Linked, Links, Outage, Patience};
use crate::location::Kind;
use crate::{Error, Location, error};

mod regions;

use regions::Regions;

/// An open store together with the name that messages use for it.
///
/// Clones share connections. All operations of this crate take `&Store` and may run at once.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    name: Arc<str>,
    options: ConnectOptions,
    /// What all requests of one run meet.
    outage: Option<Arc<Outage>>,
    /// The folder whose files are the objects.
    folder: Option<Arc<Path>>,
}

/// Who is asked.
#[derive(Clone)]
pub(crate) enum Backend {
    /// An S3 server.
    S3(Arc<Bucket>),
    /// Servers that links lead to.
    Links(Arc<Linked>),
    /// A folder, memory, or a store of the caller.
    Objects(Arc<dyn ObjectStore>),
}

impl Store {
    /// Any object store under the name `name`.
    ///
    /// Listings go through `object_store`, which cannot represent every key: with an S3 store given
    /// this way a single key such as `a//b` fails the whole listing, and a denied listing is
    /// [`Error::Other`]. [`Location::open`] has neither limit.
    pub fn new(objects: Arc<dyn ObjectStore>, name: impl Into<String>) -> Self {
        let options = ConnectOptions::default();
        let (backend, name) = (Backend::Objects(objects), name.into().into());
        Self { backend, name, options, outage: None, folder: None }
    }

    /// Objects behind links that expire, under the name `name`, asked for with `client`. Such a store
    /// cannot be listed.
    ///
    /// The client decides which servers it speaks to and which redirects it follows.
    pub fn linked(
        client: HttpClient,
        links: Arc<dyn Links>,
        name: impl Into<String>,
        options: &ConnectOptions,
    ) -> Self {
        let name = name.into();
        let http = Http::new(client, options.read_timeout);
        let linked = Linked::new(http, links, name.clone());
        let backend = Backend::Links(Arc::new(linked));
        let (name, options) = (name.into(), options.clone());
        Self { backend, name, options, outage: None, folder: None }
    }

    /// The location as it appears in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The bucket, if the store is on an S3 server.
    pub(crate) fn bucket(&self) -> Option<&Bucket> {
        match &self.backend {
            Backend::S3(bucket) => Some(bucket),
            Backend::Links(_) | Backend::Objects(_) => None,
        }
    }

    /// Whether objects are behind links.
    pub(crate) fn is_linked(&self) -> bool {
        matches!(self.backend, Backend::Links(_))
    }

    /// Whether a second connection to the server is useful while the first is silent.
    pub(crate) fn is_remote(&self) -> bool {
        !matches!(self.backend, Backend::Objects(_))
    }

    /// The folder whose files are the objects, if there is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    pub(crate) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// The same store, whose requests are bounded together.
    pub(crate) fn within(&self, outage: &Arc<Outage>) -> Self {
        Self { outage: Some(Arc::clone(outage)), ..self.clone() }
    }

    /// The patience of one request, with nothing tried yet.
    pub(crate) fn patience(&self) -> Patience {
        Patience::new(&self.options).within(self.outage.as_ref())
    }
}

/// How patient a connection is.
///
/// Transfers are to outlive a short interruption of the network, so they get the whole patience.
/// Somebody waits for the answer to a listing or to [`head`](crate::head): they repeat a request at
/// most 4 times within 20 s, or less often when these options say so. By default an address that refuses
/// connections is reported within a few seconds. Nothing here bounds the duration of a transfer
/// that makes progress.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// Longest wait for a connection (default 5 s).
    pub connect_timeout: Duration,
    /// Longest silence while a response is awaited or read (default 10 s); then the request is
    /// sent again, continuing where the body stopped. Long files do not wait for that: after a quarter
    /// of it the rest is asked for on a second connection, and what answers first goes on.
    pub read_timeout: Duration,
    /// How often in a row one request is repeated without a byte of progress, after a broken
    /// connection, a timeout, or status 408, 425, 429 or 5xx (default 30, which lasts longer than
    /// `retry_timeout`). Zero makes the first failure
    /// without progress final.
    pub max_retries: usize,
    /// No repetition starts later than this after the last progress (default 120 s). The same bound
    /// holds for a whole [`transfer`](crate::transfer): when no object has made progress for so long,
    /// the next ones are asked for once each, and then the transfer is given up
    /// ([`Stop::Unavailable`](crate::Stop::Unavailable)).
    pub retry_timeout: Duration,
    /// Pause before the first repetition (default 100 ms); later pauses grow up to thrice the
    /// previous one, with jitter, and stay below 10 s. A server's `Retry-After` is waited for, as far
    /// as `retry_timeout`.
    pub first_pause: Duration,
    /// Keys asked for per listing request; `None` (the default) leaves it to the server, whose
    /// limit is 1000 on AWS.
    pub page_size: Option<NonZeroU32>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(10),
            max_retries: 30,
            retry_timeout: Duration::from_secs(120),
            first_pause: Duration::from_millis(100),
            page_size: None,
        }
    }
}

impl ConnectOptions {
    /// The same with another longest wait for a connection.
    #[must_use]
    pub fn with_connect_timeout(mut self, wait: Duration) -> Self {
        self.connect_timeout = wait;
        self
    }

    /// The same with another longest silence.
    #[must_use]
    pub fn with_read_timeout(mut self, silence: Duration) -> Self {
        self.read_timeout = silence;
        self
    }

    /// The same with another number of repetitions without progress.
    #[must_use]
    pub fn with_max_retries(mut self, retries: usize) -> Self {
        self.max_retries = retries;
        self
    }

    /// The same with another time without progress.
    #[must_use]
    pub fn with_retry_timeout(mut self, time: Duration) -> Self {
        self.retry_timeout = time;
        self
    }

    /// The same with another pause before the first repetition.
    #[must_use]
    pub fn with_first_pause(mut self, pause: Duration) -> Self {
        self.first_pause = pause;
        self
    }

    /// The same with the patience of a person who waits for the answer.
    pub(crate) fn interactive(&self) -> Self {
        Self {
            max_retries: self.max_retries.min(4),
            retry_timeout: self.retry_timeout.min(Duration::from_secs(20)),
            ..self.clone()
        }
    }
}

impl Location {
    /// Opens the location with the default [`ConnectOptions`].
    ///
    /// # Errors
    ///
    /// As [`Location::open_with`].
    pub fn open(&self) -> Result<Store, Error> {
        self.open_with(&ConnectOptions::default())
    }

    /// Opens the location. No request is sent yet, and no credentials are looked for anywhere.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchBucket`] if the folder of a `file://` location does not exist,
    /// [`Error::Client`] if the HTTP client cannot be set up; for `https` that is so on a machine without
    /// certificates of authorities. Plain `http` needs none.
    pub fn open_with(&self, options: &ConnectOptions) -> Result<Store, Error> {
        let name: Arc<str> = self.to_string().into();
        let failed = |source| error::about_listing(&name, "", source);
        let mut folder = None;
        let backend = match self.kind() {
            Kind::Directory(directory) => {
                if !directory.is_dir() {
                    return Err(Error::NoSuchBucket { location: self.to_string() });
                }
                folder = Some(directory.as_path().into());
                let files = LocalFileSystem::new_with_prefix(directory).map_err(failed)?;
                Backend::Objects(Arc::new(files))
            }
            Kind::S3 { .. } | Kind::Endpoint { .. } => {
                let client = client(self, options)?;
                let client = Regions::follow(client, self.region_of_host());
                let http = Http::new(client, options.read_timeout);
                Backend::S3(Arc::new(Bucket::new(http, self.clone())))
            }
        };
        Ok(Store { backend, name, options: options.clone(), outage: None, folder })
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("name", &self.name).finish_non_exhaustive()
    }
}

fn client(location: &Location, options: &ConnectOptions) -> Result<HttpClient, Error> {
    let plain_http =
        matches!(location.kind(), Kind::Endpoint { server, .. } if server.scheme() == "http");
    let wanted = ClientOptions::new()
        .with_allow_http(plain_http)
        .with_connect_timeout(options.connect_timeout)
        .with_read_timeout(options.read_timeout)
        // The overall timeout of the client counts the body too and would cut every long transfer.
        .with_timeout_disabled();
    let connector = ReqwestConnector::default();
    let connected = match connector.connect(&wanted) {
        // Without the certificates of any authority no client is made, not even one that needs none.
        Err(_) if plain_http => connector.connect(&wanted.with_allow_invalid_certificates(true)),
        connected => connected,
    };
    connected.map_err(|source| Error::Client {
        location: location.to_string(),
        source: Box::new(RootCause(source)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_folder_is_named() {
        let location: Location = "file:///no/such/folder".parse().unwrap();
        let error = location.open().unwrap_err();
        assert_eq!(error.to_string(), "file:///no/such/folder does not exist");
    }

    #[test]
    fn whoever_waits_is_less_patient_but_never_more() {
        let interactive = ConnectOptions::default().interactive();
        assert_eq!(interactive.max_retries, 4);
        assert_eq!(interactive.retry_timeout, Duration::from_secs(20));
        let hurried = ConnectOptions {
            max_retries: 1,
            retry_timeout: Duration::from_secs(1),
            ..ConnectOptions::default()
        };
        let interactive = hurried.interactive();
        assert_eq!((interactive.max_retries, interactive.retry_timeout.as_secs()), (1, 1));
    }
}
