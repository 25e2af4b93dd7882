//! Files written by h5py and Pillow, in every layout that h5py can plausibly have used, give the
//! bytes that those libraries read.
//!
//! The directory named by `LAION_FMRI_INTEROP` holds `stimuli/manifest.json`; all paths in it are
//! relative to that directory.
#![cfg(test)]

use std::fs;
use std::path::PathBuf;

use fixtures::bucket;
use laion_fmri_stimuli::{
    ColorMode, EmbeddingModel, Embeddings, Error, Images, SegmentationTable, Segmentations,
};
use laion_fmri_stimuli::{decode, f16};
use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Manifest {
    images: Vec<ImagesCase>,
    encoded: Vec<String>,
    decoded: Vec<DecodedCase>,
    embeddings: Vec<EmbeddingsCase>,
    masks: Vec<MasksCase>,
    refused: Vec<RefusedCase>,
}

#[derive(Deserialize)]
struct RefusedCase {
    file: String,
    what: String,
}

#[derive(Deserialize)]
struct ImagesCase {
    file: String,
    count: usize,
}

#[derive(Deserialize)]
struct DecodedCase {
    file: String,
    kind: String,
    shape: [usize; 3],
    expected: String,
    original: String,
    mode: String,
}

#[derive(Deserialize)]
struct EmbeddingsCase {
    file: String,
    shape: [usize; 2],
    expected: String,
    ids: Vec<String>,
    valid: Vec<bool>,
}

#[derive(Deserialize)]
struct MasksCase {
    file: String,
    shape: [usize; 3],
    expected: String,
}

#[expect(clippy::disallowed_methods, reason = "the runner tells the place by a variable")]
fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("LAION_FMRI_INTEROP").expect("LAION_FMRI_INTEROP is set"))
}

fn read(file: &str) -> Vec<u8> {
    fs::read(root().join(file)).unwrap()
}

fn manifest() -> Manifest {
    serde_json::from_slice(&read("stimuli/manifest.json")).unwrap()
}

/// Whether the C library gives what h5py gives: not without the filter that comes with h5py, and not
/// where it leaves the memory of the caller as it is, because nothing is ever to be filled.
#[cfg(feature = "hdf5-c")]
fn c_library_reads(file: &str) -> bool {
    !file.contains("lzf") && !file.contains("never")
}

#[test]
#[ignore = "run by `cargo xtask interop`"]
fn what_is_not_read_is_named() {
    let cases = manifest().refused;
    assert!(!cases.is_empty());
    for case in cases {
        let opened = Embeddings::open(root().join(&case.file), EmbeddingModel::Clip);
        let error = opened.unwrap_err();
        assert!(
            matches!(&error, Error::Unsupported { dataset: "embedding", what, .. }
                if what.contains(&case.what)),
            "{}: {error:?}",
            case.file
        );
    }
}

/// Rows in no order, with repeats.
fn shuffled(count: usize) -> Vec<usize> {
    (0..count + 7).map(|position| position * 37 % count).collect()
}

#[test]
#[ignore = "run by `cargo xtask interop`"]
fn images_are_the_bytes_that_h5py_wrote() {
    let manifest = manifest();
    let expected: Vec<Vec<u8>> = manifest.encoded.iter().map(|file| read(file)).collect();
    assert!(!manifest.images.is_empty());
    for case in manifest.images {
        let path = root().join(&case.file);
        let check = |images: Images| {
            assert_eq!(images.len(), case.count, "{}", case.file);
            for row in shuffled(images.len()) {
                assert!(images.encoded(row).unwrap() == expected[row], "{} row {row}", case.file);
            }
        };
        check(Images::open(&path).unwrap());
        #[cfg(feature = "hdf5-c")]
        if c_library_reads(&case.file) {
            check(Images::open_with_c_library(&path).unwrap());
        }
    }
}

#[test]
#[ignore = "run by `cargo xtask interop`"]
fn embeddings_are_the_numbers_that_h5py_wrote() {
    let cases = manifest().embeddings;
    assert!(!cases.is_empty());
    for case in cases {
        let path = root().join(&case.file);
        check_embeddings(&case, || Embeddings::open(&path, EmbeddingModel::Clip).unwrap());
        #[cfg(feature = "hdf5-c")]
        if c_library_reads(&case.file) {
            check_embeddings(&case, || {
                Embeddings::open_with_c_library(&path, EmbeddingModel::Clip).unwrap()
            });
        }
    }
}

fn check_embeddings(case: &EmbeddingsCase, open: impl Fn() -> Embeddings) {
    let embeddings = open();
    let [rows, features] = case.shape;
    assert_eq!((embeddings.len(), embeddings.n_features()), (rows, features), "{}", case.file);
    let bytes = read(&case.expected);
    let bits = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let expected = Array2::from_shape_vec((rows, features), bits.collect()).unwrap();
    assert_eq!(embeddings.matrix().unwrap().mapv(f16::to_bits), expected, "{}", case.file);
    assert_eq!(embeddings.valid().unwrap(), case.valid, "{}", case.file);
    assert_eq!(embeddings.image_ids().unwrap(), case.ids, "{}", case.file);
    let wanted: Vec<usize> = shuffled(rows).into_iter().filter(|row| case.valid[*row]).collect();
    let got = embeddings.rows(&wanted).unwrap();
    let widened = embeddings.rows_f32(&wanted).unwrap();
    // Rows alone, from a file of which nothing has been read.
    let alone = open();
    for (position, &row) in wanted.iter().enumerate() {
        let expected = expected.row(row);
        assert_eq!(got.row(position).mapv(f16::to_bits), expected, "{} {row}", case.file);
        let wide = expected.mapv(|bits| f16::from_bits(bits).to_f32().to_bits());
        assert_eq!(widened.row(position).mapv(f32::to_bits), wide, "{} {row}", case.file);
        let single = alone.get(&case.ids[row]).unwrap().mapv(f16::to_bits);
        assert_eq!(single, expected, "{} {row}", case.file);
    }
}

