//! The proxy that requests to a location go through, for messages: [`toward`].

use laion_fmri::Location;

/// What the HTTP client looks at.
pub(crate) const VARIABLES: [&str; 8] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// A proxy, and what set it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Its address, without user name and password.
    pub(crate) address: String,
    /// The variable that holds the address.
    pub(crate) variable: &'static str,
    /// The host that is asked through it.
    pub(crate) host: String,
}

/// The proxy on the way to a location, as the HTTP client chooses it from the variables of the process.
pub(crate) fn toward(location: &str, get: impl Fn(&str) -> Option<String>) -> Option<Proxy> {
    let parsed: Location = location.parse().ok()?;
    if !parsed.is_remote() {
        return None;
    }
    // The address of any object has the scheme and the host.
    let url = parsed.url_of(&"x".parse().ok()?);
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?']).next()?;
    let has_port = |(_, port): &(&str, &str)| port.bytes().all(|byte| byte.is_ascii_digit());
    let host = host.rsplit_once(':').filter(has_port).map_or(host, |(host, _)| host);
    let names: &[&'static str] = match scheme {
        "https" => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    let set = |name: &str| get(name).filter(|value| !value.trim().is_empty());
    let (variable, value) = names.iter().find_map(|name| Some((*name, set(name)?)))?;
    let left_out = set("NO_PROXY").or_else(|| set("no_proxy")).unwrap_or_default();
    if left_out.split(',').any(|entry| covers(entry.trim(), host)) {
        return None;
    }
    Some(Proxy { address: without_secret(value.trim()), variable, host: host.to_owned() })
}

/// Whether an entry of `NO_PROXY` means a host: its name, a domain that it is in, or all.
fn covers(entry: &str, host: &str) -> bool {
    let domain = entry.trim_start_matches('.');
    let below =
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    entry == "*" || !domain.is_empty() && below
}

/// The address of a proxy without the user name and the password in it.
pub(crate) fn without_secret(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("http", address));
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{}", place.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(location: &str, variables: &[(&str, &str)]) -> Option<(String, &'static str)> {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        toward(location, get).map(|proxy| (proxy.address, proxy.variable))
    }

    #[test]
    fn the_proxy_of_the_scheme_is_named_without_its_secret() {
        let secret = [("HTTPS_PROXY", "http://me:secret@proxy.example.org:3128/")];
        let expected = ("http://proxy.example.org:3128".to_owned(), "HTTPS_PROXY");
        assert_eq!(found("s3://laion-fmri", &secret), Some(expected));
        assert_eq!(found("http://127.0.0.1:9/data", &secret), None);
        let all = [("all_proxy", "proxy:1")];
        for location in ["s3://laion-fmri", "http://127.0.0.1:9/data"] {
            assert_eq!(found(location, &all), Some(("http://proxy:1".to_owned(), "all_proxy")));
        }
        assert_eq!(found("file:///data", &all), None);
        assert_eq!(found("s3://laion-fmri", &[("HTTPS_PROXY", "")]), None);
    }

    #[test]
    fn hosts_that_are_left_out_have_none() {
        for (left_out, is_named) in [
            ("amazonaws.com", false),
            (".amazonaws.com, other", false),
            ("*", false),
            ("zonaws.com", true),
            ("", true),
            ("example.org", true),
        ] {
            let variables = [("HTTPS_PROXY", "http://proxy:1"), ("NO_PROXY", left_out)];
            assert_eq!(found("s3://laion-fmri", &variables).is_some(), is_named, "{left_out}");
        }
    }
}
