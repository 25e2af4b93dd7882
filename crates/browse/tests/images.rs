//! Images: what is known of them, their bytes, masks and neighbours.

use fixtures::bucket::{embedding, encoded_image};
use laion_fmri::stimuli::decode::decode;
use serde_json::json;

use crate::client::Served;

const IMAGE: &str = "shared_12rep_LAION_cluster_1003_i0.jpg";

#[test]
fn an_image_is_described_with_who_saw_it() {
    let served = Served::with_images();
    let got = served.json(&format!("/api/images/{IMAGE}"));
    assert_eq!((&got["name"], &got["shared"]), (&json!(IMAGE), &json!(true)));
    assert_eq!((&got["dataset"], &got["pixels"]), (&json!("LAION-natural"), &json!(true)));
    let stimuli = served.dataset.stimuli();
    assert_eq!(got["captions"], json!(stimuli.captions().unwrap().list(IMAGE, None)));
    assert!(got["notice"].as_str().unwrap().contains("agreement"));
    for entry in got["subjects"].as_array().unwrap() {
        let id = entry["id"].as_str().unwrap();
        let trials = served.dataset.subject(id).unwrap().subject_trials().unwrap();
        let rows: Vec<usize> =
            (0..).zip(&trials).filter(|(_, it)| it.image_name == IMAGE).map(|it| it.0).collect();
        assert_eq!(entry["rows"], json!(rows), "{id}");
    }
    assert!(got["subjects"].as_array().unwrap().len() > 1);
    let (error, _) = served.refused("/api/images/zebra.jpg", 404);
    assert!(error.contains("zebra.jpg"), "{error}");
}

#[test]
fn pixels_are_the_bytes_as_stored() {
    let served = Served::with_images();
    for name in served.dataset.stimuli().metadata().unwrap().names() {
        let reply = served.get(&format!("/api/images/{}/pixels", name.replace(' ', "%20")));
        assert_eq!(reply.status, 200, "{name}: {}", reply.text());
        assert_eq!(reply.body, encoded_image(name).unwrap(), "{name}");
        assert_eq!(reply.header("cache-control"), "no-store");
        let is_png = reply.body.starts_with(b"\x89PNG");
        assert_eq!(reply.header("content-type"), if is_png { "image/png" } else { "image/jpeg" });
    }
}

#[test]
fn without_access_the_images_are_a_sentence() {
    let served = Served::new();
    let got = served.json(&format!("/api/images/{IMAGE}"));
    assert_eq!((&got["pixels"], &got["command"]), (&json!(false), &json!("mend NotThere")));
    assert!(got["sentence"].as_str().unwrap().contains("images"), "{got}");
    let (error, hint) = served.refused(&format!("/api/images/{IMAGE}/pixels"), 404);
    assert!(error.contains("images") && hint.is_some(), "{error}");
    let nearest = format!("/api/images/{IMAGE}/nearest?model=CLIP&subject=sub-01");
    assert_eq!(served.json(&nearest).as_array().unwrap().len(), 12, "embeddings need no access");
}

#[test]
fn files_about_the_images_that_are_not_there_are_said() {
    // A server of its own: a file that is open can be read after it was removed.
    let there = Served::with_images();
    let image = there.dataset.stimuli().segmentations().unwrap().images()[0].clone();
    let target = format!("/api/images/{image}");
    assert_eq!(there.json(&target)["masks_absent"], json!(null));
    let served = Served::with_images();
    let before = served.json("/api/subjects/sub-01");
    assert_eq!(before["stimuli"]["embeddings_absent"], json!(null));
    let folder = served.bucket.root().join("stimuli");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with("_embeddings.h5") || name.ends_with("-segmentations.h5") {
            std::fs::remove_file(&path).unwrap();
        }
    }
    let got = served.json(&target);
    assert!(!got["masks"].as_array().unwrap().is_empty(), "{got}");
    assert_eq!(got["masks_absent"]["command"], json!("mend NotThere"));
    let about = served.json("/api/subjects/sub-01");
    assert_ne!(about["state"], before["state"], "what the page looks at to see that files changed");
    let absent = &about["stimuli"]["embeddings_absent"];
    assert_eq!(absent["command"], json!("mend NotThere"));
    assert!(about["stimuli"]["absent"].as_array().unwrap().contains(absent), "{about}");
}

#[test]
fn masks_are_pictures_with_opacity() {
    let served = Served::with_images();
    let segmentations = served.dataset.stimuli().segmentations().unwrap();
    let name = segmentations.images()[0].clone();
    let rows: Vec<_> = segmentations.for_image(&name).cloned().collect();
    let listed = served.json(&format!("/api/images/{name}"));
    assert_eq!(listed["masks"].as_array().unwrap().len(), rows.len());
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(listed["masks"][index]["label"], json!(row.noun));
        let png = served.bytes(&format!("/api/images/{name}/masks/{index}.png"));
        assert!(png.starts_with(b"\x89PNG"));
        // Displayed on grey: white is the object.
        let shown = decode(&png).unwrap();
        let mask = segmentations.mask(row.mask_row).unwrap();
        for ((y, x), set) in mask.indexed_iter() {
            assert_eq!(shown[[y, x, 0]] == 255, *set != 0, "{index} {y} {x}");
        }
    }
    served.refused(&format!("/api/images/{name}/masks/99.png"), 404);
    served.refused(&format!("/api/images/{name}/masks/x.png"), 400);
}

#[test]
fn neighbours_are_ranked_by_the_cosine() {
    let served = Served::with_images();
    let trials = served.dataset.subject("sub-01").unwrap().subject_trials().unwrap();
    let mut names: Vec<&str> = trials.iter().map(|trial| trial.image_name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let cosine = |name: &str| {
        let (a, b) = (embedding("CLIP", IMAGE), embedding("CLIP", name));
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
    };
    let mut expected: Vec<f64> =
        names.iter().filter(|name| **name != IMAGE).map(|name| cosine(name)).collect();
    expected.sort_by(|a, b| b.total_cmp(a));
    let target = format!("/api/images/{IMAGE}/nearest?model=CLIP&subject=sub-01&count=5");
    for _ in 0..2 {
        let got = served.json(&target);
        let got = got.as_array().unwrap();
        assert_eq!(got.len(), 5);
        for (entry, expected) in got.iter().zip(&expected) {
            let (name, near) =
                (entry["name"].as_str().unwrap(), entry["similarity"].as_f64().unwrap());
            assert!(
                (near - expected).abs() < 1e-5 && (cosine(name) - near).abs() < 1e-5,
                "{entry}"
            );
        }
    }
    served.refused(&format!("/api/images/{IMAGE}/nearest?model=zebra&subject=sub-01"), 400);
    served.refused(&format!("/api/images/{IMAGE}/nearest?model=CLIP&subject=.."), 404);
    served.refused("/api/images/zebra.jpg/nearest?model=CLIP&subject=sub-01", 404);
}
