//! An open bucket: [`Store`], and how to open one.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::client::{HttpClient, HttpConnector, ReqwestConnector};
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::get::S3Objects;
use crate::listing::S3Listing;
use crate::location::Kind;
use crate::{Error, Location, error};

mod regions;

use regions::Regions;

/// An open store together with the name that messages use for it.
///
/// Clones share connections. All operations of this crate take `&Store` and may run at once.
#[derive(Clone)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    name: Arc<str>,
    options: ConnectOptions,
    s3: Option<S3>,
}

/// What an S3 location has besides its object store.
#[derive(Clone)]
struct S3 {
    listing: Arc<S3Listing>,
    objects: Arc<S3Objects>,
    /// The same bucket with less patience, for requests that somebody waits for.
    questions: Arc<dyn ObjectStore>,
}

impl Store {
    /// Any object store under the name `name`.
    ///
    /// Listings go through `object_store`, which cannot represent every key: with an S3 store given
    /// this way a single key such as `a//b` fails the whole listing, and a denied listing is
    /// [`Error::Other`]. [`Location::open`] has neither limit.
    pub fn new(inner: Arc<dyn ObjectStore>, name: impl Into<String>) -> Self {
        let options = ConnectOptions::default();
        Self { inner, name: name.into().into(), options, s3: None }
    }

    /// The location as it appears in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The object store underneath.
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn ObjectStore> {
        &self.inner
    }

    pub(crate) fn s3(&self) -> Option<&S3Listing> {
        self.s3.as_ref().map(|s3| &*s3.listing)
    }

    pub(crate) fn objects(&self) -> Option<&S3Objects> {
        self.s3.as_ref().map(|s3| &*s3.objects)
    }

    pub(crate) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    pub(crate) fn questions(&self) -> &Arc<dyn ObjectStore> {
        self.s3.as_ref().map_or(&self.inner, |s3| &s3.questions)
    }
}

/// How patient a connection is.
///
/// Transfers are to outlive a short interruption of the network, so they get the whole patience.
/// Listings and [`head`](crate::head) are questions that somebody waits for: they repeat a request at
/// most 4 times within 20 s, and fewer when these options say so. By default an address that refuses
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
    /// connection, a timeout, or status 408, 429 or 5xx (default 15). Zero makes the first failure
    /// without progress final.
    pub max_retries: usize,
    /// No repetition starts later than this after the last progress (default 120 s).
    pub retry_timeout: Duration,
    /// Pause before the first repetition (default 100 ms); later pauses grow up to thrice the
    /// previous one, with jitter, and stay below 10 s. A server's `Retry-After` is waited for.
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
            max_retries: 15,
            retry_timeout: Duration::from_secs(120),
            first_pause: Duration::from_millis(100),
            page_size: None,
        }
    }
}

impl ConnectOptions {
    /// The same with the patience of somebody who waits for the answer.
    pub(crate) fn for_questions(&self) -> Self {
        Self {
            max_retries: self.max_retries.min(4),
            retry_timeout: self.retry_timeout.min(Duration::from_secs(20)),
            ..self.clone()
        }
    }

    fn retries(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: self.first_pause,
                max_backoff: LONGEST_PAUSE,
                base: 3.0,
            },
            max_retries: self.max_retries,
            retry_timeout: self.retry_timeout,
        }
    }
}

