//! One task: the rows of one session of one subject, z-scored, in a part file.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

use array_export::f16;
use bids_names::SessionId;
use laion_fmri_base::Sha256;
use laion_fmri_splits::SplitMasks;
use laion_fmri_stimuli::StimulusSet;
use ndarray::{Array2, Axis};
use nifti_stream::RowSelection;

use super::columns::Described;
use super::conventions::{Conventions, ZscoreFit, ZscoreScope, is_ood};
use super::images::RowImages;
use super::inputs::RecipeInput;
use super::output;
use super::part::{Description, PartWriter};
use crate::betas::{SessionRead, SessionReader, zeroed};
use crate::files::row_file::RowFile;
use crate::mask::VoxelMask;
use crate::noise_ceiling::array_name;
use crate::observer::Watch;
use crate::zscore::zscore_view;
use crate::{
    Event, InputRecord, Result, SessionTrials, Step, Subject, ZscoreOptions, ZscoreReport, layout,
};

/// Columns that are z-scored between two looks at whether to stop.
const COLUMNS_AT_ONCE: usize = 1 << 14;

/// A task with what it needs.
pub(super) struct Task<'a> {
    pub(super) subject: &'a Subject,
    /// The voxels, which all sessions of a subject share.
    pub(super) voxels: &'a Described,
    pub(super) session: &'a SessionId,
    pub(super) conventions: &'a Conventions,
    /// The `desc` of the noise-ceiling maps that go along.
    pub(super) ceilings: &'a [String],
    /// Whether the rows have the columns of the table of images.
    pub(super) with_images: bool,
    /// The digest that the part carries.
    pub(super) digest: Sha256,
    pub(super) path: &'a Path,
    /// How many columns may be in memory at once.
    pub(super) columns_at_once: usize,
    /// How many threads read the betas.
    pub(super) threads: NonZeroUsize,
    /// The file of the embeddings, hashed once for all tasks of a process.
    pub(super) embeddings: &'a OnceLock<RecipeInput>,
    pub(super) watch: Watch<'a>,
}

/// The trials of a session: what they show, and which of them matter.
pub(super) struct Trials {
    labels: Vec<String>,
    /// The run of each trial as it is written, and as a number.
    runs: Vec<(String, i64)>,
    /// Those that become rows.
    pub(super) kept: Vec<usize>,
    /// Those that are read: the rows, and what the z-score is fitted on. Ascending.
    pub(super) read: Vec<usize>,
    /// Which of those that are read the z-score is fitted on; all without a list.
    fit: Option<Vec<bool>>,
}

impl Trials {
    pub(super) fn of(table: &SessionTrials, conventions: &Conventions) -> Result<Self> {
        let labels: Vec<String> = table.labels()?.map(str::to_owned).collect();
        let wanted = |label: &str| {
            conventions.stimuli.is_none_or(|set| StimulusSet::of_label(label) == set)
                && !(conventions.exclude_ood && is_ood(label))
        };
        let kept: Vec<usize> = (0..labels.len()).filter(|row| wanted(&labels[*row])).collect();
        let (read, fit) = match conventions.zscore.map(|zscore| zscore.fit) {
            None => (kept.clone(), None),
            Some(ZscoreFit::All) => ((0..labels.len()).collect(), None),
            Some(ZscoreFit::Train) => {
                let split = conventions.split.as_ref().map(super::SplitChoice::load).transpose()?;
                let train = split.map_or_else(Vec::new, |split| {
                    let masks: SplitMasks = split.masks(&labels);
                    masks.train
                });
                let fits = |row: &usize| train.get(*row) == Some(&true);
                let is_kept = |row: &usize| kept.binary_search(row).is_ok();
                let read: Vec<usize> =
                    (0..labels.len()).filter(|row| fits(row) || is_kept(row)).collect();
                let fit = read.iter().map(fits).collect();
                (read, Some(fit))
            }
        };
        Ok(Self { runs: table.runs(), labels, kept, read, fit })
    }

    /// The image of each kept trial.
    pub(super) fn kept_labels(&self) -> Vec<String> {
        self.kept.iter().map(|row| self.labels[*row].clone()).collect()
    }

