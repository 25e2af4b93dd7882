//! The README as a script: what it tells a person to type in the first ten minutes.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::package::readme::blocks;
use crate::project::Project;

/// The form for the stimulus images is for a person, and an id that was granted stands in for it.
const ASKS: (&str, &str) = ("laion-fmri request-access", "laion-fmri login --request-id lfm_demo");

/// The commands of the README, by who types them.
#[derive(Debug)]
pub(super) struct Readme {
    /// How the command, the module and the sources are installed.
    install: Vec<String>,
    commands: Vec<String>,
    python: Vec<String>,
}

impl Readme {
    pub(super) fn read(project: &Project) -> Result<Self> {
        let path = project.root.join("README.md");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let (install, usage) = (section(text, "Install")?, section(text, "Use it")?);
        let readme = Self {
            install: blocks(install, "sh"),
            commands: blocks(usage, "sh"),
            python: blocks(usage, "python"),
        };
        ensure!(
            readme.install.len() >= 2 && !readme.commands.is_empty() && !readme.python.is_empty(),
            "the README has not the blocks that are tried: {readme:?}"
        );
        Ok(readme)
    }

    /// The first block: how the program is installed.
    pub(super) fn install_command(&self) -> &str {
        &self.install[0]
    }

    /// The second one: how the module is installed.
    pub(super) fn install_module(&self) -> &str {
        &self.install[1]
    }

    /// What is typed afterwards.
    pub(super) fn commands(&self) -> String {
        let (question, answered) = ASKS;
        let lines = self.commands.iter().flat_map(|block| block.lines());
        let lines = lines.map(|line| match line.starts_with(question) {
            true => format!("{answered}\n"),
            false => format!("{line}\n"),
        });
        lines.collect()
    }

    /// The lines of Python, which run after the commands.
    pub(super) fn python(&self) -> String {
        self.python.concat()
    }
}

/// What stands under a heading.
fn section<'a>(text: &'a str, heading: &str) -> Result<&'a str> {
    let start = format!("\n## {heading}\n");
    let (_, rest) = text.split_once(&start).with_context(|| format!("no section {heading}"))?;
    Ok(rest.split("\n## ").next().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a\n\n## Install\n\n```sh\ntar x\n```\n\n```sh\npip install\n```\n\n## Use it\n\n\
                        ```sh\nlaion-fmri info   # what\n```\n```python\nimport a\n```\n\n```sh\n\
                        laion-fmri request-access    # a form\n```\n## Other\n```sh\nno\n```\n";

    #[test]
    fn a_readme_becomes_scripts() {
        let readme = Readme::parse(TEXT).unwrap();
        assert_eq!(readme.install_command(), "tar x\n");
        assert_eq!(readme.install_module(), "pip install\n");
        assert_eq!(
            readme.commands(),
            "laion-fmri info   # what\nlaion-fmri login --request-id lfm_demo\n"
        );
        assert_eq!(readme.python(), "import a\n");
        assert!(Readme::parse("## Install\n").is_err());
        assert!(Readme::parse(&TEXT.replace("```python", "```rust")).is_err());
    }

    #[test]
    fn the_readme_of_the_repository_can_be_tried() {
        let readme = Readme::read(&Project::locate().unwrap()).unwrap();
        assert!(readme.install_command().contains("laion-fmri-*-x86_64-linux/install.sh"));
        assert!(readme.install_module().contains("pip install laion_fmri_rs-*.whl"));
        assert!(readme.commands().contains("laion-fmri betas --subject"));
        assert!(readme.python().contains("laion_fmri.load_subject"));
    }
}
