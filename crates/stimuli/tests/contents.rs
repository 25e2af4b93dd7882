//! The fixture bucket, whose every number is known.

use fixtures::bucket;
use fixtures::hdf5::Writer;
use laion_fmri_stimuli::{
    CaptionSource, Captions, ColorMode, EmbeddingModel, EmbeddingSet, Embeddings, Error,
};
use laion_fmri_stimuli::{
    Images, Metadata, NamedImages, NounFilter, SegmentationTable, Segmentations,
};
use laion_fmri_stimuli::{decode, f16, files};

use crate::Files;

fn open_images(files: &Files) -> NamedImages {
    NamedImages::open(files.path(files::IMAGES), files.path(files::METADATA)).unwrap()
}

fn open_masks(files: &Files) -> Segmentations {
    let table = files.path(files::SEGMENTATIONS_METADATA);
    Segmentations::open(files.path(files::SEGMENTATIONS), table).unwrap()
}

#[test]
fn every_image_is_in_the_row_of_its_name() {
    let files = Files::write();
    let images = open_images(&files);
    let rows = bucket::stimulus_rows();
    assert_eq!((images.len(), images.is_empty()), (rows.len(), false));
    assert!(images.names().eq(rows.iter().map(|row| row.image_name)));
    for (row, stimulus) in rows.iter().enumerate() {
        let name = stimulus.image_name;
        let encoded = bucket::encoded_image(name).unwrap();
        assert_eq!(images.row(name).unwrap(), row);
        assert_eq!(images.encoded(name).unwrap(), encoded);
        assert_eq!(images.images().encoded(row).unwrap(), encoded);
        assert_eq!(decode::decode(&encoded).unwrap(), images.decode(name).unwrap());
    }
    let pairs: Vec<_> = images.iter().map(Result::unwrap).collect();
    assert_eq!(pairs.len(), rows.len());
    assert!(pairs.iter().all(|(name, bytes)| *bytes == bucket::encoded_image(name).unwrap()));
    assert!(images.contains(rows[5].image_name) && !images.contains("nothing"));
}

#[test]
fn pixels_are_those_that_were_shown() {
    let files = Files::write();
    let images = open_images(&files);
    let size = (bucket::IMAGE_HEIGHT, bucket::IMAGE_WIDTH);
    let mut all = ndarray::Array4::zeros((images.len(), size.0, size.1, 3));
    for (row, mut into) in all.outer_iter_mut().enumerate() {
        assert_eq!(images.images().dimensions(row).unwrap(), size);
        images.images().decode_into(row, into.view_mut()).unwrap();
        let name = &images.metadata().stimuli()[row].image_name;
        let tolerance = if name.ends_with(".png") { 1 } else { bucket::JPEG_TOLERANCE };
        for ((y, x, channel), level) in into.indexed_iter() {
            let expected = bucket::displayed_pixel(name, y, x)[channel];
            assert!(level.abs_diff(expected) <= tolerance, "{name} {y} {x} {level} {expected}");
        }
    }
}

#[test]
fn originals_keep_their_opacity() {
    let files = Files::write();
    let images = open_images(&files);
    for name in images.names() {
        let original = images.original(name).unwrap();
        if !name.ends_with(".png") {
            assert_eq!(original.mode, ColorMode::Rgb);
            continue;
        }
        assert_eq!(original.mode, ColorMode::Rgba);
        for ((y, x, channel), level) in original.pixels.indexed_iter() {
            assert_eq!(*level, bucket::image_pixel(name, y, x)[channel]);
        }
    }
}

#[test]
fn arrays_of_any_layout_are_decoded_into() {
    let files = Files::write();
    let images = Images::open(files.path(files::IMAGES)).unwrap();
    let (height, width) = images.dimensions(0).unwrap();
    let mut channels_first = ndarray::Array3::zeros((3, height, width));
    let into = channels_first.view_mut().permuted_axes([1, 2, 0]);
    images.decode_into(0, into).unwrap();
    assert_eq!(channels_first.permuted_axes([1, 2, 0]), images.decode(0).unwrap());
}

