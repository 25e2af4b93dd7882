//! Which crate may depend on which: an explicit table, checked against the manifests and against
//! everything the resolver pulls in.

use crate::tidy::Finding;
use crate::tidy::graph::{Graph, Member};

/// What a crate of the workspace may depend on.
struct Allowed {
    name: &'static str,
    /// Crates of the workspace, for building and for testing.
    internal: &'static [&'static str],
    /// Families of external packages that may not be in its normal closure.
    never: &'static [Family],
    /// Whether it may have no dependency at all but one behind the feature `serde`.
    alone: bool,
}

/// External packages that stand for one thing a crate must not do.
struct Family {
    reason: &'static str,
    members: &'static [&'static str],
    /// Also every package whose name starts with this.
    prefix: Option<&'static str>,
}

const NETWORK: Family = Family {
    reason: "no network and no asynchronous runtime",
    members: &[
        "async-std",
        "curl",
        "hyper",
        "isahc",
        "native-tls",
        "object_store",
        "reqwest",
        "rustls",
        "smol",
        "tokio",
        "ureq",
    ],
    prefix: None,
};
const COMMAND_LINE: Family = Family {
    reason: "libraries return typed errors and never talk to a terminal",
    members: &["anyhow", "clap", "color-eyre", "console", "dialoguer", "eyre", "indicatif"],
    prefix: None,
};
const HDF5: Family = Family {
    reason: "HDF5 is private to laion-fmri-stimuli and array-export",
    members: &[],
    prefix: Some("hdf5"),
};

/// Every crate of the workspace. A new crate is a row here and in the table of ARCHITECTURE.md.
const ALLOWED: &[Allowed] = &[
    Allowed { name: "bids-names", internal: &[], never: &[], alone: true },
    leaf("nifti-stream", &[NETWORK, COMMAND_LINE, HDF5]),
    leaf("s3-mirror", &[COMMAND_LINE, HDF5]),
    leaf("laion-fmri-splits", &[NETWORK, COMMAND_LINE, HDF5]),
    leaf("laion-fmri-stimuli", &[NETWORK, COMMAND_LINE]),
    leaf("gifti-surface", &[NETWORK, COMMAND_LINE, HDF5]),
    leaf("array-export", &[NETWORK, COMMAND_LINE]),
    leaf("slice-figure", &[NETWORK, COMMAND_LINE, HDF5]),
    leaf("voxel-store", &[NETWORK, COMMAND_LINE, HDF5]),
    leaf("fixtures", &[COMMAND_LINE, HDF5]),
    leaf(BASE, &[NETWORK, COMMAND_LINE, HDF5]),
    Allowed {
        name: "laion-fmri",
        internal: &[
            "bids-names",
            "array-export",
            "nifti-stream",
            "s3-mirror",
            "laion-fmri-splits",
            "laion-fmri-stimuli",
            "gifti-surface",
            "slice-figure",
            "voxel-store",
        ],
        never: &[COMMAND_LINE],
        alone: false,
    },
    Allowed {
        name: "laion-fmri-browse",
        internal: &["laion-fmri"],
        never: &[COMMAND_LINE],
        alone: false,
    },
    Allowed {
        name: "laion-fmri-cli",
        internal: &["laion-fmri", "laion-fmri-browse"],
        never: &[],
        alone: false,
    },
    Allowed {
        name: "laion-fmri-python",
        internal: &["laion-fmri", "laion-fmri-cli"],
        never: &[],
        alone: false,
    },
    Allowed { name: "xtask", internal: &["fixtures", "laion-fmri"], never: &[], alone: false },
];

/// The leaf that every crate may use unless it has no dependency at all.
const BASE: &str = "laion-fmri-base";

/// May be a development dependency of every crate.
const FOR_TESTS: &str = "fixtures";

/// External packages that may be named by these manifests only: `laion-fmri-stimuli` reads HDF5,
/// `array-export` writes it behind a feature.
const OWNED: &[(&Family, &[&str])] = &[(&HDF5, &["laion-fmri-stimuli", "array-export"])];

const fn leaf(name: &'static str, never: &'static [Family]) -> Allowed {
    Allowed { name, internal: &[], never, alone: false }
}

impl Family {
    fn has(&self, package: &str) -> bool {
        self.members.contains(&package)
            || self.prefix.is_some_and(|prefix| package.starts_with(prefix))
    }
}

