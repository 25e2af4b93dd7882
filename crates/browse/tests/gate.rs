//! Who is let in, and what an address cannot reach.

use laion_fmri_browse::{Error, Options, Server};

use crate::client::Served;

const ABOUT: &str = "/api/about";

#[test]
fn the_address_gives_a_cookie_and_leads_to_the_page() {
    let served = Served::new();
    let host = served.host();
    let target = format!("/?token={}&subject=sub-01", served.token);
    let reply = served.send("GET", &target, &[("Host", &host)]);
    assert_eq!((reply.status, reply.header("location")), (303, "/?subject=sub-01"));
    let cookie = reply.header("set-cookie");
    assert_eq!(cookie, format!("{}; HttpOnly; SameSite=Strict; Path=/", served.cookie()));
    // By a link of another site: the page itself leads on, so that the cookie is sent.
    let headers = [("Host", host.as_str()), ("Sec-Fetch-Site", "cross-site")];
    let reply = served.send("GET", &target, &headers);
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("url=/?subject=sub-01"), "{}", reply.text());
    assert!(reply.header("set-cookie").contains(&served.token));
    let page = served.get("/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(
        served.send("HEAD", "/", &[("Host", &host), ("Cookie", &served.cookie())]).body,
        b""
    );
    let by_token = format!("{ABOUT}?token={}", served.token);
    assert_eq!(served.send("GET", &by_token, &[("Host", &host)]).status, 200);
}

#[test]
fn without_the_token_nothing_is_answered() {
    let served = Served::new();
    let (host, cookie) = (served.host(), served.cookie());
    let status =
        |target: &str, headers: &[(&str, &str)]| served.send("GET", target, headers).status;
    for target in ["/", ABOUT, "/api/subjects", "/assets/x.js", "/nothing"] {
        assert_eq!(status(target, &[("Host", &host)]), 401, "{target}");
        let wrong = [("Host", host.as_str()), ("Cookie", "laion-fmri-1=0")];
        assert_eq!(status(target, &wrong), 401, "{target}");
    }
    let reply = served.send("GET", "/?token=0123", &[("Host", &host), ("Cookie", &cookie)]);
    assert_eq!(reply.status, 401);
    assert!(reply.text().contains("not that of this server"), "{}", reply.text());
    // Who opens a link of an earlier day reads what makes it work.
    for target in ["/", "/?token=0123"] {
        let reply = served.send("GET", target, &[("Host", &host)]);
        let text = "A link to a view works in this browser once that address was opened in it.";
        assert!(reply.text().contains(text), "{target}: {}", reply.text());
    }
    let elsewhere = served.send("GET", "/", &[("Host", "evil.example")]);
    assert!(!elsewhere.text().contains("A link"), "{}", elsewhere.text());
    let other = format!("localhost:{}", served.port);
    let with = |name, value| [("Host", host.as_str()), ("Cookie", cookie.as_str()), (name, value)];
    assert_eq!(status(ABOUT, &[("Host", &other), ("Cookie", &cookie)]), 200);
    assert_eq!(status(ABOUT, &[("Host", "evil.example"), ("Cookie", &cookie)]), 403);
    assert_eq!(status(ABOUT, &[("Cookie", &cookie)]), 403);
    assert_eq!(status(ABOUT, &with("Origin", "http://evil.example")), 403);
    assert_eq!(status(ABOUT, &with("Origin", "null")), 403);
    let own = format!("http://{host}");
    assert_eq!(status(ABOUT, &with("Origin", &own)), 200);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let reply = served.send(method, ABOUT, &with("Content-Length", "0"));
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD"), "{method}");
    }
}

#[test]
fn no_address_leads_out_of_the_data_directory() {
    let served = Served::with_images();
    std::fs::write(served.bucket.root().join("secret.nii"), "secret").unwrap();
    for target in [
        "/api/subjects/..%2f..%2fsecret",
        "/api/subjects/%2e%2e/trials",
        "/api/subjects/sub-01%00/trials",
        "/api/subjects/sub-01%2f../trials",
        "/api/subjects/01",
        "/api/subjects/sub-01/anatomy/..%2f..%2fsecret.nii",
        "/api/subjects/sub-01/anatomy/%2fetc%2fpasswd.nii",
        "/api/subjects/sub-01/anatomy/%00.nii",
        "/api/subjects/sub-01/maps/..%2fsecret.nii",
        "/api/subjects/sub-01/betas/..%2f/0.nii",
        "/api/subjects/sub-01/betas/ses-01%2f../0.nii",
        "/api/subjects/sub-01/mean/..%2f..%2fsecret.nii",
        "/api/images/..%2f..%2fsecret.nii/pixels",
        "/api/images/%2fetc%2fpasswd",
        "/api/images/%00/masks/0.png",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e/%2e%2e/Cargo.toml",
        "/../../etc/passwd",
        "/nothing",
    ] {
        let (error, _) = served.refused(target, 404);
        assert!(!error.is_empty() && error != "secret", "{target}: {error}");
    }
    let (error, _) = served.refused("/api/subjects/sub-01/roi.nii?q=..%2f..%2fsecret", 400);
    assert!(error.contains("secret"), "{error}");
    assert_eq!(served.get("/api/about").status, 200, "the server goes on");
}

#[test]
fn a_port_that_is_in_use_is_an_error() {
    let served = Served::new();
    let mut options = Options::default();
    options.port = served.port;
    let error = Server::bind(served.dataset.clone(), options).unwrap_err();
    assert!(matches!(error, Error::PortInUse { port } if port == served.port), "{error:?}");
    assert!(error.to_string().contains(&served.port.to_string()));
}
