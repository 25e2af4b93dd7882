//! Where a bucket lives: [`Location`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::Key;

/// Region of an `s3://` location that names none.
pub const DEFAULT_REGION: &str = "us-west-2";

/// The address of a bucket, or of a folder that stands for one.
///
/// | text | meaning |
/// |---|---|
/// | `s3://NAME` | a public bucket on AWS, read without credentials, in [`DEFAULT_REGION`] |
/// | `s3://NAME?region=REGION` | the same in another region |
/// | `http://HOST[:PORT]/BUCKET`, `https://...` | a path-style S3 endpoint, read without credentials |
/// | `file:///DIR` | a folder whose files are the objects; it must exist when it is opened |
///
/// [`FromStr`] and [`Display`](fmt::Display) undo each other; `Display` writes the shortest form (no
/// default region, no default port, no trailing slash). A location holds no secrets, so it can be
/// printed anywhere.
///
/// ```
/// use s3_mirror::Location;
///
/// let location: Location = "s3://laion-fmri".parse()?;
/// assert_eq!(location.region(), Some("us-west-2"));
/// assert_eq!(
///     location.url_of(&"derivatives/aparc+aseg.mgz".parse()?),
///     "https://laion-fmri.s3.us-west-2.amazonaws.com/derivatives/aparc%2Baseg.mgz",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    S3 { bucket: String, region: String },
    Endpoint { server: Url, bucket: String },
    Directory(PathBuf),
}

impl Location {
    /// A public bucket on AWS in [`DEFAULT_REGION`].
    ///
    /// # Errors
    ///
    /// [`LocationError::InvalidBucket`].
    pub fn s3(bucket: &str) -> Result<Self, LocationError> {
        check_bucket(bucket, bucket)?;
        Ok(Self(Kind::S3 { bucket: bucket.to_owned(), region: DEFAULT_REGION.to_owned() }))
    }

    /// A folder whose files are the objects.
    ///
    /// # Errors
    ///
    /// [`LocationError::NotAbsolute`] if `directory` is relative.
    pub fn directory(directory: impl Into<PathBuf>) -> Result<Self, LocationError> {
        let directory = directory.into();
        if directory.is_absolute() && Url::from_file_path(&directory).is_ok() {
            Ok(Self(Kind::Directory(directory)))
        } else {
            Err(LocationError::NotAbsolute { path: directory })
        }
    }

    /// The same bucket in `region`. Only AWS has regions: other locations are returned unchanged.
    ///
    /// # Errors
    ///
    /// [`LocationError::InvalidRegion`] unless `region` consists of `a-z`, `0-9` and `-`.
    pub fn with_region(self, region: &str) -> Result<Self, LocationError> {
        match self.0 {
            Kind::S3 { bucket, .. } => {
                check_region(&format!("s3://{bucket}"), region)?;
                Ok(Self(Kind::S3 { bucket, region: region.to_owned() }))
            }
            other => Ok(Self(other)),
        }
    }

    /// The name of the bucket; `None` for a folder.
    #[must_use]
    pub fn bucket(&self) -> Option<&str> {
        match &self.0 {
            Kind::S3 { bucket, .. } | Kind::Endpoint { bucket, .. } => Some(bucket),
            Kind::Directory(_) => None,
        }
    }

