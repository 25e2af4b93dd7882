//! Buckets written by nibabel: every accessor against what numpy and nibabel compute from them.
//!
//! The directory named by `LAION_FMRI_INTEROP` holds `buckets/<name>/` with the files of a mirror
//! and `cases.json`, which is described at the head of `interop/make_buckets.py`. Numbers are equal
//! bit for bit, with every NaN equal to every other, where a test does not say otherwise.
#![cfg(test)]

#[expect(dead_code, reason = "its main is for running it alone")]
#[path = "../examples/ridge.rs"]
mod ridge;
#[path = "ridge_output.rs"]
mod ridge_output;
#[path = "spaces_output.rs"]
mod spaces_output;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use laion_fmri::export::{Element, read_npy};
use laion_fmri::ndarray::{Array, ArrayD, ArrayView, Dimension};
use laion_fmri::noise_ceiling::NoiseCeilingOptions;
use laion_fmri::store::StoreRequest;
use laion_fmri::{
    Betas, Cancel, Dataset, Error, GlobalTrial, MaskSource, NanPolicy, NoiseCeiling, Resolution,
    SessionId, StimulusSet, Subject, VoxelMask, Voxels, ZscoreOptions, zscore,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is asked, under the names of the library's arguments, and what is expected. A call has
/// some of the fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Case {
    call: String,
    subject: String,
    subjects: Vec<String>,
    session: Option<String>,
    sessions: Vec<String>,
    desc: Option<String>,
    which: Vec<Which>,
    category: Option<String>,
    resolution: Option<String>,
    roi: Option<Vec<String>>,
    mask: Option<String>,
    mask_source: Option<String>,
    nc_threshold: Option<f32>,
    nc_desc: Option<String>,
    stimuli: Option<String>,
    trials: Option<Vec<usize>>,
    groups: Vec<String>,
    ddof: usize,
    nan: String,
    fit: Option<String>,
    values: String,
    output: String,
    expected: Value,
    expected_trials: Vec<usize>,
    expected_voxels: String,
    expected_sessions: Vec<String>,
    expected_error: Option<String>,
    shape: Vec<usize>,
    columns: Vec<String>,
    rows: Value,
    images: Vec<String>,
    report: Value,
}

#[derive(Debug, Deserialize)]
struct Which {
    session: Option<String>,
    desc: Option<String>,
}

/// A bucket with its cases; subjects are opened once, as a user would.
struct Bucket {
    root: PathBuf,
    dataset: Dataset,
    subjects: HashMap<String, Subject>,
    cases: Vec<Case>,
}

#[expect(clippy::disallowed_methods, reason = "the runner tells the place by a variable")]
fn interop_directory() -> PathBuf {
    PathBuf::from(std::env::var_os("LAION_FMRI_INTEROP").expect("LAION_FMRI_INTEROP is set"))
}

impl Bucket {
    fn open(name: &str) -> Self {
        let root = interop_directory().join("buckets").join(name);
        #[derive(Deserialize)]
        struct Manifest {
            cases: Vec<Case>,
        }
        let manifest: Manifest =
            serde_json::from_slice(&fs::read(root.join("cases.json")).unwrap()).unwrap();
        let dataset = Dataset::open(&root).unwrap();
        let ids = dataset.subjects().unwrap();
        let subjects =
            ids.iter().map(|id| (id.to_string(), dataset.subject(id.as_str()).unwrap())).collect();
        Self { root, dataset, subjects, cases: manifest.cases }
    }

    fn subject(&self, case: &Case) -> &Subject {
        &self.subjects[&case.subject]
    }

    /// An array that Python saved, in C order.
    fn array<T: Element>(&self, name: impl AsName) -> ArrayD<T> {
        let array = read_npy(self.root.join(name.name())).unwrap();
        assert!(array.is_standard_layout());
        array
    }

    fn voxels(&self, case: &Case) -> Voxels {
        let mut voxels = match (&case.roi, &case.mask) {
            (Some(roi), _) => Voxels::roi(roi.as_slice()),
            (None, Some(name)) => Voxels::mask(self.custom_mask(case, name)),
            (None, None) => Voxels::all(),
        };
        // A mask knows its source; `betas` says it nevertheless.
        if let (Some(source), None) = (&case.mask_source, &case.mask) {
            voxels = voxels.mask_source(source.parse().unwrap());
        }
        voxels
    }

