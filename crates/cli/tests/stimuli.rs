//! `image`, `embedding`, `segmentation`, `captions`, `stimuli`: one image, one trial, one question.

use std::fs;

use fixtures::bucket;
use laion_fmri::export::{f16, read_npy};
use laion_fmri::ndarray::{Array3, Axis, Ix2, Ix3};

use crate::{Ran, User};

const JPEG: &str = "shared_12rep_LAION_cluster_2677_i5.jpg";
const PNG: &str = "shared_4rep_OOD_shape_blob_round-01.png";

/// A user with a session and every stimulus file.
pub(crate) fn user() -> User {
    let user = User::with_session();
    for (key, _) in user.bucket.keys().iter().filter(|(key, _)| key.starts_with("stimuli/")) {
        let path = user.mirror().join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(user.bucket.path(key), path).unwrap();
    }
    bucket::write_gated(&user.mirror()).unwrap();
    user
}

/// For arguments that hold spaces.
fn run(user: &User, arguments: &[&str]) -> Ran {
    let mut command = user.command(arguments);
    command.env("LAION_FMRI_DATA", user.mirror());
    user.run_with(command)
}

fn pixels(path: &std::path::Path) -> Array3<u8> {
    read_npy::<u8>(path).unwrap().into_dimensionality::<Ix3>().unwrap()
}

#[test]
fn an_image_comes_as_displayed_as_stored_or_byte_for_byte() {
    let user = user();
    let ran = user.ok(&format!("image {PNG} -o shown.npy"));
    assert_eq!(ran.err, format!("{PNG}: 24 x 20, 3 channels -> shown.npy\n"));
    for ((y, x, channel), level) in pixels(&user.path("shown.npy")).indexed_iter() {
        assert!(level.abs_diff(bucket::displayed_pixel(PNG, y, x)[channel]) <= 1);
    }
    user.ok(&format!("image {PNG} --original -o stored.npy"));
    for ((y, x, channel), level) in pixels(&user.path("stored.npy")).indexed_iter() {
        assert_eq!(*level, bucket::image_pixel(PNG, y, x)[channel]);
    }
    user.ok(&format!("image {JPEG} --encoded -o stored.jpg"));
    assert_eq!(fs::read(user.path("stored.jpg")).unwrap(), bucket::encoded_image(JPEG).unwrap());
    assert_eq!(
        user.ok(&format!("image {JPEG} --encoded -o -")).stdout,
        bucket::encoded_image(JPEG).unwrap()
    );

    user.ok(&format!("image {PNG} -o shown.png"));
    let picture = fs::read(user.path("shown.png")).unwrap();
    assert_eq!(picture, user.ok(&format!("image {PNG} -o -")).stdout);
    let decoded = laion_fmri::stimuli::decode::decode(&picture).unwrap();
    assert_eq!(decoded, pixels(&user.path("shown.npy")));

    let trial = bucket::labels("sub-03", "ses-01").iter().position(|name| *name == JPEG).unwrap();
    let ran = user.ok(&format!("image --subject 03 --session 01 --trial {trial} -o trial.npy"));
    assert!(ran.err.starts_with(JPEG), "{}", ran.err);
    user.ok(&format!("image {JPEG} -o named.npy"));
    assert_eq!(pixels(&user.path("trial.npy")), pixels(&user.path("named.npy")));
}

#[test]
fn a_trial_is_one_of_a_session() {
    let user = user();
    user.ok("download --subject sub-03 --ses ses-01 ses-02");
    let message = user.fails("image --subject 03 --trial 1 -o x.npy", 2);
    assert!(message.contains("--session V names the session"), "{message}");
    let first = bucket::labels("sub-03", "ses-02")[0].to_owned();
    let ran = user.run("image --subject 03 --session 02 --trial 0 -o x.npy");
    let is_meant = ran.err.starts_with(&first) || ran.err.contains(&format!("{first:?}"));
    assert!(is_meant, "{}", ran.err);
    user.fails("image --subject 03 --session 02 --trial 99999 -o x.npy", 2);
}

