//! The page "Load" of the Python package in Rust, section by section: core accessors, filters of
//! betas, ROI queries and formats, several sessions and subjects, space, anatomy, z-scores. Run it
//! with the folder of a mirror; the tests run it on a small one.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use laion_fmri::{
    Dataset, Hemi, MaskSource, NoiseCeiling, Resolution, RoiFormat, StimulusSet, Voxels,
    ZscoreOptions, zscore,
};

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: load DIR")?;
    run(&root, &std::env::temp_dir().join("load.nii.gz"), &mut io::stdout())
}

pub(crate) fn run(root: &Path, nifti: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let dataset = Dataset::open(root)?; // laion_fmri::config::open() for the configured one
    let sub = dataset.subject("sub-03")?;

    // Two brain masks: sub.get_brain_mask(), source="rsquare", res=None.
    let brain = sub.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8)?;
    sub.brain_mask(MaskSource::Anatomical, Resolution::Full)?;
    let rsquare = sub.n_voxels(MaskSource::Rsquare)?;
    writeln!(out, "brain: {} voxels, rsquare: {rsquare}", brain.n_voxels())?;

    // Core accessors.
    let sessions = sub.sessions()?;
    let betas = sub.betas().session("ses-01").load()?; // (n_trials, n_voxels), float32
    let each = sub.betas().sessions(["ses-01", "ses-02"]).load_sessions()?; // one array a session
    let ceiling = sub.noise_ceiling(&NoiseCeiling::session("ses-01")?, &Voxels::all())?;
    sub.noise_ceiling(&NoiseCeiling::desc("Noiseceiling12rep")?, &Voxels::all())?;
    let trials = sub.trials("ses-01")?;
    writeln!(
        out,
        "{} sessions; ses-01: {:?}, {} trials",
        sessions.len(),
        betas.dim(),
        trials.len()
    )?;
    writeln!(out, "noise ceiling of {} voxels; {} arrays", ceiling.len(), each.len())?;

    // Filters: roi=, mask=, nc_threshold= (percent), stimuli=; every read streams.
    let shared =
        sub.betas().session("ses-01").roi("face").nc_threshold(20.0).stimuli(StimulusSet::Shared);
    writeln!(out, "shared, face, at least 20 %: {:?}", shared.load()?.dim())?;
    let mask = sub.roi_mask("face - FFA1", MaskSource::Anatomical)?;
    sub.betas().session("ses-01").mask(mask).load()?;

    // ROI queries: a name, a category, everything, several at once.
    writeln!(out, "{} ROIs, face: {}", sub.rois(None)?.len(), sub.rois(Some("face"))?.join(", "))?;
    sub.roi_mask("FFA1", MaskSource::Anatomical)?;
    sub.roi_mask("all", MaskSource::Anatomical)?;
    let masks = sub.roi_masks(["FFA1", "face"], MaskSource::Anatomical)?;
    sub.betas().session("ses-01").roi(["face", "place"]).load()?;
    writeln!(out, "{} categories, {} masks", sub.roi_categories()?.len(), masks.len())?;

    // Volumes, surface masks and vertex lists.
    let data = sub.roi_data("FFA1", RoiFormat::All, Hemi::Both)?;
    let left = data["FFA1"].left.as_ref().ok_or("no left hemisphere")?;
    let vertices = left.vertices.as_ref().map_or(0, Vec::len);
    sub.roi_data("FFA1", RoiFormat::Gii, Hemi::Left)?;
    writeln!(out, "FFA1: {vertices} vertices on the left")?;

    // Several subjects, aligned by the images that all of them saw.
    let group = dataset.group(&["sub-01", "sub-03"])?;
    let answers = group.shared_betas(&["ses-01"], |betas| betas.roi("FFA1"))?;
    for (id, sub) in &group {
        writeln!(out, "{id}: {} sessions", sub.sessions()?.len())?;
    }
    writeln!(out, "{} images seen by all", answers.image_names.len())?;

    // Back to space.
    sub.to_nifti(&ceiling, nifti, &Voxels::all())?;
    let coordinates = sub.voxel_coordinates(&Voxels::all())?; // (n_voxels, 3), mm
    writeln!(out, "coordinates {:?}", coordinates.dim())?;

    // Anatomy.
    if sub.has_anatomical() {
        let t1w = sub.t1w(Resolution::Func1pt8)?;
        writeln!(out, "{}", t1w.file_name().unwrap_or_default().to_string_lossy())?;
    }

    // The common workflow: z-scores within each session, then test and train by set.
    let mut all = sub.betas().roi("visual").sessions(["ses-01", "ses-02"]).concat()?;
    let report = zscore(&mut all.betas, &all.sessions, &ZscoreOptions::default())?;
    let table = sub.subject_trials()?;
    let is_shared = |row: usize| {
        let trial = table.global(&all.sessions[row], all.trials[row]);
        trial.is_some_and(|trial| table[trial].unique_or_shared.as_deref() == Some("shared"))
    };
    let test = (0..all.betas.nrows()).filter(|row| is_shared(*row)).count();
    writeln!(out, "X_test {test} trials, X_train {}", all.betas.nrows() - test)?;
    writeln!(out, "{} constant columns became 0", report.constant)?;
    Ok(())
}
