//! `roi`: ROIs in every form, in one file.

use fixtures::bucket::{Hemisphere, Roi};
use insta::assert_snapshot;
use laion_fmri::export::read_npz;

use crate::{User, names};

#[test]
fn every_form_of_a_roi_goes_into_one_file() {
    let user = User::with_session();
    let ran = user.ok("roi --subject 03 FFA1 -o ffa1.npz");
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", "1 ROI -> ffa1.npz\n"));
    let mut npz = read_npz(user.path("ffa1.npz")).unwrap();
    assert_eq!(
        npz.names().unwrap(),
        ["volume", "hemi-L/func.gii", "hemi-L/label", "hemi-R/func.gii", "hemi-R/label"]
    );
    user.ok("mask --subject 03 --roi FFA1 -o mask.npy");
    let mask = laion_fmri::export::read_npy::<bool>(user.path("mask.npy")).unwrap();
    assert_eq!(npz.array::<bool>("volume").unwrap(), mask);
    let roi = Roi::of("sub-03", "FFA1").unwrap();
    for side in Hemisphere::BOTH {
        let mask = npz.array::<bool>(&format!("hemi-{side}/func.gii")).unwrap();
        let expected: Vec<bool> =
            (0..side.vertices("sub-03")).map(|vertex| roi.contains_vertex(side, vertex)).collect();
        assert_eq!(mask.as_slice().unwrap(), expected);
        let label = npz.array::<i64>(&format!("hemi-{side}/label")).unwrap();
        let expected: Vec<i64> = roi.vertices(side).iter().map(|vertex| *vertex as i64).collect();
        assert_eq!(label.as_slice().unwrap(), expected);
    }
    assert_eq!(names(user.folder.path()), ["ffa1.npz", "home", "mask.npy", "mirror"]);
}

#[test]
fn a_name_in_several_categories_is_said_to_mean_all() {
    let user = User::with_session();
    let told = "note: OFA is in face and object, and means the voxels of all; \
                \"face & OFA\" means those in face\n";
    for (line, times) in [
        ("betas --subject 03 --session 01 --roi OFA -o x.npy", 1),
        ("extract --subject 03 --session 01 --roi FFA1 OFA -o x.npz", 1),
        ("betas --subject 03 --session 01 --roi face -o x.npy", 0),
        ("betas --subject 03 --session 01 --roi face&OFA -o x.npy", 0),
    ] {
        let ran = user.ok(line);
        assert_eq!(ran.err.matches(told).count(), times, "{line}: {}", ran.err);
    }
}

#[test]
fn format_and_hemisphere_choose_the_arrays() {
    let user = User::with_session();
    let members = |line: &str| {
        user.ok(&format!("roi --subject 03 {line} -o roi.npz"));
        read_npz(user.path("roi.npz")).unwrap().names().unwrap()
    };
    assert_eq!(members("FFA-1 --format nii.gz"), ["volume"]);
    assert_eq!(members("FFA1 --format label --hemi R"), ["hemi-R/label"]);
    assert_eq!(members("MST --format gii --hemi L"), ["hemi-L/func.gii", "hemi-L/label"]);
    assert_eq!(
        members("FFA1 V1v --format func.gii --hemi L"),
        ["FFA1/hemi-L/func.gii", "V1v/hemi-L/func.gii"]
    );
    // The names depend on what was asked for, or always hold the ROI.
    let full = members("FFA1 --format func.gii --hemi L --keys full");
    assert_eq!(full, ["FFA1/hemi-L/func.gii"]);
    // One ROI of a category is still one of several that might be there.
    assert_eq!(members("motion --format volume"), ["MT/volume"]);
}

#[test]
fn standard_output_holds_the_same_arrays() {
    let user = User::with_session();
    user.ok("roi --subject 03 face -o face.npz");
    let piped = user.ok("roi --subject 03 face -o -");
    std::fs::write(user.path("piped.npz"), piped.stdout).unwrap();
    let mut file = read_npz(user.path("face.npz")).unwrap();
    let mut piped = read_npz(user.path("piped.npz")).unwrap();
    assert_eq!(file.names().unwrap(), piped.names().unwrap());
    let name = "FFA1/hemi-R/label";
    assert_eq!(file.array::<i64>(name).unwrap(), piped.array::<i64>(name).unwrap());
}

