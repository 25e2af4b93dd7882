//! Rows of a `.npy` file, which another thread writes and syncs while the next ones are made.

use std::fs::File;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::Builder;

use crate::atomic::atomic_unbuffered;
use crate::element::Element;
use crate::encoding;
use crate::error::Error;

/// Bytes written at a time.
const PIECE: usize = 1 << 20;
/// Pieces that are being filled, waiting or written.
const PIECES: usize = 4;
/// Bytes after which those written are sent on to the disk.
const SYNC_BYTES: usize = 16 << 20;

/// Takes the rows of an array one after the other. See [`write_npy_rows`].
#[derive(Debug)]
pub struct NpyRows<T> {
    /// The file, for messages.
    name: String,
    columns: usize,
    expected: usize,
    got: usize,
    piece: Vec<u8>,
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
    element: PhantomData<T>,
}

/// Writes a two-dimensional array of `[rows, columns]` to a `.npy` file, without ever holding it.
///
/// `fill` puts the rows, all of them, in order. A thread of its own writes what is there in pieces of
/// 1 MiB and lets them travel to the disk, so that little is left to wait for at the end. The file is
/// byte for byte that of [`write_npy`](crate::write_npy), and appears as that does; 4 MiB are held.
///
/// # Errors
///
/// As [`atomic_file`](crate::atomic_file), [`Error::Rows`] when there are too many or too few, and
/// what `fill` answers.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("rows.npy");
/// array_export::write_npy_rows(&path, [2, 3], |rows| {
///     rows.put(&[0.5f32, 1.5, 2.5])?;
///     rows.put(&[3.5, 4.5, 5.5])
/// })?;
/// assert_eq!(array_export::read_npy::<f32>(&path)?.shape(), [2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `fill` may answer with an error of its own. If nothing else says which, its last line has to:
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("rows.npy");
/// array_export::write_npy_rows(&path, [2, 3], |rows| {
///     for row in 0..2 {
///         rows.put(&[row as f32; 3])?;
///     }
///     Ok::<(), array_export::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_npy_rows<T: Element, R, E: From<Error>>(
    path: impl AsRef<Path>,
    shape: [usize; 2],
    fill: impl FnOnce(&mut NpyRows<T>) -> Result<R, E>,
) -> Result<R, E> {
    let path = path.as_ref();
    let write_error = |source| Error::Write { path: path.into(), source };
    atomic_unbuffered(path, |file| {
        let header = encoding::standard_header::<T>(&shape).map_err(write_error)?;
        std::thread::scope(|scope| {
            let (full, full_receiver) = sync_channel(PIECES);
            let (empty_sender, empty) = channel();
            for _ in 1..PIECES {
                // The receiver is alive, here in this function.
                let _ = empty_sender.send(Vec::new());
            }
            let writer = Builder::new()
                .name("write".to_owned())
                .spawn_scoped(scope, move || write_pieces(file, &full_receiver, &empty_sender))
                .map_err(|error| write_error(no_thread(&error)))?;
            let [expected, columns] = shape;
            let (piece, element) = (header, PhantomData);
            let name = path.display().to_string();
            let mut rows = NpyRows { name, columns, expected, got: 0, piece, full, empty, element };
            let filled = fill(&mut rows);
            let (got, last) = (rows.got, std::mem::take(&mut rows.piece));
            // Of a thread that has ended, the error is its own.
            let _ = rows.full.send(last);
            drop(rows);
            let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match (filled, written) {
                // Rows are refused once writing has failed: that failure is the cause.
                (_, Err(source)) => Err(write_error(source).into()),
                (Ok(_), Ok(())) if got != expected => {
                    Err(Error::Rows { name: path.display().to_string(), expected, got }.into())
                }
                (filled, Ok(())) => filled,
            }
        })
    })
}

/// The system's refusal, with what it refused.
fn no_thread(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot start a thread to write with: {error}"))
}

