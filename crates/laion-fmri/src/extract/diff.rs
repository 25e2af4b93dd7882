//! How two recipes differ, in words.

use std::collections::BTreeMap;

use toml::Value;

use super::inputs::{self, RecipeInput};
use super::recipe::Recipe;

impl Recipe {
    /// What is different in another recipe: one sentence for each, "this" and "other" being the two.
    /// Equal recipes differ in nothing; where they stand and what their output is called do not count.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.tool != other.tool {
            differences.push(format!("made by {}, the other by {}", self.tool, other.tool));
        }
        if self.subjects != other.subjects {
            differences.extend(self.sessions_differ(other));
        }
        let (mine, theirs) = (flat(&self.conventions), flat(&other.conventions));
        let mut names: Vec<&String> = mine.keys().chain(theirs.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let said = |values: &BTreeMap<String, String>| {
                values.get(name).cloned().unwrap_or_else(|| absent(name).to_owned())
            };
            let (this, that) = (said(&mine), said(&theirs));
            if this != that {
                differences.push(format!("{}: {this}, the other {that}", meaning(name)));
            }
        }
        if self.noise_ceilings != other.noise_ceilings {
            differences.push(format!(
                "noise ceilings that go along: {}, the other {}",
                listed(&self.noise_ceilings),
                listed(&other.noise_ceilings)
            ));
        }
        if self.rules != other.rules {
            differences.push("the rules that hold for every extraction are others".to_owned());
        }
        differences.extend(self.inputs_differ(other));
        if self.result != other.result {
            differences.extend(self.results_differ(other));
        }
        differences
    }

    fn sessions_differ(&self, other: &Self) -> Vec<String> {
        let of = |recipe: &Self, subject: &str| {
            let found = recipe.subjects.iter().find(|it| it.subject == subject);
            found.map_or_else(|| "not at all".to_owned(), |it| listed(&it.sessions))
        };
        let mut subjects: Vec<&str> =
            self.subjects.iter().chain(&other.subjects).map(|it| it.subject.as_str()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
            .into_iter()
            .map(|subject| (subject, of(self, subject), of(other, subject)))
            .filter(|(_, this, that)| this != that)
            .map(|(subject, this, that)| format!("sessions of {subject}: {this}, the other {that}"))
            .collect()
    }

    /// Files that both have read are compared; of the others the number says enough, since what led to
    /// them stands above.
    fn inputs_differ(&self, other: &Self) -> Vec<String> {
        let is_in = |list: &[RecipeInput], path: &str| list.iter().any(|input| input.path == path);
        let common = |list: &[RecipeInput], others: &[RecipeInput]| -> Vec<RecipeInput> {
            list.iter().filter(|input| is_in(others, &input.path)).cloned().collect()
        };
        let mine = common(&self.inputs, &other.inputs);
        let theirs = common(&other.inputs, &self.inputs);
        let mut said = inputs::differences(&mine, &theirs);
        let (more, others) = (self.inputs.len() - mine.len(), other.inputs.len() - theirs.len());
        if more > 0 || others > 0 {
            said.push(format!("files that only one has read: {more}, the other {others}"));
        }
        said
    }

    fn results_differ(&self, other: &Self) -> Vec<String> {
        let (this, that) = (&self.result, &other.result);
        let counts = [
            ("rows", this.rows as u64, that.rows as u64),
            ("voxels", this.columns as u64, that.columns as u64),
            (
                "images that not all subjects saw",
                this.dropped_images.unwrap_or(0) as u64,
                that.dropped_images.unwrap_or(0) as u64,
            ),
            ("NaN values", this.nan_values, that.nan_values),
            ("voxels with NaN", this.nan_columns as u64, that.nan_columns as u64),
            ("voxels left out", this.dropped_columns as u64, that.dropped_columns as u64),
            ("voxels without variance", this.constant as u64, that.constant as u64),
            ("voxels without statistics", this.undefined as u64, that.undefined as u64),
        ];
        let counts = counts.into_iter().filter(|(_, this, that)| this != that);
        let mut said: Vec<String> =
            counts.map(|(what, this, that)| format!("{what}: {this}, the other {that}")).collect();
        if this.arrays_sha256 != that.arrays_sha256 {
            said.push(format!(
                "digest of the arrays: {}, the other {}",
                this.arrays_sha256, that.arrays_sha256
            ));
        }
        said
    }
}

/// The fields of the conventions by their path.
fn flat(conventions: &super::Conventions) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    // INVARIANT: conventions are made of tables, lists, texts, numbers and flags.
    let value = Value::try_from(conventions).expect("conventions can be written");
    flatten("", &value, &mut fields);
    fields
}

fn flatten(path: &str, value: &Value, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, fields);
            }
        }
        Value::Array(values) => {
            let texts: Vec<String> = values.iter().map(plain).collect();
            fields.insert(path.to_owned(), listed(&texts));
        }
        value => drop(fields.insert(path.to_owned(), plain(value))),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn listed(texts: &[String]) -> String {
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

/// What a field is about.
fn meaning(field: &str) -> &str {
    match field {
        "rois" => "ROIs",
        "mask_source" => "brain mask",
        "noise_ceiling.percent" => "least noise ceiling in percent",
        "noise_ceiling.desc" => "map of the noise-ceiling threshold",
        "zscore.within" => "z-score within each",
        "zscore.ddof" => "ddof of the z-score",
        "zscore.fit" => "trials that the z-score is fitted on",
        "average" => "averaged by",
        "nan" => "NaN",
        "stimuli" => "set of images",
        "exclude_ood" => "out-of-distribution images left out",
        "exact_repetitions" => "only images with exactly the planned repetitions",
        "split.name" => "split",
        "split.pool" => "pool of the split",
        "split.revision" => "revision of the split",
        "split.ood_types" => "types of out-of-distribution images in the test set",
        "features" => "features",
        other => other,
    }
}

/// What a field that is not there stands for.
fn absent(field: &str) -> &'static str {
    match field {
        "rois" => "the whole brain mask",
        "noise_ceiling.percent" => "no threshold",
        "noise_ceiling.desc" => "the session's own",
        "stimuli" => "all",
        "split.ood_types" => "all",
        _ => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::super::conventions::{Zscore, ZscoreScope};
    use super::super::recipe::tests::recipe;

    #[test]
    fn equal_recipes_differ_in_nothing() {
        assert_eq!(recipe().differences(&recipe()), Vec::<String>::new());
    }

    #[test]
    fn differences_are_sentences() {
        let mut this = recipe();
        this.conventions.zscore = Some(Zscore::within(ZscoreScope::Run));
        let mut other = recipe();
        other.conventions.zscore = Some(Zscore { ddof: 1, ..Zscore::within(ZscoreScope::Session) });
        other.conventions.rois = vec!["FFA1".to_owned(), "PPA".to_owned()];
        other.subjects[0].sessions.pop();
        other.inputs[0].size = 4;
        other.result.rows = 1;
        assert_eq!(
            this.differences(&other),
            [
                "sessions of sub-01: ses-01, ses-02, the other ses-01",
                "ROIs: the whole brain mask, the other FFA1, PPA",
                "ddof of the z-score: 0, the other 1",
                "z-score within each: run, the other session",
                "a.nii.gz has another size (expected 3, got 4)",
                "rows: 2, the other 1",
            ]
        );
    }
}
