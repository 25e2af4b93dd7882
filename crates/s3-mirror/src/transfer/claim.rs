//! Only one process works on an unfinished file: [`Claim`].
//!
//! A claim is a file next to the unfinished one, created by hard link, which is exclusive on network
//! file systems too. Its owner rewrites it every few seconds. Between processes of one kernel, a
//! file lock tells at once whether the owner is alive. Elsewhere (another machine, or no file
//! locks) an owner counts as dead if its file has not changed for a while by the clock of the
//! waiting process. So two clocks are never compared.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::machine;

/// How often an owner shows that it lives.
pub(super) const BEAT: Duration = Duration::from_secs(2);

/// A claim that this process holds. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    file: File,
    owner: String,
    beats: u64,
}

/// What came of trying to get a claim.
#[derive(Debug)]
pub(super) enum Taken {
    Mine(Claim),
    /// Another process has it.
    Busy,
}

/// What a waiting process has seen of a claim.
#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: Option<(Vec<u8>, Instant)>,
}

impl Claim {
    /// Tries once. `watch` is kept between the tries of one wait; an owner that cannot be asked is
    /// believed for `patience` after its last sign of life.
    pub(super) fn take(path: &Path, watch: &mut Watch, patience: Duration) -> io::Result<Taken> {
        Self::take_at(path, watch, patience, Instant::now())
    }

    /// The same at a time by the clock of the caller.
    fn take_at(
        path: &Path,
        watch: &mut Watch,
        patience: Duration,
        now: Instant,
    ) -> io::Result<Taken> {
        if let Some(claim) = Self::create(path)? {
            return Ok(Taken::Mine(claim));
        }
        let seen = match std::fs::read(path) {
            Ok(seen) => seen,
            // Given up in between: the next try gets it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Taken::Busy),
            Err(error) => return Err(error),
        };
        let Some(proof) = watch.proof_of_death(path, &seen, patience, now)? else {
            return Ok(Taken::Busy);
        };
        tracing::debug!(path = %path.display(), "taking over from a process that is gone");
        match &proof {
            // Whoever evicts has to hold the lock, so that between the look and the removal nobody
            // else can put another claim there.
            Proof::Locked(dead) if names_the_same(path, dead)? => {
                std::fs::remove_file(path).or_else(gone_is_well)?;
            }
            Proof::Locked(_) => return Ok(Taken::Busy),
            Proof::Silent => Self::evict(path, &seen)?,
        }
        drop(proof);
        match Self::create(path)? {
            Some(claim) => Ok(Taken::Mine(claim)),
            None => Ok(Taken::Busy),
        }
    }

    /// Shows that this process lives; `false` if another has taken the claim over meanwhile.
    pub(super) fn beat(&mut self) -> io::Result<bool> {
        if std::fs::read(&self.path).ok().as_deref().and_then(owner_of).as_ref()
            != Some(&self.owner)
        {
            return Ok(false);
        }
        self.beats += 1;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(content(&self.owner, self.beats).as_bytes())?;
        Ok(true)
    }

    fn create(path: &Path) -> io::Result<Option<Self>> {
        let owner = machine::random_name();
        let own = path.with_extension(format!("claim-{owner}"));
        let mut file = File::create_new(&own)?;
        file.write_all(content(&owner, 0).as_bytes())?;
        // Without locks the beats alone tell that the owner lives.
        let _ = file.try_lock();
        let linked = std::fs::hard_link(&own, path);
        let removed = std::fs::remove_file(&own);
        match linked {
            Ok(()) => removed?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            // No hard links here: exclusive creation is the next best.
            Err(_) => {
                file = match File::create_new(path) {
                    Ok(file) => file,
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
                    Err(error) => return Err(error),
                };
                // Before it says whose it is nobody asks for its lock.
                let _ = file.try_lock();
                file.write_all(content(&owner, 0).as_bytes())?;
            }
        }
        Ok(Some(Self { path: path.to_owned(), file, owner, beats: 0 }))
    }

    /// Removes the claim of a dead owner, and puts it back if it was another's after all.
    fn evict(path: &Path, dead: &[u8]) -> io::Result<()> {
        let aside = path.with_extension(format!("claim-{}", machine::random_name()));
        match std::fs::rename(path, &aside) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
        if owner_of(&std::fs::read(&aside)?) != owner_of(dead) {
            // A third process was quicker and owns it now.
            let _ = std::fs::hard_link(&aside, path);
        }
        std::fs::remove_file(aside)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mine = std::fs::read(&self.path).ok().as_deref().and_then(owner_of);
        if mine.as_ref() == Some(&self.owner)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!(%error, path = %self.path.display(), "claim left behind");
        }
    }
}

