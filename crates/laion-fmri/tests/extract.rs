//! Extractions: every number against the loading API, and the same bytes in every way.

use std::path::{Path, PathBuf};

use fixtures::Bucket;
use laion_fmri::export::read_arrays;
use laion_fmri::extract::{
    Average, Conventions, ExtractError, ExtractPlan, ExtractRequest, NanColumns, Recipe,
    Reproduction, SplitChoice, Threshold, Zscore, ZscoreScope, plan_lines, read_plans,
};
use laion_fmri::ndarray::{Array1, Array2, ArrayD, Axis, Ix1, Ix2};
use laion_fmri::stimuli::EmbeddingModel;
use laion_fmri::{
    Cancel, Contradiction, Dataset, Error, Event, MaskSource, NoiseCeiling, Step, StimulusSet,
    Voxels, ZscoreOptions, layout, zscore,
};

use super::{Served, assert_same};

/// A folder for outputs and a dataset to make them from.
struct Bench {
    bucket: Bucket,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { bucket: Bucket::temporary().unwrap(), folder: tempfile::tempdir().unwrap() }
    }

    fn dataset(&self) -> Dataset {
        Dataset::open(self.bucket.root()).unwrap()
    }

    fn request(&self, subjects: &[&str], sessions: &[&str], name: &str) -> ExtractRequest {
        let mut request = ExtractRequest::default();
        request.subjects = subjects.iter().map(|id| (*id).to_owned()).collect();
        request.sessions = sessions.iter().map(|id| (*id).to_owned()).collect();
        request.conventions.rois = vec!["face".to_owned()];
        request.output = self.folder.path().join(name);
        request
    }
}

fn extract(dataset: &Dataset, request: &ExtractRequest) -> Recipe {
    let plan = dataset.extract_plan(request).unwrap();
    plan.run(dataset, 0..plan.len(), &(), &Cancel::new()).unwrap();
    plan.merge(&(), &Cancel::new()).unwrap()
}

fn f32s(path: &Path, name: &str) -> ArrayD<f32> {
    read_arrays(path).unwrap().array(name).unwrap()
}

fn matrix(path: &Path) -> Array2<f32> {
    f32s(path, "betas").into_dimensionality::<Ix2>().unwrap()
}

fn i64s(path: &Path, name: &str) -> Array1<i64> {
    let array: ArrayD<i64> = read_arrays(path).unwrap().array(name).unwrap();
    array.into_dimensionality::<Ix1>().unwrap()
}

fn texts(path: &Path, name: &str) -> Vec<String> {
    read_arrays(path).unwrap().text(name).unwrap()
}

/// The rows of the loading API: betas z-scored within sessions, with image names.
fn loaded(dataset: &Dataset, subject: &str, sessions: &[&str]) -> (Array2<f32>, Vec<String>) {
    let subject = dataset.subject(subject).unwrap();
    let mut all = subject.betas().roi("face").sessions(sessions).concat().unwrap();
    zscore(&mut all.betas, &all.sessions, &ZscoreOptions::default()).unwrap();
    let names = sessions.iter().flat_map(|session| {
        let table = subject.trials(session).unwrap();
        table.labels().unwrap().map(str::to_owned).collect::<Vec<_>>()
    });
    (all.betas, names.collect())
}

#[test]
fn what_is_done_after_reading_is_told() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    let mut request = bench.request(&["sub-01"], &["01", "02"], "out.npz");
    request.conventions.zscore = Some(Zscore::within(ZscoreScope::Session));
    let plan = dataset.extract_plan(&request).unwrap();
    let told = std::sync::Mutex::new(Vec::new());
    let tell = |event: Event<'_>| {
        let Event::Working { subject, session, step } = event else { return };
        assert_eq!(subject.as_str(), "sub-01");
        told.lock().unwrap().push((session.to_string(), step));
    };
    plan.run(&dataset, 0..plan.len(), &tell, &Cancel::new()).unwrap();
    let told = told.into_inner().unwrap();
    for wanted in ["ses-01", "ses-02"] {
        let steps: Vec<Option<Step>> =
            told.iter().filter(|(session, _)| session == wanted).map(|(_, step)| *step).collect();
        assert_eq!(steps, [Some(Step::Zscoring), Some(Step::Writing), None], "{wanted}");
    }
}

