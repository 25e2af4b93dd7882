//! Trials joined with images, values back in space, and several subjects together.

use crate::fetch;
use laion_fmri::DownloadRequest;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::sync::Mutex;

use fixtures::Bucket;
use fixtures::bucket;
use laion_fmri::{
    Betas, Contradiction, Dataset, Error, ErrorKind, Event, GlobalTrial, MaskSource, Observer,
    SessionTrial, SharedBetas, StimulusSet, Voxels,
};

use crate::{assert_same, opened};

#[test]
fn the_trial_table_joins_every_session_with_the_images() {
    let bucket = Bucket::temporary().unwrap();
    let rows = bucket::stimulus_rows();
    for id in ["sub-01", "sub-03"] {
        let subject = opened(&bucket, id);
        let table = subject.subject_trials().unwrap();
        let expected: Vec<(String, usize, &str)> = bucket::SESSIONS
            .into_iter()
            .filter(|session| session.subject == id)
            .flat_map(|session| {
                let labels = bucket::labels(id, session.session).into_iter().enumerate();
                labels.map(move |(trial, label)| (session.session.to_owned(), trial, label))
            })
            .collect();
        assert_eq!(table.len(), expected.len());
        let mut shown: HashMap<&str, u32> = HashMap::new();
        for (global, (session, trial, label)) in expected.iter().enumerate() {
            let row = &table[GlobalTrial(global)];
            assert_eq!(row.session.as_str(), session);
            assert_eq!(row.session_trial, SessionTrial(*trial));
            assert_eq!(row.image_name, *label);
            let position = rows.iter().position(|row| row.image_name == *label);
            assert_eq!(row.stim_idx, position, "{label}");
            let stimulus = position.map(|position| rows[position]);
            assert_eq!(row.dataset.as_deref(), stimulus.map(|stimulus| stimulus.dataset));
            assert_eq!(
                row.unique_or_shared.as_deref(),
                stimulus.map(|stimulus| stimulus.unique_or_shared)
            );
            let planned = stimulus.map(|stimulus| if stimulus.n_reps == "12rep" { 12 } else { 4 });
            assert_eq!(row.planned_repetitions, planned);
            let count = shown.entry(label).or_default();
            assert_eq!(row.repetition, *count);
            *count += 1;
            let session = session.parse().unwrap();
            assert_eq!(table.global(&session, SessionTrial(*trial)), Some(GlobalTrial(global)));
        }
        for row in table.trials() {
            assert_eq!(row.actual_repetitions, shown[row.image_name.as_str()]);
        }
        assert_eq!(table.columns(), ["session", "run", "beta_index", "label"]);
        assert_eq!(table.get(GlobalTrial(table.len())), None);
    }
}

#[test]
fn images_are_counted_by_set() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let all = bucket::stimulus_rows();
    let shared = all.iter().filter(|row| row.unique_or_shared == "shared").count();
    assert_eq!(subject.n_stimuli(None).unwrap(), all.len());
    assert_eq!(subject.n_stimuli(Some(StimulusSet::Shared)).unwrap(), shared);
    assert_eq!(subject.n_stimuli(Some(StimulusSet::Unique)).unwrap(), all.len() - shared);
    assert!(!subject.has_stimuli(), "the images themselves need the access service");
}

#[test]
fn a_missing_or_damaged_table_of_images_is_named() {
    let bucket = Bucket::temporary().unwrap();
    let table = bucket.path("stimuli/task-images_metadata.csv");
    fs::write(&table, "image_name,dataset\n").unwrap();
    let error = opened(&bucket, "sub-01").subject_trials().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(matches!(error, Error::StimulusMetadata { path, .. } if path == table));
    fs::remove_file(&table).unwrap();
    let error = opened(&bucket, "sub-01").subject_trials().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotThere);
    assert_eq!(fetch(&error), DownloadRequest::of_prefix("stimuli/task-images_metadata.csv"));
    assert!(matches!(error, Error::StimuliNotDownloaded { path, .. } if path == table));
}

