//! Betas at full size: the released command against the public tools, whole processes in turn.

mod report;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use laion_fmri::{SessionId, SubjectId, layout};
use serde_json::{Value, json};

use super::Row;
use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::interop;
use crate::project::Project;

/// The version of rapidgzip that is measured.
const RAPIDGZIP: &str = "rapidgzip==0.16.1";
/// Voxels of the grid that the brain holds.
const BRAIN_SHARE: f64 = 0.093;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) volumes: usize,
    pub(super) rounds: usize,
    pub(super) record: bool,
}

/// Cases that cannot be run, and why.
type Missing = Vec<(&'static str, String)>;

/// What one case came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// Wall-clock seconds.
    pub(super) wall: f64,
    /// Processor seconds, user and system.
    pub(super) processor: f64,
    /// Peak resident memory in MiB.
    pub(super) peak: f64,
}

/// The figures of the cases that could be run, and the rest by name with the reason.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) figures: Vec<(&'static str, Figures)>,
    pub(super) missing: Missing,
    /// KiB of the index for each volume, of the file with all of them and of that with half.
    pub(super) index_kib_a_volume: [f64; 2],
    /// MiB of the array of the brain.
    pub(super) output: f64,
}

pub(super) fn run(project: &Project, size: Size) -> Result<Vec<Row>> {
    let mut counts = Counts::default();
    CommandLine::cargo("build --release --locked --package laion-fmri-cli", &project.root)
        .run(&mut counts)?;
    let Some(python) = interop::python(project)? else { bail!("python3 writes the files") };
    let folders = Folders::new(project);
    fs::create_dir_all(&folders.out)?;
    let script = project.root.join("interop").join("bench_nifti.py");
    let subject: SubjectId = "sub-01".parse()?;
    let session = |number: usize| -> Result<String> {
        let session: SessionId = format!("{number:02}").parse()?;
        Ok(layout::betas(&subject, &session))
    };
    let betas = (1..=6).map(session).collect::<Result<Vec<_>>>()?;
    let mask = layout::anatomical_brain_mask(&subject, Some("1pt8"));
    python
        .script(&script)
        .argument("make")
        .argument(&folders.mirror)
        .argument(size.volumes.to_string())
        .argument(json!({ "mask": mask, "betas": betas }).to_string())
        .run(&mut counts)?;

    let mut measured = Measured {
        output: (143_f64.powi(3) * BRAIN_SHARE).round() * 4.0 * size.volumes as f64
            / f64::powi(2.0, 20),
        ..Measured::default()
    };
    let rapidgzip = rapidgzip(project);
    let python_script =
        |action: &str| -> Vec<String> { python.script(&script).argument(action).words() };
    let (cases, missing) = folders.cases(&betas, size, rapidgzip, python_script)?;
    measured.missing = missing;
    let list = folders.out.join("cases.json");
    fs::write(&list, serde_json::to_vec(&cases)?)?;
    let printed = python
        .script(&script)
        .argument("run")
        .argument(&list)
        .argument(size.rounds.to_string())
        .capture()?
        .context("python")?;
    let printed: Value = serde_json::from_str(printed.lines().last().unwrap_or_default())?;
    for case in &cases {
        let name = case["name"].as_str().context("a name")?;
        let name = report::NAMES.iter().find(|known| **known == name).context("a known name")?;
        let figure = |key: &str| {
            printed[*name][key].as_f64().with_context(|| format!("no {key} of {name} in {printed}"))
        };
        let figures = Figures {
            wall: figure("wall")?,
            processor: figure("processor")?,
            peak: figure("peak")?,
        };
        measured.figures.push((name, figures));
    }
    let index = |number: usize, volumes: usize| -> Result<f64> {
        let name = Path::new(&betas[number]).file_name().context("a name")?.to_string_lossy();
        let path = folders.cache.join("indexes").join(format!("{name}.index"));
        let bytes = fs::metadata(&path).with_context(|| path.display().to_string())?.len();
        Ok(bytes as f64 / 1024.0 / volumes as f64)
    };
    measured.index_kib_a_volume = [index(0, size.volumes)?, index(4, size.volumes / 2)?];
    let rows = report::rows(&measured);
    report::print(&measured);
    if size.record {
        report::record(project, &measured, &rows, size)?;
    }
    Ok(rows)
}

/// Where everything lies.
struct Folders {
    mirror: PathBuf,
    /// Indexes that stay.
    cache: PathBuf,
    /// A cache that is empty at the start of a run.
    fresh: PathBuf,
    out: PathBuf,
    program: PathBuf,
}

impl Folders {
    fn new(project: &Project) -> Self {
        let folder = project.target.join("bench").join("nifti");
        Self {
            mirror: folder.join("mirror"),
            cache: folder.join("cache"),
            fresh: folder.join("fresh"),
            out: folder.join("out"),
            program: project.target.join("release").join("laion-fmri"),
        }
    }

