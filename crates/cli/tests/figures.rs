//! `figure`: maps and trials as pictures of slices.

use std::collections::HashSet;
use std::fs;

use laion_fmri::export::{read_npy, write_npy};
use laion_fmri::figure::{ColorMap, ColorScale};
use laion_fmri::ndarray::{Array1, Array3, Ix1, Ix2};
use laion_fmri::{Dataset, MaskSource, NoiseCeiling, Voxels};

use crate::User;

/// A user with a session, the anatomy and the maps over all sessions.
fn user() -> User {
    let user = User::with_session();
    user.ok("download --subject sub-03 --ses averages --include-anatomical");
    user
}

/// Red, green and blue, shape `(height, width, 3)`.
fn read(user: &User, name: &str) -> Array3<u8> {
    let picture = laion_fmri::stimuli::decode::decode(&fs::read(user.path(name)).unwrap()).unwrap();
    assert_eq!(picture.dim().2, 3);
    picture
}

fn colors(picture: &Array3<u8>) -> HashSet<[u8; 3]> {
    picture.rows().into_iter().map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

/// The colours of all values by a scale.
fn expected<'a>(scale: &ColorScale, values: impl IntoIterator<Item = &'a f32>) -> HashSet<[u8; 3]> {
    values.into_iter().filter_map(|value| scale.color(*value)).collect()
}

#[test]
fn a_map_is_drawn_with_the_colours_of_its_values() {
    let user = user();
    let ran = user.ok("figure --subject 03 --map nc --range 0,80 --slices 1000 -o nc.png");
    assert!(ran.err.starts_with("axial "), "{}", ran.err);
    assert!(ran.err.ends_with(" pixels -> nc.png\n") && !ran.err.contains("note"), "{}", ran.err);
    let subject = Dataset::open(user.mirror()).unwrap().subject("sub-03").unwrap();
    let which = NoiseCeiling::desc("Noiseceiling12rep").unwrap();
    let ceiling = subject.noise_ceiling(&which, &Voxels::all()).unwrap();
    let scale = ColorScale::new(ColorMap::Viridis, 0.0, 80.0).unwrap();
    let picture = read(&user, "nc.png");
    let found = colors(&picture);
    assert!(expected(&scale, &ceiling).is_subset(&found));
    // The map is named, and drawn the same.
    user.ok("figure --subject 03 --map Noiseceiling12rep --range 0,80 --slices 1000 -o named.png");
    assert_eq!(read(&user, "named.png"), picture);
    // A session has a map of its own.
    user.ok("figure --subject 03 --map nc --session 01 --range 0,80 --slices 1000 -o ses.png");
    let session = NoiseCeiling::session("ses-01").unwrap();
    let ceiling = subject.noise_ceiling(&session, &Voxels::all()).unwrap();
    assert!(expected(&scale, &ceiling).is_subset(&colors(&read(&user, "ses.png"))));
}

