//! `extract`, `plan`, `run`, `merge`, `reproduce`: from sessions to one array file, on one machine
//! or many.

mod array_job;
mod recipe;
mod slurm;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use laion_fmri::extract::{
    Average, ExtractError, ExtractPlan, ExtractRequest, MaskChoice, Recipe, RowTable, SplitRows,
    TasksRun, Zscore, ZscoreFit, ZscoreScope, plan_lines,
};
use laion_fmri::splits::{Pool, list_pools};
use laion_fmri::{Contradiction, Dataset, Error, SessionId, SubjectId, export};
use laion_fmri_base::{agreeing, counted, readable_bytes};
use serde_json::json;

pub(super) use self::recipe::recipe;
pub(super) use self::slurm::slurm;
use super::license::{self, License};
use super::plan_file::PlanFile;
use super::voxels::{note_shared_names, read_mask};
use super::{sessions, store};
use crate::args::extract::{
    Extract, Merge, Origin, Plan, Reproduce, Run, SelectionArgs, SourceArgs,
};
use crate::context::Context;
use crate::exit::CommandError;
use crate::hint;
use crate::output;
use crate::progress::VolumeProgress;

/// What stands for the subject in the names of files.
const EACH: &str = "{subject}";

pub(super) fn extract(context: &Context, args: &Extract) -> anyhow::Result<()> {
    let license = match args.source.from {
        Origin::Bucket if !args.dry_run => {
            Some(License::for_bucket(context, args.source.accept_license)?)
        }
        _ => None,
    };
    let dataset = args.source.store.apply(dataset(context, args.source.from)?);
    for (subjects, output) in outputs(context, &dataset, &args.selection, &args.output)? {
        let request = request(context, &dataset, &args.selection, &args.source, subjects, output)?;
        if is_table(&request.output) {
            if let Some(license) = &license {
                license
                    .obtain(|| Ok(format!("to read from {}: trial tables", context.location())))?;
            }
            table(context, &dataset, &request, args.dry_run)?;
            continue;
        }
        let plan = dataset.extract_plan(&request)?;
        if let Some(license) = &license {
            license.obtain(|| Ok(license::to_read(context, plan.len())))?;
        }
        describe(context, &dataset, &plan, if args.dry_run { "would read" } else { "reading" })?;
        if args.dry_run && context.global.json {
            print_plan(&dataset, &plan)?;
        }
        if !args.dry_run {
            output::note_replaced(context, [plan.output()]);
            let progress = VolumeProgress::new(context);
            let made = plan
                .run(&dataset, 0..plan.len(), &progress, context.interrupt.cancel())
                .and_then(|tasks| {
                    reused(context, &tasks);
                    plan.merge(&progress, context.interrupt.cancel())
                });
            progress.finish();
            if made.is_err() {
                name_parts(context, &plan);
            }
            done(context, &plan, &made?, Some(&progress))?;
        }
    }
    Ok(())
}

pub(super) fn plan(context: &Context, args: &Plan) -> anyhow::Result<()> {
    let dataset = args.source.store.apply(dataset(context, args.source.from)?);
    let mut plans = Vec::new();
    for (subjects, output) in outputs(context, &dataset, &args.selection, &args.output)? {
        // A task may run in any directory.
        let output = std::path::absolute(output)?;
        let request = request(context, &dataset, &args.selection, &args.source, subjects, output)?;
        if is_table(&request.output) {
            let message = "a .parquet output has no betas and needs no tasks: use extract";
            return Err(CommandError::usage(message).into());
        }
        let plan = dataset.extract_plan(&request)?;
        describe(context, &dataset, &plan, "to read:")?;
        plans.push(plan);
    }
    output::print_lines(plan_lines(&plans))
}

