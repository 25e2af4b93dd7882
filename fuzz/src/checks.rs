//! What must hold for any bytes. The corpus is replayed through the same functions by the tests of
//! nifti-stream, so that a crash that was found stays a test.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

use flate2::read::MultiGzDecoder;
use ndarray::Array2;
use nifti_stream::fs::VolumeFile;
use nifti_stream::gz::GzDecoder;
use nifti_stream::{
    Affine, Compression, Header, RowSelection, Spatial, VolumeReader, VoxelSelection, read_volume,
    write_volume,
};

/// Inflated bytes that are looked at: more tell nothing new.
const MOST_BYTES: u64 = 4 << 20;

/// A header is read or refused, and what was read is consistent.
pub fn header(bytes: &[u8]) {
    if let Ok(header) = Header::read(bytes) {
        let voxels = header.shape().iter().try_fold(1_u64, |n, &axis| n.checked_mul(axis));
        let size = voxels.and_then(|n| n.checked_mul(header.datatype().size() as u64));
        assert_eq!(size, Some(header.data_bytes()));
        assert!(header.data_offset() >= header.version().single_file_offset());
        let _ = header.grid();
    }
    if let Ok(volume) = read_volume(bytes) {
        assert_eq!(volume.data().len(), volume.grid().n_voxels());
    }
}

/// Inflating gives what flate2 gives, in pieces of any size, and refuses what it refuses.
pub fn gz(bytes: &[u8]) {
    let Some((&[kind, step], bytes)) = bytes.split_first_chunk::<2>() else { return };
    // Most inputs are deflate data without a valid trailer: they get the frame that they need.
    let framed = if kind & 1 == 0 { framed(bytes) } else { Some(bytes.to_vec()) };
    let Some(stored) = framed else { return };
    let expected = reference(&stored);
    let got = inflated(&stored, usize::from(step) * 7 + 1);
    if kind & 2 == 2 && stored.starts_with(&[0x1f, 0x8b]) {
        // Threads that guess where blocks start find the same.
        match (&got, inflated_by_threads(&stored, usize::from(step) * 11 + 20)) {
            (Ok(one), Ok(several)) => assert!(*one == several, "threads differ"),
            (Err(one), Err(several)) => assert_eq!(one.to_string(), several.to_string()),
            (one, several) => panic!("{one:?}, {several:?}"),
        }
    }
    match (expected, got) {
        (Ok(expected), Ok(got)) => assert!(expected == got, "bytes differ"),
        (Err(expected), Err(_)) if expected => {}
        // flate2 knows no padding, and looks neither at checksums of headers nor at reserved flags.
        (Err(_), _) => {}
        // flate2's own inflater takes matches from before the start for zeros.
        (Ok(_), Err(error)) if is_too_far_back(&error) => {
            assert!(kind & 1 == 1 || zlib_refuses(&stored[10..]), "{error}");
        }
        (Ok(expected), Err(error)) => {
            assert!(is_stricter(&error), "{error} for {} bytes", expected.len());
        }
    }
}

/// An index of any content never changes what is read.
pub fn index(bytes: &[u8]) {
    let sample = Sample::get();
    let path = sample.directory.path().join("fuzzed.index");
    // The first bytes say where the rest replaces a good index; then the table gets its checksum.
    let Some((&[high, low, repair], bytes)) = bytes.split_first_chunk::<3>() else { return };
    let mut content = sample.index.clone();
    let start = (usize::from(high) << 8 | usize::from(low)) % (content.len() + 1);
    let end = content.len().min(start + bytes.len());
    content.splice(start..end, bytes.iter().copied());
    if repair & 1 == 1 {
        repair_checksum(&mut content);
    }
    write_over(&path, &content);
    // One read a run, of which kind the bits of a byte say: that makes runs short.
    let threads = usize::from(repair >> 1 & 1) + 1;
    let volumes = if repair & 4 == 0 { (0..SAMPLE[3]).collect() } else { vec![1, 4] };
    let rows = match repair & 4 {
        0 => RowSelection::All,
        _ => RowSelection::Rows(volumes.clone()),
    };
    let file = VolumeFile::open(sample.directory.path().join("betas.nii.gz")).expect("opens");
    let file = file.with_threads(threads).with_index(&path);
    if repair & 8 == 0 {
        let mut out = Array2::from_elem((volumes.len(), sample.selection.len()), f32::NAN);
        file.read_rows(&sample.selection, &rows, out.view_mut())
            .expect("the file is right, whatever the index says");
        for (row, &volume) in out.rows().into_iter().zip(&volumes) {
            assert!(row == sample.expected.row(volume), "volume {volume}");
        }
    } else {
        let mut taken = Vec::new();
        let take = |volume: usize, row: &[f32]| {
            assert!(sample.expected.row(volume).iter().eq(row), "volume {volume}");
            taken.push(volume);
            ControlFlow::Continue(())
        };
        file.for_each_row(&sample.selection, &rows, take)
            .expect("the file is right, whatever the index says");
        assert_eq!(taken, volumes);
    }
}

