//! Ids and lists that the library returns are taken wherever it asks for them.

use fixtures::{Bucket, bucket};
use laion_fmri::bids::FileName;
use laion_fmri::ndarray::{Array2, Axis};
use laion_fmri::nifti_stream::VoxelSelection;
use laion_fmri::splits::{Pool, SplitName};
use laion_fmri::stimuli::EmbeddingModel;
use laion_fmri::{
    Cancel, Dataset, Discovery, DownloadRequest, Error, ErrorKind, Filter, FilterField, Hemisphere,
    Location, MaskSource, NoiseCeiling, Part, Result, RoiQuery, SessionId, StimulusSet, SubjectId,
    Subjects, Voxels,
};

use crate::Served;

#[test]
fn ids_that_were_returned_are_taken() {
    let bucket = Bucket::temporary().unwrap();
    bucket::write_gated(bucket.root()).unwrap();
    let dataset = Dataset::open(bucket.root()).unwrap();
    let ids: Vec<SubjectId> = dataset.subjects().unwrap();
    let group = dataset.group(&ids).unwrap();
    let subject = dataset.subject(&ids[0]).unwrap();
    assert_eq!(group.subject(&ids[0]).unwrap().id(), &ids[0]);
    assert_eq!(group.subject(ids[0].label()).unwrap().id(), subject.id());

    let sessions: Vec<SessionId> = subject.sessions().unwrap();
    let first = &sessions[0];
    let trials = subject.trials(first).unwrap();
    assert_eq!(trials.len(), subject.trials(first.as_str()).unwrap().len());
    assert_eq!(trials.len(), subject.trials(String::from(first.label())).unwrap().len());
    assert_eq!(
        NoiseCeiling::session(first).unwrap(),
        NoiseCeiling::session(first.label()).unwrap()
    );
    assert_eq!(
        NoiseCeiling::desc(String::from("Noiseceiling4rep")).unwrap(),
        NoiseCeiling::desc("Noiseceiling4rep").unwrap()
    );

    let embeddings = subject.embeddings().unwrap();
    let of = |rows: Array2<laion_fmri::stimuli::f16>| rows;
    let all = of(embeddings.all(EmbeddingModel::Clip, None).unwrap());
    let one = of(embeddings.all(EmbeddingModel::Clip, first).unwrap());
    assert_eq!(one, all.slice_axis(Axis(0), (..trials.len()).into()));
    for same in [
        embeddings.all(EmbeddingModel::Clip, Some(first.as_str())),
        embeddings.all(EmbeddingModel::Clip, first.label()),
        embeddings.all(EmbeddingModel::Clip, &first.to_string()),
    ] {
        assert_eq!(same.unwrap(), one);
    }
    let images = subject.images().unwrap();
    assert_eq!(images.all(first).unwrap().len(), trials.len());
    assert_eq!(images.array(first).unwrap().dim().0, trials.len());
    assert!(subject.has_raw(None).unwrap());
    assert_eq!(subject.has_raw(first).unwrap(), subject.has_raw(Some(first.as_str())).unwrap());
    assert_eq!(subject.events(first, None).is_ok(), subject.events(first.as_str(), None).is_ok());
    assert!(matches!(
        subject.raw_bold(String::from("ses-/"), 1, 1, Part::Magnitude),
        Err(Error::InvalidSession { got }) if got == "ses-/"
    ));
    assert_eq!(subject.index_betas(first, &(), &Cancel::new()).unwrap(), None);
}

#[test]
fn roi_lists_that_were_returned_are_taken() {
    let bucket = Bucket::temporary().unwrap();
    let subject = crate::opened(&bucket, "sub-01");
    let rois: Vec<String> = subject.rois(Some("face")).unwrap();
    let masks = rois.iter().map(|roi| subject.roi_mask(roi, MaskSource::Anatomical).unwrap());
    let expected = masks.reduce(|all, mask| all.or(&mask).unwrap()).unwrap();
    let texts: Vec<&str> = rois.iter().map(String::as_str).collect();
    let query: RoiQuery = rois.iter().collect();
    for voxels in [
        Voxels::roi(&rois),
        Voxels::roi(rois.clone()),
        Voxels::roi(rois.as_slice()),
        Voxels::roi(&texts),
        Voxels::roi(texts),
        Voxels::roi(&query),
        Voxels::roi(query.to_string()),
        Voxels::roi(query.to_string().parse::<RoiQuery>().unwrap()),
    ] {
        assert!(voxels.resolve(&subject).unwrap() == expected, "{voxels:?}");
    }
    assert_eq!(subject.roi_masks(&rois, MaskSource::Anatomical).unwrap().len(), rois.len());
}

