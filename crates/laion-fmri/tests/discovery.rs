//! Discovery over HTTP and over a folder of keys.

use std::collections::BTreeSet;

use fixtures::Bucket;
use laion_fmri::{Discovery, Error, ErrorKind, Location, Subjects};

fn both(check: impl Fn(&Discovery, &str)) {
    let bucket = Bucket::temporary().unwrap();
    let server = bucket.serve().unwrap();
    let url = server.url("laion-fmri");
    check(&Discovery::open(&url.parse().unwrap()).unwrap(), &url);
    let folder = Location::directory(bucket.root()).unwrap();
    check(&Discovery::open(&folder).unwrap(), &folder.to_string());
}

#[test]
fn the_overview_is_the_documented_text() {
    both(|discovery, url| {
        let text = discovery.describe().unwrap().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "LAION-fMRI Dataset");
        assert_eq!(lines[1], format!("  Bucket:    {url}"));
        assert_eq!(lines[2], "  Subjects:  3 (sub-01, sub-03, sub-05)");
        assert!(lines[3].starts_with("  ROIs:      EBA, "), "{}", lines[3]);
        assert!(lines[3].contains("FFA1") && !lines[3].contains("FFA-1"));
        assert_eq!(lines.len(), 4);
    });
}

#[test]
fn the_inspection_is_the_documented_text() {
    both(|discovery, url| {
        let text = discovery.inspect().unwrap().to_string();
        assert!(text.starts_with(&format!("Bucket: {url}\nTop-level prefixes (")), "{text}");
        assert!(text.contains("\n  derivatives/\n"), "{text}");
        assert!(
            text.contains("\nderivatives/glmsingle-tedana/: 2 entries, 2 sub-* entries"),
            "{text}"
        );
        assert!(text.contains("\nderivatives/rois/: 3 entries, 3 sub-* entries"), "{text}");
    });
}

#[test]
fn rois_of_a_category_are_those_on_the_functional_grid() {
    both(|discovery, _| {
        let subject = "sub-01";
        let face = discovery.rois(subject, Some("face")).unwrap();
        assert!(face.contains(&"FFA1".to_owned()) && face.contains(&"pSTSfaces".to_owned()));
        assert!(face.is_sorted());
        let all = discovery.rois(subject, None).unwrap();
        assert!(all.len() > face.len());
        assert!(!all.contains(&"MST".to_owned()), "MST is shipped as a surface only");
        assert!(discovery.rois(subject, Some("nose")).unwrap().is_empty());
    });
}

#[test]
fn sessions_of_several_subjects_are_those_of_each() {
    both(|discovery, _| {
        let of = |ids: &[&str]| {
            let ids = ids.iter().map(|id| id.parse().unwrap()).collect();
            discovery.sessions_of(&Subjects::These(ids)).unwrap()
        };
        let (first, third) = (of(&["sub-01"]), of(&["sub-03"]));
        assert!(first.is_sorted() && first.iter().any(|session| *session == "ses-01"));
        let every: BTreeSet<_> = first.iter().chain(&third).cloned().collect();
        let every: Vec<_> = every.into_iter().collect();
        assert_eq!(of(&["sub-03", "sub-01", "sub-05"]), every);
        assert_eq!(discovery.sessions_of(&Subjects::All).unwrap(), every);
        assert!(of(&["sub-05"]).is_empty());
    });
}

#[test]
fn a_subject_is_described_with_its_trees() {
    both(|discovery, _| {
        let found = discovery.describe_subject("sub-05").unwrap();
        assert_eq!(found.trees, ["derivatives/rois/", "derivatives/anatomical/"]);
        assert!(found.sessions.is_empty());
        let found = discovery.describe_subject("sub-01").unwrap();
        assert!(found.sessions.iter().any(|session| session.as_str() == "ses-03"));
        let error = discovery.describe_subject("sub-02").unwrap_err();
        assert!(matches!(&error, Error::SubjectNotFound { got, available }
            if got == "sub-02" && available == &["sub-01", "sub-03", "sub-05"]));
        assert_eq!(error.kind(), ErrorKind::Usage);
    });
}

#[test]
fn a_bucket_that_cannot_be_reached_is_named() {
    // A port that was free a moment ago: nothing listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/laion-fmri");
    let error = Discovery::open(&url.parse().unwrap()).unwrap().describe().unwrap_err();
    let Error::Mirror(error) = error else { panic!("{error:?}") };
    assert!(error.is_unreachable(), "{error:?}");
    assert!(error.to_string().contains(&url), "{error}");
}
