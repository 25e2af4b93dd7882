//! `cargo xtask guide`: the guide of `docs/` as a book, and the proof that its pages are true.

mod book;
mod links;
mod notebook;
mod page;
mod reader;
mod recording;

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use laion_fmri_base::parallel_map;

use self::page::{Page, agrees};
use self::reader::{Place, Ran};
use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;
use crate::python;
use crate::steps::{Outcome, Steps};
use crate::test::FEATURES;

/// The heading of the step.
pub(crate) const STEP: &str = "command lines of the guide";

/// The folder of the pages, and that of their pictures.
const PAGES: &str = "docs/src";
const PICTURES: &str = "docs/src/pictures";

/// Pages outside of the book whose blocks are run as well.
const OTHER_PAGES: [&str; 1] = ["README.md"];

/// Pages whose Rust blocks are doc tests of the facade.
pub(crate) const DOC_TESTS: [&str; 1] = ["docs/src/rust.md"];

/// Notebooks of `docs/notebooks` that are pages too, below `docs/src/tutorials`.
const TUTORIALS: [&str; 3] = ["encoding_model", "shared_images", "replication"];

/// What to do with the guide; without options, build the book.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Run every block, and compare outputs, pictures and links with the pages
    #[arg(long, group = "what")]
    check: bool,
    /// Run every block, and write outputs and pictures into the pages
    #[arg(long, group = "what")]
    write: bool,
    /// Leave out Python and Rust
    #[arg(long)]
    commands: bool,
}

/// Runs the command; true if nothing is wrong.
pub(crate) fn run(project: &Project, options: &Options) -> Result<bool> {
    if !options.check && !options.write {
        println!("{}", book::build(project)?.display());
        return Ok(true);
    }
    let mut steps = Steps::new(false);
    steps.step("blocks of the guide", |_| {
        build_command(project)?;
        let python = match options.commands {
            true => None,
            false => Some(python::for_notebooks(project)?.context("python3 not found")?),
        };
        let python = python.as_ref().map(crate::interop::environment::Environment::python);
        examine(project, python, options.write)
    });
    if options.check && !options.commands {
        steps.step("Rust of the guide", |counts| {
            // The module of the facade that has the page among its documentation.
            let line = format!("test --workspace --doc {FEATURES} --locked -- python_names");
            let mut found = Counts::default();
            let result = CommandLine::cargo(&line, &project.root).run(&mut found);
            *counts += found;
            result?;
            ensure!(found.run() > 0, "no program of the guide was run");
            Ok(Outcome::Done)
        });
        steps.step("book", |_| book::build(project).map(|_| Outcome::Done));
    }
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

/// The command lines and the links, as a part of the whole check, after the tests have built the
/// command.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    build_command(project)?;
    examine(project, None, false)
}

/// The command, where the tests leave theirs.
pub(crate) fn build_command(project: &Project) -> Result<()> {
    // As the tests build it: without a test, cargo would choose other features of many packages.
    let line = format!("build --workspace --bin laion-fmri --test tests {FEATURES} --locked");
    CommandLine::cargo(&line, &project.root).run(&mut Counts::default())
}

/// What a page has to be, and what is wrong with it.
#[derive(Default)]
struct Examined {
    path: String,
    text: String,
    /// By file name.
    pictures: BTreeMap<String, String>,
    /// Outputs that differ from those of the page.
    changes: Vec<String>,
    /// What writing the page does not put right.
    problems: Vec<String>,
}

/// Runs all pages, and writes or compares what they show.
fn examine(project: &Project, python: Option<&Path>, write: bool) -> Result<Outcome> {
    let pages = pages(project)?;
    let place = Place::new(project, python)?;
    let threads = thread::available_parallelism().map_or(2, NonZero::get);
    let examined = parallel_map(threads, &pages, |page| {
        examine_page(&place, page, python.is_some()).with_context(|| page.path.clone())
    })?;
    let mut problems = links::problems(&project.root, &pages);
    for examined in examined {
        match write {
            // Its outputs are those of Python.
            true if is_tutorial(&examined.path) && python.is_none() => {}
            true => save(project, &examined)?,
            false => {
                problems.extend(differences(project, &examined, python.is_some())?);
                problems.extend(examined.changes);
            }
        }
        problems.extend(examined.problems);
    }
    for problem in &problems {
        println!("{problem}");
    }
    let blocks: usize = pages.iter().map(|page| page.blocks.len()).sum();
    println!("{} pages with {blocks} blocks, {} problems", pages.len(), problems.len());
    if !problems.is_empty() {
        bail!("`cargo xtask guide --write` writes what has changed; read what it wrote");
    }
    Ok(Outcome::Done)
}