#[test]
fn embeddings_are_found_by_name_in_an_order_of_their_own() {
    let files = Files::write();
    let models = EmbeddingModel::ALL.iter().copied();
    let directory = files.path("");
    let set = EmbeddingSet::open(&directory, models).unwrap();
    assert_eq!(set.image_ids().unwrap(), bucket::embedding_ids());
    for (embeddings, (model, features)) in set.iter().zip(bucket::EMBEDDING_MODELS) {
        assert_eq!((embeddings.model().as_str(), embeddings.n_features()), (model, features));
        assert_eq!(set.get(embeddings.model()).unwrap().path(), embeddings.path());
        let names: Vec<_> = bucket::stimulus_rows().iter().map(|row| row.image_name).collect();
        let valid: Vec<_> =
            names.into_iter().filter(|name| *name != bucket::EMBEDDING_NOT_VALID).collect();
        // Twice, and backwards the second time.
        let wanted: Vec<_> = valid.iter().chain(valid.iter().rev()).copied().collect();
        let many = embeddings.get_many_f32(&wanted).unwrap();
        let halves = embeddings.get_many(&wanted).unwrap();
        for (row, name) in wanted.iter().enumerate() {
            let expected = bucket::embedding(model, name);
            assert_eq!(many.row(row).to_vec(), expected);
            assert_eq!(halves.row(row).mapv(f32::from).to_vec(), expected);
            assert_eq!(embeddings.get_f32(name).unwrap().to_vec(), expected);
        }
        let row = embeddings.row_of(bucket::EMBEDDING_NOT_VALID).unwrap();
        assert!(!embeddings.is_valid(row).unwrap() && embeddings.is_valid(row + 1).unwrap());
        assert_eq!(embeddings.valid().unwrap().iter().filter(|valid| !**valid).count(), 1);
        let matrix = embeddings.matrix_f32().unwrap();
        let expected = bucket::embedding(model, bucket::EMBEDDING_NOT_VALID);
        assert_eq!(matrix.row(row).to_vec(), expected);
        assert_eq!(embeddings.matrix().unwrap().mapv(f32::from), matrix);
    }
}

#[test]
fn no_rows_are_no_rows() {
    let files = Files::write();
    let path = files.path(EmbeddingModel::PeCore.file_name());
    let embeddings = Embeddings::open(path, EmbeddingModel::PeCore).unwrap();
    assert_eq!(embeddings.rows(&[]).unwrap().dim(), (0, 6));
    assert_eq!(embeddings.rows_f32(&[]).unwrap().dim(), (0, 6));
    assert_eq!(open_masks(&files).masks(&[]).unwrap().dim(), (0, 20, 24));
    assert_eq!(EmbeddingSet::default().image_ids().unwrap(), Vec::<String>::new());
}

#[test]
fn masks_are_found_by_image_noun_and_instance() {
    let files = Files::write();
    let masks = open_masks(&files);
    assert_eq!((masks.len(), masks.mask_dimensions()), (12, (20, 24)));
    for row in bucket::MASKS {
        // Localized or not.
        let mask = masks.get(row.image_name, row.noun, row.instance_id).unwrap();
        assert_eq!(mask, masks.mask(row.mask_row).unwrap());
        for ((y, x), pixel) in mask.indexed_iter() {
            assert_eq!(*pixel, bucket::mask_pixel(row.mask_row, y, x));
        }
        let known = masks.table().row(row.mask_row).unwrap();
        assert_eq!((known.noun.as_str(), known.localized), (row.noun, row.localized));
        assert_eq!(known.score, Some(row.score));
        let bounds = row.localized.then(|| row.bounds.map(|edge| edge as f64));
        assert_eq!(known.bounds, bounds);
        assert_eq!(known.mask_file, format!("mask_{:05}.png", row.mask_row));
    }
    let rows = [3, 11, 3, 0];
    for (mask, row) in masks.masks(&rows).unwrap().outer_iter().zip(rows) {
        assert_eq!(mask, masks.mask(row).unwrap());
    }
    let image = bucket::MASKS[0].image_name;
    let of_image: Vec<_> = masks.masks_of(image).map(Result::unwrap).collect();
    assert_eq!(of_image.iter().map(|(row, _)| row.mask_row).collect::<Vec<_>>(), [1, 0, 2, 3]);
    assert!(of_image.iter().all(|(row, mask)| *mask == masks.mask(row.mask_row).unwrap()));
}

