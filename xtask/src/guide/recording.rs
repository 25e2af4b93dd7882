//! The picture of a terminal in which the commands of a page have been typed, as SVG.

use super::page::{Language, Page};

const COLUMN: f64 = 8.4;
const LINE: usize = 20;
const MARGIN: usize = 20;
/// The bar with the three buttons.
const BAR: usize = 36;

/// The picture of the blocks of a page that are marked for it; nothing without any.
pub(super) fn svg(page: &Page) -> Option<String> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let drawn = page.blocks.iter().filter(|block| block.is_drawn);
    for block in drawn.filter(|block| block.language == Language::Shell) {
        if !lines.is_empty() {
            lines.push(("output", String::new()));
        }
        let commands = block.code.lines();
        lines.extend(commands.map(|command| ("command", command.to_owned())));
        let shown = page.shown(block).unwrap_or_default().lines();
        lines.extend(shown.map(|output| ("output", output.to_owned())));
    }
    let widest = lines.iter().map(|(_, text)| text.chars().count() + 2).max()?;
    let width = (widest as f64 * COLUMN).ceil() as usize + 2 * MARGIN;
    let height = BAR + lines.len() * LINE + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <style>text {{ font: 14px ui-monospace, Menlo, Consolas, monospace; white-space: pre }} \
         .command {{ fill: #f0f3f6 }} .output {{ fill: #9ea7b3 }} .prompt {{ fill: #56d364 }}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#161b22\"/>\n"
    );
    for (index, colour) in ["#ff5f57", "#febc2e", "#28c840"].iter().enumerate() {
        let x = MARGIN + index * MARGIN;
        svg += &format!("<circle cx=\"{x}\" cy=\"18\" r=\"6\" fill=\"{colour}\"/>\n");
    }
    for (index, (class, text)) in lines.iter().enumerate().filter(|(_, (_, text))| !text.is_empty())
    {
        let y = BAR + (index + 1) * LINE - 6;
        let prompt = match *class {
            "command" => "<tspan class=\"prompt\">$ </tspan>",
            _ => "",
        };
        let text = escaped(text);
        svg += &format!(
            "<text x=\"{MARGIN}\" y=\"{y}\" class=\"{class}\" xml:space=\"preserve\">{prompt}{text}\
             </text>\n"
        );
    }
    Some(svg + "</svg>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Whether two pictures show the same: numbers may differ by less than a pixel.
pub(super) fn looks_like(left: &str, right: &str) -> bool {
    let (left, right) = (pieces(left), pieces(right));
    let is_near = |(left, right): (&&str, &&str)| {
        left == right
            || matches!((left.parse::<f64>(), right.parse::<f64>()),
                (Ok(left), Ok(right)) if (left - right).abs() < 1.0)
    };
    left.len() == right.len() && left.iter().zip(&right).all(is_near)
}

/// Numbers, and what is between them.
fn pieces(text: &str) -> Vec<&str> {
    let is_number = |character: char| character.is_ascii_digit() || character == '.';
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = is_number(first);
        let end = rest.find(|character| is_number(character) != kind).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_commands_and_their_outputs_are_drawn() {
        let text = "```sh picture\nls <a> | wc\n```\n\n```text\n  1 & 2\n```\n\n```sh\nrm a\n```\n";
        let page = Page::parse("docs/src/page.md", text.to_owned()).unwrap();
        let svg = svg(&page).unwrap();
        assert!(
            svg.contains("<tspan class=\"prompt\">$ </tspan>ls &lt;a&gt; | wc</text>"),
            "{svg}"
        );
        assert!(svg.contains(">  1 &amp; 2</text>") && !svg.contains("rm a"), "{svg}");
        let none = Page::parse("docs/src/page.md", "```sh\nls\n```\n".to_owned()).unwrap();
        assert_eq!(super::svg(&none), None);
    }

    #[test]
    fn pictures_differ_by_text_or_by_a_pixel() {
        assert!(looks_like("<p d=\"M 1.20 3\"/>", "<p d=\"M 1.24 3.5\"/>"));
        assert!(!looks_like("<p d=\"M 1.20 3\"/>", "<p d=\"M 1.20 5\"/>"));
        assert!(!looks_like("<text>FFA1</text>", "<text>PPA</text>"));
        assert!(!looks_like("<p/>", "<p/><p/>"));
    }
}
