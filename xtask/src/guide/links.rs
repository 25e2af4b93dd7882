//! Links between pages: files that are there, and headings that are in them.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::page::Page;

/// Everything wrong with the links of these pages. Addresses of the web are not looked up.
pub(super) fn problems(root: &Path, pages: &[Page]) -> Vec<String> {
    let anchors: HashMap<PathBuf, Vec<String>> =
        pages.iter().map(|page| (PathBuf::from(&page.path), anchors(&page.text))).collect();
    let mut problems = Vec::new();
    for page in pages {
        for (target, line) in targets(&page.text) {
            if let Some(problem) = problem(root, page, &target, &anchors) {
                problems.push(format!("{}:{line}: {problem}: {target}", page.path));
            }
        }
    }
    problems
}

fn problem(
    root: &Path,
    page: &Page,
    target: &str,
    anchors: &HashMap<PathBuf, Vec<String>>,
) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let here = Path::new(&page.path);
    let path = match file {
        "" => here.to_owned(),
        file => normal(&here.parent().unwrap_or(Path::new("")).join(file)),
    };
    if !root.join(&path).exists() {
        return Some("a link to a file that is not there");
    }
    // What the book does not hold cannot be reached from a page of it.
    if page.path.starts_with("docs/src/") && !path.starts_with("docs/src") {
        return Some("a link out of the book");
    }
    if anchor.is_empty() {
        return None;
    }
    let known = anchors.get(&path)?;
    let is_there = known.iter().any(|found| found == anchor);
    (!is_there).then_some("a link to a heading that is not there")
}

/// The path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

/// The targets of links and pictures, with their lines.
fn targets(text: &str) -> Vec<(String, usize)> {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter();
    let target = |(event, range): (Event<'_>, std::ops::Range<usize>)| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some((dest_url.into_string(), text[..range.start].matches('\n').count() + 1))
        }
        _ => None,
    };
    events.filter_map(target).collect()
}

/// The names by which headings are linked: in lower case, with hyphens for spaces.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut heading: Option<String> = None;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => anchors.extend(heading.take()),
            Event::Text(words) | Event::Code(words) => {
                if let Some(heading) = &mut heading {
                    let kept = words.chars().filter(|&character| {
                        character.is_alphanumeric() || " -_".contains(character)
                    });
                    heading.extend(
                        kept.flat_map(char::to_lowercase)
                            .map(|character| if character == ' ' { '-' } else { character }),
                    );
                }
            }
            _ => {}
        }
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_are_found() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("docs/src/more");
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["docs/src/a.md", "docs/src/more/b.md", "README.md"] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        let check = |path: &str, link: &str, expected: Option<&str>| {
            let text = format!("# First `part`, and more\n\nSee [this]({link}).\n");
            let page = Page::parse(path, text).unwrap();
            let found = problems(root.path(), &[page]);
            let expected: Vec<String> =
                expected.iter().map(|problem| format!("{path}:3: {problem}: {link}")).collect();
            assert_eq!(found, expected);
        };
        let a = "docs/src/a.md";
        check(a, "more/b.md", None);
        check("docs/src/more/b.md", "../a.md", None);
        check(a, "#first-part-and-more", None);
        check(a, "https://example.org/none", None);
        check("README.md", "docs/src/a.md", None);
        check(a, "c.md", Some("a link to a file that is not there"));
        check(a, "#second", Some("a link to a heading that is not there"));
        check(a, "../../README.md", Some("a link out of the book"));
    }
}
