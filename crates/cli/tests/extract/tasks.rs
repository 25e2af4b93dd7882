//! Plans: their tasks in any share and order, the merge, and the scripts of a cluster.

use super::parts::{TRIALS, of_session};
use super::{Bench, CHOICE};
use crate::names;

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
    assert!(message.ends_with("hint: laion-fmri run plan.jsonl\n"), "{message}");
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

#[test]
fn a_merge_looks_at_every_part_and_at_what_it_was_made_of() {
    let bench = Bench::new();
    bench.plan(CHOICE, "out.npz");
    bench.ok("run plan.jsonl");
    let part = |session: &str| bench.user.path(&format!(".out.npz.parts/sub-01_{session}.part"));
    let (first, second) = (part("ses-01"), part("ses-02"));
    let (whole, other) = (std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let fails = |code: i32, error: &str, hint: &str| {
        let message = bench.fails("merge plan.jsonl", code);
        assert!(message.contains(error), "{error}: {message}");
        assert!(message.contains(&format!("\nhint: {hint}")), "{hint}: {message}");
        assert!(!bench.user.path("out.npz").exists());
    };
    let is_made_again = || {
        let ran = bench.ok("run plan.jsonl");
        assert!(
            ran.err.contains("1 of 3 tasks done in this run, 2 were done before"),
            "{}",
            ran.err
        );
        assert!(first.exists());
    };
    let run = "laion-fmri run plan.jsonl\n";
    std::fs::remove_file(&first).unwrap();
    fails(3, "1 of 3 tasks has not been run: sub-01 ses-01\n", run);
    is_made_again();
    // The part of another task under this name.
    std::fs::write(&first, &other).unwrap();
    fails(3, "not been run: sub-01 ses-01 (its part is of another plan)\n", run);
    is_made_again();
    let flipped = [&whole[..70], &[!whole[70]], &whole[71..]].concat();
    for damaged in [&whole[..whole.len() - 9], &flipped] {
        std::fs::write(&first, damaged).unwrap();
        let part = "DIR/.out.npz.parts/sub-01_ses-01.part";
        let hint = format!("rm {part} && laion-fmri run plan.jsonl\n");
        fails(4, &format!("{part}: not a complete part"), &hint);
        std::fs::remove_file(&first).unwrap();
        is_made_again();
    }
    // Files that have changed since, which the parts do not say.
    let table = of_session(&bench, "ses-02", TRIALS);
    let text = std::fs::read_to_string(&table).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(1, 2);
    std::fs::write(&table, lines.join("\n")).unwrap();
    let outdated =
        "1 of 3 parts was made of files or voxels that have changed since: sub-01 ses-02\n";
    fails(4, outdated, run);
    bench.ok("run plan.jsonl");
    // Files that are gone say nothing: the machine that merges needs none.
    let gone = bench.user.path("gone");
    std::fs::create_dir(&gone).unwrap();
    let mut command = bench.command("merge plan.jsonl");
    command.env("LAION_FMRI_DATA", &gone);
    assert_eq!(bench.user.run_with(command).ok("merge").code, 0);
    bench.folder("clean");
    bench.ok(&format!("extract {CHOICE} -o clean/out.npz"));
    assert!(bench.bytes("out.npz") == bench.bytes("clean/out.npz"));
}
