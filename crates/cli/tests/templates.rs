//! `to-template`, and maps and ROIs in other spaces.

use std::path::Path;

use laion_fmri::export::{read_npy, write_npy};
use laion_fmri::ndarray::{Array1, Array2};
use laion_fmri::nifti_stream::fs::{read_header, read_volume};
use laion_fmri::surface::fs::read_gifti;
use laion_fmri::template::{SurfaceSpace, TemplateOptions};
use laion_fmri::{Dataset, Hemi, Hemisphere, NoiseCeiling, Voxels};

use crate::{User, names};

/// A user with a session, the FreeSurfer folder of the subject, and values of the whole brain.
fn user() -> (User, Vec<f32>) {
    let user = User::with_session();
    user.ok("download --prefix derivatives/freesurfer/sub-03/");
    user.ok("noise-ceiling --subject 03 --session 01 -o nc.npy");
    let values = read_npy::<f32>(user.path("nc.npy")).unwrap();
    (user, values.into_iter().collect())
}

/// What the library makes of a row on a hemisphere of the subject.
fn expected(mirror: &Path, values: &[f32], hemisphere: Hemisphere) -> Vec<f32> {
    let subject = Dataset::open(mirror).unwrap().subject("sub-03").unwrap();
    let options = TemplateOptions::default();
    let space = SurfaceSpace::Fsnative;
    let projection = subject.projection(&Voxels::all(), space, hemisphere, &options).unwrap();
    projection.project_row(values).unwrap()
}