impl<T: Element> NpyRows<T> {
    /// Puts the next row.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] for a row of another length, [`Error::Rows`] for one too many, and
    /// [`Error::Stopped`] once writing has failed; [`write_npy_rows`] has the cause.
    pub fn put(&mut self, row: &[T]) -> Result<(), Error> {
        if row.len() != self.columns {
            let (name, expected) = (self.name.clone(), self.columns);
            return Err(Error::Columns { name, expected, got: row.len() });
        }
        if self.got == self.expected {
            let (name, expected) = (self.name.clone(), self.expected);
            return Err(Error::Rows { name, expected, got: self.got + 1 });
        }
        self.got += 1;
        let mut rest = row;
        while !rest.is_empty() {
            let start = self.piece.len();
            let (here, later) = rest.split_at(rest.len().min((PIECE - start) / T::SIZE));
            self.piece.resize(start + here.len() * T::SIZE, 0);
            for (bytes, &value) in self.piece[start..].chunks_exact_mut(T::SIZE).zip(here) {
                value.put(bytes);
            }
            rest = later;
            if PIECE - self.piece.len() < T::SIZE {
                let mut next = self.empty.recv().map_err(|_| Error::Stopped)?;
                next.clear();
                let full = std::mem::replace(&mut self.piece, next);
                self.full.send(full).map_err(|_| Error::Stopped)?;
            }
        }
        Ok(())
    }
}

/// Writes pieces until there are no more.
fn write_pieces(
    mut file: &File,
    full: &Receiver<Vec<u8>>,
    empty: &Sender<Vec<u8>>,
) -> io::Result<()> {
    // What is no file (a pipe, a device) cannot be synced.
    let is_file = file.metadata()?.is_file();
    let mut unsynced = 0;
    while let Ok(piece) = full.recv() {
        file.write_all(&piece)?;
        unsynced += piece.len();
        // Nobody waits for a piece after the last row.
        let _ = empty.send(piece);
        if is_file && unsynced >= SYNC_BYTES {
            file.sync_data()?;
            unsynced = 0;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn the_file_is_that_of_the_whole_array() {
        let directory = tempfile::tempdir().unwrap();
        let (whole, rows) = (directory.path().join("whole.npy"), directory.path().join("rows.npy"));
        for shape in [(0, 3), (3, 0), (1, 1), (40, 70_001), (3, 400_000)] {
            let array = Array2::from_shape_fn(shape, |(row, column)| (row * 31 + column) as f32);
            crate::write_npy(&whole, array.view()).unwrap();
            write_npy_rows(&rows, shape.into(), |rows| {
                array.rows().into_iter().try_for_each(|row| rows.put(row.to_slice().unwrap()))
            })
            .unwrap();
            assert!(std::fs::read(&whole).unwrap() == std::fs::read(&rows).unwrap(), "{shape:?}");
        }
    }

    #[test]
    fn what_does_not_fit_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.npy");
        let check = |shape, rows: &[&[i32]], expected: fn(&Error) -> bool| {
            let error = write_npy_rows(&path, shape, |writer| {
                rows.iter().try_for_each(|row| writer.put(row))
            });
            let error = error.unwrap_err();
            assert!(expected(&error), "{error:?}");
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        };
        check([2, 2], &[&[1, 2]], |e| matches!(e, Error::Rows { expected: 2, got: 1, .. }));
        check([1, 1], &[&[1], &[2]], |e| matches!(e, Error::Rows { expected: 1, got: 2, .. }));
        check([1, 2], &[&[1]], |e| matches!(e, Error::Columns { expected: 2, got: 1, .. }));
        let path = directory.path().join("missing").join("rows.npy");
        let error = write_npy_rows(&path, [1, 1], |rows| rows.put(&[0_u8])).unwrap_err();
        assert!(matches!(error, Error::ParentMissing { .. }), "{error:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_device_is_the_cause() {
        let row = vec![0_u8; 1 << 20];
        let error = write_npy_rows("/dev/full", [9, 1 << 20], |rows| {
            (0..9).try_for_each(|_| rows.put(&row))
        });
        let error = error.unwrap_err();
        let Error::Write { source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    }
}