#[test]
fn rows_are_those_of_the_loading_api() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    let mut request = bench.request(&["sub-01"], &["02", "ses-01"], "out.npz");
    request.conventions.zscore = Some(Zscore::within(ZscoreScope::Session));
    request.conventions.features = Some(EmbeddingModel::Clip);
    request.conventions.split = Some(SplitChoice {
        name: "tau".parse().unwrap(),
        pool: "shared".parse().unwrap(),
        revision: "r1".parse().unwrap(),
        ood_types: Vec::new(),
    });
    let recipe = extract(&dataset, &request);
    let (expected, names) = loaded(&dataset, "sub-01", &["ses-01", "ses-02"]);
    let path = &request.output;
    let betas = matrix(path);
    assert_eq!((betas.nrows(), betas.ncols()), (recipe.result.rows, recipe.result.columns));
    assert_same(&betas.into_raw_vec_and_offset().0, expected.as_slice().unwrap(), "betas");
    assert_eq!(texts(path, "image_name"), names);
    let n_first = dataset.subject("sub-01").unwrap().trials("ses-01").unwrap().len();
    assert_eq!(texts(path, "session")[n_first - 1..=n_first], ["ses-01", "ses-02"]);
    let trials = i64s(path, "beta_index");
    assert_eq!((trials[n_first - 1], trials[n_first]), (n_first as i64 - 1, 0));
    assert!(i64s(path, "n_averaged").iter().all(|count| *count == 1));
    let repetitions = i64s(path, "repetition");
    for (row, name) in names.iter().enumerate() {
        let before = names[..row].iter().filter(|other| *other == name).count();
        assert_eq!(repetitions[row], before as i64);
    }
    let subject = dataset.subject("sub-01").unwrap();
    let mask = subject.roi_mask("face", MaskSource::Anatomical).unwrap();
    let indices: Vec<i64> = mask.indices().iter().map(|index| *index as i64).collect();
    assert_eq!(i64s(path, "voxel_index").to_vec(), indices);
    let voxels: ArrayD<i64> = read_arrays(path).unwrap().array("voxel_ijk").unwrap();
    let [_, ny, nz] = mask.brain().grid().shape().map(|length| length as i64);
    for (index, voxel) in indices.iter().zip(voxels.axis_iter(Axis(0))) {
        assert_eq!(*index, (voxel[0] * ny + voxel[1]) * nz + voxel[2]);
    }
    let rois = texts(path, "roi");
    for roi in subject.rois(Some("face")).unwrap() {
        let inside = subject.roi_mask(roi.as_str(), MaskSource::Anatomical).unwrap();
        let inside = inside.indices();
        for (index, text) in indices.iter().zip(&rois) {
            let is_inside = inside.binary_search(&(*index as usize)).is_ok();
            assert_eq!(text.split('|').any(|name| name == roi), is_inside, "{roi} at {index}");
        }
    }
    for (desc, name) in [("Noiseceiling4rep", "nc_4rep"), ("Noiseceiling12rep", "nc_12rep")] {
        let map = NoiseCeiling::desc(desc).unwrap();
        let map = subject.noise_ceiling(&map, &Voxels::roi("face")).unwrap();
        let got = f32s(path, name).into_raw_vec_and_offset().0;
        assert_same(&got, map.as_slice().unwrap(), name);
    }
    let embeddings = subject.stimuli().embeddings(EmbeddingModel::Clip).unwrap();
    let features: ArrayD<array_export::f16> = read_arrays(path).unwrap().array("features").unwrap();
    assert_eq!(
        features.into_dimensionality::<Ix2>().unwrap(),
        embeddings.get_many(&names).unwrap()
    );
    let masks = request.conventions.split.as_ref().unwrap().load().unwrap().masks(&names);
    let train: ArrayD<bool> = read_arrays(path).unwrap().array("train").unwrap();
    assert_eq!(train.into_raw_vec_and_offset().0, masks.train);
    let inside = read_arrays(path).unwrap().recipe().unwrap().unwrap();
    let mut without_output = recipe.clone();
    without_output.output = None;
    assert_eq!(without_output.to_toml(), inside);
    let beside = request.output.with_file_name("out.npz.recipe.toml");
    assert_eq!(Recipe::read(&beside).unwrap(), recipe);
    assert!(
        recipe.inputs.iter().any(|input| input.path.ends_with("SingletrialBetas_statmap.nii.gz"))
    );
    let left: Vec<_> = std::fs::read_dir(bench.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "the output and its recipe: {left:?}");
}

