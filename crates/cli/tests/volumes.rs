//! `to-nifti` and maps as volumes: one row is a volume, several are those of a 4-D file.

use laion_fmri::export::{read_npy, write_npy};
use laion_fmri::ndarray::{Array1, Array2, Ix2};
use laion_fmri::nifti_stream::fs::{VolumeFile, read_header, read_volume};
use laion_fmri::nifti_stream::{Datatype, RowSelection, VoxelSelection};
use laion_fmri::{Dataset, MaskSource};

use crate::User;

#[test]
fn rows_become_the_volumes_of_one_file() {
    let user = User::with_session();
    user.ok("betas --subject 03 --session 01 --roi face --trials 7,1,4 -o b.npy");
    let ran = user.ok("to-nifti --subject 03 b.npy --roi face -o b.nii.gz");
    let betas = read_npy::<f32>(user.path("b.npy")).unwrap().into_dimensionality::<Ix2>().unwrap();
    let n_voxels = betas.ncols();
    assert_eq!(ran.err, format!("3 volumes of {n_voxels} voxels -> b.nii.gz\n"));
    let header = read_header(user.path("b.nii.gz")).unwrap();
    assert_eq!((header.shape().len(), header.shape()[3]), (4, 3));
    assert_eq!(header.datatype(), Datatype::F32);
    let subject = Dataset::open(user.mirror()).unwrap().subject("sub-03").unwrap();
    let face = subject.roi_mask("face", MaskSource::Anatomical).unwrap();
    let shape = face.brain().grid().shape();
    let selection = VoxelSelection::new(shape, face.indices().to_vec()).unwrap();
    let mut got = Array2::zeros((3, n_voxels));
    let file = VolumeFile::open(user.path("b.nii.gz")).unwrap();
    file.read_rows(&selection, &RowSelection::All, got.view_mut()).unwrap();
    let bits = |array: &Array2<f32>| array.iter().map(|it| it.to_bits()).collect::<Vec<u32>>();
    assert_eq!(bits(&got), bits(&betas));
    // One row with one axis is a 3-D file, as before.
    write_npy(user.path("one.npy"), betas.row(1)).unwrap();
    user.ok("to-nifti --subject 03 one.npy --roi face -o one.nii");
    assert_eq!(read_header(user.path("one.nii")).unwrap().shape().len(), 3);
}

#[test]
fn values_that_single_precision_changes_stay_doubles() {
    let user = User::with_session();
    let n = Dataset::open(user.mirror()).unwrap().subject("03").unwrap();
    let n = n.roi_mask("face", MaskSource::Anatomical).unwrap().n_voxels();
    let write = |values: Array1<f64>| {
        write_npy(user.path("values.npy"), &values).unwrap();
        user.ok("to-nifti --subject 03 values.npy --roi face -o values.nii")
    };
    let datatype = || read_header(user.path("values.nii")).unwrap().datatype();
    for extreme in [1e-60, -1e39] {
        let mut values = Array1::from_elem(n, 0.5);
        values[3] = extreme;
        let ran = write(values);
        assert!(ran.err.contains("written as float64"), "{}", ran.err);
        assert_eq!(datatype(), Datatype::F64);
    }
    let mut plain = Array1::from_elem(n, 0.1);
    (plain[0], plain[1], plain[2]) = (f64::NAN, f64::INFINITY, 0.0);
    let ran = write(plain);
    assert!(!ran.err.contains("float64"), "{}", ran.err);
    assert_eq!(datatype(), Datatype::F32);
    // Labels are values too.
    write_npy(user.path("labels.npy"), &Array1::from_iter(0..n as i64)).unwrap();
    user.ok("to-nifti --subject 03 labels.npy --roi face -o labels.nii");
    let volume = read_volume(user.path("labels.nii")).unwrap();
    assert_eq!(volume.data().iter().copied().fold(0.0, f32::max), (n - 1) as f32);
    let big = Array1::from_elem(n, 16_777_217_i64);
    write_npy(user.path("labels.npy"), &big).unwrap();
    let ran = user.ok("to-nifti --subject 03 labels.npy --roi face -o labels.nii");
    assert!(ran.err.contains("float64"), "{}", ran.err);
}

#[test]
fn noise_ceilings_are_written_as_volumes() {
    let user = User::with_session();
    let map = "noise-ceiling --subject 03 --session 01 --roi face";
    user.ok(&format!("{map} -o nc.npy"));
    user.ok("to-nifti --subject 03 nc.npy --roi face -o expected.nii.gz");
    let ran = user.ok(&format!("{map} -o nc.nii.gz"));
    assert!(ran.err.ends_with(" -> nc.nii.gz\n"), "{}", ran.err);
    let read = |name: &str| std::fs::read(user.path(name)).unwrap();
    assert_eq!(read("nc.nii.gz"), read("expected.nii.gz"));
    user.ok("download --subject sub-03 --ses averages");
    let both = "--desc Noiseceiling12rep Noiseceiling4rep";
    user.ok(&format!("noise-ceiling --subject 03 {both} --roi face -o both.nii"));
    assert_eq!(read_header(user.path("both.nii")).unwrap().shape()[3], 2);
}

