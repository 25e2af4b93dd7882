//! Extractions: what is refused, what comes out, and the same bytes in every way.

mod parts;
mod recipes;
mod tasks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use laion_fmri::export::read_arrays;

use crate::{Ran, User, names};

/// A user whose mirror is the whole bucket.
pub(crate) struct Bench {
    pub(crate) user: User,
}

const CHOICE: &str = "--subject 01 --roi face --zscore session";

impl Bench {
    fn new() -> Self {
        let user = User::new();
        // What the real bucket lists and refuses cannot be in a mirror.
        for key in user.bucket.denied_keys() {
            std::fs::remove_file(user.bucket.path(&key)).unwrap();
        }
        Self { user }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.user.command(&line.split(' ').collect::<Vec<_>>());
        command.env("LAION_FMRI_DATA", self.user.bucket.root()).env("LAION_FMRI_OFFLINE", "1");
        command
    }

    fn run(&self, line: &str) -> Ran {
        self.user.run_with(self.command(line))
    }

    fn ok(&self, line: &str) -> Ran {
        self.run(line).ok(line)
    }

    /// Runs a command line that has to fail, and returns its messages.
    fn fails(&self, line: &str, code: i32) -> String {
        self.run(line).failed(line, code).err
    }

    fn folder(&self, name: &str) {
        std::fs::create_dir(self.user.path(name)).unwrap();
    }

    /// Writes a plan of the choice with this output.
    fn plan(&self, choice: &str, output: &str) -> String {
        let ran = self.ok(&format!("plan {choice} -o {output}"));
        std::fs::write(self.user.path("plan.jsonl"), &ran.stdout).unwrap();
        ran.out
    }

    fn bytes(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        bytes(&self.user.path(name))
    }
}

/// The bytes of a file, or those of all files of a folder, by their names.
pub(crate) fn bytes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![path.to_owned()];
    while let Some(next) = open.pop() {
        if next.is_dir() {
            open.extend(std::fs::read_dir(&next).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let name = next.strip_prefix(path).unwrap().to_string_lossy().into_owned();
            found.insert(name, std::fs::read(&next).unwrap());
        }
    }
    assert!(!found.is_empty(), "{}", path.display());
    found
}

#[test]
fn what_cannot_be_extracted_says_why() {
    let bench = Bench::new();
    for (line, code, words) in [
        ("--subject 01 03 --roi face -o out.npz", 2, "-o DIR/ one output per subject"),
        ("--subject 01 --roi face --nc-threshold 20 -o out.npz", 2, "--nc-desc"),
        ("--subject 01 --roi face --nc-desc Noiseceiling12rep -o out.npz", 2, "--nc-threshold"),
        ("--subject 01 --roi face --split tau -o out.npz", 2, "hint: --pool shared or sub-01\n"),
        ("--subject 01 --roi face --split tau --pool sub-03 -o out.npz", 2, "sub-03"),
        (
            "--subject 01 --roi face --zscore session --zscore-fit train -o out.npz",
            2,
            "--split tau --pool shared; see",
        ),
        ("--subject 01 --roi face --zscore trial -o out.npz", 2, "possible values: none, run"),
        ("--subject 01 --roi face --ddof 2 -o out.npz", 2, "--ddof"),
        ("--subject 01 --roi NoSuchRoi -o out.npz", 2, "NoSuchRoi"),
        ("--subject 99 --roi face -o out.npz", 3, "hint: the dataset has sub-01, sub-03"),
        ("--subject 01 --session 17 --roi face -o out.npz", 3, "ses-17"),
        ("--subject 01 --roi face -o out.csv", 2, ".npz"),
        ("--subject 01 --roi face -o -", 2, "cannot write to standard output"),
        ("--subject 01 --roi face -o no/such/out.npz", 2, "no/such"),
        ("--subject 01 --roi face --max-memory 2XB -o out.npz", 2, "invalid size"),
        (
            "--subject 01 --roi face --nc-threshold 101 --nc-desc Noiseceiling12rep -o out.npz",
            3,
            "no voxel of sub-01 is left: the ROIs face, a noise ceiling of at least 101 %",
        ),
        (
            "--subject 01 --session 01 --roi face --stimuli unique --exact-reps -o out.npz",
            3,
            "no trial of sub-01 is left: unique images, images with exactly the planned repetitions",
        ),
    ] {
        let message = bench.fails(&format!("extract {line}"), code);
        assert!(message.contains(words), "{line}: {message}");
        assert!(!bench.user.path("out.npz").exists(), "{line}");
        assert!(!bench.user.path("out.npz.recipe.toml").exists(), "{line}");
    }
}

