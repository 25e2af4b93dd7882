//! Who is let in: the method, the host, the origin and the token of a request, before anything is
//! read.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, LOCATION,
    ORIGIN, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use axum::middleware::Next;
use laion_fmri_base::lock;
use percent_encoding::percent_decode_str;

use crate::Error;
use crate::answer::{self, Answer};
use crate::state::Shared;
use crate::token::Token;

/// No inline script or style, no other host. The viewer starts workers from memory, and reads
/// pictures and fonts that are part of its code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data: blob:; font-src 'self' data:; \
                      connect-src 'self' data: blob:; worker-src 'self' blob:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What every answer carries besides its own headers.
const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// How the server is reached, and the secret that opens it.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) port: u16,
    token: Token,
    /// Opens the page one time.
    once: Mutex<Option<Token>>,
}

/// What the gate decides.
enum Decision {
    /// The request goes on.
    Enter,
    /// It has the token in its address: the cookie takes its place.
    TakeCookie,
    Refuse(StatusCode, &'static str),
}

/// The middleware around all routes.
pub(crate) async fn check(
    State(state): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Answer {
    let gate = &state.gate;
    let decision = gate.decide(request.method(), request.uri(), request.headers());
    let mut response = match decision {
        Decision::Enter => next.run(request).await,
        Decision::TakeCookie => gate.cookie_and_page(request.uri(), request.headers()),
        Decision::Refuse(status, why) => refuse(status, why, request.uri()),
    };
    response = answer::with_words(response, &*state.commands);
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

impl Gate {
    pub(crate) fn new(port: u16) -> Result<Self, Error> {
        Ok(Self { port, token: Token::random()?, once: Mutex::new(None) })
    }

    /// What a browser opens one time.
    pub(crate) fn address_for_once(&self) -> Result<String, Error> {
        let token = Token::random()?;
        let address = format!("http://127.0.0.1:{}/?token={}", self.port, token.as_str());
        *lock(&self.once) = Some(token);
        Ok(address)
    }

    /// What a browser opens.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}/?token={}", self.port, self.token.as_str())
    }

    fn decide(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Decision {
        if !(method == Method::GET || method == Method::HEAD) {
            return Decision::Refuse(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered");
        }
        let Some(host) = single(headers, &HOST).filter(|host| self.is_ours(host)) else {
            let why = "the request is not for 127.0.0.1 or localhost with the port of this server";
            return Decision::Refuse(StatusCode::FORBIDDEN, why);
        };
        if headers.contains_key(ORIGIN) {
            let origin = single(headers, &ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
            if !origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host)) {
                return Decision::Refuse(StatusCode::FORBIDDEN, "the request is of another origin");
            }
        }
        let in_address = parameter(uri, "token");
        match in_address {
            Some(token) if self.token.is(&token) && uri.path() == "/" => Decision::TakeCookie,
            Some(token) if self.token.is(&token) => Decision::Enter,
            Some(token) if uri.path() == "/" && self.is_for_once(&token) => Decision::TakeCookie,
            Some(_) => Decision::Refuse(StatusCode::UNAUTHORIZED, WRONG_TOKEN),
            None if self.has_cookie(headers) => Decision::Enter,
            None => Decision::Refuse(StatusCode::UNAUTHORIZED, NO_TOKEN),
        }
    }

    /// Whether a text is the token that opens the page one time. It is used up then.
    fn is_for_once(&self, text: &str) -> bool {
        let mut once = lock(&self.once);
        let is_it = once.as_ref().is_some_and(|token| token.is(text));
        if is_it {
            *once = None;
        }
        is_it
    }

    /// Whether a host is this machine by one of its two names, with our port.
    fn is_ours(&self, host: &str) -> bool {
        let Some((name, port)) = host.rsplit_once(':') else { return false };
        let is_name = name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost");
        is_name && port == self.port.to_string()
    }

    /// Cookies do not know ports: those of two servers differ by name.
    fn cookie_name(&self) -> String {
        format!("laion-fmri-{}", self.port)
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let name = self.cookie_name();
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';'));
        pairs.any(|pair| {
            let pair = pair.trim().split_once('=');
            pair.is_some_and(|(key, value)| key == name && self.token.is(value))
        })
    }

    /// Sets the cookie and goes on to the page without the token, which so stays out of the
    /// history.
    fn cookie_and_page(&self, uri: &Uri, headers: &HeaderMap) -> Answer {
        let page = without_token(uri);
        let cookie = format!(
            "{}={}; HttpOnly; SameSite=Strict; Path=/",
            self.cookie_name(),
            self.token.as_str()
        );
        // A browser that came by a link of another site would not send the cookie along a redirect;
        // it does when our own page leads on.
        let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
        let mut response = match site {
            None | Some("none" | "same-origin") => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::SEE_OTHER;
                response
            }
            Some(_) => {
                let mut text = String::from("<!doctype html><meta charset=\"utf-8\">");
                let _ = write!(text, "<meta http-equiv=\"refresh\" content=\"0; url={page}\">");
                answer::bytes("text/html; charset=utf-8", text)
            }
        };
        let headers = response.headers_mut();
        // Both are made of characters that a header may hold, or there is no header.
        if let Ok(page) = HeaderValue::from_str(&page)
            && !headers.contains_key(CONTENT_TYPE)
        {
            headers.insert(LOCATION, page);
        }
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.insert(SET_COOKIE, cookie);
        }
        response
    }
}

