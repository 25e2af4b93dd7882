//! Raw BIDS: events, echoes and single-band references.

use bids_names::{FileName, FileNameBuilder, SessionId, SubjectId};

use super::built;

/// `SUB/`, the raw tree of a subject.
#[must_use]
pub fn raw(subject: &SubjectId) -> String {
    format!("{subject}/")
}

/// `SUB/SES/func/`.
#[must_use]
pub fn raw_func(subject: &SubjectId, session: &SessionId) -> String {
    format!("{}{session}/func/", raw(subject))
}

/// The events of one run of image viewing. Runs are counted from 1.
#[must_use]
pub fn events(subject: &SubjectId, session: &SessionId, run: u32) -> String {
    raw_file(subject, session, of_run(FileName::builder("events", "tsv"), subject, session, run))
}

/// One echo of one run, magnitude (`mag`) or phase (`phase`).
#[must_use]
pub fn raw_bold(
    subject: &SubjectId,
    session: &SessionId,
    run: u32,
    echo: u32,
    part: &'static str,
) -> String {
    let name = of_run(FileName::builder("bold", "nii.gz"), subject, session, run)
        .entity("echo", echo.to_string())
        .entity("part", part);
    raw_file(subject, session, name)
}

/// The single-band reference of one echo of one run, as the bucket names it and with `part-mag`,
/// as it is described in places; the first that exists counts.
#[must_use]
pub fn sbref(subject: &SubjectId, session: &SessionId, run: u32, echo: u32) -> [String; 2] {
    let name = of_run(FileName::builder("sbref", "nii.gz"), subject, session, run)
        .entity("echo", echo.to_string());
    let with_part = name.clone().entity("part", "mag");
    [raw_file(subject, session, name), raw_file(subject, session, with_part)]
}

fn of_run(
    name: FileNameBuilder,
    subject: &SubjectId,
    session: &SessionId,
    run: u32,
) -> FileNameBuilder {
    name.entity("sub", subject.label())
        .entity("ses", session.label())
        .entity("task", "images")
        .entity("run", format!("{run:02}"))
}

fn raw_file(subject: &SubjectId, session: &SessionId, name: FileNameBuilder) -> String {
    format!("{}{}", raw_func(subject, session), built(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_bucket() {
        let subject: SubjectId = "sub-03".parse().unwrap();
        let session: SessionId = "04".parse().unwrap();
        assert_eq!(
            events(&subject, &session, 7),
            "sub-03/ses-04/func/sub-03_ses-04_task-images_run-07_events.tsv"
        );
        assert_eq!(
            raw_bold(&subject, &session, 12, 3, "phase"),
            "sub-03/ses-04/func/sub-03_ses-04_task-images_run-12_echo-3_part-phase_bold.nii.gz"
        );
        assert_eq!(
            sbref(&subject, &session, 1, 2),
            [
                "sub-03/ses-04/func/sub-03_ses-04_task-images_run-01_echo-2_sbref.nii.gz",
                "sub-03/ses-04/func/sub-03_ses-04_task-images_run-01_echo-2_part-mag_sbref.nii.gz"
            ]
        );
    }
}
