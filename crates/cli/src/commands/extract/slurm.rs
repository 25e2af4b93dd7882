//! `slurm`: the job scripts of a plan, and the one that submits them in their order.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use laion_fmri::Error;
use laion_fmri::config;

use crate::args::extract::{Script, Slurm};
use crate::commands::plan_file::PlanFile;
use crate::context::Context;
use crate::exit::CommandError;
use crate::hint::{self, word as quoted};
use crate::output;

/// The names of the scripts in a folder.
const DOWNLOAD: &str = "download.sh";
const MERGE: &str = "merge.sbatch";
const SUBMIT: &str = "submit.sh";

/// Clusters have a least of their own, and what a job loads before it starts takes memory too.
const LEAST_MEMORY: u64 = 512_000_000;

/// Submits the jobs of the folder that this script lies in. What the tasks do stands in the place of
/// `extract`.
const SUBMIT_SCRIPT: &str = r#"#!/bin/bash
# Submits the tasks, and the merge that follows when all of them are done.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
extract=$(sbatch --parsable "$here/extract.sbatch")
extract=${extract%%;*}
merge=$(sbatch --parsable --dependency="afterok:$extract" --kill-on-invalid-dep=yes "$here/merge.sbatch")
echo "extract: job $extract; merge: job ${merge%%;*}, when all tasks of $extract are done""#;

pub(in crate::commands) fn slurm(context: &Context, args: &Slurm) -> anyhow::Result<()> {
    if output::is_stdout(&args.plan) {
        let message = "the plan must be a file, because the tasks read it again";
        return Err(CommandError::usage(message).into());
    }
    let scripts = Scripts {
        context,
        args,
        tasks: PlanFile::read(&args.plan)?,
        plan: quoted(&std::path::absolute(&args.plan)?.display().to_string()),
        log_dir: args.log_dir.as_deref().map(std::path::absolute).transpose()?,
        program: quoted(&context.program.to_string_lossy()),
        data_dirs: data_dirs(context)?,
    };
    match (&args.output, args.script) {
        (Some(folder), _) => scripts.write(folder),
        (None, Some(script)) => output::print_lines([match script {
            Script::Download => scripts.download()?,
            Script::Extract => scripts.extract()?,
            Script::Merge => scripts.merge()?,
        }]),
        (None, None) => {
            let message = "three scripts do not fit into one stream";
            let hint = "-o DIR/ writes all of them; --script download, extract or merge prints one";
            Err(CommandError::usage(message).hint(hint).into())
        }
    }
}

struct Scripts<'a> {
    context: &'a Context,
    args: &'a Slurm,
    tasks: PlanFile,
    /// The plan, as a word of the shell.
    plan: String,
    log_dir: Option<std::path::PathBuf>,
    /// The command, as a word of the shell.
    program: String,
    /// The data directories, absolute and as one value; empty when none is set.
    data_dirs: String,
}

/// The data directories in force, as `--data-dir` takes them.
fn data_dirs(context: &Context) -> anyhow::Result<String> {
    let given = context.global.data_dir.as_deref();
    let directories = match config::data_dirs(given, &context.environment) {
        Ok(found) => found.directories,
        // A plan that reads the bucket needs none.
        Err(Error::DataDirNotSet) => return Ok(String::new()),
        Err(error) => return Err(error.into()),
    };
    let absolute: Vec<String> = directories
        .iter()
        .map(|directory| Ok(std::path::absolute(directory)?.to_string_lossy().into_owned()))
        .collect::<std::io::Result<_>>()?;
    Ok(absolute.join(":"))
}

