//! Every error, with its fields.

use std::fs;
use std::path::{Path, PathBuf};

use fixtures::bucket;
use fixtures::hdf5::Writer;
use laion_fmri_stimuli::{
    DecodeError, EmbeddingModel, EmbeddingSet, Embeddings, Error, Images, Metadata,
};
use laion_fmri_stimuli::{NamedImages, SegmentationTable, Segmentations, TableError, files};

use crate::Files;

const CLIP: EmbeddingModel = EmbeddingModel::Clip;

fn embeddings(write: impl FnOnce(&mut Writer)) -> Result<Embeddings, Error> {
    let mut writer = Writer::new();
    write(&mut writer);
    Embeddings::from_source(writer.finish(), "clip.h5", CLIP)
}

fn images(rows: &[&[u8]]) -> Images {
    let mut writer = Writer::new();
    writer.byte_sequences("images", rows);
    Images::from_source(writer.finish(), "images.h5").unwrap()
}

fn path() -> PathBuf {
    PathBuf::from("clip.h5")
}

#[test]
fn a_file_that_is_not_there() {
    let is_open = |error: Error, expected: &str| {
        matches!(error, Error::Open { path, source }
            if path == Path::new(expected) && source.kind() == std::io::ErrorKind::NotFound)
    };
    assert!(is_open(Images::open("no/images.h5").unwrap_err(), "no/images.h5"));
    assert!(is_open(Embeddings::open("no/clip.h5", CLIP).unwrap_err(), "no/clip.h5"));
    assert!(is_open(Metadata::open("no/table.csv").unwrap_err(), "no/table.csv"));
    assert!(is_open(laion_fmri_stimuli::Captions::open("no/c.csv").unwrap_err(), "no/c.csv"));
    assert!(is_open(Segmentations::open("no/m.h5", "no/m.csv").unwrap_err(), "no/m.csv"));
}

