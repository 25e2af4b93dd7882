//! Subjects, trials, splits and what is missing, against the dataset's own values.

use laion_fmri::splits::load_split;
use laion_fmri::{MaskSource, Resolution, layout};
use serde_json::{Value, json};

use crate::client::Served;

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn numbers(value: &Value) -> Vec<usize> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|number| number.as_u64().unwrap() as usize).collect()
}

#[test]
fn subjects_are_listed_with_those_that_have_a_picture_first() {
    let served = Served::new();
    let about = served.json("/api/about");
    assert_eq!(about["data_dir"], json!(served.bucket.root().display().to_string()));
    let list = served.json("/api/subjects");
    let ids: Vec<&str> =
        list.as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    let subject = served.dataset.subject(ids[0]).unwrap();
    assert!(list[0]["anatomy"] == json!(true) && subject.has_mean_r2());
    assert_eq!(list[0]["sessions"], json!(subject.sessions().unwrap().len()));
}

#[test]
fn a_subject_is_described_as_the_dataset_has_it() {
    let served = Served::with_images();
    let subject = served.dataset.subject("sub-03").unwrap();
    let about = served.json("/api/subjects/sub-03");
    let brain = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8).unwrap();
    assert_eq!(about["shape"], json!(brain.grid().shape()));
    assert_eq!(about["voxels"], json!(brain.n_voxels()));
    for session in about["sessions"].as_array().unwrap() {
        let id = session["id"].as_str().unwrap();
        assert_eq!(session["trials"], json!(subject.trials(id).unwrap().len()));
        assert_eq!(session["held_out"], json!(id.starts_with("ses-3")), "{id}");
    }
    let sessions = about["sessions"].as_array().unwrap().len();
    assert_eq!(sessions, subject.sessions().unwrap().len());
    assert_eq!(about["absent"], json!([]));
    assert_eq!(about["anatomies"][0]["id"], json!("T1w"));
    let maps: Vec<&str> =
        about["maps"].as_array().unwrap().iter().map(|map| map["id"].as_str().unwrap()).collect();
    // The page opens with the map that a figure of the noise ceiling has.
    assert_eq!(maps[0], subject.usual_noise_ceiling().to_string());
    assert_eq!(maps[0], "Noiseceiling12rep");
    assert!(maps.contains(&"NoiseceilingAllrep"), "{maps:?}");
    assert!(maps.contains(&"R2mean") && maps.contains(&"ses-01"), "{maps:?}");
    let rois = about["rois"].as_array().unwrap();
    assert!(
        rois.iter().any(|roi| roi["name"] == json!("FFA1") && roi["category"] == json!("face"))
    );
    assert_eq!(about["store"]["sessions"], json!([]));
    assert_eq!(about["store"]["command"], json!("build sub-03"));
    assert_eq!(about["stimuli"]["images"], json!(true));
    assert!(texts(&about["stimuli"]["embeddings"]).contains(&"CLIP"));
    served.build_store("sub-03");
    let stored = served.json("/api/subjects/sub-03")["store"]["sessions"].clone();
    assert_eq!(texts(&stored).len(), subject.sessions_with_betas().unwrap().len());

    let sizes = served.json("/api/subjects/sub-03/rois");
    for (size, roi) in sizes.as_array().unwrap().iter().zip(subject.roi_table().unwrap()) {
        let expected = json!({"name": roi.name, "category": roi.category, "voxels": roi.voxels});
        assert_eq!(*size, expected);
    }
}

