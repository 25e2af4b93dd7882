//! A subject at full size (grid 143^3, 43 ROIs, 30 sessions of 1,044 trials): what opening, listing,
//! masks, coordinates and trial tables cost.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use laion_fmri::nifti_stream::{Affine, Spatial, fs::write_volume};
use laion_fmri::{Dataset, MaskSource, Resolution, Subject, Voxels, layout};

use super::timing::{inflate, once, timed};
use super::{Row, median};
use crate::project::Project;

const SHAPE: [usize; 3] = [143, 143, 143];
const ROIS: usize = 43;
const SESSIONS: usize = 30;
const TRIALS: usize = 1044;
const IMAGES: usize = 25_052;
/// ROIs of the row about masks.
const MASKS: usize = 40;
const ROUNDS: usize = 9;

pub(super) fn run(project: &Project) -> Result<Vec<Row>> {
    let folder = project.target.join("bench").join("reading");
    write_subject(&folder)?;
    let open = || -> Result<Subject> { Ok(Dataset::open(&folder)?.subject("sub-01")?) };

    let listing = timed(ROUNDS, || {
        ensure!(open()?.rois(None)?.len() == ROIS, "{ROIS} ROIs");
        Ok(())
    })?;

    let names = open()?.rois(None)?;
    let names: Vec<&str> = names.iter().take(MASKS).map(String::as_str).collect();
    let files = mask_files(&folder, &names)?;
    // A B A B: both see the same machine.
    let (mut inflating, mut masks) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        inflating.push(once(|| inflate(&files))?);
        masks.push(once(|| {
            let masks = open()?.roi_masks(names.as_slice(), MaskSource::Anatomical)?;
            ensure!(
                masks.len() == MASKS && masks.values().all(|mask| mask.n_voxels() > 0),
                "masks"
            );
            Ok(())
        })?);
    }
    let (masks, inflating) = (median(masks), median(inflating));
    println!("{MASKS} ROI masks: {:.1} ms; inflating: {:.1} ms", masks * 1e3, inflating * 1e3);

    let whole = timed(3, || work(&folder))?;
    let peak = peak_of_child(&folder)?;
    Ok(vec![
        Row::at_most("open a subject and list 43 ROIs, warm", listing * 1e3, 10.0, "ms"),
        Row::at_most("40 ROI masks against inflating their files", masks / inflating, 1.2, "x"),
        Row::at_most("masks, coordinates, trial table of 30 sessions", whole, 1.0, "s"),
        Row::at_most("peak memory of the same", peak, 200.0, "MiB"),
    ])
}

/// The work of the last two rows, in a process that does nothing else; prints its peak in KiB.
pub(super) fn child(folder: &Path) -> Result<()> {
    work(folder)?;
    let status = fs::read_to_string("/proc/self/status").context("peak memory is read on Linux")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    println!("{}", peak.trim().trim_end_matches(" kB"));
    Ok(())
}

fn work(folder: &Path) -> Result<()> {
    let subject = Dataset::open(folder)?.subject("sub-01")?;
    for source in [MaskSource::Anatomical, MaskSource::Rsquare] {
        black_box(subject.brain_mask(source, Resolution::Func1pt8)?);
    }
    black_box(subject.roi_mask("all", MaskSource::Anatomical)?);
    black_box(subject.voxel_coordinates(&Voxels::all())?);
    ensure!(subject.subject_trials()?.len() == SESSIONS * TRIALS, "trials");
    Ok(())
}

fn peak_of_child(folder: &Path) -> Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["bench", "reading", "--child"])
        .arg(folder)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "the child ended with {}", output.status);
    let kib: f64 = text.trim().parse().with_context(|| format!("not a size: {text:?}"))?;
    Ok(kib / 1024.0)
}

/// The ROI files and the brain mask, which every mask needs.
fn mask_files(folder: &Path, names: &[&str]) -> Result<Vec<PathBuf>> {
    let brain = layout::anatomical_brain_mask(&"sub-01".parse()?, Some("1pt8"));
    let rois = names.iter().map(|name| folder.join(roi_key(name)));
    Ok(rois.chain([folder.join(brain)]).collect())
}

fn roi_key(name: &str) -> String {
    format!("derivatives/rois/sub-01/bench/sub-01_space-T1w_res-1pt8_label-{name}_mask.nii.gz")
}

/// Writes the subject once; a folder that is complete is kept.
fn write_subject(folder: &Path) -> Result<()> {
    let complete = folder.join("complete");
    if complete.is_file() {
        return Ok(());
    }
    let edge = 16.0 / 9.0;
    let affine = Affine::from_rows([
        [-edge, 0.0, 0.0, 126.0],
        [0.0, edge, 0.0, -126.0],
        [0.0, 0.0, edge, -110.0],
    ]);
    let spatial = Spatial::from_affine(&affine);
    let write = |key: &str, inside: &dyn Fn([i64; 3]) -> bool| -> Result<()> {
        let path = folder.join(key);
        fs::create_dir_all(path.parent().context("a folder")?)?;
        let mut voxels = vec![0_u8; SHAPE.iter().product()];
        for (flat, voxel) in voxels.iter_mut().enumerate() {
            let [_, ny, nz] = SHAPE;
            let from_centre =
                [flat / (ny * nz), flat / nz % ny, flat % nz].map(|axis| axis as i64 - 71);
            *voxel = u8::from(inside(from_centre));
        }
        Ok(write_volume(path, &spatial, SHAPE, &voxels)?)
    };
    // A ball of 272,000 voxels, as large as the brain of sub-01.
    let ball = |[x, y, z]: [i64; 3]| x * x + y * y + z * z < 40 * 40 + 9;
    let subject = "sub-01".parse()?;
    write(&layout::anatomical_brain_mask(&subject, Some("1pt8")), &ball)?;
    write(&layout::r2mean(&subject), &ball)?;
    for roi in 0..ROIS {
        let turn = roi as f64 * 0.9;
        let [cx, cy] = [(30.0 * turn.cos()) as i64, (30.0 * turn.sin()) as i64];
        let cz = roi as i64 % 9 * 3 - 12;
        let inside =
            move |[x, y, z]: [i64; 3]| (x - cx).pow(2) + (y - cy).pow(2) + (z - cz).pow(2) < 16;
        write(&roi_key(&format!("R{roi:02}")), &inside)?;
    }
    write_tables(folder)?;
    fs::write(complete, "")?;
    Ok(())
}

fn write_tables(folder: &Path) -> Result<()> {
    let name = |image: usize| format!("unique_LAION_initial_cluster_{image}_i7_p01.jpg");
    for session in 1..=SESSIONS {
        let key = layout::trials(&"sub-01".parse()?, &format!("{session:02}").parse()?);
        let path = folder.join(key);
        fs::create_dir_all(path.parent().context("a folder")?)?;
        let mut text = String::from("session\trun\tbeta_index\tlabel\n");
        for trial in 0..TRIALS {
            let image = name((session * TRIALS + trial) * 7 % 6204);
            writeln!(text, "ses-{session:02}\t{}\t{trial}\t{image}", trial / 87 + 1)?;
        }
        fs::write(path, text)?;
    }
    let mut text = String::from("image_name,dataset,participant,unique_or_shared,n_reps\n");
    for image in 0..IMAGES {
        writeln!(text, "{},LAION-natural,sub-01,unique,4rep", name(image))?;
    }
    fs::create_dir_all(folder.join("stimuli"))?;
    fs::write(folder.join("stimuli/task-images_metadata.csv"), text)?;
    Ok(())
}
