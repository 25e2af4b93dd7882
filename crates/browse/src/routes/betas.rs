//! `/api/subjects/S/betas` and `/mean`: the betas of one trial, or their mean over the repeats of
//! an image, as a volume.

use std::sync::Arc;

use axum::extract::State;
use laion_fmri::{Error, MaskSource, Resolution, SessionId, VoxelMask};
use serde::Deserialize;

use crate::answer::{Answer, Refusal};
use crate::names;
use crate::parameters::{Asked, Named};
use crate::reading::Purpose;
use crate::sending::{Content, send};
use crate::state::{Looked, Shared};
use crate::trials::Trials;

/// What the numbers are.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// As in the file.
    #[default]
    Beta,
    /// In standard deviations of the voxel, from its mean, over the trials of the session.
    Zscore,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Shown {
    #[serde(default)]
    kind: Kind,
}

pub(crate) async fn trial(
    State(state): State<Arc<Shared>>,
    Named((subject, session, file)): Named<(String, String, String)>,
    Asked(Shown { kind }): Asked<Shown>,
) -> Result<Answer, Refusal> {
    let session = names::session(&session)?;
    let trial = names::number(names::stem(&file, ".nii")?, "trial")?;
    let content = state.about(&subject, move |looked| {
        let values = looked.trial(&session, trial, kind)?;
        Ok(Content::Values { mask: looked.brain()?, values })
    });
    Ok(send(&state, content.await?))
}

pub(crate) async fn mean(
    State(state): State<Arc<Shared>>,
    Named((subject, file)): Named<(String, String)>,
    Asked(Shown { kind }): Asked<Shown>,
) -> Result<Answer, Refusal> {
    let image = names::stem(&file, ".nii")?.to_owned();
    let content = state.about(&subject, move |looked| {
        let values = looked.mean(&image, kind)?;
        Ok(Content::Values { mask: looked.brain()?, values })
    });
    Ok(send(&state, content.await?))
}

impl Looked {
    /// All voxels of the brain mask that the page uses.
    pub(crate) fn brain(&self) -> Result<VoxelMask, Refusal> {
        let brain = self.subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8)?;
        Ok(VoxelMask::all(brain))
    }

    /// The betas of a trial at the voxels of the brain.
    pub(crate) fn trial(
        &self,
        session: &SessionId,
        trial: usize,
        kind: Kind,
    ) -> Result<Vec<f32>, Refusal> {
        let mut sum = Sum::new(self.brain()?.n_voxels());
        self.add(session, vec![trial], kind, &mut sum)?;
        Ok(sum.mean())
    }

    /// The mean of all trials on disk that showed an image, at the voxels of the brain.
    pub(crate) fn mean(&self, image: &str, kind: Kind) -> Result<Vec<f32>, Refusal> {
        let trials = self.trials()?;
        let mut sum = Sum::new(self.brain()?.n_voxels());
        for (session, chosen) in self.sessions_with(image, &trials)? {
            self.add(session, chosen, kind, &mut sum)?;
        }
        Ok(sum.mean())
    }

    /// The sessions on disk that showed an image, each with its trials; refused when there is none.
    pub(crate) fn sessions_with<'t>(
        &self,
        image: &str,
        trials: &'t Trials,
    ) -> Result<Vec<(&'t SessionId, Vec<usize>)>, Refusal> {
        let found = trials.sessions_of(image);
        if found.is_empty() {
            let id = self.subject.id();
            let text = format!("no session of {id} on disk has a trial with the image {image:?}");
            return Err(Refusal::NotFound(text));
        }
        Ok(found)
    }

    /// Adds trials of a session: each is read by the index of the file, which the first read makes.
    fn add(
        &self,
        session: &SessionId,
        trials: Vec<usize>,
        kind: Kind,
        sum: &mut Sum,
    ) -> Result<(), Refusal> {
        let betas = self.subject.betas().session(session);
        let rows = betas.clone().trials(trials).volumes()?;
        // After the numbers of the trials were checked: this may be a pass over the file.
        let statistics = match kind {
            Kind::Beta => None,
            Kind::Zscore => {
                let key = self.seen.key(session.as_str());
                Some(self.kept().statistics.get(&key, || {
                    let read = self.reading(session, Purpose::Zscore);
                    Ok(betas.clone().observer(read.progress()).statistics()?)
                })?)
            }
        };
        let read = self.reading(session, Purpose::Betas);
        let mut rows = rows.with_observer(read.progress().clone());
        let mut row = vec![0.0; rows.n_voxels()];
        while rows.next_row(&mut row)?.is_some() {
            if let Some(statistics) = &statistics {
                statistics.zscore_row(&mut row)?;
            }
            sum.add(&row)?;
        }
        Ok(())
    }
}

/// The sum of rows.
struct Sum {
    values: Vec<f64>,
    count: usize,
}

impl Sum {
    fn new(n_voxels: usize) -> Self {
        Self { values: vec![0.0; n_voxels], count: 0 }
    }

    fn add(&mut self, row: &[f32]) -> Result<(), Refusal> {
        // The brain mask was replaced between two sessions.
        if row.len() != self.values.len() {
            let (expected, got) = (self.values.len(), row.len());
            return Err(Error::ValuesLength { expected, got }.into());
        }
        self.values.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        self.count += 1;
        Ok(())
    }

    fn mean(self) -> Vec<f32> {
        let count = self.count.max(1) as f64;
        self.values.into_iter().map(|sum| (sum / count) as f32).collect()
    }
}
