//! Listings from servers that page, fail, refuse and talk nonsense.

use std::error::Error as _;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use s3_mirror::{Error, KeyProblem, Location, head, list, list_directory, list_pages};

use crate::scripted::{Reply, Request, Scripted, error, ok, with_length};
use crate::util::{impatient, impatient_with_silence, key, keys, objects, write_all};

fn page(keys: &[&str], next: Option<&str>) -> Reply {
    let mut body = String::from("<ListBucketResult>");
    for key in keys {
        body += &format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>");
    }
    if let Some(token) = next {
        body += &format!(
            "<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
        );
    }
    body += "</ListBucketResult>";
    ok(body.as_bytes())
}

#[tokio::test]
async fn pages_follow_their_tokens() {
    let server = Scripted::start(|request: &Request, _| {
        if request.target.contains("continuation-token=b%2F2%3D") {
            page(&["c"], None)
        } else if request.target.contains("continuation-token") {
            page(&["b"], Some("b/2="))
        } else {
            page(&["a"], Some("1"))
        }
    });
    let store = server.store();
    assert_eq!(keys(&list(&store, "").await.unwrap().objects), ["a", "b", "c"]);
    assert_eq!(server.requests().len(), 3);

    // Dropped after the first page, the stream asks for no other.
    let mut pages = list_pages(&store, "");
    assert_eq!(keys(&pages.try_next().await.unwrap().unwrap().objects), ["a"]);
    drop(pages);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn page_size_and_anonymity_of_requests() {
    let server = Scripted::start(|_, _| page(&[], None));
    let mut options = impatient();
    options.page_size = std::num::NonZeroU32::new(5);
    let store = server.location().open_with(&options).unwrap();
    list_directory(&store, "a+b/c").await.unwrap();
    let request = server.requests().remove(0);
    assert_eq!(
        request.target,
        "/data?list-type=2&encoding-type=url&prefix=a%2Bb%2Fc&delimiter=%2F&max-keys=5"
    );
    assert!(!request.headers.contains_key("authorization"), "{request:?}");
}

#[tokio::test]
async fn keys_that_are_no_names_are_reported() {
    let server = Scripted::start(|_, _| page(&["a//b", "../x", "/y", "dir/", "good"], None));
    let listing = list(&server.store(), "").await.unwrap();
    assert_eq!(keys(&listing.objects), ["good"]);
    let refused: Vec<_> = listing.refused.into_iter().map(|r| (r.key, r.reason)).collect();
    assert_eq!(
        refused,
        [
            ("../x".to_owned(), KeyProblem::RelativePart { part: "..".to_owned() }),
            ("/y".to_owned(), KeyProblem::Absolute),
            ("a//b".to_owned(), KeyProblem::EmptyPart),
            ("dir/".to_owned(), KeyProblem::TrailingSlash),
        ]
    );
}

#[tokio::test]
async fn an_error_on_a_later_page_is_an_error() {
    let server = Scripted::start(|_, before| match before {
        0 => page(&["a"], Some("1")),
        _ => error("403 Forbidden", "AccessDenied"),
    });
    let error = list(&server.store(), "p").await.unwrap_err();
    assert!(matches!(
        &error,
        Error::ListDenied { location, prefix } if location == server.url() && prefix == "p"
    ));
    assert!(error.is_denied());
}

#[tokio::test]
async fn a_repeated_token_does_not_loop() {
    let server = Scripted::start(|_, _| page(&["a"], Some("same")));
    let error = list(&server.store(), "").await.unwrap_err();
    assert!(matches!(&error, Error::MalformedListing { .. }), "{error:?}");
    assert_eq!(error.source().unwrap().to_string(), "the server names the same page twice");
}

fn coded(error: &Error, expected: u16) -> bool {
    matches!(error, Error::Status { status, code, .. } if *status == expected && code == "Some")
}

#[tokio::test]
async fn statuses() {
    let check = async |status: &'static str, expected: fn(&Error) -> bool, attempts| {
        let server = Scripted::start(move |_, _| error(status, "Some"));
        let got = list(&server.store(), "").await.unwrap_err();
        assert!(expected(&got), "{status}: {got:?}");
        assert!(got.to_string().contains(server.url()), "{got}");
        assert_eq!(server.requests().len(), attempts, "{status}");
    };
    check("403 Forbidden", |e| matches!(e, Error::ListDenied { .. }), 1).await;
    check("401 Unauthorized", |e| matches!(e, Error::ListDenied { .. }), 1).await;
    check("404 Not Found", |e| matches!(e, Error::NoSuchBucket { .. }), 1).await;
    check("400 Bad Request", |e| coded(e, 400), 1).await;
    check("503 Slow Down", |e| coded(e, 503), 2).await;
}

