//! Inputs as streams, and the records of what was read.

use crate::fetch;
use std::fs;
use std::io::Read;

use fixtures::server::ChecksumKind;
use fixtures::{Bucket, Server};
use laion_fmri::s3_mirror::{Check, ChecksumAlgorithm, Inventory};
use laion_fmri::upkeep::VerifyRequest;
use laion_fmri::{
    Cancel, Dataset, DownloadRequest, Error, ErrorKind, InputError, InputRecord, Location,
    MaskSource, NoiseCeiling, Voxels, layout,
};

use crate::opened;

/// Says what a file is, independently.
fn expected(bucket: &Bucket, relative: &str, key: &str) -> (String, u64, String) {
    let bytes = fs::read(bucket.path(key)).unwrap();
    let digest = laion_fmri::s3_mirror::check_file(
        &bucket.path(key),
        &laion_fmri::s3_mirror::Expected::new(),
        None,
        &Cancel::new(),
    );
    let laion_fmri::s3_mirror::Condition::Sound(content) = digest.unwrap() else { panic!("{key}") };
    (relative.to_owned(), bytes.len() as u64, content.sha256.unwrap().to_string())
}

fn plain(record: &InputRecord) -> (String, u64, String) {
    (record.relative.clone(), record.size, record.sha256.to_string())
}

#[test]
fn an_input_is_the_file_byte_for_byte() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let key = layout::betas(subject.id(), &"ses-01".parse().unwrap());
    let mut input = subject.open_input(&key).unwrap();
    assert_eq!(input.path(), bucket.path(&key));
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, fs::read(bucket.path(&key)).unwrap());
    assert_eq!(plain(&input.finish().unwrap()), expected(&bucket, &key, &key));
    // What was not read is read by `finish`.
    let input = subject.open_input(&key).unwrap();
    assert_eq!(plain(&input.finish().unwrap()), expected(&bucket, &key, &key));
}

#[test]
fn labels_are_found_without_their_hyphens() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let directory = "derivatives/rois/sub-01/face/sub-01_space-T1w_res-1pt8_label-";
    let local = format!("{directory}FFA1_mask.nii.gz");
    let record = subject.open_input(&local).unwrap().finish().unwrap();
    let key = format!("{directory}FFA-1_mask.nii.gz");
    assert_eq!(plain(&record), expected(&bucket, &local, &key));
    let record = subject.open_input(&key).unwrap().finish().unwrap();
    assert_eq!(plain(&record), expected(&bucket, &local, &key));
}

