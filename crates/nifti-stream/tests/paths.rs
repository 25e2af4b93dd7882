//! Every way through a 4-D file gives the same bits: threads, indexes, containers.

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use ndarray::Array2;
use nifti_stream::fs::{ArrivingVolumes, IndexBuilder, VolumeFile};
use nifti_stream::{Error, RowSelection, VolumeReader, VoxelSelection};

use crate::support::Nifti;

const SHAPE: [usize; 3] = [48, 44, 50];
const N_VOLUMES: usize = 45;
const VOLUME_BYTES: usize = 4 * 48 * 44 * 50;

/// A file of 19 MB, zero but for a ball of noise, in every container, and what its rows are.
struct Sample {
    plain: Vec<u8>,
    selection: VoxelSelection,
    expected: Array2<f32>,
}

/// Ways to store it; all but the last are gzipped.
const CONTAINERS: [&str; 4] = ["one.nii.gz", "members.nii.gz", "blocks.nii.gz", "plain.nii"];

impl Sample {
    fn get() -> &'static Self {
        static SAMPLE: OnceLock<Sample> = OnceLock::new();
        SAMPLE.get_or_init(|| {
            let header = Nifti { values: vec![], ..Nifti::new(&[1]) };
            let [nx, ny, nz] = SHAPE;
            let mut plain = Nifti { shape: vec![nx, ny, nz, N_VOLUMES], ..header }.bytes();
            let mut seed = 1_u64;
            for offset in 0..nx * ny * nz * N_VOLUMES {
                let (x, y, z) = (offset % nx, offset / nx % ny, offset / (nx * ny) % nz);
                let inside = x.abs_diff(24).pow(2) + y.abs_diff(22).pow(2) + z.abs_diff(25).pow(2);
                seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(11);
                let noise = (seed >> 40) as f32 / 1e5;
                plain.extend((if inside < 140 { noise } else { 0.0 }).to_le_bytes());
            }
            let wanted = (0..nx * ny * nz).filter(|voxel| voxel % 7 == 3).collect();
            let selection = VoxelSelection::new(SHAPE, wanted).unwrap();
            let mut expected = Array2::zeros((N_VOLUMES, selection.len()));
            let reader = VolumeReader::new(&plain[..]).unwrap();
            reader.read_rows(&selection, &RowSelection::All, expected.view_mut()).unwrap();
            assert!(expected.iter().filter(|value| **value != 0.0).count() > 10_000);
            Self { plain, selection, expected }
        })
    }

    fn write(&self, directory: &Path, container: &str) -> PathBuf {
        let path = directory.join(container);
        let stored = match container {
            "one.nii.gz" => gzip(&self.plain),
            "members.nii.gz" => self.plain.chunks(1_234_567).flat_map(gzip).collect(),
            "blocks.nii.gz" => bgzf(&self.plain),
            _ => self.plain.clone(),
        };
        fs::write(&path, stored).unwrap();
        path
    }

    /// Reads and compares the bits of every value.
    fn check(&self, path: &Path, index: Option<&Path>, threads: usize, rows: &RowSelection) {
        let got = self.read(path, index, threads, rows).unwrap();
        let what = format!("{} by {threads}, {rows:?}", path.display());
        self.compare(&got, rows, &what);
        // The same handed over row by row.
        let mut taken = Vec::new();
        let take = |volume: usize, row: &[f32]| {
            taken.push(volume);
            let bits = |value: &f32| value.to_bits();
            let expected = self.expected.row(volume);
            assert!(row.iter().map(bits).eq(expected.iter().map(bits)), "{what}: volume {volume}");
            ControlFlow::Continue(())
        };
        self.open(path, index, threads).unwrap().for_each_row(&self.selection, rows, take).unwrap();
        assert_eq!(taken, volumes(rows), "{what}");
    }

    fn compare(&self, got: &Array2<f32>, rows: &RowSelection, what: &str) {
        for (row, volume) in got.rows().into_iter().zip(volumes(rows)) {
            let bits = |value: &f32| value.to_bits();
            let expected = self.expected.row(volume);
            assert!(row.iter().map(bits).eq(expected.iter().map(bits)), "{what}: volume {volume}");
        }
    }

    fn open(&self, path: &Path, index: Option<&Path>, threads: usize) -> Result<VolumeFile, Error> {
        let file = VolumeFile::open(path)?.with_threads(threads);
        Ok(match index {
            Some(index) => file.with_index(index),
            None => file,
        })
    }

    fn read(
        &self,
        path: &Path,
        index: Option<&Path>,
        threads: usize,
        rows: &RowSelection,
    ) -> Result<Array2<f32>, Error> {
        let mut out = Array2::from_elem((rows.count(N_VOLUMES), self.selection.len()), f32::NAN);
        let file = self.open(path, index, threads)?;
        file.read_rows(&self.selection, rows, out.view_mut()).map(|()| out)
    }
}

