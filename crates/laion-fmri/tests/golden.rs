//! Golden recipes: what extractions of the fixture bucket gave once, they give for ever.
//!
//! `golden/NN-name.recipe.toml` is a recipe of form 1, `golden/NN-name.arrays` the digest of each
//! of its arrays as [`ArraysDigest`] prints it; `golden/noise-ceilings.arrays` are the digests of
//! computed noise ceilings.
//!
//! The files never change once they are kept. A later version may add arrays to its outputs or a
//! new form of recipes; a recipe of form 1 still gives exactly its own arrays and its old
//! `arrays_sha256`. A digest that differs is a fault of the code, or of a fixture that changed: the
//! inputs of a recipe are compared by the SHA-256 of the files as stored, so that the files of the
//! fixture bucket are frozen as well (`crates/fixtures/tests/frozen.rs`).

mod ceilings;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};

use fixtures::Bucket;
use laion_fmri::export::{ArraysDigest, read_arrays};
use laion_fmri::extract::{Average, Recipe, Reproduction};
use laion_fmri::{Cancel, Dataset};

use self::ceilings::{bucket_with_computed_maps, choices, computed};

/// A recipe that is kept.
struct Golden {
    name: &'static str,
    /// The format that its arrays are written in; as HDF5 as well where the build can.
    format: &'static str,
    /// The format of the output that the recipe names, if it names one. It is another one: the
    /// bytes of a file are promised within one version only, those of its arrays for ever.
    recorded: Option<&'static str>,
    /// Whether some maps of its bucket are computed ones.
    uses_computed_maps: bool,
    /// Whether it is read from the bucket too.
    from_bucket: bool,
}

const GOLDEN: [Golden; 12] = [
    golden("01-one-session", "npz"),
    golden("02-session-zscore", "zarr").streamed(),
    golden("03-run-zscore-images", "npz").recorded("zarr"),
    golden("04-train-cluster", "npz"),
    golden("05-train-ood-types", "npz").streamed(),
    golden("06-session-threshold", "npz").streamed(),
    golden("07-rsquare-integers", "zarr").recorded("npz"),
    golden("08-subjects", "zarr").streamed(),
    golden("09-exact-repetitions", "npz"),
    golden("10-unique", "zarr"),
    golden("11-computed-subjects", "npz").computed().streamed(),
    golden("12-computed-session", "npz").computed(),
];

const fn golden(name: &'static str, format: &'static str) -> Golden {
    Golden { name, format, recorded: None, uses_computed_maps: false, from_bucket: false }
}

impl Golden {
    const fn recorded(self, format: &'static str) -> Self {
        Self { recorded: Some(format), ..self }
    }

    const fn computed(self) -> Self {
        Self { uses_computed_maps: true, ..self }
    }

    const fn streamed(self) -> Self {
        Self { from_bucket: true, ..self }
    }

    fn recipe_path(&self) -> PathBuf {
        kept(&format!("{}.recipe.toml", self.name))
    }

    fn arrays_path(&self) -> PathBuf {
        kept(&format!("{}.arrays", self.name))
    }

