//! `status`: what is on disk against what the bucket has.

use laion_fmri::MaskSource;
use serde_json::Value;

use crate::User;

/// The objects that a call prints.
fn objects(user: &User, line: &str) -> Vec<Value> {
    user.ok(line).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn one_line_says_what_is_there_of_a_subject() {
    let user = User::with_session();
    let ran = user.ok("status");
    let rows: Vec<Vec<&str>> = ran
        .out
        .lines()
        .map(|line| line.split("  ").filter(|it| !it.is_empty()).collect())
        .collect();
    assert_eq!(rows[0][..4], ["subject", "sessions", "trials", "ROIs"]);
    let names: Vec<&str> = rows[1..].iter().map(|row| row[0].trim()).collect();
    assert_eq!(names, ["sub-01", "sub-03", "sub-05", "total"]);
    let row: Vec<&str> = rows[2].iter().map(|cell| cell.trim()).collect();
    assert_eq!(row[1], "1 of 2");
    assert_eq!(row.last(), Some(&"ses-31, ses-32"));
    assert_eq!(rows[1][1].trim(), "0 of 3");
    assert!(ran.err.contains("--subject sub-01 lists"), "{}", ran.err);
}

#[test]
fn sessions_folders_and_rois_are_counted() {
    let user = User::with_session();
    let found = objects(&user, "status --subject 03 --json");
    let [subject] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(subject["schema"], "laion-fmri.status/1");
    let dataset = laion_fmri::Dataset::open(user.mirror()).unwrap();
    let sub = dataset.subject("sub-03").unwrap();
    let trials = sub.trials("ses-01").unwrap().len();
    assert_eq!(subject["trials"], trials);
    let sessions = subject["sessions"].as_array().unwrap();
    let named: Vec<_> = sessions.iter().map(|it| it["session"].as_str().unwrap()).collect();
    assert_eq!(named, ["ses-01", "ses-02", "ses-31", "ses-32"]);
    let here = &sessions[0];
    assert_eq!((&here["betas"], &here["released"]), (&true.into(), &true.into()));
    assert_eq!((&here["trials"], &here["disk"]), (&trials.into(), &here["bucket"]));
    assert_eq!(sessions[1]["disk"]["files"], 0);
    assert!(sessions[1]["bucket"]["bytes"].as_u64().unwrap() > 0);
    assert_eq!((&sessions[2]["released"], &sessions[2]["trials"]), (&false.into(), &Value::Null));
    // Every file below the folders is counted, once.
    let on_disk = |prefix: &str| -> (u64, u64) {
        let mut folders = vec![user.mirror().join(prefix)];
        let mut sum = (0, 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => sum = (sum.0 + 1, sum.1 + entry.metadata().unwrap().len()),
                }
            }
        }
        sum
    };
    let trees = subject["trees"].as_array().unwrap();
    assert_eq!(trees[0]["prefix"], "derivatives/glmsingle-tedana/sub-03/");
    for tree in trees {
        let disk = &tree["disk"];
        if disk["files"] == 0 {
            continue;
        }
        let expected = on_disk(tree["prefix"].as_str().unwrap());
        let got = (disk["files"].as_u64().unwrap(), disk["bytes"].as_u64().unwrap());
        assert_eq!(got, expected, "{tree}");
    }
    let rois = subject["rois"].as_array().unwrap();
    let ffa1 = rois.iter().find(|roi| roi["roi"] == "FFA1").unwrap();
    let voxels = sub.roi_mask("FFA1", MaskSource::Anatomical).unwrap().n_voxels();
    assert_eq!((&ffa1["category"], &ffa1["voxels"]), (&"face".into(), &voxels.into()));
    let text = user.ok("status --subject 03").out;
    for words in ["not released yet", "not downloaded", "FFA1", "derivatives/rois/sub-03/"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn without_a_network_the_disk_is_counted() {
    let user = User::with_session();
    let ran = user.ok("--offline status");
    assert!(ran.err.contains("only what is on disk is counted: asking BUCKET"), "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines.len() == 2 && lines[1].starts_with("sub-03 "), "{}", ran.out);
    let local = user.ok("status --local");
    assert_eq!(local.out, ran.out);
    assert!(!local.err.contains("only what is on disk"), "{}", local.err);
    let json = objects(&user, "status --local --json");
    assert_eq!((json.len(), &json[0]["bucket"]), (1, &Value::Null));
    assert_eq!(json[0]["sessions"][0]["bucket"], Value::Null);
    let empty = User::new().ok("status --local");
    assert_eq!(
        (empty.out.as_str(), empty.err.as_str()),
        ("", "nothing of any subject is on disk\n")
    );
    // A bucket that is not there is no reason to fail.
    let ran = user.ok("--bucket file:///nowhere/at/all status");
    assert!(ran.err.contains("only what is on disk is counted"), "{}", ran.err);
    assert_eq!(ran.out, local.out);
}

#[test]
fn no_licence_is_needed_and_unknown_subjects_are_named() {
    let user = User::new();
    let ran = user.ok("status");
    assert!(ran.out.contains("sub-05"), "{}", ran.out);
    assert!(!ran.err.to_lowercase().contains("licen"), "{}", ran.err);
    let expected = "error: no subject \"sub-02\"; subjects: sub-01, sub-03, sub-05\n";
    assert_eq!(user.fails("status --subject 02", 2), expected);
    let message = user.fails("status --subject 03 --local", 3);
    assert!(message.contains("subject sub-03"), "{message}");
}

#[test]
fn a_damaged_roi_or_table_is_not_counted() {
    let user = User::with_session();
    let rois = user.mirror().join("derivatives/rois/sub-03/face");
    let name = crate::names(&rois)
        .into_iter()
        .find(|it| it.contains("1pt8_label-FFA1") && it.ends_with(".nii.gz"));
    std::fs::write(rois.join(name.unwrap()), "no image").unwrap();
    let found = objects(&user, "status --subject 03 --local --json");
    let rois = found[0]["rois"].as_array().unwrap();
    let size = |name: &str| &rois.iter().find(|roi| roi["roi"] == name).unwrap()["voxels"];
    assert_eq!(size("FFA1"), &Value::Null);
    assert!(size("FFA2").as_u64().unwrap() > 0);
}