#[test]
fn images_are_averaged_after_the_z_score() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    let mut request = bench.request(&["sub-01"], &[], "out.npz");
    request.conventions.zscore = Some(Zscore::within(ZscoreScope::Session));
    request.conventions.average = Average::Image;
    extract(&dataset, &request);
    let sessions = dataset.subject("sub-01").unwrap().trials_of(&[] as &[&str]).unwrap();
    let sessions: Vec<&str> = sessions.iter().map(|(session, _)| session.as_str()).collect();
    let (rows, names) = loaded(&dataset, "sub-01", &sessions);
    let images = texts(&request.output, "image_name");
    let mut expected = names.clone();
    expected.sort();
    expected.dedup();
    assert_eq!(images, expected);
    let betas = matrix(&request.output);
    let counts = i64s(&request.output, "n_averaged");
    for (row, image) in images.iter().enumerate() {
        let of: Vec<usize> = (0..names.len()).filter(|row| names[*row] == *image).collect();
        assert_eq!(counts[row], of.len() as i64);
        for column in 0..rows.ncols() {
            let values = of.iter().map(|row| f64::from(rows[[*row, column]]));
            let values: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
            let mean = (values.iter().sum::<f64>() / values.len() as f64) as f32;
            let got = betas[[row, column]];
            assert!(got.to_bits() == mean.to_bits() || (got.is_nan() && mean.is_nan()));
        }
    }
    let error = read_arrays(&request.output).unwrap().text("session").unwrap_err();
    assert!(error.to_string().contains("session"), "{error}");
}

/// All ways to the same output: threads, memory, tasks in any order and on several "machines".
#[test]
fn every_way_gives_the_same_bytes() {
    let bench = Bench::new();
    let mut request = bench.request(&["sub-01"], &[], "out.npz");
    request.conventions.rois = Vec::new();
    request.conventions.zscore = Some(Zscore::within(ZscoreScope::Run));
    request.conventions.average = Average::Image;
    let dataset = bench.dataset();
    extract(&dataset, &request);
    let expected = std::fs::read(&request.output).unwrap();
    for jobs in [2, 8] {
        let dataset = bench.dataset().with_jobs(jobs);
        std::fs::remove_file(&request.output).unwrap();
        extract(&dataset, &request);
        assert!(std::fs::read(&request.output).unwrap() == expected, "{jobs} threads");
    }
    let mut least = request.clone();
    least.max_memory = Some(1);
    let error = dataset.extract_plan(&least).unwrap_err();
    let Error::MemoryLimit { limit: 1, least: bytes } = error else { panic!("{error}") };
    least.max_memory = Some(bytes);
    extract(&dataset, &least);
    assert!(std::fs::read(&request.output).unwrap() == expected, "least memory");

    let plan = dataset.extract_plan(&request).unwrap();
    let text: Vec<String> = plan_lines(std::slice::from_ref(&plan)).collect();
    let plans = read_plans(&text.join("\n"), "plan.jsonl").unwrap();
    assert_eq!(plans, std::slice::from_ref(&plan));
    for of in [1, 3, 7] {
        for first in (0..of).rev() {
            let tasks = (first..plan.len()).step_by(of);
            plans[0].run(&bench.dataset(), tasks, &(), &Cancel::new()).unwrap();
        }
        plans[0].merge(&(), &Cancel::new()).unwrap();
        assert!(std::fs::read(&request.output).unwrap() == expected, "{of} processes");
    }
}

#[test]
fn a_plan_says_what_is_missing_and_keeps_what_is_there() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    let request = bench.request(&["sub-01"], &["ses-01", "ses-02"], "out.npz");
    let plan = dataset.extract_plan(&request).unwrap();
    plan.run(&dataset, [1], &(), &Cancel::new()).unwrap();
    let error = plan.merge(&(), &Cancel::new()).unwrap_err();
    assert_eq!(error.to_string(), "1 of 2 tasks has not been run: sub-01 ses-01");
    let run = plan.run(&dataset, 0..2, &(), &Cancel::new()).unwrap();
    assert_eq!((run.written, run.kept), (1, 1));
    let part = plan.state_directory().join("sub-01_ses-02.part");
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    let error = plan.merge(&(), &Cancel::new()).unwrap_err();
    assert!(error.to_string().contains("not a complete part"), "{error}");
    assert!(!request.output.exists());
}

