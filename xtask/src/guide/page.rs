//! A page of the guide: the blocks that are run, and the output that it shows below them.

use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// What opens a comment whose lines are run before what follows, and are not shown.
const BEFORE: &str = "<!-- before\n";
/// What opens a comment that says why the next block is not run.
const NOT_RUN: &str = "<!-- not run: ";

/// A Markdown file.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Relative to the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// In the order of the page.
    pub(crate) blocks: Vec<Block>,
}

/// Who runs a block. The blocks in Rust are doc tests of the facade.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Language {
    Shell,
    Python,
}

/// One block that is run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) language: Language,
    pub(crate) code: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// How it has to end.
    pub(crate) exit: i32,
    /// Whether it stands in a comment.
    pub(crate) is_hidden: bool,
    /// Whether it goes into the picture of the page.
    pub(crate) is_drawn: bool,
    /// The file name of the figure that it leaves open.
    pub(crate) figure: Option<String>,
    /// Where the output is that the page shows.
    pub(crate) shown: Option<Range<usize>>,
    /// Where the block ends.
    pub(crate) end: usize,
}

/// A fenced block as it stands on the page.
struct Fence {
    words: Vec<String>,
    content: Range<usize>,
    whole: Range<usize>,
}

impl Page {
    /// Reads a page.
    pub(crate) fn parse(path: &str, text: String) -> Result<Self> {
        let blocks = blocks(path, &text).with_context(|| path.to_owned())?;
        Ok(Self { path: path.to_owned(), text, blocks })
    }

    /// What the page shows below a block.
    pub(crate) fn shown(&self, block: &Block) -> Option<&str> {
        block.shown.clone().and_then(|range| self.text.get(range))
    }
}

/// The blocks of a text, with the outputs that belong to them.
fn blocks(path: &str, text: &str) -> Result<Vec<Block>> {
    let mut found: Vec<Block> = Vec::new();
    // Whether the last thing on the page was a block that was run, or a reason not to run one.
    let (mut after_block, mut excused) = (false, false);
    let mut events = Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter();
    while let Some((event, whole)) = events.next() {
        let line = line_of(text, whole.start);
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let CodeBlockKind::Fenced(info) = kind else {
                    bail!("line {line}: code without a fence")
                };
                let words = info.split([' ', ',']).map(str::to_owned).collect();
                let first =
                    text[whole.start..].find('\n').map_or(whole.end, |end| whole.start + end + 1);
                let content = content(&mut events, first);
                let fence = Fence { words, content, whole };
                let runs = matches!(fence.words.first().map(String::as_str), Some("sh" | "python"));
                if fence.words == ["text"] {
                    ensure!(after_block, "line {line}: an output that no block above it has");
                    if let Some(block) = found.last_mut() {
                        block.shown = Some(fence.content);
                    }
                } else if runs && fence.words.iter().any(|word| word == "not-run") {
                    ensure!(excused, "line {line}: no comment `{NOT_RUN}...` above the block");
                } else if runs {
                    found.push(block(text, &fence, line)?);
                    (after_block, excused) = (true, false);
                    continue;
                } else {
                    check_language(path, &fence, line)?;
                }
                (after_block, excused) = (false, false);
            }
            Event::Start(Tag::HtmlBlock) => {
                let comment = text.get(whole.clone()).unwrap_or_default();
                excused = comment.starts_with(NOT_RUN);
                after_block = false;
                if let Some(script) = comment.strip_prefix(BEFORE) {
                    let code = script.trim_end().trim_end_matches("-->").to_owned();
                    let end = whole.end;
                    found.push(Block { line, end, is_hidden: true, ..Block::shell(code) });
                }
            }
            Event::Start(_) | Event::Rule => (after_block, excused) = (false, false),
            _ => {}
        }
    }
    Ok(found)
}

/// Where the content of a block is, whose start has just been read; an empty one is at `first`.
fn content<'a>(
    events: &mut impl Iterator<Item = (Event<'a>, Range<usize>)>,
    first: usize,
) -> Range<usize> {
    let mut content: Option<Range<usize>> = None;
    for (event, range) in events {
        match event {
            Event::End(TagEnd::CodeBlock) => break,
            _ => content = Some(content.map_or(range.clone(), |begun| begun.start..range.end)),
        }
    }
    content.unwrap_or(first..first)
}

/// Rust blocks are only run where the facade names the page; everything else is only shown.
fn check_language(path: &str, fence: &Fence, line: usize) -> Result<()> {
    const SHOWN: [&str; 5] = ["toml", "json", "bibtex", "tree", "rust"];
    let language = fence.words.first().map_or("", String::as_str);
    ensure!(SHOWN.contains(&language), "line {line}: a block in {language:?}");
    let is_tested = super::DOC_TESTS.contains(&path);
    ensure!(language != "rust" || is_tested, "line {line}: Rust outside of the doc tests");
    Ok(())
}