#[tokio::test]
async fn busy_broken_and_silent_servers_are_asked_again() {
    let Reply::Bytes(whole) = page(&["a"], None) else { unreachable!() };
    let half = whole[..whole.len() - 10].to_vec();
    for first in [
        error("503 Slow Down", "SlowDown"),
        error("429 Too Many Requests", "SlowDown"),
        error("425 Too Early", "TooEarly"),
        Reply::Close,
        Reply::Bytes(half.clone()),
        Reply::Stall(half.clone()),
        Reply::Stall(Vec::new()),
    ] {
        let server = Scripted::start(move |_, before| match before {
            0 => first.clone(),
            _ => page(&["a"], None),
        });
        let store = server.location().open_with(&impatient_with_silence()).unwrap();
        assert_eq!(keys(&list(&store, "").await.unwrap().objects), ["a"]);
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn the_pause_that_a_server_asks_for_is_made() {
    let busy = || with_length("503 Slow Down", "Retry-After: 1\r\n", 0, b"");
    let server = Scripted::start(move |request, before| match before % 2 {
        0 => Reply::Bytes(busy()),
        _ if request.method == "HEAD" => Reply::Bytes(with_length("200 OK", "", 3, b"")),
        _ => page(&["a"], None),
    });
    let store = server.store();
    let start = Instant::now();
    assert_eq!(keys(&list(&store, "").await.unwrap().objects), ["a"]);
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    let start = Instant::now();
    let found = head(&store, &key("a")).await.unwrap().unwrap();
    assert_eq!((found.size, found.etag.as_deref()), (3, Some("\"tag\"")));
    assert!(found.last_modified.is_some());
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(!server.requests()[2].headers.contains_key("authorization"));
}

#[tokio::test]
async fn answers_that_are_no_listing() {
    for body in ["<html>login</html>", "", "<ListBucketResult>", "\u{0}\u{1}"] {
        let server = Scripted::start(move |_, _| ok(body.as_bytes()));
        let error = list(&server.store(), "").await.unwrap_err();
        assert!(matches!(error, Error::MalformedListing { .. }), "{body:?}: {error:?}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_endless_answer_is_given_up() {
    let body = vec![b' '; (16 << 20) + 1];
    let server =
        Scripted::start(move |_, _| Reply::Bytes(with_length("200 OK", "", body.len(), &body)));
    let error = list(&server.store(), "").await.unwrap_err();
    assert!(matches!(&error, Error::MalformedListing { .. }), "{error:?}");
    assert_eq!(error.source().unwrap().to_string(), "the answer is larger than 16 MiB");
}

/// With the default options, because that is what people meet.
#[tokio::test]
async fn a_dead_endpoint_is_named_within_seconds() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("http://127.0.0.1:{port}/data");
    let store = url.parse::<Location>().unwrap().open().unwrap();
    let start = Instant::now();
    let error = list(&store, "").await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(matches!(&error, Error::Unreachable { location, .. } if *location == url));
    assert!(error.is_unreachable() && error.source().is_some());
    assert_eq!(error.to_string(), format!("{url} cannot be reached"));

    let store = url.parse::<Location>().unwrap().open_with(&impatient()).unwrap();
    let error = head(&store, &key("a")).await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable { location, .. } if *location == url));
}

#[tokio::test]
async fn head_tells_denied_from_missing() {
    let server = Scripted::start(|request, _| {
        assert_eq!(request.method, "HEAD");
        let status = if request.target.ends_with("/denied") { "403 Forbidden" } else { "404 Gone" };
        Reply::Bytes(with_length(status, "", 0, b""))
    });
    let store = server.store();
    assert_eq!(head(&store, &key("missing")).await.unwrap(), None);
    let error = head(&store, &key("denied")).await.unwrap_err();
    assert!(matches!(
        &error,
        Error::Denied { location, key } if location == server.url() && key == "denied"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_denies_or_does_not_exist() {
    let bucket = tempfile::tempdir().unwrap();
    write_all(bucket.path(), &objects(&[("a", b"1")]));
    let options = fixtures::server::Options::new(bucket.path()).deny_list(true);
    let server = fixtures::server::Server::start(options).unwrap();
    let store = server.url("laion-fmri").parse::<Location>().unwrap().open().unwrap();
    let error = list(&store, "sub-").await.unwrap_err();
    assert!(matches!(error, Error::ListDenied { prefix, .. } if prefix == "sub-"));
    assert_eq!(server.counters().lists, 1);

    let store = server.url("other").parse::<Location>().unwrap().open().unwrap();
    let error = list_directory(&store, "").await.unwrap_err();
    assert!(matches!(error, Error::NoSuchBucket { location } if location == server.url("other")));
}

#[tokio::test]
async fn a_folder_that_disappeared() {
    let bucket = tempfile::tempdir().unwrap();
    let store = Location::directory(bucket.path()).unwrap().open().unwrap();
    drop(bucket);
    // A folder has no bucket apart from its files: nothing there is nothing listed.
    assert!(list(&store, "").await.unwrap().objects.is_empty());
}