#[test]
fn too_little_memory_names_what_suffices() {
    let bench = Bench::new();
    let message = bench.fails(&format!("extract {CHOICE} -o out.npz --max-memory 1MiB"), 2);
    assert!(message.contains("a memory limit of 1.05 MB is too small"), "{message}");
    let least = message.lines().find_map(|line| line.strip_prefix("hint: --max-memory ")).unwrap();
    let number: f64 = least.strip_suffix("MB").unwrap().parse().unwrap();
    // It is rounded up to three digits, and never by more than a hundredth.
    bench.fails(&format!("extract {CHOICE} -o out.npz --max-memory {:.3}MB", number * 0.98), 2);
    bench.ok(&format!("extract {CHOICE} -o out.npz --max-memory {least}"));
    assert_eq!(
        names(bench.user.folder.path()),
        ["home", "mirror", "out.npz", "out.npz.recipe.toml"]
    );
}

#[test]
fn too_few_trials_for_a_z_score_are_named() {
    let bench = Bench::new();
    let choice =
        "--subject 03 --session 01 --roi FFA1 --zscore-fit train --split tau --pool shared";
    let line = format!("extract {choice} --ddof 1 -o out.npz --zscore");
    let said = "note: every voxel has NaN: a run has fewer than 2 training trials for the z-score; \
                --zscore session has more in each group\n";
    let ran = bench.ok(&format!("{line} run"));
    assert!(ran.err.ends_with(said), "{}", ran.err);
    let ran = bench.ok(&format!("{line} session"));
    assert!(!ran.err.contains("z-score"), "{}", ran.err);
}

#[test]
fn a_dry_run_says_what_would_be_read() {
    let bench = Bench::new();
    let ran = bench.ok(&format!("extract {CHOICE} -o out.npz --dry-run"));
    assert!(ran.err.starts_with("would read 3 sessions ("), "{}", ran.err);
    assert!(ran.err.contains(" in parallel: 145 trials x "), "{}", ran.err);
    assert!(ran.err.contains(" MB of memory"), "{}", ran.err);
    assert_eq!(
        (ran.out.as_str(), names(bench.user.folder.path())),
        ("", vec!["home".into(), "mirror".into()])
    );
}

#[test]
fn one_output_for_each_subject() {
    let bench = Bench::new();
    let choice = "--subject 01 03 --roi FFA1";
    bench.ok(&format!("extract {choice} -o each/"));
    let both = ["sub-01.npz", "sub-01.npz.recipe.toml", "sub-03.npz", "sub-03.npz.recipe.toml"];
    assert_eq!(names(&bench.user.path("each")), both);
    bench.folder("named");
    bench.ok(&format!("extract {choice} -o named/{{subject}}.npz"));
    assert_eq!(bench.bytes("named"), bench.bytes("each"));
    bench.folder("alone");
    bench.ok("extract --subject sub-03 --roi FFA1 -o alone/sub-03.npz");
    assert_eq!(bench.bytes("alone/sub-03.npz"), bench.bytes("each/sub-03.npz"));
    // One plan holds both, and its tasks are shared as one list.
    bench.folder("planned");
    let lines = bench.plan(choice, "planned/");
    assert_eq!(lines.lines().count(), 5);
    for task in 0..3 {
        bench.ok(&format!("run plan.jsonl --task {task} --of 3"));
    }
    bench.ok("merge plan.jsonl");
    assert_eq!(bench.bytes("planned"), bench.bytes("each"));
}

