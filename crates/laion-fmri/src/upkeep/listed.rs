//! A file compared with what the bucket lists of its object: [`check_listed`].

use std::io;
use std::path::Path;

use s3_mirror::{Cancel, Condition, Expected, Inspection, Listed, RelativePath, check_file};

use crate::download::GzipInspection;
use crate::remote::Remote;

/// Compares a file with the size and the entity tag of its object. If they differ in the tag, the bucket
/// is asked whether that is a digest at all.
pub(super) fn check_listed(
    file: &Path,
    local: &RelativePath,
    listed: &Listed,
    remote: &Remote,
    cancel: &Cancel,
) -> io::Result<Condition> {
    let check = |etag: Option<&str>| {
        let expected = Expected::new().size(listed.size).etag(etag);
        check_file(file, &expected, GzipInspection.inspect(local), cancel)
    };
    match check(listed.etag.as_deref())? {
        // Without an answer the tag counts as what it looks like.
        Condition::ETag { .. } if remote.has_opaque_tag(&listed.key).unwrap_or(false) => {
            check(None)
        }
        condition => Ok(condition),
    }
}
