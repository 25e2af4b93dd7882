//! `demo`: from a bucket on loopback to betas joined with their images, as a user would do it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fixtures::{AccessServer, bucket};
use laion_fmri::ndarray::{Array2, Ix2};
use laion_fmri::{Dataset, export};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;
use crate::steps::Outcome;
use crate::web;

const SUBJECT: &str = "sub-03";
const SESSION: &str = "ses-01";
const ROI: &str = "FFA1";
/// The request id that [`access_service`] knows.
const REQUEST_ID: &str = "lfm_demo";
/// How many trials the table shows.
const SHOWN: usize = 8;

/// Runs the demo; `true` when every step did what it should.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let folder = project.target.join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    let steps = Steps { project, folder: folder.clone() };
    println!("Building the page, and the laion-fmri command");
    if let Outcome::Skipped(reason) = web::step(project, &mut Counts::default())? {
        println!("The command has no page: {reason}");
    }
    CommandLine::cargo("build --locked --package laion-fmri-cli", &project.root)
        .run(&mut Counts::default())?;

    println!("\nWriting a small bucket in the layout of LAION-fMRI, and serving it on loopback");
    let bucket = bucket::write(&folder.join("bucket"))?;
    let server = bucket.serve()?;
    let url = server.url("laion-fmri");
    let bytes: u64 = bucket.keys().iter().map(|(_, size)| size).sum();
    println!("{} keys, {bytes} bytes at {url}", bucket.keys().len());

    fs::create_dir_all(steps.mirror())?;
    let output = folder.join(format!("{SUBJECT}_{SESSION}_{ROI}.npy"));
    println!("\nOne subject, anonymously, and only what one session needs:");
    steps.laion_fmri(&[
        "download",
        "--bucket",
        &url,
        "--subject",
        SUBJECT,
        "--ses",
        SESSION,
        "--accept-license",
    ])?;
    println!("\nThe betas of {ROI}, straight from the gzipped 4-D file:");
    let output_text = output.display().to_string();
    steps.laion_fmri(&[
        "betas",
        "--subject",
        SUBJECT,
        "--session",
        SESSION,
        "--roi",
        ROI,
        "-o",
        &output_text,
    ])?;
    print_table(&steps.mirror(), &output)?;
    Ok(true)
}

/// Serves the fixture bucket and an access service until the process is stopped, for trying the
/// command by hand.
pub(crate) fn serve(project: &Project) -> Result<bool> {
    let bucket = bucket::write(&project.target.join("serve"))?;
    let server = bucket.serve()?;
    println!("LAION_FMRI_BUCKET={}", server.url("laion-fmri"));
    let access = access_service()?;
    println!("LAION_FMRI_ACCESS_URL={}  (known request id: {REQUEST_ID})", access.url());
    println!("serving until stopped; refused keys: {}", bucket.denied_keys().len());
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// An access service with the gated files, which knows one request id.
pub(crate) fn access_service() -> Result<AccessServer> {
    Ok(AccessServer::with_stimuli(REQUEST_ID)?)
}

/// Where the demo happens, apart from the user's own settings.
struct Steps<'a> {
    project: &'a Project,
    folder: PathBuf,
}

impl Steps<'_> {
    fn mirror(&self) -> PathBuf {
        self.folder.join("mirror")
    }

    /// Shows the command as a user would type it, and runs it.
    fn laion_fmri(&self, arguments: &[&str]) -> Result<()> {
        println!("$ laion-fmri {} --data-dir {}", arguments.join(" "), self.mirror().display());
        let program = self.project.target.join("debug").join("laion-fmri");
        let home = self.folder.join("home");
        let started = Instant::now();
        let mut command = Command::new(&program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LAION_FMRI_") {
                command.env_remove(name);
            }
        }
        let status = command
            .args(arguments)
            .arg("--data-dir")
            .arg(self.mirror())
            .env("HOME", &home)
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_CACHE_HOME")
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot run {}", program.display()))?;
        ensure!(status.success(), "laion-fmri {} ended with {status}", arguments.join(" "));
        println!("({:.2} s)", started.elapsed().as_secs_f64());
        Ok(())
    }
}

/// Joins the array that was written with the trial table, row by row.
fn print_table(mirror: &Path, output: &Path) -> Result<()> {
    let betas: Array2<f32> =
        export::read_npy::<f32>(output)?.into_dimensionality::<Ix2>().context("a 2-D array")?;
    let trials = Dataset::open(mirror)?.subject(SUBJECT)?.trials(SESSION)?;
    ensure!(betas.nrows() == trials.len(), "{} rows, {} trials", betas.nrows(), trials.len());
    let runs = trials.column("run").context("the trial table has no column run")?;
    println!("\nRow i of the array is trial i of the table:\n");
    println!("{:>5}  {:>3}  {:>9}  {:>9}  image", "trial", "run", "mean beta", "max beta");
    for (trial, (row, label)) in
        betas.rows().into_iter().zip(trials.labels()?).enumerate().take(SHOWN)
    {
        // Voxels at the edge of the brain hold NaN.
        let finite: Vec<f32> = row.iter().copied().filter(|beta| beta.is_finite()).collect();
        let mean = finite.iter().sum::<f32>() / finite.len() as f32;
        let max = finite.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        println!("{trial:>5}  {:>3}  {mean:>9.4}  {max:>9.4}  {label}", runs[trial]);
    }
    println!("  ...");
    let nan = betas.iter().filter(|beta| beta.is_nan()).count();
    println!(
        "\n{SUBJECT} {SESSION} {ROI}: {} trials x {} voxels, float32, {nan} NaN",
        betas.nrows(),
        betas.ncols()
    );
    println!("numpy.load({:?})", output.display().to_string());
    Ok(())
}