#[test]
fn values_go_back_to_the_voxels_they_came_from() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("values.nii.gz");
    for voxels in [
        Voxels::all(),
        Voxels::roi("face"),
        Voxels::roi("laion - face").mask_source(MaskSource::Rsquare),
    ] {
        let mask = voxels.resolve(&subject).unwrap();
        let values: Vec<f32> = (1..=mask.n_voxels()).map(|number| number as f32).collect();
        subject.to_nifti(&values, &path, &voxels).unwrap();
        let volume = laion_fmri::nifti_stream::fs::read_volume(&path).unwrap();
        let found: Vec<f32> = mask.indices().iter().map(|index| volume.data()[*index]).collect();
        assert_eq!(found, values);
        assert_eq!(volume.data().iter().filter(|value| **value != 0.0).count(), values.len());
        mask.brain().grid().matches(volume.grid()).unwrap();
        let original = laion_fmri::nifti_stream::fs::read_header(mask.brain().path()).unwrap();
        let (written, original) = (volume.header().spatial(), original.spatial());
        assert_eq!(written.sform_code, original.sform_code);
        assert_eq!(written.qform_code, original.qform_code);
        assert_eq!(written.xyzt_units, original.xyzt_units);
        assert_eq!(written.srow, original.srow);

        let error = subject.to_nifti(&values[1..], &path, &voxels).unwrap_err();
        assert!(matches!(error, Error::ValuesLength { expected, got }
            if expected == values.len() && got + 1 == expected));
    }
}

#[test]
fn coordinates_are_those_of_the_affine() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-03");
    let coordinates = subject.voxel_coordinates(&Voxels::all()).unwrap();
    let affine = bucket::BETA_GRID.affine();
    let voxels = bucket::anatomical_voxels("sub-03");
    assert_eq!(coordinates.dim(), (voxels.len(), 3));
    for (row, voxel) in coordinates.rows().into_iter().zip(voxels) {
        for (axis, got) in row.iter().enumerate() {
            let [a, b, c, d] = affine[axis].map(f64::from);
            let [x, y, z] = voxel.map(|axis| axis as f64);
            assert!((got - (a * x + b * y + c * z + d)).abs() < 1e-9);
        }
    }
}

#[test]
fn shared_betas_choose_their_trials_themselves() {
    let bucket = Bucket::temporary().unwrap();
    let group = Dataset::open(bucket.root()).unwrap().group(&["sub-01", "sub-03"]).unwrap();
    fn of<F: for<'a> Fn(Betas<'a>) -> Betas<'a>>(request: F) -> F {
        request
    }
    let refused = |result: Result<SharedBetas, Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let selected = Contradiction::SharedTrialsSelected;
        assert!(matches!(&error, Error::Contradiction(got) if *got == selected), "{error:?}");
    };
    let sessions = ["ses-01"];
    refused(group.shared_betas(&sessions, of(|betas| betas.trials([1]))));
    refused(group.shared_betas(&sessions, of(|betas| betas.session("ses-02"))));
    // As many trials or not: unique images are not shared ones.
    refused(group.shared_betas(&sessions, of(|betas| betas.stimuli(StimulusSet::Unique))));
    refused(group.shared_betas(&sessions, of(|betas| betas.stimuli(StimulusSet::Shared))));
}

#[test]
fn an_observer_of_shared_betas_hears_every_session() {
    let bucket = Bucket::temporary().unwrap();
    let group = Dataset::open(bucket.root()).unwrap().group(&["sub-01"]).unwrap();
    struct Sessions(Mutex<BTreeSet<String>>);
    impl Observer for Sessions {
        fn event(&self, event: Event<'_>) {
            if let Event::Volume { session, .. } = event {
                self.0.lock().unwrap().insert(session.to_string());
            }
        }
    }
    // An observer lives as long as the subjects, which no closure knows: it is a static one.
    static OBSERVER: Sessions = Sessions(Mutex::new(BTreeSet::new()));
    group
        .shared_betas(&["ses-03", "ses-01"], |betas| betas.roi("FFA1").observer(&OBSERVER))
        .unwrap();
    assert!(OBSERVER.0.lock().unwrap().iter().eq(["ses-01", "ses-03"]));
}