/// Checks every member against the table.
pub(crate) fn check(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &graph.members {
        let mut report = |message: String| {
            findings.push(Finding::new(&format!("{}/Cargo.toml", member.folder), 1, message));
        };
        let Some(allowed) = ALLOWED.iter().find(|allowed| allowed.name == member.name) else {
            report(format!(
                "{} is not in the table of allowed edges (xtask/src/tidy/edges.rs)",
                member.name
            ));
            continue;
        };
        check_manifest(graph, member, allowed, &mut report);
        check_closure(graph, allowed, &mut report);
    }
    findings
}

fn check_manifest(
    graph: &Graph,
    member: &Member,
    allowed: &Allowed,
    report: &mut impl FnMut(String),
) {
    let is_member = |name: &str| graph.members.iter().any(|other| other.name == name);
    for dependency in &member.dependencies {
        let (from, to) = (&member.name, dependency.name.as_str());
        if is_member(to) && to != from {
            let for_tests = dependency.development && to == FOR_TESTS;
            let for_all = to == BASE && !allowed.alone;
            if !for_tests && !for_all && !allowed.internal.contains(&to) {
                report(format!("forbidden edge {from} -> {to}"));
            }
        }
        for (family, owners) in OWNED {
            if family.has(to) && !owners.contains(&from.as_str()) {
                report(format!("forbidden edge {from} -> {to}: {}", family.reason));
            }
        }
        // Dependencies behind a feature or for another platform are not in the closure.
        for family in allowed.never.iter().filter(|_| !dependency.development) {
            if family.has(to) && !graph.closure(from).contains(&vec![from.as_str(), to]) {
                report(format!("forbidden edge {from} -> {to}: {}", family.reason));
            }
        }
        let is_serde = dependency.optional && to == "serde";
        if allowed.alone && !dependency.development && !is_serde {
            report(format!("forbidden edge {from} -> {to}: {from} has no dependencies"));
        }
    }
}