/// All pages, ordered by path; those of notebooks without outputs.
fn pages(project: &Project) -> Result<Vec<Page>> {
    let mut pages = BTreeMap::new();
    let mut folders = vec![PAGES.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(project.root.join(&folder)).with_context(|| folder.clone())?;
        for entry in entries {
            let entry = entry.with_context(|| folder.clone())?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.ends_with(".md") {
                pages.insert(path.clone(), read(project, &path)?);
            }
        }
    }
    for path in OTHER_PAGES {
        pages.insert(path.to_owned(), read(project, path)?);
    }
    for name in TUTORIALS {
        let notebook = read(project, &format!("docs/notebooks/{name}.ipynb"))?;
        let page = notebook::page(name, &notebook).with_context(|| name.to_owned())?;
        pages.insert(tutorial(name), page);
    }
    pages.into_iter().map(|(path, text)| Page::parse(&path, text)).collect()
}

/// The path of the page of a notebook.
fn tutorial(name: &str) -> String {
    format!("{PAGES}/tutorials/{name}.md")
}

/// The name of the notebook that a page is made of.
fn notebook_of(path: &str) -> Option<&'static str> {
    TUTORIALS.into_iter().find(|name| tutorial(name) == path)
}

fn is_tutorial(path: &str) -> bool {
    notebook_of(path).is_some()
}

fn read(project: &Project, path: &str) -> Result<String> {
    fs::read_to_string(project.root.join(path)).with_context(|| path.to_owned())
}

/// Runs the blocks of a page, one after the other, up to the first that ends as it should not.
fn examine_page(place: &Place, page: &Page, with_python: bool) -> Result<Examined> {
    let mut reader = place.reader(&page.path)?;
    let mut examined = Examined { path: page.path.clone(), ..Examined::default() };
    let notebook = notebook_of(&page.path);
    let mut written = String::new();
    let mut copied = 0;
    for block in &page.blocks {
        let at = format!("{}:{}", page.path, block.line);
        let Some(ran) = reader.run(block)? else { continue };
        let Ran { exit, output, figures } = ran;
        if exit != block.exit {
            let problem = format!("{at}: exit status {exit}, expected {}\n{output}", block.exit);
            examined.problems.push(problem);
            break;
        }
        let shown = page.shown(block);
        if let (Some(range), Some(shown)) = (&block.shown, shown)
            && !agrees(shown, &output)
        {
            examined.changes.push(format!("{at}: it shows\n{shown}and printed\n{output}"));
            written += &page.text[copied..range.start];
            written += &output;
            copied = range.end;
        }
        if notebook.is_some() && !block.is_hidden && !output.is_empty() {
            written += &page.text[copied..block.end];
            written += &format!("\n\n```text\n{}\n```", output.trim_end());
            copied = block.end;
        }
        for figure in figures {
            let name = match (&block.figure, notebook) {
                (Some(name), _) => name.clone(),
                (None, Some(notebook)) => {
                    let name = format!("{notebook}_{}.svg", examined.pictures.len() + 1);
                    written += &page.text[copied..block.end];
                    let about = heading_above(&page.text, block.end);
                    written += &format!("\n\n![Figure: {about}](../pictures/{name})");
                    copied = block.end;
                    name
                }
                (None, None) => {
                    examined.problems.push(format!("{at}: a figure without a name"));
                    continue;
                }
            };
            examined.pictures.insert(name, figure);
        }
    }
    examined.text = written + &page.text[copied..];
    // Without Python there are no outputs to put into the page of a notebook.
    if notebook.is_some() && !with_python {
        examined.text = page.text.clone();
    }
    if let Some(svg) = recording::svg(&Page::parse(&page.path, examined.text.clone())?) {
        let stem = Path::new(&page.path).file_stem().unwrap_or_default().to_string_lossy();
        examined.pictures.insert(format!("{}.svg", stem.to_lowercase()), svg);
    }
    Ok(examined)
}

/// The last heading before a place.
fn heading_above(text: &str, place: usize) -> &str {
    let before = text.get(..place).unwrap_or_default();
    let heading = before.lines().rev().find_map(|line| line.strip_prefix("## "));
    heading.unwrap_or("the result")
}