#[test]
fn a_threshold_leaves_values_out() {
    let user = user();
    let line = "figure --subject 03 --map r2 --range 0,100 --slices 1000";
    user.ok(&format!("{line} --threshold 20 --json -o r2.png"));
    let subject = Dataset::open(user.mirror()).unwrap().subject("sub-03").unwrap();
    let fit = subject.mean_r2(&Voxels::all()).unwrap();
    let n_visible = fit.iter().filter(|value| **value >= 20.0).count();
    assert!(0 < n_visible && n_visible < fit.len());
    let ran = user.ok(&format!("{line} --threshold 20 --json -o r2.png"));
    assert!(ran.out.starts_with(
        r#"{"schema":"laion-fmri.written/1","path":"r2.png","title":"sub-03: mean R"#
    ));
    for field in [
        r#"of the single-trial model","plane":"axial","slices_mm":["#.to_owned(),
        format!(r#""voxels":{n_visible},"#),
        r#""range":[0.0,100.0],"threshold":20.0,"#.to_owned(),
        r#""colormap":"viridis","#.to_owned(),
        r#"_res-1pt8_T1w.nii.gz","#.to_owned(),
    ] {
        assert!(ran.out.contains(&field), "{field}: {}", ran.out);
    }
    let ran = user.ok(&format!("{line} --threshold 1000 -o none.png"));
    assert!(ran.err.contains("note: no voxel has a colour"), "{}", ran.err);
}

#[test]
fn a_trial_is_drawn_around_zero() {
    let user = user();
    user.ok("figure --subject 03 --trial 01:4 --range -3,3 --slices 1000 -o trial.png");
    user.ok("betas --subject 03 --session 01 --trials 4 -o trial.npy");
    let betas =
        read_npy::<f32>(user.path("trial.npy")).unwrap().into_dimensionality::<Ix2>().unwrap();
    let scale = ColorScale::new(ColorMap::BlueRed, -3.0, 3.0).unwrap();
    let found = colors(&read(&user, "trial.png"));
    assert!(expected(&scale, &betas).is_subset(&found));
    user.ok("figure --subject 03 --trial 1:4 --range -3,3 --slices 1000 -o short.png");
    assert_eq!(read(&user, "short.png"), read(&user, "trial.png"));
    user.ok("figure --subject 03 --trial 01:4 --range -3 3 --slices 1000 -o two.png");
    assert_eq!(read(&user, "two.png"), read(&user, "trial.png"));
    let ran = user.ok("figure --subject 03 --trial ses-01:4 --json -o trial.png");
    let range = ran.out.split_once(r#""range":["#).unwrap().1.split_once(']').unwrap().0;
    let (low, high) = range.split_once(',').unwrap();
    assert_eq!(low, format!("-{high}"));
    let error = user.fails("figure --subject 03 --trial 01:4 --range -1,3 -o trial.png", 2);
    assert!(error.contains("symmetric around zero") && error.contains("--range -3,3"), "{error}");
    user.fails("figure --subject 03 --trial 01:100000 -o trial.png", 2);
    let error = user.fails("figure --subject 03 --trial all:4 -o trial.png", 2);
    assert!(error.contains("--trial takes one session"), "{error}");
    let error = user.fails("figure --subject 03 --trial 09:0 -o trial.png", 3);
    assert!(error.contains("hint: "), "{error}");
}

#[test]
fn files_are_drawn_like_the_maps_that_they_hold() {
    let user = user();
    let line = "figure --subject 03 --title T --label L --range 0,80 --slices 20";
    user.ok(&format!("{line} --map nc -o map.png"));
    user.ok("noise-ceiling --subject 03 --desc Noiseceiling12rep -o nc.npy");
    user.ok("noise-ceiling --subject 03 --desc Noiseceiling12rep -o nc.nii.gz");
    let map = read(&user, "map.png");
    for name in ["nc.npy", "nc.nii.gz"] {
        user.ok(&format!("{line} --map {name} --colormap viridis -o file.png"));
        assert_eq!(read(&user, "file.png"), map, "{name}");
    }
    fs::rename(user.path("nc.npy"), user.path("Noiseceiling12rep.npy")).unwrap();
    user.ok(&format!("{line} --map Noiseceiling12rep.npy --colormap viridis -o file.png"));
    assert_eq!(read(&user, "file.png"), map);
    // Negative values make a diverging map, and float64 is as good.
    let values = read_npy::<f32>(user.path("Noiseceiling12rep.npy"))
        .unwrap()
        .into_dimensionality::<Ix1>()
        .unwrap();
    let shifted: Array1<f64> = values.mapv(|value| f64::from(value) - 20.0);
    write_npy(user.path("shifted.npy"), &shifted).unwrap();
    let ran = user.ok("figure --subject 03 --map shifted.npy --json -o file.png");
    assert!(ran.out.contains(r#""colormap":"blue-red""#), "{}", ran.out);
}

#[test]
fn values_of_a_region_are_drawn_in_it() {
    let user = user();
    user.ok("noise-ceiling --subject 03 --desc Noiseceiling12rep --roi FFA1 -o ffa1.npy");
    let line = "figure --subject 03 --map ffa1.npy";
    let ran = user.ok(&format!("{line} --roi FFA1 --json -o ffa1.png"));
    let subject = Dataset::open(user.mirror()).unwrap().subject("sub-03").unwrap();
    let n_voxels = subject.roi_mask("FFA1", MaskSource::Anatomical).unwrap().n_voxels();
    let values = read_npy::<f32>(user.path("ffa1.npy")).unwrap();
    let n_known = values.iter().filter(|value| !value.is_nan()).count();
    assert!(ran.out.contains(&format!(r#""voxels":{n_known},"#)), "{}", ran.out);
    // White is the outline, and black is around it.
    assert!(colors(&read(&user, "ffa1.png")).contains(&[255; 3]));
    let error = user.fails(&format!("{line} -o ffa1.png"), 2);
    assert!(error.contains(&format!("got {n_voxels}")) && error.contains("--roi"), "{error}");
    let error = user.fails(&format!("{line} --roi PPA -o ffa1.png"), 2);
    assert!(error.contains("of --roi"), "{error}");
    user.fails(&format!("{line} --roi nowhere -o ffa1.png"), 2);
}

#[test]
fn planes_and_numbers_of_slices_differ() {
    let user = user();
    let mut sizes = HashSet::new();
    for plane in ["axial", "coronal", "sagittal"] {
        let ran = user.ok(&format!(
            "figure --subject 03 --map r2 --plane {plane} --slices 3 --json -o a.png"
        ));
        assert!(ran.out.contains(&format!(r#""plane":"{plane}""#)), "{}", ran.out);
        let places = ran.out.split_once(r#""slices_mm":["#).unwrap().1.split_once(']').unwrap().0;
        assert_eq!(places.split(',').count(), 3, "{places}");
        sizes.insert(read(&user, "a.png").into_raw_vec_and_offset().0);
    }
    assert_eq!(sizes.len(), 3);
}

#[test]
fn without_anatomy_the_brain_is_grey_and_the_image_is_named() {
    let user = User::with_session();
    let ran = user.ok("figure --subject 03 --map r2 --threshold 1000 -o r2.png");
    let note =
        "note: no T1-weighted image is on disk; the brain is drawn in grey (laion-fmri download";
    assert!(ran.err.contains(note), "{}", ran.err);
    assert!(colors(&read(&user, "r2.png")).contains(&[88; 3]));
    // The map over all sessions is not there, and the hint brings it.
    let error = user.fails("figure --subject 03 --map nc -o nc.png", 3);
    assert!(error.contains("hint: laion-fmri download"), "{error}");
}

#[test]
fn standard_output_takes_the_picture() {
    let user = user();
    user.ok("figure --subject 03 --map r2 -o file.png");
    let ran = user.ok("figure --subject 03 --map r2 -o -");
    assert_eq!(ran.stdout, fs::read(user.path("file.png")).unwrap());
}

#[test]
fn wrong_uses_are_named() {
    let user = User::with_session();
    for (line, words) in [
        ("--map r2 -o r2.jpg", ".png"),
        ("--map r3 -o a.png", "unknown map \"r3\""),
        ("-o a.png", "--map"),
        ("--map r2 --trial 01:1 -o a.png", "cannot be used with"),
        ("--map r2 --session 01 -o a.png", "--map nc"),
        ("--map r2 --slices 0 -o a.png", "at least 1 slice"),
        ("--map r2 --opacity 2 -o a.png", "opacity"),
        ("--map r2 --threshold -1 -o a.png", "threshold"),
        ("--map r2 --range 5,1 -o a.png", "lower to a higher"),
        ("--map r2 --range 5 -o a.png", "such as 0,50"),
        ("--map r2 --colormap jet -o a.png", "viridis"),
        ("--map r2 --plane oblique -o a.png", "axial"),
        ("--trial 01 -o a.png", "such as 01:17"),
        ("--map r2 -o nowhere/a.png", "does not exist"),
    ] {
        let error = user.fails(&format!("figure --subject 03 {line}"), 2);
        assert!(error.contains(words), "{line}: {error}");
    }
    assert!(!user.path("a.png").exists());
}
