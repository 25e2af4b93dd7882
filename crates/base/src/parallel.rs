//! The same work for every item on a few threads.

use std::iter::Enumerate;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::thread;

use crate::lock;

/// Does the same work for every item on at most `threads` threads (the calling one is the first), and
/// returns the results in the order of the items.
///
/// Items are started in their order. After a failure or a panic no further item is started, and
/// running ones are finished. The returned failure is that of the first item that failed, as with
/// one thread. A panic is resumed in the caller. Several threads advance the iterator, one at a
/// time.
///
/// # Errors
///
/// The first failure, by the order of the items.
pub fn parallel_map<I, R, E>(
    threads: usize,
    items: I,
    work: impl Fn(I::Item) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E>
where
    I: IntoIterator<IntoIter: Send>,
    R: Send,
    E: Send,
{
    parallel_map_with(threads, items, || (), |(), item| work(item))
}

/// [`parallel_map`] with a state for each thread, such as a buffer that is used again.
///
/// # Errors
///
/// As [`parallel_map`].
pub fn parallel_map_with<I, S, R, E>(
    threads: usize,
    items: I,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, I::Item) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E>
where
    I: IntoIterator<IntoIter: Send>,
    R: Send,
    E: Send,
{
    let items = items.into_iter();
    let most = items.size_hint().1.unwrap_or(usize::MAX);
    let queue = Queue(Mutex::new(Some(items.enumerate())));
    let run = || {
        let mut state = state();
        let mut results = Vec::new();
        while let Some((index, item)) = queue.next() {
            let result = work(&mut state, item);
            if result.is_err() {
                queue.close();
            }
            results.push((index, result));
        }
        results
    };
    let run = || panic::catch_unwind(AssertUnwindSafe(run)).inspect_err(|_| queue.close());
    let mut results = thread::scope(|scope| {
        // A system that refuses a thread leaves the work to the others.
        let helpers: Vec<_> = (1..threads.min(most))
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, run).ok())
            .collect();
        let mut results = run();
        for helper in helpers {
            let more = helper.join().and_then(|caught| caught);
            results = results.and_then(|mut results| {
                results.append(&mut more?);
                Ok(results)
            });
        }
        results.unwrap_or_else(|panic| panic::resume_unwind(panic))
    });
    results.sort_unstable_by_key(|(index, _)| *index);
    // Every item before one that failed was begun, so the first failure here is the first of all.
    results.into_iter().map(|(_, result)| result).collect()
}

/// Items in their order until the queue is closed.
struct Queue<I>(Mutex<Option<Enumerate<I>>>);

impl<I: Iterator> Queue<I> {
    fn next(&self) -> Option<(usize, I::Item)> {
        lock(&self.0).as_mut()?.next()
    }

    fn close(&self) {
        *lock(&self.0) = None;
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for threads in [0, 1, 2, 3, 100] {
            let Ok(doubled) = parallel_map(threads, 0..50_u64, |item| {
                thread::sleep(Duration::from_micros(50 - item));
                Ok::<_, Infallible>(2 * item)
            });
            assert_eq!(doubled, (0..50).map(|item| 2 * item).collect::<Vec<_>>(), "{threads}");
        }
        assert_eq!(parallel_map(4, [0_u8; 0], Err::<(), _>), Ok(vec![]));
    }

    #[test]
    fn owned_and_mutable_items_are_moved_to_the_threads() {
        let mut values = vec![1, 2, 3, 4, 5];
        let pieces = values.chunks_mut(2).zip(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        let names = parallel_map(2, pieces, |(piece, name)| {
            piece.fill(0);
            Ok::<_, Infallible>(name)
        });
        assert_eq!(names, Ok(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
        assert_eq!(values, [0; 5]);
    }

    #[test]
    fn as_many_threads_as_asked_for_work_at_once() {
        // Nobody passes the barrier before three are there.
        let barrier = Barrier::new(3);
        let done = parallel_map(3, 0..9, |item| {
            barrier.wait();
            Ok::<_, Infallible>(item)
        });
        assert_eq!(done.map(|done| done.len()), Ok(9));
    }

    #[test]
    fn each_thread_has_one_state() {
        let states = AtomicUsize::new(0);
        let state = || states.fetch_add(1, Ordering::Relaxed);
        let Ok(used) = parallel_map_with(2, 0..100, state, |state, _| Ok::<_, Infallible>(*state));
        assert!(used.iter().all(|state| *state < 2));
        assert!(states.into_inner() <= 2);
    }

    #[test]
    fn the_first_failure_by_order_is_returned() {
        // The second item fails only after the third has failed.
        let third_failed = Barrier::new(2);
        let failed = parallel_map(2, 0..3, |item| match item {
            0 => Ok(()),
            1 => {
                third_failed.wait();
                thread::sleep(Duration::from_millis(5));
                Err(item)
            }
            _ => {
                third_failed.wait();
                Err(item)
            }
        });
        assert_eq!(failed, Err(1));
    }

    #[test]
    fn nothing_is_begun_after_a_failure() {
        for threads in [1, 4] {
            let begun = AtomicUsize::new(0);
            let failed = parallel_map(threads, 0..1000, |item| {
                begun.fetch_add(1, Ordering::Relaxed);
                if item == 0 {
                    return Err("first");
                }
                thread::sleep(Duration::from_millis(2));
                Ok(())
            });
            assert_eq!(failed, Err("first"));
            assert!(begun.into_inner() < 500, "{threads} threads");
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_ends_the_work() {
        for threads in [1, 4] {
            for guilty in [0, 3] {
                let begun = AtomicUsize::new(0);
                let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
                    parallel_map(threads, 0..1000, |item| {
                        begun.fetch_add(1, Ordering::Relaxed);
                        assert_ne!(item, guilty, "on purpose");
                        thread::sleep(Duration::from_millis(2));
                        Ok::<_, Infallible>(())
                    })
                }));
                let panic = panicked.unwrap_err();
                let message = panic.downcast_ref::<String>().unwrap();
                assert!(message.contains("on purpose"), "{message}");
                assert!(begun.into_inner() < 500, "{threads} threads");
            }
        }
    }
}