    /// The AWS region; `None` for everything that is not `s3://`.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match &self.0 {
            Kind::S3 { region, .. } => Some(region),
            _ => None,
        }
    }

    /// The folder of a `file://` location.
    #[must_use]
    pub fn as_directory(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Directory(directory) => Some(directory),
            _ => None,
        }
    }

    /// Whether opening this location needs the network.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        !matches!(self.0, Kind::Directory(_))
    }

    /// The address of one object, percent-encoded, as any HTTP client takes it (`file://` for a folder).
    #[must_use]
    pub fn url_of(&self, key: &Key) -> String {
        let key = utf8_percent_encode(key.as_str(), ENCODED_IN_KEYS);
        match &self.0 {
            Kind::Directory(directory) => {
                let directory = url_of_directory(directory);
                format!("{}/{key}", directory.trim_end_matches('/'))
            }
            _ => format!("{}/{key}", self.bucket_url().unwrap_or_default()),
        }
    }

    /// The address of the bucket itself, without a trailing slash; `None` for a folder.
    pub(crate) fn bucket_url(&self) -> Option<String> {
        match &self.0 {
            // A bucket name with dots does not match the wildcard certificate of the virtual host.
            Kind::S3 { bucket, region } if bucket.contains('.') => {
                Some(format!("https://s3.{region}.amazonaws.com/{bucket}"))
            }
            Kind::S3 { bucket, region } => {
                Some(format!("https://{bucket}.s3.{region}.amazonaws.com"))
            }
            Kind::Endpoint { server, bucket } => {
                Some(format!("{}/{bucket}", server.as_str().trim_end_matches('/')))
            }
            Kind::Directory(_) => None,
        }
    }

    /// The region that stands as a label in the host of [`bucket_url`](Self::bucket_url).
    pub(crate) fn region_of_host(&self) -> Option<String> {
        match &self.0 {
            Kind::S3 { region, .. } => Some(region.clone()),
            Kind::Endpoint { server, .. } => {
                server.host_str()?.split('.').find(|label| names_a_region(label)).map(str::to_owned)
            }
            Kind::Directory(_) => None,
        }
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0
    }
}

/// A text that is not a [`Location`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// The text has no known scheme.
    #[error(
        "location {location:?} has an unknown scheme (expected s3://, http://, https:// or file://)"
    )]
    UnknownScheme {
        /// The text.
        location: String,
    },
    /// The text is not a URL.
    #[error("location {location:?} is not a URL")]
    Malformed {
        /// The text.
        location: String,
        /// What the URL parser found.
        source: url::ParseError,
    },
    /// The bucket is missing or is not a possible bucket name.
    #[error(
        "location {location:?} has no usable bucket name (expected 3 to 63 of a-z, 0-9, '.', '-'; got {got:?})"
    )]
    InvalidBucket {
        /// The text.
        location: String,
        /// What stands where the bucket should.
        got: String,
    },
    /// The region is not a possible region name.
    #[error("location {location:?} has no usable region (expected a-z, 0-9, '-'; got {got:?})")]
    InvalidRegion {
        /// The text.
        location: String,
        /// What stands where the region should.
        got: String,
    },
    /// The text has a part that no location of its scheme has.
    #[error("location {location:?} has a {part}, which such a location cannot have")]
    Unexpected {
        /// The text.
        location: String,
        /// `"user name"`, `"query"`, `"fragment"`, `"key prefix"` or `"host"`.
        part: &'static str,
    },
    /// A folder was given by a relative path.
    #[error("folder {} is not an absolute path", path.display())]
    NotAbsolute {
        /// The path.
        path: PathBuf,
    },
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(LocationError::UnknownScheme { location: text.to_owned() });
        };
        match scheme {
            "s3" => parse_s3(text, rest),
            "http" | "https" => parse_endpoint(text),
            "file" => parse_directory(text),
            _ => Err(LocationError::UnknownScheme { location: text.to_owned() }),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::S3 { bucket, region } if region == DEFAULT_REGION => write!(f, "s3://{bucket}"),
            Kind::S3 { bucket, region } => write!(f, "s3://{bucket}?region={region}"),
            Kind::Endpoint { server, bucket } => {
                write!(f, "{}/{bucket}", server.as_str().trim_end_matches('/'))
            }
            Kind::Directory(directory) => f.write_str(&url_of_directory(directory)),
        }
    }
}

/// What a URL path leaves alone: unreserved characters (RFC 3986, 2.3) and the slash.
const ENCODED_IN_KEYS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

fn parse_s3(text: &str, rest: &str) -> Result<Location, LocationError> {
    let unexpected = |part| LocationError::Unexpected { location: text.to_owned(), part };
    let (rest, query) =
        rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    if rest.contains('#') {
        return Err(unexpected("fragment"));
    }
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if !prefix.is_empty() {
        return Err(unexpected("key prefix"));
    }
    check_bucket(text, bucket)?;
    let region = match query {
        None => DEFAULT_REGION,
        Some(query) => query.strip_prefix("region=").ok_or_else(|| unexpected("query"))?,
    };
    check_region(text, region)?;
    Ok(Location(Kind::S3 { bucket: bucket.to_owned(), region: region.to_owned() }))
}

