//! Stores as a user meets them: built, listed, read, checked, removed.

use std::fs;

use crate::{User, names};

/// The end of a file of betas, so that a test can put it aside.
const BETAS: &str = "derivatives/glmsingle-tedana/sub-03/ses-01/func/\
                     sub-03_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text.lines().next().unwrap()).unwrap()
}

#[test]
fn a_store_is_built_used_listed_checked_and_removed() {
    let user = User::with_session();
    let read = |name: &str, more: &str| {
        let line = format!("betas --subject sub-03 --session all --roi face -o {name}{more}");
        let ran = user.ok(&line);
        (fs::read(user.path(name)).unwrap(), ran.err)
    };
    let (expected, _) = read("file.npy", "");
    let plan = user.ok("store build --subject 03 -n --json");
    assert_eq!(json(&plan.out)["sessions"], serde_json::json!(["ses-01"]));
    assert!(!user.mirror().join("stores").exists());
    let built = user.ok("store build --subject 03 --json");
    assert_eq!(json(&built.out)["built"], serde_json::json!(["ses-01"]));
    assert_eq!(names(&user.mirror().join("stores")), ["sub-03_desc-anatomical.zarr"]);
    let again = user.ok("store build --subject 03");
    assert!(again.err.contains("0 sessions built, 1 kept"), "{}", again.err);
    let (stored, notes) = read("store.npy", " -v");
    assert!(stored == expected);
    assert!(notes.contains("sub-03_desc-anatomical.zarr"), "{notes}");
    let (without, notes) = read("without.npy", " -v --no-store");
    assert!(without == expected);
    assert!(!notes.contains(".zarr"), "{notes}");
    let list = user.ok("store list --subject 03").out;
    assert!(list.contains("ses-01") && list.contains("in step"), "{list}");
    let list = json(&user.ok("store list --subject 03 --json").out);
    assert_eq!(list["schema"], "laion-fmri.store/1");
    assert_eq!(list["sessions"][0]["state"], "in step");
    assert_eq!(list["whole_brain"], true);
    // The store and the small files are enough.
    let (betas, aside) = (user.mirror().join(BETAS), user.path("aside"));
    fs::rename(&betas, &aside).unwrap();
    assert!(read("alone.npy", "").0 == expected);
    let list = user.ok("store list --subject 03").out;
    assert!(list.contains("its file is not on disk"), "{list}");
    fs::rename(&aside, &betas).unwrap();
    user.ok("store verify --subject 03");
    user.ok("store remove --subject 03 --session 01");
    assert!(!user.mirror().join("stores/sub-03_desc-anatomical.zarr/ses-01").exists());
    user.ok("store remove --subject 03");
    assert!(names(&user.mirror().join("stores")).is_empty());
    let message = user.fails("store list --subject 03", 3);
    assert!(message.contains("store build --subject sub-03"), "{message}");
    assert!(read("file.npy", "").0 == expected);
}

#[test]
fn damage_is_found_and_passed_over() {
    let user = User::with_session();
    user.ok("betas --subject sub-03 --session 01 -o file.npy");
    user.ok("store build --subject sub-03");
    let matrix = user.mirror().join("stores/sub-03_desc-anatomical.zarr/ses-01/betas/c.0.0");
    let mut bytes = fs::read(&matrix).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&matrix, bytes).unwrap();
    let found = user.run("store verify --subject sub-03");
    assert_eq!(found.code, 4, "{}", found.err);
    assert!(found.out.contains("ses-01") && found.err.contains("store build"), "{}", found.out);
    let doctor = user.run("doctor --offline").out;
    assert!(doctor.contains("1 store, "), "{doctor}");
    let ran = user.ok("extract --subject sub-03 --session 01 -o all.npz");
    assert!(ran.err.contains("damaged"), "{}", ran.err);
    user.ok("betas --subject sub-03 --session 01 -o again.npy");
    let read = |name: &str| fs::read(user.path(name)).unwrap();
    assert!(read("again.npy") == read("file.npy"));
    fs::remove_file(user.mirror().join(BETAS)).unwrap();
    let document = user.mirror().join("stores/sub-03_desc-anatomical.zarr/zarr.json");
    let sound = fs::read(&document).unwrap();
    fs::write(&document, &sound[1..]).unwrap();
    let doctor = user.run("doctor --offline").out;
    assert!(doctor.contains("is not used") && doctor.contains("store build"), "{doctor}");
    fs::write(&document, sound).unwrap();
    let message = user.fails("betas --subject sub-03 --session 01 -o lost.csv", 4);
    assert!(message.contains("sub-03 ses-01") && message.contains("voxel"), "{message}");
    assert!(message.contains("laion-fmri download --subject sub-03 --session ses-01"), "{message}");
}

#[test]
fn a_shared_directory_is_named_by_variable_and_configuration() {
    let user = User::with_session();
    user.ok("store build --subject sub-03 --roi face -o shared");
    let read = |stores: Option<&str>, name: &str| {
        let line = format!("betas --subject sub-03 --session 01 --roi FFA1 -o {name} -v");
        let mut command = user.command(&line.split(' ').collect::<Vec<_>>());
        command.env("LAION_FMRI_DATA", user.mirror());
        if let Some(stores) = stores {
            command.env("LAION_FMRI_STORES", user.path(stores));
        }
        user.run_with(command).ok(&line).err
    };
    assert!(!read(None, "none.npy").contains("_voxels-"));
    assert!(read(Some("shared"), "shared.npy").contains("_voxels-"));
    let config = user.path("home/.config/laion_fmri/config.json");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    let stores = serde_json::json!({"stores": [user.path("shared")]});
    fs::write(&config, stores.to_string()).unwrap();
    assert!(read(None, "config.npy").contains("_voxels-"));
    let bytes = |name: &str| fs::read(user.path(name)).unwrap();
    assert!(bytes("none.npy") == bytes("shared.npy") && bytes("none.npy") == bytes("config.npy"));
}

#[test]
fn a_store_comes_from_the_bucket_without_a_nifti_file() {
    let user = User::new();
    let line = "store build --subject sub-03 --session 01 --from bucket";
    let message = user.fails(&format!("{line} -o stores"), 5);
    assert!(message.contains("licence"), "{message}");
    user.ok(&format!("{line} -o stores --accept-license"));
    let stores = names(&user.path("stores"));
    assert_eq!(stores, ["sub-03_desc-anatomical.zarr"]);
    assert!(names(&user.mirror()).iter().all(|name| name.starts_with('.')));
}
