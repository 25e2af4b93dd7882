//! Hints of notes: the call that puts right what a library has noticed.

/// What would help after a note of this kind, about a subject where it names one.
pub(crate) fn of_note(target: &str, subject: &str) -> Option<String> {
    Some(match target {
        "laion_fmri::changed" => {
            "laion_fmri.verify(repair=True) compares it, and downloads it again if it is damaged"
                .to_owned()
        }
        "laion_fmri::gone_volume" => {
            format!("laion_fmri.verify(\"{subject}\", repair=True) downloads what is missing")
        }
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