fn parse_endpoint(text: &str) -> Result<Location, LocationError> {
    let mut server = parse_url(text)?;
    let unexpected = |part| Err(LocationError::Unexpected { location: text.to_owned(), part });
    if !server.username().is_empty() || server.password().is_some() {
        return unexpected("user name");
    }
    if server.query().is_some() {
        return unexpected("query");
    }
    if server.fragment().is_some() {
        return unexpected("fragment");
    }
    let path = server.path().trim_matches('/').to_owned();
    let (bucket, prefix) = path.split_once('/').unwrap_or((&path, ""));
    if !prefix.is_empty() {
        return unexpected("key prefix");
    }
    check_bucket(text, bucket)?;
    server.set_path("");
    Ok(Location(Kind::Endpoint { server, bucket: bucket.to_owned() }))
}

fn parse_directory(text: &str) -> Result<Location, LocationError> {
    let url = parse_url(text)?;
    let unexpected = |part| LocationError::Unexpected { location: text.to_owned(), part };
    if url.query().is_some() {
        return Err(unexpected("query"));
    }
    if url.fragment().is_some() {
        return Err(unexpected("fragment"));
    }
    let directory = url.to_file_path().map_err(|()| unexpected("host"))?;
    Location::directory(directory)
}

fn parse_url(text: &str) -> Result<Url, LocationError> {
    Url::parse(text)
        .map_err(|source| LocationError::Malformed { location: text.to_owned(), source })
}

/// The naming rules of S3 buckets, so that a name is safe inside a host name and a path.
fn check_bucket(location: &str, bucket: &str) -> Result<(), LocationError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if (3..=63).contains(&bucket.len())
        && bucket.chars().all(allowed)
        && edge(bucket.chars().next())
        && edge(bucket.chars().next_back())
        && !bucket.contains("..")
    {
        return Ok(());
    }
    Err(LocationError::InvalidBucket { location: location.to_owned(), got: bucket.to_owned() })
}

fn check_region(location: &str, region: &str) -> Result<(), LocationError> {
    if is_region(region) {
        return Ok(());
    }
    Err(LocationError::InvalidRegion { location: location.to_owned(), got: region.to_owned() })
}

/// Whether a text can be a region, and so a label of a host.
pub(crate) fn is_region(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= 63 && text.chars().all(allowed)
}

/// Whether a label of a host looks like the regions of AWS: `us-west-2`, `us-gov-east-1`.
fn names_a_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let letters = |part: &&str| part.chars().all(|c| c.is_ascii_lowercase()) && part.len() > 1;
    match parts.as_slice() {
        [area, middle @ .., number] => {
            area.len() == 2
                && !middle.is_empty()
                && [*area].iter().chain(middle).all(letters)
                && number.len() == 1
                && number.chars().all(|c| c.is_ascii_digit())
        }
        _ => false,
    }
}

