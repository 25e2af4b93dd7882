//! What a README shows: the lines for `Cargo.toml`, and the first example as a whole program.

use anyhow::{Context, Result};

/// The first block of a README in a language.
fn block(readme: &str, language: &str) -> Option<String> {
    blocks(readme, language).into_iter().next()
}

/// Every block in a language; what follows a comma (`rust,no_run`) does not matter.
pub(crate) fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(opened) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        if opened.split(',').next() == Some(language) {
            blocks.push(block.join("\n") + "\n");
        }
    }
    blocks
}

/// The dependencies of a README, with those that only its hidden lines need.
pub(super) fn dependencies(readme: &str) -> Result<String> {
    let mut lines = block(readme, "toml").context("the README has no toml block")?;
    if program(readme)?.contains("tempfile::") {
        lines.push_str("tempfile = \"3\"\n");
    }
    Ok(lines)
}

/// The first example of a README as rustdoc would run it: with its hidden lines, inside a `main` that
/// takes any error.
pub(super) fn program(readme: &str) -> Result<String> {
    let block = block(readme, "rust").context("the README has no rust block")?;
    let shown = block.lines().map(|line| match line {
        "#" => "",
        line => line.strip_prefix("# ").unwrap_or(line),
    });
    let body: Vec<&str> = shown.filter(|line| !line.starts_with("Ok::<(), ")).collect();
    let body = body.join("\n");
    Ok(match body.contains("fn main(") {
        true => body + "\n",
        false => wrapped("fn main()", &body),
    })
}

/// A body with question marks inside a function of this signature.
pub(super) fn wrapped(signature: &str, body: &str) -> String {
    format!("{signature} -> Result<(), Box<dyn std::error::Error>> {{\n{body}\nOk(())\n}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "# a\n\n```toml\n[dependencies]\na = \"1\"\n```\n\n```rust,no_run\nuse a::b;\n\
                          # let d = tempfile::tempdir()?;\n#\nb(&d)?;\n# Ok::<(), a::Error>(())\n```\n\
                          ```rust\nnot_this();\n```\n";

    #[test]
    fn the_first_blocks_become_a_program() {
        assert_eq!(dependencies(README).unwrap(), "[dependencies]\na = \"1\"\ntempfile = \"3\"\n");
        assert_eq!(
            program(README).unwrap(),
            "fn main() -> Result<(), Box<dyn std::error::Error>> {\n\
             use a::b;\nlet d = tempfile::tempdir()?;\n\nb(&d)?;\nOk(())\n}\n"
        );
        let whole = "```toml\n[dependencies]\n```\n```rust\nasync fn main() {}\n```\n";
        assert_eq!(program(whole).unwrap(), "async fn main() {}\n");
        assert_eq!(dependencies(whole).unwrap(), "[dependencies]\n");
        assert!(program("no block").is_err() && dependencies("no block").is_err());
    }
}
