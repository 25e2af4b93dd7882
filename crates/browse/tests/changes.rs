//! Several clients, clients that go away, and a mirror that changes underneath.

use std::io::Write;
use std::net::TcpStream;

use laion_fmri::layout;
use serde_json::json;

use crate::client::Served;

#[test]
fn two_clients_get_the_same_at_once() {
    let served = Served::new();
    let target = "/api/subjects/sub-03/betas/ses-01/3.nii";
    let expected = served.bytes(target);
    let rounds = 8;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..rounds).for_each(|_| assert_eq!(served.bytes(target), expected)));
        }
        scope.spawn(|| (0..rounds).for_each(|_| drop(served.json("/api/subjects/sub-01/trials"))));
    });
}

#[test]
fn clients_that_go_away_block_nobody() {
    let served = Served::new();
    let target = "/api/subjects/sub-03/betas/ses-01/3.nii";
    let mut left = Vec::new();
    for _ in 0..12 {
        let mut stream = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
        let (host, cookie) = (served.host(), served.cookie());
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        left.push(stream);
    }
    drop(left);
    assert_eq!(served.get(target).status, 200);
}

#[test]
fn a_session_that_appears_or_vanishes_is_noticed() {
    let served = Served::new();
    let subject = served.dataset.subject("sub-03").unwrap();
    let session = subject.sessions_with_betas().unwrap()[0].clone();
    let folder = format!("{}{session}", layout::glmsingle(subject.id()));
    let (path, aside) = (served.bucket.root().join(folder), served.bucket.root().join("aside"));
    let rows = |served: &Served| served.json("/api/subjects/sub-03/trials")["rows"].clone();
    let names = |served: &Served| served.json("/api/subjects/sub-03/trials")["sessions"].clone();
    let trial = format!("/api/subjects/sub-03/betas/{session}/0.nii");
    let (all, before) = (rows(&served), names(&served));
    let bytes = served.bytes(&trial);

    std::fs::rename(&path, &aside).unwrap();
    assert!(!names(&served).as_array().unwrap().contains(&json!(session.as_str())));
    assert!(rows(&served).as_u64() < all.as_u64());
    let (error, hint) = served.refused(&trial, 404);
    assert!(error.contains(session.as_str()) && hint.is_some(), "{error}");

    std::fs::rename(&aside, &path).unwrap();
    assert_eq!((rows(&served), names(&served)), (all, before));
    assert_eq!(served.bytes(&trial), bytes);
}

#[test]
fn a_damaged_trial_table_is_a_problem_of_its_session() {
    let served = Served::new();
    let subject = served.dataset.subject("sub-03").unwrap();
    let session = subject.sessions().unwrap()[0].clone();
    let table = layout::trials(subject.id(), &session);
    std::fs::write(served.bucket.path(&table), b"label\n\xff\xfe\n").unwrap();
    let about = served.json("/api/subjects/sub-03");
    let sessions = about["sessions"].as_array().unwrap();
    let problem = sessions[0]["problem"]["what"].as_str().unwrap();
    assert!(problem.contains(table.rsplit('/').next().unwrap()), "{problem}");
    assert_eq!(sessions[0]["trials"], json!(0));
    assert!(sessions.len() > 1 && sessions[1..].iter().all(|it| it["problem"].is_null()));
    let trials = served.json("/api/subjects/sub-03/trials");
    let others: u64 = sessions[1..].iter().map(|it| it["trials"].as_u64().unwrap()).sum();
    assert_eq!(trials["rows"], json!(others));
}

#[test]
fn images_that_arrive_are_seen() {
    let served = Served::new();
    let target = "/api/images/shared_12rep_LAION_cluster_1003_i0.jpg/pixels";
    served.refused(target, 404);
    fixtures::bucket::write_gated(served.bucket.root()).unwrap();
    assert_eq!(served.get(target).status, 200);
    let about = served.json("/api/subjects/sub-01");
    assert_eq!(about["stimuli"]["images"], json!(true));
}

#[test]
fn what_is_being_read_is_answered_at_once() {
    let served = Served::new();
    let target = "/api/subjects/sub-03/reading";
    served.bytes("/api/subjects/sub-03/betas/ses-01/3.nii?kind=zscore");
    assert_eq!(served.json(target), json!([]), "nothing is read any more");
    served.refused("/api/subjects/..%2f/reading", 404);
}
