//! `extract` of a small ROI: from all sessions of a subject, compared with inflating the same
//! files; from one session, compared with `betas` of it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use fixtures::Server;
use fixtures::server::{ChecksumKind, Options};
use laion_fmri::splits::load_split;
use laion_fmri::{SessionId, SubjectId, layout};
use serde_json::{Value, json};

use super::{Row, page};
use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::interop;
use crate::project::Project;

/// Sessions of a subject, and volumes of each: a fiftieth of a real one.
const SESSIONS: usize = 30;
const VOLUMES: usize = 20;

const INFLATE_ONE: &str = "igzip -dc of every file, one core";
const INFLATE_TWO: &str = "igzip -dc of every file, two at once";
const ONE: &str = "extract, one core";
const TWO: &str = "extract, two cores";
const PREPARED_ONE: &str = "extract, z-scored and averaged, one core";
const PREPARED_TWO: &str = "extract, z-scored and averaged, two cores";
const BUCKET: &str = "extract from a loopback bucket, two cores";

/// Volumes of the one session: a fifth of a real one.
const ONE_SESSION_VOLUMES: usize = 200;

const BETAS_FIRST: &str = "betas of one session, first pass, two cores";
const SESSION_FIRST: &str = "extract of one session, first pass, two cores";
const SESSION_HASHED: &str = "extract of one session, first pass that also hashes it, two cores";
const BETAS_INDEXED: &str = "betas of one session, by index, two cores";
const SESSION_INDEXED: &str = "extract of one session, by index, two cores";

/// MiB beyond the output for each worker.
const MEMORY: f64 = 64.0;

pub(super) fn run(project: &Project, rounds: usize, record: bool) -> Result<Vec<Row>> {
    let mut counts = Counts::default();
    CommandLine::cargo("build --release --locked --package laion-fmri-cli", &project.root)
        .run(&mut counts)?;
    let Some(python) = interop::python(project)? else { bail!("python3 writes the files") };
    let folder = project.target.join("bench").join("extract");
    let (mirror, out) = (folder.join("mirror"), folder.join("out"));
    fs::create_dir_all(&out)?;
    let betas = write_sessions(&python, project, &mirror, SESSIONS, VOLUMES)?;
    let session = folder.join("session");
    write_sessions(&python, project, &session, 1, ONE_SESSION_VOLUMES)?;
    // As S3 does: each checksum is there before it is asked for.
    let options = Options::new(&mirror).frozen(true).checksum(ChecksumKind::Crc64Nvme);
    let server = Server::start(options)?;
    let endpoint = format!("{}/laion-fmri", server.endpoint());

    let program = project.target.join("release").join("laion-fmri").display().to_string();
    let extract = |jobs: usize, output: &str, more: &[&str]| -> Vec<String> {
        let mut words = vec![
            program.clone(),
            "--quiet".to_owned(),
            format!("--jobs={jobs}"),
            format!("--data-dir={}", mirror.display()),
            format!("--bucket={endpoint}"),
        ];
        words.extend(["extract", "--subject=sub-01", "--roi=FFA1"].map(str::to_owned));
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words.push(format!("--output={}", out.join(output).display()));
        words
    };
    let cache = folder.join("cache");
    let one_session = |command: &str, output: &str, removed: &str| -> Vec<String> {
        let script = format!(
            "rm -rf {cache}{removed}; exec {program} --quiet --jobs=2 --data-dir={} --cache-dir={cache} {command} \
             --subject=sub-01 --session=01 --roi=FFA1 --output={}",
            session.display(),
            out.join(output).display(),
            cache = cache.display(),
        );
        ["sh", "-c", &script].map(str::to_owned).to_vec()
    };
    let files = betas.iter().map(|path| mirror.join(path).display().to_string());
    let list = folder.join("files");
    fs::write(&list, files.collect::<Vec<_>>().join("\0"))?;
    let inflate = |side_by_side: usize| -> Vec<String> {
        let list = list.display();
        let script = format!("xargs -0 -n 1 -P {side_by_side} igzip -dc <'{list}' >/dev/null");
        ["sh", "-c", &script].map(str::to_owned).to_vec()
    };
    let prepared = ["--zscore=session", "--average=image"];
    let cases = [
        (INFLATE_ONE, inflate(1)),
        (ONE, extract(1, "a.npz", &[])),
        (PREPARED_ONE, extract(1, "b.npz", &prepared)),
        (INFLATE_TWO, inflate(2)),
        (TWO, extract(2, "c.npz", &[])),
        (PREPARED_TWO, extract(2, "d.npz", &prepared)),
        (BUCKET, extract(2, "e.npz", &["--from=bucket", "--accept-license"])),
        (SESSION_HASHED, one_session("extract", "f.npz", "")),
        (BETAS_FIRST, one_session("betas", "g.npy", "/indexes/*.index")),
        (SESSION_FIRST, one_session("extract", "h.npz", "/indexes/*.index")),
        (BETAS_INDEXED, one_session("betas", "i.npy", "/none")),
        (SESSION_INDEXED, one_session("extract", "j.npz", "/none")),
    ];
    let list = out.join("cases.json");
    let described: Vec<Value> =
        cases.iter().map(|(name, words)| json!({ "name": name, "command": words })).collect();
    fs::write(&list, serde_json::to_vec(&described)?)?;
    let printed = python
        .script(&project.root.join("interop").join("bench_nifti.py"))
        .argument("run")
        .argument(&list)
        .argument(rounds.to_string())
        .capture()?
        .context("python")?;
    let printed: Value = serde_json::from_str(printed.lines().last().unwrap_or_default())?;
    let figure = |name: &str, key: &str| -> Result<f64> {
        printed[name][key].as_f64().with_context(|| format!("no {key} of {name} in {printed}"))
    };
    let rows = rows(&figure, fs::metadata(out.join("c.npz"))?.len() as f64 / f64::powi(2.0, 20))?;
    let mut table = "| case | wall, s | processor, s | peak, MiB |\n|---|---|---|---|\n".to_owned();
    for (name, _) in &cases {
        let [wall, processor, peak] =
            [figure(name, "wall")?, figure(name, "processor")?, figure(name, "peak")?];
        table.push_str(&format!("| {name} | {wall:.3} | {processor:.2} | {peak:.0} |\n"));
    }
    println!("\n{table}");
    if record {
        let command = format!("Command: `cargo xtask bench extract --rounds {rounds} --record`");
        let limits = page::limits(&rows);
        let text = format!("{}\n\n{command}\n\n{table}\n{limits}", page::machine());
        page::record(project, "extract", &text)?;
    }
    Ok(rows)
}

