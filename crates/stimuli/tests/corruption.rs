//! Damaged files: several hundred random corruptions of every kind give data or an error, within
//! a time limit, and never a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fixtures::bucket;
use fixtures::hdf5::Writer;
use laion_fmri_stimuli::{
    Captions, EmbeddingModel, Embeddings, Images, Metadata, ReadAt, SegmentationTable,
};
use laion_fmri_stimuli::{Segmentations, decode, files};

use crate::Files;

const FLIPS: usize = 300;
const TRUNCATIONS: usize = 200;
/// For one file; a sound one takes less than ten milliseconds.
const LIMIT: Duration = Duration::from_secs(20);

/// A small generator with a fixed start, so that what fails fails again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.0 >> 33) as usize) % limit.max(1)
    }
}

/// Reads damaged copies of a file in a thread of its own, and watches it.
fn check(sound: Vec<u8>, read: impl Fn(Vec<u8>) -> bool + Send + 'static) {
    assert!(read(sound.clone()), "the sound file is read");
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut random = Random(42);
        for round in 0..FLIPS + TRUNCATIONS {
            let mut bytes = sound.clone();
            if round < FLIPS {
                for _ in 0..=random.below(4) {
                    // Most of them where the structure is.
                    let front = random.below(10) < 7;
                    let offset =
                        random.below(if front { bytes.len().min(4096) } else { bytes.len() });
                    bytes[offset] ^= 1 << random.below(8);
                }
            } else {
                bytes.truncate(random.below(bytes.len()));
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| read(bytes)));
            if sender.send((round, outcome.ok())).is_err() {
                return;
            }
        }
    });
    let mut refused = 0;
    for round in 0..FLIPS + TRUNCATIONS {
        let Ok((_, outcome)) = receiver.recv_timeout(LIMIT) else {
            panic!("round {round} took longer than {LIMIT:?}");
        };
        let Some(is_sound) = outcome else { panic!("round {round} panicked") };
        refused += usize::from(!is_sound);
    }
    assert!(refused > 0, "no damage was noticed");
}

fn gated(name: &str) -> Vec<u8> {
    let files = Files::write();
    std::fs::read(files.path(name)).unwrap()
}

#[test]
fn damaged_image_files() {
    check(gated(files::IMAGES), |bytes| {
        let Ok(images) = Images::from_source(bytes, "images.h5") else { return false };
        // A damaged length may claim many rows; all are tried, whatever the others gave.
        let unread = (0..images.len().min(70)).filter(|row| images.encoded(*row).is_err()).count();
        unread + (0..8).filter(|row| images.decode(*row).is_err()).count() == 0
    });
}

#[test]
fn damaged_embedding_files() {
    check(gated(EmbeddingModel::Clip.file_name()), read_embeddings);
}

fn read_embeddings(bytes: impl ReadAt + 'static) -> bool {
    let Ok(embeddings) = Embeddings::from_source(bytes, "clip.h5", EmbeddingModel::Clip) else {
        return false;
    };
    let by_name = embeddings.get("shared_12rep_LAION_cluster_1003_i0.jpg").is_ok();
    let by_row = embeddings.rows(&[5, 3, 5]).is_ok();
    by_name && by_row && embeddings.matrix().is_ok() && embeddings.image_ids().is_ok()
}

#[test]
fn damaged_mask_files() {
    let files = Files::write();
    let table = SegmentationTable::open(files.path(files::SEGMENTATIONS_METADATA)).unwrap();
    check(gated(files::SEGMENTATIONS), move |bytes| {
        let Ok(masks) = Segmentations::from_source(bytes, "masks.h5", table.clone()) else {
            return false;
        };
        let unread = (0..masks.len()).filter(|row| masks.mask(*row).is_err()).count();
        unread == 0 && masks.masks(&(0..masks.len()).collect::<Vec<_>>()).is_ok()
    });
}

#[test]
fn damaged_tables() {
    check(gated(files::METADATA), |bytes| Metadata::from_reader(&bytes[..]).is_ok());
    check(gated(files::CAPTIONS), |bytes| Captions::from_reader(&bytes[..]).is_ok());
    let table = gated(files::SEGMENTATIONS_METADATA);
    check(table, |bytes| SegmentationTable::from_reader(&bytes[..]).is_ok());
}

#[test]
fn damaged_jpeg_and_png_files() {
    for extension in ["jpg", "png"] {
        let rows = bucket::stimulus_rows();
        let row = rows.iter().find(|row| row.image_name.ends_with(extension)).unwrap();
        check(bucket::encoded_image(row.image_name).unwrap(), |bytes| {
            let sound = decode::decode(&bytes).is_ok();
            decode::decode_original(&bytes).is_ok() && sound
        });
    }
}

#[test]
fn a_truncated_image_is_refused() {
    for extension in ["jpg", "png"] {
        let rows = bucket::stimulus_rows();
        let row = rows.iter().find(|row| row.image_name.ends_with(extension)).unwrap();
        let bytes = bucket::encoded_image(row.image_name).unwrap();
        // The last bytes of a PNG are only its end mark.
        for length in (0..bytes.len() - 20).step_by(7) {
            assert!(decode::decode(&bytes[..length]).is_err(), "{extension} {length}");
        }
    }
}

#[test]
fn sizes_that_the_file_cannot_hold_are_refused() {
    let mut writer = Writer::new();
    writer.halves("embedding", &[1 << 40, 1 << 20], &[0; 8]);
    writer.texts("image_ids", &["a"]);
    writer.booleans("valid", &[true]);
    assert!(!read_embeddings(writer.finish()));
    let mut writer = Writer::new();
    writer.deflated_rows("masks", &[8, 4, 4], &[0; 128]).unwrap();
    let sound = writer.finish();
    let table = SegmentationTable::default();
    for offset in 0..sound.len() - 8 {
        // The shape is where eight, four and four stand one after the other.
        let shape: Vec<u8> = [8_u64, 4, 4].into_iter().flat_map(u64::to_le_bytes).collect();
        if sound[offset..].starts_with(&shape) {
            let mut bytes = sound.clone();
            bytes[offset + 8..offset + 16].copy_from_slice(&(1_u64 << 45).to_le_bytes());
            let error = Segmentations::from_source(bytes, "masks.h5", table.clone()).unwrap_err();
            assert!(
                matches!(error, laion_fmri_stimuli::Error::TooLarge { dataset: "masks", .. }),
                "{error}"
            );
            return;
        }
    }
    panic!("no shape found");
}
