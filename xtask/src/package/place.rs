//! Where the programs of strangers run: with the files that their examples name.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fixtures::{Bucket, Server, bucket};

/// The files that an example opens, each under the last part of a key of the bucket.
const FILES: [(&str, &[(&str, &str)]); 3] = [
    (
        "nifti-stream",
        &[
            (
                "brain_mask.nii.gz",
                "sub-03_ses-PrismaAnat_space-T1w_res-1pt8_desc-brain_mask.nii.gz",
            ),
            (
                "betas.nii.gz",
                "sub-03_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz",
            ),
        ],
    ),
    (
        "gifti-surface",
        &[
            (
                "sub-01_hemi-L_space-fsnative_label-FFA1_mask.label",
                "sub-01_hemi-L_space-fsnative_label-FFA-1_mask.label",
            ),
            (
                "sub-01_hemi-L_space-fsnative_label-FFA1_mask.func.gii",
                "sub-01_hemi-L_space-fsnative_label-FFA-1_mask.func.gii",
            ),
        ],
    ),
    (
        "laion-fmri-stimuli",
        &[
            ("", "task-images_stimuli.h5"),
            ("", "task-images_metadata.csv"),
            ("", "task-images_desc-CLIP_embeddings.h5"),
            ("", "task-images_desc-segmentations.h5"),
            ("", "task-images_desc-segmentations_metadata.csv"),
            ("", "task-images_desc-captions.csv"),
        ],
    ),
];

/// The bucket on loopback.
pub(super) struct Place {
    folder: PathBuf,
    files: PathBuf,
    server: Server,
}

impl Place {
    /// Writes the bucket below `folder`, and serves it.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let server = bucket::write(&folder.join("bucket"))?.serve()?;
        let files = folder.join("files");
        let with_images: Bucket = bucket::write(&files)?;
        bucket::write_gated(with_images.root())?;
        Ok(Self { folder: folder.to_owned(), files, server })
    }

    /// A program that names the bucket on loopback and the folder that it mirrors to.
    pub(super) fn adapted(&self, program: &str, mirror: &str) -> Result<String> {
        let mirror = self.mirror(mirror);
        fs::create_dir_all(&mirror).with_context(|| mirror.clone())?;
        let url = self.server.url("laion-fmri");
        let open = "Dataset::open(\"/data/laion-fmri\")?";
        let here = format!("{open}.with_location(\"s3://laion-fmri\".parse()?)");
        Ok(program
            .replace(open, &here)
            .replace("s3://laion-fmri", &url)
            .replace("/data/laion-fmri", &mirror))
    }

    /// The folder that a program mirrors to.
    pub(super) fn mirror(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Puts the files of an example into the folder that it runs in.
    pub(super) fn fill(&self, name: &str, into: &Path) -> Result<()> {
        let wanted = FILES.iter().find(|(example, _)| *example == name);
        for (called, key) in wanted.map_or(&[][..], |(_, files)| files) {
            let from = find(&self.files, key)?.with_context(|| format!("no {key}"))?;
            let to = into.join(if called.is_empty() { key } else { called });
            fs::copy(&from, &to)
                .with_context(|| format!("{} to {}", from.display(), to.display()))?;
        }
        Ok(())
    }
}

/// The file of that name anywhere below a folder.
fn find(folder: &Path, name: &str) -> Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = find(&path, name)? {
                return Ok(Some(found));
            }
        } else if path.file_name().is_some_and(|file| file == name) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