pub(super) fn run(context: &Context, args: &Run) -> anyhow::Result<()> {
    let plan = PlanFile::read(&args.plan)?;
    let share = share(args, plan.n_tasks())?;
    let mine = |task: usize| share.as_ref().is_none_or(|share| share.has(task));
    let plans = match plan {
        PlanFile::Extract(plans) => plans,
        PlanFile::Store(tasks) => {
            let mine: Vec<usize> = (0..tasks.len()).filter(|task| mine(*task)).collect();
            return store::tasks::run(context, &tasks, &mine, args.accept_license);
        }
    };
    let mut first = 0;
    for plan in &plans {
        let mine: Vec<usize> = (0..plan.len()).filter(|task| mine(first + task)).collect();
        first += plan.len();
        if mine.is_empty() || is_merged(context, plan)? {
            continue;
        }
        let origin = if plan.is_from_bucket() { Origin::Bucket } else { Origin::Mirror };
        if origin == Origin::Bucket {
            let license = License::for_bucket(context, args.accept_license)?;
            license.obtain(|| Ok(license::to_read(context, mine.len())))?;
        }
        let dataset = args.store.apply(dataset(context, origin)?);
        let progress = VolumeProgress::new(context);
        let cancel = context.interrupt.cancel();
        let done = plan.run(&dataset, mine.iter().copied(), &progress, cancel)?;
        progress.finish();
        remade(context, &done);
        if context.global.json {
            let fields = [
                ("path", json!(plan.output())),
                ("tasks", json!(plan.len())),
                ("done", json!(done.written)),
                ("done_before", json!(done.kept)),
                ("sources", progress.counted_sources()),
            ];
            output::print_lines([output::json_line("run", output::named(fields))])?;
        }
        context.note(&format!(
            "{}: {} of {} {} done in this run, {} {} done before",
            plan.output().display(),
            done.written,
            plan.len(),
            agreeing(plan.len(), "task", "tasks"),
            done.kept,
            agreeing(done.kept, "was", "were")
        ));
    }
    Ok(())
}

/// Which tasks this process runs; all of them if nothing says so.
fn share(args: &Run, total: usize) -> anyhow::Result<Option<array_job::Share>> {
    let share = match args.task.zip(args.of) {
        Some((task, of)) => Some(array_job::Share { task, of }),
        None => array_job::share(|name| std::env::var(name).ok(), total)?,
    };
    if let Some(share) = &share {
        share.check()?;
    }
    Ok(share)
}

pub(super) fn merge(context: &Context, args: &Merge) -> anyhow::Result<()> {
    let plans = match PlanFile::read(&args.plan)? {
        PlanFile::Extract(plans) => plans,
        PlanFile::Store(tasks) => return store::tasks::merge(context, &tasks, &args.plan),
    };
    for plan in plans {
        if is_merged(context, &plan)? {
            continue;
        }
        let progress = VolumeProgress::new(context);
        let outputs = vec![plan.output().to_owned()];
        let observer = output::NotingReplaced::new(context, outputs, &progress);
        let recipe = check_parts(context, &plan)
            .and_then(|()| plan.merge(&observer, context.interrupt.cancel()))
            .map_err(|error| merge_failed(error, &args.plan));
        progress.finish();
        let recipe = recipe?;
        done(context, &plan, &recipe, None)?;
    }
    Ok(())
}

