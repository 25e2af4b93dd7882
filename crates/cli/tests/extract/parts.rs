//! Parts of an extraction: what a failure leaves, and what of it is used again.

use std::path::PathBuf;

use super::{Bench, CHOICE};
use crate::names;

/// Names of files of a session, behind subject, session and task.
pub(super) const BETAS: &str = "space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";
pub(super) const TRIALS: &str = "desc-SingletrialBetas_trials.tsv";

/// The path of a file of ses-01 or ses-02 of sub-01 in the mirror.
pub(super) fn of_session(bench: &Bench, session: &str, rest: &str) -> PathBuf {
    let folder = format!("derivatives/glmsingle-tedana/sub-01/{session}/func");
    bench.user.bucket.path(&format!("{folder}/sub-01_{session}_task-images_{rest}"))
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
    assert!(
        message.contains(
            "hint: rm DIR/.out.npz.parts/sub-01_ses-02.part && laion-fmri run plan.jsonl\n"
        ),
        "{message}"
    );
    assert!(!bench.user.path("out.npz").exists());
    std::fs::remove_file(&part).unwrap();
    bench.ok(&format!("extract {CHOICE} -o out.npz"));
    bench.folder("clean");
    bench.ok(&format!("extract {CHOICE} -o clean/out.npz"));
    assert!(bench.bytes("out.npz") == bench.bytes("clean/out.npz"));
}