#[test]
fn embeddings_come_by_name_by_trial_or_whole() {
    let user = user();
    let rows = |line: &str| {
        user.ok(&format!("embedding {line} -o rows.npy"));
        let rows = read_npy::<f16>(user.path("rows.npy")).unwrap();
        rows.into_dimensionality::<Ix2>().unwrap().mapv(f32::from)
    };
    let check = |line: &str, model: &str, names: &[&str]| {
        let rows = rows(line);
        assert_eq!(rows.nrows(), names.len(), "{line}");
        for (row, name) in rows.axis_iter(Axis(0)).zip(names) {
            assert_eq!(row.to_vec(), bucket::embedding(model, name), "{line}: {name}");
        }
    };
    check(&format!("--model SigLIP2 {PNG} {JPEG} {PNG}"), "SigLIP2", &[PNG, JPEG, PNG]);
    check("--model CLIP", "CLIP", &bucket::embedding_ids());
    let first = bucket::labels("sub-03", "ses-01");
    check("--model CLIP --subject 03 --session 01", "CLIP", &first);
    check("--model CLIP --subject 03", "CLIP", &first);
    let twice = [first.clone(), first].concat();
    check("--model PEcore --subject 03 --session ses-01 01", "PEcore", &twice);
    user.ok(&format!("embedding --model DINOv2 {JPEG} --float32 -o wide.npy"));
    let wide = read_npy::<f32>(user.path("wide.npy")).unwrap();
    assert_eq!(wide.into_raw_vec_and_offset().0, bucket::embedding("DINOv2", JPEG));
}

#[test]
fn a_segmentation_lists_objects_or_writes_a_mask() {
    let user = user();
    assert_eq!(user.ok(&format!("segmentation {JPEG}")).out, "dog\ncat\n");
    assert_eq!(user.ok(&format!("segmentation {JPEG} --all")).out, "dog\ncat\nsky\n");
    let ran = user.ok(&format!("segmentation {PNG}"));
    assert_eq!(
        (ran.out.as_str(), ran.err),
        ("", format!("note: {PNG} has no masks; only shared images have them\n"))
    );
    let row = bucket::MASKS.iter().find(|row| (row.noun, row.instance_id) == ("dog", 1)).unwrap();
    let ran = user.ok(&format!("segmentation {JPEG} dog --instance 1 -o dog.npy"));
    assert_eq!(ran.err, "dog 1: 72 pixels -> dog.npy\n");
    let mask = read_npy::<u8>(user.path("dog.npy")).unwrap().into_dimensionality::<Ix2>().unwrap();
    for ((y, x), pixel) in mask.indexed_iter() {
        assert_eq!(*pixel, bucket::mask_pixel(row.mask_row, y, x));
    }
    user.ok(&format!("segmentation {JPEG} dog --instance 1 -o dog.png"));
    let picture = laion_fmri::stimuli::decode::decode(&fs::read(user.path("dog.png")).unwrap());
    assert_eq!(picture.unwrap().index_axis(Axis(2), 0), mask.mapv(|pixel| pixel * 255));
    // A mask asked for by name is given, localized or not.
    user.ok(&format!("segmentation {JPEG} sky -o sky.npy"));
}

#[test]
fn captions_are_one_a_line() {
    let user = user();
    assert_eq!(user.ok(&format!("captions {JPEG}")).out, "None\n leading and trailing spaces \n");
    assert_eq!(user.ok(&format!("captions {JPEG} --source ai")).out, "None\n");
    let two_lines = bucket::CAPTIONS.iter().find(|row| row.caption.contains('\n')).unwrap();
    let name = two_lines.image_name.to_owned();
    let ran = run(&user, &["captions", &name]);
    assert_eq!(ran.out, "A bowl of fruit and vegetables\n");
    let ran = run(&user, &["captions", &name, "--json"]);
    let line: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(line["schema"], "laion-fmri.caption/1");
    assert_eq!(line["caption"], two_lines.caption);
    // A name without its extension is enough; one that no image has is an error.
    let stem = JPEG.strip_suffix(".jpg").unwrap();
    assert_eq!(user.ok(&format!("captions {stem}")).out, "None\n leading and trailing spaces \n");
    let message = user.fails(&format!("captions {stem}x.jpg"), 2);
    assert!(message.contains(&format!("the nearest name is {JPEG:?}")), "{message}");
    user.fails("captions unknown.jpg", 2);
}

#[test]
fn an_image_is_named_with_or_without_its_extension() {
    let user = user();
    let stem = JPEG.strip_suffix(".jpg").unwrap();
    for command in ["image NAME", "embedding --model CLIP NAME", "segmentation NAME dog"] {
        for (name, output) in [(JPEG, "whole.npy"), (stem, "stem.npy")] {
            user.ok(&format!("{} -o {output}", command.replace("NAME", name)));
        }
        let read = |name: &str| fs::read(user.path(name)).unwrap();
        assert!(read("whole.npy") == read("stem.npy"), "{command}");
    }
    assert_eq!(user.ok(&format!("segmentation {stem}")).out, "dog\ncat\n");
    // An image without masks is one; a name that no image has is an error everywhere.
    let note = format!("note: {PNG} has no masks; only shared images have them\n");
    let stem_of_png = PNG.strip_suffix(".png").unwrap();
    assert_eq!(user.ok(&format!("segmentation {stem_of_png}")).err, note);
    let wrong = format!("{stem}x.jpg");
    for command in [
        format!("image {wrong} -o x.npy"),
        format!("embedding --model CLIP {wrong} -o x.npy"),
        format!("segmentation {wrong}"),
        format!("segmentation {wrong} dog -o x.npy"),
        format!("captions {wrong}"),
    ] {
        let message = user.fails(&command, 2);
        assert!(message.contains("hint: the nearest name") && message.contains(JPEG), "{message}");
    }
    // Without the table of images nobody knows which names there are.
    fs::remove_file(user.mirror().join("stimuli/task-images_metadata.csv")).unwrap();
    user.ok(&format!("segmentation {wrong}"));
}

