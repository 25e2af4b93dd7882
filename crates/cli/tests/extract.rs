//! Extractions: what is refused, what comes out, and the same bytes in every way.

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
        ("--subject 01 --roi face --split tau -o out.npz", 2, "--pool"),
        ("--subject 01 --roi face --split tau --pool sub-03 -o out.npz", 2, "sub-03"),
        ("--subject 01 --roi face --zscore session --zscore-fit train -o out.npz", 2, "split"),
        ("--subject 01 --roi face --zscore trial -o out.npz", 2, "possible values: none, run"),
        ("--subject 01 --roi face --ddof 2 -o out.npz", 2, "--ddof"),
        ("--subject 01 --roi NoSuchRoi -o out.npz", 2, "NoSuchRoi"),
        ("--subject 99 --roi face -o out.npz", 3, "hint: laion-fmri download --subject sub-99"),
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

/// The variables of one task of an array job.
fn array_job(scheduler: &str, task: usize, of: usize) -> Vec<(&'static str, String)> {
    let number = |number: usize| number.to_string();
    match scheduler {
        // An array that does not begin at 0.
        "slurm" => vec![
            ("SLURM_ARRAY_TASK_ID", number(task + 3)),
            ("SLURM_ARRAY_TASK_MIN", number(3)),
            ("SLURM_ARRAY_TASK_COUNT", number(of)),
        ],
        "sge" => vec![
            ("SGE_TASK_ID", number(1 + 2 * task)),
            ("SGE_TASK_FIRST", number(1)),
            ("SGE_TASK_LAST", number(2 * of)),
            ("SGE_TASK_STEPSIZE", number(2)),
        ],
        "lsf" => vec![("LSB_JOBINDEX", number(task + 1)), ("LSB_JOBINDEX_END", number(of))],
        // PBS does not say how many there are: as many as the plan has tasks.
        _ => vec![("PBS_ARRAY_INDEX", number(task))],
    }
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
fn any_number_of_tasks_makes_the_same_bytes() {
    let bench = Bench::new();
    let choice = "--subject 01 03 --roi face --zscore run --average image --features CLIP";
    bench.folder("one");
    bench.ok(&format!("extract {choice} -o one/out.npz"));
    let expected = bench.bytes("one");
    assert_eq!(expected.len(), 2);
    for (scheduler, of) in [("lsf", 1), ("pbs", 5), ("slurm", 7), ("sge", 30)] {
        bench.folder("many");
        let lines = bench.plan(choice, "many/out.npz");
        assert_eq!(lines.lines().count(), 5);
        // Backwards, as the scheduler pleases.
        for task in (0..of).rev() {
            let mut command = bench.command("run plan.jsonl");
            command.envs(array_job(scheduler, task, of));
            let ran = bench.user.run_with(command);
            assert_eq!(ran.code, 0, "{scheduler} {task} of {of}: {}", ran.err);
        }
        bench.ok("merge plan.jsonl");
        assert!(bench.bytes("many") == expected, "{scheduler} {of}");
        std::fs::remove_dir_all(bench.user.path("many")).unwrap();
    }
    let mut command = bench.command("run plan.jsonl");
    command.env("SLURM_ARRAY_TASK_ID", "9").env("SLURM_ARRAY_TASK_COUNT", "5");
    let ran = bench.user.run_with(command);
    assert_eq!((ran.code, ran.err.contains("there is no task 9 of 5")), (2, true), "{}", ran.err);
}

#[test]
fn missing_tasks_and_other_plans_are_named() {
    let bench = Bench::new();
    let lines = bench.plan(CHOICE, "out.npz");
    let ran = bench.ok("run plan.jsonl --task 1 --of 3");
    assert!(
        ran.err.ends_with("1 of 3 tasks done in this run, 0 were done before\n"),
        "{}",
        ran.err
    );
    let ran = bench.ok("run plan.jsonl --task 1 --of 3");
    assert!(ran.err.ends_with("0 of 3 tasks done in this run, 1 was done before\n"), "{}", ran.err);
    let message = bench.fails("merge plan.jsonl", 3);
    assert!(message.contains("2 of 3 tasks have not been run: sub-01 ses-01, sub-01 ses-03"));
    assert!(
        message.contains("hint: laion-fmri run plan.jsonl runs the missing tasks"),
        "{message}"
    );
    assert!(!bench.user.path("out.npz").exists());
    let message = bench.fails("run plan.jsonl --task 3 --of 3", 2);
    assert!(message.contains("there is no task 3 of 3"), "{message}");
    let version = env!("CARGO_PKG_VERSION");
    let older = lines.replace(&format!("laion-fmri {version}"), "laion-fmri 0.0.1");
    std::fs::write(bench.user.path("older.jsonl"), older).unwrap();
    for command in ["run", "merge", "slurm"] {
        let message = bench.fails(&format!("{command} older.jsonl"), 2);
        assert!(
            message.contains("older.jsonl, line 1: it was made by \"laion-fmri 0.0.1\""),
            "{command}: {message}"
        );
    }
    // Standard input is a plan like any other.
    let mut command = bench.command("run -");
    command.stdin(std::fs::File::open(bench.user.path("plan.jsonl")).unwrap());
    let ran = bench.user.run_with(command);
    assert!(ran.err.ends_with("2 of 3 tasks done in this run, 1 was done before\n"), "{}", ran.err);
    bench.ok("merge plan.jsonl");
    let kept = names(bench.user.folder.path());
    assert_eq!(
        kept,
        ["home", "mirror", "older.jsonl", "out.npz", "out.npz.recipe.toml", "plan.jsonl"]
    );
}

#[test]
fn what_is_merged_is_done() {
    let bench = Bench::new();
    for output in ["out.npz", "out.zarr"] {
        bench.plan(CHOICE, output);
        bench.ok("run plan.jsonl");
        bench.ok("merge plan.jsonl");
        let made = bench.bytes(output);
        for command in ["merge", "run", "merge"] {
            let ran = bench.ok(&format!("{command} plan.jsonl"));
            assert!(ran.err.contains(&format!("{output} is done")), "{}", ran.err);
        }
        assert!(bench.bytes(output) == made);
        let state = format!(".{output}.parts");
        assert!(!bench.user.path(&state).exists());
    }
    // Another choice is not done, nor an output that is gone.
    bench.plan(&CHOICE.replace("face", "FFA1"), "out.npz");
    assert!(bench.fails("merge plan.jsonl", 3).contains("have not been run"));
    bench.plan(CHOICE, "out.npz");
    std::fs::remove_file(bench.user.path("out.npz")).unwrap();
    assert!(bench.fails("merge plan.jsonl", 3).contains("have not been run"));
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
fn what_a_failure_leaves_is_named() {
    let bench = Bench::new();
    let betas = bench.user.bucket.path(
        "derivatives/glmsingle-tedana/sub-01/ses-02/func/sub-01_ses-02_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz",
    );
    let whole = std::fs::read(&betas).unwrap();
    std::fs::write(&betas, &whole[..whole.len() / 2]).unwrap();
    let message = bench.fails(&format!("--jobs 1 extract {CHOICE} -o out.npz"), 4);
    assert!(
        message.contains("is in DIR/.out.npz.parts") || message.contains("is in .out.npz.parts"),
        "{message}"
    );
    assert!(message.contains("hint: laion-fmri verify --repair --subject sub-01"), "{message}");
    let first = CHOICE.replace("--roi", "--session 02 --roi");
    let message = bench.fails(&format!("extract {first} -o one.npz"), 4);
    assert!(!message.contains(".one.npz.parts") && !bench.user.path(".one.npz.parts").exists());
}

/// The path of a file of ses-01 or ses-02 of sub-01 in the mirror.
fn of_session(bench: &Bench, session: &str, rest: &str) -> std::path::PathBuf {
    let folder = format!("derivatives/glmsingle-tedana/sub-01/{session}/func");
    bench.user.bucket.path(&format!("{folder}/sub-01_{session}_task-images_{rest}"))
}

const BETAS: &str = "space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";
const TRIALS: &str = "desc-SingletrialBetas_trials.tsv";

#[test]
fn parts_of_files_that_changed_are_made_again() {
    let bench = Bench::new();
    let damaged = of_session(&bench, "ses-02", BETAS);
    let whole = std::fs::read(&damaged).unwrap();
    let line = format!("--jobs 1 extract {CHOICE} -o out.npz");
    let interrupt = || {
        std::fs::write(&damaged, &whole[..whole.len() / 2]).unwrap();
        let message = bench.fails(&line, 4);
        assert!(message.contains("run the same command again to continue"), "{message}");
        assert!(bench.user.path(".out.npz.parts/sub-01_ses-01.part").is_file());
        std::fs::write(&damaged, &whole).unwrap();
    };
    // Nothing changed but the damaged file.
    interrupt();
    let ran = bench.ok(&line);
    assert!(ran.err.contains("1 session taken from an earlier run\n"), "{}", ran.err);
    // Other betas of the session that was read.
    interrupt();
    for rest in [BETAS, TRIALS] {
        let (from, to) = (of_session(&bench, "ses-02", rest), of_session(&bench, "ses-01", rest));
        std::fs::write(to, std::fs::read(from).unwrap()).unwrap();
    }
    let ran = bench.ok(&line);
    assert!(ran.err.contains("1 session of an earlier run read again"), "{}", ran.err);
    assert!(!ran.err.contains("taken from"), "{}", ran.err);
    bench.folder("clean");
    bench.ok(&format!("extract {CHOICE} -o clean/out.npz"));
    assert!(bench.bytes("out.npz") == bench.bytes("clean/out.npz"));
    // Other voxels: a volume of an ROI takes the place of another.
    interrupt();
    let folder = bench.user.bucket.path("derivatives/rois/sub-01/face");
    let roi = |name: &str| {
        let end = format!("res-1pt8_label-{name}_mask.nii.gz");
        let file = names(&folder).into_iter().find(|file| file.ends_with(&end));
        folder.join(file.unwrap())
    };
    let (one, other) = (roi("FFA-1"), roi("FFA-2"));
    std::fs::write(&one, std::fs::read(&other).unwrap()).unwrap();
    bench.ok(&line);
    bench.ok(&format!("extract {CHOICE} -o clean/out.npz"));
    assert!(bench.bytes("out.npz") == bench.bytes("clean/out.npz"));
    // A volume that no part has read, since it was not there.
    interrupt();
    std::fs::remove_file(&other).unwrap();
    bench.ok(&line);
    bench.ok(&format!("extract {CHOICE} -o clean/out.npz"));
    assert!(bench.bytes("out.npz") == bench.bytes("clean/out.npz"));
}

#[test]
fn parts_of_a_reproduction_do_not_hide_what_differs() {
    let bench = Bench::new();
    bench.ok(&format!("extract {CHOICE} -o out.npz"));
    let (first, second) =
        (of_session(&bench, "ses-01", TRIALS), of_session(&bench, "ses-02", BETAS));
    let whole = std::fs::read(&second).unwrap();
    std::fs::write(&second, &whole[..whole.len() / 2]).unwrap();
    let line = "--jobs 1 reproduce out.npz.recipe.toml -o again.npz";
    bench.fails(line, 4);
    assert!(bench.user.path(".again.npz.parts").is_dir());
    std::fs::write(&second, &whole).unwrap();
    let text = std::fs::read_to_string(&first).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(1, 2);
    std::fs::write(&first, lines.join("\n")).unwrap();
    let message = bench.fails(line, 4);
    assert!(message.contains("cannot be reproduced: "), "{message}");
    assert!(message.contains("ses-01_task-images_desc-SingletrialBetas_trials.tsv"), "{message}");
    assert!(!bench.user.path(".again.npz.parts").exists());
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
fn recipes_are_read_from_what_holds_one() {
    let bench = Bench::new();
    bench.ok("betas --subject 01 --session 01 --roi FFA1 -o ffa1.npy");
    let message = bench.fails("recipe methods ffa1.npy", 4);
    assert!(message.contains("it is no text (a recipe is OUT.recipe.toml"), "{message}");
}

#[test]
fn a_damaged_part_is_named() {
    let bench = Bench::new();
    bench.plan(CHOICE, "out.npz");
    bench.ok("run plan.jsonl");
    let part = bench.user.path(".out.npz.parts/sub-01_ses-02.part");
    let mut content = std::fs::read(&part).unwrap();
    content[64] ^= 1;
    std::fs::write(&part, content).unwrap();
    let message = bench.fails("merge plan.jsonl", 4);
    assert!(message.contains("sub-01_ses-02.part: not a complete part"), "{message}");
    assert!(message.contains("hint: delete "), "{message}");
    assert!(!bench.user.path("out.npz").exists());
    std::fs::remove_file(&part).unwrap();
    bench.ok(&format!("extract {CHOICE} -o out.npz"));
    bench.folder("clean");
    bench.ok(&format!("extract {CHOICE} -o clean/out.npz"));
    assert!(bench.bytes("out.npz") == bench.bytes("clean/out.npz"));
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
fn a_recipe_is_reproduced_or_says_what_differs() {
    let bench = Bench::new();
    bench.ok(&format!("extract {CHOICE} -o out.npz"));
    bench.folder("again");
    bench.ok("reproduce out.npz.recipe.toml -o again/out.npz");
    assert!(bench.bytes("again/out.npz") == bench.bytes("out.npz"));
    assert!(bench.bytes("again/out.npz.recipe.toml") == bench.bytes("out.npz.recipe.toml"));
    // The recipe of another version: the arrays are equal, and that is said.
    let recipe = std::fs::read_to_string(bench.user.path("out.npz.recipe.toml")).unwrap();
    let tool = format!("tool = \"laion-fmri {}\"", env!("CARGO_PKG_VERSION"));
    let other = recipe.replace(&tool, "tool = \"laion-fmri 0.0.9\"");
    assert_ne!(other, recipe);
    std::fs::write(bench.user.path("other.recipe.toml"), &other).unwrap();
    let ran = bench.ok("reproduce other.recipe.toml -o again/other.npz");
    assert!(
        ran.err.contains("note: made by laion-fmri 0.0.9, reproduced by laion-fmri"),
        "{}",
        ran.err
    );
    let digest = |name: &str| {
        read_arrays(bench.user.path(name)).unwrap().digest().unwrap().sha256().to_string()
    };
    assert_eq!(digest("again/other.npz"), digest("out.npz"));
    // Another result than the recorded one.
    let digits = recipe.lines().find_map(|line| line.strip_prefix("arrays_sha256 = \"")).unwrap();
    let wrong = recipe.replace(&digits[..8], "00000000");
    std::fs::write(bench.user.path("wrong.recipe.toml"), wrong).unwrap();
    let message = bench.fails("reproduce wrong.recipe.toml -o again/wrong.npz", 4);
    assert!(message.contains("wrong.recipe.toml cannot be reproduced: "), "{message}");
    // Another content of one input.
    let before = bench.bytes("out.npz");
    let trials = "derivatives/glmsingle-tedana/sub-01/ses-02/func/sub-01_ses-02_task-images_desc-SingletrialBetas_trials.tsv";
    let path = bench.user.bucket.path(trials);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(1, 2);
    std::fs::write(&path, lines.join("\n")).unwrap();
    for line in ["reproduce out.npz.recipe.toml", "reproduce out.npz -o again/changed.npz"] {
        let message = bench.fails(line, 4);
        assert!(message.contains(trials), "{line}: {message}");
        assert!(!message.contains("ses-01_task"), "{line}: {message}");
    }
    assert!(bench.bytes("out.npz") == before);
    for name in ["again/wrong.npz", "again/changed.npz"] {
        assert!(!bench.user.path(name).exists(), "{name}");
    }
    std::fs::write(bench.user.path("no.toml"), "colour = 3").unwrap();
    let message = bench.fails("reproduce no.toml -o again/no.npz", 4);
    assert!(message.contains("no.toml: not a usable recipe: missing field `recipe`"), "{message}");
}

#[test]
fn recipes_are_compared_in_words() {
    let bench = Bench::new();
    bench.ok(&format!("extract {CHOICE} -o one.npz"));
    bench.ok("extract --subject 01 --roi face --zscore run --ddof 1 -o other.npz");
    let ran = bench.ok("recipe diff one.npz one.npz.recipe.toml");
    assert_eq!(ran.out, "", "{}", ran.out);
    let ran = bench.run("recipe diff one.npz other.npz.recipe.toml");
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let expected = "z-score within each: one.npz session, other.npz.recipe.toml run\n";
    assert!(ran.out.contains(expected), "{}", ran.out);
    let json = bench.run("recipe diff one.npz other.npz --json");
    assert_eq!(json.code, 1);
    for line in json.out.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["schema"], "laion-fmri.recipe-difference/1");
        assert!(line["difference"].is_string());
    }
    assert!(json.out.lines().count() >= 2, "{}", json.out);
    let shown = bench.ok("recipe show one.npz").out;
    assert!(shown.starts_with("recipe = 2\n") && !shown.contains("[output]"), "{shown}");
    assert!(bench.ok("recipe methods one.npz").out.contains("session"));
    assert!(bench.ok("recipe cite one.npz").out.starts_with('@'));
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
            "error: the licence of the dataset has not been accepted for {place}\nhint: read it with laion-fmri license, then add --accept-license\n"
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

#[test]
fn the_scripts_of_a_plan_are_complete() {
    let bench = Bench::new();
    bench.plan(CHOICE, "out.npz");
    let message = bench.fails("slurm plan.jsonl", 2);
    assert!(message.contains("--script download, extract or merge"), "{message}");
    for script in ["download", "extract", "merge"] {
        let text = bench.ok(&format!("slurm plan.jsonl --script {script}")).out;
        assert!(text.starts_with("#!/bin/bash\n"), "{text}");
        // The command and the data directory, of the environment here, by their absolute paths.
        let call = text.lines().find(|line| line.contains("laion-fmri ")).unwrap();
        assert!(call.starts_with('/'), "{call}");
        let data = format!("--data-dir {} ", bench.user.bucket.root().display());
        assert!(script == "merge" || call.contains(&data), "{call}");
    }
    for time in ["abc", "2", "2:00", "1:60:00"] {
        let message = bench.fails(&format!("slurm plan.jsonl -o jobs --time {time}"), 2);
        assert!(message.contains("HH:MM:SS"), "{message}");
    }
    bench.fails("slurm plan.jsonl -o jobs --script merge", 2);
    let mut command = bench.command("slurm plan.jsonl -o jobs --time 2-00:30:00 --log-dir logs");
    command.args(["--account", "lab", "--partition", "short", "--qos", "fast"]);
    command.args(["--sbatch", "--constraint=avx2 --mail-type=FAIL"]);
    let ran = bench.user.run_with(command).ok("slurm");
    let files = ["download.sh", "extract.sbatch", "merge.sbatch", "submit.sh"];
    let expected: Vec<String> = files.iter().map(|name| format!("jobs/{name}")).collect();
    assert_eq!(ran.out.lines().collect::<Vec<_>>(), expected);
    assert!(ran.err.contains("bash jobs/download.sh && bash jobs/submit.sh"), "{}", ran.err);
    assert!(bench.user.path("logs").is_dir());
    for name in ["extract.sbatch", "merge.sbatch"] {
        let text = std::fs::read_to_string(bench.user.path("jobs").join(name)).unwrap();
        for option in [
            "--account=lab",
            "--partition=short",
            "--qos=fast",
            "--time=2-00:30:00",
            "--constraint=avx2 --mail-type=FAIL",
            "--mem=489M",
        ] {
            assert!(text.contains(&format!("#SBATCH {option}\n")), "{option}: {text}");
        }
        assert!(text.contains("/logs/%x-"), "{text}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name: &str| {
            let file = std::fs::metadata(bench.user.path("jobs").join(name)).unwrap();
            file.permissions().mode() & 0o111
        };
        assert!(mode("submit.sh") != 0 && mode("download.sh") != 0);
    }
}