#[test]
fn an_output_may_have_the_longest_name() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    let read = |name: &str| {
        let request = bench.request(&["sub-01"], &["ses-01"], name);
        let plan = dataset.extract_plan(&request).unwrap();
        plan.run(&dataset, 0..1, &(), &Cancel::new()).unwrap();
        plan.merge(&(), &Cancel::new()).unwrap();
        assert!(!plan.state_directory().exists());
        (std::fs::read(&request.output).unwrap(), plan.state_directory())
    };
    let (expected, _) = read("short.npz");
    let long = |last: &str| format!("{}{last}.npz", "ü".repeat(119));
    let (one, other) = (read(&long("a")), read(&long("b")));
    assert!(one.0 == expected && other.0 == expected);
    assert_ne!(one.1, other.1, "names with the same start have directories of their own");
}

#[test]
fn subjects_join_in_the_images_that_all_saw() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    let mut request = bench.request(&["sub-03", "sub-01"], &[], "out.npz");
    request.conventions.rois = vec!["FFA1".to_owned()];
    assert!(matches!(
        dataset.extract_plan(&request),
        Err(Error::Contradiction(Contradiction::TrialsOfSeveralSubjects))
    ));
    request.conventions.average = Average::Image;
    extract(&dataset, &request);
    let group = dataset.group(&["sub-01", "sub-03"]).unwrap();
    let width = |subject: &str| {
        let subject = dataset.subject(subject).unwrap();
        subject.roi_mask("FFA1", MaskSource::Anatomical).unwrap().n_voxels()
    };
    let subjects = texts(&request.output, "subject");
    let expected = [vec!["sub-01"; width("sub-01")], vec!["sub-03"; width("sub-03")]].concat();
    assert_eq!(subjects, expected);
    assert_eq!(texts(&request.output, "subjects"), ["sub-01", "sub-03"]);
    let mut images: Vec<Vec<String>> = Vec::new();
    for subject in group.subjects() {
        let tables = subject.trials_of(&[] as &[&str]).unwrap();
        images.push(
            tables
                .iter()
                .flat_map(|(_, table)| table.labels().unwrap())
                .map(str::to_owned)
                .collect(),
        );
    }
    let mut shared: Vec<String> =
        images[0].iter().filter(|name| images[1].contains(name)).cloned().collect();
    shared.sort();
    shared.dedup();
    assert_eq!(texts(&request.output, "image_name"), shared);
}

#[test]
fn nan_is_kept_dropped_or_zeroed() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    let mut request = bench.request(&["sub-01"], &["ses-01", "ses-02"], "out.npz");
    request.conventions.rois = Vec::new();
    let kept = extract(&dataset, &request).result;
    let whole = matrix(&request.output);
    assert!(kept.nan_values > 0 && kept.nan_columns > 0 && kept.dropped_columns == 0);
    assert_eq!(whole.iter().filter(|value| value.is_nan()).count() as u64, kept.nan_values);
    request.conventions.nan = NanColumns::Zero;
    let zeroed = extract(&dataset, &request).result;
    assert_eq!(zeroed.nan_values, kept.nan_values);
    let expected = whole.mapv(|value| if value.is_nan() { 0.0 } else { value });
    assert_eq!(matrix(&request.output), expected);
    request.conventions.nan = NanColumns::Drop;
    let dropped = extract(&dataset, &request).result;
    assert_eq!(dropped.dropped_columns, kept.nan_columns);
    let full: Vec<usize> = (0..whole.ncols())
        .filter(|column| whole.column(*column).iter().all(|value| !value.is_nan()))
        .collect();
    assert_eq!(matrix(&request.output), whole.select(Axis(1), &full));
}

#[test]
fn rois_of_a_recipe_are_limited_with_the_place() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    let request = bench.request(&["sub-01"], &["ses-01"], "out.npz");
    let made = extract(&dataset, &request);
    let nested = format!("{}face{}", "(".repeat(10_000), ")".repeat(10_000));
    let long = vec!["face"; 20_000].join(" | ");
    let (deep, many) = ("parentheses are more than 64 deep", "the query has more than 4096 names");
    for (rois, expected, at) in [
        (vec![nested], deep, 65),
        (vec![long], many, 4096 * 7 + 1),
        (vec!["face".to_owned(); 20_000], many, 1),
    ] {
        let mut recipe = made.clone();
        recipe.conventions.rois = rois;
        let path = bench.folder.path().join("of-a-stranger.recipe.toml");
        std::fs::write(&path, recipe.to_toml()).unwrap();
        let output = bench.folder.path().join("again.npz");
        let run =
            |reproduction: Reproduction| reproduction.run(&dataset, &(), &Cancel::new()).map(drop);
        let error = dataset.reproduction(&path, Some(&output), None, false).and_then(run);
        let error = error.unwrap_err();
        assert!(
            matches!(&error, Error::RoiSyntax { column, problem, .. }
                if *column == at && problem == expected),
            "{error}"
        );
    }
}

