//! Disks that fill up, and links that lead outside.

use std::collections::BTreeMap;

use super::{Scene, Tally, times};

#[cfg(unix)]
#[tokio::test]
async fn planted_links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let mut tally = Tally::new("symbolic link planted in the mirror");
    for round in 0..times(4, 40) {
        let scene = Scene::new();
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        std::fs::write(&victim, b"precious").unwrap();
        let root = scene.root();
        let refused = match round % 4 {
            // In the place of the file, of its unfinished form, of the state, of a directory.
            0 => {
                std::fs::create_dir_all(root.join("derivatives/a")).unwrap();
                symlink(&victim, root.join("derivatives/a/long.bin")).unwrap();
                false
            }
            1 => {
                std::fs::create_dir_all(&root).unwrap();
                symlink(&victim, root.join(".long-2.bin.part")).unwrap();
                false
            }
            2 => {
                std::fs::create_dir_all(&root).unwrap();
                symlink(&victim, root.join(".long-2.bin.part.state")).unwrap();
                false
            }
            _ => {
                std::fs::create_dir_all(&root).unwrap();
                symlink(outside.path(), root.join("derivatives")).unwrap();
                true
            }
        };
        let report = scene.run().await;
        assert_eq!(report.is_complete(), !refused, "{report:?}");
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
        if refused {
            std::fs::remove_file(root.join("derivatives")).unwrap();
        }
        scene.ends_right(&mut tally).await;
        tally.faults += 1;
    }
    tally.write();
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_that_takes_no_file() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let locked = scene.root().join("derivatives/a");
    std::fs::create_dir_all(&locked).unwrap();
    let mode = |mode| std::fs::set_permissions(&locked, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o500);
    let report = scene.run().await;
    // An administrator may write everywhere, and then there is no fault.
    scene.nothing_wrong(&BTreeMap::new());
    mode(0o700);
    let mut tally = Tally::new("directory without permission to write");
    tally.faults += usize::from(!report.is_complete());
    scene.ends_right(&mut tally).await;
    tally.write();
}