    /// The run of each kept trial, -1 where the table has none.
    pub(super) fn kept_runs(&self) -> Vec<i64> {
        self.kept.iter().map(|row| self.runs[*row].1).collect()
    }

    /// The group of each trial that is read.
    fn groups(&self, scope: ZscoreScope) -> Vec<&str> {
        let run = |row: &usize| match scope {
            ZscoreScope::Run => self.runs[*row].0.as_str(),
            ZscoreScope::Session => "",
        };
        self.read.iter().map(run).collect()
    }

    /// Which of the trials that are read the kept ones are.
    fn kept_among_read(&self) -> Vec<usize> {
        let ranks: HashMap<usize, usize> =
            self.read.iter().enumerate().map(|(rank, row)| (*row, rank)).collect();
        self.kept.iter().map(|row| ranks[row]).collect()
    }
}

impl Task<'_> {
    /// Reads the session and writes its part.
    pub(super) fn run(&self) -> Result<()> {
        let table = self.subject.trials(self.session.as_str())?;
        if self.conventions.zscore.is_some_and(|zscore| zscore.within == ZscoreScope::Run)
            && table.column("run").is_none()
        {
            return Err(table.without_runs());
        }
        let trials = Trials::of(&table, self.conventions)?;
        let Described { voxels, columns, rois } = self.voxels;
        let mut writer = PartWriter::create(self.path, trials.kept.len(), voxels.n_voxels())?;
        let (report, betas) = self.write_rows(&trials, voxels, &table, &mut writer)?;
        let features = self.features(&trials)?;
        let images = match self.with_images {
            true => Some(RowImages::of(self.subject, &trials.kept_labels())?),
            false => None,
        };
        // The same handle reads the tables of other sessions, which this part does not hold.
        let own_table = layout::trials(self.subject.id(), self.session);
        let is_of_part = |input: &InputRecord| {
            input.relative == own_table || !layout::is_trials(&input.relative)
        };
        let read = self.subject.inputs_read().into_iter().filter(is_of_part).map(RecipeInput::from);
        let embeddings = features.as_ref().map(|(_, input)| input.clone());
        let mut inputs: Vec<RecipeInput> = read.chain([betas]).chain(embeddings).collect();
        inputs.sort();
        inputs.dedup();
        let fingerprints = inputs.iter().map(|input| {
            let RecipeInput { path: relative, size, sha256 } = input.clone();
            self.subject.files().fingerprint_of(&InputRecord { relative, size, sha256 })
        });
        let fingerprints = fingerprints.filter_map(Result::transpose).collect::<Result<_>>()?;
        let description = Description {
            task: self.digest,
            subject: self.subject.id().to_string(),
            session: self.session.to_string(),
            grid: voxels.brain().grid().shape(),
            n_columns: voxels.n_voxels(),
            n_features: features.as_ref().map_or(0, |(features, _)| features.ncols()),
            image_names: trials.kept_labels(),
            runs: trials.kept_runs(),
            trials: trials.kept.clone(),
            images,
            noise_ceilings: self.ceilings.iter().map(|desc| array_name(desc)).collect(),
            rois: rois.clone(),
            constant: report.constant,
            undefined: report.undefined,
            inputs,
            fingerprints,
        };
        let features = features.as_ref().map(|(features, _)| features.view());
        writer.finish(&description, columns, features)?;
        self.tell(None);
        Ok(())
    }

    /// Says what is done with the session now.
    fn tell(&self, step: Option<Step>) {
        let (subject, session) = (self.subject.id(), self.session);
        self.watch.observer.event(Event::Working { subject, session, step });
    }

    /// Reads the betas through the z-score into the part.
    fn write_rows(
        &self,
        trials: &Trials,
        voxels: &VoxelMask,
        table: &SessionTrials,
        writer: &mut PartWriter,
    ) -> Result<(ZscoreReport, RecipeInput)> {
        let reader = SessionReader::open(self.subject, self.session, voxels)?;
        reader.check_trials(table)?;
        let rows = RowSelection::Rows(trials.read.clone());
        let (threads, watch) = (self.threads, self.watch);
        let read = SessionRead { voxels, rows: &rows, threads, watch };
        let n_columns = voxels.n_voxels();
        let mut report = ZscoreReport::default();
        let record = if self.columns_at_once >= n_columns {
            let mut block = zeroed(trials.read.len(), n_columns)?;
            let record = reader.recorded(threads, || reader.read_rows(read, block.view_mut()))?;
            report = self.write_block(trials, 0, block, writer)?;
            record
        } else {
            // As much as fits at a time: rows go to a file as they come and return in blocks of
            // columns, which the z-score treats one by one anyway.
            let directory = self.path.parent().unwrap_or_else(|| Path::new("."));
            let mut matrix = RowFile::writer(directory, n_columns)?;
            let record = reader.recorded(threads, || {
                let mut pushed = Ok(());
                let record = reader.for_each_row(read, |_, row| {
                    pushed = matrix.push(row);
                    if pushed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                });
                // A row that could not be pushed stopped the read.
                pushed.and(record)
            })?;
            let matrix = matrix.finish()?;
            for first in (0..n_columns).step_by(self.columns_at_once) {
                let width = self.columns_at_once.min(n_columns - first);
                let mut block = zeroed(matrix.n_rows(), width)?;
                matrix.read_block(first, block.view_mut())?;
                let part = self.write_block(trials, first, block, writer)?;
                report.constant += part.constant;
                report.undefined += part.undefined;
                report.nan += part.nan;
            }
            record
        };
        Ok((report, record.into()))
    }

    /// Z-scores columns and writes those of their rows that are kept.
    fn write_block(
        &self,
        trials: &Trials,
        first: usize,
        mut block: Array2<f32>,
        writer: &mut PartWriter,
    ) -> Result<ZscoreReport> {
        let mut report = ZscoreReport::default();
        if let Some(how) = self.conventions.zscore {
            let mut options = ZscoreOptions::default().ddof(usize::from(how.ddof));
            if let Some(fit) = &trials.fit {
                options = options.fit_rows(fit.clone());
            }
            let groups = trials.groups(how.within);
            self.tell(Some(Step::Zscoring));
            // Each voxel by itself, so parts give the same values and can be stopped between.
            for part in block.axis_chunks_iter_mut(Axis(1), COLUMNS_AT_ONCE) {
                self.watch.check()?;
                let part = zscore_view(part, &groups, &options)?;
                report.constant += part.constant;
                report.undefined += part.undefined;
                report.nan += part.nan;
            }
        }
        self.tell(Some(Step::Writing));
        if trials.kept.len() == trials.read.len() {
            writer.write_block(first, block.view())?;
        } else {
            // Rows move up to where they stand among the kept ones, so that no second array is
            // needed.
            let ranks = trials.kept_among_read();
            for (to, from) in ranks.iter().enumerate().filter(|(to, from)| to != *from) {
                let (mut upper, lower) = block.view_mut().split_at(Axis(0), *from);
                upper.row_mut(to).assign(&lower.row(0));
            }
            writer.write_block(first, block.view().split_at(Axis(0), ranks.len()).0)?;
        }
        Ok(report)
    }

    /// The embeddings of the images of the rows, and the file that they come from.
    fn features(&self, trials: &Trials) -> Result<Option<(Array2<f16>, RecipeInput)>> {
        let Some(model) = self.conventions.features else { return Ok(None) };
        let names: Vec<&str> = trials.kept.iter().map(|row| trials.labels[*row].as_str()).collect();
        let embeddings = self.subject.stimuli().embeddings(model)?;
        let features = embeddings.get_many(&names)?;
        let input = match self.embeddings.get() {
            Some(known) => known.clone(),
            None => {
                let (size, sha256) = output::hash(embeddings.path(), self.watch)?;
                self.subject.stimuli().note_change(model.file_name(), sha256);
                let input = RecipeInput { path: layout::embeddings(model), size, sha256 };
                // Another task may have been quicker, with the same answer.
                let _ = self.embeddings.set(input.clone());
                input
            }
        };
        Ok(Some((features, input)))
    }
}