    /// A run of the command, with what follows its global options.
    fn betas(&self, jobs: usize, cache: &Path, arguments: &[&str]) -> Vec<String> {
        let mut words = vec![
            self.program.display().to_string(),
            "--quiet".to_owned(),
            format!("--jobs={jobs}"),
            format!("--data-dir={}", self.mirror.display()),
            format!("--cache-dir={}", cache.display()),
            "betas".to_owned(),
            "--subject=sub-01".to_owned(),
            "--session".to_owned(),
        ];
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        words
    }

    fn cases(
        &self,
        betas: &[String],
        size: Size,
        rapidgzip: Result<PathBuf>,
        python: impl Fn(&str) -> Vec<String>,
    ) -> Result<(Vec<Value>, Missing)> {
        let mut missing = Vec::new();
        let mut cases = Vec::new();
        let file = self.mirror.join(&betas[0]).display().to_string();
        let out = |name: &str| self.out.join(name).display().to_string();
        let brain = self.mirror.join("brain.npy").display().to_string();
        let roi = format!("--mask={}", self.mirror.join("roi.npy").display());
        let mut case = |name: &'static str, command: Vec<String>| {
            cases.push(json!({ "name": name, "command": command, "outputs": [&self.out] }));
        };
        let igzip = CommandLine::new("igzip", &self.mirror).argument("--version").capture();
        match igzip {
            Ok(Some(_)) => {
                case(report::IGZIP, vec!["igzip".into(), "-dc".into(), file.clone()]);
            }
            _ => bail!("igzip is what everything is compared with (Debian: apt-get install isal)"),
        }
        match rapidgzip {
            Ok(program) => {
                let program = program.display().to_string();
                let words = [program.as_str(), "-P", "2", "-d", "-c", &file];
                case(report::RAPIDGZIP, words.map(str::to_owned).to_vec());
            }
            Err(error) => missing.push((report::RAPIDGZIP, format!("{error:#}"))),
        }
        let a = out("a.npy");
        case(report::ONE_BRAIN, self.betas(1, &self.fresh, &["ses-01", "-o", &a]));
        case(report::ONE_ROI, self.betas(1, &self.fresh, &["ses-01", &roi, "-o", &out("roi.npy")]));
        case(report::TWO_FIRST, self.betas(2, &self.fresh, &["ses-01", "-o", &out("b.npy")]));
        case(report::ONE_NOWHERE, self.betas(1, &self.fresh, &["ses-01", "-o", "-"]));
        case(report::TWO_NOWHERE, self.betas(2, &self.cache, &["ses-01", "-o", "-"]));
        case(report::TWO_INDEX, self.betas(2, &self.cache, &["ses-01", "-o", &out("c.npy")]));
        let tenth: Vec<String> = (0..size.volumes).step_by(10).map(|n| n.to_string()).collect();
        let tenth = format!("--trials={}", tenth.join(","));
        case(report::TENTH, self.betas(1, &self.cache, &["ses-01", &tenth, "-o", &out("d.npy")]));
        let folder = out("four/");
        let four = ["ses-01", "ses-02", "ses-03", "ses-04", "-o", &folder];
        case(report::FOUR_ONE, self.betas(1, &self.fresh, &four));
        case(report::FOUR_TWO, self.betas(2, &self.fresh, &four));
        case(report::HALF, self.betas(1, &self.fresh, &["ses-05", "-o", &out("half.npy")]));
        case(report::HALF_INDEX, self.betas(2, &self.cache, &["ses-05", "-o", &out("half.npy")]));
        case(report::FLOOR, self.betas(1, &self.fresh, &["ses-06", "-o", &out("floor.npy")]));
        for (name, action) in [(report::GZIP, "gzip"), (report::NIBABEL, "nibabel")] {
            let mut words = python(action);
            words.extend([file.clone(), brain.clone(), out("python.npy")]);
            case(name, words);
        }
        for case in &mut cases {
            let fresh = self.fresh.display().to_string();
            let uses_fresh = case["command"].to_string().contains(&fresh);
            if uses_fresh {
                case["fresh"] = json!([fresh]);
            }
            let name = case["name"].as_str().unwrap_or_default();
            if [report::GZIP, report::NIBABEL].contains(&name) {
                case["rounds"] = json!(size.rounds.min(3));
            }
        }
        ensure!(fs::create_dir_all(out("four")).is_ok(), "a folder for four sessions");
        Ok((cases, missing))
    }
}

/// The program, installed below `target/` when it is not there.
fn rapidgzip(project: &Project) -> Result<PathBuf> {
    let folder = project.target.join("bench").join("venv");
    let program = folder.join("bin").join("rapidgzip");
    if !program.is_file() {
        let mut counts = Counts::default();
        let python = folder.join("bin").join("python");
        CommandLine::new("python3", &project.root)
            .arguments(["-m", "venv", "--clear"])
            .argument(&folder)
            .run(&mut counts)?;
        CommandLine::new(python, &project.root)
            .arguments(["-m", "pip", "install", "--quiet", "--no-input", RAPIDGZIP])
            .run(&mut counts)?;
    }
    ensure!(program.is_file(), "{RAPIDGZIP} installs no program");
    Ok(program)
}