/// Gives a file this content without making it empty first, for which some file systems wait.
fn write_over(path: &Path, content: &[u8]) {
    let options = File::options().write(true).create(true).truncate(false).open(path);
    let mut file = options.expect("a file");
    file.write_all(content).expect("a file");
    file.set_len(content.len() as u64).expect("a file");
}

/// Rows are those of the inflated file, or there are none.
pub fn reader(bytes: &[u8]) {
    let Some((&[kind, piece], bytes)) = bytes.split_first_chunk::<2>() else { return };
    let stored = if kind & 1 == 0 { compressed(bytes) } else { bytes.to_vec() };
    let piece = usize::from(piece) * 13 + 1;
    let Ok(reader) = VolumeReader::with_chunk_bytes(&stored[..], piece) else { return };
    let (grid, n_volumes) = (*reader.grid(), reader.n_volumes());
    let header = reader.header().clone();
    if header.data_bytes() > MOST_BYTES || grid.n_voxels() > 1 << 20 || n_volumes > 1 << 12 {
        return;
    }
    let wanted = (0..grid.n_voxels()).filter(|voxel| voxel % 3 != 1).collect();
    let selection = VoxelSelection::new(grid.shape(), wanted).expect("ascending, on the grid");
    let mut out = Array2::zeros((n_volumes, selection.len()));
    let result = reader.read_rows(&selection, &RowSelection::All, out.view_mut());
    let is_gzip = stored.starts_with(&[0x1f, 0x8b]);
    let plain = if is_gzip { reference(&stored) } else { Ok(stored.clone()) };
    let end = header.data_offset() + header.data_bytes();
    match (result, plain) {
        (Ok(()), Ok(plain)) => {
            assert!(plain.len() as u64 >= end, "rows of a file that is too short");
            // The same volumes one by one, from the inflated bytes.
            let mut again = VolumeReader::new(&plain[..]).expect("the same header");
            let mut row = vec![0.0; selection.len()];
            for expected in out.rows() {
                again.read_row(&selection, &mut row).expect("the bytes are there");
                let bits = |value: &f32| value.to_bits();
                assert!(expected.iter().map(bits).eq(row.iter().map(bits)), "rows differ");
            }
        }
        (Ok(()), Err(_)) => {}
        (Err(_), Err(_)) => {}
        (Err(error), Ok(plain)) => {
            let is_short = (plain.len() as u64) < end;
            assert!(is_short || is_stricter(&error) || is_too_far_back(&error), "{error}");
        }
    }
}

/// What flate2 makes of it; errors say whether they come from the deflate data.
fn reference(stored: &[u8]) -> Result<Vec<u8>, bool> {
    let mut inflated = Vec::new();
    let outcome = MultiGzDecoder::new(stored).take(MOST_BYTES).read_to_end(&mut inflated);
    match outcome {
        Ok(_) if (inflated.len() as u64) < MOST_BYTES => Ok(inflated),
        Ok(_) => Err(false),
        Err(error) => Err(error.to_string().contains("deflate")),
    }
}

fn inflated(stored: &[u8], step: usize) -> Result<Vec<u8>, nifti_stream::Error> {
    let mut decoder = GzDecoder::new(stored);
    let mut inflated = Vec::new();
    let mut piece = vec![0; step];
    loop {
        let n = decoder.read_chunk(&mut piece)?;
        inflated.extend(&piece[..n]);
        if n < piece.len() || inflated.len() as u64 >= MOST_BYTES {
            return Ok(inflated);
        }
    }
}

fn inflated_by_threads(stored: &[u8], chunk: usize) -> Result<Vec<u8>, nifti_stream::Error> {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary directory"));
    let path = folder.path().join("stored.gz");
    write_over(&path, stored);
    let [threads, chunk] = [2, chunk].map(|n| NonZeroUsize::new(n).expect("not 0"));
    let mut source = nifti_stream::fs::inflate_in_parallel(&path, threads, chunk)?;
    let mut inflated = Vec::new();
    let mut piece = vec![0; 4096];
    loop {
        let n = source.read_full(&mut piece)?;
        inflated.extend(&piece[..n]);
        if n < piece.len() || inflated.len() as u64 >= MOST_BYTES {
            return Ok(inflated);
        }
    }
}

/// Whether this crate alone refuses it, and says so.
fn is_stricter(error: &nifti_stream::Error) -> bool {
    use nifti_stream::Error;
    matches!(
        error.innermost(),
        Error::GzipHeader { problem, .. } if problem.contains("reserved") || problem.contains("checksum")
    )
}

fn is_too_far_back(error: &nifti_stream::Error) -> bool {
    use nifti_stream::Error;
    matches!(error.innermost(), Error::GzipData { problem, .. } if problem.contains("too far back"))
}

