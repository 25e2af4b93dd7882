//! The embeddings of the images that trials showed.

use std::sync::Arc;

use laion_fmri_stimuli::{EmbeddingModel, Embeddings, f16};
use ndarray::{Array1, Array2};

use crate::stimulus::Shown;
use crate::{GlobalTrial, Result, SessionOrAll, Stimuli, Subject};

/// Embeddings by trial. The file of a model is opened when that model is first asked for.
#[derive(Clone, Debug)]
pub struct TrialEmbeddings {
    shown: Arc<Shown>,
    stimuli: Stimuli,
}

impl Subject {
    /// The embeddings of what this subject saw.
    ///
    /// # Errors
    ///
    /// As [`Subject::trials`] for every session on disk.
    ///
    /// ```
    /// use laion_fmri::Dataset;
    /// use laion_fmri::stimuli::EmbeddingModel;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let features = subject.embeddings()?.all_f32(EmbeddingModel::Clip, Some("ses-01"))?;
    /// let betas = subject.betas().session("ses-01").roi("FFA1").load()?;
    /// assert_eq!(features.nrows(), betas.nrows());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn embeddings(&self) -> Result<TrialEmbeddings> {
        Ok(TrialEmbeddings { stimuli: self.stimuli().clone(), shown: Shown::read(self)? })
    }
}

impl TrialEmbeddings {
    /// The number of trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Whether there is no trial.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The models whose embeddings are on disk.
    #[must_use]
    pub fn models(&self) -> Vec<EmbeddingModel> {
        self.stimuli.embedding_models()
    }

    /// The features of one trial's image, as stored: float16, shape `(n_features,)`.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`](crate::Error::StimuliNotDownloaded),
    /// [`Error::GlobalTrialOutOfRange`](crate::Error::GlobalTrialOutOfRange),
    /// [`Error::Stimuli`](crate::Error::Stimuli).
    pub fn get(&self, model: EmbeddingModel, trial: GlobalTrial) -> Result<Array1<f16>> {
        Ok(self.stimuli.embeddings(model)?.get(self.shown.name(trial)?)?)
    }

    /// The features of every trial of a session, or of all sessions, as stored: float16, shape
    /// `(n_trials, n_features)`. Images shown several times are read once.
    ///
    /// # Errors
    ///
    /// As [`TrialEmbeddings::get`]; [`Error::DataNotDownloaded`](crate::Error::DataNotDownloaded)
    /// for a session without a trial table.
    pub fn all<'s>(
        &self,
        model: EmbeddingModel,
        session: impl Into<SessionOrAll<'s>>,
    ) -> Result<Array2<f16>> {
        let (embeddings, rows) = self.rows(model, session.into())?;
        Ok(embeddings.rows(&rows)?)
    }

    /// As [`TrialEmbeddings::all`], widened to float32, which loses nothing.
    ///
    /// # Errors
    ///
    /// As [`TrialEmbeddings::all`].
    pub fn all_f32<'s>(
        &self,
        model: EmbeddingModel,
        session: impl Into<SessionOrAll<'s>>,
    ) -> Result<Array2<f32>> {
        let (embeddings, rows) = self.rows(model, session.into())?;
        Ok(embeddings.rows_f32(&rows)?)
    }

    /// The row of each trial's image in the file of a model.
    fn rows(
        &self,
        model: EmbeddingModel,
        session: SessionOrAll<'_>,
    ) -> Result<(Arc<Embeddings>, Vec<usize>)> {
        let embeddings = self.stimuli.embeddings(model)?;
        let needed = self.shown.needed(self.shown.trials(session)?);
        let rows: Vec<usize> = needed
            .names
            .iter()
            .map(|name| embeddings.row_of(name))
            .collect::<Result<_, laion_fmri_stimuli::Error>>()?;
        Ok((embeddings, needed.rows.into_iter().map(|image| rows[image]).collect()))
    }
}
