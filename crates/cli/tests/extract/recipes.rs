//! Recipes: read, compared, and reproduced or refused.

use laion_fmri::export::read_arrays;

use super::parts::{BETAS, TRIALS, of_session};
use super::{Bench, CHOICE};

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
fn recipes_are_read_from_what_holds_one() {
    let bench = Bench::new();
    bench.ok("betas --subject 01 --session 01 --roi FFA1 -o ffa1.npy");
    let message = bench.fails("recipe methods ffa1.npy", 4);
    assert!(message.contains("it is no text (a recipe is OUT.recipe.toml"), "{message}");
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
