//! Noise ceilings computed and compared, as a user meets them.

use serde_json::Value;

use crate::{User, names};

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap()
}

#[test]
fn what_is_computed_is_what_the_bucket_has() {
    let user = User::new();
    user.ok("download --subject sub-03 --include-anatomical --accept-license");
    let ran = user.ok("nc compute --subject sub-03 --session ses-01 -o session.nii.gz");
    let (_, end) = ran.err.split_once(" -> session.nii.gz\n").unwrap();
    let (start, percent) = end.split_once("about ").unwrap();
    assert_eq!(
        start,
        "its conventions -> session.json\n\
         note: with this ddof, a voxel of pure noise has a noise ceiling of "
    );
    let (percent, rest) = percent.split_once(" %").unwrap();
    assert!((50..=67).contains(&percent.parse::<u32>().unwrap()), "{percent}");
    assert_eq!(rest, "; --ddof 1 is unbiased (about 0 %)\n");
    let unbiased = user.ok("nc compute --subject sub-03 --session 01 --ddof 1 -o unbiased.npy");
    assert!(unbiased.err.ends_with("its conventions -> unbiased.json\n"), "{}", unbiased.err);
    let same = user.ok("nc compare --subject sub-03 session.nii.gz --session ses-01 --json");
    let same = json(&same.out);
    assert_eq!(same["schema"], "laion-fmri.nc-comparison/1");
    assert_eq!(same["within"]["0.001"], 1.0);
    assert_eq!((&same["first_only"], &same["second_only"]), (&Value::from(0), &Value::from(0)));
    assert!(same["both"].as_u64().unwrap() > 100);
    let sidecar = std::fs::read_to_string(user.path("session.json")).unwrap();
    let sidecar = json(&sidecar);
    for (key, value) in [
        ("ZscoreScope", Value::from("run")),
        ("ZscoreDdof", 0.into()),
        ("ResidualDdof", 0.into()),
        ("Images", "all".into()),
        ("Repetitions", "2+".into()),
        ("Units", "percent".into()),
        ("Sessions", vec!["ses-01"].into()),
        ("BrainMask", "anatomical".into()),
    ] {
        assert_eq!(sidecar[key], value, "{key}");
    }
    // Over all sessions, at the voxels of an ROI, in as many passes as little memory takes.
    let roi = "--roi face --mask-source rsquare";
    user.ok(&format!("nc compute --subject sub-03 --images 12rep {roi} -o twelve.npy"));
    let desc = "--desc Noiseceiling12rep";
    let ran = user.ok(&format!("nc compare --subject sub-03 twelve.npy {desc} {roi}"));
    assert!(ran.out.contains("differ by <= 0.001 points     100.00 %\n"), "{}", ran.out);
    assert_eq!(
        json(&std::fs::read_to_string(user.path("twelve.json")).unwrap())["ZscoreScope"],
        "session"
    );
    let other =
        user.ok(&format!("nc compare --subject sub-03 twelve.npy --session 01 {roi} --json"));
    assert_ne!(json(&other.out)["within"]["0.001"], 1.0);
    let itself =
        user.ok(&format!("nc compare --subject sub-03 twelve.npy twelve.npy {roi} --json"));
    assert_eq!(json(&itself.out)["equal"], json(&itself.out)["both"]);
}

#[test]
fn conventions_change_the_numbers_and_memory_and_threads_do_not() {
    let user = User::with_session();
    let compute = |options: &str| {
        let line = format!("nc compute --subject sub-03 --session all -o a.npy {options}");
        user.ok(line.trim_end());
        std::fs::read(user.path("a.npy")).unwrap()
    };
    let plain = compute("");
    for other in [
        "--scope session",
        "--ddof 1",
        "--zscore-ddof 1",
        "--residual-ddof 1",
        "--images 4rep",
        "--repetitions 2",
        "--repetition-term 3",
    ] {
        assert!(compute(other) != plain, "{other}");
    }
    assert!(compute("--scope run --ddof 0 --repetitions 2+ --repetition-term mean") == plain);
    let plan = |memory: &str| {
        let line = "nc compute --subject sub-03 --session 01 --dry-run --json";
        json(&user.ok(&format!("{line} -j 1 --max-memory {memory}")).out)
    };
    let whole = plan("2GiB");
    assert_eq!(whole["passes"], 1);
    let peak = whole["peak_memory"].as_u64().unwrap();
    let less = peak - 50_000;
    assert!(plan(&less.to_string())["passes"].as_u64().unwrap() > 1);
    assert!(plan(&less.to_string())["peak_memory"].as_u64().unwrap() <= less);
    assert_eq!(plan(&less.to_string())["one_pass_memory"], peak);
    // What to type for one pass is said, and is enough.
    let line = "nc compute --subject sub-03 --session 01 --dry-run -j 1";
    let words = "one pass, which is faster, needs --max-memory ";
    let said = user.ok(&format!("{line} --max-memory {less}")).out;
    let enough = said.lines().find_map(|line| line.strip_prefix(words)).unwrap();
    let said = user.ok(&format!("{line} --max-memory {enough}")).out;
    assert!(said.contains(" in 1 pass over the files, at most "), "{said}");
    assert!(!said.contains(words), "{said}");
    assert!(compute(&format!("-j 1 --max-memory {less}")) == plain);
    assert!(compute("-j 8") == plain);
    assert!(!names(&user.path(".")).iter().any(|name| name.ends_with(".part")));
}

#[test]
fn what_cannot_be_is_refused() {
    let user = User::with_session();
    let compute = "nc compute --subject sub-03 --session ses-01";
    for (line, code, part) in [
        (format!("{compute} -o a.txt"), 2, "use .nii.gz, .nii or .npy"),
        (format!("{compute} -o missing/a.npy"), 2, "does not exist"),
        (compute.to_owned(), 2, "--output"),
        (
            format!("{compute} -o a.npy --max-memory 1MiB"),
            2,
            "a memory limit of 1.05 MB is too small (expected at least ",
        ),
        (format!("{compute} -o a.npy --max-memory 1MiB"), 2, "\nhint: --max-memory "),
        (format!("{compute} -o a.npy --repetitions 12"), 2, "was shown 12 times"),
        (
            format!("{compute} -o a.npy --repetitions 2 --ddof 2"),
            2,
            "2 repetitions with ddof 2 have no variance",
        ),
        (format!("{compute} -o a.npy --repetitions 1"), 2, "number of repetitions"),
        (format!("{compute} ses-01 -o a.npy"), 2, "named twice"),
        (format!("{compute} ses-99 -o a.npy"), 3, "ses-99"),
        ("nc compare --subject sub-03 a.npy".to_owned(), 2, "--desc"),
        (
            "nc compare --subject sub-03 a.csv --session 01".to_owned(),
            2,
            "use .npy, .nii or .nii.gz",
        ),
    ] {
        let message = user.fails(&line, code);
        assert!(message.contains(part), "{line}: {message}");
    }
    assert!(!user.path("a.npy").exists() && !user.path("a.json").exists());
    user.ok(&format!("{compute} -o a.npy"));
    let message = user.fails("nc compare --subject sub-03 a.npy --session 01 --roi face", 2);
    assert!(message.contains(" values, but ") && message.contains("selected"), "{message}");
}