#[test]
fn a_table_of_rows_is_parquet() {
    let bench = Bench::new();
    let ran = bench.ok("extract --subject 01 --session 01 --roi face -o rows.parquet");
    assert_eq!(ran.err, "48 rows without betas -> rows.parquet\n");
    let parquet = std::fs::read(bench.user.path("rows.parquet")).unwrap();
    assert_eq!((&parquet[..4], &parquet[parquet.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    let message = bench.fails("plan --subject 01 --roi face -o rows.parquet", 2);
    assert!(message.contains("needs no tasks: use extract"), "{message}");
}

#[test]
fn images_that_not_all_subjects_saw_are_counted() {
    let bench = Bench::new();
    let seen = |subject: &str| -> BTreeSet<String> {
        let trials = bench.ok(&format!("trials --subject {subject} --json")).out;
        let label = |line: &str| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            row["label"].as_str().unwrap().to_owned()
        };
        trials.lines().map(label).collect()
    };
    let (one, three) = (seen("01"), seen("03"));
    let (shared, all) = (one.intersection(&three).count(), one.union(&three).count());
    let dropped = format!(", {} images not seen by all subjects left out", all - shared);
    assert!(all - shared > 1 && shared > 0);
    let line = "--subject 01 03 --roi face --average image";
    for output in ["out.npz", "out.parquet"] {
        let ran = bench.ok(&format!("extract {line} -o {output}"));
        assert!(ran.err.contains(&format!("{shared} rows")), "{}", ran.err);
        assert!(ran.err.contains(&dropped), "{}", ran.err);
    }
    let recipe = bench.ok("recipe show out.npz").out;
    assert!(recipe.contains(&format!("dropped_images = {}\n", all - shared)), "{recipe}");
    let methods = bench.ok("recipe methods out.npz").out;
    let expected = format!("; {} images that not all of them saw were left out.", all - shared);
    assert!(methods.contains(&expected), "{methods}");
    // Of one subject, none is.
    let ran = bench.ok("extract --subject 01 --roi face --average image -o out.npz");
    assert!(!ran.err.contains("left out"), "{}", ran.err);
    assert!(!bench.ok("recipe show out.npz").out.contains("dropped_images"));
}

#[test]
fn an_output_that_cannot_be_is_refused_before_anything_is_read() {
    let bench = Bench::new();
    bench.folder("folder.zarr");
    std::fs::write(bench.user.path("folder.zarr/mine.txt"), "mine").unwrap();
    let message = bench.fails(&format!("extract {CHOICE} -o folder.zarr"), 2);
    assert!(message.contains("not a Zarr group"), "{message}");
    assert_eq!(names(bench.user.folder.path()), ["folder.zarr", "home", "mirror"]);
    // An earlier group is replaced.
    bench.ok(&format!("extract {CHOICE} -o out.zarr"));
    bench.ok(&format!("extract {CHOICE} -o out.zarr"));
}

#[test]
fn rows_say_what_the_table_of_images_says_and_how_they_are_divided() {
    let bench = Bench::new();
    let ran = bench.ok("extract --subject 01 --roi FFA1 --split tau --pool shared -o out.npz");
    let mut file = read_arrays(bench.user.path("out.npz")).unwrap();
    let table = bench.ok("trials --subject 01 --format csv").out;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let at = |name: &str, header: &csv::StringRecord| {
        header.iter().position(|column| column == name).unwrap()
    };
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |name: &str| -> Vec<String> {
        rows.iter().map(|row| row[at(name, &header)].to_owned()).collect()
    };
    assert_eq!(file.text("image_name").unwrap(), column("label"));
    assert_eq!(file.text("dataset").unwrap(), column("dataset"));
    assert_eq!(file.text("unique_or_shared").unwrap(), column("unique_or_shared"));
    let planned = file.array::<i64>("n_reps_planned").unwrap();
    let expected: Vec<i64> =
        column("n_reps_planned").iter().map(|n| n.parse().unwrap_or(-1)).collect();
    assert_eq!(planned.iter().copied().collect::<Vec<_>>(), expected);
    let (train, test) = (file.array::<bool>("train").unwrap(), file.array::<bool>("test").unwrap());
    let number = |set: &laion_fmri::ndarray::ArrayD<bool>| set.iter().filter(|it| **it).count();
    let neither = train.iter().zip(&test).filter(|(a, b)| !**a && !**b).count();
    let words = format!("{} train, {} test, {neither} neither", number(&train), number(&test));
    assert!(ran.err.contains(&words), "{words}: {}", ran.err);
    // Without the table there are no such columns, and a recipe says so.
    let user = User::with_session();
    user.ok("extract --subject 03 --session 01 --roi FFA1 -o out.npz");
    let mut file = read_arrays(user.path("out.npz")).unwrap();
    assert!(file.text("dataset").is_err());
}

#[test]
fn threads_do_not_change_the_bytes() {
    let bench = Bench::new();
    for output in ["out.npz", "out.zarr"] {
        let mut first = None;
        for jobs in [1, 2, 8] {
            let folder = format!("{output}-{jobs}");
            bench.folder(&folder);
            bench.ok(&format!(
                "extract {CHOICE} --average image --jobs {jobs} -o {folder}/{output}"
            ));
            let made = bench.bytes(&folder);
            assert!(*first.get_or_insert_with(|| made.clone()) == made, "{output}, {jobs} threads");
        }
    }
}

#[test]
fn reading_the_bucket_asks_for_the_licence_once() {
    let user = User::new();
    let run = |line: &str, data: bool, variable: Option<&str>| {
        let mut command = user.command(&line.split(' ').collect::<Vec<_>>());
        if data {
            command.env("LAION_FMRI_DATA", user.mirror());
        }
        if let Some(value) = variable {
            command.env("LAION_FMRI_ACCEPT_LICENSE", value);
        }
        user.run_with(command)
    };
    let line = "extract --from bucket --subject 03 --session 01 --roi FFA1 -o out.npz";
    // A plan and a dry run show what there is, and ask nothing.
    for asks_nothing in [line.to_owned() + " -n", line.replacen("extract", "plan", 1)] {
        let ran = run(&asks_nothing, false, None);
        assert_eq!(ran.code, 0, "{asks_nothing}: {}", ran.err);
    }
    let plan = run(&line.replacen("extract", "plan", 1), false, None).out;
    std::fs::write(user.path("plan.jsonl"), plan).unwrap();
    let refused = |line: &str, data: bool, place: &str| {
        let ran = run(line, data, Some("0"));
        let expected = format!(
            "error: the licence of the dataset has not been accepted for {place}\nhint: read it with laion-fmri license, then laion-fmri license --accept, once for all commands, or add --accept-license\n"
        );
        assert_eq!((ran.code, ran.err), (5, expected), "{line}");
    };
    // Without a data directory it is the user's.
    refused(line, false, "DIR/home/.config/laion_fmri");
    refused("run plan.jsonl", false, "DIR/home/.config/laion_fmri");
    let ran = run(&format!("{line} --accept-license"), false, None);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let marker = user.path("home/.config/laion_fmri/license_accepted");
    assert!(marker.is_file());
    for again in [line, "run plan.jsonl", "reproduce out.npz.recipe.toml --from bucket"] {
        let ran = run(again, false, None);
        assert_eq!(ran.code, 0, "{again}: {}", ran.err);
    }
    assert!(run("license", false, None).out.contains("Accepted: DIR/home/.config/laion_fmri/"));
    // With one it is that of the data directory; the variable stands for the option.
    refused(line, true, "DIR/mirror");
    refused("download --subject 03 --ses 01", true, "DIR/mirror");
    let ran = run(line, true, Some("1"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(user.mirror().join(".laion_fmri/license_accepted").is_file());
    let ran = run("download --subject 03 --ses 01 --suffix trials", true, None);
    assert_eq!(ran.code, 0, "{}", ran.err);
}
