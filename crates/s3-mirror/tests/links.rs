//! Objects behind links that expire: renewal, refusal, and what is never shown.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fixtures::TracingLog;
use object_store::ClientOptions;
use object_store::client::{HttpConnector, ReqwestConnector};
use s3_mirror::{
    ConnectOptions, Error, FetchReason, Key, Links, Outcome, Plan, PlanItem, Report, Sha256,
    Source, Store, TransferError, Withheld, head, list,
};

use crate::scripted::{Reply, Request, Scripted, error, partial};
use crate::util::{impatient, key, read_all, run};

const CONTENT: &[u8] = b"ten bytes.";

/// Links to one server, with a number that tells them apart.
struct Numbered {
    base: String,
    given: Arc<AtomicUsize>,
}

#[async_trait]
impl Links for Numbered {
    async fn link(&self, key: &Key, _: bool) -> Result<String, Source> {
        let number = self.given.fetch_add(1, Ordering::SeqCst);
        Ok(format!("{}/{key}?signature=SECRET{number}", self.base))
    }
}

/// A store of links to a base address, and how many links it gave.
fn linked(base: &str) -> (Store, Arc<AtomicUsize>) {
    linked_with(base, &impatient())
}

fn linked_with(base: &str, options: &ConnectOptions) -> (Store, Arc<AtomicUsize>) {
    let client = ClientOptions::new().with_allow_http(true);
    let client = ReqwestConnector::default().connect(&client).unwrap();
    let given = Arc::new(AtomicUsize::new(0));
    let links = Numbered { base: base.to_owned(), given: Arc::clone(&given) };
    (Store::linked(client, Arc::new(links), "the service", options), given)
}

fn plan() -> Plan {
    let mut plan = Plan::default();
    plan.items.push(PlanItem {
        key: key("a"),
        local: "a".parse().unwrap(),
        size: CONTENT.len() as u64,
        etag: None,
        sha256: Some(Sha256::of(CONTENT)),
        action: s3_mirror::Action::Fetch(FetchReason::Missing),
    });
    plan
}

fn bytes(request: &Request) -> Reply {
    let (start, end) = request.range().unwrap();
    partial(CONTENT, start, end, end - start)
}

async fn transferred(store: &Store) -> (Outcome, Report) {
    let root = tempfile::tempdir().unwrap();
    let mut report = run(store, &plan(), root.path()).await;
    let outcome = report.outcomes.pop().unwrap().1;
    let there = read_all(root.path()).remove("a");
    let fetched = matches!(outcome, Outcome::Fetched { .. });
    assert_eq!(there.as_deref(), fetched.then_some(CONTENT));
    (outcome, report)
}

#[tokio::test]
async fn a_refused_link_is_renewed_once_for_all() {
    let server = Scripted::start(|request, _| match request.target.ends_with("SECRET0") {
        true => error("403 Forbidden", "AccessDenied"),
        false => bytes(request),
    });
    let (store, given) = linked(server.url());
    let (outcome, _) = transferred(&store).await;
    assert!(matches!(outcome, Outcome::Fetched { bytes: 10 }), "{outcome:?}");
    assert_eq!(given.load(Ordering::SeqCst), 2);
    let ranges: Vec<_> = server.requests().iter().map(Request::range).collect();
    assert_eq!(ranges, [Some((0, 1)), Some((0, 1)), Some((0, 10))]);
    assert_eq!(server.requests()[2].headers["if-match"], "\"tag\"");
}

#[tokio::test]
async fn links_that_are_all_refused_withhold_the_object() {
    let server = Scripted::start(|_, _| error("403 Forbidden", "AccessDenied"));
    let (store, given) = linked(server.url());
    let (outcome, _) = transferred(&store).await;
    assert!(matches!(
        outcome,
        Outcome::Withheld { reason: Withheld::Link { status: 403, renewed: 2 } }
    ));
    assert_eq!((server.requests().len(), given.load(Ordering::SeqCst)), (3, 3));
    let error = head(&store, &key("a")).await.unwrap_err();
    assert!(error.is_denied());
    assert!(matches!(
        error,
        Error::LinkRefused { location, key, status: 403, renewed: 2 }
            if location == "the service" && key == "a"
    ));
}

#[tokio::test]
async fn other_bytes_than_expected_are_thrown_away() {
    let server = Scripted::start(|request, _| {
        let (start, end) = request.range().unwrap();
        partial(b"other byte", start, end, end - start)
    });
    let (store, _) = linked(server.url());
    let (outcome, _) = transferred(&store).await;
    assert!(matches!(
        outcome,
        Outcome::Failed { error } if matches!(&*error, TransferError::Sha256 { expected, got }
            if *expected == Sha256::of(CONTENT) && *got == Sha256::of("other byte"))
    ));
}

#[tokio::test]
async fn links_cannot_be_listed_and_may_not_be_given() {
    struct None;
    #[async_trait]
    impl Links for None {
        async fn link(&self, _: &Key, _: bool) -> Result<String, Source> {
            Err("no access".into())
        }
    }
    let client = ReqwestConnector::default().connect(&ClientOptions::new()).unwrap();
    let store = Store::linked(client, Arc::new(None), "the service", &impatient());
    let error = list(&store, "p").await.unwrap_err();
    assert!(matches!(&error, Error::Other { subject, .. } if subject == "p"));
    let error = head(&store, &key("a")).await.unwrap_err();
    assert!(
        matches!(&error, Error::Link { location, key, .. } if location == "the service" && key == "a")
    );
    assert_eq!(error.source().unwrap().to_string(), "no access");
}

#[tokio::test]
async fn no_link_is_shown() {
    let log = TracingLog::default();
    let guard = tracing::subscriber::set_default(log.clone());
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/data", listener.local_addr().unwrap())
    };
    let silent = Scripted::start(|_, _| Reply::Stall(Vec::new()));
    let hangs_up = Scripted::start(|_, _| Reply::Close);
    let round = Scripted::start(|request, _| {
        let to = format!("Location: {}\r\n", request.target);
        Reply::Bytes(crate::scripted::response("302 Found", &to, b""))
    });
    let teapot = Scripted::start(|_, _| error("418 I'm a teapot", "Teapot"));
    let refuses = Scripted::start(|_, _| error("403 Forbidden", "AccessDenied"));
    let mut shown = String::new();
    for base in [
        &closed,
        silent.url(),
        hangs_up.url(),
        round.url(),
        teapot.url(),
        refuses.url(),
        "http://no such host",
        "ftp://127.0.0.1",
    ] {
        let brief = impatient().with_read_timeout(Duration::from_millis(300));
        let (store, given) = linked_with(base, &brief);
        let (outcome, report) = transferred(&store).await;
        assert!(given.load(Ordering::SeqCst) > 0);
        shown.push_str(&format!("{store:?} {report:?} {outcome:?} "));
        let Outcome::Failed { error } = outcome else { continue };
        let mut next: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = next {
            shown.push_str(&format!("{error} {error:?} "));
            next = error.source();
        }
    }
    drop(guard);
    shown.push_str(&log.text());
    assert!(shown.contains("the service") && shown.contains("attempts="), "{shown}");
    assert!(!shown.contains("SECRET") && !shown.contains("signature"), "{shown}");
}
