//! Rows that several threads make, taken in order, with a bound on those that wait.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::parallel::Failure;

/// Rows between the threads that make them and the one that takes them.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something was taken, or everything stops.
    room: Condvar,
    /// Something was made.
    made: Condvar,
    n_rows: usize,
    at_once: usize,
    /// Rows behind the next one that may be begun.
    ahead: usize,
}

struct State {
    /// The first row that no turn has.
    next_turn: usize,
    taken: usize,
    made: BTreeMap<usize, Result<Vec<f32>, Failure>>,
    spare: Vec<Vec<f32>>,
    stopped: bool,
}

impl Queue {
    /// Turns are of `at_once` rows; no row is begun that is `ahead` or more behind the next.
    pub(super) fn new(n_rows: usize, at_once: usize, ahead: usize) -> Self {
        let (made, spare) = (BTreeMap::new(), Vec::new());
        Self {
            state: Mutex::new(State { next_turn: 0, taken: 0, made, spare, stopped: false }),
            room: Condvar::new(),
            made: Condvar::new(),
            n_rows,
            at_once,
            ahead,
        }
    }

    /// The next rows to make; `None` when there are no more.
    pub(super) fn turn(&self) -> Option<Range<usize>> {
        let mut state = self.lock();
        let start = state.next_turn;
        state.next_turn = self.n_rows.min(start + self.at_once);
        (start < self.n_rows && !state.stopped).then_some(start..state.next_turn)
    }

    /// A buffer for a row, once it may be begun; `None` when it is not wanted any more.
    pub(super) fn row(&self, rank: usize) -> Option<Vec<f32>> {
        let waits = |state: &mut State| !state.stopped && rank >= state.taken + self.ahead;
        let state = self.room.wait_while(self.lock(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        (!state.stopped).then(|| state.spare.pop().unwrap_or_default())
    }

    /// A row is made, or cannot be.
    pub(super) fn done(&self, rank: usize, row: Result<Vec<f32>, Failure>) {
        let mut state = self.lock();
        // What comes after a failure is not wanted.
        if row.is_err() {
            state.stopped = true;
            self.room.notify_all();
        }
        state.made.insert(rank, row);
        self.made.notify_one();
    }

    /// The next row, when it is made; the failure of any, at once.
    pub(super) fn next(&self, rank: usize) -> Result<Vec<f32>, Failure> {
        let waits = |state: &mut State| !state.stopped && !state.made.contains_key(&rank);
        let state = self.made.wait_while(self.lock(), waits);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            let failed = state.made.iter().find(|(_, row)| row.is_err()).map(|(rank, _)| *rank);
            let failure = failed.and_then(|rank| state.made.remove(&rank));
            return failure.unwrap_or(Err(Failure::Unfit(None)));
        }
        state.taken = rank + 1;
        self.room.notify_all();
        state.made.remove(&rank).unwrap_or(Err(Failure::Unfit(None)))
    }

    /// A row that was taken and is not needed any more.
    pub(super) fn spare(&self, row: Vec<f32>) {
        self.lock().spare.push(row);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets nobody wait once this is gone.
pub(super) struct StopAtEnd<'a> {
    pub(super) queue: &'a Queue,
    /// Whether that is only so when the thread panics.
    pub(super) only_in_panic: bool,
}

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        if !self.only_in_panic || std::thread::panicking() {
            self.queue.lock().stopped = true;
            self.queue.room.notify_all();
            self.queue.made.notify_all();
        }
    }
}
