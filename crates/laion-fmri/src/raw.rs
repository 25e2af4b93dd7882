//! Raw BIDS of a subject: events, echoes and single-band references.

mod events;

use bids_names::SessionId;
use nifti_stream::Volume;
use nifti_stream::fs::VolumeFile;

pub use self::events::{EventTable, EventTableError};
use crate::{DownloadRequest, Error, FilterField, Input, Result, SessionOrAll, Subject, layout};

laion_fmri_base::named_enum! {
    /// The part of a complex image.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub enum Part: "part" {
        /// `part-mag`
        #[default]
        Magnitude = "mag",
        /// `part-phase`
        Phase = "phase",
    }
}

impl Subject {
    /// Whether any functional raw data are on disk: of one session, by `ses-01` or `01`, or of any.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSession`]; [`Error::Io`] when a directory cannot be read.
    pub fn has_raw<'s>(&self, session: impl Into<SessionOrAll<'s>>) -> Result<bool> {
        let has = |session: &SessionId| -> Result<bool> {
            Ok(!self.roots().files(&layout::raw_func(self.id(), session))?.is_empty())
        };
        if let Some(session) = session.into().parsed()? {
            return has(&session);
        }
        for name in self.roots().subdirectories(&layout::raw(self.id()))? {
            if let Some(session) = name.starts_with("ses-").then(|| name.parse().ok()).flatten()
                && has(&session)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The events of a session: of one run, counted from 1, or of all runs one after
    /// another, with a last column `run` that holds `run-01` and so on.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSession`]; [`Error::DataNotDownloaded`] when there is no such table in the
    /// mirror; [`Error::EventTable`] when one cannot be used.
    ///
    /// ```
    /// use laion_fmri::Dataset;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let events = subject.events("ses-01", None)?;
    /// let runs = events.column("run").unwrap();
    /// for ((onset, kind), run) in events.onsets()?.iter().zip(events.trial_types()?).zip(runs) {
    ///     assert!(*onset > 0.0 && ["new", "old", "blank"].contains(&kind));
    ///     assert!(run.starts_with("run-"));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get_events")]
    pub fn events(&self, session: impl AsRef<str>, run: Option<u32>) -> Result<EventTable> {
        let session: SessionId = session.as_ref().parse()?;
        if let Some(run) = run {
            let key = layout::events(self.id(), &session, run);
            let what = format!("the events of {} {session} run {run}", self.id());
            let fetch = || self.fetch_raw(&session, Some(run), "events", "tsv");
            return self.read(&self.locate_anywhere(&what, &key, fetch)?, read_events);
        }
        let mut events: Option<EventTable> = None;
        for (run, key) in self.event_runs(&session)? {
            // Listed a moment ago: if it is gone now, that is what the caller has to know.
            let located = self.locate_anywhere("the events of a run", &key, || {
                self.fetch_raw(&session, None, "events", "tsv")
            })?;
            let table = self.read(&located, read_events)?.with_column("run", &run);
            match &mut events {
                None => events = Some(table),
                Some(events) => {
                    let path = located.path().to_owned();
                    events.append(table).map_err(|source| Error::EventTable { path, source })?;
                }
            }
        }
        events.ok_or_else(|| {
            let what = format!("any events of {} {session}", self.id());
            let directory = layout::raw_func(self.id(), &session);
            let fetch = || self.fetch_raw(&session, None, "events", "tsv");
            self.files().missing(what, &directory, fetch)
        })
    }

    /// One echo of one run as a stream of volumes. Runs and echoes are counted from 1.
    ///
    /// The image is not masked and cannot be: it is what the scanner took, in scanner space and on
    /// a grid of its own (90 x 110 x 72 voxels of 1.8 mm), which no brain mask, ROI or betas share.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSession`]; [`Error::DataNotDownloaded`] when it is not in the mirror;
    /// [`Error::Nifti`] when it is not a 4-D image.
    #[doc(alias = "get_raw_bold")]
    pub fn raw_bold(
        &self,
        session: impl AsRef<str>,
        run: u32,
        echo: u32,
        part: Part,
    ) -> Result<VolumeFile> {
        let session: SessionId = session.as_ref().parse()?;
        let key = layout::raw_bold(self.id(), &session, run, echo, part.as_str());
        let what = format!("the raw image of {} {session} run {run} echo {echo} {part}", self.id());
        let path = self.file(&what, &key, || {
            self.fetch_raw(&session, Some(run), "bold", "nii.gz")
                .filter(FilterField::Echo, [echo.to_string()])
                .filter(FilterField::Part, [part.as_str()])
        })?;
        Ok(VolumeFile::open(path)?)
    }

    /// The single-band reference of one echo of one run, whether or not its name has a part. Runs
    /// and echoes are counted from 1.
    ///
    /// As [`Subject::raw_bold`] it is in scanner space, not on the grid of the betas, and unmasked.
    ///
    /// # Errors
    ///
    /// As [`Subject::raw_bold`], for a 3-D image.
    #[doc(alias = "get_sbref")]
    pub fn sbref(&self, session: impl AsRef<str>, run: u32, echo: u32) -> Result<Volume> {
        let session: SessionId = session.as_ref().parse()?;
        let [key, with_part] = layout::sbref(self.id(), &session, run, echo);
        let path = match self.roots().find(&with_part) {
            Some(path) if self.roots().find(&key).is_none() => path,
            _ => {
                let what =
                    format!("the reference of {} {session} run {run} echo {echo}", self.id());
                self.file(&what, &key, || {
                    self.fetch_raw(&session, Some(run), "sbref", "nii.gz")
                        .filter(FilterField::Echo, [echo.to_string()])
                })?
            }
        };
        Ok(nifti_stream::fs::read_volume(path)?)
    }

    /// The runs with events, by name and key, in order.
    fn event_runs(&self, session: &SessionId) -> Result<Vec<(String, String)>> {
        let directory = layout::raw_func(self.id(), session);
        let prefix = format!("{}_{session}_task-images_", self.id());
        let files = self.files().files_anywhere(&directory)?;
        Ok(files
            .iter()
            .filter_map(|file| {
                let run = file.strip_prefix(&prefix)?.strip_suffix("_events.tsv")?;
                let digits = run.strip_prefix("run-")?;
                let numbered = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                numbered.then(|| (run.to_owned(), format!("{directory}{file}")))
            })
            .collect())
    }

    fn fetch_raw(
        &self,
        session: &SessionId,
        run: Option<u32>,
        suffix: &str,
        extension: &str,
    ) -> DownloadRequest {
        let request = DownloadRequest::of(self.id())
            .ses([session.as_str()])
            .filter(FilterField::Task, ["images"])
            .form(suffix, extension)
            .include_raw();
        match run {
            Some(run) => request.filter(FilterField::Run, [format!("{run:02}")]),
            None => request,
        }
    }
}

fn read_events(input: &mut Input) -> Result<EventTable> {
    let path = input.path().to_owned();
    EventTable::from_reader(std::io::BufReader::new(input))
        .map_err(|source| Error::EventTable { path, source })
}

#[cfg(test)]
mod tests {
    use laion_fmri_base::NameError;

    use super::*;

    #[test]
    fn names_and_parts_undo_each_other() {
        for part in [Part::Magnitude, Part::Phase] {
            assert_eq!(part.to_string().parse::<Part>().unwrap(), part);
        }
        assert!(matches!("real".parse::<Part>(), Err(NameError { got, .. }) if got == "real"));
    }
}