#[test]
fn what_a_handle_has_read_is_listed_once_and_sorted() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    assert_eq!(subject.inputs_read(), []);
    for _ in 0..2 {
        subject.betas().session("ses-01").roi("FFA1").load().unwrap();
        let ceiling = NoiseCeiling::session("ses-01").unwrap();
        subject.noise_ceiling(&ceiling, &Voxels::roi("FFA1")).unwrap();
        subject.n_voxels(MaskSource::Rsquare).unwrap();
        subject.subject_trials().unwrap();
    }
    let id = subject.id();
    let mut files = vec![
        layout::anatomical_brain_mask(id, Some("1pt8")),
        layout::r2mean(id),
        layout::session_noise_ceiling(id, &"ses-01".parse().unwrap()),
        "stimuli/task-images_metadata.csv".to_owned(),
    ];
    files.extend(subject.sessions().unwrap().iter().map(|session| layout::trials(id, session)));
    let mut expected: Vec<_> = files.iter().map(|file| expected(&bucket, file, file)).collect();
    let directory = "derivatives/rois/sub-01/face/sub-01_space-T1w_res-1pt8_label-";
    let [local, key] = ["FFA1", "FFA-1"].map(|roi| format!("{directory}{roi}_mask.nii.gz"));
    expected.push(self::expected(&bucket, &local, &key));
    expected.sort();
    assert_eq!(subject.inputs_read().iter().map(plain).collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_that_changed_since_its_download_is_named() {
    let bucket = Bucket::temporary().unwrap();
    let server = bucket.serve().unwrap();
    let mirror = tempfile::tempdir().unwrap();
    let location: Location = server.url("laion-fmri").parse().unwrap();
    let dataset = Dataset::open(mirror.path()).unwrap().with_location(location);
    let license = dataset.accept_license().unwrap();
    let request = DownloadRequest::subject("sub-03").unwrap().ses(["ses-01"]);
    let report = dataset.download(&request, &license, &(), &Cancel::default()).unwrap();
    report.into_result().unwrap();

    let subject = dataset.subject("sub-03").unwrap();
    let key = layout::r2mean(subject.id());
    let path = mirror.path().join(&key);
    let whole = fs::read(&path).unwrap();
    let record = subject.open_input(&key).unwrap().finish().unwrap();
    assert_eq!(plain(&record), expected(&bucket, &key, &key));

    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let error = subject.open_input(&key).unwrap().finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    let Error::Input(InputError::Changed { path: named, digest, expected, got }) = error else {
        panic!("{error:?}")
    };
    assert_eq!((named, digest), (path.clone(), "SHA-256"));
    assert_eq!(expected, record.sha256.to_string());
    assert_ne!(got, record.sha256.to_string());

    // A file of another size is another version: nothing is recorded about it.
    damaged.push(0);
    fs::write(&path, &damaged).unwrap();
    assert_eq!(subject.open_input(&key).unwrap().finish().unwrap().size, record.size + 1);
}

#[test]
fn a_long_file_is_held_to_the_checksum_of_the_bucket_until_its_digest_is_made() {
    let checked = Check::Checksum(ChecksumAlgorithm::Crc64Nvme);
    held_to_the_bucket(Some(ChecksumKind::Crc64Nvme), checked, "CRC-64/NVME");
}

#[test]
fn a_long_file_without_a_checksum_is_held_to_its_entity_tag_until_its_digest_is_made() {
    held_to_the_bucket(None, Check::ETag, "MD5");
}

/// `checked` shows that a long file is what the bucket keeps, by what errors call `compared`.
fn held_to_the_bucket(checksum: Option<ChecksumKind>, checked: Check, compared: &str) {
    let bucket = Bucket::temporary().unwrap();
    let key = "derivatives/glmsingle-tedana/sub-03/large.bin";
    fs::create_dir_all(bucket.path(key).parent().unwrap()).unwrap();
    fs::write(bucket.path(key), fixtures::noise(1, 5_000_000)).unwrap();
    let mut options = bucket.options();
    options.checksum = checksum;
    let server = Server::start(options).unwrap();
    let mirror = tempfile::tempdir().unwrap();
    let location: Location = server.url("laion-fmri").parse().unwrap();
    let dataset = Dataset::open(mirror.path()).unwrap().with_location(location);
    let license = dataset.accept_license().unwrap();
    let request = DownloadRequest::of_prefix(key);
    let report = dataset.download(&request, &license, &(), &Cancel::default()).unwrap();
    assert_eq!(report.contents[&key.parse().unwrap()].check, checked);
    report.into_result().unwrap();

    let path = mirror.path().join(key);
    let recorded = || {
        let inventory = Inventory::read(mirror.path().join(".laion_fmri/inventory")).unwrap();
        let record = inventory.find(&key.parse().unwrap(), &fs::metadata(&path).unwrap()).unwrap();
        let of_bucket = (record.checksum.is_some(), record.etag_verified);
        assert_eq!(record.check, Some(checked));
        assert_eq!(of_bucket, (checksum.is_some(), checksum.is_none()));
        record.sha256.map(|sha256| sha256.to_string())
    };
    assert_eq!(recorded(), None);
    // It is hashed when it is an input, and compared on the way.
    let input = || dataset.subject("sub-03").unwrap().open_input(key).unwrap().finish();
    let expected = expected(&bucket, key, key);
    assert_eq!(plain(&input().unwrap()), expected);
    let whole = fs::read(&path).unwrap();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let write = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    };
    let mut damaged = whole.clone();
    damaged[2_500_000] ^= 1;
    write(&damaged);
    assert!(matches!(
        input().unwrap_err(),
        Error::Input(InputError::Changed { digest, expected, got, .. })
            if digest == compared && expected != got
    ));
    let verify = || dataset.verify(&VerifyRequest::new(), &(), &Cancel::default()).unwrap();
    let found = verify();
    assert_eq!(found.bad().count(), 1, "{found:?}");
    assert_eq!(recorded(), None, "what is damaged is not recorded");
    // What is verified is recorded with its digest, and held to that from then on.
    write(&whole);
    let found = verify();
    assert!(found.is_sound(), "{found:?}");
    let file = found.files.iter().find(|file| file.path.as_str() == key).unwrap();
    assert_eq!((file.against, file.check), ("record", Some(checked)));
    assert_eq!(recorded(), Some(expected.2.clone()));
    write(&damaged);
    assert!(matches!(
        input().unwrap_err(),
        Error::Input(InputError::Changed { digest: "SHA-256", expected: then, .. })
            if then == expected.2
    ));
    assert_eq!(verify().bad().count(), 1);
}

