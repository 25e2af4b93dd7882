//! Stimulus files against h5py and Pillow, in turns: both see the same machine.
//!
//! The files are written by h5py: 500 images of about 150 kB and 1,500 masks of 1000 x 1000 (the
//! release has 25,052 and 24,011, of the same sizes), embeddings at full size (25,052 x 1024).

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use laion_fmri::ndarray::Array3;
use laion_fmri::stimuli::{
    EmbeddingModel, Embeddings, Images, SegmentationTable, Segmentations, decode,
};

use super::process::Python;
use super::timing::once;
use super::{Row, median};
use crate::counts::Counts;
use crate::interop::{self, Environment};
use crate::project::Project;

const ROUNDS: usize = 7;
const MIB: f64 = 1024.0 * 1024.0;
const LAYOUTS: [&str; 3] = ["contiguous", "rows_gzip", "auto_gzip_shuffle"];
/// Height and width of every image.
const SIDE: usize = 1000;
/// JPEG files of the row about decoding, which are the first images.
const JPEGS: usize = 200;

pub(super) fn run(project: &Project) -> Result<Vec<Row>> {
    let folder = write_files(project)?;
    let files = Files::open(&folder)?;
    let arguments = [Path::new("time"), folder.as_path()];
    let mut python = Python::start(&environment(project)?, &script(project), &arguments)?;
    let mut rows = Vec::new();
    let mut compare = |case: &str, name: &str, limit: f64, work: &dyn Fn() -> Result<()>| {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let (their, our) = (python.run(name)?, once(work)?);
            // The first turn fills the caches of the system.
            if round > 0 {
                theirs.push(their);
                ours.push(our);
            }
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!("{case}: {:.2} ms against {:.2} ms", ours * 1e3, theirs * 1e3);
        rows.push(Row::at_most(case, ours / theirs, limit, "x"));
        anyhow::Ok(())
    };
    compare("open, one image", "one_image", 0.6, &|| files.one_image())?;
    for layout in LAYOUTS {
        let case = format!("open, one embedding, {layout}");
        let name = format!("one_embedding:{layout}");
        let limit = if layout == "auto_gzip_shuffle" { 0.5 } else { 0.6 };
        compare(&case, &name, limit, &|| files.one_embedding(layout))?;
    }
    compare("open, one mask", "one_mask", 0.6, &|| files.one_mask())?;
    for layout in LAYOUTS {
        let case = format!("1,000 random embeddings, {layout}");
        let name = format!("embeddings:{layout}");
        compare(&case, &name, 1.0, &|| files.embeddings(layout, &files.rows))?;
    }
    for layout in LAYOUTS {
        let case = format!("31,000 trials, {layout}");
        let name = format!("trials_of:{layout}");
        compare(&case, &name, 0.8, &|| files.embeddings(layout, &files.trials))?;
    }
    compare("1,000 random masks, one core", "masks", 0.35, &|| files.masks(1))?;
    compare("1,000 random masks, two cores", "masks", 0.2, &|| files.masks(2))?;
    compare("200 JPEGs of 1000 x 1000, one core", "decode", 0.55, &|| files.decode(1))?;
    compare("200 JPEGs of 1000 x 1000, two cores", "decode", 0.3, &|| files.decode(2))?;
    rows.extend(memory(&folder)?);
    Ok(rows)
}

fn environment(project: &Project) -> Result<Environment> {
    interop::python(project)?.context("python3 runs h5py and Pillow")
}

fn script(project: &Project) -> PathBuf {
    project.root.join("interop").join("bench_stimuli.py")
}

/// The folder of the stimulus files, which are written once.
pub(super) fn write_files(project: &Project) -> Result<PathBuf> {
    let folder = project.target.join("bench").join("stimuli");
    if !folder.join("complete").exists() {
        let write = environment(project)?.script(&script(project)).argument("write");
        write.argument(&folder).run(&mut Counts::default())?;
    }
    Ok(folder)
}

/// The work of the rows about memory, in a process that does nothing else; prints, for each, how
/// far the peak is above what was used before, in bytes, without the size of the result itself.
pub(super) fn child(folder: &Path) -> Result<()> {
    let grown = |work: &dyn Fn() -> Result<usize>| -> Result<()> {
        // Linux sets the peak back to what is in use.
        fs::write("/proc/self/clear_refs", "5").context("peak memory is read on Linux")?;
        let before = peak()?;
        let own = work()?;
        println!("{}", peak()?.saturating_sub(before).saturating_sub(own));
        Ok(())
    };
    grown(&|| Ok(black_box(Images::open(folder.join("images.h5"))?.decode(321)?).len()))?;
    for layout in LAYOUTS {
        grown(&|| Ok(2 * black_box(open_embeddings(folder, layout)?.row(12_345)?).len()))?;
    }
    let table = Arc::new(SegmentationTable::open(folder.join("masks.csv"))?);
    grown(&|| Ok(black_box(open_masks(folder, &table)?.mask(321)?).len()))
}

