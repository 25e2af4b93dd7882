//! How two recipes differ, in words.

use std::collections::BTreeMap;
use std::fmt::Display;

use laion_fmri_base::Sha256;
use toml::Value;

use super::inputs::{self, RecipeInput};
use super::recipe::{Recipe, SplitRows};

impl Recipe {
    /// What is different in another recipe, one line for each difference: what it is about, then both
    /// values, the first called "this" and the second "other".
    ///
    /// Equal recipes differ in nothing. Where they stand and what their output is called do not count.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        self.differences_named("this", other, "other")
    }

    /// As [`Recipe::differences`], with names for the two recipes, such as those of their files.
    #[must_use]
    pub fn differences_named(&self, name: &str, other: &Self, other_name: &str) -> Vec<String> {
        let both = Both { name, other_name };
        let mut differences = Vec::new();
        if self.tool != other.tool {
            differences.push(both.say("made by", &self.tool, &other.tool));
        }
        if self.subjects != other.subjects {
            differences.extend(self.sessions_differ(other, both));
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
                differences.push(both.say(meaning(name), this, that));
            }
        }
        if self.noise_ceilings != other.noise_ceilings {
            let (this, that) = (listed(&self.noise_ceilings), listed(&other.noise_ceilings));
            differences.push(both.say("noise ceilings in the output", this, that));
        }
        if self.image_columns != other.image_columns {
            let (this, that) = (listed(&self.image_columns), listed(&other.image_columns));
            differences.push(both.say("columns about images", this, that));
        }
        if self.rules != other.rules {
            differences.push("the built-in rules of extractions differ".to_owned());
        }
        differences.extend(self.inputs_differ(other, both));
        if self.result != other.result {
            differences.extend(self.results_differ(other, both));
        }
        differences
    }

    fn sessions_differ(&self, other: &Self, both: Both<'_>) -> Vec<String> {
        let of = |recipe: &Self, subject: &str| {
            let found = recipe.subjects.iter().find(|it| it.subject == subject);
            found.map_or_else(|| "none".to_owned(), |it| listed(&it.sessions))
        };
        let mut subjects: Vec<&str> =
            self.subjects.iter().chain(&other.subjects).map(|it| it.subject.as_str()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
            .into_iter()
            .map(|subject| (subject, of(self, subject), of(other, subject)))
            .filter(|(_, this, that)| this != that)
            .map(|(subject, this, that)| both.say(&format!("sessions of {subject}"), this, that))
            .collect()
    }

    /// Files that both have read are compared. Of the others the number is enough, since the choices that
    /// led to them are listed as well.
    fn inputs_differ(&self, other: &Self, both: Both<'_>) -> Vec<String> {
        let is_in = |list: &[RecipeInput], path: &str| list.iter().any(|input| input.path == path);
        let common = |list: &[RecipeInput], others: &[RecipeInput]| -> Vec<RecipeInput> {
            list.iter().filter(|input| is_in(others, &input.path)).cloned().collect()
        };
        let mine = common(&self.inputs, &other.inputs);
        let theirs = common(&other.inputs, &self.inputs);
        let mut said = inputs::differences(&mine, &theirs);
        let (more, others) = (self.inputs.len() - mine.len(), other.inputs.len() - theirs.len());
        for (name, count) in [(both.name, more), (both.other_name, others)] {
            if count > 0 {
                said.push(format!("input files only in {name}: {count}"));
            }
        }
        said
    }

    fn results_differ(&self, other: &Self, both: Both<'_>) -> Vec<String> {
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
            counts.map(|(what, this, that)| both.say(what, this, that)).collect();
        if this.split != that.split {
            let rows = |split: &Option<SplitRows>| match split {
                Some(rows) => {
                    format!("{} train, {} test, {} neither", rows.train, rows.test, rows.neither)
                }
                None => "not counted".to_owned(),
            };
            said.push(both.say("rows of the split", rows(&this.split), rows(&that.split)));
        }
        if this.arrays_sha256 != that.arrays_sha256 {
            said.push(both.say("digest of the arrays", this.arrays_sha256, that.arrays_sha256));
        }
        said
    }
}

/// What the two recipes are called.
#[derive(Clone, Copy)]
struct Both<'a> {
    name: &'a str,
    other_name: &'a str,
}

impl Both<'_> {
    /// `features: a.npz CLIP, b.npz none`
    fn say(self, what: &str, this: impl Display, that: impl Display) -> String {
        let Self { name, other_name } = self;
        format!("{what}: {name} {this}, {other_name} {that}")
    }
}

/// The fields of the conventions by their path.
fn flat(conventions: &super::Conventions) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    // INVARIANT: conventions are made of tables, lists, texts, numbers and flags.
    let value = Value::try_from(conventions).expect("conventions can be written");
    flatten("", &value, &mut fields);
    // The voxels of a mask are too many to be listed.
    if let (Some(text), Some(mask)) = (fields.get_mut("mask.voxels"), &conventions.mask) {
        let digest = Sha256::of(text.as_bytes()).to_string();
        *text = format!("{} with the digest {}", mask.voxels.len(), &digest[..12]);
    }
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
        "mask.file" => "file of the mask",
        "mask.sha256" => "SHA-256 of the mask",
        "mask.voxels" => "voxels of the mask",
        "mask_source" => "brain mask",
        "noise_ceiling.percent" => "noise-ceiling threshold in percent",
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
        "rois" => "whole brain mask",
        "noise_ceiling.percent" => "none",
        "noise_ceiling.desc" => "session's own",
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
                "sessions of sub-01: this ses-01, ses-02, other ses-01",
                "ROIs: this whole brain mask, other FFA1, PPA",
                "ddof of the z-score: this 0, other 1",
                "z-score within each: this run, other session",
                "a.nii.gz has a different size (expected 3, got 4)",
                "rows: this 2, other 1",
            ]
        );
    }
}