#[test]
fn a_recipe_makes_the_same_bytes_or_says_what_differs() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    for name in ["out.npz", "out.zarr"] {
        let mut request = bench.request(&["sub-01"], &["ses-01", "ses-02"], name);
        request.conventions.zscore = Some(Zscore::within(ZscoreScope::Session));
        let made = extract(&dataset, &request);
        let beside = request.output.with_file_name(format!("{name}.recipe.toml"));
        let again = bench.folder.path().join(format!("again-{name}"));
        let reproduction = dataset.reproduction(&beside, Some(&again), None, false).unwrap();
        let reproduced = reproduction.run(&dataset, &(), &Cancel::new()).unwrap();
        let sums = |recipe: &Recipe| recipe.output.clone().map(|it| (it.size, it.sha256));
        assert_eq!(sums(&reproduced), sums(&made), "{name}");
        // Without an output, the recorded one; and an output is a recipe as well.
        let reproduction = dataset.reproduction(&request.output, None, None, false).unwrap();
        assert_eq!(reproduction.plan().output(), request.output);
        reproduction.run(&dataset, &(), &Cancel::new()).unwrap();
    }
    // Another content of one input.
    let changed = Bucket::temporary().unwrap();
    let trials = laion_fmri::layout::trials(&"sub-01".parse().unwrap(), &"01".parse().unwrap());
    let path = changed.path(&trials);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(1, 2);
    std::fs::write(&path, lines.join("\n")).unwrap();
    let other = Dataset::open(changed.root()).unwrap();
    let recipe = bench.folder.path().join("out.npz.recipe.toml");
    let before = std::fs::read(bench.folder.path().join("out.npz")).unwrap();
    let error =
        other.reproduction(&recipe, None, None, false).unwrap().run(&other, &(), &Cancel::new());
    let Error::Extract(error) = error.unwrap_err() else { panic!() };
    let ExtractError::Differs { differences, .. } = &*error else { panic!("{error}") };
    assert!(differences.len() == 1 && differences[0].starts_with(&trials), "{differences:?}");
    assert!(std::fs::read(bench.folder.path().join("out.npz")).unwrap() == before);
}

#[test]
fn nothing_left_says_why() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    let mut request = bench.request(&["sub-01"], &["ses-01"], "out.npz");
    request.conventions.noise_ceiling = Some(Threshold { percent: 101.0, desc: None });
    let error = dataset.extract_plan(&request).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no voxel of sub-01 is left: the ROIs face, a noise ceiling of at least 101 %"
    );
    request.conventions.noise_ceiling = None;
    request.conventions.exact_repetitions = true;
    request.conventions.stimuli = Some(StimulusSet::Unique);
    let plan = dataset.extract_plan(&request).unwrap();
    plan.run(&dataset, 0..1, &(), &Cancel::new()).unwrap();
    let error = plan.merge(&(), &Cancel::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no trial of sub-01 is left: unique images, images with exactly the planned repetitions"
    );
    request.sessions = Vec::new();
    request.conventions.noise_ceiling = Some(Threshold { percent: 1.0, desc: None });
    let error = dataset.extract_plan(&request).unwrap_err();
    assert!(matches!(error, Error::Contradiction(Contradiction::CeilingOfEachSession)), "{error}");
}