fn check_closure(graph: &Graph, allowed: &Allowed, report: &mut impl FnMut(String)) {
    for path in graph.closure(allowed.name) {
        let Some(package) = path.last() else { continue };
        for family in allowed.never {
            if family.has(package) {
                report(format!("forbidden edge {}: {}", path.join(" -> "), family.reason));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBERS: &[&str] = &[
        "bids-names",
        "array-export",
        "fixtures",
        "laion-fmri",
        "laion-fmri-base",
        "laion-fmri-browse",
        "laion-fmri-cli",
        "laion-fmri-python",
        "nifti-stream",
        "s3-mirror",
        "laion-fmri-splits",
        "laion-fmri-stimuli",
        "gifti-surface",
        "slice-figure",
        "voxel-store",
        "xtask",
    ];
    const EDGES: &[&str] = &[
        "laion-fmri -> bids-names",
        "laion-fmri -> nifti-stream",
        "laion-fmri -> s3-mirror",
        "laion-fmri -> laion-fmri-stimuli",
        "laion-fmri ~> fixtures",
        "laion-fmri-browse -> laion-fmri",
        "laion-fmri-cli -> laion-fmri",
        "laion-fmri-cli -> laion-fmri-browse",
        "laion-fmri-cli -> anyhow",
        "laion-fmri-cli ~> fixtures",
        "laion-fmri-python -> laion-fmri",
        "laion-fmri-python -> laion-fmri-cli",
        "nifti-stream -> nifti",
        "nifti-stream ~> tokio",
        "s3-mirror -> tokio",
        "laion-fmri-stimuli -> hdf5-reader",
        "bids-names ~> proptest",
    ];

    /// Adds edges to a workspace in order, and compares what is reported.
    fn check(added: &[&str], expected: &[&str]) {
        let edges: Vec<&str> = EDGES.iter().chain(added).copied().collect();
        let findings = super::check(&Graph::synthetic(MEMBERS, &edges));
        let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, expected, "after adding {added:?}");
    }

    #[test]
    fn the_intended_edges_are_allowed() {
        check(&[], &[]);
    }

    #[test]
    fn leaves_do_not_depend_on_each_other() {
        check(&["nifti-stream -> bids-names"], &["forbidden edge nifti-stream -> bids-names"]);
        check(
            &["laion-fmri-splits ~> bids-names"],
            &["forbidden edge laion-fmri-splits -> bids-names"],
        );
        check(&["gifti-surface -> fixtures"], &["forbidden edge gifti-surface -> fixtures"]);
    }

    #[test]
    fn every_crate_may_use_the_base_unless_it_has_no_dependencies() {
        for member in MEMBERS.iter().filter(|name| !["bids-names", BASE].contains(name)) {
            check(&[&format!("{member} -> {BASE}")], &[]);
        }
        check(
            &["bids-names -> laion-fmri-base"],
            &[
                "forbidden edge bids-names -> laion-fmri-base",
                "forbidden edge bids-names -> laion-fmri-base: bids-names has no dependencies",
            ],
        );
        check(
            &["laion-fmri-base -> array-export"],
            &["forbidden edge laion-fmri-base -> array-export"],
        );
    }

    #[test]
    fn nothing_depends_on_the_facade_but_the_command_and_the_upkeep() {
        check(
            &["fixtures -> laion-fmri"],
            &[
                "forbidden edge fixtures -> laion-fmri",
                "forbidden edge fixtures -> laion-fmri -> laion-fmri-stimuli -> hdf5-reader: \
                 HDF5 is private to laion-fmri-stimuli and array-export",
            ],
        );
        check(&["laion-fmri-cli -> bids-names"], &["forbidden edge laion-fmri-cli -> bids-names"]);
        check(&["xtask -> laion-fmri", "xtask -> fixtures"], &[]);
        check(
            &["laion-fmri-browse -> nifti-stream"],
            &["forbidden edge laion-fmri-browse -> nifti-stream"],
        );
        check(
            &["laion-fmri-python -> laion-fmri-browse"],
            &["forbidden edge laion-fmri-python -> laion-fmri-browse"],
        );
        check(&["xtask -> laion-fmri-cli"], &["forbidden edge xtask -> laion-fmri-cli"]);
    }

    #[test]
    fn bids_has_no_dependencies() {
        check(
            &["bids-names -> serde"],
            &["forbidden edge bids-names -> serde: bids-names has no dependencies"],
        );
    }

    #[test]
    fn serde_behind_a_feature_is_no_dependency() {
        let mut graph = Graph::synthetic(MEMBERS, &["bids-names -> serde"]);
        for member in &mut graph.members {
            member.dependencies.iter_mut().for_each(|dependency| dependency.optional = true);
        }
        assert_eq!(super::check(&graph), []);
    }

    #[test]
    fn external_packages_are_found_however_deep() {
        check(
            &["gifti-surface -> parser", "parser -> client", "client -> hyper"],
            &["forbidden edge gifti-surface -> parser -> client -> hyper: \
               no network and no asynchronous runtime"],
        );
        check(
            &["s3-mirror -> anyhow"],
            &[
                "forbidden edge laion-fmri -> s3-mirror -> anyhow: \
                 libraries return typed errors and never talk to a terminal",
                "forbidden edge laion-fmri-browse -> laion-fmri -> s3-mirror -> anyhow: \
                 libraries return typed errors and never talk to a terminal",
                "forbidden edge s3-mirror -> anyhow: \
                 libraries return typed errors and never talk to a terminal",
            ],
        );
    }

    #[test]
    fn hdf5_stays_in_stimuli_and_export() {
        check(
            &["laion-fmri -> hdf5-metno"],
            &[
                "forbidden edge laion-fmri -> hdf5-metno: HDF5 is private to laion-fmri-stimuli and array-export",
            ],
        );
        check(
            &["gifti-surface ~> hdf5-reader"],
            &[
                "forbidden edge gifti-surface -> hdf5-reader: HDF5 is private to laion-fmri-stimuli and array-export",
            ],
        );
    }

    #[test]
    fn an_edge_behind_a_feature_is_found_in_the_manifest() {
        let mut graph = Graph::synthetic(MEMBERS, &["laion-fmri-splits -> reqwest"]);
        graph.normal.insert("laion-fmri-splits".to_owned(), Vec::new());
        let messages: Vec<String> =
            super::check(&graph).into_iter().map(|finding| finding.message).collect();
        assert_eq!(
            messages,
            ["forbidden edge laion-fmri-splits -> reqwest: no network and no asynchronous runtime"]
        );
    }

    #[test]
    fn a_crate_without_a_row_is_reported() {
        let findings = super::check(&Graph::synthetic(&["bids-names", "zebra"], &[]));
        assert_eq!(
            findings,
            [Finding::new(
                "crates/zebra/Cargo.toml",
                1,
                "zebra is not in the table of allowed edges (xtask/src/tidy/edges.rs)"
            )]
        );
    }
}