/// Whether zlib as it was written in C, and rewritten in Rust, refuses deflate data.
fn zlib_refuses(deflated: &[u8]) -> bool {
    let mut inflate = zlib_rs::Inflate::new(false, 15);
    let mut piece = vec![0; 64 * 1024];
    loop {
        let done = usize::try_from(inflate.total_in()).expect("less than the input");
        let before = (inflate.total_in(), inflate.total_out());
        let flush = zlib_rs::InflateFlush::NoFlush;
        match inflate.decompress(&deflated[done..], &mut piece, flush) {
            Err(_) => return true,
            Ok(zlib_rs::Status::StreamEnd) => return false,
            Ok(_) if before == (inflate.total_in(), inflate.total_out()) => return true,
            Ok(_) => {}
        }
    }
}

/// A member around deflate data, with the trailer that belongs to it; `None` if they are none.
fn framed(deflated: &[u8]) -> Option<Vec<u8>> {
    let mut inflated = Vec::new();
    let mut decoder = flate2::read::DeflateDecoder::new(deflated);
    Read::by_ref(&mut decoder).take(MOST_BYTES).read_to_end(&mut inflated).ok()?;
    let used = usize::try_from(decoder.total_in()).ok()?;
    let mut stored = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    stored.extend(&deflated[..used]);
    stored.extend(crc32fast::hash(&inflated).to_le_bytes());
    stored.extend((inflated.len() as u32).to_le_bytes());
    Some(stored)
}

fn compressed(plain: &[u8]) -> Vec<u8> {
    let (first, second) = plain.split_at(plain.len() / 3);
    let mut stored = Vec::new();
    for part in [first, second] {
        let mut encoder = flate2::write::GzEncoder::new(&mut stored, flate2::Compression::fast());
        encoder.write_all(part).expect("memory");
        encoder.finish().expect("memory");
    }
    stored
}

/// A member of several blocks, which are stored: they are read in no time.
fn blocks(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    for block in plain.chunks(700) {
        encoder.write_all(block).expect("memory");
        encoder.flush().expect("memory");
    }
    encoder.finish().expect("memory")
}

/// Shape of the file whose index is fuzzed: small, so that a run is short.
const SAMPLE: [usize; 4] = [6, 6, 10, 6];

struct Sample {
    directory: tempfile::TempDir,
    index: Vec<u8>,
    selection: VoxelSelection,
    expected: Array2<f32>,
}

impl Sample {
    fn get() -> &'static Self {
        static SAMPLE_FILE: OnceLock<Sample> = OnceLock::new();
        SAMPLE_FILE.get_or_init(Self::make)
    }

    fn make() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("betas.nii.gz");
        let [nx, ny, nz, nt] = SAMPLE;
        let values: Vec<f32> = (0..nx * ny * nz * nt)
            .map(|i| if i % 11 < 6 { 0.0 } else { (i * i % 1013) as f32 })
            .collect();
        let affine = Affine::from_rows([[2., 0., 0., 0.], [0., 2., 0., 0.], [0., 0., 2., 0.]]);
        let mut plain = Vec::new();
        // One long volume, then the header says that it is several.
        let spatial = Spatial::from_affine(&affine);
        write_volume(&mut plain, &spatial, [nx, ny, nz * nt], &values, Compression::None)
            .expect("memory");
        plain[40..50].copy_from_slice(&[4, 0, nx as u8, 0, ny as u8, 0, nz as u8, 0, nt as u8, 0]);
        let mut stored = Vec::new();
        let (first, second) = plain.split_at(plain.len() / 3);
        for member in [blocks(first), compressed(&second[..1500]), blocks(&second[1500..])] {
            stored.extend(member);
        }
        std::fs::write(&path, stored).expect("a file");
        let wanted = (0..nx * ny * nz).filter(|voxel| voxel % 5 == 2).collect();
        let selection = VoxelSelection::new([nx, ny, nz], wanted).expect("ascending, on the grid");
        let mut expected = Array2::zeros((nt, selection.len()));
        VolumeReader::new(&plain[..])
            .and_then(|reader| {
                reader.read_rows(&selection, &RowSelection::All, expected.view_mut())
            })
            .expect("the file is right");
        let index_path = directory.path().join("index");
        let file = VolumeFile::open(&path).expect("opens");
        file.make_index(&index_path, |_| ControlFlow::Continue(())).expect("an index");
        let index = std::fs::read(&index_path).expect("the index");
        Self { directory, index, selection, expected }
    }
}

/// Makes the checksum of the table fit, so that what lies behind it is reached.
fn repair_checksum(content: &mut [u8]) {
    let Some(footer) = content.len().checked_sub(20) else { return };
    let Some(length) = content[footer..].first_chunk::<8>().map(|b| u64::from_le_bytes(*b)) else {
        return;
    };
    let start = usize::try_from(length).ok().and_then(|length| footer.checked_sub(length));
    let Some(start) = start else { return };
    let crc = crc32fast::hash(&content[start..footer]).to_le_bytes();
    content[footer + 8..footer + 12].copy_from_slice(&crc);
}