#[test]
fn what_does_not_fit_is_refused() {
    let user = User::with_session();
    write_npy(user.path("cube.npy"), &laion_fmri::ndarray::Array3::<f32>::zeros((2, 3, 4)))
        .unwrap();
    let message = user.fails("to-nifti --subject 03 cube.npy -o x.nii", 2);
    assert!(message.contains("shape [2, 3, 4]"), "{message}");
    write_npy(user.path("short.npy"), &Array2::<f32>::zeros((2, 3))).unwrap();
    user.fails("to-nifti --subject 03 short.npy -o x.nii", 2);
    assert!(!user.path("x.nii").exists());
}

#[test]
fn values_may_stand_behind_the_rois() {
    let user = User::with_session();
    user.ok("noise-ceiling --subject 03 --session 01 --roi FFA1 -o nc.npy");
    user.ok("to-nifti --subject 03 nc.npy --roi FFA1 -o one.nii");
    user.ok("to-nifti --subject 03 --roi FFA1 nc.npy -o other.nii");
    let bytes = |name: &str| std::fs::read(user.path(name)).unwrap();
    assert!(bytes("one.nii") == bytes("other.nii"));
    let message = user.fails("to-nifti --subject 03 --roi FFA1 -o x.nii", 2);
    assert!(message.contains("to-nifti --subject 03 VALUES.npy --roi FFA1 -o x.nii"), "{message}");
    user.ok("extract --subject 03 --session 01 --roi FFA1 -o z.npz");
    let message = user.fails("to-nifti --subject 03 z.npz --roi FFA1 -o x.nii", 2);
    assert!(message.contains("z.npz is an archive of arrays"), "{message}");
}

#[test]
fn voxels_above_a_threshold_go_back_to_the_brain() {
    let user = User::with_session();
    user.ok("noise-ceiling --subject 03 --session 01 --roi face -o nc.npy");
    let ceilings = laion_fmri::export::read_npy::<f32>(user.path("nc.npy")).unwrap();
    let mut known: Vec<f32> = ceilings.iter().copied().filter(|it| !it.is_nan()).collect();
    known.sort_by(f32::total_cmp);
    let threshold = known[known.len() / 2];
    let expected = known.iter().filter(|it| **it >= threshold).count();
    let choice = format!("--subject 03 --roi face --nc-threshold {threshold} --session 01");
    user.ok(&format!("betas {choice} -o betas.npy"));
    let betas = laion_fmri::export::read_npy::<f32>(user.path("betas.npy")).unwrap();
    assert_eq!(betas.shape()[1], expected);
    user.ok(&format!("to-nifti {choice} betas.npy -o betas.nii.gz"));
    user.ok(&format!("mask {choice} -o mask.npy"));
    let mask = laion_fmri::export::read_npy::<bool>(user.path("mask.npy")).unwrap();
    assert_eq!(mask.iter().filter(|it| **it).count(), expected);
    user.ok(&format!("coordinates {choice} -o xyz.npy"));
    let xyz = laion_fmri::export::read_npy::<f64>(user.path("xyz.npy")).unwrap();
    assert_eq!(xyz.shape(), [expected, 3]);
    let message = user.fails("mask --subject 03 --nc-threshold 20 -o mask.npy", 2);
    assert!(message.contains("--nc-desc"), "{message}");
}

#[test]
fn betas_say_how_many_voxels_have_nan() {
    let user = User::with_session();
    for output in ["x.npy", "x.npz"] {
        let ran = user.ok(&format!("betas --subject 03 --session 01 -o {output}"));
        let betas = match output {
            "x.npy" => laion_fmri::export::read_npy::<f32>(user.path(output)).unwrap(),
            _ => {
                let mut file = laion_fmri::export::read_npz(user.path(output)).unwrap();
                file.array::<f32>("ses-01").unwrap()
            }
        };
        let columns = betas.axis_iter(laion_fmri::ndarray::Axis(1));
        let nan = columns.filter(|column| column.iter().any(|it| it.is_nan())).count();
        assert!(nan > 0);
        assert!(ran.err.contains(&format!(", NaN in {nan} voxels -> {output}")), "{}", ran.err);
    }
}

#[test]
fn every_long_command_tells_programs_how_far_it_is() {
    let user = User::with_session();
    let last = |line: &str| {
        let ran = user.ok(&format!("{line} --progress json"));
        let objects = ran.err.lines().filter_map(|it| serde_json::from_str(it).ok());
        let mut told = objects.filter(|it: &serde_json::Value| it["event"] == "progress");
        told.next_back().unwrap_or_else(|| panic!("{line}: {}", ran.err))
    };
    for line in [
        "betas --subject 03 --session 01 --roi face -o b.npy",
        "nc compute --subject sub-03 --session ses-01 -o nc.nii.gz",
        "store build --subject sub-03 --session ses-01",
    ] {
        let told = last(line);
        let session = &told["sessions"][0];
        assert_eq!(
            (&session["subject"], &session["session"]),
            (&"sub-03".into(), &"ses-01".into())
        );
        assert!(session["volumes"].as_u64().unwrap() > 0, "{line}: {told}");
        assert_eq!(session["volumes"], session["total_volumes"], "{line}");
    }
    for line in [
        "extract --subject 03 --session 01 --roi face -o rows.npz",
        "to-nifti --subject 03 b.npy --roi face -o b.nii.gz",
    ] {
        let told = last(line);
        assert!(told["rows"].as_u64().unwrap() > 0, "{line}: {told}");
        assert_eq!(told["rows"], told["total_rows"], "{line}");
    }
    // Whoever wants nothing gets nothing.
    let ran = user.ok("to-nifti --subject 03 b.npy --roi face -o c.nii.gz --progress none");
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
}