fn memory(folder: &Path) -> Result<Vec<Row>> {
    let output = Command::new(std::env::current_exe()?)
        .args(["bench", "stimuli", "--child"])
        .arg(folder)
        .output()?;
    ensure!(output.status.success(), "the child ended with {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let mut cases = vec!["memory for an image, beyond the image".to_owned()];
    cases.extend(LAYOUTS.map(|layout| format!("memory for an embedding, {layout}")));
    cases.push("memory for a mask, beyond the mask".to_owned());
    ensure!(text.lines().count() == cases.len(), "not a figure for each row: {text:?}");
    let row = |(case, line): (&String, &str)| {
        Ok(Row::at_most(case, line.parse::<f64>()? / MIB, 16.0, "MiB"))
    };
    cases.iter().zip(text.lines()).map(row).collect()
}

/// The most memory that this process had, in bytes.
fn peak() -> Result<usize> {
    let status = fs::read_to_string("/proc/self/status").context("peak memory is read on Linux")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(peak.trim().trim_end_matches(" kB").parse::<usize>()? * 1024)
}

struct Files {
    folder: PathBuf,
    rows: Vec<usize>,
    trials: Vec<usize>,
    mask_rows: Vec<usize>,
    jpegs: Vec<Vec<u8>>,
    /// h5py reads no table, so that both open the masks alone.
    table: Arc<SegmentationTable>,
}

impl Files {
    fn open(folder: &Path) -> Result<Self> {
        let numbers = |name: &str| -> Result<Vec<usize>> {
            let bytes = fs::read(folder.join(name))?;
            let words = bytes.chunks_exact(4);
            Ok(words
                .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]) as usize)
                .collect())
        };
        let images = Images::open(folder.join("images.h5"))?;
        Ok(Self {
            folder: folder.to_owned(),
            rows: numbers("rows.u32")?,
            trials: numbers("trials.u32")?,
            mask_rows: numbers("mask_rows.u32")?,
            table: Arc::new(SegmentationTable::open(folder.join("masks.csv"))?),
            jpegs: (0..JPEGS).map(|row| images.encoded(row)).collect::<Result<_, _>>()?,
        })
    }

    fn one_image(&self) -> Result<()> {
        black_box(Images::open(self.folder.join("images.h5"))?.encoded(321)?);
        Ok(())
    }

    fn one_embedding(&self, layout: &str) -> Result<()> {
        black_box(open_embeddings(&self.folder, layout)?.row(12_345)?);
        Ok(())
    }

    fn one_mask(&self) -> Result<()> {
        black_box(open_masks(&self.folder, &self.table)?.mask(321)?);
        Ok(())
    }

    fn embeddings(&self, layout: &str, rows: &[usize]) -> Result<()> {
        black_box(open_embeddings(&self.folder, layout)?.rows(rows)?);
        Ok(())
    }

    fn masks(&self, threads: usize) -> Result<()> {
        let masks = open_masks(&self.folder, &self.table)?;
        on_threads(
            threads,
            &self.mask_rows,
            || (),
            |(), row| {
                black_box(masks.mask(*row)?);
                Ok(())
            },
        )
    }

    fn decode(&self, threads: usize) -> Result<()> {
        // Into an array that is there, as calls for many images do.
        let image = || Array3::zeros((SIDE, SIDE, 3));
        on_threads(threads, &self.jpegs, image, |image, jpeg| {
            Ok(decode::decode_into(jpeg, black_box(image).view_mut())?)
        })
    }
}

fn open_embeddings(folder: &Path, layout: &str) -> Result<Embeddings> {
    let path = folder.join(format!("embeddings_{layout}.h5"));
    Ok(Embeddings::open(path, EmbeddingModel::Clip)?)
}

fn open_masks(folder: &Path, table: &Arc<SegmentationTable>) -> Result<Segmentations> {
    Ok(Segmentations::open_with(folder.join("masks.h5"), Arc::clone(table))?)
}

/// Does the work for every item, each thread taking its share.
fn on_threads<T: Sync, S>(
    threads: usize,
    items: &[T],
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> Result<()> + Sync,
) -> Result<()> {
    let (work, scratch) = (&work, &scratch);
    thread::scope(|scope| {
        let shares = items.chunks(items.len().div_ceil(threads));
        let running: Vec<_> = shares
            .map(|share| {
                scope.spawn(move || {
                    let mut scratch = scratch();
                    share.iter().try_for_each(|item| work(&mut scratch, item))
                })
            })
            .collect();
        running.into_iter().try_for_each(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => bail!("a thread panicked"),
        })
    })
}
