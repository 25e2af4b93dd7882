//! Subcommands of cargo that only a release needs: compiled from crates.io below `target/tools`.

use anyhow::{Result, ensure};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;

/// A package of crates.io with a program of the same name.
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
    features: &'static str,
}

/// Collects the texts of licences.
pub(super) const ABOUT: Tool = Tool { name: "cargo-about", version: "0.9.3", features: "cli" };

/// Lists dependencies in the format CycloneDX.
pub(super) const CYCLONEDX: Tool = Tool { name: "cargo-cyclonedx", version: "0.5.9", features: "" };

/// Checks licences, versions and sources of dependencies.
pub(super) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", features: "" };

impl Tool {
    /// A command of the tool, which is compiled first if it is not there in this version.
    pub(super) fn command(&self, project: &Project) -> Result<CommandLine> {
        let tools = project.target.join("tools");
        let root = tools.join(format!("{}-{}", self.name, self.version));
        let program = root.join("bin").join(self.name);
        if !program.is_file() {
            // Comparing the texts of licences takes half an hour without optimisation.
            CommandLine::cargo("install --locked --debug --root", &project.root)
                .argument(&root)
                .arguments([self.name, "--version", &format!("={}", self.version)])
                .arguments(["--features", self.features])
                .variable("CARGO_TARGET_DIR", tools.join("build"))
                .variable("CARGO_PROFILE_DEV_DEBUG", "0")
                .variable("CARGO_PROFILE_DEV_OPT_LEVEL", "2")
                .run(&mut Counts::default())?;
        }
        ensure!(program.is_file(), "no {}", program.display());
        Ok(CommandLine::new(program, &project.root))
    }
}
