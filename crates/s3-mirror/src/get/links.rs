//! Objects behind addresses that expire: [`Links`], [`Linked`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::StreamExt;
use tokio::sync::Mutex;
use url::Url;

use super::http::{About, Http, Subject};
use super::{Answer, Failure, Wanted};
use crate::error::Source;
use crate::{Error, Key, Listed};

/// A link that was renewed this often in a row is not the reason for the refusal.
const MAX_RENEWALS: u32 = 2;

/// Gives addresses to objects that have none of their own, such as signed links.
///
/// A link is treated as a secret. It is sent only to the server that it leads to, and is never part
/// of an error, a log line or `Debug` output. These name the store and the key.
#[async_trait]
pub trait Links: Send + Sync {
    /// The address of an object; with `renew` a new one, because the server refuses the last one.
    ///
    /// # Errors
    ///
    /// Why there is none. It must not hold an address either.
    async fn link(&self, key: &Key, renew: bool) -> Result<String, Source>;
}

/// The requests of a store whose objects are behind links.
pub(crate) struct Linked {
    http: Http,
    links: Arc<dyn Links>,
    /// The store as messages name it.
    name: String,
    known: Mutex<HashMap<Key, Link>>,
}

#[derive(Clone)]
struct Link {
    url: String,
    /// Which link to the object it is.
    number: u64,
    /// How often in a row a link to the object was refused and renewed.
    renewed: u32,
}

impl fmt::Debug for Linked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Linked").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Linked {
    pub(crate) fn new(http: Http, links: Arc<dyn Links>, name: String) -> Self {
        Self { http, links, name, known: Mutex::default() }
    }

    pub(super) async fn get(&self, wanted: &Wanted<'_>) -> Result<Answer, Failure> {
        let subject = Subject::Object(wanted.key.as_str());
        let about = About { location: &self.name, subject, region: None };
        let mut link = self.link(wanted.key, None).await?;
        loop {
            let mut request = about.request("GET", &link.url)?;
            wanted.conditions(&about, &mut request)?;
            let response = self.http.send(&about, request).await?;
            match response.status().as_u16() {
                200 | 206 => {
                    self.accepted(wanted.key, &link).await;
                    // Links lead to servers that give lengths. An answer without one is a page, or has
                    // no end.
                    let wanted = Wanted { size: None, ..wanted.clone() };
                    return self.http.answer(&about, &wanted, response);
                }
                // An expired signature is refused with any of these.
                status @ (400 | 401 | 403 | 404 | 410) => {
                    tracing::debug!(key = wanted.key.as_str(), status, "the link is renewed");
                    link = self.link(wanted.key, Some((link.number, status))).await?;
                }
                _ => return Err(self.http.refusal(&about, response).await),
            }
        }
    }

    /// What the server says about an object. A signed link is for GET alone, so a byte is asked for.
    pub(crate) async fn head(&self, key: &Key) -> Result<Listed, Failure> {
        let mut answer =
            self.get(&Wanted { key, range: Some(0..1), etag: None, size: None }).await?;
        if answer.range == (0..1) {
            // To the end of the body, so that its connection can be used again.
            answer.body.next().await.transpose()?;
        }
        let (key, size, etag) = (key.clone(), answer.size, answer.etag);
        Ok(Listed { key, size, etag, last_modified: None })
    }

    /// The link to an object, or the one after that which was `refused`, with its status. Several
    /// requests that are refused at once renew it once.
    async fn link(&self, key: &Key, refused: Option<(u64, u16)>) -> Result<Link, Failure> {
        let mut known = self.known.lock().await;
        let last = known.get(key);
        if let Some(last) = last
            && refused.is_none_or(|(number, _)| number != last.number)
        {
            return Ok(last.clone());
        }
        let (number, renewed) = last.map_or((0, 0), |last| (last.number + 1, last.renewed));
        let (location, name) = (self.name.clone(), key.to_string());
        if let Some((_, status)) = refused
            && renewed == MAX_RENEWALS
        {
            let error = Error::LinkRefused { location, key: name, status, renewed };
            return Err(Failure::Final(error));
        }
        let renew = refused.is_some();
        let url = self.links.link(key, renew).await;
        let url =
            url.map_err(|source| Failure::Final(Error::Link { location, key: name, source }))?;
        // What the HTTP client cannot read, it cannot refuse either.
        let url = Url::parse(&url).map_err(|_| {
            let (location, key) = (self.name.clone(), key.to_string());
            let source = "it is not an address".into();
            Failure::Final(Error::Link { location, key, source })
        })?;
        let url = String::from(url);
        let link = Link { url, number, renewed: renewed + u32::from(renew) };
        known.insert(key.clone(), link.clone());
        Ok(link)
    }

    async fn accepted(&self, key: &Key, link: &Link) {
        if link.renewed > 0
            && let Some(last) = self.known.lock().await.get_mut(key)
            && last.number == link.number
        {
            last.renewed = 0;
        }
    }
}