#[test]
fn values_go_to_the_subjects_own_surface() {
    let (user, values) = user();
    let left = expected(&user.mirror(), &values, Hemisphere::Left);
    let ran = user.ok("to-template --subject 03 nc.npy --target fsnative --hemi L -o l.npy");
    assert_eq!(ran.err, "L: 62 vertices -> l.npy\n");
    let npy: Vec<f32> = read_npy(user.path("l.npy")).unwrap().into_iter().collect();
    assert_eq!(npy, left);
    user.ok("to-template --subject 03 nc.npy --target fsnative --hemi L -o l.func.gii");
    let gifti = std::fs::read_to_string(user.path("l.func.gii")).unwrap();
    for part in ["<Value>CortexLeft</Value>", "<Value>fsnative</Value>"] {
        assert!(gifti.contains(part), "{gifti}");
    }
    assert_eq!(read_gifti(user.path("l.func.gii")).unwrap().first().unwrap().to_f32(), left);
    let ran = user.ok("to-template --subject 03 nc.npy --target fsnative -o both.npz --json");
    assert!(ran.out.contains(r#""hemi":"R","vertices":55,"outside":0"#), "{}", ran.out);
    // The option has one meaning under both of its names.
    user.ok("to-template --subject 03 nc.npy --space fsnative --hemi L -o same.npy");
    let read = |name: &str| std::fs::read(user.path(name)).unwrap();
    assert_eq!(read("same.npy"), read("l.npy"));
    user.ok("noise-ceiling --subject 03 --session 01 --target fsnative --hemi L -o ceiling.npy");
    assert_eq!(read("ceiling.npy"), read("l.npy"));
    user.ok("roi --subject 03 FFA1 --target fsnative --hemi L -o roi.npz");
    // Names of the dataset, in a folder that is made.
    user.ok("to-template --subject 03 nc.npy --target fsnative --ses 01 --desc Ceiling -o maps/");
    let name =
        |side| format!("sub-03_ses-01_space-fsnative_hemi-{side}_desc-Ceiling_statmap.func.gii");
    assert_eq!(names(&user.path("maps")), [name("L"), name("R")]);
    // On standard output.
    let ran = user.ok("to-template --subject 03 nc.npy --target fsnative --hemi L -o -");
    assert_eq!(ran.stdout, std::fs::read(user.path("l.npy")).unwrap());
}

#[test]
fn rows_go_together() {
    let (user, values) = user();
    let rows = Array2::from_shape_fn((37, values.len()), |(row, voxel)| {
        values[voxel] * (row as f32 + 1.0)
    });
    write_npy(user.path("rows.npy"), &rows).unwrap();
    let ran = user.ok("to-template --subject 03 rows.npy --target fsnative --hemi R -o r.npy");
    assert_eq!(ran.err, "R: 37 rows of 55 vertices -> r.npy\n");
    let got = read_npy::<f32>(user.path("r.npy")).unwrap();
    assert_eq!(got.shape(), [37, 55]);
    for (row, got) in got.outer_iter().enumerate() {
        let row: Vec<f32> = rows.row(row).to_vec();
        let expected = expected(&user.mirror(), &row, Hemisphere::Right);
        assert_eq!(got.iter().copied().collect::<Vec<_>>(), expected);
    }
    user.ok("to-template --subject 03 rows.npy --target fsnative --hemi R -o r.func.gii");
    assert_eq!(read_gifti(user.path("r.func.gii")).unwrap().arrays().len(), 37);
    user.ok("to-template --subject 03 rows.npy --target MNI305 -o m.nii.gz");
    assert_eq!(read_header(user.path("m.nii.gz")).unwrap().shape(), [44, 48, 40, 37]);
    // Every hemisphere takes all rows.
    for (target, n_rows) in [("fsnative -o both.npz", 74), ("MNI305 -o m.nii.gz", 37)] {
        let line = format!("to-template --subject 03 rows.npy --target {target}");
        let ran = user.ok(&format!("{line} --progress json"));
        let objects = ran.err.lines().filter_map(|it| serde_json::from_str(it).ok());
        let mut told = objects.filter(|it: &serde_json::Value| it["event"] == "progress");
        let last = told.next_back().unwrap_or_else(|| panic!("{line}: {}", ran.err));
        let expected = serde_json::Value::from(n_rows);
        assert_eq!((&last["rows"], &last["total_rows"]), (&expected, &expected), "{line}");
    }
}

#[test]
fn fsaverage_is_found_where_it_is_said_to_be() {
    let (user, values) = user();
    let line = "to-template --subject 03 nc.npy --target fsaverage --hemi L -o a.npy";
    let err = user.fails(line, 3);
    assert!(
        err.contains("there is no sphere of fsaverage5 for hemisphere L")
            && err.contains("hint: name a folder with fsaverage5/surf/lh.sphere.reg")
            && err.ends_with(
                "templateflow.api.get(\"fsaverage\", density=\"10k\", suffix=\"sphere\")\n"
            ),
        "{err}"
    );
    fixtures::bucket::write_fsaverage(&user.path("subjects")).unwrap();
    let ran = user.ok(&format!("{line} --fsaverage subjects"));
    assert_eq!(ran.err, "L: 10242 vertices -> a.npy\n");
    let given = std::fs::read(user.path("a.npy")).unwrap();
    // As FreeSurfer sets it.
    std::fs::remove_file(user.path("a.npy")).unwrap();
    let mut command = user.command(&line.split(' ').collect::<Vec<_>>());
    command.env("LAION_FMRI_DATA", user.mirror()).env("SUBJECTS_DIR", user.path("subjects"));
    user.run_with(command).ok(line);
    assert_eq!(std::fs::read(user.path("a.npy")).unwrap(), given);
    let map: Vec<f32> = read_npy(user.path("a.npy")).unwrap().into_iter().collect();
    let native = expected(&user.mirror(), &values, Hemisphere::Left);
    let largest = |values: &[f32]| values.iter().copied().fold(0.0, f32::max);
    assert!(0.0 < largest(&map) && largest(&map) <= largest(&native) * 1.0001);
    let err = user.fails(&format!("{line} --fsaverage subjects --density 164k"), 3);
    assert!(err.contains("there is no sphere of fsaverage for"), "{err}");
}

#[test]
fn maps_and_regions_take_the_same_way() {
    let (user, values) = user();
    user.ok("noise-ceiling --subject 03 --session 01 --space fsnative --hemi L -o nc_l.npy");
    let map: Vec<f32> = read_npy(user.path("nc_l.npy")).unwrap().into_iter().collect();
    assert_eq!(map, expected(&user.mirror(), &values, Hemisphere::Left));
    user.ok("noise-ceiling --subject 03 --session 01 --space MNI305 -o nc/");
    let name = "sub-03_ses-01_space-MNI305_desc-Noiseceiling_statmap.nii.gz";
    assert_eq!(names(&user.path("nc")), [name]);
    let volume = read_volume(user.path("nc").join(name)).unwrap();
    let subject = Dataset::open(user.mirror()).unwrap().subject("sub-03").unwrap();
    let options = TemplateOptions::default();
    let projection = subject.volume_projection(&Voxels::all(), &options).unwrap();
    assert_eq!(volume.data(), projection.project_row(&values).unwrap());
    user.ok("roi --subject 03 FFA1 --space fsnative --hemi L -o roi.npz");
    let left = options.hemi(Hemi::Left);
    let rois = subject.roi_vertices("FFA1", SurfaceSpace::Fsnative, &left).unwrap();
    let expected = &rois["FFA1"][&Hemisphere::Left];
    assert!(expected.contains(&true));
    let mut arrays = laion_fmri::export::read_npz(user.path("roi.npz")).unwrap();
    assert_eq!(arrays.names().unwrap(), ["hemi-L/func.gii"]);
    let flags = arrays.array::<bool>("hemi-L/func.gii").unwrap();
    assert_eq!(flags.as_slice().unwrap(), expected);
    user.ok("roi --subject 03 FFA1 OFA --space MNI305 -o rois.nii.gz");
    assert_eq!(read_header(user.path("rois.nii.gz")).unwrap().shape(), [44, 48, 40, 2]);
    let ceiling = NoiseCeiling::session("01").unwrap();
    let ceiling = subject.noise_ceiling(&ceiling, &Voxels::all()).unwrap();
    assert!(ceiling.iter().map(|it| it.to_bits()).eq(values.iter().map(|it| it.to_bits())));
}

#[test]
fn wrong_use_is_refused_before_anything_is_read() {
    let user = User::new();
    for (line, message) in [
        (
            "to-template --subject 03 nc.npy --target fsnative -o x.npy",
            "x.npy holds one hemisphere, and both are asked for",
        ),
        (
            "to-template --subject 03 nc.npy --target fsnative -o x.nii.gz",
            "unsupported output x.nii.gz: use .npz, .npy, .func.gii or DIR/",
        ),
        (
            "to-template --subject 03 nc.npy --target MNI305 -o x.npz",
            "unsupported output x.npz: use .nii, .nii.gz or DIR/",
        ),
        ("to-template --subject 03 nc.npy --target MNI152 -o x.npz", "fsnative, fsaverage, MNI305"),
        ("to-template --subject 03 nc.npy -o x.npz", "--target"),
        (
            "to-template --subject 03 nc.npy --target fsnative --surface mid --depths 0,1 -o x.npz",
            "cannot be used with",
        ),
        ("noise-ceiling --subject 03 --session 01 --density 10k -o x.npy", "--space"),
    ] {
        let err = user.fails(line, 2);
        assert!(err.contains(message), "{line}\n{err}");
    }
    let (user, values) = self::user();
    write_npy(user.path("short.npy"), &Array1::from_iter(values[1..].iter().copied())).unwrap();
    let line = "to-template --subject 03 short.npy --target fsnative -o x.npz";
    let err = user.fails(line, 2);
    assert!(err.contains("voxels are selected"), "{err}");
    let line = "to-template --subject 03 nc.npy --target fsnative --depths 0,7 -o x.npz";
    let err = user.fails(line, 2);
    assert!(err.contains("depth 7 (expected a share"), "{err}");
    assert!(!user.path("x.npz").exists());
}