    fn recipe(&self) -> Recipe {
        Recipe::read(&self.recipe_path()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Reproduces the recipe in a format and compares every array.
    fn check(&self, dataset: &Dataset, jobs: usize, format: &str, folder: &Path) {
        let (name, recipe) = (self.name, self.recipe());
        let from_bucket = dataset.reads_bucket();
        let source = if from_bucket { "bucket" } else { "mirror" };
        let how = format!("golden recipe {name}, from the {source}, {jobs} threads, .{format}");
        let dataset = &dataset.clone().with_jobs(jobs);
        let output = folder.join(format!("{name}.{format}"));
        let reproduction = dataset
            .reproduction(&self.recipe_path(), Some(&output), None, from_bucket)
            .unwrap_or_else(|error| panic!("{how}: {error}"));
        let expected = std::fs::read_to_string(self.arrays_path()).unwrap();
        let made = match reproduction.run(dataset, &(), &Cancel::new()) {
            Ok(made) => made,
            Err(error) => {
                let arrays = made_anyway(&reproduction, dataset, &expected);
                panic!("{how}: {}\n{arrays}", with_sources(&error))
            }
        };
        // HDF5 is not read back here; h5py does that in the interoperability suite.
        if format != "h5" {
            let got = read_arrays(&output).unwrap().digest().unwrap();
            let differences = differences(&expected, &got);
            assert!(differences.is_empty(), "{how}:\n{differences}");
            assert_eq!(got.sha256(), recipe.result.arrays_sha256, "{how}: digest of all arrays");
        }
        assert_eq!(made.result, recipe.result, "{how}");
        assert_eq!(made.subjects, recipe.subjects, "{how}");
        assert_eq!(made.conventions, recipe.conventions, "{how}");
        assert_eq!(made.noise_ceilings, recipe.noise_ceilings, "{how}");
    }
}

/// The arrays that differ when a reproduction refuses its output.
fn made_anyway(reproduction: &Reproduction, dataset: &Dataset, expected: &str) -> String {
    let plan = reproduction.plan();
    let made = plan
        .run(dataset, 0..plan.len(), &(), &Cancel::new())
        .and_then(|_| plan.merge(&(), &Cancel::new()));
    match made {
        Ok(_) => differences(expected, &read_arrays(plan.output()).unwrap().digest().unwrap()),
        Err(error) => format!("its arrays cannot be made: {error}"),
    }
}

/// An error with those behind it.
fn with_sources(error: &dyn Error) -> String {
    let rest =
        error.source().map_or_else(String::new, |source| format!(": {}", with_sources(source)));
    format!("{error}{rest}")
}

/// A line for each array that is not as kept.
fn differences(expected: &str, got: &ArraysDigest) -> String {
    fn lines(text: &str) -> BTreeMap<&str, &str> {
        text.lines()
            .map(|line| {
                let (digest, name) = line.rsplit_once(' ').unwrap();
                (name, digest)
            })
            .collect()
    }
    let got = got.to_string();
    let (expected, got) = (lines(expected), lines(&got));
    let names: BTreeSet<&str> = expected.keys().chain(got.keys()).copied().collect();
    let side =
        |arrays: &BTreeMap<&str, &str>, name| arrays.get(name).map_or("none", |it| *it).to_owned();
    names
        .into_iter()
        .filter(|name| expected.get(name) != got.get(name))
        .map(|name| {
            format!("array {name} (expected {}, got {})\n", side(&expected, name), side(&got, name))
        })
        .collect()
}

fn kept(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

/// The bucket of the fixtures, and the one with computed maps.
struct Buckets {
    shipped: Bucket,
    computed: Bucket,
    folder: tempfile::TempDir,
}

impl Buckets {
    fn new() -> Self {
        Self {
            shipped: Bucket::temporary().unwrap(),
            computed: bucket_with_computed_maps(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn of(&self, golden: &Golden) -> &Bucket {
        if golden.uses_computed_maps { &self.computed } else { &self.shipped }
    }
}

#[test]
fn recipes_give_their_arrays_from_the_mirror() {
    let buckets = Buckets::new();
    for golden in &GOLDEN {
        for jobs in [1, 2] {
            let dataset = Dataset::open(buckets.of(golden).root()).unwrap();
            golden.check(&dataset, jobs, golden.format, buckets.folder.path());
            if jobs == 1 {
                golden.check(&dataset, jobs, "h5", buckets.folder.path());
            }
        }
    }
}

#[test]
fn recipes_give_their_arrays_from_the_bucket() {
    let buckets = Buckets::new();
    let servers = [buckets.shipped.serve().unwrap(), buckets.computed.serve().unwrap()];
    for golden in GOLDEN.iter().filter(|golden| golden.from_bucket) {
        let server = &servers[usize::from(golden.uses_computed_maps)];
        let location = server.url("laion-fmri").parse().unwrap();
        for jobs in [1, 2] {
            let dataset = Dataset::from_bucket(&location).unwrap();
            golden.check(&dataset, jobs, golden.format, buckets.folder.path());
        }
    }
}

#[test]
fn a_recipe_names_the_output_that_it_was_kept_beside() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    for golden in &GOLDEN {
        let output = golden.recipe().output.map(|output| output.file);
        assert_eq!(output, golden.recorded.map(|format| format!("{}.{format}", golden.name)));
        if let Some(file) = output {
            let reproduction = dataset.reproduction(&golden.recipe_path(), None, None, false);
            assert_eq!(reproduction.unwrap().plan().output(), kept(&file));
        }
    }
}

#[test]
fn computed_noise_ceilings_stay_as_they_are() {
    let bucket = Bucket::temporary().unwrap();
    let server = bucket.serve().unwrap();
    let mirror = Dataset::open(bucket.root()).unwrap();
    let remote = Dataset::from_bucket(&server.url("laion-fmri").parse().unwrap()).unwrap();
    let expected = std::fs::read_to_string(kept("noise-ceilings.arrays")).unwrap();
    for (source, dataset) in [("mirror", mirror), ("bucket", remote)] {
        for jobs in [1, 2] {
            let got = computed_digest(&dataset.clone().with_jobs(jobs));
            let differences = differences(&expected, &got);
            assert!(differences.is_empty(), "from the {source}, {jobs} threads:\n{differences}");
        }
    }
}

fn computed_digest(dataset: &Dataset) -> ArraysDigest {
    let mut digest = ArraysDigest::default();
    for (name, ..) in choices() {
        digest.array(name, computed(dataset, name).values.view());
    }
    digest
}

#[test]
fn the_recipes_cover_every_option() {
    let mut covered = BTreeSet::new();
    let mut note = |what: &str, value: &dyn std::fmt::Display| {
        covered.insert(format!("{what} {value}"));
    };
    for golden in &GOLDEN {
        let recipe = golden.recipe();
        assert_eq!(recipe.recipe, 1, "{}", golden.name);
        let it = &recipe.conventions;
        note("format", &golden.format);
        note("average", &if it.average == Average::Image { "image" } else { "none" });
        note("mask", &it.mask_source);
        note("nan", &format!("{:?}", it.nan).to_lowercase());
        note("stimuli", &it.stimuli.map_or("all".to_owned(), |set| set.to_string()));
        note("features", &it.features.map_or("none".to_owned(), |model| model.to_string()));
        note("exclude-ood", &it.exclude_ood);
        note("exact-repetitions", &it.exact_repetitions);
        note("subjects", &recipe.subjects.len());
        note("sessions", &recipe.subjects[0].sessions.len());
        match &it.zscore {
            None => note("zscore", &"none"),
            Some(zscore) => {
                let fit = format!("{:?}", zscore.fit).to_lowercase();
                note("zscore", &format!("{} ddof {} {fit}", zscore.within, zscore.ddof));
            }
        }
        match &it.split {
            None => note("split", &"none"),
            Some(split) => {
                note("split", &split.name);
                note("split", &split.revision);
                note("pool", &split.pool);
                note("ood-types", &split.ood_types.len());
            }
        }
        match &it.noise_ceiling {
            None => note("threshold", &"none"),
            Some(threshold) => note("threshold", &threshold.desc.as_deref().unwrap_or("session")),
        }
        match it.rois.as_slice() {
            [] => note("roi", &"brain"),
            [one] => note("roi", &one),
            [one, rest @ ..] => note("roi", &format!("{one} and {}", rest.join(" and "))),
        }
        recipe.noise_ceilings.iter().for_each(|desc| note("map", desc));
    }
    for expected in [
        "format npz",
        "format zarr",
        "average none",
        "average image",
        "mask anatomical",
        "mask rsquare",
        "nan keep",
        "nan drop",
        "nan zero",
        "stimuli all",
        "stimuli shared",
        "stimuli unique",
        "features none",
        "features CLIP",
        "features DINOv2",
        "features PEcore",
        "features SigLIP2",
        "exclude-ood true",
        "exclude-ood false",
        "exact-repetitions true",
        "exact-repetitions false",
        "subjects 1",
        "subjects 2",
        "sessions 1",
        "sessions 2",
        "sessions 3",
        "zscore none",
        "zscore session ddof 0 all",
        "zscore session ddof 1 all",
        "zscore session ddof 1 train",
        "zscore run ddof 0 all",
        "zscore run ddof 1 all",
        "zscore run ddof 0 train",
        "split none",
        "split tau",
        "split ood",
        "split random_3",
        "split cluster_k5_0",
        "split cluster_k5_2",
        "split r1",
        "split r2",
        "pool shared",
        "pool sub-01",
        "ood-types 0",
        "ood-types 2",
        "threshold none",
        "threshold session",
        "threshold Noiseceiling12rep",
        "threshold Noiseceiling4rep",
        "threshold NoiseceilingComputed",
        "roi brain",
        "roi FFA1 and hV4",
        "roi laionventral - retinotopy",
        "roi all",
        "roi face",
        "roi (V1v | V1d) & laion and OFA",
        "map Noiseceiling4rep",
        "map Noiseceiling12rep",
        "map NoiseceilingAllrep",
        "map Noiseceiling",
    ] {
        assert!(covered.contains(expected), "no golden recipe has {expected}: {covered:#?}");
    }
}

/// Writes the recipes and digests that are missing. What is kept is never written again: the files
/// never change, so that a recipe that somebody has published gives the same arrays in every later
/// version. A new option gets a new recipe with a name of its own.
#[test]
#[ignore = "started by hand: writes the files that the others compare with"]
fn write_golden_recipes() {
    let buckets = Buckets::new();
    for golden in GOLDEN.iter().filter(|golden| !golden.recipe_path().exists()) {
        let dataset = Dataset::open(buckets.of(golden).root()).unwrap();
        let format = golden.recorded.unwrap_or(golden.format);
        let mut request = requests::request(golden.name);
        request.output = buckets.folder.path().join(format!("{}.{format}", golden.name));
        let plan = dataset.extract_plan(&request).unwrap();
        plan.run(&dataset, 0..plan.len(), &(), &Cancel::new()).unwrap();
        let mut recipe = plan.merge(&(), &Cancel::new()).unwrap();
        if golden.recorded.is_none() {
            recipe.output = None;
        }
        let digest = read_arrays(&request.output).unwrap().digest().unwrap();
        std::fs::write(golden.arrays_path(), digest.to_string()).unwrap();
        std::fs::write(golden.recipe_path(), recipe.to_toml()).unwrap();
    }
    let ceilings = kept("noise-ceilings.arrays");
    if !ceilings.exists() {
        let mirror = Dataset::open(buckets.shipped.root()).unwrap();
        std::fs::write(ceilings, computed_digest(&mirror).to_string()).unwrap();
    }
}