const WRONG_TOKEN: &str = "the token in the address is not that of this server: open the address \
                           that it printed when it started";
const NO_TOKEN: &str = "this page opens with the address that the server printed when it started";

/// For who has kept a link to a view: the token is new at every start, and links have none.
const LINKS: &str = "A link to a view works in this browser once that address was opened in it.";

/// The only value of a header; none if there are several.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

/// The first value of a parameter of the address.
fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(key, _)| *key == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// The page, with the parameters of the address but the token. A text that is safe within quotes.
fn without_token(uri: &Uri) -> String {
    let pairs = uri.query().unwrap_or_default().split('&');
    let is_kept = |pair: &&str| !pair.is_empty() && !pair.starts_with("token=");
    let kept: Vec<String> =
        pairs.filter(is_kept).map(|pair| pair.replace(['"', '<', '>', '\'', '`'], "")).collect();
    if kept.is_empty() { "/".to_owned() } else { format!("/?{}", kept.join("&")) }
}

/// A refusal: a page for people, an object for the page's requests.
fn refuse(status: StatusCode, why: &'static str, uri: &Uri) -> Answer {
    let mut response = if uri.path() == "/" {
        let links = if [WRONG_TOKEN, NO_TOKEN].contains(&why) { LINKS } else { "" };
        let text = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>LAION-fMRI</title>\
             <h1>Not let in</h1><p>{why}.</p><p>{links}</p></html>"
        );
        answer::bytes("text/html; charset=utf-8", text)
    } else {
        answer::refused(status, why, None)
    };
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate::new(4321).unwrap()
    }

    fn status(gate: &Gate, method: Method, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        match gate.decide(&method, &uri.parse().unwrap(), &map) {
            Decision::Enter => 200,
            Decision::TakeCookie => 303,
            Decision::Refuse(status, _) => status.as_u16(),
        }
    }

    #[test]
    fn a_request_needs_the_token_the_host_and_the_origin() {
        let gate = gate();
        let token = gate.token.as_str().to_owned();
        let cookie = format!("other=1; laion-fmri-4321={token}");
        let host = ("host", "127.0.0.1:4321");
        let good = [host, ("cookie", cookie.as_str())];
        let with = |header: (&'static str, &'static str)| [good[0], good[1], header];
        assert_eq!(status(&gate, Method::GET, "/api/about", &good), 200);
        assert_eq!(status(&gate, Method::HEAD, "/", &good), 200);
        let own = with(("origin", "http://127.0.0.1:4321"));
        assert_eq!(status(&gate, Method::GET, "/", &own), 200);
        for origin in
            ["null", "http://evil.example", "https://127.0.0.1:4321", "http://localhost:4321", ""]
        {
            assert_eq!(status(&gate, Method::GET, "/", &with(("origin", origin))), 403, "{origin}");
        }
        for other in
            ["127.0.0.1", "127.0.0.1:80", "evil.example:4321", "[::1]:4321", "127.0.0.1:04321", ""]
        {
            let headers = [("host", other), good[1]];
            assert_eq!(status(&gate, Method::GET, "/", &headers), 403, "{other}");
        }
        assert_eq!(status(&gate, Method::GET, "/", &[good[1]]), 403);
        assert_eq!(status(&gate, Method::GET, "/", &with(host)), 403, "two hosts");
        assert_eq!(status(&gate, Method::GET, "/", &[("host", "LOCALHOST:4321"), good[1]]), 200);
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            assert_eq!(status(&gate, method, "/", &good), 405);
        }
        for cookie in ["", "laion-fmri-4321=", "laion-fmri-4322=x", &token] {
            let headers = [host, ("cookie", cookie)];
            assert_eq!(status(&gate, Method::GET, "/", &headers), 401, "{cookie}");
        }
        assert_eq!(status(&gate, Method::GET, &format!("/?token={token}"), &[host]), 303);
        assert_eq!(status(&gate, Method::GET, &format!("/api/about?token={token}"), &[host]), 200);
        // A wrong token is said, also to a browser that has the cookie of an earlier one.
        assert_eq!(status(&gate, Method::GET, "/?token=00", &good), 401);
    }

    #[test]
    fn an_address_for_once_opens_the_page_one_time() {
        let gate = gate();
        let host = [("host", "127.0.0.1:4321")];
        let path =
            |address: String| address.strip_prefix("http://127.0.0.1:4321").unwrap().to_owned();
        let (first, last) =
            (path(gate.address_for_once().unwrap()), path(gate.address_for_once().unwrap()));
        assert_eq!(status(&gate, Method::GET, &first, &host), 401, "a later one was made");
        let api = last.replace("/?", "/api/about?");
        assert_eq!(status(&gate, Method::GET, &api, &host), 401);
        assert_eq!(status(&gate, Method::GET, &last, &host), 303);
        assert_eq!(status(&gate, Method::GET, &last, &host), 401);
        assert_eq!(status(&gate, Method::GET, &path(gate.address()), &host), 303);
    }

    #[test]
    fn the_page_keeps_the_other_parameters_of_the_address() {
        let page = |uri: &str| without_token(&uri.parse().unwrap());
        assert_eq!(page("/?token=1"), "/");
        assert_eq!(page("/?a=1&token=2&b=%20"), "/?a=1&b=%20");
        assert_eq!(page("/?token=1&x='y"), "/?x=y");
    }
}