fn rows(figure: &dyn Fn(&str, &str) -> Result<f64>, output: f64) -> Result<Vec<Row>> {
    let ratio = |case: &str, to: &str, limit: f64| -> Result<Row> {
        let measured = figure(case, "wall")? / figure(to, "wall")?;
        Ok(Row::at_most(&format!("{case} / {to}"), measured, limit, "x"))
    };
    // The server takes its time from the same cores, so that of the command alone tells more.
    let processor = figure(BUCKET, "processor")? / figure(TWO, "processor")?;
    let processor_name = format!("{BUCKET} / {TWO}, processor");
    let mut rows = vec![
        ratio(ONE, INFLATE_ONE, 1.15)?,
        ratio(TWO, INFLATE_TWO, 1.15)?,
        ratio(PREPARED_ONE, ONE, 1.05)?,
        ratio(PREPARED_TWO, TWO, 1.05)?,
        ratio(BUCKET, TWO, 1.2)?,
        Row::at_most(&processor_name, processor, 1.15, "x"),
        ratio(SESSION_FIRST, BETAS_FIRST, 1.15)?,
        ratio(SESSION_INDEXED, BETAS_INDEXED, 1.15)?,
    ];
    for (case, workers) in [(ONE, 1.0), (TWO, 2.0), (PREPARED_TWO, 2.0), (BUCKET, 2.0)] {
        let peak = figure(case, "peak")? - output;
        let name = format!("{case}: peak beyond the output");
        rows.push(Row::at_most(&name, peak, MEMORY * workers, "MiB"));
    }
    Ok(rows)
}

/// The betas of a subject on the real grid, relative to the mirror.
pub(super) fn write_sessions(
    python: &interop::Environment,
    project: &Project,
    mirror: &std::path::Path,
    sessions: usize,
    volumes: usize,
) -> Result<Vec<String>> {
    fs::create_dir_all(mirror)?;
    let names = mirror.with_extension("names");
    fs::write(&names, load_split("random_0", "sub-01")?.train_test_ids().train.join("\n"))?;
    write_subject(python, project, mirror, &names, sessions, volumes)
}

/// The betas of the subject, relative to the mirror.
fn write_subject(
    python: &interop::Environment,
    project: &Project,
    mirror: &std::path::Path,
    names: &std::path::Path,
    sessions: usize,
    volumes: usize,
) -> Result<Vec<String>> {
    let subject: SubjectId = "sub-01".parse()?;
    let ids: Vec<SessionId> =
        (1..=sessions).map(|number| format!("{number:02}").parse()).collect::<Result<_, _>>()?;
    let betas: Vec<String> = ids.iter().map(|session| layout::betas(&subject, session)).collect();
    let trials: Vec<String> = ids.iter().map(|session| layout::trials(&subject, session)).collect();
    let roi = PathBuf::from(layout::rois(&subject))
        .join("face")
        .join("sub-01_space-T1w_res-1pt8_label-FFA1_mask.nii.gz");
    let mask = layout::anatomical_brain_mask(&subject, Some("1pt8"));
    let paths = json!({ "mask": mask, "roi": roi, "betas": betas, "trials": trials });
    python
        .script(&project.root.join("interop").join("bench_extract.py"))
        .argument(mirror)
        .argument(volumes.to_string())
        .argument(sessions.to_string())
        .argument(names)
        .argument(paths.to_string())
        .run(&mut Counts::default())?;
    Ok(betas)
}