#[test]
fn nouns_and_images_come_in_the_order_of_the_table() {
    let files = Files::write();
    let table = SegmentationTable::open(files.path(files::SEGMENTATIONS_METADATA)).unwrap();
    let image = bucket::MASKS[0].image_name;
    assert_eq!(table.nouns(image, NounFilter::Localized), ["dog", "cat"]);
    assert_eq!(table.nouns(image, NounFilter::All), ["dog", "cat", "sky"]);
    let other = bucket::MASKS[4].image_name;
    let expected = ["spring roll", "plate, \"white\"", "NA"];
    assert_eq!(table.nouns(other, NounFilter::default()), expected);
    assert_eq!(table.images()[..2], [image, other]);
    let with = |noun, filter| table.images_with(noun, filter).count();
    assert_eq!((with("dog", NounFilter::Localized), with("Dog", NounFilter::All)), (2, 0));
    assert_eq!((with("sky", NounFilter::Localized), with("sky", NounFilter::All)), (0, 1));
    let counts = table.all_nouns(NounFilter::Localized);
    assert_eq!((counts[0].noun, counts[0].images, counts[0].masks), ("dog", 2, 3));
    assert!(counts.iter().all(|count| count.noun != "grass"));
    // An image without masks has nothing, and that is no error.
    assert!(!table.has_image("unknown") && table.nouns("unknown", NounFilter::All).is_empty());
    assert_eq!(table.for_image("unknown").count(), 0);
}

#[test]
fn captions_are_read_as_written() {
    let files = Files::write();
    let captions = Captions::open(files.path(files::CAPTIONS)).unwrap();
    assert_eq!(captions.len(), bucket::CAPTIONS.len());
    let of = |index: usize| bucket::CAPTIONS[index].image_name;
    for row in bucket::CAPTIONS {
        let found = captions.get(row.image_name);
        let found = found.iter().find(|caption| caption.caption_idx == row.caption_idx).unwrap();
        assert_eq!(found.text, row.caption);
        let is_ai = row.caption_idx == 0;
        assert_eq!(found.source == CaptionSource::Ai, is_ai);
        assert_eq!((found.participant_id.is_empty(), found.ai_model.is_empty()), (is_ai, !is_ai));
    }
    let first = of(0);
    let [ai, second, best] = [0, 1, 2].map(|index: usize| bucket::CAPTIONS[index].caption);
    assert_eq!(captions.ai(first), Some(ai));
    assert_eq!(captions.list(first, None), [ai, best, second]);
    assert_eq!(captions.list(first, Some(CaptionSource::Ai)), [ai]);
    assert_eq!(captions.human(first, None), [best, second]);
    assert_eq!(captions.human(first, Some(1)), [best]);
    assert_eq!(captions.ai(of(3)), None);
    assert_eq!(captions.human(of(3), None), ["NA", "null"]);
    assert_eq!(captions.human(of(5), None), ["A bowl of fruit\nand vegetables"]);
    assert!(captions.get("unknown").is_empty() && captions.ai("unknown").is_none());
    assert_eq!(captions.images().next(), Some(first));
    let found: Vec<_> = captions.search("FRÜHLING").collect();
    assert_eq!((found.len(), found[0].0, found[0].1.text.as_str()), (1, first, best));
    assert_eq!(captions.search("spring roll").count(), 2);
}