fn volumes(rows: &RowSelection) -> Vec<usize> {
    match rows {
        RowSelection::All => (0..N_VOLUMES).collect(),
        RowSelection::Rows(rows) => rows.clone(),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Block gzip, with the empty member that ends it.
fn bgzf(bytes: &[u8]) -> Vec<u8> {
    let mut stored = Vec::new();
    for block in bytes.chunks(65_280).chain([&[][..]]) {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(block).unwrap();
        let deflated = encoder.finish().unwrap();
        stored.extend([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, b'B', b'C', 2, 0]);
        stored.extend((deflated.len() as u16 + 25).to_le_bytes());
        stored.extend(deflated);
        stored.extend(crc32fast::hash(block).to_le_bytes());
        stored.extend((block.len() as u32).to_le_bytes());
    }
    stored
}

fn some_rows() -> RowSelection {
    RowSelection::Rows(vec![2, 11, 12, 13, 40, N_VOLUMES - 1])
}

fn go_on(_: nifti_stream::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn threads_and_indexes_never_change_a_bit() {
    let sample = Sample::get();
    let directory = tempfile::tempdir().unwrap();
    for container in CONTAINERS {
        let path = sample.write(directory.path(), container);
        let index = directory.path().join(format!("cache/{container}.index"));
        for threads in [1, 2, 3] {
            for rows in [RowSelection::All, some_rows(), RowSelection::Rows(vec![])] {
                sample.check(&path, None, threads, &rows);
            }
        }
        // The first makes the index, also where the rows are few; the others use it.
        for threads in [1, 2, 5] {
            for rows in [some_rows(), RowSelection::All, RowSelection::Rows(vec![7])] {
                sample.check(&path, Some(&index), threads, &rows);
                assert_eq!(index.is_file(), container != "plain.nii", "{container}");
            }
        }
    }
}

#[test]
fn an_index_made_on_purpose_is_the_one_of_a_read() {
    let sample = Sample::get();
    let directory = tempfile::tempdir().unwrap();
    let path = sample.write(directory.path(), "one.nii.gz");
    let [read, made, piped] = ["read", "made", "piped"].map(|name| directory.path().join(name));
    sample.check(&path, Some(&read), 1, &some_rows());
    assert!(VolumeFile::open(&path).unwrap().make_index(&made, go_on).unwrap());
    let file = VolumeFile::open(&path).unwrap().with_threads(2);
    assert!(file.make_index(&piped, go_on).unwrap());
    let content = fs::read(&read).unwrap();
    assert!(content.len() > 500 && content.len() < 64 * 1024, "{}", content.len());
    assert!(content == fs::read(&made).unwrap() && content == fs::read(&piped).unwrap());
    // It is there, and nothing is read for it.
    let mut volumes = 0;
    let count = |_| {
        volumes += 1;
        ControlFlow::Continue(())
    };
    assert!(VolumeFile::open(&path).unwrap().make_index(&made, count).unwrap());
    assert_eq!(volumes, 0);
    let plain = sample.write(directory.path(), "plain.nii");
    assert!(!VolumeFile::open(&plain).unwrap().make_index(&made, go_on).unwrap());
}

#[test]
fn an_indexed_read_passes_only_what_it_needs() {
    let sample = Sample::get();
    let directory = tempfile::tempdir().unwrap();
    for container in ["one.nii.gz", "plain.nii"] {
        let path = sample.write(directory.path(), container);
        let index = directory.path().join("index");
        VolumeFile::open(&path).unwrap().make_index(&index, go_on).unwrap();
        let mut seen = Vec::new();
        let mut out = Array2::zeros((2, sample.selection.len()));
        let rows = RowSelection::Rows(vec![3, 30]);
        let file = VolumeFile::open(&path).unwrap().with_index(&index);
        file.read_rows_with(&sample.selection, &rows, out.view_mut(), |progress| {
            seen.push((progress.volumes, progress.n_volumes));
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(seen, [(0, 2), (1, 2), (2, 2)]);
        sample.compare(&out, &rows, container);
        // What lies before the volumes is never looked at: damage there goes unnoticed.
        let mut stored = fs::read(&path).unwrap();
        let offset = stored.len() / 2;
        stored[offset] ^= 0x55;
        fs::write(&path, stored).unwrap();
        sample.check(&path, Some(&index), 1, &RowSelection::Rows(vec![N_VOLUMES - 1]));
    }
}

#[test]
fn a_caller_stops_every_kind_of_read() {
    let sample = Sample::get();
    let directory = tempfile::tempdir().unwrap();
    for container in CONTAINERS {
        let path = sample.write(directory.path(), container);
        let index = directory.path().join(format!("{container}.index"));
        VolumeFile::open(&path).unwrap().make_index(&index, go_on).unwrap();
        for threads in [1, 2] {
            let file = VolumeFile::open(&path).unwrap().with_index(&index);
            let file = file.with_threads(threads);
            let mut out = Array2::zeros((N_VOLUMES, sample.selection.len()));
            let stop = |progress: nifti_stream::Progress| match progress.volumes {
                4 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            };
            let error = file
                .read_rows_with(&sample.selection, &RowSelection::All, out.view_mut(), stop)
                .unwrap_err();
            assert!(matches!(error.innermost(), Error::Cancelled { volume: 4 }), "{error:?}");
            assert_eq!(error.path(), Some(&*path));
            for index in [None, Some(&*index)] {
                let take = |volume: usize, _: &[f32]| match volume {
                    4 => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                };
                let file = sample.open(&path, index, threads).unwrap();
                let rows = RowSelection::Rows(vec![1, 4, 5]);
                let error = file.for_each_row(&sample.selection, &rows, take).unwrap_err();
                assert!(matches!(error.innermost(), Error::Cancelled { volume: 4 }), "{error:?}");
            }
        }
    }
}

#[test]
fn requests_are_checked_before_anything_is_read() {
    let sample = Sample::get();
    let directory = tempfile::tempdir().unwrap();
    let path = sample.write(directory.path(), "plain.nii");
    let mut out = Array2::zeros((2, sample.selection.len()));
    let mut read = |rows: Vec<usize>| {
        let file = VolumeFile::open(&path).unwrap();
        file.read_rows(&sample.selection, &RowSelection::Rows(rows), out.view_mut()).unwrap_err()
    };
    let error = read(vec![1, N_VOLUMES]);
    assert!(matches!(error.innermost(), Error::RowOutOfRange { row: N_VOLUMES, .. }), "{error:?}");
    assert_eq!(error.path(), Some(&*path));
    // Mistakes of the caller, whatever the file holds.
    let error = read(vec![1]);
    assert!(matches!(error, Error::OutputShape { got: [2, _], .. }), "{error:?}");
    let error = read(vec![2, 1]);
    assert!(matches!(error, Error::RowsNotAscending { previous: 2, row: 1, .. }), "{error:?}");
}

#[test]
fn an_index_that_is_damaged_or_foreign_is_made_anew() {
    let sample = Sample::get();
    let directory = tempfile::tempdir().unwrap();
    let path = sample.write(directory.path(), "one.nii.gz");
    let index = directory.path().join("index");
    VolumeFile::open(&path).unwrap().make_index(&index, go_on).unwrap();
    let good = fs::read(&index).unwrap();
    let mut bad: Vec<Vec<u8>> =
        (0..24).map(|part| good[..good.len() * part / 24].to_vec()).collect();
    bad.extend((0..48).map(|part| {
        let mut flipped = good.clone();
        flipped[good.len() * part / 48] ^= 1 << (part % 8);
        flipped
    }));
    let foreign = directory.path().join("foreign.index");
    let other = sample.write(directory.path(), "members.nii.gz");
    VolumeFile::open(&other).unwrap().make_index(&foreign, go_on).unwrap();
    bad.push(fs::read(&foreign).unwrap());
    for (number, bad) in bad.into_iter().enumerate() {
        fs::write(&index, &bad).unwrap();
        let rows = [some_rows(), RowSelection::All];
        sample.check(&path, Some(&index), 1 + number % 2, &rows[number / 3 % 2]);
    }
    sample.check(&path, Some(&index), 2, &RowSelection::All);
    assert!(fs::read(&index).unwrap() == good);
    // A place where nothing can be written is no reason to fail.
    let nowhere = path.join("below/a/file");
    sample.check(&path, Some(&nowhere), 1, &some_rows());
    let error = VolumeFile::open(&path).unwrap().make_index(&nowhere, go_on).unwrap_err();
    assert!(matches!(error.innermost(), Error::Write { .. }), "{error:?}");
}

#[test]
fn damage_gives_an_error_or_the_right_numbers() {
    let sample = Sample::get();
    let directory = tempfile::tempdir().unwrap();
    for container in CONTAINERS {
        let path = sample.write(directory.path(), container);
        let index = directory.path().join(format!("{container}.index"));
        VolumeFile::open(&path).unwrap().make_index(&index, go_on).unwrap();
        let whole = fs::read(&path).unwrap();
        for part in 0..64 {
            let length = whole.len() * part / 64;
            fs::write(&path, &whole[..length]).unwrap();
            for threads in [1, 2] {
                let read = sample.read(&path, Some(&index), threads, &RowSelection::All);
                let error = read.unwrap_err();
                let is_start = part == 0 || container == "plain.nii" && length < 352;
                assert!(error.is_damaged(), "{container}, {part}/64: {error:?}");
                assert_eq!(error.path(), Some(&*path));
                assert!(is_start || error.volume().is_some(), "{container}, {part}/64: {error:?}");
            }
            if container == "plain.nii" || part % 8 != 3 {
                continue;
            }
            let mut flipped = whole.clone();
            flipped[length] ^= 0x20;
            fs::write(&path, &flipped).unwrap();
            for threads in [1, 2] {
                let error =
                    sample.read(&path, Some(&index), threads, &RowSelection::All).unwrap_err();
                assert!(error.is_damaged(), "{container}, {part}/64: {error:?}");
                if let Ok(got) = sample.read(&path, Some(&index), threads, &some_rows()) {
                    sample.compare(&got, &some_rows(), container);
                }
            }
        }
        fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
        let result = sample.read(&path, Some(&index), 2, &RowSelection::All);
        if container == "plain.nii" {
            sample.compare(&result.unwrap(), &RowSelection::All, container);
        } else {
            let error = result.unwrap_err();
            assert!(matches!(error.innermost(), Error::GzipTrailing { .. }), "{error:?}");
        }
    }
}

#[test]
fn rows_are_taken_once_when_an_index_turns_out_wrong() {
    let sample = Sample::get();
    let directory = tempfile::tempdir().unwrap();
    let path = sample.write(directory.path(), "one.nii.gz");
    let index = directory.path().join("index");
    VolumeFile::open(&path).unwrap().make_index(&index, go_on).unwrap();
    let good = fs::read(&index).unwrap();
    // The checksum of a late volume, before the footer, and with it that of the table.
    let mut wrong = good.clone();
    let footer = good.len() - 20;
    wrong[footer - 4 * 5] ^= 1;
    let length = u64::from_le_bytes(*good[footer..].first_chunk().unwrap()) as usize;
    let crc = crc32fast::hash(&wrong[footer - length..footer]);
    wrong[footer + 8..footer + 12].copy_from_slice(&crc.to_le_bytes());
    for threads in [1, 2, 3] {
        for rows in [RowSelection::All, RowSelection::Rows((5..N_VOLUMES).collect())] {
            fs::write(&index, &wrong).unwrap();
            sample.check(&path, Some(&index), threads, &rows);
            // What found it wrong has made it anew; one thread that reads everything needs none.
            let is_used = threads > 1 || rows != RowSelection::All;
            assert!(fs::read(&index).unwrap() == if is_used { &good } else { &wrong }[..]);
        }
    }
}

#[test]
fn an_index_is_made_of_bytes_that_arrive() {
    let sample = Sample::get();
    let directory = tempfile::tempdir().unwrap();
    for container in CONTAINERS {
        let path = sample.write(directory.path(), container);
        let stored = fs::read(&path).unwrap();
        let made = directory.path().join("made");
        let passed = directory.path().join(format!("cache/{container}.index"));
        let has_index = VolumeFile::open(&path).unwrap().make_index(&made, go_on).unwrap();
        let mut builder = IndexBuilder::start(&passed).unwrap();
        assert!(stored.chunks(100_003).all(|piece| builder.push(piece)));
        assert_eq!(builder.finish().unwrap(), has_index, "{container}");
        assert_eq!(passed.is_file(), has_index);
        if !has_index {
            continue;
        }
        assert!(fs::read(&made).unwrap() == fs::read(&passed).unwrap(), "{container}");
        fs::remove_file(&passed).unwrap();
        // A transfer that ends early, a flipped bit, a wrong trailer.
        let (half, end) = (stored.len() / 2, stored.len() - 30);
        let mut flipped = stored.clone();
        flipped[half] ^= 4;
        let mut trailer = stored.clone();
        *trailer.last_mut().unwrap() ^= 1;
        for damaged in [&stored[..half], &stored[..end], &flipped, &trailer, b"\x1f\x8b\x07"] {
            let mut builder = IndexBuilder::start(&passed).unwrap();
            let _ = damaged.chunks(70_000).all(|piece| builder.push(piece));
            let error = builder.finish().unwrap_err();
            assert!(error.is_damaged(), "{container}: {error:?}");
            assert_eq!(fs::read_dir(directory.path().join("cache")).unwrap().count(), 0);
        }
    }
    // Sound, but nothing that has an index: another file, volumes that are missing, no room for it.
    let short = gzip(&sample.plain[..352 + 3 * VOLUME_BYTES + 5]);
    let whole = gzip(&sample.plain);
    let nowhere = directory.path().join("made/below");
    for (stored, index) in
        [(gzip(b"a table"), "index"), (short, "index"), (whole, nowhere.to_str().unwrap())]
    {
        let mut builder = IndexBuilder::start(directory.path().join(index)).unwrap();
        assert!(stored.chunks(70_000).all(|piece| builder.push(piece)));
        assert!(!builder.finish().unwrap());
        assert!(!directory.path().join(index).exists());
    }
}

#[test]
fn volumes_are_read_while_their_bytes_arrive() {
    let sample = Sample::get();
    let directory = tempfile::tempdir().unwrap();
    let (path, made) = (directory.path().join("passed"), directory.path().join("made"));
    // Hands over the rows that were taken, and whether they were all.
    let read = |stored: &[u8], index: Option<PathBuf>, most: usize| {
        let (sender, read) = channel();
        let reading = move |volumes: &mut ArrivingVolumes| {
            assert_eq!((volumes.grid().shape(), volumes.n_volumes()), (SHAPE, N_VOLUMES));
            let mut taken: Vec<Vec<f32>> = Vec::new();
            let is_whole = volumes.for_each_row(&sample.selection, |volume, row| {
                assert_eq!(volume, taken.len());
                taken.push(row.to_vec());
                let goes_on = taken.len() < most;
                if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            assert!(!volumes.for_each_row(&sample.selection, |_, _| ControlFlow::Continue(())));
            sender.send((taken, is_whole)).unwrap();
        };
        let mut builder = IndexBuilder::start_reading(index, reading).unwrap();
        let _ = stored.chunks(70_001).all(|piece| builder.push(piece));
        (builder.finish(), read.recv())
    };
    for container in &CONTAINERS[..3] {
        let file = sample.write(directory.path(), container);
        let stored = fs::read(&file).unwrap();
        VolumeFile::open(&file).unwrap().make_index(&made, go_on).unwrap();
        for index in [None, Some(path.clone())] {
            let (finished, taken) = read(&stored, index.clone(), usize::MAX);
            assert_eq!(finished.unwrap(), index.is_some(), "{container}");
            let (taken, is_whole) = taken.unwrap();
            assert!(is_whole);
            let taken = Array2::from_shape_fn(sample.expected.dim(), |(row, at)| taken[row][at]);
            sample.compare(&taken, &RowSelection::All, container);
        }
        assert!(fs::read(&path).unwrap() == fs::read(&made).unwrap(), "{container}");
        // Who takes no more rows leaves the rest to be verified.
        let (finished, taken) = read(&stored, Some(path.clone()), 2);
        assert!(finished.unwrap());
        let (taken, is_whole) = taken.unwrap();
        assert_eq!((taken.len(), is_whole), (2, false));
        assert!(fs::read(&path).unwrap() == fs::read(&made).unwrap(), "{container}");
        let mut damaged = stored.clone();
        *damaged.last_mut().unwrap() ^= 1;
        for (bytes, most) in [(&damaged[..], usize::MAX), (&stored[..stored.len() / 2], 3)] {
            let (finished, taken) = read(bytes, None, most);
            assert!(finished.unwrap_err().is_damaged(), "{container}");
            assert!(!taken.unwrap().1, "{container}");
        }
    }
    // Other files have no volumes that could be read, and are verified.
    let (finished, taken) = read(&gzip(b"a table"), None, usize::MAX);
    assert!(!finished.unwrap() && taken.is_err());
    // Nothing is handed over for another grid, and the file is read to its end.
    let other = VoxelSelection::new([2, 2, 2], vec![1]).unwrap();
    let reading = move |volumes: &mut ArrivingVolumes| {
        assert!(!volumes.for_each_row(&other, |_, _| panic!("a row of another grid")));
    };
    let mut builder = IndexBuilder::start_reading(None, reading).unwrap();
    let mut damaged = gzip(&sample.plain);
    *damaged.last_mut().unwrap() ^= 1;
    let _ = damaged.chunks(70_001).all(|piece| builder.push(piece));
    assert!(builder.finish().unwrap_err().is_damaged());
}

#[test]
fn who_pushes_damaged_bytes_does_not_wait_for_who_reads_them() {
    let sample = Sample::get();
    // No gzip member follows the first one, and much is pushed behind it.
    let mut stored = gzip(&sample.plain[..352 + 3 * VOLUME_BYTES]);
    stored.extend([0x55; 1_000_000]);
    let ((teller, told), (sender, read)) = (channel(), channel());
    let reading = move |volumes: &mut ArrivingVolumes| {
        let is_whole = volumes.for_each_row(&sample.selection, |_, _| ControlFlow::Continue(()));
        let is_told = told.recv_timeout(Duration::from_secs(5)).is_ok();
        sender.send((is_whole, is_told)).unwrap();
    };
    let mut builder = IndexBuilder::start_reading(None, reading).unwrap();
    assert!(!stored.chunks(70_001).all(|piece| builder.push(piece)));
    assert!(builder.finish().unwrap_err().is_damaged());
    // In vain where pushing has waited for so long.
    let _ = teller.send(());
    assert_eq!(read.recv().unwrap(), (false, true));
}

#[test]
fn a_plain_file_that_ends_early_names_the_volume() {
    let sample = Sample::get();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("short.nii");
    fs::write(&path, &sample.plain[..352 + 3 * VOLUME_BYTES + 5]).unwrap();
    let error = sample.read(&path, None, 1, &RowSelection::Rows(vec![0])).unwrap_err();
    assert_eq!(error.volume(), Some(3));
    let (whole, got) = ((VOLUME_BYTES * N_VOLUMES) as u64, (3 * VOLUME_BYTES + 5) as u64);
    assert!(matches!(
        error.innermost(),
        &Error::Truncated { expected, got: g, .. } if expected == whole && g == got
    ));
}
