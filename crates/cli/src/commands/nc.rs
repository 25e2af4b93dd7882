//! `nc`: noise ceilings computed from the betas, and maps compared.

use std::path::{Path, PathBuf};

use laion_fmri::noise_ceiling::{
    NoiseCeilingComparison, NoiseCeilingOptions, NoiseCeilingPlan, TOLERANCES, compare,
};
use laion_fmri::{Error, NoiseCeiling, layout};
use laion_fmri_base::{counted, readable_bytes, sufficient_bytes};
use serde_json::{Value, json};

use super::sessions;
use super::voxels::voxels;
use crate::args::nc::{Compare, Compute, Nc};
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;
use crate::progress::VolumeProgress;

pub(super) fn run(context: &Context, action: &Nc) -> anyhow::Result<()> {
    match action {
        Nc::Compute(args) => run_compute(context, args),
        Nc::Compare(args) => run_compare(context, args),
    }
}

fn run_compute(context: &Context, args: &Compute) -> anyhow::Result<()> {
    let destination = args.output.as_deref().map(destination).transpose()?;
    let subject = args.store.apply(context.dataset()?).subject(&args.subject)?;
    let mut options = NoiseCeilingOptions::default();
    options.scope = args.scope;
    options.zscore_ddof = args.zscore_ddof.unwrap_or(args.ddof);
    options.residual_ddof = args.residual_ddof.unwrap_or(args.ddof);
    options.images = args.images;
    options.repetitions = args.repetitions;
    options.repetition_term = args.repetition_term;
    options.voxels = voxels(context, &args.voxels, &subject)?;
    options.max_memory = args.max_memory;
    sessions::check_all(context, &subject, &args.session)?;
    let sessions = &sessions::of_subject(context, &subject, &args.session, layout::betas)?;
    let plan = subject.plan_noise_ceiling(sessions, &options)?;
    if args.dry_run {
        return output::print_lines(plan_lines(context, &plan));
    }
    let Some((path, sidecar)) = destination else { return Ok(()) };
    output::note_replaced(context, [path.as_path(), sidecar.as_path()]);
    if context.global.json {
        output::print_lines(plan_lines(context, &plan))?;
    } else {
        plan_lines(context, &plan).iter().for_each(|line| context.note(line));
    }
    let progress = VolumeProgress::new(context);
    let cancel = context.interrupt.cancel();
    let computed = subject.compute_noise_ceiling(sessions, &options, &progress, cancel);
    progress.finish();
    let computed = computed?;
    // The conventions first: a map never lies there without them.
    output::write_text(&sidecar, &format!("{:#}\n", computed.sidecar()))?;
    if path.extension().is_some_and(|extension| extension == "npy") {
        let values = computed.values.view();
        laion_fmri::export::write_npy(&path, values).map_err(Error::from)?;
    } else {
        computed.write_nifti(&subject, &path)?;
    }
    let known = computed.values.iter().filter(|value| !value.is_nan()).count();
    let voxels = counted(computed.values.len(), "voxel");
    let text = format!("{voxels}, {known} with a noise ceiling");
    let fields = [("sidecar", json!(sidecar)), ("known", json!(known))];
    output::wrote(context, &path, &text, fields)?;
    context.note(&format!("its conventions -> {}", sidecar.display()));
    if let Some(note) = noise_note(&plan) {
        context.note(&note);
    }
    Ok(())
}

/// What population variances make of voxels without any signal.
fn noise_note(plan: &NoiseCeilingPlan) -> Option<String> {
    (plan.noise_alone >= 1.0).then(|| {
        format!(
            "note: with this ddof, a voxel of pure noise has a noise ceiling of about {:.0} %; \
             --ddof 1 is unbiased (about 0 %)",
            plan.noise_alone
        )
    })
}

/// The output and the file of its conventions.
fn destination(path: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let name = path.to_string_lossy();
    let stem = [".nii.gz", ".nii", ".npy"].iter().find_map(|end| name.strip_suffix(end));
    let Some(stem) = stem else {
        return Err(output::unsupported(path, &[".nii.gz", ".nii", ".npy"]).into());
    };
    let sidecar = PathBuf::from(format!("{stem}.json"));
    output::check_destination(path)?;
    output::check_destination(&sidecar)?;
    Ok((path.to_owned(), sidecar))
}