#[test]
fn a_file_that_is_no_hdf5_file() {
    let error = Images::from_source(b"not HDF5 at all".to_vec(), "images.h5").unwrap_err();
    assert!(matches!(&error, Error::NotHdf5 { path, .. } if path == Path::new("images.h5")));
    assert_eq!(error.to_string(), "images.h5 is not a readable HDF5 file");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_dataset_that_is_missing() {
    let error = embeddings(|writer| writer.texts("image_ids", &["a"])).unwrap_err();
    assert!(matches!(error, Error::MissingDataset { path: at, dataset: "embedding", got }
            if at == path() && got == ["image_ids"]));
}

#[test]
fn a_dataset_of_another_rank_or_type() {
    let error = embeddings(|writer| writer.halves("embedding", &[4], &[0; 4])).unwrap_err();
    assert!(matches!(error, Error::WrongRank { dataset: "embedding", expected: 2, got, .. }
        if got == [4]));
    let error = embeddings(|writer| writer.bytes("embedding", &[2, 2], &[0; 4])).unwrap_err();
    assert!(
        matches!(error, Error::WrongType { dataset: "embedding", expected: "float16", got, .. }
        if got == "bytes")
    );
    let error = embeddings(|writer| {
        writer.halves("embedding", &[2, 2], &[0; 4]);
        writer.booleans("image_ids", &[true, true]);
    });
    assert!(matches!(error.unwrap_err(), Error::WrongType { dataset: "image_ids", got, .. }
        if got == "bytes"));
}

#[test]
fn lengths_that_disagree() {
    let error = embeddings(|writer| {
        writer.halves("embedding", &[2, 2], &[0; 4]);
        writer.texts("image_ids", &["a", "b", "c"]);
        writer.booleans("valid", &[true; 2]);
    });
    assert!(
        matches!(error.unwrap_err(), Error::WrongLength { dataset: "image_ids", expected: 2, got: 3, like, .. }
            if like == "\"embedding\"")
    );
    let table = "image_name,dataset,participant,unique_or_shared,n_reps\na,,,,\n";
    let metadata = Metadata::from_reader(table.as_bytes()).unwrap();
    let error = NamedImages::new(images(&[b"x", b"y"]), metadata).unwrap_err();
    assert!(matches!(error, Error::WrongLength { dataset: "images", expected: 1, got: 2, .. }));
    let files = Files::write();
    let masks = files.path(files::SEGMENTATIONS);
    let error = Segmentations::open_with(masks, SegmentationTable::default()).unwrap_err();
    assert!(matches!(error, Error::WrongLength { dataset: "masks", expected: 0, got: 12, .. }));
}

#[test]
fn rows_and_names_that_are_not_there() {
    let files = Files::write();
    let embeddings = Embeddings::open(files.path(CLIP.file_name()), CLIP).unwrap();
    for error in [embeddings.row(64).unwrap_err(), embeddings.rows(&[3, 64]).unwrap_err()] {
        assert!(matches!(error, Error::RowOutOfRange { row: 64, len: 64, .. }));
    }
    let error = embeddings.get("shared_12rep_LAION_cluster_1003_i1.jpg").unwrap_err();
    assert!(matches!(error, Error::UnknownImage { image_name, nearest, .. }
        if image_name == "shared_12rep_LAION_cluster_1003_i1.jpg"
            && nearest[0] == "shared_12rep_LAION_cluster_1003_i0.jpg"));
    let named = NamedImages::open(files.path(files::IMAGES), files.path(files::METADATA)).unwrap();
    let error = named.encoded("unique_THINGS_whisk_p02.jpg").unwrap_err();
    assert!(matches!(error, Error::UnknownImage { nearest, .. }
        if nearest[0] == "unique_THINGS_whisk_p01.jpg"));
    let error = named.images().decode(64).unwrap_err();
    assert!(matches!(error, Error::RowOutOfRange { row: 64, len: 64, .. }));
}

#[test]
fn embeddings_that_are_not_valid() {
    let files = Files::write();
    let embeddings = Embeddings::open(files.path(CLIP.file_name()), CLIP).unwrap();
    let expected = embeddings.row_of(bucket::EMBEDDING_NOT_VALID).unwrap();
    let refused = |error: Error| matches!(error, Error::InvalidEmbedding { model: CLIP, row, .. } if row == expected);
    assert!(refused(embeddings.get(bucket::EMBEDDING_NOT_VALID).unwrap_err()));
    assert!(refused(embeddings.rows_f32(&[0, expected]).unwrap_err()));
    assert!(refused(embeddings.get_many(&[bucket::EMBEDDING_NOT_VALID]).unwrap_err()));
}

#[test]
fn an_image_with_two_embeddings() {
    let embeddings = embeddings(|writer| {
        writer.halves("embedding", &[3, 1], &[0; 3]);
        writer.texts("image_ids", &["a", "b", "a"]);
        writer.booleans("valid", &[true; 3]);
    });
    let error = embeddings.unwrap().get("a").unwrap_err();
    assert!(matches!(error, Error::DuplicateImage { row: 2, image_name, .. } if image_name == "a"));
}

#[test]
fn models_that_list_other_images() {
    let open = |ids: &[&str]| {
        embeddings(|writer| {
            writer.halves("embedding", &[ids.len() as u64, 1], &vec![0; ids.len()]);
            writer.texts("image_ids", ids);
            writer.booleans("valid", &vec![true; ids.len()]);
        })
        .unwrap()
    };
    let differing = EmbeddingSet::new(vec![open(&["a", "b"]), open(&["a", "c"])]).unwrap_err();
    assert!(matches!(&differing, Error::DifferentImageIds { row: 1, expected, got, .. }
        if expected.as_deref() == Some("b") && got.as_deref() == Some("c")));
    let shorter = EmbeddingSet::new(vec![open(&["a", "b"]), open(&["a"])]).unwrap_err();
    assert!(matches!(&shorter, Error::DifferentImageIds { row: 1, expected, got: None, .. }
        if expected.as_deref() == Some("b")));
    assert_eq!(shorter.to_string(), "clip.h5: row 1 is image missing, but \"b\" in clip.h5");
    let set = EmbeddingSet::new(vec![open(&["a"])]).unwrap();
    let error = set.get(EmbeddingModel::DinoV2).unwrap_err();
    assert!(matches!(error, Error::ModelNotOpen { model: EmbeddingModel::DinoV2, got }
        if got == [CLIP]));
}

#[test]
fn masks_that_are_not_there() {
    let files = Files::write();
    let table = files.path(files::SEGMENTATIONS_METADATA);
    let masks = Segmentations::open(files.path(files::SEGMENTATIONS), table).unwrap();
    let image = bucket::MASKS[0].image_name;
    let error = masks.get(image, "dog", 2).unwrap_err();
    assert!(matches!(&error, Error::UnknownMask { image_name, noun, instance: 2, nouns, .. }
        if image_name == image && noun == "dog" && *nouns == ["dog", "cat", "sky"]));
    assert!(matches!(&error, Error::UnknownMask { instances, .. } if **instances == [0, 1]));
    let text = error.to_string();
    assert!(text.ends_with("has no \"dog\" (mask 2, counted from 0; there are 0, 1)"), "{text}");
    let error = masks.get(image, "dgo", 2).unwrap_err();
    assert!(matches!(&error, Error::UnknownMask { instances, .. } if instances.is_empty()));
    let text = error.to_string();
    assert!(text.ends_with("has no \"dgo\" (mask 2, counted from 0)"), "{text}");
    let error = masks.get("unknown", "dog", 0).unwrap_err();
    assert!(matches!(error, Error::UnknownMask { nouns, .. } if nouns.is_empty()));
    for error in [masks.mask(12).unwrap_err(), masks.masks(&[1, 12]).unwrap_err()] {
        assert!(matches!(error, Error::RowOutOfRange { row: 12, len: 12, .. }));
    }
}

#[test]
fn images_that_cannot_be_decoded() {
    let images = images(&[b"GIF89a", b"\xff\xd8\xff\xe0 and no more"]);
    assert!(matches!(images.decode(0).unwrap_err(),
        Error::Decode { row: 0, source: DecodeError::Format { got }, .. } if got == b"GIF89a"));
    assert!(matches!(
        images.original(1).unwrap_err(),
        Error::Decode { row: 1, source: DecodeError::Damaged { format: "JPEG", .. }, .. }
    ));
    let rows = bucket::stimulus_rows();
    let encoded = bucket::encoded_image(rows[0].image_name).unwrap();
    let mut small = ndarray::Array3::zeros((20, 23, 3));
    let error = laion_fmri_stimuli::decode::decode_into(&encoded, small.view_mut()).unwrap_err();
    assert!(matches!(error, DecodeError::Shape { expected: [20, 23, 3], got: [20, 24, 3] }));
    // A PNG header that claims 65,536 x 65,536 pixels.
    let row = rows.iter().find(|row| row.image_name.ends_with(".png")).unwrap();
    let mut huge = bucket::encoded_image(row.image_name).unwrap();
    huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let crc = {
        let mut crc = flate2::Crc::new();
        crc.update(&huge[12..29]);
        crc.sum()
    };
    huge[29..33].copy_from_slice(&crc.to_be_bytes());
    let error = laion_fmri_stimuli::decode::decode(&huge).unwrap_err();
    assert!(
        matches!(error, DecodeError::TooLarge { height: 65_536, width: 65_536, .. }),
        "{error}"
    );
}

#[test]
fn data_that_is_damaged_names_its_row() {
    let mut writer = Writer::new();
    writer.byte_sequences("images", &[b"first", &[7; 5000], b"last"]);
    let mut bytes = writer.finish();
    // The second collection, which the long row has for itself.
    let offsets: Vec<usize> =
        (0..bytes.len() - 4).filter(|offset| bytes[*offset..].starts_with(b"GCOL")).collect();
    bytes[offsets[1]] = b'X';
    let images = Images::from_source(bytes, "images.h5").unwrap();
    assert_eq!(images.encoded(0).unwrap(), b"first");
    let error = images.encoded(1).unwrap_err();
    assert!(matches!(&error, Error::Damaged { dataset: "images", row: Some(1), .. }), "{error:?}");
    assert_eq!(error.to_string(), "images.h5: dataset \"images\": row 1 could not be read");
}

#[test]
fn sizes_beyond_the_file() {
    let error =
        embeddings(|writer| writer.halves("embedding", &[1 << 30, 4], &[0; 8])).unwrap_err();
    assert!(matches!(error, Error::TooLarge { dataset: "embedding", got, .. } if got == 8 << 30));
}

#[test]
fn tables_name_line_and_column() {
    let check = |text: &str| SegmentationTable::from_reader(text.as_bytes()).unwrap_err();
    let header = "mask_row,image_name,noun,instance_id,score,box_x0,box_y0,box_x1,box_y1,localized,mask_file\n";
    let error = check(&format!("{header}0,a,dog,0,,,,,,1,\n1,a,dog,x,,,,,,1,\n"));
    assert!(matches!(error, TableError::Value { line: 3, column: "instance_id", got, .. }
        if got == "x"));
    let error = check(&format!("{header}0,a,dog,0,,,,,,maybe,\n"));
    assert!(matches!(error, TableError::Value { column: "localized", expected: "0 or 1", .. }));
    let error = check(&format!("{header}0,a,dog,0,high,,,,,1,\n"));
    assert!(matches!(error, TableError::Value { column: "score", .. }));
    let error = check(&format!("{header}0,a,dog,0,,,,,,1,\n0,a,dog,1,,,,,,1,\n"));
    assert!(matches!(error, TableError::Duplicate { line: 3, key } if key == "mask_row 0"));
    let error = check("mask_row,image_name\n");
    assert!(matches!(error, TableError::MissingColumn { expected: "noun", got } if got.len() == 2));
    let captions = "image_name,caption_idx,source,caption,origin_collection,participant_id,ai_model\n\
                    a,1,robot,text,,,\n";
    let error = laion_fmri_stimuli::Captions::from_reader(captions.as_bytes()).unwrap_err();
    assert!(matches!(error, TableError::Value { line: 2, column: "source", got, .. }
        if got == "robot"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("captions.csv");
    fs::write(&file, captions).unwrap();
    let error = laion_fmri_stimuli::Captions::open(&file).unwrap_err();
    assert!(matches!(error, Error::Table { path, source: TableError::Value { .. } }
        if path == file));
}