    fn custom_mask(&self, case: &Case, name: &str) -> VoxelMask {
        let brain = self.subject(case).brain_mask(case.source(), Resolution::Func1pt8).unwrap();
        VoxelMask::new(brain, self.array::<bool>(name).into_raw_vec_and_offset().0).unwrap()
    }

    fn betas(&self, case: &Case) -> Betas<'_> {
        let session = case.session.as_deref().unwrap_or("ses-01");
        let mut betas = self.subject(case).betas().session(session).voxels(self.voxels(case));
        if let Some(source) = &case.mask_source {
            betas = betas.mask_source(source.parse().unwrap());
        }
        self.filtered(case, betas)
    }

    /// The filters of a case other than its voxels.
    fn filtered<'a>(&self, case: &Case, mut betas: Betas<'a>) -> Betas<'a> {
        betas = match (case.nc_threshold, &case.nc_desc) {
            (Some(percent), Some(desc)) => {
                betas.nc_threshold_on(NoiseCeiling::desc(desc).unwrap(), percent)
            }
            (Some(percent), None) => betas.nc_threshold(percent),
            (None, _) => betas,
        };
        if let Some(set) = &case.stimuli {
            betas = betas.stimuli(set.parse().unwrap());
        }
        match &case.trials {
            Some(trials) => betas.trials(trials.iter().copied()),
            None => betas,
        }
    }
}

impl Case {
    fn source(&self) -> MaskSource {
        self.mask_source.as_ref().map_or(MaskSource::Anatomical, |source| source.parse().unwrap())
    }

    fn resolution(&self) -> Resolution {
        self.resolution.as_ref().map_or(Resolution::Func1pt8, |res| res.parse().unwrap())
    }

    fn session(&self) -> &str {
        self.session.as_deref().unwrap()
    }
}

/// The name of an array, as a string or still as JSON.
trait AsName {
    fn name(&self) -> &str;
}

impl AsName for &str {
    fn name(&self) -> &str {
        self
    }
}

impl AsName for &Value {
    fn name(&self) -> &str {
        self.as_str().unwrap()
    }
}

/// Numbers compared by their bits, with every NaN equal to every other.
trait Same: Copy + std::fmt::Debug {
    fn same(self, other: Self) -> bool;
}

impl Same for f32 {
    fn same(self, other: Self) -> bool {
        self.to_bits() == other.to_bits() || (self.is_nan() && other.is_nan())
    }
}

impl Same for bool {
    fn same(self, other: Self) -> bool {
        self == other
    }
}

#[track_caller]
fn assert_equal<T: Same, D: Dimension>(
    got: ArrayView<'_, T, D>,
    expected: &ArrayD<T>,
    case: &Case,
) {
    assert_eq!(got.shape(), expected.shape(), "{case:?}");
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            got.same(*expected),
            "element {index}: expected {expected:?}, got {got:?}: {case:?}"
        );
    }
}

#[track_caller]
fn assert_list<T: Same>(got: &[T], expected: &ArrayD<T>, case: &Case) {
    assert_equal(ArrayView::from(got), expected, case);
}

/// Runs all cases of a call in one bucket; there has to be one.
fn each_of(bucket: &str, call: &str, check: impl Fn(&Bucket, &Case)) {
    let bucket = Bucket::open(bucket);
    let mut n_cases = 0;
    for case in bucket.cases.iter().filter(|case| case.call == call) {
        check(&bucket, case);
        n_cases += 1;
    }
    assert!(n_cases > 0, "no case of {call}");
}

