//! `slurm`: the job scripts of a plan, printed for people to read and submit.

use std::fmt::Write as _;
use std::path::Path;

use laion_fmri::Error;
use laion_fmri::extract::ExtractPlan;

use super::read;
use crate::args::extract::Slurm;
use crate::context::Context;
use crate::exit::CommandError;
use crate::hint;
use crate::output;

/// The names of the scripts in a folder.
const DOWNLOAD: &str = "download.sh";
const ARRAY: &str = "extract.sbatch";

pub(in crate::commands) fn slurm(context: &Context, args: &Slurm) -> anyhow::Result<()> {
    if output::is_stdout(&args.plan) {
        let message = "the plan must be a file, because the tasks read it again";
        return Err(CommandError::usage(message).into());
    }
    let plans = read(&args.plan)?;
    let plan = std::path::absolute(&args.plan)?;
    let download = download_script(context, &plans)?;
    let array = array_script(context, args, &plans, &plan)?;
    let Some(folder) = &args.output else {
        let texts = [
            format!("# {DOWNLOAD}: run it on the login node"),
            download,
            format!("# {ARRAY}: submit it with sbatch, and merge when all tasks are done"),
            array,
        ];
        return output::print_lines(texts);
    };
    std::fs::create_dir_all(folder).map_err(|source| Error::Io {
        action: "create",
        path: folder.clone(),
        source,
    })?;
    for (name, text) in [(DOWNLOAD, download), (ARRAY, array)] {
        let path = folder.join(name);
        output::write_text(&path, &format!("{text}\n"))?;
        output::print_lines([path.display().to_string()])?;
    }
    Ok(())
}

/// Fetches what the tasks read; a plan that reads the bucket needs nothing.
fn download_script(context: &Context, plans: &[ExtractPlan]) -> anyhow::Result<String> {
    let mut script = head();
    let mut commands = Vec::new();
    for plan in plans.iter().filter(|plan| !plan.is_from_bucket()) {
        for command in plan.downloads()?.iter().flat_map(hint::arguments) {
            if !commands.contains(&command) {
                commands.push(command);
            }
        }
    }
    if commands.is_empty() {
        script.push_str("# The tasks read the bucket: there is nothing to download.\n");
    }
    for command in commands {
        let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
        writeln!(script, "laion-fmri {}{}", options(context)?, words.join(" "))?;
    }
    Ok(script.trim_end().to_owned())
}

fn array_script(
    context: &Context,
    args: &Slurm,
    plans: &[ExtractPlan],
    plan: &Path,
) -> anyhow::Result<String> {
    let tasks: usize = plans.iter().map(ExtractPlan::len).sum();
    let mut memory = 0;
    for plan in plans {
        memory = memory.max(plan.memory(1)?.predicted);
    }
    let mut script = String::from("#!/bin/bash\n");
    writeln!(script, "#SBATCH --job-name=laion-fmri")?;
    writeln!(script, "#SBATCH --array=0-{}", tasks - 1)?;
    writeln!(script, "#SBATCH --cpus-per-task=1")?;
    writeln!(script, "#SBATCH --mem={}M", memory.div_ceil(1 << 20))?;
    writeln!(script, "#SBATCH --time={}", args.time)?;
    if let Some(partition) = &args.partition {
        writeln!(script, "#SBATCH --partition={partition}")?;
    }
    writeln!(script, "#SBATCH --requeue")?;
    writeln!(script, "set -euo pipefail")?;
    let plan = quoted(&plan.display().to_string());
    let options = options(context)?;
    let offline = if plans.iter().all(|plan| !plan.is_from_bucket()) { "--offline " } else { "" };
    writeln!(
        script,
        "laion-fmri {options}{offline}--jobs \"${{SLURM_CPUS_PER_TASK:-1}}\" run {plan}"
    )?;
    writeln!(script, "# When all tasks are done:")?;
    writeln!(script, "#   laion-fmri merge {plan}")?;
    write!(
        script,
        "# or: sbatch --dependency=afterok:JOBID --wrap {}",
        quoted(&format!("laion-fmri merge {plan}"))
    )?;
    Ok(script)
}

fn head() -> String {
    "#!/bin/bash\nset -euo pipefail\n".to_owned()
}

/// The options of this call that the scripts need as well.
fn options(context: &Context) -> anyhow::Result<String> {
    let mut options = String::new();
    if let Some(directory) = &context.global.data_dir {
        let directory = quoted(&directory.to_string_lossy());
        write!(options, "--data-dir {directory} ")?;
    }
    if let Some(bucket) = &context.global.bucket {
        write!(options, "--bucket {} ", quoted(&bucket.to_string()))?;
    }
    Ok(options)
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_when_a_shell_would_change_them() {
        assert_eq!(quoted("/data/sub-01.npz"), "/data/sub-01.npz");
        assert_eq!(quoted("my data"), "'my data'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
