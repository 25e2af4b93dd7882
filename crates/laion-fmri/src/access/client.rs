//! The calls of the protocol: [`AccessService`].

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;
use s3_mirror::Cancel;
use serde_json::{Value, json};

use super::error::tame;
use super::http::{Answer, Call, Http, without_query};
use super::protocol::{Grant, Manifest};
use super::{AccessError, AccessForm, AccessOptions, RequestId};
use crate::Result;

/// The service of the dataset.
pub const PUBLIC_URL: &str = "https://laion-fmri.hebartlab.com";

/// The most characters of a server's explanation that are repeated.
const MAX_DETAIL: usize = 300;

/// An access service. Clones share connections; calls block, also in asynchronous code, and may run at
/// once.
#[derive(Clone)]
pub struct AccessService {
    base: Url,
    text: String,
    options: AccessOptions,
    /// Set up with the first call: loading certificates takes time and may fail.
    http: Arc<Mutex<Option<Arc<Http>>>>,
}

/// A page of the service for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Page {
    /// The terms of use.
    Terms,
    /// Where changed terms are accepted.
    AcceptTerms,
    /// The privacy notice.
    Privacy,
    /// The form.
    Request,
    /// For owners of images.
    Takedown,
}

impl AccessService {
    /// The service of the dataset.
    ///
    /// # Errors
    ///
    /// As [`AccessService::new`], which takes this address.
    pub fn public() -> Result<Self> {
        Self::new(PUBLIC_URL)
    }

    /// A service at another address: `https`, or `http` on a loopback address; slashes at the end
    /// do not count.
    ///
    /// # Errors
    ///
    /// [`AccessError::InvalidUrl`]. Nothing is set up or sent yet.
    pub fn new(url: &str) -> Result<Self> {
        Self::with_options(url, AccessOptions::default())
    }

    /// The same with another patience.
    ///
    /// # Errors
    ///
    /// As [`AccessService::new`].
    pub fn with_options(url: &str, options: AccessOptions) -> Result<Self> {
        let base = checked(url)?;
        let text = written(&base);
        Ok(Self { base, text, options, http: Arc::default() })
    }

    /// The address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.text
    }

    /// The address of a page.
    #[must_use]
    pub fn page(&self, page: Page) -> String {
        let path = match page {
            Page::Terms => "terms",
            Page::AcceptTerms => "terms/accept",
            Page::Privacy => "privacy",
            Page::Request => "request",
            Page::Takedown => "takedown",
        };
        format!("{}/{path}", self.text)
    }

    /// The files of the service, and the version of its terms. Nothing personal is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Access`](crate::Error::Access): unreachable, rate limited, another status, an answer
    /// that is not a manifest or lacks a file; [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn manifest(&self, cancel: &Cancel) -> Result<Manifest> {
        let call = self.call("api/v1/manifest", None, true);
        let http = self.http()?;
        http.block_on(cancel, async {
            let answer = self.answered(&http, &call).await?;
            Ok(Manifest::parse(&answer.body, &without_query(&call.url))?)
        })
    }

    /// Sends a form that a person filled in, after checking it.
    ///
    /// It is sent only once. If it is unclear whether it arrived, that is an error.
    ///
    /// # Errors
    ///
    /// [`AccessError::Form`] before anything is sent; [`AccessError::TermsOutdated`] and the other
    /// failures of a call; [`Error::Cancelled`](crate::Error::Cancelled).
    #[doc(alias = "request_stimulus_access")]
    #[doc(alias = "accept_licenses")]
    pub fn request(
        &self,
        form: &AccessForm,
        manifest: &Manifest,
        cancel: &Cancel,
    ) -> Result<Grant> {
        form.check(manifest.terms_version()).map_err(AccessError::from)?;
        let body = form.body(manifest.terms_version());
        let call = self.call("api/v1/access/request", Some(&body), false);
        let http = self.http()?;
        http.block_on(cancel, async {
            let answer = self.answered(&http, &call).await?;
            let url = without_query(&call.url);
            Ok(Grant::parse(&answer.body, &url, None, self.is_loopback())?)
        })
    }

    /// Fresh links for access that was granted earlier.
    ///
    /// # Errors
    ///
    /// [`AccessError::UnknownRequestId`], [`AccessError::Revoked`], [`AccessError::TermsOutdated`]
    /// and the other failures of a call; [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn refresh(
        &self,
        request_id: &RequestId,
        manifest: &Manifest,
        cancel: &Cancel,
    ) -> Result<Grant> {
        let http = self.http()?;
        http.block_on(cancel, async { Ok(self.refreshed(&http, request_id, manifest).await?) })
    }

    pub(super) async fn refreshed(
        &self,
        http: &Http,
        request_id: &RequestId,
        manifest: &Manifest,
    ) -> Result<Grant, AccessError> {
        let body = json!({
            "request_id": request_id.reveal(),
            "dataset_version": manifest.dataset_version(),
        });
        let call = self.call("api/v1/refresh", Some(&body), true);
        let answer = self.answered(http, &call).await.map_err(|error| match error {
            AccessError::Status { status: 404, .. } => AccessError::UnknownRequestId {
                server: self.text.clone(),
                page: self.page(Page::Request),
            },
            other => other,
        })?;
        Grant::parse(&answer.body, &without_query(&call.url), Some(request_id), self.is_loopback())
    }

    /// The client, set up when it is needed for the first time.
    pub(super) fn http(&self) -> Result<Arc<Http>> {
        let mut slot = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(http) = &*slot {
            return Ok(Arc::clone(http));
        }
        let http = Arc::new(Http::new(self.options.clone(), self.base.scheme() == "https")?);
        *slot = Some(Arc::clone(&http));
        Ok(http)
    }

    /// What is missing when there is no request id: [`AccessError::AccessNeeded`].
    #[must_use]
    pub fn access_needed(&self) -> AccessError {
        AccessError::AccessNeeded { server: self.text.clone(), page: self.page(Page::Request) }
    }

    fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    fn call(&self, path: &str, body: Option<&Value>, repeatable: bool) -> Call {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        Call { url, body: body.map(Value::to_string), repeatable }
    }

    async fn answered(&self, http: &Http, call: &Call) -> Result<Answer, AccessError> {
        let answer = http.call(call).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.refusal(call, &answer)) }
    }

    fn refusal(&self, call: &Call, answer: &Answer) -> AccessError {
        let url = without_query(&call.url);
        let status = answer.status.as_u16();
        let document: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let said = document.as_ref().and_then(|document| document.get("detail"));
        let plain = String::from_utf8_lossy(&answer.body);
        let detail = match said {
            Some(Value::String(text)) => tame(text, MAX_DETAIL),
            Some(other) => tame(&other.to_string(), MAX_DETAIL),
            None => tame(&plain, MAX_DETAIL),
        };
        let field = |name: &str| said.and_then(|said| said.get(name)).and_then(Value::as_str);
        match status {
            300..400 => {
                let to = answer.location.as_deref().and_then(|to| call.url.join(to).ok());
                let to = to.as_ref().and_then(Url::host_str).unwrap_or("?").to_owned();
                AccessError::Redirected { url, to }
            }
            403 if field("error") == Some("terms_outdated") => AccessError::TermsOutdated {
                accept_url: field("accept_url")
                    .and_then(web_address)
                    .unwrap_or_else(|| self.page(Page::AcceptTerms)),
                current_terms_version: field("current_terms_version")
                    .map_or_else(|| "?".to_owned(), |version| tame(version, 64)),
            },
            403 if detail.to_lowercase().contains("revoked") => {
                AccessError::Revoked { page: self.page(Page::Request) }
            }
            429 => AccessError::RateLimited { url, retry_after: answer.retry_after },
            _ => AccessError::Status { url, status, detail },
        }
    }
}