/// Longest pause between two attempts.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(10);

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
    /// [`Error::Other`] if the HTTP client cannot be set up.
    pub fn open_with(&self, options: &ConnectOptions) -> Result<Store, Error> {
        let name: Arc<str> = self.to_string().into();
        let failed = |source| error::about_listing(&name, "", source);
        let (inner, s3): (Arc<dyn ObjectStore>, _) = match self.kind() {
            Kind::Directory(directory) => {
                if !directory.is_dir() {
                    return Err(Error::NoSuchBucket { location: self.to_string() });
                }
                (Arc::new(LocalFileSystem::new_with_prefix(directory).map_err(failed)?), None)
            }
            Kind::S3 { bucket, .. } | Kind::Endpoint { bucket, .. } => {
                let client = client_options(self, options);
                let client = ReqwestConnector::default().connect(&client).map_err(failed)?;
                let client = Regions::follow(client, self.region_of_host());
                let open = |options: &ConnectOptions| {
                    self.builder(bucket)
                        .with_retry(options.retries())
                        .with_http_connector(Shared(client.clone()))
                        .build()
                        .map_err(failed)
                };
                let questions = Arc::new(open(&options.for_questions())?);
                let inner = Arc::new(open(options)?);
                let silence = options.read_timeout;
                let objects = S3Objects::new(client.clone(), self.clone(), silence);
                let objects = Arc::new(objects);
                let listing = Arc::new(S3Listing::new(client, self, options));
                (inner, Some(S3 { listing, objects, questions }))
            }
        };
        Ok(Store { inner, name, options: options.clone(), s3 })
    }

    fn builder(&self, bucket: &str) -> AmazonS3Builder {
        // Not `from_env`: variables meant for other buckets must not redirect this one.
        let builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_skip_signature(true)
            .with_region(self.region().unwrap_or(crate::DEFAULT_REGION));
        match self.kind() {
            Kind::Endpoint { server, .. } => builder
                .with_endpoint(server.as_str().trim_end_matches('/'))
                .with_allow_http(server.scheme() == "http"),
            _ => builder.with_virtual_hosted_style_request(!bucket.contains('.')),
        }
    }
}

/// One client, and so one pool of connections, for everything that a store asks.
#[derive(Debug)]
struct Shared(HttpClient);

impl HttpConnector for Shared {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("name", &self.name).finish_non_exhaustive()
    }
}

fn client_options(location: &Location, options: &ConnectOptions) -> ClientOptions {
    let plain_http =
        matches!(location.kind(), Kind::Endpoint { server, .. } if server.scheme() == "http");
    ClientOptions::new()
        .with_allow_http(plain_http)
        .with_connect_timeout(options.connect_timeout)
        .with_read_timeout(options.read_timeout)
        // The overall timeout of the client counts the body too and would cut every long transfer.
        .with_timeout_disabled()
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::aws::AmazonS3ConfigKey;

    #[test]
    fn a_missing_folder_is_named() {
        let location: Location = "file:///no/such/folder".parse().unwrap();
        let error = location.open().unwrap_err();
        assert_eq!(error.to_string(), "file:///no/such/folder does not exist");
    }

    #[test]
    fn questions_are_less_patient_but_never_more() {
        let questions = ConnectOptions::default().for_questions();
        assert_eq!(questions.max_retries, 4);
        assert_eq!(questions.retry_timeout, Duration::from_secs(20));
        let hurried = ConnectOptions {
            max_retries: 1,
            retry_timeout: Duration::from_secs(1),
            ..ConnectOptions::default()
        };
        let questions = hurried.for_questions();
        assert_eq!((questions.max_retries, questions.retry_timeout.as_secs()), (1, 1));
    }

    #[test]
    fn requests_are_anonymous_and_know_their_region() {
        let location: Location = "s3://laion-fmri".parse().unwrap();
        let builder = location.builder("laion-fmri");
        let value = |key| builder.get_config_value(&key);
        assert_eq!(value(AmazonS3ConfigKey::SkipSignature).as_deref(), Some("true"));
        assert_eq!(value(AmazonS3ConfigKey::Region).as_deref(), Some("us-west-2"));
        assert_eq!(value(AmazonS3ConfigKey::VirtualHostedStyleRequest).as_deref(), Some("true"));
        assert_eq!(value(AmazonS3ConfigKey::AccessKeyId), None);
        assert_eq!(location.open().unwrap().name(), "s3://laion-fmri");
    }
}
