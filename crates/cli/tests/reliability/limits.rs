//! Downloads that a limit of the machine stops: the length of a file, and the number of open files.

use std::process::Stdio;

use super::{PREFIX, compare, start, tally, times, user};
use crate::limits::limited;

#[test]
fn limits_of_the_machine() {
    // In KiB: a part of the shortest files, of the middle ones, and of the long ones.
    const LIMITS: [&str; 6] = ["-f 2", "-f 300", "-f 4000", "-n 10", "-n 16", "-n 24"];
    let (rounds, mut bytes, mut faults) = (times(1, 10), 0, 0);
    let user = user();
    user.ok("license --accept");
    for _ in 0..rounds {
        for limit in LIMITS {
            let mut command = limited(&user, limit, &format!("download --prefix {PREFIX} -q"));
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
            assert!(matches!(status.code(), Some(0 | 1)), "{limit}: {status}");
            faults += u64::from(!status.success());
            bytes += compare(&user, false);
            assert!(start(&user, &[]).wait().unwrap().success(), "{limit}");
            bytes += compare(&user, true);
            std::fs::remove_dir_all(user.mirror().join("derivatives")).unwrap();
        }
    }
    // Files that may not grow are a failure in every round.
    assert!(faults >= 3 * rounds, "{faults} of {rounds}");
    tally("limits of open files and of the length of files", 6 * rounds, faults, bytes);
}