#[test]
fn requests_and_the_bucket_take_what_they_gave() {
    let served = Served::new();
    let discovery = Discovery::open(&served.location()).unwrap();
    let ids = discovery.subjects().unwrap();
    let sessions = discovery.sessions(&ids[0]).unwrap();
    assert_eq!(sessions, discovery.sessions(ids[0].label()).unwrap());
    assert_eq!(
        discovery.rois(&ids[0], None).unwrap(),
        discovery.rois(ids[0].label(), None).unwrap()
    );
    assert_eq!(discovery.describe_subject(&ids[0]).unwrap().sessions, sessions);
    for error in [
        discovery.sessions("../x").map(drop).unwrap_err(),
        discovery.rois("../x", None).map(drop).unwrap_err(),
        discovery.describe_subject("../x").map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, Error::SubjectNotFound { got, .. } if got == "../x"));
    }

    let request = DownloadRequest::subject(&ids[0]).unwrap().ses(&sessions);
    assert_eq!(request.subjects, Subjects::These(vec![ids[0].clone()]));
    let texts: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
    let expected = Filter::default().with(FilterField::Ses, texts.iter().copied());
    for request in [
        request,
        DownloadRequest::subject(ids[0].as_str()).unwrap().ses(texts),
        DownloadRequest::subject("01").unwrap().filter(FilterField::Ses, sessions.clone()),
    ] {
        assert_eq!(request.filter, expected);
    }
    assert_eq!(Filter::default().with(FilterField::Ses, sessions), expected);
}

#[test]
fn every_parse_is_taken_by_the_question_mark() {
    fn parsed(text: &str) -> Vec<Error> {
        fn one<T>(parse: impl FnOnce() -> Result<T>) -> Error {
            parse().map(drop).unwrap_err()
        }
        vec![
            one(|| Ok(text.parse::<EmbeddingModel>()?)),
            one(|| Ok(text.parse::<StimulusSet>()?)),
            one(|| Ok(text.parse::<Hemisphere>()?)),
            one(|| Ok(text.parse::<SplitName>()?)),
            one(|| Ok(text.parse::<Pool>()?)),
            one(|| Ok(text.parse::<MaskSource>()?)),
            one(|| Ok(text.parse::<FilterField>()?)),
            one(|| Ok(text.parse::<Location>()?)),
            one(|| Ok(Location::directory(text)?)),
            one(|| Ok(text.parse::<SubjectId>()?)),
            one(|| Ok(text.parse::<SessionId>()?)),
            one(|| Ok(text.parse::<FileName>()?)),
            one(|| text.parse::<RoiQuery>()),
        ]
    }
    for error in parsed("no such ( /thing") {
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
        assert!(!error.to_string().is_empty());
    }
    let all = || -> Result<VoxelSelection> { Ok(VoxelSelection::all([usize::MAX, 2, 2])?) };
    assert!(matches!(all(), Err(Error::Nifti(_))));
    let bucket = Bucket::temporary().unwrap();
    let subject = crate::opened(&bucket, "sub-01");
    let path =
        bucket.path(&laion_fmri::layout::events(subject.id(), &"ses-01".parse().unwrap(), 1));
    std::fs::write(&path, "onset\tduration\ttrial_type\nsoon\t1\tnew\n").unwrap();
    let onsets = || -> Result<Vec<f64>> { Ok(subject.events("ses-01", Some(1))?.onsets()?) };
    let error = onsets().unwrap_err();
    assert!(matches!(error, Error::EventValue(_)), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Integrity);
}

