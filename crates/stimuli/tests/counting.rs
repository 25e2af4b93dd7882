//! What opening a file and reading a row costs, in bytes: at most a chunk and 256 KiB.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use fixtures::hdf5::Writer;
use laion_fmri_stimuli::{
    EmbeddingModel, Embeddings, Images, ReadAt, SegmentationTable, Segmentations, f16,
};

const ALLOWANCE: u64 = 256 << 10;

/// Bytes in memory, and how many of them were read.
struct Counting {
    bytes: Vec<u8>,
    read: AtomicU64,
}

impl Counting {
    fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { bytes, read: AtomicU64::new(0) })
    }

    /// The bytes read since this was last asked.
    fn read(&self) -> u64 {
        self.read.swap(0, Ordering::Relaxed)
    }
}

impl ReadAt for Counting {
    fn length(&self) -> io::Result<u64> {
        self.bytes.length()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        self.bytes.read_exact_at(buffer, offset)
    }
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counting").finish_non_exhaustive()
    }
}

/// Bytes that do not shrink much.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn an_image_costs_its_own_bytes() {
    let rows: Vec<Vec<u8>> = (0..200).map(|row| noise(100 * row)).collect();
    let slices: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
    let mut writer = Writer::new();
    writer.byte_sequences("images", &slices);
    let source = Counting::new(writer.finish());
    let images = Images::from_source(Arc::clone(&source), "images.h5").unwrap();
    for row in [0, 7, 199, 0] {
        assert_eq!(images.encoded(row).unwrap(), rows[row]);
        let limit = rows[row].len() as u64 + ALLOWANCE;
        let read = source.read();
        assert!(read <= limit, "row {row}: {read} bytes");
    }
}

#[test]
fn an_embedding_costs_a_row() {
    let (rows, features) = (4000, 600);
    let bits: Vec<u16> = (0..rows * features).map(|number| (number % 31_000) as u16).collect();
    let names: Vec<String> = (0..rows).map(|row| format!("{row:0100}.jpg")).collect();
    let mut writer = Writer::new();
    writer.halves("embedding", &[rows as u64, features as u64], &bits);
    writer.texts("image_ids", &names.iter().map(String::as_str).collect::<Vec<_>>());
    writer.booleans("valid", &vec![true; rows]);
    let source = Counting::new(writer.finish());
    let open = || {
        let source = Arc::clone(&source);
        Embeddings::from_source(source, "embeddings.h5", EmbeddingModel::Clip).unwrap()
    };
    for row in [0, 1234, rows - 1] {
        // Opening included.
        let values = open().row(row).unwrap();
        let expected = &bits[row * features..(row + 1) * features];
        assert!(values.iter().zip(expected).all(|(value, bits)| value.to_bits() == *bits));
        let read = source.read();
        assert!(read <= 2 * features as u64 + ALLOWANCE, "row {row}: {read} bytes");
    }
    // Each distinct row is read once.
    let embeddings = open();
    embeddings.valid().unwrap();
    source.read();
    embeddings.rows(&[500, 3, 500, 500, 3, 3900]).unwrap();
    assert_eq!(source.read(), 3 * 2 * features as u64);
    // So it is by several threads, all of which fill places with all rows.
    let wanted: Vec<usize> = (0..2 * rows).map(|place| place * 37 % rows).collect();
    let values = embeddings.rows_f32(&wanted).unwrap();
    assert_eq!(source.read(), 2 * (rows * features) as u64);
    for (place, row) in wanted.into_iter().enumerate() {
        let expected = &bits[row * features..(row + 1) * features];
        let got = values.row(place);
        let mut pairs = got.iter().zip(expected);
        assert!(pairs.all(|(value, bits)| *value == f16::from_bits(*bits).to_f32()), "{place}");
    }
}

#[test]
fn a_mask_costs_a_chunk() {
    let (count, side) = (60, 300);
    let pixels: Vec<u8> = noise(count * side * side).into_iter().map(|byte| byte & 1).collect();
    let mut writer = Writer::new();
    writer.deflated_rows("masks", &[count, side, side].map(|axis| axis as u64), &pixels).unwrap();
    let bytes = writer.finish();
    let chunk = bytes.len() as u64 / count as u64;
    let mut table = String::from(
        "mask_row,image_name,noun,instance_id,score,box_x0,box_y0,box_x1,box_y1,localized,mask_file\n",
    );
    for row in 0..count {
        table.push_str(&format!("{row},image,noun,{row},,,,,,1,\n"));
    }
    let table = SegmentationTable::from_reader(table.as_bytes()).unwrap();
    let source = Counting::new(bytes);
    for row in [0, 31, count - 1] {
        let masks =
            Segmentations::from_source(Arc::clone(&source), "masks.h5", table.clone()).unwrap();
        let mask = masks.mask(row).unwrap();
        let size = side * side;
        assert!(mask.iter().eq(&pixels[row * size..(row + 1) * size]));
        let read = source.read();
        assert!(read <= 2 * chunk + ALLOWANCE, "row {row}: {read} bytes");
    }
}

#[test]
fn one_file_is_read_by_several_threads_at_once() {
    let rows: Vec<Vec<u8>> = (0..100).map(|row| noise(50 * row)).collect();
    let slices: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
    let mut writer = Writer::new();
    writer.byte_sequences("images", &slices);
    let images = Images::from_source(writer.finish(), "images.h5").unwrap();
    thread::scope(|scope| {
        for start in 0..4 {
            let (images, rows) = (&images, &rows);
            scope.spawn(move || {
                for row in (0..rows.len()).map(|row| (row * 7 + start * 25) % rows.len()) {
                    assert_eq!(images.encoded(row).unwrap(), rows[row]);
                }
            });
        }
    });
}
