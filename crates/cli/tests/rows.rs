//! `betas --rows` and `trials` with the same choice: the trial table of exactly the rows.

use laion_fmri::export::{read_npy, read_npz};

use crate::User;

/// The column of a table in CSV, as texts.
fn column(text: &str, name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let at = reader.headers().unwrap().iter().position(|column| column == name).unwrap();
    reader.records().map(|row| row.unwrap()[at].to_owned()).collect()
}

#[test]
fn the_rows_that_were_written_have_their_table() {
    let user = User::with_session();
    let ran = user
        .ok("betas --subject 03 --session 01 --roi FFA1 --stimuli shared --rows rows.csv -o b.npy");
    let betas = read_npy::<f32>(user.path("b.npy")).unwrap();
    let table = std::fs::read_to_string(user.path("rows.csv")).unwrap();
    let labels = column(&table, "label");
    assert_eq!(labels.len(), betas.shape()[0]);
    assert!(ran.err.contains(&format!("{} rows -> rows.csv\n", labels.len())), "{}", ran.err);
    assert!(!labels.is_empty() && labels.iter().all(|label| label.starts_with("shared_")));
    // The rows are the trials that the table says.
    let trials = column(&table, "beta_index").join(",");
    user.ok(&format!("betas --subject 03 --session 01 --roi FFA1 --trials {trials} -o again.npy"));
    let again = std::fs::read(user.path("again.npy")).unwrap();
    assert_eq!(std::fs::read(user.path("b.npy")).unwrap(), again);
    let asked = user.ok("trials --subject 03 --session 01 --stimuli shared --format csv").out;
    assert_eq!(asked, table);
}

#[test]
fn rows_come_in_the_order_asked_and_of_each_session() {
    let user = User::with_session();
    user.ok("download --subject sub-03 --ses ses-02");
    user.ok("betas --subject 03 --session 01 --roi FFA1 --trials 5,0,5 --rows r.csv -o b.csv");
    let table = std::fs::read_to_string(user.path("r.csv")).unwrap();
    assert_eq!(column(&table, "beta_index"), ["5", "0", "5"]);
    for (output, rows) in [("both.npz", "r.tsv"), ("folder/", "r.json")] {
        user.ok(&format!(
            "betas --subject 03 --session 02 01 --roi FFA1 --trials 1:3 --rows {rows} -o {output}"
        ));
    }
    let lines = std::fs::read_to_string(user.path("r.json")).unwrap();
    let rows: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named: Vec<String> =
        rows.iter().map(|row| format!("{} {}", row["session"], row["beta_index"])).collect();
    assert_eq!(named, ["\"ses-02\" 1", "\"ses-02\" 2", "\"ses-01\" 1", "\"ses-01\" 2"]);
    assert_eq!(std::fs::read_to_string(user.path("r.tsv")).unwrap().lines().count(), 5);
    assert_eq!(read_npz(user.path("both.npz")).unwrap().names().unwrap(), ["ses-02", "ses-01"]);
    let text = user.ok("trials --subject 03 --session 02 01 --trials 1:3").out;
    assert_eq!(text, std::fs::read_to_string(user.path("r.tsv")).unwrap());
    let all = user.ok("trials --subject 03").out;
    assert_eq!(all, user.ok("trials --subject 03 --session all").out);
}

#[test]
fn what_cannot_be_is_said_before_anything_is_read() {
    let user = User::with_session();
    let betas = "betas --subject 03 --session 01 --roi FFA1";
    let message = user.fails(&format!("{betas} --rows rows.txt -o b.npy"), 2);
    assert!(message.contains("rows.txt"), "{message}");
    let message = user.fails(&format!("{betas} --rows b.csv -o b.csv"), 2);
    assert!(message.contains("cannot be both"), "{message}");
    user.fails(&format!("{betas} --rows nowhere/rows.csv -o b.npy"), 2);
    user.fails("trials --subject 03 --session 01 --trials 0:99999", 2);
    let folder = user.mirror().join("derivatives/glmsingle-tedana/sub-03/ses-01/func");
    let table = crate::names(&folder).into_iter().find(|name| name.ends_with("_trials.tsv"));
    std::fs::remove_file(folder.join(table.unwrap())).unwrap();
    let message = user.fails(&format!("{betas} --rows rows.csv -o b.npy"), 3);
    assert!(message.contains("trial table"), "{message}");
    assert_eq!(crate::names(user.folder.path()), ["home", "mirror"]);
}