fn block(text: &str, fence: &Fence, line: usize) -> Result<Block> {
    let code = text.get(fence.content.clone()).unwrap_or_default().to_owned();
    let mut block = Block { line, end: fence.whole.end, ..Block::shell(code) };
    for (index, word) in fence.words.iter().enumerate() {
        match (index, word.split_once('=')) {
            (0, _) if word == "python" => block.language = Language::Python,
            (0, _) => {}
            (_, Some(("exit", code))) => block.exit = code.parse()?,
            (_, Some(("figure", name))) => block.figure = Some(name.to_owned()),
            (_, None) if word == "picture" => block.is_drawn = true,
            _ => bail!("line {line}: {word:?} means nothing here"),
        }
    }
    Ok(block)
}

impl Block {
    fn shell(code: String) -> Self {
        Self {
            language: Language::Shell,
            code,
            line: 0,
            exit: 0,
            is_hidden: false,
            is_drawn: false,
            figure: None,
            shown: None,
            end: 0,
        }
    }
}

fn line_of(text: &str, position: usize) -> usize {
    text.get(..position).map_or(0, |before| before.matches('\n').count()) + 1
}

/// Whether an output is what the page shows, in which `...` stands for any text.
pub(crate) fn agrees(shown: &str, got: &str) -> bool {
    let mut parts = shown.split("...");
    let Some(mut rest) = parts.next().and_then(|first| got.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(start) = rest.find(part) else { return false };
        rest = &rest[start + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Result<Page> {
        Page::parse("docs/src/page.md", text.to_owned())
    }

    #[test]
    fn blocks_and_their_outputs_are_found() {
        let text = "# Page\n\n<!-- before\nmkdir a\n-->\n\n```sh picture\nls\n```\n\n```text\na\n```\n\n\
                    Words.\n\n```python figure=map.svg\n1 + 1\n```\n\n```sh exit=2\nls --no\n```\n";
        let page = page(text).unwrap();
        let codes: Vec<&str> = page.blocks.iter().map(|block| block.code.as_str()).collect();
        assert_eq!(codes, ["mkdir a\n", "ls\n", "1 + 1\n", "ls --no\n"]);
        let shown: Vec<_> = page.blocks.iter().map(|block| page.shown(block)).collect();
        assert_eq!(shown, [None, Some("a\n"), None, None]);
        assert!(page.blocks[0].is_hidden && !page.blocks[1].is_hidden);
        assert!(page.blocks[1].is_drawn && page.blocks[1].line == 7);
        assert_eq!(page.blocks[2].language, Language::Python);
        assert_eq!(page.blocks[2].figure.as_deref(), Some("map.svg"));
        assert_eq!(page.blocks[3].exit, 2);
        assert!(
            text[..page.blocks[1].end].ends_with("ls\n```"),
            "{:?}",
            &text[..page.blocks[1].end]
        );
    }

    #[test]
    fn what_nobody_would_run_is_refused() {
        let fails = |text: &str, part: &str| {
            let error = format!("{:#}", page(text).unwrap_err());
            assert!(error.contains(part), "{error}");
        };
        fails("```sh\nls\n```\n\nWords.\n\n```text\na\n```\n", "line 7: an output that no block");
        fails("```\nls\n```\n", "a block in \"\"");
        fails("```rust\nf();\n```\n", "line 1: Rust outside of the doc tests");
        fails("Words.\n\n    ls\n", "line 3: code without a fence");
        fails("```sh not-run\nls\n```\n", "no comment");
        fails("```sh loud\nls\n```\n", "\"loud\" means nothing here");
        let excused = page("<!-- not run: needs the network -->\n\n```sh not-run\ncurl x\n```\n");
        assert_eq!(excused.unwrap().blocks, []);
        assert_eq!(page("```toml\na = 1\n```\n\n```tree\na/\n```\n").unwrap().blocks, []);
    }

    #[test]
    fn an_output_that_is_not_written_yet_has_its_place() {
        let page = page("```sh\nls\n```\n\n```text\n```\n").unwrap();
        assert_eq!(page.blocks[0].shown, Some(22..22));
        assert!(page.text[..22].ends_with("```text\n"));
    }

    #[test]
    fn three_dots_stand_for_any_text() {
        for (shown, got, expected) in [
            ("a\n", "a\n", true),
            ("a\n", "a\nb\n", false),
            ("a\n...\n", "a\nb\nc\n", true),
            ("a\n...\nz\n", "a\nb\nc\nz\n", true),
            ("free: ... (enough)\n", "free: 12 GB (enough)\n", true),
            ("free: ... (enough)\n", "free: 12 GB\n", false),
            ("...b...c", "abxbc", true),
            ("...b...c", "ac", false),
            ("", "a", false),
        ] {
            assert_eq!(agrees(shown, got), expected, "{shown:?} {got:?}");
        }
    }
}