#[test]
fn what_holds_rows_is_iterated() {
    let fixture = Served::new();
    let bucket = &fixture.bucket;
    let dataset = Dataset::open(bucket.root()).unwrap();
    let subject = dataset.subject("sub-01").unwrap();
    let table = subject.trials("ses-01").unwrap();
    assert_eq!(table.iter().count(), table.len());
    let volumes: Vec<_> = (0..table.len()).map(|volume| i64::try_from(volume).ok()).collect();
    assert_eq!(table.integers("beta_index").unwrap(), volumes);

    let all = subject.subject_trials().unwrap();
    for (row, trial) in all.iter().enumerate() {
        assert_eq!(all.global(&trial.session, trial.session_trial), Some(row.into()));
    }
    let session = "ses-01".parse().unwrap();
    assert_eq!(all.of_session(&session).len(), table.len());
    assert_eq!(all.global(&session, table.len().into()), None);
    assert_eq!(all.global(&"ses-77".parse().unwrap(), 0.into()), None);
    assert_eq!(all.global(&session, usize::MAX.into()), None);
    assert_eq!((&all).into_iter().count(), all.into_iter().count());

    let group = dataset.group_all().unwrap();
    let ids: Vec<&str> = group.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["sub-01", "sub-03", "sub-05"]);
    assert_eq!(group.clone().len(), 3);

    fixtures::bucket::write_gated(bucket.root()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let items = subject.trial_dataset().session("ses-01").roi("FFA1").open(scratch.path()).unwrap();
    assert_eq!(items.iter().len(), items.len());
    let first = (&items).into_iter().next().unwrap().unwrap();
    // Responses may be NaN, which equals nothing.
    assert_eq!(first.image, items.item(0).unwrap().image);

    let mirror = Dataset::open(fixture.mirror.path()).unwrap().with_location(fixture.location());
    let request = DownloadRequest::subject("sub-03").unwrap().ses(["ses-01"]);
    let download = mirror.plan_download(&request).unwrap();
    let plan = download.plan();
    assert_eq!(plan.iter().count(), plan.items.len());
    let totals = plan.totals();
    let size = laion_fmri_base::readable_bytes(totals.fetch.bytes);
    let expected = format!("fetch {} files ({size})", totals.fetch.count);
    assert!(totals.to_string().starts_with(&expected), "{totals}");
    let license = mirror.accept_license().unwrap();
    let report = download.run(&license, 4, &(), &Cancel::new());
    assert_eq!(report.clone().totals(), report.totals());
}

#[test]
fn clones_share_what_was_read() {
    let fixture = Served::new();
    let subject = Dataset::open(fixture.bucket.root()).unwrap().subject("sub-01").unwrap();
    let clone = subject.clone();
    subject.roi_mask("FFA1", MaskSource::Anatomical).unwrap();
    assert!(!subject.inputs_read().is_empty());
    assert_eq!(clone.inputs_read(), subject.inputs_read());
    let betas = |subject: &laion_fmri::Subject| {
        subject.betas().session("ses-01").roi("FFA1").nc_threshold(0.0).load_with_rows().unwrap()
    };
    assert_eq!(betas(&clone), betas(&subject));
}

#[test]
fn values_are_written_from_whatever_holds_them() {
    let fixture = Served::new();
    let subject = Dataset::open(fixture.bucket.root()).unwrap().subject("sub-01").unwrap();
    let voxels = Voxels::roi("FFA1");
    let ceiling =
        subject.noise_ceiling(&NoiseCeiling::session("ses-01").unwrap(), &voxels).unwrap();
    let path = |name: &str| fixture.mirror.path().join(name);
    subject.to_nifti(&ceiling, path("array.nii"), &voxels).unwrap();
    subject.to_nifti(&ceiling.to_vec(), path("vec.nii"), &voxels).unwrap();
    subject.to_nifti(ceiling.as_slice().unwrap(), path("slice.nii"), &voxels).unwrap();
    let rows = Array2::from_shape_fn((2, ceiling.len()), |(_, column)| ceiling[column]);
    subject.to_nifti(rows.row(1), path("row.nii"), &voxels).unwrap();
    let bytes = std::fs::read(path("array.nii")).unwrap();
    for name in ["vec.nii", "slice.nii", "row.nii"] {
        assert!(std::fs::read(path(name)).unwrap() == bytes, "{name}");
    }
}

#[test]
fn values_cross_a_caught_panic_and_count_as_keys() {
    fn safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe + Clone + Send + Sync>() {}
    fn key<T: std::hash::Hash + Eq>() {}
    safe::<Dataset>();
    safe::<laion_fmri::Subject>();
    safe::<laion_fmri::Group>();
    key::<ErrorKind>();
    key::<RoiQuery>();
    key::<laion_fmri::splits::Split>();
    let shown = |space: laion_fmri::localizer::LocalizerSpace| space.to_string();
    use laion_fmri::localizer::{LocalizerResolution, LocalizerSpace};
    assert_eq!(shown(LocalizerSpace::Fsnative(Hemisphere::Left)), "hemi-L_space-fsnative");
    assert_eq!(shown(LocalizerSpace::T1w(LocalizerResolution::Res1pt8)), "space-T1w_res-1pt8");
}
