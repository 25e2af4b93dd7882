//! A bucket that lives in another region than its address says: [`Regions`].

use std::sync::OnceLock;

use async_trait::async_trait;
use object_store::client::{HttpClient, HttpError, HttpRequest, HttpResponse, HttpService};

/// Statuses by which S3 sends a request to another region. The answer names it in
/// `x-amz-bucket-region`; a `Location` to follow is missing, as a rule.
const ELSEWHERE: [u16; 5] = [301, 302, 307, 308, 400];

/// A client that follows a bucket into the region that the server names: once, for everything that is
/// asked afterwards. Only the label of the region in the host is exchanged, so that no answer can send
/// a request to another domain.
#[derive(Debug)]
pub(super) struct Regions {
    client: HttpClient,
    /// The region in the host, as the location has it.
    region: String,
    moved: OnceLock<String>,
}

impl Regions {
    /// `client` itself, if the host of the location has no label that is a region.
    pub(super) fn follow(client: HttpClient, region: Option<String>) -> HttpClient {
        match region {
            Some(region) => HttpClient::new(Self { client, region, moved: OnceLock::new() }),
            None => client,
        }
    }

    /// The request to the region that the bucket is in, as far as that is known.
    fn directed(&self, request: &HttpRequest) -> HttpRequest {
        let mut request = request.clone();
        let url = self.moved.get().and_then(|region| {
            let url = request.uri().to_string();
            let (scheme, rest) = url.split_once("://")?;
            let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let labels = host.split('.');
            let labels: Vec<&str> =
                labels.map(|label| if label == self.region { region } else { label }).collect();
            format!("{scheme}://{}{path}", labels.join(".")).parse().ok()
        });
        if let Some(url) = url {
            *request.uri_mut() = url;
        }
        request
    }
}

#[async_trait]
impl HttpService for Regions {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let asked = self.moved.get().unwrap_or(&self.region).clone();
        let response = self.client.execute(self.directed(&request)).await?;
        let Some(named) = elsewhere(&response).filter(|named| **named != asked) else {
            return Ok(response);
        };
        let region = self.moved.get_or_init(|| named.to_owned());
        // The second region that is named is one too many.
        if *region == asked {
            return Ok(response);
        }
        tracing::info!(from = asked, to = region, "the bucket is in another region");
        self.client.execute(self.directed(&request)).await
    }
}

/// The region that a refusal names, if it can be one.
fn elsewhere(response: &HttpResponse) -> Option<&str> {
    let named = response.headers().get("x-amz-bucket-region")?.to_str().ok()?;
    let sent_on = ELSEWHERE.contains(&response.status().as_u16());
    (sent_on && crate::location::is_region(named)).then_some(named)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use object_store::client::HttpRequestBody;

    use super::*;
    use crate::Location;

    /// A bucket that is in one region, on servers that know which.
    #[derive(Clone, Debug, Default)]
    struct Servers {
        home: &'static str,
        asked: Arc<Mutex<Vec<String>>>,
    }

    #[async_trait]
    impl HttpService for Servers {
        async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
            let url = request.uri().to_string();
            let mut response = HttpResponse::new(String::new().into());
            if !url.contains(&format!(".{}.", self.home)) {
                *response.status_mut() = "301".parse().unwrap();
            }
            let headers = response.headers_mut();
            headers.insert("x-amz-bucket-region", self.home.parse().unwrap());
            self.asked.lock().unwrap().push(url);
            Ok(response)
        }
    }

    async fn ask(client: &HttpClient, url: &str) -> u16 {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.parse().unwrap();
        client.execute(request).await.unwrap().status().as_u16()
    }

    /// The hosts that were asked when a location was asked twice for `/k?x=1`, and the statuses.
    async fn check(location: &str, home: &'static str) -> (Vec<String>, [u16; 2]) {
        let location: Location = location.parse().unwrap();
        let servers = Servers { home, ..Servers::default() };
        let client = HttpClient::new(servers.clone());
        let client = Regions::follow(client, location.region_of_host());
        let url = format!("{}/us-west-2.k?x=1", location.bucket_url().unwrap());
        let statuses = [ask(&client, &url).await, ask(&client, &url).await];
        let asked = servers.asked.lock().unwrap().clone();
        let hosts = asked.iter().map(|url| {
            let (host, path) = url.split_once("://").unwrap().1.split_once('/').unwrap();
            assert!(path.ends_with("us-west-2.k?x=1"), "{path}");
            host.to_owned()
        });
        (hosts.collect(), statuses)
    }

    #[tokio::test]
    async fn a_bucket_is_followed_once() {
        let (hosts, statuses) = check("s3://data", "eu-west-1").await;
        let (there, here) = ("data.s3.eu-west-1.amazonaws.com", "data.s3.us-west-2.amazonaws.com");
        assert_eq!((hosts, statuses), (vec![here.into(), there.into(), there.into()], [200, 200]));
        // Nothing is asked twice where the address is right.
        let (hosts, _) = check("s3://data?region=eu-west-1", "eu-west-1").await;
        assert_eq!(hosts, [there, there]);
    }

    #[tokio::test]
    async fn an_endpoint_with_regions_too() {
        let (hosts, statuses) = check("http://s3.us-west-2.example.org:9/data", "eu-west-1").await;
        assert_eq!(statuses, [200, 200]);
        assert_eq!(hosts[0], "s3.us-west-2.example.org:9");
        assert_eq!(hosts[1..], ["s3.eu-west-1.example.org:9"; 2]);
        // One without has nothing to exchange, and what is named must be a region.
        for (location, home) in
            [("http://127.0.0.1:9/data", "eu-west-1"), ("s3://data", "evil.example.org/")]
        {
            let (hosts, statuses) = check(location, home).await;
            assert_eq!((hosts.len(), statuses), (2, [301, 301]), "{location} {home}");
        }
    }
}