#[test]
fn the_table_of_images_is_read_from_its_file() {
    let files = Files::write();
    let metadata = Metadata::open(files.path(files::METADATA)).unwrap();
    let expected = bucket::stimulus_rows();
    assert_eq!((metadata.len(), metadata.is_empty()), (expected.len(), false));
    for (row, expected) in expected.iter().enumerate() {
        let stimulus = metadata.get(expected.image_name).unwrap();
        assert_eq!(metadata.row(expected.image_name), Some(row));
        assert_eq!(stimulus.dataset, expected.dataset);
        assert_eq!(stimulus.n_reps, expected.n_reps);
    }
}

#[test]
fn what_was_never_written_is_the_fill_value() {
    let nan = 0x7e00_u16;
    let mut writer = Writer::new();
    writer.fill_with(&nan.to_le_bytes());
    writer.unwritten_halves("embedding", &[3, 2]);
    writer.fill_with(&[]);
    writer.texts("image_ids", &["a", "b", "c"]);
    writer.booleans("valid", &[true; 3]);
    let embeddings =
        Embeddings::from_source(writer.finish(), "clip.h5", EmbeddingModel::Clip).unwrap();
    assert!(embeddings.matrix().unwrap().iter().all(|value| value.to_bits() == nan));
    assert_eq!(embeddings.row(1).unwrap().mapv(f16::to_bits).to_vec(), [nan; 2]);
    assert!(embeddings.rows_f32(&[2, 0]).unwrap().iter().all(|value| value.is_nan()));

    let mut writer = Writer::new();
    writer.fill_with(&[1]);
    writer.some_deflated_rows("masks", &[4, 2, 2], &[(1, &[0, 0, 0, 1]), (2, &[0; 4])]).unwrap();
    let table = SegmentationTable::from_reader(MASKS_OF_FOUR.as_bytes()).unwrap();
    let masks = Segmentations::from_source(writer.finish(), "masks.h5", table).unwrap();
    let expected = [[1; 4], [0, 0, 0, 1], [0; 4], [1; 4]];
    let all = masks.masks(&[0, 1, 2, 3]).unwrap();
    for (row, expected) in expected.into_iter().enumerate() {
        let mask: Vec<u8> =
            masks.mask(row).unwrap().iter().map(|set| u8::from(*set != 0)).collect();
        assert_eq!(mask, expected, "{row}");
        assert_eq!(all.index_axis(ndarray::Axis(0), row), masks.mask(row).unwrap(), "{row}");
    }
}

const MASKS_OF_FOUR: &str = "\
mask_row,image_name,noun,instance_id,score,box_x0,box_y0,box_x1,box_y1,localized,mask_file
0.0,a,cat,0.0,,,,,,1.0,
1.0,a,cat,1.0,,,,,,1.0,
2.0,a,dog,0.0,,,,,,0.0,
3.0,b,cat,12.0,,,,,,1.0,
";

#[test]
fn a_fill_value_of_another_size_is_damage() {
    let mut writer = Writer::new();
    writer.fill_with(&[0, 0, 0]);
    writer.unwritten_halves("embedding", &[3, 2]);
    let opened = Embeddings::from_source(writer.finish(), "clip.h5", EmbeddingModel::Clip);
    assert!(matches!(opened.unwrap_err(), Error::Damaged { dataset: "embedding", .. }));
}

#[test]
fn integers_that_pandas_wrote_as_floats_are_integers() {
    let table = SegmentationTable::from_reader(MASKS_OF_FOUR.as_bytes()).unwrap();
    assert_eq!(table.find("b", "cat", 12).unwrap().mask_row, 3);
    let text = "image_name,caption_idx,source,caption,origin_collection,participant_id,ai_model\n";
    let read =
        |index: &str| Captions::from_reader(format!("{text}a,{index},human,x,,,\n").as_bytes());
    assert_eq!(read("5.0").unwrap().get("a")[0].caption_idx, 5);
    assert!(read("5.5").is_err());
}
