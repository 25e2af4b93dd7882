//! `--mask`: voxels that a user's file chooses, wherever voxels are chosen.

use laion_fmri::export::{read_arrays, read_npy, write_npy};
use laion_fmri::ndarray::{Array1, Array3};
use serde_json::Value;

use crate::User;

/// Files of the face areas in every form that is taken, with the whole brain as `brain.npy`.
fn masks(user: &User) -> Vec<&'static str> {
    user.ok("mask --subject 03 --roi face -o face.npy");
    user.ok("mask --subject 03 --roi face -o face.nii.gz");
    user.ok("mask --subject 03 --roi face -o face.nii");
    user.ok("mask --subject 03 -o brain.npy");
    let flags = read_npy::<bool>(user.path("face.npy")).unwrap();
    let brain = read_npy::<bool>(user.path("brain.npy")).unwrap();
    let ints: Array1<i64> = flags.iter().map(|flag| i64::from(*flag)).collect();
    write_npy(user.path("ints.npy"), &ints).unwrap();
    write_npy(user.path("bytes.npy"), &ints.mapv(|flag| flag as u8)).unwrap();
    let mut chosen = flags.iter();
    let grid: Array1<bool> =
        brain.iter().map(|inside| *inside && *chosen.next().unwrap()).collect();
    write_npy(user.path("grid.npy"), &grid).unwrap();
    let shape = laion_fmri::nifti_stream::fs::read_header(user.path("face.nii")).unwrap();
    let shape: Vec<usize> = shape.shape().iter().map(|n| *n as usize).collect();
    let volume = Array3::from_shape_vec((shape[0], shape[1], shape[2]), grid.to_vec()).unwrap();
    write_npy(user.path("volume.npy"), &volume).unwrap();
    vec!["face.npy", "face.nii.gz", "face.nii", "ints.npy", "bytes.npy", "grid.npy", "volume.npy"]
}

#[test]
fn every_form_of_a_mask_chooses_the_same_voxels() {
    let user = User::with_session();
    let forms = masks(&user);
    user.ok("betas --subject 03 --session 01 --roi face -o expected.npy");
    let expected = std::fs::read(user.path("expected.npy")).unwrap();
    for mask in &forms {
        user.ok(&format!("betas --subject 03 --session 01 --mask {mask} -o got.npy"));
        assert_eq!(std::fs::read(user.path("got.npy")).unwrap(), expected, "{mask}");
    }
    // What `mask` writes without ROIs is what `--mask` takes.
    user.ok("betas --subject 03 --session 01 -o brain-betas.npy");
    user.ok("betas --subject 03 --session 01 --mask brain.npy -o got.npy");
    let brain = std::fs::read(user.path("brain-betas.npy")).unwrap();
    assert_eq!(std::fs::read(user.path("got.npy")).unwrap(), brain);
    for command in ["coordinates --subject 03", "noise-ceiling --subject 03 --session 01"] {
        user.ok(&format!("{command} --roi face -o expected.npy"));
        user.ok(&format!("{command} --mask face.nii.gz -o got.npy"));
        let read = |name: &str| std::fs::read(user.path(name)).unwrap();
        assert_eq!(read("got.npy"), read("expected.npy"), "{command}");
    }
}

#[test]
fn a_map_is_no_mask() {
    let user = User::with_session();
    user.ok("coordinates --subject 03 --roi face -o xyz.npy");
    let n = read_npy::<f64>(user.path("xyz.npy")).unwrap().shape()[0];
    let z: Array1<f32> = (0..n).map(|it| it as f32 * 0.25 - 1.0).collect();
    write_npy(user.path("z.npy"), &z).unwrap();
    user.ok("to-nifti --subject 03 z.npy --roi face -o z.nii.gz");
    let message = user.fails("betas --subject 03 --session 01 --mask z.nii.gz -o got.npy", 2);
    assert!(message.contains("a map becomes a mask by a threshold, got -1"), "{message}");
    // Ones as floating-point numbers are flags.
    write_npy(user.path("ones.npy"), &z.mapv(|_| 1.0_f32)).unwrap();
    user.ok("to-nifti --subject 03 ones.npy --roi face -o ones.nii.gz");
    user.ok("betas --subject 03 --session 01 --mask ones.nii.gz -o got.npy");
}