/// Compares the parts with the files that they were made of, where these are at hand.
fn check_parts(context: &Context, plan: &ExtractPlan) -> Result<(), Error> {
    match context.dataset() {
        Ok(dataset) => plan.check_parts(&dataset),
        // The machine that merges needs no data directory.
        Err(Error::DataDirNotSet | Error::DataDirUnusable { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The failure of a merge, with what brings the parts that it needs.
fn merge_failed(error: Error, plan: &Path) -> anyhow::Error {
    let run = format!("laion-fmri run {}", hint::word(&plan.to_string_lossy()));
    let hint = match &error {
        Error::Extract(error) if !output::is_stdout(plan) => match &**error {
            ExtractError::MissingParts { .. }
            | ExtractError::OutdatedParts { .. }
            | ExtractError::OtherVoxels { .. }
            | ExtractError::ChangedInput { .. } => Some(run),
            ExtractError::DamagedPart { path, .. } => {
                Some(format!("rm {} && {run}", hint::word(&path.to_string_lossy())))
            }
            _ => None,
        },
        _ => None,
    };
    match hint {
        Some(hint) => CommandError::from(error).hint(hint).into(),
        None => error.into(),
    }
}

/// Says which sessions an earlier run has read.
fn reused(context: &Context, tasks: &TasksRun) {
    remade(context, tasks);
    if tasks.kept > 0 {
        let kept = counted(tasks.kept, "session");
        context.note(&format!("{kept} taken from an earlier run"));
    }
}

/// Says which results of an earlier run were not used.
fn remade(context: &Context, tasks: &TasksRun) {
    if tasks.replaced > 0 {
        let replaced = counted(tasks.replaced, "session");
        context.note(&format!(
            "note: {replaced} of an earlier run read again: files or voxels have changed since"
        ));
    }
}

/// Says what an extraction that failed has left, and removes what is empty.
fn name_parts(context: &Context, plan: &ExtractPlan) {
    let directory = plan.state_directory();
    // A folder without a part of a task goes; one with parts cannot be removed this way.
    if std::fs::remove_dir(&directory).is_err() && directory.is_dir() {
        context.note(&format!(
            "note: what was read so far is in {}: run the same command again to continue; delete the folder to start over",
            directory.display()
        ));
    }
}

/// Whether nothing is left to do for a plan, which is said then.
fn is_merged(context: &Context, plan: &ExtractPlan) -> anyhow::Result<bool> {
    if plan.state_directory().exists() || plan.merged()?.is_none() {
        return Ok(false);
    }
    let output = plan.output().display();
    context.note(&format!("{output} is done: all of its tasks were run and merged"));
    context.note("hint: remove it to make it again");
    Ok(true)
}

pub(super) fn reproduce(context: &Context, args: &Reproduce) -> anyhow::Result<()> {
    let from_bucket = args.source.from == Origin::Bucket;
    let license = match from_bucket {
        true => Some(License::for_bucket(context, args.source.accept_license)?),
        false => None,
    };
    let dataset = args.source.store.apply(dataset(context, args.source.from)?);
    if let Some(output) = &args.output {
        check_destination(output)?;
    }
    let reproduction = dataset.reproduction(
        &args.recipe,
        args.output.as_deref(),
        args.source.max_memory,
        from_bucket,
    )?;
    let plan = reproduction.plan();
    if let Some(license) = license {
        license.obtain(|| Ok(license::to_read(context, plan.len())))?;
    }
    output::note_replaced(context, [plan.output()]);
    let progress = VolumeProgress::new(context);
    let tasks = plan.run(&dataset, 0..plan.len(), &progress, context.interrupt.cancel());
    if tasks.is_err() {
        progress.finish();
        name_parts(context, plan);
    }
    reused(context, &tasks?);
    let recipe = reproduction.run(&dataset, &progress, context.interrupt.cancel());
    progress.finish();
    let recipe = recipe?;
    if reproduction.recipe().tool != recipe.tool {
        context.note(&format!(
            "note: made by {}, reproduced by {}: the arrays are identical, the recipe inside is of this version",
            reproduction.recipe().tool, recipe.tool
        ));
    }
    done(context, reproduction.plan(), &recipe, Some(&progress))?;
    let digest = recipe.result.arrays_sha256;
    context.note(&format!("identical to the recorded digest of all arrays: {digest}"));
    Ok(())
}

/// The mirror, or the bucket itself.
fn dataset(context: &Context, from: Origin) -> Result<Dataset, Error> {
    match from {
        Origin::Mirror => context.dataset(),
        Origin::Bucket => context.bucket_dataset(),
    }
}

fn request(
    context: &Context,
    dataset: &Dataset,
    selection: &SelectionArgs,
    source: &SourceArgs,
    subjects: Vec<String>,
    output: PathBuf,
) -> anyhow::Result<ExtractRequest> {
    if let (Some(split), None) = (&selection.split, &selection.pool) {
        let own = match subjects.as_slice() {
            [subject] => format!(" or {}", dataset.subject(subject)?.id()),
            _ => String::new(),
        };
        let message = format!("the split {split} needs the pool whose images it divides");
        return Err(CommandError::usage(message).hint(format!("--pool shared{own}")).into());
    }
    let mut request = ExtractRequest::default();
    request.sessions = sessions::of_subjects(context, dataset, &subjects, &selection.session)?;
    request.conventions = selection.conventions();
    if let Some(mask) = &selection.mask {
        request.conventions.mask = Some(mask_of(context, dataset, &subjects, selection, mask)?);
    }
    for subject in subjects.iter().filter(|_| !request.conventions.rois.is_empty()) {
        note_shared_names(context, &dataset.subject(subject)?, &request.conventions.rois);
    }
    request.subjects = subjects;
    request.output = output;
    request.max_memory = source.max_memory;
    request.from_bucket = source.from == Origin::Bucket;
    Ok(request)
}

/// The voxels of the file that a user made for the only subject of an output.
fn mask_of(
    context: &Context,
    dataset: &Dataset,
    subjects: &[String],
    selection: &SelectionArgs,
    mask: &Path,
) -> anyhow::Result<MaskChoice> {
    let [subject] = subjects else {
        return Err(Error::from(Contradiction::MaskOfSeveralSubjects).into());
    };
    let subject = dataset.subject(subject)?;
    let path = mask.to_string_lossy().replace(EACH, subject.id().as_str());
    let read = read_mask(context, &subject, Path::new(&path), selection.mask_source)?;
    Ok(MaskChoice::new(&path, &read))
}

/// The outputs, each with the subjects that go into it.
fn outputs(
    context: &Context,
    dataset: &Dataset,
    selection: &SelectionArgs,
    output: &Path,
) -> anyhow::Result<Vec<(Vec<String>, PathBuf)>> {
    let subjects = match selection.subject.as_slice() {
        [all] if all.eq_ignore_ascii_case("all") => {
            let subjects: Vec<String> =
                dataset.subjects()?.iter().map(ToString::to_string).collect();
            name_all(context, dataset, &subjects);
            subjects
        }
        subjects => subjects.to_vec(),
    };
    let text = output.to_string_lossy();
    let pattern = if text.ends_with('/') {
        std::fs::create_dir_all(output).map_err(|source| Error::Io {
            action: "create",
            path: output.to_owned(),
            source,
        })?;
        format!("{text}{EACH}.npz")
    } else {
        text.into_owned()
    };
    let outputs: Vec<(Vec<String>, PathBuf)> = if pattern.contains(EACH) {
        let each = |subject: String| -> anyhow::Result<(Vec<String>, PathBuf)> {
            let id = dataset.subject(&subject)?.id().to_string();
            Ok((vec![subject], PathBuf::from(pattern.replace(EACH, &id))))
        };
        subjects.into_iter().map(each).collect::<Result<_, _>>()?
    } else {
        if subjects.len() > 1 && selection.average == Average::None {
            let message = "several subjects need --average image or -o DIR/";
            let hint = "--average image gives one row per image seen by all, -o DIR/ one output per subject";
            return Err(CommandError::usage(message).hint(hint).into());
        }
        vec![(subjects, output.to_owned())]
    };
    for (_, output) in &outputs {
        check_destination(output)?;
    }
    Ok(outputs)
}

/// Says which subjects `all` means, and which of the dataset are not on disk.
fn name_all(context: &Context, dataset: &Dataset, subjects: &[String]) {
    // Every subject has a pool of its own.
    let known = list_pools().iter().filter(|pool| **pool != Pool::Shared).map(|it| it.as_str());
    let missing: Vec<&str> =
        known.filter(|id| !subjects.iter().any(|subject| subject == id)).collect();
    let missing = match missing.as_slice() {
        [] => String::new(),
        missing => format!("; not there: {}", missing.join(", ")),
    };
    let place = if dataset.reads_bucket() { "in the bucket" } else { "on disk" };
    let found = subjects.join(", ");
    context.note(&format!("note: --subject all: {place}: {found}{missing}"));
}

fn check_destination(output: &Path) -> anyhow::Result<()> {
    if output::is_stdout(output) {
        let message = "extract cannot write to standard output: its parts and its recipe are saved next to the output";
        return Err(CommandError::usage(message).into());
    }
    // A Zarr output is a directory, and may replace an earlier one.
    if output.extension().is_some_and(|extension| extension == "zarr") && output.exists() {
        if export::is_replaceable(output) {
            return Ok(());
        }
        let message = format!("{} exists and is not a Zarr group", output.display());
        return Err(CommandError::usage(message).hint("choose another name").into());
    }
    output::check_destination(output)
}

fn is_table(output: &Path) -> bool {
    output.extension().is_some_and(|extension| extension == "parquet")
}

/// The rows alone: no betas are read for them.
fn table(
    context: &Context,
    dataset: &Dataset,
    request: &ExtractRequest,
    dry_run: bool,
) -> anyhow::Result<()> {
    let RowTable { table, dropped_images, .. } = dataset.extract_rows(request)?;
    let output = &request.output;
    let dropped = images_left_out(dropped_images);
    let text = format!("{} without betas{dropped}", counted(table.n_rows(), "row"));
    let fields = [("rows", json!(table.n_rows()))];
    if !dry_run {
        output::note_replaced(context, [output.as_path()]);
        table.write_parquet(output).map_err(Error::from)?;
        return output::wrote(context, output, &text, fields);
    }
    if context.global.json {
        let path = [("path", json!(output))];
        let fields = output::named(path).into_iter().chain(output::named(fields));
        output::print_lines([output::json_line("extract-plan", fields)])?;
    }
    context.note(&format!("would write {text}{}", output::arrow(output)));
    Ok(())
}

/// Says what will be read, and what it takes.
fn describe(
    context: &Context,
    dataset: &Dataset,
    plan: &ExtractPlan,
    reading: &str,
) -> anyhow::Result<()> {
    let memory = plan.memory(dataset.jobs())?;
    let (trials, voxels) = plan.shape();
    context.note(&format!(
        "{reading} {}{}, {} in parallel: {} x {}, at most {} of memory",
        counted(plan.len(), "session"),
        names_of_few(plan),
        memory.workers,
        counted(trials, "trial"),
        counted(voxels, "voxel"),
        readable_bytes(memory.predicted)
    ));
    Ok(())
}

/// The sessions in brackets, unless there are many.
fn names_of_few(plan: &ExtractPlan) -> String {
    const MOST: usize = 6;
    if plan.len() > MOST {
        return String::new();
    }
    let is_of_one = plan.sessions().map(|(subject, _)| subject).collect::<BTreeSet<_>>().len() == 1;
    let name = |(subject, session): (&SubjectId, &SessionId)| match is_of_one {
        true => session.to_string(),
        false => format!("{subject} {session}"),
    };
    format!(" ({})", plan.sessions().map(name).collect::<Vec<_>>().join(", "))
}

/// What will be read, for other programs.
fn print_plan(dataset: &Dataset, plan: &ExtractPlan) -> anyhow::Result<()> {
    let memory = plan.memory(dataset.jobs())?;
    let (trials, voxels) = plan.shape();
    let sessions: Vec<String> =
        plan.sessions().map(|(subject, session)| format!("{subject} {session}")).collect();
    let fields = [
        ("path", json!(plan.output())),
        ("sessions", json!(sessions)),
        ("trials", json!(trials)),
        ("voxels", json!(voxels)),
        ("workers", json!(memory.workers)),
        ("peak_memory", json!(memory.predicted)),
    ];
    output::print_lines([output::json_line("extract-plan", output::named(fields))])
}

/// What became of images that not every subject saw.
fn images_left_out(images: usize) -> String {
    match images {
        0 => String::new(),
        n => format!(", {} not seen by all subjects left out", counted(n, "image")),
    }
}

/// Says what came out, and where betas were read that were read by this process.
fn done(
    context: &Context,
    plan: &ExtractPlan,
    recipe: &Recipe,
    progress: Option<&VolumeProgress>,
) -> anyhow::Result<()> {
    let result = &recipe.result;
    if context.global.json {
        let result = serde_json::to_value(result)?;
        let fields = [
            ("path", json!(plan.output())),
            ("rows", json!(recipe.result.rows)),
            ("columns", json!(recipe.result.columns)),
            ("result", result),
            ("sources", json!(progress.map(VolumeProgress::counted_sources))),
        ];
        output::print_lines([output::json_line("extract", output::named(fields))])?;
    }
    let (rows, voxels) = (counted(result.rows, "row"), counted(result.columns, "voxel"));
    let mut text = format!("{rows} x {voxels}");
    text.push_str(&images_left_out(result.dropped_images.unwrap_or(0)));
    if let Some(SplitRows { train, test, neither, .. }) = &result.split {
        text.push_str(&format!(", {train} train, {test} test, {neither} neither"));
    }
    if result.dropped_columns > 0 {
        let dropped = counted(result.dropped_columns, "voxel");
        text.push_str(&format!(", {dropped} with NaN left out"));
    } else if result.nan_columns > 0 {
        text.push_str(&format!(", NaN in {}", counted(result.nan_columns, "voxel")));
    }
    context.note(&format!("{text} -> {}", plan.output().display()));
    if let Some(zscore) = recipe.conventions.zscore
        && lacks_trials(recipe)
    {
        context.note(&too_few_trials(zscore));
    }
    Ok(())
}

/// Whether a run or session had too few trials for the z-score of any voxel: then every voxel has
/// NaN.
fn lacks_trials(recipe: &Recipe) -> bool {
    let result = &recipe.result;
    let voxels = result.columns + result.dropped_columns;
    let with_nan = result.nan_columns.max(result.dropped_columns);
    voxels > 0 && with_nan == voxels && result.undefined >= voxels
}

fn too_few_trials(Zscore { within, ddof, fit }: Zscore) -> String {
    let noun = match fit {
        ZscoreFit::Train => "training trial",
        ZscoreFit::All => "trial",
    };
    let least = counted(usize::from(ddof) + 1, noun);
    let more = match within {
        ZscoreScope::Run => "; --zscore session has more in each group",
        ZscoreScope::Session => "",
    };
    format!("note: every voxel has NaN: a {within} has fewer than {least} for the z-score{more}")
}
