//! Stores whose builds are killed, run into each other and run out of disk, and stores that are damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

#[cfg(target_os = "linux")]
use super::mount;
use super::{files, tally, times};
use crate::User;

const SESSIONS: usize = 3;
const STORE: &str = "stores/sub-01_desc-anatomical.zarr";

/// A user, and a mirror with sessions that take a moment to build.
struct Bench {
    user: User,
    mirror: PathBuf,
    /// The betas of the sessions, as they are in their files.
    expected: Vec<Vec<u8>>,
}

impl Bench {
    fn new() -> Self {
        let user = User::new();
        let mirror = user.path("large");
        fixtures::bucket::write_large(&mirror, 36, SESSIONS, 90).unwrap();
        let mut bench = Self { user, mirror, expected: Vec::new() };
        bench.expected = bench.betas("--no-store");
        bench
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.user.command(arguments);
        command.env("LAION_FMRI_DATA", &self.mirror);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn succeeds(&self, arguments: &[&str]) -> bool {
        self.start(arguments).wait().unwrap().success()
    }

    fn build(&self) -> Child {
        self.start(&["store", "build", "--subject", "sub-01", "-q"])
    }

    /// The betas of every session, read by the command.
    fn betas(&self, option: &str) -> Vec<Vec<u8>> {
        let output = self.user.path("out/");
        let output = output.to_str().unwrap();
        let arguments = ["betas", "--subject", "sub-01", "--session", "all", "-q", "-o", output];
        let option = Some(option).filter(|option| !option.is_empty());
        assert!(self.succeeds(&arguments.into_iter().chain(option).collect::<Vec<_>>()));
        let read = |number| fs::read(format!("{output}/ses-{number:02}.npy")).unwrap();
        (1..=SESSIONS).map(read).collect()
    }

    /// Compares what is read now with what is in the files. Returns the bytes that were compared.
    fn compare(&self) -> u64 {
        assert!(self.betas("") == self.expected, "wrong numbers");
        self.expected.iter().map(|betas| betas.len() as u64).sum()
    }

    /// Builds what is missing, and compares what is read when nothing else is there.
    fn complete(&self) -> u64 {
        assert!(self.build().wait().unwrap().success());
        assert!(self.succeeds(&["store", "verify", "--subject", "sub-01", "-q"]));
        let betas = |path: &Path| path.to_string_lossy().ends_with("_statmap.nii.gz");
        let all = files(&self.mirror).into_keys().map(|name| self.mirror.join(name));
        let betas: Vec<PathBuf> = all.filter(|path| betas(path)).collect();
        assert_eq!(betas.len(), SESSIONS);
        let aside = |path: &Path| path.with_extension("aside");
        betas.iter().for_each(|path| fs::rename(path, aside(path)).unwrap());
        let bytes = self.compare();
        betas.iter().for_each(|path| fs::rename(aside(path), path).unwrap());
        bytes
    }
}

#[test]
fn builds_killed_at_random_moments() {
    let bench = Bench::new();
    let (rounds, mut bytes) = (times(3, 50), 0);
    let mut random = 88_172_645_463_325_252_u64;
    for round in 0..rounds {
        let mut child = bench.build();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_millis(20 + random % 400));
        child.kill().unwrap();
        child.wait().unwrap();
        bytes += bench.compare();
        // Every third time the store starts again, otherwise it goes on where it was killed.
        if round % 3 == 2 {
            bytes += bench.complete();
            fs::remove_dir_all(bench.mirror.join("stores")).unwrap();
        }
    }
    bytes += bench.complete();
    tally("store: kill -9 during a build", rounds, rounds, bytes);
}

#[test]
fn builds_at_once_of_which_one_is_killed() {
    let bench = Bench::new();
    let (rounds, mut bytes) = (times(1, 10), 0);
    for round in 0..rounds {
        let mut builds: Vec<Child> = (0..3).map(|_| bench.build()).collect();
        std::thread::sleep(Duration::from_millis(50 + 30 * round));
        builds[0].kill().unwrap();
        let ended: Vec<bool> =
            builds.iter_mut().map(|build| build.wait().unwrap().success()).collect();
        assert!(ended[1] && ended[2], "{ended:?}");
        bytes += bench.compare() + bench.complete();
        fs::remove_dir_all(bench.mirror.join("stores")).unwrap();
    }
    tally("store: three builds at once, one killed", rounds, rounds, bytes);
}

#[test]
fn stores_damaged_anywhere() {
    let bench = Bench::new();
    let (rounds, mut bytes) = (times(6, 100), 0);
    let mut random = 2_685_821_657_736_338_717_u64;
    assert!(bench.build().wait().unwrap().success());
    let names: Vec<String> = files(&bench.mirror.join(STORE)).into_keys().collect();
    for round in 0..rounds {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Matrices as often as everything else together.
        let name = match round % 2 {
            0 => names
                .iter()
                .filter(|name| name.ends_with("betas/c.0.0"))
                .nth(round as usize / 2 % SESSIONS),
            _ => names.get(random as usize % names.len()),
        };
        let name = name.unwrap();
        let path = bench.mirror.join(STORE).join(name);
        let mut content = fs::read(&path).unwrap();
        let position = (random >> 20) as usize % content.len();
        if round % 5 == 4 {
            content.truncate(position);
        } else {
            content[position] ^= 1 << (random % 8);
        }
        fs::write(&path, &content).unwrap();
        bytes += bench.compare();
        // Found by whoever looks for it.
        assert!(!bench.succeeds(&["store", "verify", "--subject", "sub-01", "-q"]), "{name}");
        // Mended by a build that looks for it.
        let mend = ["store", "build", "--subject", "sub-01", "--verify", "-q"];
        assert!(bench.succeeds(&mend), "{name}");
        assert!(bench.succeeds(&["store", "verify", "-q"]), "{name}");
    }
    bytes += bench.complete();
    tally("store: a bit flipped or a file cut", rounds, rounds, bytes);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_during_a_build() {
    let bench = Bench::new();
    let stores = bench.mirror.join("stores");
    fs::create_dir(&stores).unwrap();
    let folder = stores.to_str().unwrap().to_owned();
    // One session takes more than that. Only an administrator may mount.
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=3m", "none", &folder]) {
        return;
    }
    let code = bench.build().wait().unwrap().code();
    assert_eq!(code, Some(1), "a full disk is a failure");
    let mut bytes = bench.compare();
    assert!(mount(&["umount", &folder]));
    bytes += bench.complete();
    tally("store: disk full during a build (tmpfs)", 1, 1, bytes);
}
