//! Hints of notes: the call that puts right what a library has noticed.

use std::path::Path;

use super::place::{DataDir, Elsewhere};

/// What would help after a note of this kind, about a subject and a file where it names them.
pub(crate) fn of_note(
    target: &str,
    subject: &str,
    path: &Path,
    elsewhere: Elsewhere<'_>,
) -> Option<String> {
    let repair = |mut arguments: Vec<String>| {
        arguments.push("repair=True".to_owned());
        DataDir::of(path, elsewhere).call("laion_fmri.verify", arguments)
    };
    Some(match target {
        "laion_fmri::changed" => {
            let call = repair(Vec::new());
            format!("{call} compares it, and downloads it again if it is damaged")
        }
        "laion_fmri::gone_volume" => {
            let call = repair(vec![format!("{subject:?}")]);
            format!("{call} downloads what is missing")
        }
        // Stores are built in the configured data directory alone.
        "laion_fmri::damaged_store" => {
            format!("laion_fmri.build_store(\"{subject}\", verify=True) builds it again")
        }
        "laion_fmri::stale_store" => format!(
            "laion_fmri.verify(\"{subject}\") compares files that were copied, \
             laion_fmri.build_store(\"{subject}\") builds what has changed"
        ),
        _ => return None,
    })
}