#[test]
fn stimuli_list_answers_questions_across_modalities() {
    let user = user();
    let ran = user.ok("stimuli list --noun dog --dataset NSD --reps 4");
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str()),
        ("shared_4rep_NSD_special100_10.jpg\n", "1 image\n")
    );
    let ran = user.ok("stimuli list --noun dog person --stimuli shared --json");
    let line: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(line["image_name"], "shared_4rep_NSD_special100_10.jpg");
    assert_eq!(line["n_reps"], "4rep");
    assert_eq!(user.ok("stimuli list").out.lines().count(), bucket::stimulus_rows().len());
    assert_eq!(user.ok("stimuli list --caption mitten").out, "unique_THINGS+_mitten_p04.jpg\n");
    let seen = user.ok("stimuli list --subject 03").out.lines().count();
    assert!(seen > 0 && seen < bucket::stimulus_rows().len());
    let ran = run(&user, &["stimuli", "list", "--caption", "zeppelin"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (3, "", "0 images\n"));
    let ran = run(&user, &["stimuli", "list", "--noun", "dogs"]);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.err, "error: no object is called \"dogs\" (did you mean dog?)\n");
    for (line, hint) in [
        ("stimuli list --noun zebra", "the objects of most images are dog, "),
        ("stimuli list --dataset nowhere", "the datasets are "),
        ("image nosuch -o x.png", "laion-fmri stimuli list\n"),
        ("embedding --model CLIP nosuch.jpg -o x.npy", "laion-fmri stimuli list\n"),
    ] {
        let err = user.fails(line, 2);
        assert!(err.contains(&format!("\nhint: {hint}")), "{line}: {err}");
    }
}

#[test]
fn files_that_are_missed_one_after_the_other_are_named_together() {
    let table = "laion-fmri download --prefix stimuli/task-images_metadata.csv";
    for (line, first) in [
        (format!("captions {JPEG}"), "laion-fmri download-captions"),
        ("stimuli list --noun dog".to_owned(), "laion-fmri download-segmentations"),
    ] {
        let user = User::with_session();
        let err = user.fails(&line, 3);
        assert!(err.ends_with(&format!("\nhint: {first} && {table}\n")), "{err}");
        for command in [first, table] {
            user.ok(command.strip_prefix("laion-fmri ").unwrap());
        }
        user.ok(&line);
    }
    let user = User::with_session();
    let err = user.fails("stimuli list", 3);
    assert!(err.ends_with(&format!("\nhint: {table}\n")), "{err}");
}

#[test]
fn what_does_not_exist_or_is_missing_has_its_status() {
    let user = user();
    let ran = run(&user, &["image", "shared_12rep_LAION_cluster_2677_i6.jpg", "-o", "x.npy"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains(&format!("hint: the nearest names are {JPEG}")), "{}", ran.err);
    for (line, code) in [
        ("image --subject 03 --trial 99999 -o x.npy", 2),
        ("image --trial 1 -o x.npy", 2),
        ("image --subject 03 -o x.npy", 2),
        (&format!("image {JPEG} -o x.tiff"), 2),
        (&format!("image {JPEG} --encoded --original -o x.jpg"), 2),
        (&format!("segmentation {JPEG} dog"), 2),
        (&format!("segmentation {JPEG} submarine -o x.npy"), 2),
        (&format!("segmentation {JPEG} dog --instance 9 -o x.npy"), 2),
        ("embedding --model VGG x.jpg -o x.npy", 2),
        ("embedding --model CLIP x.jpg -o x.npy", 2),
        ("embedding --model CLIP --subject 03 --session 29 -o x.npy", 3),
        ("captions x.jpg --source robot", 2),
    ] {
        let ran = user.run(line);
        assert_eq!(ran.code, code, "{line}: {}", ran.err);
        assert!(!user.path("x.npy").exists());
    }
    let images = user.mirror().join("stimuli/task-images_stimuli.h5");
    fs::write(&images, b"<html>").unwrap();
    assert_eq!(run(&user, &["image", JPEG, "-o", "x.npy"]).code, 4);
    fs::remove_file(&images).unwrap();
    let ran = run(&user, &["image", JPEG, "-o", "x.npy"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.ends_with("hint: laion-fmri download-stimuli\n"), "{}", ran.err);
}
