//! A file compared with what the bucket lists of its object: [`check_listed`].

use std::io;
use std::path::Path;

use s3_mirror::{
    Cancel, Checksum, Condition, Expected, Inspection, Integrity, Listed, RelativePath, check_file,
};

use crate::download::GzipInspection;
use crate::remote::Remote;

/// Compares a file with the size and the entity tag of its object. If that proves nothing, or they differ in
/// the tag, the bucket is asked whether that is a digest at all, and which checksums it keeps.
pub(super) fn check_listed(
    file: &Path,
    local: &RelativePath,
    listed: &Listed,
    remote: &Remote,
    cancel: &Cancel,
) -> io::Result<Condition> {
    let check = |etag: Option<&str>, checksums: &[Checksum]| {
        let expected = Expected::new().size(listed.size).etag(etag).checksums(checksums);
        check_file(file, &expected, GzipInspection.inspect(local), cancel)
    };
    let etag = listed.etag.as_deref();
    let condition = check(etag, &[])?;
    let unproved = match &condition {
        Condition::Sound(content) => !content.check.is_proof(),
        condition => matches!(condition, Condition::ETag { .. }),
    };
    if !unproved {
        return Ok(condition);
    }
    // Without an answer the tag counts as what it looks like.
    let Integrity { opaque_tag, checksums, .. } = remote.integrity(&listed.key).unwrap_or_default();
    if !opaque_tag && checksums.is_empty() {
        return Ok(condition);
    }
    check(etag.filter(|_| !opaque_tag), &checksums)
}