impl fmt::Debug for AccessService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessService").field("url", &self.text).finish_non_exhaustive()
    }
}

/// Whether an address stays on this machine and needs no encryption.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    url.scheme() == "http"
        && (host == "localhost"
            || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()))
}

/// An address as [`AccessService::url`] would write it, for comparing services.
pub(super) fn normal_form(text: &str) -> Result<String, AccessError> {
    checked(text).map(|url| written(&url))
}

fn written(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn checked(text: &str) -> Result<Url, AccessError> {
    let refused = |url: &str, reason| AccessError::InvalidUrl { url: url.to_owned(), reason };
    let url = Url::parse(text.trim())
        .map_err(|_| refused(if text.contains('@') { "..." } else { text }, "it is not a URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(url.host_str().unwrap_or("..."), "it holds a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused(&without_query(&url), "it has a query or a fragment"));
    }
    if url.scheme() != "https" && !is_loopback(&url) {
        return Err(refused(text, "expected https, since it is sent personal data and secrets"));
    }
    Ok(url)
}

/// An address that a person may be sent to.
fn web_address(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let usable = ["https", "http"].contains(&url.scheme()) && url.has_host() && text.len() <= 500;
    usable.then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn addresses_are_checked_and_normalised() {
        for (text, url) in [
            ("https://a.example", "https://a.example"),
            (" https://A.example//", "https://a.example"),
            ("https://a.example/sub/", "https://a.example/sub"),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
            ("http://localhost", "http://localhost"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(AccessService::new(text).unwrap().url(), url);
        }
        for (text, shown, expected) in [
            ("a.example", "a.example", "it is not a URL"),
            (
                "http://a.example",
                "http://a.example",
                "expected https, since it is sent personal data and secrets",
            ),
            (
                "ftp://a.example",
                "ftp://a.example",
                "expected https, since it is sent personal data and secrets",
            ),
            ("https://u:SECRET@a.example", "a.example", "it holds a user name or password"),
            ("https://a.example/?k=SECRET", "https://a.example/", "it has a query or a fragment"),
        ] {
            match AccessService::new(text) {
                Err(Error::Access(AccessError::InvalidUrl { url, reason })) => {
                    assert_eq!((url.as_str(), reason), (shown, expected));
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn calls_go_below_the_address() {
        let service = AccessService::new("https://a.example/sub").unwrap();
        let call = service.call("api/v1/refresh", None, true);
        assert_eq!(call.url.as_str(), "https://a.example/sub/api/v1/refresh");
        assert_eq!(service.page(Page::Terms), "https://a.example/sub/terms");
        assert_eq!(service.page(Page::Takedown), "https://a.example/sub/takedown");
    }

    #[test]
    fn only_web_pages_are_recommended() {
        assert_eq!(web_address("javascript:alert(1)"), None);
        assert_eq!(web_address("https://a.example/x"), Some("https://a.example/x".to_owned()));
    }
}
