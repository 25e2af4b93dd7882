//! The methods paragraph and the citation of an extraction.

use laion_fmri_base::{agreeing, counted};

use super::conventions::{Average, NanColumns, SplitChoice, ZscoreFit, ZscoreScope};
use super::recipe::Recipe;

/// How the dataset asks to be cited as long as its paper is in preparation: by the talk of 2026 of those
/// who collected it. It names no single authors yet.
const CITATION: &str = "\
@misc{laion-fmri,
  author       = {{Hebart Lab (ViCCo Group)}},
  title        = {{LAION-fMRI}: single-trial 7T fMRI responses to 25,052 natural images},
  year         = {2026},
  organization = {Max Planck Institute for Human Cognitive and Brain Sciences, Leipzig},
  howpublished = {\\url{https://laion-fmri.hebartlab.com}},
  note         = {Paper in preparation, presented at VSS 2026. AWS Open Data, s3://laion-fmri, CC0},
}";

impl Recipe {
    /// A paragraph for a methods section, which states what was done and with what.
    #[must_use]
    pub fn methods(&self) -> String {
        let mut sentences = vec![self.data(), self.voxels()];
        sentences.extend(self.trials());
        sentences.extend(self.zscore());
        sentences.extend(self.averaging());
        sentences.push(self.nan());
        sentences.extend(self.conventions.split.as_ref().map(split));
        sentences.extend(self.conventions.features.map(|model| {
            format!("Image features are the embeddings of {model} that come with the dataset.")
        }));
        sentences.push(format!(
            "The result has {} and {} (digest of all arrays, SHA-256: {}) and was made with {} from {}, whose checksums are part of its recipe.",
            counted(self.result.rows, "row"),
            counted(self.result.columns, "voxel"),
            self.result.arrays_sha256,
            self.tool,
            counted(self.inputs.len(), "file")
        ));
        sentences.join(" ")
    }

    /// What to cite, as BibTeX.
    #[must_use]
    pub fn citation(&self) -> &'static str {
        CITATION
    }

    fn data(&self) -> String {
        let whose = self.whose();
        format!("Single-trial responses (GLMsingle betas) of {whose} of LAION-fMRI were used.")
    }

    /// `sub-01 and sub-03 (2 sessions each)`, or each with its own number.
    fn whose(&self) -> String {
        let sessions = |n: usize| counted(n, "session");
        let mut counts = self.subjects.iter().map(|it| it.sessions.len());
        let first = counts.next().unwrap_or(0);
        if counts.all(|count| count == first) {
            let names = self.subjects.iter().map(|it| it.subject.clone()).collect();
            let each = if self.subjects.len() > 1 { " each" } else { "" };
            return format!("{} ({}{each})", enumerated(names), sessions(first));
        }
        let with_count = self.subjects.iter().map(|it| (&it.subject, it.sessions.len()));
        enumerated(with_count.map(|(name, n)| format!("{name} ({})", sessions(n))).collect())
    }

    fn voxels(&self) -> String {
        let conventions = &self.conventions;
        let mut text = match conventions.rois.as_slice() {
            _ if let Some(mask) = &conventions.mask => format!(
                "{} of the {} brain mask {} taken, chosen by the file {} (SHA-256: {})",
                counted(mask.voxels.len(), "voxel"),
                conventions.mask_source,
                agreeing(mask.voxels.len(), "was", "were"),
                mask.file,
                mask.sha256
            ),
            [] => format!("All voxels of the {} brain mask were taken", conventions.mask_source),
            rois => format!(
                "Voxels of {} inside the {} brain mask were taken",
                rois.join(", "),
                conventions.mask_source
            ),
        };
        if let Some(threshold) = &conventions.noise_ceiling {
            let map = threshold.desc.as_deref().unwrap_or("the session's own map");
            let percent = threshold.percent;
            text.push_str(&format!(" if their noise ceiling ({map}) was at least {percent} %"));
        }
        text + "."
    }

    fn trials(&self) -> Option<String> {
        let conventions = &self.conventions;
        let mut parts = Vec::new();
        parts.extend(conventions.stimuli.map(|set| format!("only {set} images were used")));
        if conventions.exclude_ood {
            parts.push("out-of-distribution images were left out".to_owned());
        }
        if conventions.exact_repetitions {
            parts.push(
                "images that were not shown exactly as often as planned were left out".to_owned(),
            );
        }
        let text = parts.join("; ");
        let (first, rest) = text.split_at_checked(1)?;
        Some(format!("{}{rest}.", first.to_uppercase()))
    }

    fn zscore(&self) -> Option<String> {
        let zscore = self.conventions.zscore?;
        let scope = match zscore.within {
            ZscoreScope::Run => "run",
            ZscoreScope::Session => "session",
        };
        let fit = match zscore.fit {
            ZscoreFit::All => format!("all trials of the {scope}"),
            ZscoreFit::Train => format!("the training trials of the {scope}"),
        };
        Some(format!(
            "Responses were z-scored per voxel within each {scope}, with mean and standard deviation (ddof {}) of {fit}; voxels without variance were set to 0.",
            zscore.ddof
        ))
    }

    fn averaging(&self) -> Option<String> {
        (self.conventions.average == Average::Image).then(|| {
            let shared = if self.subjects.len() > 1 { " that all subjects saw" } else { "" };
            let dropped = match self.result.dropped_images.unwrap_or(0) {
                0 => String::new(),
                n => format!(
                    "; {} that not all of them saw {} left out",
                    counted(n, "image"),
                    agreeing(n, "was", "were")
                ),
            };
            format!(
                "The trials of each image{shared} were averaged{}{dropped}.",
                if self.conventions.zscore.is_some() { " after z-scoring" } else { "" }
            )
        })
    }

    fn nan(&self) -> String {
        let n = self.result.nan_columns;
        let voxels = counted(n, "voxel");
        match self.conventions.nan {
            NanColumns::Keep if n == 0 => "No value is missing.".to_owned(),
            NanColumns::Keep => {
                format!("{voxels} {} missing values (NaN).", agreeing(n, "has", "have"))
            }
            NanColumns::Drop => {
                let were = agreeing(n, "was", "were");
                format!("{voxels} with missing values {were} left out.")
            }
            NanColumns::Zero => {
                format!("Missing values, in {voxels}, were replaced by 0.")
            }
        }
    }
}

fn split(split: &SplitChoice) -> String {
    let SplitChoice { name, pool, revision, ood_types } = split;
    let mut text = format!(
        "Training and test images follow the split {name} of pool {pool} (revision {revision}"
    );
    if !ood_types.is_empty() {
        let types: Vec<&str> = ood_types.iter().map(|kind| kind.as_str()).collect();
        text.push_str(&format!(", test images of type {}", types.join(", ")));
    }
    text + ")."
}

/// `a`, `a and b`, `a, b and c`
fn enumerated(mut texts: Vec<String>) -> String {
    match (texts.pop(), texts.is_empty()) {
        (None, _) => String::new(),
        (Some(only), true) => only,
        (Some(last), false) => format!("{} and {last}", texts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::conventions::{Average, NanColumns, Threshold, Zscore, ZscoreScope};
    use super::super::recipe::tests::recipe;

    #[test]
    fn the_paragraph_states_every_choice() {
        let mut recipe = recipe();
        recipe.conventions.rois = vec!["FFA1".to_owned()];
        recipe.conventions.zscore = Some(Zscore::within(ZscoreScope::Session));
        recipe.conventions.average = Average::Image;
        recipe.conventions.exclude_ood = true;
        recipe.conventions.noise_ceiling =
            Some(Threshold { percent: 20.0, desc: Some("Noiseceiling12rep".to_owned()) });
        let (version, digest) = (env!("CARGO_PKG_VERSION"), "ab".repeat(32));
        assert_eq!(
            recipe.methods(),
            format!(
                "Single-trial responses (GLMsingle betas) of sub-01 (2 sessions) of LAION-fMRI were used. \
                 Voxels of FFA1 inside the anatomical brain mask were taken if their noise ceiling (Noiseceiling12rep) was at least 20 %. \
                 Out-of-distribution images were left out. \
                 Responses were z-scored per voxel within each session, with mean and standard deviation (ddof 0) of all trials of the session; voxels without variance were set to 0. \
                 The trials of each image were averaged after z-scoring. \
                 No value is missing. \
                 The result has 2 rows and 3 voxels (digest of all arrays, SHA-256: {digest}) and was made with laion-fmri {version} from 1 file, whose checksums are part of its recipe."
            )
        );
    }

    #[test]
    fn the_citation_has_what_a_bibliography_asks_for() {
        let citation = recipe().citation();
        assert!(citation.starts_with("@misc{laion-fmri,\n") && citation.ends_with("\n}"));
        for field in [
            "author       = {{Hebart Lab (ViCCo Group)}},",
            "title        = {{LAION-fMRI}: ",
            "year         = {2026},",
            "howpublished = {\\url{https://laion-fmri.hebartlab.com}},",
        ] {
            assert!(citation.contains(&format!("\n  {field}")), "{field}: {citation}");
        }
        let count = |bracket: char| citation.matches(bracket).count();
        assert_eq!(count('{'), count('}'));
    }

    #[test]
    fn subjects_are_said_with_their_sessions_and_numbers_agree() {
        let mut recipe = recipe();
        let mut second = recipe.subjects[0].clone();
        second.subject = "sub-03".to_owned();
        recipe.subjects.push(second);
        assert!(recipe.methods().contains("of sub-01 and sub-03 (2 sessions each) of"));
        recipe.subjects[1].sessions.pop();
        assert!(recipe.methods().contains("of sub-01 (2 sessions) and sub-03 (1 session) of"));
        recipe.conventions.nan = NanColumns::Drop;
        recipe.result.nan_columns = 1;
        assert!(recipe.methods().contains(" 1 voxel with missing values was left out."));
        recipe.result.nan_columns = 2;
        assert!(recipe.methods().contains(" 2 voxels with missing values were left out."));
    }
}
