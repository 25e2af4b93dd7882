//! Work in shares, one for each thread.

use std::thread;

/// Does all shares, the first of them on this thread; the failure of one of them, if any fails. A panic of
/// a thread goes on here.
pub(crate) fn each<S: Send, E: Send>(
    shares: impl IntoIterator<Item = S>,
    work: impl Fn(S) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let mut shares = shares.into_iter();
    let Some(mine) = shares.next() else { return Ok(()) };
    thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = shares.map(|share| scope.spawn(move || work(share))).collect();
        let done = work(mine);
        for other in others {
            other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        done
    })
}
