//! Tables about splits, as text, CSV and JSON.

use laion_fmri::export::{Column, Table};
use laion_fmri::splits::{
    Pool, Split, SplitFamily, SplitParams, SplitRevision, list_pools, list_splits, load_split,
};
use laion_fmri::{Error, splits};
use serde_json::{Map, Value, json};

use crate::args::splits::Format;
use crate::output;

/// Rows of equal length under column names.
pub(super) struct SplitTable {
    schema: &'static str,
    columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl SplitTable {
    pub(super) fn new(schema: &'static str, columns: &[&'static str]) -> Self {
        Self { schema, columns: columns.to_vec(), rows: Vec::new() }
    }
}

/// Every split of the pools, the random ones in each revision.
pub(super) fn list(
    pool: Option<Pool>,
    revision: Option<SplitRevision>,
) -> Result<SplitTable, splits::Error> {
    let columns = ["pool", "name", "split_family", "revisions", "n_train", "n_test"];
    let mut table = SplitTable::new("split", &columns);
    for &pool in list_pools().iter().filter(|one| pool.is_none_or(|pool| pool == **one)) {
        for &name in list_splits(Some(pool)) {
            let split = load_split(name, pool)?;
            let own: Vec<Vec<SplitRevision>> = match split.family() {
                SplitFamily::Random => SplitRevision::ALL.iter().map(|one| vec![*one]).collect(),
                _ => vec![SplitRevision::ALL.to_vec()],
            };
            let asked = |own: &&Vec<SplitRevision>| revision.is_none_or(|one| own.contains(&one));
            for revisions in own.iter().filter(asked) {
                let split = split.with_revision(revisions[0]);
                table.rows.push(vec![
                    pool.as_str().into(),
                    name.as_str().into(),
                    split.family().as_str().into(),
                    revisions.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(" ").into(),
                    split.n_train().into(),
                    split.n_test().into(),
                ]);
            }
        }
    }
    Ok(table)
}

/// One split: a row in CSV and JSON, a line for each field in text.
pub(super) fn show(split: &Split) -> SplitTable {
    let columns =
        ["name", "pool", "split_family", "revision", "n_train", "n_test", "method", "params"];
    let mut table = SplitTable::new("split-description", &columns);
    table.rows.push(vec![
        split.name().as_str().into(),
        split.pool().as_str().into(),
        split.family().as_str().into(),
        split.revision().as_str().into(),
        split.n_train().into(),
        split.n_test().into(),
        split.params().method().into(),
        params(&split.params()),
    ]);
    table
}

/// The parameters under the names that the files of the Python package have.
fn params(params: &SplitParams) -> Value {
    match params {
        SplitParams::UniformRandom { seed } => json!({"seed": seed}),
        SplitParams::ShuffledFolds { k, seed, fold, duplicates_joined } => {
            let mut object = Map::from_iter([
                ("k".to_owned(), json!(k)),
                ("seed".to_owned(), json!(seed)),
                ("fold".to_owned(), json!(fold)),
            ]);
            if *duplicates_joined {
                object.insert("revision".to_owned(), json!(2));
            }
            Value::Object(object)
        }
        SplitParams::ClusterHoldout { n_clusters, seed, n_init, held_out_cluster } => json!({
            "feature_space": "CLIP", "n_clusters": n_clusters, "seed": seed, "n_init": n_init,
            "held_out_cluster": held_out_cluster,
        }),
        SplitParams::MinNearestNeighbour(fit) => json!({
            "tau": fit.tau, "percentile": fit.percentile, "mmd2_mean": fit.mmd2_mean,
            "ratio_to_random": fit.ratio_to_random,
        }),
        SplitParams::OodHoldout { ood_types } => {
            let types: Vec<&str> = ood_types.iter().map(|kind| kind.as_str()).collect();
            json!({"ood_types": types})
        }
        _ => Value::Null,
    }
}

/// Prints a table to standard output.
pub(super) fn print(format: Format, table: &SplitTable) -> anyhow::Result<()> {
    match format {
        Format::Text if table.schema == "split-description" => output::print_lines(fields(table)),
        Format::Text => output::print_lines(aligned(table)),
        Format::Json => output::print_lines(table.rows.iter().map(|row| {
            let columns = table.columns.iter().map(|name| (*name).to_owned());
            output::json_line(table.schema, columns.zip(row.iter().cloned()))
        })),
        Format::Csv => {
            let mut csv = Table::new();
            for (column, name) in table.columns.iter().enumerate() {
                let cells = table.rows.iter().map(|row| Some(cell(&row[column])));
                csv.add_column(*name, Column::Text(cells.collect())).map_err(Error::from)?;
            }
            let mut bytes = Vec::new();
            csv.write_csv_to(&mut bytes).map_err(Error::from)?;
            output::write_text("-".as_ref(), &String::from_utf8(bytes)?)
        }
    }
}

/// A name and a value per line; of an object, its entries.
fn fields(table: &SplitTable) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &table.rows {
        for (name, value) in table.columns.iter().zip(row) {
            match value {
                Value::Object(entries) => lines.extend(
                    entries
                        .iter()
                        .map(|(name, value)| format!("{:<18}{}", format!("{name}:"), cell(value))),
                ),
                value => lines.push(format!("{:<18}{}", format!("{name}:"), cell(value))),
            }
        }
    }
    lines
}

/// Columns side by side, numbers to the right.
fn aligned(table: &SplitTable) -> Vec<String> {
    let width = |column: usize| {
        let cells = table.rows.iter().map(|row| cell(&row[column]).chars().count());
        cells.chain([table.columns[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let line = |cells: Vec<(String, bool)>| {
        let padded = cells.into_iter().zip(&widths).map(|((text, right), &width)| {
            if right { format!("{text:>width$}") } else { format!("{text:<width$}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let is_number = |column: usize| table.rows.first().is_some_and(|row| row[column].is_number());
    let heads = table.columns.iter().enumerate();
    let head = line(heads.map(|(column, name)| ((*name).to_owned(), is_number(column))).collect());
    let rows = table.rows.iter();
    let rows =
        rows.map(|row| line(row.iter().map(|value| (cell(value), value.is_number())).collect()));
    [head].into_iter().chain(rows).collect()
}

/// A value as text: texts as they are, lists with commas.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