#[test]
fn trials_are_those_of_all_tables() {
    let served = Served::with_images();
    let subject = served.dataset.subject("sub-01").unwrap();
    let expected = subject.subject_trials().unwrap();
    let got = served.json("/api/subjects/sub-01/trials");
    assert_eq!(got["rows"], json!(expected.len()));
    let (sessions, images) = (texts(&got["sessions"]), texts(&got["images"]));
    let datasets = texts(&got["datasets"]);
    let column = |name: &str| numbers(&got[name]);
    let (session, trial, image) = (column("session"), column("trial"), column("image"));
    let (repetition, dataset) = (column("repetition"), column("dataset"));
    let run = expected.columns().iter().position(|name| name == "run").unwrap();
    let captions = served.dataset.stimuli().captions().unwrap();
    let mut with_noun = 0;
    for (row, trial_) in expected.iter().enumerate() {
        assert_eq!(sessions[session[row]], trial_.session.as_str());
        assert_eq!(trial[row], trial_.session_trial.0);
        assert_eq!(images[image[row]], trial_.image_name);
        assert_eq!(repetition[row], trial_.repetition as usize);
        assert_eq!(datasets[dataset[row]], trial_.dataset.clone().unwrap_or_default());
        let shared = trial_.unique_or_shared.as_deref() == Some("shared");
        assert_eq!(got["shared"][row], json!(shared));
        assert_eq!(got["run"][row].to_string(), trial_.fields[run]);
        let text = &got["captions"][image[row]];
        let human = captions.human(&trial_.image_name, None);
        assert!(human.is_empty() || text.as_str().unwrap().starts_with(human[0]), "{text}");
        with_noun += usize::from(got["noun"][row].as_i64().unwrap() >= 0);
    }
    assert!(with_noun > 0);

    let split = served.json("/api/subjects/sub-01/splits/tau?pool=shared");
    let masks = load_split("tau", "shared").unwrap().masks(&images);
    let sides = numbers(&split["side"]);
    assert_eq!(texts(&split["sides"]), ["train", "test", "none"]);
    for (image, side) in sides.iter().enumerate() {
        assert_eq!((*side == 0, *side == 1), (masks.train[image], masks.test[image]));
    }
    let (error, _) = served.refused("/api/subjects/sub-01/splits/zebra", 400);
    assert!(error.contains("zebra"), "{error}");
}

#[test]
fn trials_are_listed_without_the_table_of_images() {
    let served = Served::new();
    std::fs::remove_file(served.bucket.path(&layout::stimulus_metadata())).unwrap();
    let got = served.json("/api/subjects/sub-01/trials");
    assert!(got["rows"].as_u64().unwrap() > 0);
    let shared = got["images"][0].as_str().unwrap().starts_with("shared");
    assert_eq!(got["shared"][0], json!(shared));
    assert_eq!(texts(&got["datasets"]), [""]);
}

#[test]
fn what_is_missing_is_a_sentence_with_what_brings_it() {
    let served = Served::new();
    for tree in ["derivatives/rois", "derivatives/anatomical/sub-03/ses-PrismaAnat"] {
        let _ = std::fs::remove_dir_all(served.bucket.root().join(tree));
    }
    let about = served.json("/api/subjects/sub-03");
    let absent = about["absent"].as_array().unwrap();
    assert!(absent.len() >= 2, "{about}");
    for entry in absent {
        assert!(!entry["what"].as_str().unwrap().is_empty());
        assert_eq!(entry["command"], json!("mend NotThere"), "{entry}");
    }
    assert_eq!(about["stimuli"]["images"], json!(false));
    assert!(about["stimuli"]["sentence"].as_str().unwrap().contains("images"));
    let (error, hint) = served.refused("/api/subjects/sub-99/trials", 404);
    assert!(error.contains("sub-99") && hint.is_some(), "{error}");
}

#[test]
fn a_selection_becomes_a_command() {
    let served = Served::new();
    let target = "/api/subjects/sub-01/command?roi=face%20-%20FFA1&sessions=ses-01,ses-02\
                  &split=tau&shared=true&zscore=true";
    let command = served.json(target)["command"].as_str().unwrap().to_owned();
    assert!(command.starts_with("sub-01 Some(\"face - FFA1\")"), "{command}");
    assert!(
        command.contains("(\"tau\", \"sub-01\")") && command.ends_with("Some(true) true false")
    );
    served.refused("/api/subjects/sub-01/command?roi=zebra", 400);
    served.refused("/api/subjects/sub-01/command?sessions=..", 404);
    served.refused("/api/subjects/sub-01/command?zscore=perhaps", 400);
}