#[test]
#[ignore = "run by `cargo xtask interop`"]
fn masks_are_the_pixels_that_h5py_wrote() {
    let cases = manifest().masks;
    assert!(!cases.is_empty());
    for case in cases {
        let (path, table) = (root().join(&case.file), table(case.shape[0]));
        check_masks(&case, &Segmentations::open_with(&path, table.clone()).unwrap());
        #[cfg(feature = "hdf5-c")]
        if c_library_reads(&case.file) {
            check_masks(&case, &Segmentations::open_with_c_library(&path, table).unwrap());
        }
    }
}

fn check_masks(case: &MasksCase, masks: &Segmentations) {
    let [count, height, width] = case.shape;
    let expected = Array3::from_shape_vec(case.shape, read(&case.expected)).unwrap();
    assert_eq!(masks.mask_dimensions(), (height, width), "{}", case.file);
    let rows = shuffled(count);
    let got = masks.masks(&rows).unwrap();
    for (mask, row) in got.outer_iter().zip(rows) {
        let expected = expected.index_axis(ndarray::Axis(0), row);
        assert_eq!(mask, expected, "{} {row}", case.file);
        assert_eq!(masks.mask(row).unwrap(), expected, "{} {row}", case.file);
    }
}

#[derive(Serialize)]
struct Written {
    images: Vec<WrittenImage>,
    embeddings: Vec<WrittenEmbeddings>,
    masks: Vec<Vec<Vec<u8>>>,
}

#[derive(Serialize)]
struct WrittenImage {
    is_jpeg: bool,
    /// Rows of pixels.
    displayed: Vec<Vec<[u8; 3]>>,
}

#[derive(Serialize)]
struct WrittenEmbeddings {
    model: &'static str,
    ids: Vec<&'static str>,
    values: Vec<Vec<f32>>,
    valid: Vec<bool>,
}

/// Leaves the stimulus files of the fixture bucket, and what is in them, for h5py and Pillow.
#[test]
#[ignore = "run by `cargo xtask interop`"]
fn the_fixture_bucket_is_written_for_h5py() {
    let folder = root().join("stimuli_written");
    bucket::write_stimuli(&folder).unwrap();
    bucket::write_gated(&folder).unwrap();
    let (height, width) = (bucket::IMAGE_HEIGHT, bucket::IMAGE_WIDTH);
    let names = bucket::stimulus_rows().into_iter().map(|row| row.image_name);
    let images = names.map(|name| WrittenImage {
        is_jpeg: name.ends_with(".jpg"),
        displayed: (0..height)
            .map(|y| (0..width).map(|x| bucket::displayed_pixel(name, y, x)).collect())
            .collect(),
    });
    let ids = bucket::embedding_ids();
    let embeddings = bucket::EMBEDDING_MODELS.into_iter().map(|(model, _)| WrittenEmbeddings {
        model,
        ids: ids.clone(),
        values: ids.iter().map(|name| bucket::embedding(model, name)).collect(),
        valid: ids.iter().map(|name| *name != bucket::EMBEDDING_NOT_VALID).collect(),
    });
    let masks = (0..bucket::MASKS.len()).map(|row| {
        let pixels = |y| (0..width).map(|x| bucket::mask_pixel(row, y, x)).collect();
        (0..height).map(pixels).collect()
    });
    let written = Written {
        images: images.collect(),
        embeddings: embeddings.collect(),
        masks: masks.collect(),
    };
    fs::write(folder.join("expected.json"), serde_json::to_vec(&written).unwrap()).unwrap();
}

fn table(count: usize) -> SegmentationTable {
    let mut text = String::from(
        "mask_row,image_name,noun,instance_id,score,box_x0,box_y0,box_x1,box_y1,localized,mask_file\n",
    );
    for row in 0..count {
        text.push_str(&format!("{row},image,noun,{row},,,,,,1,\n"));
    }
    SegmentationTable::from_reader(text.as_bytes()).unwrap()
}

#[test]
#[ignore = "run by `cargo xtask interop`"]
fn decoded_pixels_are_as_near_to_those_of_pillow_as_promised() {
    let cases = manifest().decoded;
    assert!(!cases.is_empty());
    for case in cases {
        let encoded = read(&case.file);
        let expected = read(&case.expected);
        let image = decode::decode(&encoded).unwrap();
        assert_eq!(image.shape(), case.shape, "{}", case.kind);
        let differences = image.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b));
        let (largest, sum) = differences.fold((0, 0.0), |(largest, sum), difference| {
            (difference.max(largest), sum + f64::from(difference))
        });
        let mean = sum / expected.len() as f64;
        let is_jpeg = case.kind.starts_with("jpeg");
        if is_jpeg {
            let limit = if cfg!(feature = "turbojpeg") { 0.0 } else { 0.5 };
            assert!(mean <= limit, "{}: mean difference {mean}, largest {largest}", case.kind);
        } else {
            assert!(largest <= 1, "{}: largest difference {largest}", case.kind);
        }
        let original = decode::decode_original(&encoded).unwrap();
        let mode = match original.mode {
            ColorMode::Grey => "L",
            ColorMode::GreyAlpha => "LA",
            ColorMode::Rgb => "RGB",
            ColorMode::Rgba => "RGBA",
            other => panic!("{other:?}"),
        };
        assert_eq!(mode, case.mode, "{}", case.kind);
        if !is_jpeg {
            let pixels: Vec<u8> = original.pixels.iter().copied().collect();
            assert!(pixels == read(&case.original), "{}", case.kind);
        }
    }
}