fn plan_lines(context: &Context, plan: &NoiseCeilingPlan) -> Vec<String> {
    let sessions: Vec<String> = plan.sessions.iter().map(ToString::to_string).collect();
    if context.global.json {
        let fields: [(&str, Value); 10] = [
            ("sessions", sessions.into()),
            ("scope", plan.scope.to_string().into()),
            ("images", plan.n_images.into()),
            ("trials", plan.n_trials.into()),
            ("inverse_repetitions", plan.inverse_repetitions.into()),
            ("noise_alone", plan.noise_alone.into()),
            ("voxels", plan.n_voxels.into()),
            ("passes", plan.passes.into()),
            ("peak_memory", plan.peak_memory.into()),
            ("one_pass_memory", plan.one_pass_memory.into()),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        return vec![output::json_line("nc-plan", fields)];
    }
    let mut lines = vec![
        format!(
            "{} in {} of {}, z-scored within each {}",
            counted(plan.n_images, "image"),
            counted(plan.n_trials, "trial"),
            sessions.join(", "),
            plan.scope
        ),
        format!(
            "{} in {} over the files, at most {} of memory",
            counted(plan.n_voxels, "voxel"),
            counted(plan.passes, "pass"),
            readable_bytes(plan.peak_memory)
        ),
    ];
    if plan.passes > 1 {
        let enough = sufficient_bytes(plan.one_pass_memory).replace(' ', "");
        lines.push(format!("one pass, which is faster, needs --max-memory {enough}"));
    }
    lines
}

fn run_compare(context: &Context, args: &Compare) -> anyhow::Result<()> {
    let subject = context.dataset()?.subject(&args.subject)?;
    let voxels = voxels(context, &args.voxels, &subject)?;
    let first = subject.read_map(&args.first, &voxels)?;
    let second = match (&args.second, &args.session, &args.desc) {
        (Some(path), _, _) => subject.read_map(path, &voxels)?,
        (_, Some(session), _) => {
            let named = std::slice::from_ref(session);
            let sessions = sessions::of_subject(context, &subject, named, layout::betas)?;
            let [session] = sessions.as_slice() else {
                return Err(CommandError::usage("name one session with --session").into());
            };
            subject.noise_ceiling(&NoiseCeiling::session(session)?, &voxels)?
        }
        (_, _, desc) => {
            let desc = NoiseCeiling::desc(desc.as_deref().unwrap_or_default())?;
            subject.noise_ceiling(&desc, &voxels)?
        }
    };
    let compared = compare(&first.to_vec(), &second.to_vec())?;
    output::print_lines(match context.global.json {
        true => vec![comparison_json(&compared)],
        false => comparison_text(&compared),
    })
}

fn comparison_json(compared: &NoiseCeilingComparison) -> String {
    let within = TOLERANCES.iter().zip(compared.within);
    let within = within.map(|(tolerance, share)| (tolerance.to_string(), Value::from(share)));
    let fields: [(&str, Value); 10] = [
        ("voxels", compared.n_voxels.into()),
        ("both", compared.n_both.into()),
        ("first_only", compared.n_first_only.into()),
        ("second_only", compared.n_second_only.into()),
        ("equal", compared.n_equal.into()),
        ("correlation", compared.correlation.into()),
        ("max_difference", compared.max_difference.into()),
        ("mean_difference", compared.mean_difference.into()),
        ("median_ratio", compared.median_ratio.into()),
        ("within", Value::Object(within.collect())),
    ];
    output::json_line("nc-comparison", fields.map(|(name, value)| (name.to_owned(), value)))
}

fn comparison_text(compared: &NoiseCeilingComparison) -> Vec<String> {
    let mut rows = vec![
        ("voxels".to_owned(), compared.n_voxels.to_string()),
        ("NaN in neither".to_owned(), compared.n_both.to_string()),
        ("NaN only in B".to_owned(), compared.n_first_only.to_string()),
        ("NaN only in A".to_owned(), compared.n_second_only.to_string()),
        ("identical".to_owned(), compared.n_equal.to_string()),
        ("correlation".to_owned(), format!("{:.6}", compared.correlation)),
        ("max difference".to_owned(), format!("{:.6} points", compared.max_difference)),
        ("mean of B - A".to_owned(), format!("{:.6} points", compared.mean_difference)),
        ("median of B / A".to_owned(), format!("{:.6}", compared.median_ratio)),
    ];
    rows.extend(TOLERANCES.iter().zip(compared.within).map(|(tolerance, share)| {
        (format!("differ by <= {tolerance} points"), format!("{:.2} %", share * 100.0))
    }));
    let width = rows.iter().map(|(what, _)| what.len()).max().unwrap_or_default();
    rows.into_iter().map(|(what, value)| format!("{what:<width$}  {value}")).collect()
}