impl Scripts<'_> {
    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        for folder in std::iter::once(folder).chain(self.log_dir.as_deref()) {
            std::fs::create_dir_all(folder).map_err(|source| Error::Io {
                action: "create",
                path: folder.to_owned(),
                source,
            })?;
        }
        let array = format!("{}.sbatch", self.tasks.verb());
        let texts = [
            (DOWNLOAD, self.download()?),
            (&array, self.extract()?),
            (MERGE, self.merge()?),
            (SUBMIT, SUBMIT_SCRIPT.replace("extract", self.tasks.verb())),
        ];
        let paths: Vec<PathBuf> = texts.iter().map(|(name, _)| folder.join(name)).collect();
        output::note_replaced(self.context, paths.iter().map(PathBuf::as_path));
        let mut lines = Vec::new();
        for (name, text) in texts {
            let path = folder.join(name);
            output::write_text(&path, &format!("{text}\n"))?;
            if name.ends_with(".sh") {
                make_executable(&path)?;
            }
            lines.push(match self.context.global.json {
                true => output::json_line(
                    "script",
                    [("path".to_owned(), path.to_string_lossy().into())],
                ),
                false => path.display().to_string(),
            });
        }
        output::print_lines(lines)?;
        let script = |name: &str| quoted(&folder.join(name).display().to_string());
        self.context.note(&format!(
            "next, on the login node: bash {} && bash {}",
            script(DOWNLOAD),
            script(SUBMIT)
        ));
        Ok(())
    }

    /// Fetches what the tasks read; a plan that reads the bucket needs nothing.
    fn download(&self) -> anyhow::Result<String> {
        let mut script = String::from(
            "#!/bin/bash\n# Downloads what the tasks read. Run it on a node with a network, before the jobs.\nset -euo pipefail\n",
        );
        let mut commands = Vec::new();
        for command in self.tasks.downloads()?.iter().flat_map(hint::arguments) {
            if !commands.contains(&command) {
                commands.push(command);
            }
        }
        if commands.is_empty() {
            script.push_str("# The tasks read the bucket: there is nothing to download.\n");
        }
        for command in commands {
            let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
            writeln!(script, "{} {}{}", self.program, self.options()?, words.join(" "))?;
        }
        Ok(script.trim_end().to_owned())
    }

    fn extract(&self) -> anyhow::Result<String> {
        let array = format!("--array=0-{}", self.tasks.n_tasks() - 1);
        let mut script = self.head("laion-fmri", "%x-%A_%a.out", &array)?;
        let offline = self.offline();
        let options = self.options()?;
        write!(
            script,
            "{} {options}{offline}--jobs \"${{SLURM_CPUS_PER_TASK:-1}}\" run {}",
            self.program, self.plan
        )?;
        Ok(script)
    }

    fn merge(&self) -> anyhow::Result<String> {
        let mut script = self.head("laion-fmri-merge", "%x-%j.out", "--ntasks=1")?;
        // What tasks of an extraction left is all that the merge opens.
        let options = match self.tasks {
            PlanFile::Extract(_) => String::new(),
            PlanFile::Store(_) => format!("{}{}", self.options()?, self.offline()),
        };
        write!(script, "{} {options}merge {}", self.program, self.plan)?;
        Ok(script)
    }

    fn offline(&self) -> &'static str {
        if self.tasks.is_from_mirror() { "--offline " } else { "" }
    }

    /// What every job begins with.
    fn head(&self, name: &str, log: &str, shape: &str) -> anyhow::Result<String> {
        let mut script = String::from("#!/bin/bash\n");
        let mut option = |text: &str| writeln!(script, "#SBATCH {text}");
        option(&format!("--job-name={name}"))?;
        option(shape)?;
        option("--cpus-per-task=1")?;
        option(&format!("--mem={}M", self.memory()?.div_ceil(1 << 20)))?;
        option(&format!("--time={}", self.args.time))?;
        for (name, value) in [
            ("account", &self.args.account),
            ("partition", &self.args.partition),
            ("qos", &self.args.qos),
        ] {
            if let Some(value) = value {
                option(&format!("--{name}={value}"))?;
            }
        }
        if let Some(folder) = &self.log_dir {
            option(&format!("--output=\"{}\"", folder.join(log).display()))?;
        }
        for more in &self.args.sbatch {
            option(more)?;
        }
        option("--requeue")?;
        script.push_str("set -euo pipefail\n");
        Ok(script)
    }

    /// What a job asks for: the prediction and a fifth, and not less than a job needs to start.
    fn memory(&self) -> anyhow::Result<u64> {
        let memory = self.tasks.peak_memory()?;
        Ok((memory + memory / 5).max(LEAST_MEMORY))
    }

    /// The options of this call that the scripts need as well.
    fn options(&self) -> anyhow::Result<String> {
        let mut options = String::new();
        // The jobs may start in another folder, with another environment.
        if !self.data_dirs.is_empty() {
            write!(options, "--data-dir {} ", quoted(&self.data_dirs))?;
        }
        if let Some(bucket) = &self.context.global.bucket {
            write!(options, "--bucket {} ", quoted(&bucket.to_string()))?;
        }
        Ok(options)
    }
}

fn make_executable(path: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let failed = |source| Error::Io { action: "change", path: path.to_owned(), source };
        let mut permissions = std::fs::metadata(path).map_err(failed)?.permissions();
        permissions.set_mode(permissions.mode() | 0o111);
        std::fs::set_permissions(path, permissions).map_err(failed)?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