/// What differs from the files.
fn differences(project: &Project, examined: &Examined, with_python: bool) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    if is_tutorial(&examined.path) {
        let page = read(project, &examined.path)?;
        let found = match with_python {
            true => page,
            false => notebook::without_outputs(&page),
        };
        if found != examined.text {
            problems.push(format!("{}: not what its notebook gives", examined.path));
        }
    }
    for (name, picture) in &examined.pictures {
        let path = format!("{PICTURES}/{name}");
        let is_current = fs::read_to_string(project.root.join(&path))
            .is_ok_and(|found| recording::looks_like(&found, picture));
        if !is_current {
            problems.push(format!("{path}: older than what it shows, on {}", examined.path));
        }
    }
    Ok(problems)
}

/// Writes a page and its pictures.
fn save(project: &Project, examined: &Examined) -> Result<()> {
    let pictures = examined.pictures.iter();
    let pictures = pictures.map(|(name, text)| (format!("{PICTURES}/{name}"), text));
    for (path, text) in pictures.chain([(examined.path.clone(), &examined.text)]) {
        let file = project.root.join(&path);
        let is_current =
            fs::read_to_string(&file).is_ok_and(|found| match path.ends_with(".svg") {
                true => recording::looks_like(&found, text),
                false => found == *text,
            });
        if !is_current {
            let folder = file.parent().context("a page without a folder")?;
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            fs::write(&file, text).with_context(|| path.clone())?;
            println!("written: {path}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a page whose blocks need no program of this workspace.
    fn examined(text: &str) -> Examined {
        examined_with(text, None)
    }

    fn examined_with(text: &str, python: Option<&Path>) -> Examined {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let project = Project { target: root.join("target"), root };
        let place = Place::new(&project, python).unwrap();
        let page = Page::parse("docs/src/page.md", text.to_owned()).unwrap();
        examine_page(&place, &page, python.is_some()).unwrap()
    }

    #[test]
    fn python_keeps_what_earlier_blocks_have_defined() {
        let python = Path::new("/usr/bin/python3");
        if !python.exists() {
            eprintln!("skipped: {} is not there", python.display());
            return;
        }
        let text = "```python\na = 1\na;\n```\n\n```text\n```\n\n```sh\ntouch b\n```\n\n\
                    ```python\nimport os\nprint(os.listdir())\na + 1\n```\n\n```text\n```\n\n\
                    ```python\na / 0\n```\n";
        let found = examined_with(text, Some(python));
        assert_eq!(found.changes.len(), 1, "{:?}", found.changes);
        assert!(found.text.contains("```text\n['b']\n2\n```\n"), "{}", found.text);
        let [problem] = found.problems.as_slice() else { panic!("{:?}", found.problems) };
        assert!(problem.contains(":22: exit status 1, expected 0\n"), "{problem}");
        assert!(problem.trim_end().ends_with("ZeroDivisionError: division by zero"), "{problem}");
        // Without Python its blocks are left alone.
        let left = examined(text);
        assert_eq!((left.text.as_str(), left.problems.len(), left.changes.len()), (text, 0, 0));
    }

    #[test]
    fn an_output_that_differs_is_reported_and_written() {
        let text = "<!-- before\nmkdir a\n-->\n\n```sh\ncd a\npwd\necho $LAION_FMRI_BUCKET >&2\n```\n\n\
                    ```text\n~/b\n```\n\nWords.\n\n```sh\nls\n```\n\n```text\n...\n```\n";
        let found = examined(text);
        assert_eq!(found.text, text.replace("~/b\n", "~/a\ns3://laion-fmri\n"));
        let [change] = found.changes.as_slice() else { panic!("{:?}", found.changes) };
        assert!(change.starts_with("docs/src/page.md:5: it shows\n~/b\nand printed\n"), "{change}");
        assert_eq!((found.problems.len(), found.pictures.len()), (0, 0));
    }

    #[test]
    fn a_block_has_to_end_as_the_page_says() {
        let found =
            examined("```sh exit=3\n(exit 3)\n```\n\n```sh\nfalse\n```\n\n```sh\nls\n```\n");
        let expected = "docs/src/page.md:5: exit status 1, expected 0\n";
        assert_eq!(found.problems, [expected]);
    }

    #[test]
    fn a_picture_is_made_of_the_output_that_was_written() {
        let found = examined("```sh picture\necho new\n```\n\n```text\nold\n```\n");
        assert!(found.pictures["page.svg"].contains(">new</text>"), "{:?}", found.pictures);
    }
}