fn gone_is_well(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// How it is known that the owner of a claim is gone.
#[derive(Debug)]
enum Proof {
    /// Its lock could be taken, and is held in this handle.
    Locked(File),
    /// It has shown no sign of life for too long.
    Silent,
}

/// Whether the claim at a path is the one behind a handle: owners are named once.
fn names_the_same(path: &Path, mut file: &File) -> io::Result<bool> {
    let mut held = Vec::new();
    file.read_to_end(&mut held)?;
    match std::fs::read(path) {
        Ok(there) => Ok(owner_of(&held).is_some() && owner_of(&held) == owner_of(&there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Watch {
    fn proof_of_death(
        &mut self,
        path: &Path,
        seen: &[u8],
        patience: Duration,
        now: Instant,
    ) -> io::Result<Option<Proof>> {
        if same_kernel(seen) {
            // The lock of a dead process is gone with it.
            match File::options().read(true).write(true).open(path) {
                Ok(file) => match file.try_lock() {
                    Ok(()) => return Ok(Some(Proof::Locked(file))),
                    Err(TryLockError::WouldBlock) => return Ok(None),
                    Err(TryLockError::Error(_)) => {}
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        match &self.seen {
            Some((before, since)) if before == seen => {
                Ok((now - *since >= patience).then_some(Proof::Silent))
            }
            _ => {
                self.seen = Some((seen.to_vec(), now));
                Ok(None)
            }
        }
    }
}

/// Always as long as before, so that it can be written over itself.
fn content(owner: &str, beats: u64) -> String {
    let fields = json!({
        "claim": 1, "owner": owner, "boot": machine::boot(), "beats": format!("{beats:020}"),
    });
    format!("{fields}\n")
}

fn owner_of(content: &[u8]) -> Option<String> {
    let fields: Value = serde_json::from_slice(content).ok()?;
    Some(fields.get("owner")?.as_str()?.to_owned())
}

fn same_kernel(content: &[u8]) -> bool {
    let fields: Value = serde_json::from_slice(content).unwrap_or_default();
    let boot = fields.get("boot").and_then(Value::as_str);
    boot.is_some() && boot == machine::boot()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Duration = Duration::from_secs(3600);

    fn take(path: &Path) -> Taken {
        Claim::take(path, &mut Watch::default(), NEVER).unwrap()
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".x.lock");
        let Taken::Mine(mut first) = take(&path) else { panic!("free, but not given") };
        assert!(matches!(take(&path), Taken::Busy));
        assert!(first.beat().unwrap() && first.beat().unwrap());
        assert!(matches!(take(&path), Taken::Busy));
        drop(first);
        assert!(matches!(take(&path), Taken::Mine(_)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn many_threads_never_hold_it_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".x.lock");
        let holders = std::sync::atomic::AtomicUsize::new(0);
        let work = || {
            let mut turns = 0;
            while turns < 20 {
                if let Taken::Mine(claim) = take(&path) {
                    assert_eq!(holders.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    holders.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    drop(claim);
                    turns += 1;
                }
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
    }

    #[test]
    fn a_dead_owner_of_this_machine_is_known_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".x.lock");
        std::fs::write(&path, content("gone", 7)).unwrap();
        let taken = take(&path);
        assert_eq!(matches!(taken, Taken::Mine(_)), machine::boot().is_some());
    }

    #[test]
    fn an_owner_elsewhere_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".x.lock");
        let elsewhere = |beats: u64| {
            let text = json!({"claim": 1, "owner": "o", "boot": "elsewhere", "beats": beats});
            std::fs::write(&path, text.to_string()).unwrap();
        };
        let (mut watch, patience) = (Watch::default(), Duration::from_millis(80));
        // A clock of its own: however long the machine takes, no more time passes than is said.
        let mut now = Instant::now();
        let mut busy_after = |time: Duration| {
            now += time;
            matches!(Claim::take_at(&path, &mut watch, patience, now).unwrap(), Taken::Busy)
        };
        for beats in 0..4 {
            elsewhere(beats);
            assert!(busy_after(patience / 2), "it lives");
        }
        // An hour wrong on either machine changes nothing: the file's times are not looked at.
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert!(busy_after(patience / 2));
        assert!(busy_after(patience / 2 - Duration::from_nanos(1)));
        assert!(!busy_after(Duration::from_nanos(1)), "no sign of life");
        // Whoever lost the claim notices.
        let Taken::Mine(mut claim) = take(&path) else { panic!("free") };
        elsewhere(9);
        assert!(!claim.beat().unwrap());
        drop(claim);
        assert!(path.exists(), "the claim of another is not removed");
    }
}