#[test]
fn plans_of_others_are_refused() {
    let bench = Bench::new();
    let request = bench.request(&["sub-01"], &["ses-01", "ses-02"], "out.npz");
    let plan = bench.dataset().extract_plan(&request).unwrap();
    let lines: Vec<String> = plan_lines(&[plan]).collect();
    let refused = |text: &str| match read_plans(text, "plan.jsonl") {
        Err(Error::Extract(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(""), "plan.jsonl: it is empty");
    assert_eq!(refused(&lines[0]), "plan.jsonl: 1 line (expected 2)");
    assert_eq!(
        refused(&format!("{}\n{}", lines[1], lines[0])),
        "plan.jsonl, line 1: task 1 of 2 (expected 0 of 2)"
    );
    let version = env!("CARGO_PKG_VERSION");
    let older = lines.join("\n").replace(&format!("laion-fmri {version}"), "laion-fmri 0.0.1");
    assert_eq!(
        refused(&older),
        format!(
            "plan.jsonl, line 1: it was made by \"laion-fmri 0.0.1\" (expected \"laion-fmri {version}\")"
        )
    );
    assert_eq!(refused("{}"), "plan.jsonl, line 1: missing field `schema`");
    assert_eq!(refused("plan"), "plan.jsonl, line 1: not JSON (at column 1)");
}

#[test]
fn several_plans_share_one_file() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    let plans: Vec<ExtractPlan> = ["sub-01", "sub-03"]
        .into_iter()
        .map(|subject| {
            let request = bench.request(&[subject], &[], &format!("{subject}.npz"));
            dataset.extract_plan(&request).unwrap()
        })
        .collect();
    let text: Vec<String> = plan_lines(&plans).collect();
    assert_eq!(read_plans(&text.join("\n"), "plan").unwrap(), plans);
    let outputs: Vec<PathBuf> = plans.iter().map(|plan| plan.output().to_owned()).collect();
    for plan in &plans {
        plan.run(&dataset, 0..plan.len(), &(), &Cancel::new()).unwrap();
        plan.merge(&(), &Cancel::new()).unwrap();
    }
    assert!(outputs.iter().all(|output| output.is_file()));
}

#[test]
fn a_table_of_rows_needs_no_betas() {
    let bench = Bench::new();
    let dataset = bench.dataset();
    let mut request = bench.request(&["sub-01"], &["ses-01"], "rows.parquet");
    let betas = laion_fmri::layout::betas(&"sub-01".parse().unwrap(), &"01".parse().unwrap());
    std::fs::remove_file(bench.bucket.path(&betas)).unwrap();
    let table = dataset.extract_rows(&request).unwrap().table;
    let names: Vec<&str> = table.columns().map(|(name, _)| name).collect();
    let expected = ["image_name", "session", "run", "beta_index", "repetition", "n_averaged"];
    let of_images = ["dataset", "unique_or_shared", "n_reps_planned"];
    assert_eq!(names, [&expected[..], &of_images].concat());
    assert_eq!(table.n_rows(), dataset.subject("sub-01").unwrap().trials("01").unwrap().len());
    request.conventions = Conventions::default();
    request.conventions.average = Average::Image;
    let rows = dataset.extract_rows(&request).unwrap();
    assert!(rows.table.n_rows() < table.n_rows());
    assert_eq!(rows.dropped_images, 0);
}

/// Every file below a folder with its size.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push((entry.path(), entry.metadata().unwrap().len()));
        }
    }
    found
}

#[test]
fn the_bucket_gives_the_bytes_of_the_mirror_and_leaves_no_nifti() {
    let bench = Bench::new();
    let server = bench.bucket.serve().unwrap();
    let location = format!("{}/laion-fmri", server.endpoint()).parse().unwrap();
    let dataset = bench.dataset();
    let mut request = bench.request(&["sub-01", "sub-03"], &["ses-01", "ses-02"], "mirror.npz");
    request.conventions.zscore = Some(Zscore::within(ZscoreScope::Session));
    request.conventions.average = Average::Image;
    request.conventions.features = Some(EmbeddingModel::Clip);
    request.conventions.noise_ceiling =
        Some(Threshold { percent: 5.0, desc: Some("Noiseceiling12rep".to_owned()) });
    let mirrored = extract(&dataset, &request);
    let expected = std::fs::read(&request.output).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let remote = Dataset::from_bucket(&location).unwrap().with_jobs(2);
    request.output = folder.path().join("bucket.npz");
    request.from_bucket = true;
    let plan = remote.extract_plan(&request).unwrap();
    assert!(plan.is_from_bucket() && files(folder.path()).is_empty());
    // One task, as if the process had been stopped after it; then the others.
    plan.run(&remote, [2], &(), &Cancel::new()).unwrap();
    let run = plan.run(&remote, 0..plan.len(), &(), &Cancel::new()).unwrap();
    assert_eq!((run.written, run.kept), (plan.len() - 1, 1));
    let state = plan.state_directory();
    for (path, size) in files(folder.path()) {
        assert!(path.starts_with(&state), "{} ({size} bytes)", path.display());
        let start = std::fs::read(&path).unwrap();
        assert!(!start.starts_with(&[0x1f, 0x8b]), "{} is gzipped", path.display());
    }
    let recipe = plan.merge(&(), &Cancel::new()).unwrap();
    assert!(recipe.inputs == mirrored.inputs);
    assert!(std::fs::read(&request.output).unwrap() == expected);
    assert_eq!(files(folder.path()).len(), 2);
}