#[test]
fn shared_betas_line_up_by_image() {
    let bucket = Bucket::temporary().unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let group = dataset.group(&["sub-03", "01", "sub-03"]).unwrap();
    assert_eq!(group.len(), 2);
    let sessions = ["ses-01", "ses-02"];
    let shared = group.shared_betas(&sessions, |betas| betas.roi("FFA1")).unwrap();
    let seen = |id: &str| -> BTreeSet<&str> {
        let labels = sessions.iter().flat_map(|session| bucket::labels(id, session));
        labels.filter(|label| label.starts_with("shared_")).collect()
    };
    let common: Vec<&str> = seen("sub-01").intersection(&seen("sub-03")).copied().collect();
    assert!(!common.is_empty());
    assert_eq!(shared.image_names, common);
    // Subjects side by side.
    for jobs in [2, 5] {
        let dataset = dataset.clone().with_jobs(jobs);
        let group = dataset.group(&["sub-03", "01"]).unwrap();
        let again = group.shared_betas(&sessions, |betas| betas.roi("FFA1")).unwrap();
        for ((id, one), (other_id, other)) in shared.subjects.iter().zip(&again.subjects) {
            assert_eq!((id, &one.repeats), (other_id, &other.repeats));
            assert_same(
                one.betas.as_slice().unwrap(),
                other.betas.as_slice().unwrap(),
                id.as_str(),
            );
        }
    }
    let mut partly_nan = 0;
    for (id, answers) in &shared.subjects {
        let id = id.as_str();
        let mask = opened(&bucket, id).roi_mask("FFA1", MaskSource::Anatomical).unwrap();
        let voxels: Vec<[usize; 3]> = bucket::anatomical_voxels(id)
            .into_iter()
            .zip(mask.as_slice())
            .filter_map(|(voxel, chosen)| chosen.then_some(voxel))
            .collect();
        assert_eq!(answers.betas.dim(), (common.len(), voxels.len()));
        for (row, image) in common.iter().enumerate() {
            let trials: Vec<(&str, usize)> = sessions
                .iter()
                .flat_map(|session| {
                    let labels = bucket::labels(id, session).into_iter().enumerate();
                    let here = labels.filter(|(_, label)| label == image).map(|(trial, _)| trial);
                    here.map(|trial| (*session, trial)).collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(answers.repeats[row] as usize, trials.len());
            for (column, voxel) in voxels.iter().enumerate() {
                // NaN is left out; float32 sums in the order of the trials.
                let betas = trials
                    .iter()
                    .map(|(session, trial)| bucket::beta(id, session, *trial, *voxel))
                    .filter(|beta| !beta.is_nan())
                    .collect::<Vec<f32>>();
                partly_nan += usize::from(!betas.is_empty() && betas.len() < trials.len());
                let sum = betas.iter().fold(0.0_f32, |sum, beta| sum + beta);
                let expected = sum / betas.len() as f32;
                let got = answers.betas[(row, column)];
                assert!(got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan()));
            }
        }
    }
    assert!(partly_nan > 0, "means of which some trials are NaN");
    let metadata = group.shared_stimulus_metadata().unwrap();
    assert!(metadata.iter().all(|stimulus| stimulus.unique_or_shared == "shared"));
    let ids: Vec<&str> = group.into_iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["sub-01", "sub-03"]);
    assert_eq!(dataset.group_all().unwrap().len(), 3);
    let error = group.subject("sub-05").unwrap_err();
    assert!(matches!(error, Error::SubjectNotFound { got, available }
        if got == "sub-05" && available == ["sub-01", "sub-03"]));
    let none: [&str; 0] = [];
    assert!(matches!(dataset.group(&none), Err(Error::NothingNamed { .. })));
    let empty = tempfile::tempdir().unwrap();
    let error = Dataset::open(empty.path()).unwrap().group_all().unwrap_err();
    assert!(matches!(&error, Error::NothingNamed { what } if what == "subject of a group"));
    assert!(error.to_string().contains("at least one"), "{error}");
}
