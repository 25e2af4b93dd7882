//! What must hold for the files of stimuli, whatever their bytes are.

use laion_fmri_stimuli::{
    Captions, EmbeddingModel, Embeddings, Images, Metadata, SegmentationTable, Segmentations,
};

/// Values that are looked at: more tell nothing new.
const MOST_VALUES: usize = 1 << 18;

/// As many rows as the seeds have masks.
const MASKS: &str = "mask_row,image_name,noun,instance_id,score,box_x0,box_y0,box_x1,box_y1,localized,mask_file\n\
    0,a,cat,0,,,,,,1,\n1,a,cat,1,,,,,,1,\n2,a,dog,0,,,,,,1,\n3,b,cat,0,,,,,,1,\n";

/// The datasets of an HDF5 file are read or refused, and rows alone are those of the whole.
pub fn hdf5(bytes: &[u8]) {
    if let Ok(embeddings) = Embeddings::from_source(bytes.to_vec(), "f.h5", EmbeddingModel::Clip) {
        check_embeddings(&embeddings);
    }
    if let Ok(images) = Images::from_source(bytes.to_vec(), "f.h5") {
        for row in 0..images.len().min(8) {
            let _ = images.encoded(row);
            let _ = images.dimensions(row);
        }
    }
    let table = SegmentationTable::from_reader(MASKS.as_bytes()).expect("a table");
    if let Ok(masks) = Segmentations::from_source(bytes.to_vec(), "f.h5", table) {
        let (height, width) = masks.mask_dimensions();
        if masks.len().saturating_mul(height).saturating_mul(width) > MOST_VALUES {
            return;
        }
        let rows: Vec<usize> = (0..masks.len()).rev().collect();
        if let Ok(all) = masks.masks(&rows) {
            for (mask, row) in all.outer_iter().zip(rows) {
                assert_eq!(mask, masks.mask(row).expect("it was read with the others"));
            }
        }
    }
}

fn check_embeddings(embeddings: &Embeddings) {
    let (rows, features) = (embeddings.len(), embeddings.n_features());
    if rows.saturating_mul(features.max(1)) > MOST_VALUES {
        return;
    }
    if let Ok(ids) = embeddings.image_ids() {
        assert_eq!(ids.len(), rows);
    }
    let (Ok(all), Ok(valid)) = (embeddings.matrix(), embeddings.valid()) else { return };
    assert_eq!((all.nrows(), all.ncols(), valid.len()), (rows, features, rows));
    let wanted: Vec<usize> = (0..rows).rev().filter(|row| valid[*row]).take(20).collect();
    let some = embeddings.rows(&wanted).expect("they were read with the others");
    for (got, row) in some.outer_iter().zip(wanted) {
        let bits = |value: &laion_fmri_stimuli::f16| value.to_bits();
        assert!(got.iter().map(bits).eq(all.row(row).iter().map(bits)), "row {row}");
        let alone = embeddings.row(row).expect("it was read with the others");
        assert!(alone.iter().map(bits).eq(all.row(row).iter().map(bits)), "row {row} alone");
    }
}

/// The tables of images, masks and captions are read or refused.
pub fn stimulus_tables(bytes: &[u8]) {
    if let Ok(table) = Metadata::from_reader(bytes) {
        for (row, stimulus) in table.stimuli().iter().enumerate() {
            assert_eq!(table.row(&stimulus.image_name), Some(row));
        }
    }
    if let Ok(captions) = Captions::from_reader(bytes) {
        let listed: usize = captions.images().map(|name| captions.get(name).len()).sum();
        assert_eq!(listed, captions.len());
    }
    if let Ok(table) = SegmentationTable::from_reader(bytes) {
        for row in table.rows() {
            assert!(table.for_image(&row.image_name).any(|other| std::ptr::eq(other, row)));
        }
    }
}