#[test]
fn a_download_since_the_records_were_read_is_seen() {
    let bucket = Bucket::temporary().unwrap();
    let server = bucket.serve().unwrap();
    let mirror = tempfile::tempdir().unwrap();
    let location: Location = server.url("laion-fmri").parse().unwrap();
    let dataset = Dataset::open(mirror.path()).unwrap().with_location(location);
    let license = dataset.accept_license().unwrap();
    let key = layout::trials(&"sub-03".parse().unwrap(), &"ses-01".parse().unwrap());
    let request = DownloadRequest::subject("sub-03").unwrap().ses(["ses-01"]);
    let download = || {
        let report = dataset.download(&request, &license, &(), &Cancel::default()).unwrap();
        report.into_result().unwrap()
    };
    download();
    let subject = dataset.subject("sub-03").unwrap();
    let first = subject.open_input(&key).unwrap().finish().unwrap();

    let table = fs::read_to_string(bucket.path(&key)).unwrap();
    let other = table.replacen("ses-01", "ses-10", 1);
    fs::write(bucket.path(&key), other).unwrap();
    fs::remove_file(mirror.path().join(&key)).unwrap();
    download();
    let second = subject.open_input(&key).unwrap().finish().unwrap();
    assert_eq!(first.size, second.size);
    assert_ne!(first.sha256, second.sha256);
}

#[test]
fn an_input_that_is_not_there_is_named() {
    let bucket = Bucket::temporary().unwrap();
    let subject = opened(&bucket, "sub-01");
    let relative =
        "derivatives/rois/sub-01/face/sub-01_space-T1w_res-1pt8_label-nothing_mask.nii.gz";
    let error = subject.open_input(relative).unwrap_err();
    assert_eq!(fetch(&error), DownloadRequest::of_prefix(relative));
    assert!(
        matches!(error, Error::DataNotDownloaded { path, .. } if path == bucket.path(relative))
    );
}

#[test]
fn a_path_that_leads_out_of_the_mirror_is_refused() {
    let bucket = Bucket::temporary().unwrap();
    let readme = bucket.root().join("README");
    let from_bucket = Dataset::from_bucket(&Location::directory(bucket.root()).unwrap()).unwrap();
    for subject in [opened(&bucket, "sub-01"), from_bucket.subject("sub-01").unwrap()] {
        for outside in [readme.to_str().unwrap(), "../beside", "stimuli/../README", "", "a//b"] {
            let error = subject.open_input(outside).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{outside}");
            assert!(
                matches!(&error, Error::Input(InputError::NotAKey(invalid)) if invalid.key == outside),
                "{error:?}"
            );
        }
        subject.open_input("README").unwrap();
    }
}
