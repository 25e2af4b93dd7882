//! Inflating ahead in a second thread, a bounded number of pieces.

use std::io::Read;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::members::{Members, Step};
use super::window::Window;
use crate::error::Error;

/// Pieces that are ready or on their way.
const PIECES: usize = 4;

/// The receiving end of a thread that inflates.
///
/// Windows go round: the thread fills a free one, which starts with the history of the one before,
/// and gets it back when its bytes were consumed.
pub(crate) struct Pipe<R> {
    full: Receiver<Filled>,
    free: Sender<Window>,
    thread: JoinHandle<Box<Members<R>>>,
}

/// What the thread hands over.
struct Filled {
    window: Window,
    produced: usize,
    step: Result<Step, Error>,
    compressed_offset: u64,
}

impl<R: Read + Send + 'static> Pipe<R> {
    /// Starts a thread that goes on behind the bytes of `window`. Without a thread, the stream
    /// comes back.
    pub(crate) fn start(
        members: Box<Members<R>>,
        window: &Window,
    ) -> Result<Self, Box<Members<R>>> {
        let (full_sender, full) = sync_channel(PIECES);
        let (free, free_receiver) = channel();
        for _ in 0..PIECES {
            // The receiver is alive, here in this function.
            let _ = free.send(window.sibling());
        }
        let mut first = window.sibling();
        first.continue_from(window);
        // The stream is moved in by a channel, so that it survives a thread that does not start.
        let (hand_over, handed_over) = sync_channel::<Box<Members<R>>>(1);
        let started = Builder::new().name("inflate".to_owned()).spawn(move || {
            let members = handed_over.recv();
            // INVARIANT: `start` sends the stream directly after this thread was started.
            let mut members = members.expect("the stream was handed over");
            run(&mut members, first, &full_sender, &free_receiver);
            members
        });
        match started {
            Ok(thread) => match hand_over.send(members) {
                Ok(()) => Ok(Self { full, free, thread }),
                Err(unsent) => Err(unsent.0),
            },
            Err(_) => Err(members),
        }
    }
}

impl<R: Read> Pipe<R> {
    /// The next step; its bytes are added to `window`.
    pub(crate) fn step(
        &mut self,
        window: &mut Window,
        compressed_offset: &mut u64,
    ) -> Result<Step, Error> {
        // The thread ends only after an error or the end, both of which are the last step.
        let filled = self.full.recv().map_err(|_| Error::AlreadyFailed)?;
        *compressed_offset = filled.compressed_offset;
        let step = filled.step?;
        if filled.produced > 0 {
            let left = window.available().len();
            let mut used = std::mem::replace(window, filled.window);
            window.restart(filled.produced, left);
            used.consume(left);
            // A thread that has ended needs no more windows.
            let _ = self.free.send(used);
        } else {
            let _ = self.free.send(filled.window);
        }
        Ok(step)
    }

    /// Stops the thread and takes the stream back, unless the thread was lost.
    pub(crate) fn finish(self) -> Option<Box<Members<R>>> {
        drop((self.full, self.free));
        self.thread.join().ok()
    }
}

fn run<R: Read>(
    members: &mut Members<R>,
    mut window: Window,
    full: &SyncSender<Filled>,
    free: &Receiver<Window>,
) {
    loop {
        window.consume(usize::MAX);
        let step = members.step(&mut window);
        let produced = window.available().len();
        let is_last = matches!(step, Ok(Step::End) | Err(_));
        let Ok(mut next) = free.recv() else { return };
        next.continue_from(&window);
        let compressed_offset = members.compressed_offset();
        let filled = Filled { window, produced, step, compressed_offset };
        if full.send(filled).is_err() || is_last {
            return;
        }
        window = next;
    }
}