fn url_of_directory(directory: &Path) -> String {
    match Url::from_file_path(directory) {
        Ok(url) => url.into(),
        // Not reached for a directory that `Location::directory` has accepted.
        Err(()) => format!("file://{}", directory.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(text: &str) -> LocationError {
        text.parse::<Location>().unwrap_err()
    }

    #[test]
    fn texts_and_their_shortest_form() {
        for (text, shortest) in [
            ("s3://laion-fmri", "s3://laion-fmri"),
            ("s3://laion-fmri/", "s3://laion-fmri"),
            ("s3://laion-fmri?region=us-west-2", "s3://laion-fmri"),
            ("s3://a.b.c?region=eu-central-1", "s3://a.b.c?region=eu-central-1"),
            ("http://127.0.0.1:9000/laion-fmri", "http://127.0.0.1:9000/laion-fmri"),
            ("http://[::1]:9000/laion-fmri/", "http://[::1]:9000/laion-fmri"),
            ("https://example.org:443/data", "https://example.org/data"),
            ("file:///data/a%20folder", "file:///data/a%20folder"),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_string(), shortest);
            assert_eq!(shortest.parse::<Location>().unwrap(), location);
        }
    }

    #[test]
    fn parts() {
        let location: Location = "s3://data?region=eu-west-1".parse().unwrap();
        assert_eq!((location.bucket(), location.region()), (Some("data"), Some("eu-west-1")));
        assert!(location.is_remote());
        assert_eq!(location.with_region("us-east-1").unwrap().region(), Some("us-east-1"));

        let location: Location = "file:///data/a%20folder".parse().unwrap();
        assert_eq!(location.as_directory(), Some(Path::new("/data/a folder")));
        assert_eq!((location.bucket(), location.region()), (None, None));
        assert!(!location.is_remote());
    }

    #[test]
    fn regions_in_hosts() {
        for (location, expected) in [
            ("s3://data", Some("us-west-2")),
            ("https://s3.eu-central-1.amazonaws.com/data", Some("eu-central-1")),
            ("https://s3.us-gov-east-1.example.org/data", Some("us-gov-east-1")),
            ("https://s3-us-west-2.amazonaws.com/data", None),
            ("http://127.0.0.1:9000/data", None),
            ("http://[::1]:9000/data", None),
            ("http://a-b-1.example.org/data", None),
            ("file:///us-west-2.d", None),
        ] {
            let location: Location = location.parse().unwrap();
            assert_eq!(location.region_of_host().as_deref(), expected, "{location}");
        }
    }

    #[test]
    fn object_addresses() {
        let key: Key = "a b/x+y#1%2.txt".parse().unwrap();
        for (location, expected) in [
            ("s3://data", "https://data.s3.us-west-2.amazonaws.com/a%20b/x%2By%231%252.txt"),
            ("s3://da.ta", "https://s3.us-west-2.amazonaws.com/da.ta/a%20b/x%2By%231%252.txt"),
            ("http://localhost:9/data", "http://localhost:9/data/a%20b/x%2By%231%252.txt"),
            ("file:///data/", "file:///data/a%20b/x%2By%231%252.txt"),
        ] {
            assert_eq!(location.parse::<Location>().unwrap().url_of(&key), expected);
        }
    }

    #[test]
    fn what_is_refused() {
        for text in ["", "/data", "laion-fmri", "ftp://host/data", "gs://data"] {
            assert_eq!(refused(text), LocationError::UnknownScheme { location: text.to_owned() });
        }
        for (text, got) in [
            ("s3://", ""),
            ("s3://A", "A"),
            ("s3://ab", "ab"),
            ("s3://a_b_c", "a_b_c"),
            ("s3://-abc", "-abc"),
            ("s3://a..b", "a..b"),
            ("http://host", ""),
            ("http://host/a%20b", "a%20b"),
        ] {
            let (location, got) = (text.to_owned(), got.to_owned());
            assert_eq!(refused(text), LocationError::InvalidBucket { location, got });
        }
        for (text, part) in [
            ("s3://data/sub-01", "key prefix"),
            ("s3://data?endpoint=x", "query"),
            ("s3://data#x", "fragment"),
            ("http://user@host/data", "user name"),
            ("http://host/data?x", "query"),
            ("http://host/data#x", "fragment"),
            ("http://host/data/sub-01", "key prefix"),
            ("file:///data?x", "query"),
            ("file:///data#x", "fragment"),
            ("file://server/data", "host"),
        ] {
            assert_eq!(
                refused(text),
                LocationError::Unexpected { location: text.to_owned(), part }
            );
        }
        assert_eq!(
            refused("s3://data?region=eu west"),
            LocationError::InvalidRegion {
                location: "s3://data?region=eu west".to_owned(),
                got: "eu west".to_owned(),
            }
        );
        assert_eq!(
            refused("http://host:port/data"),
            LocationError::Malformed {
                location: "http://host:port/data".to_owned(),
                source: url::ParseError::InvalidPort,
            }
        );
        assert_eq!(
            Location::directory("data"),
            Err(LocationError::NotAbsolute { path: PathBuf::from("data") })
        );
    }

    proptest! {
        #[test]
        fn display_undoes_from_str(text in prop_oneof![
            "s3://[a-z0-9.-]{3,8}(\\?region=[a-z0-9-]{1,6})?",
            "https?://[a-z]{1,5}(:[0-9]{1,4})?/[a-z0-9.-]{3,8}/?",
            "file:///[a-zA-Z0-9 %é/._-]{0,12}",
        ]) {
            if let Ok(location) = text.parse::<Location>() {
                prop_assert_eq!(location.to_string().parse::<Location>().unwrap(), location);
            }
        }
    }
}