fn each(call: &str, check: impl Fn(&Bucket, &Case)) {
    for bucket in ["float32", "int16"] {
        each_of(bucket, call, &check);
    }
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn brain_masks_are_where_values_are_neither_zero_nor_nan() {
    each("brain_mask", |bucket, case| {
        let brain = bucket.subject(case).brain_mask(case.source(), case.resolution()).unwrap();
        assert_eq!(brain.grid().shape().as_slice(), case.shape, "{case:?}");
        assert_list(&brain.to_bool(), &bucket.array(&case.expected), case);
    });
    each("n_voxels", |bucket, case| {
        assert_eq!(json!(bucket.subject(case).n_voxels(case.source()).unwrap()), case.expected);
    });
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn rois_and_categories_are_those_with_volumes() {
    each("rois", |bucket, case| {
        let rois = bucket.subject(case).rois(case.category.as_deref()).unwrap();
        assert_eq!(json!(rois), case.expected, "{case:?}");
    });
    each("roi_categories", |bucket, case| {
        assert_eq!(json!(bucket.subject(case).roi_categories().unwrap()), case.expected);
    });
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn roi_queries_are_unions_and_set_algebra() {
    each("roi_mask", |bucket, case| {
        let roi = case.roi.as_deref().unwrap();
        let mask = bucket.subject(case).roi_mask(roi, case.source()).unwrap();
        assert_list(mask.as_slice(), &bucket.array(&case.expected), case);
        // The same as one request after the other.
        let subject = bucket.subject(case);
        let brain = subject.brain_mask(case.source(), Resolution::Func1pt8).unwrap();
        let none = VoxelMask::new(brain.clone(), vec![false; brain.n_voxels()]).unwrap();
        let united = roi.iter().fold(none, |united, item| {
            united.or(&subject.roi_mask(item, case.source()).unwrap()).unwrap()
        });
        assert_eq!(united, mask, "{case:?}");
    });
    each("roi_masks", |bucket, case| {
        let roi = case.roi.as_deref().unwrap();
        let masks = bucket.subject(case).roi_masks(roi, case.source()).unwrap();
        assert!(masks.keys().eq(roi), "{case:?}");
        for (mask, expected) in masks.values().zip(case.expected.as_array().unwrap()) {
            assert_list(mask.as_slice(), &bucket.array(expected), case);
        }
    });
}

fn check_betas(bucket: &Bucket, case: &Case) {
    let expected = bucket.array::<f32>(&case.expected);
    let request = bucket.betas(case);
    let loaded = request.load_with_rows().unwrap();
    assert!(loaded.betas.is_standard_layout());
    assert_equal(loaded.betas.view(), &expected, case);
    let trials: Vec<usize> = loaded.trials.iter().map(|trial| trial.0).collect();
    assert_eq!(trials, case.expected_trials, "{case:?}");
    let voxels: Vec<i64> = loaded.voxels.indices().iter().map(|index| *index as i64).collect();
    let expected_voxels = bucket.array::<i64>(case.expected_voxels.as_str());
    assert_eq!(voxels, expected_voxels.as_slice().unwrap(), "{case:?}");
    // Rows without an array differ in who holds the values, not in which: some cases are enough.
    if case.nc_threshold.is_none() {
        check_rows(&request, &expected, case);
    }
}

/// The same betas as rows without an array.
fn check_rows(request: &Betas<'_>, expected: &ArrayD<f32>, case: &Case) {
    let mut rows = request.volumes().unwrap();
    assert_eq!([rows.n_trials(), rows.n_voxels()], expected.shape(), "{case:?}");
    let mut row = vec![f32::INFINITY; rows.n_voxels()];
    for (trial, expected) in case.expected_trials.iter().zip(expected.outer_iter()) {
        let got = rows.next_row(&mut row).unwrap().map(|trial| trial.0);
        assert_eq!(got, Some(*trial), "{case:?}");
        assert_list(&row, &expected.to_owned(), case);
    }
    assert_eq!(rows.next_row(&mut row).unwrap(), None, "{case:?}");
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn betas_of_the_float32_bucket_under_every_combination_of_filters() {
    each_of("float32", "betas", check_betas);
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn betas_of_the_int16_bucket_under_every_combination_of_filters() {
    each_of("int16", "betas", check_betas);
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn sessions_stay_apart_or_lie_below_each_other() {
    each("load_sessions", |bucket, case| {
        let loaded = bucket.betas(case).sessions(&case.sessions).load_sessions().unwrap();
        assert!(loaded.keys().map(ToString::to_string).eq(case.sessions.iter().cloned()));
        for (betas, expected) in loaded.values().zip(case.expected.as_array().unwrap()) {
            assert_equal(betas.view(), &bucket.array(expected), case);
        }
    });
    each("concat", |bucket, case| {
        let result = bucket.betas(case).sessions(&case.sessions).concat();
        if let Some(error) = &case.expected_error {
            assert_eq!(error, "VoxelAxis");
            assert!(matches!(result, Err(Error::VoxelAxis { .. })), "{case:?}");
            return;
        }
        let all = result.unwrap();
        assert_equal(all.betas.view(), &bucket.array(&case.expected), case);
        assert!(all.sessions.iter().map(ToString::to_string).eq(case.expected_sessions.clone()));
        let trials: Vec<usize> = all.trials.iter().map(|trial| trial.0).collect();
        assert_eq!(trials, case.expected_trials, "{case:?}");
    });
}

fn which(session: Option<&str>, desc: Option<&str>) -> NoiseCeiling {
    match (session, desc) {
        (Some(session), None) => NoiseCeiling::session(session).unwrap(),
        (None, Some(desc)) => NoiseCeiling::desc(desc).unwrap(),
        other => panic!("a noise ceiling is of a session or a desc, not {other:?}"),
    }
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn noise_ceilings_by_session_and_desc() {
    each("noise_ceiling", |bucket, case| {
        let which = which(case.session.as_deref(), case.desc.as_deref());
        let ceiling = bucket.subject(case).noise_ceiling(&which, &bucket.voxels(case)).unwrap();
        assert_equal(ceiling.view(), &bucket.array(&case.expected), case);
    });
    each("noise_ceilings", |bucket, case| {
        let asked: Vec<NoiseCeiling> =
            case.which.iter().map(|w| which(w.session.as_deref(), w.desc.as_deref())).collect();
        let ceilings = bucket.subject(case).noise_ceilings(&asked, &bucket.voxels(case)).unwrap();
        assert!(ceilings.keys().eq(&asked));
        for (ceiling, expected) in ceilings.values().zip(case.expected.as_array().unwrap()) {
            assert_equal(ceiling.view(), &bucket.array(expected), case);
        }
    });
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn coordinates_are_the_affine_applied_to_voxels() {
    each("voxel_coordinates", |bucket, case| {
        let got = bucket.subject(case).voxel_coordinates(&bucket.voxels(case)).unwrap();
        let expected = bucket.array::<f64>(&case.expected);
        assert_eq!(got.shape(), expected.shape(), "{case:?}");
        for (got, expected) in got.iter().zip(&expected) {
            assert!((got - expected).abs() <= 1e-9, "expected {expected} mm, got {got}: {case:?}");
        }
    });
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn trial_tables_are_text_as_it_stands() {
    each("sessions", |bucket, case| {
        let sessions = bucket.subject(case).sessions().unwrap();
        let sessions: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
        assert_eq!(json!(sessions), case.expected, "{case:?}");
    });
    each("trials", |bucket, case| {
        let table = bucket.subject(case).trials(case.session()).unwrap();
        assert_eq!(table.columns(), case.columns);
        assert_eq!(json!(table.rows().collect::<Vec<_>>()), case.rows);
        let label = case.columns.iter().position(|column| column == "label").unwrap();
        for (got, row) in table.labels().unwrap().zip(case.rows.as_array().unwrap()) {
            assert_eq!(json!(got), row[label]);
        }
    });
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn the_trials_of_all_sessions_are_joined_with_the_table_of_images() {
    each("trial_table", |bucket, case| {
        let table = bucket.subject(case).subject_trials().unwrap();
        assert_eq!(table.columns(), case.columns);
        let expected = case.rows.as_array().unwrap();
        assert_eq!(table.len(), expected.len());
        for (index, (trial, expected)) in table.trials().iter().zip(expected).enumerate() {
            let got = json!({
                "session": trial.session.as_str(),
                "session_trial": trial.session_trial.0,
                "image_name": trial.image_name,
                "stim_idx": trial.stim_idx,
                "unique_or_shared": trial.unique_or_shared,
                "dataset": trial.dataset,
                "planned_repetitions": trial.planned_repetitions,
                "repetition": trial.repetition,
                "fields": trial.fields,
                "actual_repetitions": trial.actual_repetitions,
            });
            assert_eq!(got, *expected, "trial {index}");
            let global = table.global(&trial.session, trial.session_trial);
            assert_eq!(global, Some(GlobalTrial(index)));
        }
    });
    each("n_stimuli", |bucket, case| {
        let set = case.stimuli.as_ref().map(|set| set.parse::<StimulusSet>().unwrap());
        assert_eq!(json!(bucket.subject(case).n_stimuli(set).unwrap()), case.expected, "{case:?}");
    });
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn betas_without_a_trial_table_are_read_and_joined_with_nothing() {
    each_of("untabled", "betas", check_betas);
    each_of("untabled", "missing_table", |bucket, case| {
        let missing: Vec<PathBuf> = serde_json::from_value(case.expected.clone()).unwrap();
        let error = bucket.subject(case).subject_trials().unwrap_err();
        assert!(
            matches!(&error, Error::DataNotDownloaded { path, .. } if *path == bucket.root.join(&missing[0])),
            "{error:?}"
        );
    });
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn z_scores_are_those_of_numpy() {
    each("zscore", |bucket, case| {
        let mut betas = bucket.betas(case).sessions(&case.sessions).concat().unwrap().betas;
        let mut options = ZscoreOptions::default().ddof(case.ddof).nan(match case.nan.as_str() {
            "omit" => NanPolicy::Omit,
            "propagate" => NanPolicy::Propagate,
            other => panic!("{other}"),
        });
        if let Some(fit) = &case.fit {
            options =
                options.fit_rows(bucket.array::<bool>(fit.as_str()).into_raw_vec_and_offset().0);
        }
        let report = zscore(&mut betas, &case.groups, &options).unwrap();
        let got = json!({
            "constant": report.constant, "undefined": report.undefined, "nan": report.nan,
        });
        assert_eq!(got, case.report, "{case:?}");
        let expected = bucket.array::<f64>(&case.expected);
        assert_eq!(betas.shape(), expected.shape());
        for (index, (got, expected)) in betas.iter().zip(&expected).enumerate() {
            let got = f64::from(*got);
            let same = (got - expected).abs() <= 1e-6 * expected.abs();
            assert!(
                same || (got.is_nan() && expected.is_nan()),
                "element {index}: expected {expected}, got {got}: {case:?}"
            );
        }
    });
}

#[test]
#[ignore = "reads buckets written by nibabel: run by cargo xtask interop"]
fn subjects_are_aligned_by_the_images_all_saw() {
    each("shared_betas", |bucket, case| {
        let group = bucket.dataset.group(&case.subjects).unwrap();
        let shared = group
            .shared_betas(&case.sessions, |betas| {
                bucket.filtered(case, betas.voxels(bucket.voxels(case)))
            })
            .unwrap();
        assert_eq!(shared.image_names, case.images);
        assert!(shared.subjects.keys().map(ToString::to_string).eq(case.subjects.clone()));
        for (id, answers) in &shared.subjects {
            let expected = &case.expected[id.as_str()];
            assert_eq!(json!(answers.repeats), expected["repeats"], "{case:?}");
            assert_equal(answers.betas.view(), &bucket.array(&expected["betas"]), case);
        }
    });
}

fn output(bucket: &Bucket, case: &Case) -> PathBuf {
    let path = bucket.root.join(&case.output);
    fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).unwrap();
    path
}

#[test]
#[ignore = "writes files for nibabel to read: run by cargo xtask interop"]
fn volumes_are_written_for_nibabel() {
    each("to_nifti", |bucket, case| {
        let values: Array<f32, _> = bucket.array(case.values.as_str());
        let values = values.into_raw_vec_and_offset().0;
        let path = output(bucket, case);
        bucket.subject(case).to_nifti(&values, path, &bucket.voxels(case)).unwrap();
    });
    each("write_mask", |bucket, case| {
        let (subject, path) = (bucket.subject(case), output(bucket, case));
        match &case.roi {
            Some(roi) => {
                let mask = subject.roi_mask(roi.as_slice(), case.source()).unwrap();
                mask.write_nifti(&path).unwrap();
            }
            None => {
                let brain = subject.brain_mask(case.source(), case.resolution()).unwrap();
                brain.write_nifti(&path).unwrap();
            }
        }
    });
}

/// An output of the fixture bucket with what the Rust example prints of it; `check_extract.py` runs the
/// Python example on it.
#[test]
#[ignore = "leaves an output for ridge.py: run by cargo xtask interop"]
#[expect(clippy::disallowed_methods, reason = "the runner tells the place by a variable")]
fn ridge_in_rust() {
    let out = std::env::var_os("LAION_FMRI_INTEROP").expect("LAION_FMRI_INTEROP is set");
    let folder = PathBuf::from(out).join("extract");
    fs::create_dir_all(&folder).unwrap();
    let mirror = fixtures::Bucket::temporary().unwrap();
    let output = folder.join("ridge.npz");
    ridge_output::write(mirror.root(), &output);
    let mut printed = Vec::new();
    ridge::run(&output, &mut printed).unwrap();
    fs::write(folder.join("ridge.txt"), printed).unwrap();
}

/// Maps computed from the bucket of the tests, each with its sidecar, beside that bucket: numpy
/// computes all of them again, those of the bucket too.
#[test]
#[ignore = "writes a bucket and maps for numpy to read: run by cargo xtask interop"]
#[expect(clippy::disallowed_methods, reason = "the runner tells the place by a variable")]
fn noise_ceilings_are_computed_for_numpy() {
    let root = std::env::var_os("LAION_FMRI_INTEROP").expect("LAION_FMRI_INTEROP is set");
    let root = PathBuf::from(root).join("noise_ceilings");
    fixtures::bucket::write(&root.join("bucket")).unwrap();
    let dataset = Dataset::open(root.join("bucket")).unwrap();
    let mut number = 0;
    for (id, sessions) in
        [("sub-01", &["ses-01", "ses-02", "ses-03"][..]), ("sub-03", &["ses-02", "ses-01"])]
    {
        let subject = dataset.subject(id).unwrap();
        for sessions in [&sessions[..1], sessions] {
            for (scope, images, repetitions, term) in [
                (None, "all", "2+", "mean"),
                (Some("run"), "4rep", "2", "mean"),
                (Some("session"), "12rep", "2+", "4"),
                (Some("run"), "all", if sessions.len() > 1 { "3+" } else { "2" }, "mean"),
            ] {
                for (zscore_ddof, residual_ddof) in [(0, 0), (1, 0), (0, 1)] {
                    let mut options = NoiseCeilingOptions::default();
                    options.scope = scope.map(|scope| scope.parse().unwrap());
                    options.images = images.parse().unwrap();
                    options.repetitions = repetitions.parse().unwrap();
                    options.repetition_term = term.parse().unwrap();
                    (options.zscore_ddof, options.residual_ddof) = (zscore_ddof, residual_ddof);
                    let computed = subject
                        .compute_noise_ceiling(sessions, &options, &(), &Cancel::new())
                        .unwrap();
                    computed.write_nifti(&subject, root.join(format!("{number}.nii.gz"))).unwrap();
                    let sidecar = computed.sidecar().to_string();
                    fs::write(root.join(format!("{number}.json")), sidecar).unwrap();
                    number += 1;
                }
            }
        }
    }
}

#[test]
#[ignore = "writes a store for xarray: run by cargo xtask interop"]
fn a_store_for_the_documented_lines() {
    let data = interop_directory().join("xarray");
    fixtures::bucket::write(&data).unwrap();
    let subject = Dataset::open(&data).unwrap().subject("sub-03").unwrap();
    let built = subject.build_store(&StoreRequest::new(), &(), &Cancel::new()).unwrap();
    assert_eq!(built.path, data.join("stores/sub-03_desc-anatomical.zarr"));
}