#[test]
fn failures_say_what_and_end_with_their_status() {
    let user = User::with_session();
    assert_snapshot!(user.fails("roi --subject 03 FFA1 -o roi.npy", 2), @"
    error: unsupported output roi.npy: use .npz or -
    hint: -o roi.npz
    ");
    let unknown = user.fails("roi --subject 03 FFA9 -o roi.npz", 2);
    assert!(unknown.starts_with("error: sub-03 has no ROI or category \"FFA9\""), "{unknown}");
    assert!(
        user.fails("roi --subject 03 FFA1 --format gifti -o roi.npz", 2)
            .contains("possible values: all, volume")
    );
    assert!(
        user.fails("roi --subject 03 FFA1 --hemi left -o roi.npz", 2)
            .contains("possible values: all, L, R")
    );
    assert_snapshot!(user.fails("roi --subject 03 EBA --format label --hemi L -o roi.npz", 3), @"
    error: not on disk: the label of sub-03 EBA on hemisphere L (expected at DIR/mirror/derivatives/rois/sub-03/body/sub-03_hemi-L_space-fsnative_label-EBA_mask.label)
    hint: laion-fmri download --subject sub-03 --suffix mask --extension label
    ");
    // What is hinted writes the ROI, which may have no volume.
    for (roi, hint) in [
        ("FFA1", "laion-fmri mask --subject 03 --roi FFA1 -o roi.nii.gz"),
        ("MST", "laion-fmri roi --subject sub-03 MST --format gii -o mst.npz"),
    ] {
        let message = user.fails(&format!("roi --subject 03 {roi} -o roi.nii.gz"), 2);
        assert!(message.ends_with(&format!("\nhint: {hint}\n")), "{message}");
        user.ok(hint.strip_prefix("laion-fmri ").unwrap());
    }
    for written in ["roi.nii.gz", "mst.npz"] {
        std::fs::remove_file(user.path(written)).unwrap();
    }
    let label = user
        .mirror()
        .join("derivatives/rois/sub-03/face/sub-03_hemi-L_space-fsnative_label-FFA1_mask.label");
    std::fs::write(label, "#\n2\n0 0 0 0 0\n").unwrap();
    assert_snapshot!(user.fails("roi --subject 03 FFA1 -o roi.npz", 4), @"
    error: label file DIR/mirror/derivatives/rois/sub-03/face/sub-03_hemi-L_space-fsnative_label-FFA1_mask.label could not be read: 1 vertex is listed (expected 2)
    hint: laion-fmri verify --repair --subject sub-03
    ");
    assert_eq!(names(user.folder.path()), ["home", "mirror"]);
}

#[test]
fn lists_with_commas_are_lists() {
    let user = User::with_session();
    user.ok("mask --subject 03 --roi FFA1 FFA2 -o one.npy");
    user.ok("mask --subject 03 --roi FFA1,FFA2 -o other.npy");
    let bytes = |name: &str| std::fs::read(user.path(name)).unwrap();
    assert!(bytes("one.npy") == bytes("other.npy"));
    let plan = |subjects: &str| user.ok(&format!("download --subject {subjects} -n --json")).out;
    assert!(plan("sub-01,sub-03") == plan("sub-01 sub-03"));
    assert!(plan("ALL") == plan("all"));
}

#[test]
fn expressions_that_are_nearly_right_are_shown_right() {
    let user = User::with_session();
    let fails = |roi: &str| {
        let mut command = user.command(&["mask", "--subject", "03", "-o", "x.npy", "--roi", roi]);
        command.env("LAION_FMRI_DATA", user.mirror());
        user.run_with(command).failed(roi, 2).err
    };
    for (roi, expected) in [
        ("FFA1-PPA", "hint: put spaces around -: --roi \"FFA1 - PPA\"\n"),
        ("FFA1 or FFA2", "hint: or is written |: --roi \"FFA1 | FFA2\"\n"),
        ("face and not FFA1", "--roi \"face - FFA1\"\n"),
        ("V1*", "(did you mean V1d | V1v?)"),
        ("ffa-1", "(did you mean FFA1?)"),
        ("MST", "sub-03 has the ROI \"MST\" on the surface only, not as a volume"),
    ] {
        let message = fails(roi);
        assert!(message.contains(expected), "{roi}: {message}");
    }
    user.ok("roi --subject sub-03 MST --format gii -o mst.npz");
    let message = user.fails("betas --subject all --session 01 -o x.npy", 2);
    assert!(message.contains("hint: this command takes one subject"), "{message}");
    let message = user.fails("noise-ceiling --subject 03 --session averages -o x.npy", 2);
    assert!(message.contains("hint: --desc Noiseceiling12rep"), "{message}");
    let message = user.fails("download --subject 03 --ses ses-99 --desc SingletrialBetas", 3);
    assert!(message.contains("sub-03 has no session 99"), "{message}");
    assert!(!message.contains("no file with desc-"), "{message}");
}

#[test]
fn rois_that_are_not_on_disk_come_with_the_download() {
    let user = User::with_session();
    std::fs::remove_dir_all(user.mirror().join("derivatives/rois")).unwrap();
    for line in ["rois --subject 03", "rois --subject 03 --category face"] {
        let ran = user.ok(line);
        assert!(ran.err.starts_with("note: no ROI of sub-03 is on disk\nhint: "), "{}", ran.err);
    }
    let message = user.fails("mask --subject 03 --roi FFA1 -o x.npy", 3);
    assert!(message.starts_with("error: not on disk: any ROI of sub-03"), "{message}");
    let hint = message.lines().find_map(|line| line.strip_prefix("hint: laion-fmri ")).unwrap();
    user.ok(hint);
    user.ok("mask --subject 03 --roi FFA1 -o x.npy");
}

#[test]
fn a_volume_that_is_gone_is_named() {
    let user = User::with_session();
    let folder = user.mirror().join("derivatives/rois/sub-03/face");
    let end = "res-1pt8_label-FFA1_mask.nii.gz";
    let volume = folder.join(names(&folder).into_iter().find(|name| name.ends_with(end)).unwrap());
    user.ok("mask --subject 03 --roi face -o whole.npy");
    std::fs::remove_file(&volume).unwrap();
    let warning = "warning: sub-03: the volume of FFA1 was downloaded but is no longer on disk and \
                   is left out; download what is missing with: laion-fmri verify --repair --subject \
                   sub-03\n";
    for (line, times) in [
        ("mask --subject 03 --roi face -o x.npy", 1),
        ("betas --subject 03 --session 01 --roi all -o x.npy", 1),
        ("extract --subject 03 --session 01 --roi face -o x.npz", 1),
        ("roi --subject 03 face --format volume -o x.npz", 1),
        ("mask --subject 03 --roi FFA2 place -o x.npy", 0),
    ] {
        let ran = user.ok(line);
        assert_eq!(ran.err.matches(warning).count(), times, "{line}: {}", ran.err);
    }
    // Alone, it is missing, and the hint brings it back.
    let ffa1 = "mask --subject 03 --roi FFA-1 -o x.npy";
    let message = user.fails(ffa1, 3);
    let expected = "error: not on disk: the volume of sub-03 FFA1 (expected at DIR/mirror/derivatives/rois/sub-03/face/";
    assert!(message.starts_with(expected), "{message}");
    let hint = message.lines().find_map(|line| line.strip_prefix("hint: laion-fmri ")).unwrap();
    user.ok(hint);
    user.ok(ffa1);
    let ran = user.ok("mask --subject 03 --roi face -o x.npy");
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    let bytes = |name: &str| std::fs::read(user.path(name)).unwrap();
    assert!(bytes("x.npy") == bytes("whole.npy"));
    // So is a link that leads nowhere, and a folder as a whole.
    #[cfg(unix)]
    {
        std::fs::remove_file(&volume).unwrap();
        std::os::unix::fs::symlink("/nowhere", &volume).unwrap();
        assert!(user.fails(ffa1, 3).starts_with(expected));
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let message = user.fails("mask --subject 03 --roi face -o x.npy", 3);
    assert!(message.contains("hint: laion-fmri download --subject sub-03"), "{message}");
    // What was removed on purpose is not missed.
    user.ok("verify --forget mirror/derivatives/rois/sub-03/face/");
    let ran = user.ok("betas --subject 03 --session 01 --roi all -o x.npy");
    assert!(!ran.err.contains("warning"), "{}", ran.err);
}

#[test]
fn an_roi_as_a_volume_is_what_mask_writes() {
    let user = User::with_session();
    let message = user.fails("roi --subject 03 FFA1 -o ffa.nii.gz", 2);
    let hint = message.lines().last().unwrap().strip_prefix("hint: laion-fmri ").unwrap();
    assert_eq!(hint, "mask --subject 03 --roi FFA1 -o ffa.nii.gz");
    user.ok(hint);
    // The option that other commands have means the same.
    user.ok("roi --subject 03 FFA1 -o one.npz");
    user.ok("roi --subject 03 --roi FFA1 -o two.npz");
    assert_eq!(
        std::fs::read(user.path("one.npz")).unwrap(),
        std::fs::read(user.path("two.npz")).unwrap()
    );
    let message = user.fails("roi --subject 03 -o one.npz", 2);
    assert!(message.contains("required arguments were not provided"), "{message}");
}
