//! A queue of items that several threads make: they are taken in order, and the number that wait is
//! bounded.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Condvar, Mutex, PoisonError};

use laion_fmri_base::lock;

/// Numbered items between the threads that make them and the one that takes them; making one may fail
/// with an `E`.
pub(crate) struct Queue<T, E> {
    state: Mutex<State<T, E>>,
    /// Something was taken, or everything stops.
    room: Condvar,
    /// Something was made.
    made: Condvar,
    count: usize,
    at_once: usize,
    /// Items from the next one on that may be begun.
    ahead: usize,
}

struct State<T, E> {
    /// The first item that no turn has.
    next_turn: usize,
    taken: usize,
    made: BTreeMap<usize, Result<T, E>>,
    spare: Vec<T>,
    stopped: bool,
}

impl<T: Default, E> Queue<T, E> {
    /// Turns are of `at_once` items; none is begun that is `ahead` or more behind the next one taken.
    pub(crate) fn new(count: usize, at_once: usize, ahead: usize) -> Self {
        let (made, spare) = (BTreeMap::new(), Vec::new());
        Self {
            state: Mutex::new(State { next_turn: 0, taken: 0, made, spare, stopped: false }),
            room: Condvar::new(),
            made: Condvar::new(),
            count,
            at_once,
            ahead,
        }
    }

    /// The next items to make; `None` when there are no more.
    pub(crate) fn turn(&self) -> Option<Range<usize>> {
        let mut state = lock(&self.state);
        let start = state.next_turn;
        state.next_turn = self.count.min(start + self.at_once);
        (start < self.count && !state.stopped).then_some(start..state.next_turn)
    }

    /// Room for an item, once it may be begun: one that was taken before, or a new one; `None` when
    /// it is not wanted any more.
    pub(crate) fn begin(&self, rank: usize) -> Option<T> {
        let waits = |state: &mut State<T, E>| !state.stopped && rank >= state.taken + self.ahead;
        let state = self.room.wait_while(lock(&self.state), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        (!state.stopped).then(|| state.spare.pop().unwrap_or_default())
    }

    /// An item is made, or cannot be.
    pub(crate) fn done(&self, rank: usize, item: Result<T, E>) {
        let mut state = lock(&self.state);
        // What comes after a failure is not wanted.
        if item.is_err() {
            state.stopped = true;
            self.room.notify_all();
        }
        state.made.insert(rank, item);
        self.made.notify_one();
    }

    /// The next item, when it is made; the failure of any, at once; no failure when all has stopped for
    /// another reason.
    pub(crate) fn next(&self, rank: usize) -> Result<T, Option<E>> {
        let waits = |state: &mut State<T, E>| !state.stopped && !state.made.contains_key(&rank);
        let state = self.made.wait_while(lock(&self.state), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            let failed = state.made.iter().find(|(_, item)| item.is_err()).map(|(rank, _)| *rank);
            let failure = failed.and_then(|rank| state.made.remove(&rank));
            return Err(failure.and_then(Result::err));
        }
        state.taken = rank + 1;
        self.room.notify_all();
        state.made.remove(&rank).map_or(Err(None), |item| item.map_err(Some))
    }

    /// An item that was taken and is not needed any more.
    pub(crate) fn spare(&self, item: T) {
        lock(&self.state).spare.push(item);
    }

    /// Lets nobody wait any more.
    pub(crate) fn stop(&self) {
        lock(&self.state).stopped = true;
        self.room.notify_all();
        self.made.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        lock(&self.state).stopped
    }
}

/// Lets nobody wait once this is gone.
pub(crate) struct StopAtEnd<'a, T: Default, E> {
    pub(crate) queue: &'a Queue<T, E>,
    /// Whether that is only so when the thread panics.
    pub(crate) only_in_panic: bool,
}

impl<T: Default, E> Drop for StopAtEnd<'_, T, E> {
    fn drop(&mut self) {
        if !self.only_in_panic || std::thread::panicking() {
            self.queue.stop();
        }
    }
}
