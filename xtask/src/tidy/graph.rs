//! Which package depends on which, as plain values taken from `cargo metadata`.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::command_line::CommandLine;

/// The members of the workspace and everything they are built from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    /// The members, ordered by name.
    pub(crate) members: Vec<Member>,
    /// Names of all resolved packages by identifier; members have their name as identifier.
    pub(crate) names: BTreeMap<String, String>,
    /// Normal dependencies by identifier, as resolved for this machine.
    pub(crate) normal: BTreeMap<String, Vec<String>>,
}

/// A crate of the workspace, as its manifest describes it.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The package name.
    pub(crate) name: String,
    /// Its folder relative to the root, separated by `/`.
    pub(crate) folder: String,
    /// What its manifest lists, optional and platform-specific dependencies included.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A line of a manifest's dependency tables.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    /// The package name.
    pub(crate) name: String,
    /// Whether only tests, examples and benchmarks see it.
    pub(crate) development: bool,
    /// Whether only a feature brings it.
    pub(crate) optional: bool,
}

impl Graph {
    /// Asks cargo. Dependencies of other platforms are left out, so nothing is downloaded that
    /// a build on this machine would not need.
    pub(crate) fn of_workspace(root: &Path) -> Result<Self> {
        let mut command = MetadataCommand::new();
        command.manifest_path(root.join("Cargo.toml"));
        if let Some(host) = host(root)? {
            command.other_options(["--filter-platform".to_owned(), host]);
        }
        let metadata = command.exec().context("cargo metadata")?;
        Ok(Self::from_metadata(&metadata))
    }

    fn from_metadata(metadata: &Metadata) -> Self {
        let workspace = metadata.workspace_packages();
        let mut members: Vec<Member> = workspace
            .iter()
            .map(|package| member(package, metadata.workspace_root.as_str()))
            .collect();
        members.sort_by(|left, right| left.name.cmp(&right.name));
        let mut graph = Self { members, ..Self::default() };
        let identifier = |id: &cargo_metadata::PackageId| {
            workspace
                .iter()
                .find(|package| package.id == *id)
                .map_or_else(|| id.repr.clone(), |package| package.name.to_string())
        };
        for package in &metadata.packages {
            graph.names.insert(identifier(&package.id), package.name.to_string());
        }
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            let normal = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            });
            graph.normal.insert(
                identifier(&node.id),
                normal.map(|dependency| identifier(&dependency.pkg)).collect(),
            );
        }
        graph
    }

    /// Every package in the normal dependency closure of a member, with the shortest path to it
    /// (`["nifti-stream", "nifti", "byteorder"]`), nearest first. The member itself is left out.
    pub(crate) fn closure(&self, member: &str) -> Vec<Vec<&str>> {
        let Some((start, _)) = self.normal.get_key_value(member) else { return Vec::new() };
        let mut parents: BTreeMap<&str, &str> = BTreeMap::from([(start.as_str(), start.as_str())]);
        let mut waiting = VecDeque::from([start.as_str()]);
        let mut paths = Vec::new();
        while let Some(package) = waiting.pop_front() {
            for next in self.normal.get(package).into_iter().flatten() {
                if !parents.contains_key(next.as_str()) {
                    parents.insert(next, package);
                    waiting.push_back(next);
                    paths.push(self.path(&parents, next));
                }
            }
        }
        paths
    }

    fn path<'a>(&'a self, parents: &BTreeMap<&'a str, &'a str>, end: &'a str) -> Vec<&'a str> {
        let mut path = vec![end];
        let mut package = end;
        while let Some(&parent) = parents.get(package)
            && parent != package
        {
            path.push(parent);
            package = parent;
        }
        path.reverse();
        path.into_iter().map(|id| self.names.get(id).map_or(id, String::as_str)).collect()
    }
}

fn member(package: &Package, root: &str) -> Member {
    let folder = package.manifest_path.parent().map_or("", |folder| folder.as_str());
    let dependencies = package.dependencies.iter().map(|dependency| Dependency {
        name: dependency.name.clone(),
        development: dependency.kind == DependencyKind::Development,
        optional: dependency.optional,
    });
    Member {
        name: package.name.to_string(),
        folder: folder
            .strip_prefix(root)
            .unwrap_or(folder)
            .replace('\\', "/")
            .trim_start_matches('/')
            .to_owned(),
        dependencies: dependencies.collect(),
    }
}

/// The target triple of this machine.
fn host(root: &Path) -> Result<Option<String>> {
    let description = CommandLine::new("rustc", root).argument("-vV").capture()?;
    Ok(description.and_then(|text| {
        text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
    }))
}

#[cfg(test)]
impl Graph {
    /// A workspace of members below `crates/`, with edges written as `a -> b` (normal) or
    /// `a ~> b` (development). Whatever is not a member is an external package.
    pub(crate) fn synthetic(members: &[&str], edges: &[&str]) -> Self {
        let mut graph = Self::default();
        for name in members {
            graph.members.push(Member {
                name: (*name).to_owned(),
                folder: format!("crates/{name}"),
                dependencies: Vec::new(),
            });
            graph.names.insert((*name).to_owned(), (*name).to_owned());
            graph.normal.entry((*name).to_owned()).or_default();
        }
        for edge in edges {
            let (from, development, to) = match edge.split_once(" -> ") {
                Some((from, to)) => (from, false, to),
                None => edge.split_once(" ~> ").map(|(from, to)| (from, true, to)).unwrap(),
            };
            graph.names.insert(to.to_owned(), to.to_owned());
            if let Some(member) = graph.members.iter_mut().find(|member| member.name == from) {
                let (name, optional) = (to.to_owned(), false);
                member.dependencies.push(Dependency { name, development, optional });
            }
            if !development {
                graph.normal.entry(from.to_owned()).or_default().push(to.to_owned());
            }
        }
        graph
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_has_the_shortest_path_and_no_development_edges() {
        let graph = Graph::synthetic(
            &["a", "b"],
            &["a -> b", "b -> far", "far -> farther", "a -> farther", "a ~> tool", "far -> far"],
        );
        assert_eq!(
            graph.closure("a"),
            [vec!["a", "b"], vec!["a", "farther"], vec!["a", "b", "far"]]
        );
        assert!(graph.closure("unknown").is_empty());
    }

    #[test]
    fn cargo_metadata_becomes_members_and_edges() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let graph = Graph::of_workspace(root).unwrap();
        let xtask = graph.members.iter().find(|member| member.name == "xtask").unwrap();
        assert_eq!(xtask.folder, "xtask");
        let closure = graph.closure("xtask");
        assert!(closure.contains(&vec!["xtask", "anyhow"]));
        assert!(closure.iter().any(|path| path.ends_with(&["clap_derive", "syn"])), "{closure:?}");
        let bids = graph.members.iter().find(|member| member.name == "bids-names").unwrap();
        let proptest =
            bids.dependencies.iter().find(|dependency| dependency.name == "proptest").unwrap();
        assert!(proptest.development);
        let closure = graph.closure("bids-names");
        assert!(!closure.iter().any(|path| path.contains(&"proptest")), "{closure:?}");
    }
}