#[test]
fn an_extraction_with_a_mask_needs_the_file_only_once() {
    let user = User::with_session();
    masks(&user);
    let choice = "--subject 03 --session 01 --zscore session";
    user.ok(&format!("extract {choice} --roi face -o roi.npz"));
    user.ok(&format!("extract {choice} --mask face.nii.gz -o own.npz"));
    let betas = |name: &str| {
        read_arrays(user.path(name)).unwrap().array::<f32>("betas").unwrap().to_owned()
    };
    assert_eq!(betas("own.npz").shape(), betas("roi.npz").shape());
    let bits = |name: &str| betas(name).iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
    assert!(bits("own.npz") == bits("roi.npz"));
    let recipe: Value = serde_json::from_str(&user.ok("recipe show own.npz --json").out).unwrap();
    let mask = &recipe["conventions"]["mask"];
    assert_eq!((&recipe["recipe"], &mask["file"]), (&2.into(), &"face.nii.gz".into()));
    assert_eq!(mask["sha256"].as_str().unwrap().len(), 64);
    let methods = user.ok("recipe methods own.npz").out;
    assert!(methods.contains("chosen by the file face.nii.gz"), "{methods}");
    // On a cluster as in one process, and again without the file.
    let plan = user.ok(&format!("plan {choice} --mask face.nii.gz -o many.npz"));
    std::fs::write(user.path("plan.jsonl"), plan.stdout).unwrap();
    std::fs::remove_file(user.path("face.nii.gz")).unwrap();
    user.ok("run plan.jsonl");
    user.ok("merge plan.jsonl");
    let bytes = |name: &str| std::fs::read(user.path(name)).unwrap();
    assert!(bytes("many.npz") == bytes("own.npz"));
    let ran = user.ok("reproduce own.npz -o again.npz");
    assert!(ran.err.contains("identical to the recorded digest"), "{}", ran.err);
    assert!(bytes("again.npz") == bytes("own.npz"));
}

#[test]
fn voxels_outside_the_brain_are_left_out_aloud() {
    let user = User::with_session();
    masks(&user);
    let brain = read_npy::<bool>(user.path("brain.npy")).unwrap();
    write_npy(user.path("all.npy"), &Array1::from_elem(brain.len(), 1_u8)).unwrap();
    let outside = brain.iter().filter(|inside| !**inside).count();
    let ran = user.ok("betas --subject 03 --session 01 --mask all.npy -o b.npy");
    let expected =
        format!("note: {outside} voxels of all.npy are outside the anatomical brain mask");
    assert!(ran.err.contains(&expected), "{}", ran.err);
}

#[test]
fn what_is_no_mask_of_the_subject_is_refused() {
    let user = User::with_session();
    masks(&user);
    write_npy(user.path("short.npy"), &Array1::from_elem(5, true)).unwrap();
    let flags = read_npy::<bool>(user.path("face.npy")).unwrap();
    let twos: Array1<i32> = flags.iter().map(|flag| 2 * i32::from(*flag)).collect();
    write_npy(user.path("twos.npy"), &twos).unwrap();
    write_npy(user.path("floats.npy"), &twos.mapv(f64::from)).unwrap();
    std::fs::write(user.path("mask.txt"), "1 0 1").unwrap();
    for (mask, words) in [
        ("short.npy", "the mask has 5 values, the anatomical brain mask "),
        ("twos.npy", "integers 0 and 1"),
        ("floats.npy", "bool, or of integers 0 and 1"),
        ("mask.txt", ".npy, .nii or .nii.gz"),
    ] {
        for command in ["betas --subject 03 --session 01", "extract --subject 03 --session 01"] {
            let message = user.fails(&format!("{command} --mask {mask} -o x.npz"), 2);
            assert!(message.contains(words), "{message}");
        }
    }
    user.fails("extract --subject 03 --mask face.npy --roi face -o x.npz", 2);
    user.ok("download --subject sub-01 --ses ses-01");
    let several = "extract --subject 01 03 --session 01 --average image --mask face.npy -o x.npz";
    let message = user.fails(several, 2);
    assert!(message.contains("one subject"), "{message}");
    // One mask for each subject, by its name.
    user.ok("mask --subject 03 --roi face -o sub-03.npy");
    user.ok("mask --subject 01 --roi face -o sub-01.npy");
    user.ok("extract --subject 01 03 --session 01 --mask {subject}.npy -o each/");
    assert_eq!(crate::names(&user.path("each"))[..1], ["sub-01.npz"]);
}