/// One session of a mirror that records what came into it.
struct Recorded {
    served: Served,
    folder: tempfile::TempDir,
    betas: PathBuf,
}

impl Recorded {
    fn new() -> Self {
        let (served, folder) = (Served::new(), tempfile::tempdir().unwrap());
        let (subject, session) = ("sub-01".parse().unwrap(), "ses-01".parse().unwrap());
        served.mirrored();
        let betas = served.mirror.path().join(layout::betas(&subject, &session));
        Self { served, folder, betas }
    }

    /// As read by so many threads, with an index or without.
    fn dataset(&self, jobs: usize, indexed: bool) -> Dataset {
        let dataset = Dataset::open(self.served.mirror.path()).unwrap();
        let dataset = dataset.with_jobs(jobs);
        if indexed { dataset.with_cache_dir(self.folder.path().join("cache")) } else { dataset }
    }

    fn run(&self, dataset: &Dataset) -> laion_fmri::Result<(Recipe, Vec<u8>)> {
        let mut request = ExtractRequest::default();
        request.subjects = vec!["sub-01".to_owned()];
        request.sessions = vec!["ses-01".to_owned()];
        request.conventions.rois = vec!["face".to_owned()];
        request.output = self.folder.path().join("a.npz");
        let plan = dataset.extract_plan(&request)?;
        plan.run(dataset, 0..plan.len(), &(), &Cancel::new())?;
        let recipe = plan.merge(&(), &Cancel::new())?;
        Ok((recipe, std::fs::read(&request.output).unwrap()))
    }

    /// Another time of modification, about which nothing is recorded.
    fn touch(&self) {
        let file = std::fs::File::options().write(true).open(&self.betas).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
}

const WAYS: [(usize, bool); 4] = [(1, false), (2, false), (1, true), (2, true)];

#[test]
fn threads_indexes_and_records_change_no_byte() {
    let mirror = Recorded::new();
    mirror
        .dataset(1, true)
        .subject("sub-01")
        .unwrap()
        .index_betas("ses-01", &(), &Cancel::new())
        .unwrap();
    let (recipe, bytes) = mirror.run(&mirror.dataset(1, false)).unwrap();
    let is_betas =
        |path: &str| path.ends_with("_statmap.nii.gz") && path.contains("SingletrialBetas");
    assert!(recipe.inputs.iter().any(|input| is_betas(&input.path)));
    for is_touched in [false, true] {
        if is_touched {
            mirror.touch();
        }
        for (jobs, indexed) in WAYS {
            let (other, others) = mirror.run(&mirror.dataset(jobs, indexed)).unwrap();
            assert_eq!(other.inputs, recipe.inputs, "{jobs} threads, index: {indexed}");
            assert!(others == bytes, "{jobs} threads, index: {indexed}");
        }
    }
}

#[test]
fn damage_is_found_although_size_and_time_are_those_of_the_record() {
    let mirror = Recorded::new();
    mirror
        .dataset(1, true)
        .subject("sub-01")
        .unwrap()
        .index_betas("ses-01", &(), &Cancel::new())
        .unwrap();
    let modified = std::fs::metadata(&mirror.betas).unwrap().modified().unwrap();
    let mut bytes = std::fs::read(&mirror.betas).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(&mirror.betas, bytes).unwrap();
    let file = std::fs::File::options().write(true).open(&mirror.betas).unwrap();
    file.set_modified(modified).unwrap();
    for (jobs, indexed) in WAYS {
        let error = mirror.run(&mirror.dataset(jobs, indexed)).unwrap_err();
        assert!(matches!(error, Error::Nifti(_)), "{jobs} threads, index: {indexed}: {error}");
    }
    // Without a record that fits, the digest would tell as well.
    mirror.touch();
    for (jobs, indexed) in WAYS {
        let error = mirror.run(&mirror.dataset(jobs, indexed)).unwrap_err();
        assert_eq!(error.kind(), laion_fmri::ErrorKind::Integrity, "{error}");
    }
}
