//! `package`: the packages as strangers get them, and programs that know nothing else.
//!
//! The tarballs are unpacked below `target/`, and each library gets a program of the lines of its README:
//! the dependencies, and the first example. Crates of this workspace come from the unpacked packages
//! alone, the others are those of `Cargo.lock`.

mod limits;
mod place;
pub(crate) mod readme;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cargo_metadata::{MetadataCommand, Package, Target};
use clap::Args;

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;
use place::Place;

/// The mirror that the example of `laion-fmri` makes, and that the program without network reads.
const MIRROR: &str = "mirror-of-laion-fmri";

/// A program of few lines, for a user who has a mirror and no network.
const WITHOUT_NETWORK: &str = r#"
let subject = laion_fmri::Dataset::open("/data/laion-fmri")?.subject("sub-03")?;
let betas = subject.betas().session("ses-01").roi("FFA1").load()?;
assert_eq!(betas.nrows(), subject.trials("ses-01")?.len());
"#;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Compile every library without features and with each of them alone, and nothing else
    #[arg(long)]
    features: bool,
    /// With --features: also those that build a C library, which need a C compiler and cmake
    #[arg(long, requires = "features")]
    c_libraries: bool,
}

/// A crate that is meant for others.
struct Published {
    name: String,
    version: String,
    is_library: bool,
    features: Vec<String>,
}

/// A program outside of the workspace.
struct Program<'a> {
    /// What it shows, and the folder that it is built in.
    name: String,
    /// The crate whose files it finds where it runs.
    files_of: &'a str,
    dependencies: String,
    text: String,
}

/// Runs everything; `true` when it held, and an error for the first thing that does not.
pub(crate) fn run(project: &Project, options: &Options) -> Result<bool> {
    let published = published(project)?;
    if options.features {
        limits::check_features(project, &published, options.c_libraries)?;
        return Ok(true);
    }
    let started = Instant::now();
    let folder = project.target.join("strangers");
    for old in ["packages", "programs", "bucket", "files", MIRROR] {
        let old = folder.join(old);
        if old.exists() {
            fs::remove_dir_all(&old).with_context(|| old.display().to_string())?;
        }
    }
    unpack(project, &published, &folder)?;
    let place = Place::new(&folder)?;
    let strangers = Strangers { project, published: &published, folder: &folder };
    let mut rows = Vec::new();
    for package in &published {
        let readme = fs::read_to_string(strangers.unpacked(package).join("README.md"))?;
        let took = match package.is_library {
            true => strangers.run(&place, &Program::of_readme(&place, package, &readme)?)?,
            false => strangers.run_command(package)?,
        };
        rows.push((package.name.clone(), limits::count(project, &package.name, &[])?, took));
        if package.name == "laion-fmri" {
            for program in Program::others(&place, &readme)? {
                let took = strangers.run(&place, &program)?;
                rows.push((program.name, 0, took));
            }
        }
    }
    println!("\n{:28}  {:>8}  {:>9}", "program of", "packages", "built, run");
    for (name, packages, took) in rows {
        let packages = if packages > 0 { packages.to_string() } else { String::new() };
        println!("{name:28}  {packages:>8}  {:>7.1} s", took.as_secs_f64());
    }
    limits::check_counts(project)?;
    println!("\n{:.0} s in all", started.elapsed().as_secs_f64());
    Ok(true)
}

/// The members of the workspace that are not kept back, in the order of their names.
fn published(project: &Project) -> Result<Vec<Published>> {
    let metadata = MetadataCommand::new()
        .manifest_path(project.root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cargo metadata")?;
    let members = metadata.packages.iter();
    let mut published: Vec<&Package> = members
        .filter(|package| package.publish.as_ref().is_none_or(|to| !to.is_empty()))
        .collect();
    published.sort_by(|left, right| left.name.cmp(&right.name));
    for package in &published {
        check_manifest(package).with_context(|| package.name.to_string())?;
    }
    let published = published.into_iter().map(|package| Published {
        name: package.name.to_string(),
        version: package.version.to_string(),
        // The library of the command is the command.
        is_library: package.targets.iter().any(Target::is_lib) && !has_command(package),
        features: package.features.keys().cloned().collect(),
    });
    Ok(published.collect())
}

fn has_command(package: &Package) -> bool {
    package.targets.iter().any(Target::is_bin)
}

/// What a registry shows of a package.
fn check_manifest(package: &Package) -> Result<()> {
    ensure!(package.description.is_some(), "it has no description");
    for (what, words) in [("keywords", &package.keywords), ("categories", &package.categories)] {
        ensure!((1..=5).contains(&words.len()), "expected 1 to 5 {what}, got {}", words.len());
    }
    let page = package.documentation.as_deref();
    let expected = format!("https://docs.rs/{}", package.name);
    let is_library = package.targets.iter().any(Target::is_lib);
    ensure!(
        !is_library || page == Some(&expected),
        "expected documentation {expected}, got {page:?}"
    );
    Ok(())
}

/// Makes the package of every crate that is meant for others, and says where they are.
pub(crate) fn packed(project: &Project) -> Result<Vec<PathBuf>> {
    pack(project, &published(project)?)
}

/// Makes the packages, in the order of the crates.
fn pack(project: &Project, published: &[Published]) -> Result<Vec<PathBuf>> {
    let names = published.iter().flat_map(|package| ["--package", &package.name]);
    CommandLine::cargo("package --no-verify --allow-dirty --locked", &project.root)
        .arguments(names)
        .run(&mut Counts::default())?;
    let folder = project.target.join("package");
    let file = |one: &Published| folder.join(format!("{}-{}.crate", one.name, one.version));
    Ok(published.iter().map(file).collect())
}

/// Makes the packages, and unpacks them.
fn unpack(project: &Project, published: &[Published], folder: &Path) -> Result<()> {
    let packages = folder.join("packages");
    fs::create_dir_all(&packages).with_context(|| packages.display().to_string())?;
    for (tarball, Published { name, version, .. }) in
        pack(project, published)?.iter().zip(published)
    {
        CommandLine::new("tar", &packages).argument("xzf").argument(tarball).capture()?;
        let unpacked = packages.join(format!("{name}-{version}"));
        for file in ["LICENSE-MIT", "LICENSE-APACHE", "README.md"] {
            ensure!(unpacked.join(file).is_file(), "{name}: {file} is not in the package");
        }
        ensure!(!unpacked.join("tests").exists(), "{name}: tests travel without what they need");
    }
    Ok(())
}

impl<'a> Program<'a> {
    fn of_readme(place: &Place, package: &'a Published, readme: &str) -> Result<Self> {
        let name = package.name.clone();
        let context = || format!("the README of {name}");
        let dependencies = readme::dependencies(readme).with_context(context)?;
        let text = readme::program(readme).with_context(context)?;
        let text = place.adapted(&text, &format!("mirror-of-{name}"))?;
        Ok(Self { name, files_of: &package.name, dependencies, text })
    }

    /// More programs with the facade: its example inside another runtime, and reading without network.
    fn others(place: &Place, readme: &str) -> Result<[Program<'static>; 2]> {
        let example = readme::program(readme)?;
        let inside = example.replacen("fn main()", "#[tokio::main]\nasync fn main()", 1);
        ensure!(inside != example, "the example of laion-fmri has no place for a runtime");
        let version = readme::dependencies(readme)?;
        let without = format!(
            "[dependencies]\nlaion-fmri = {{ version = \"{}\", default-features = false }}\n",
            env!("CARGO_PKG_VERSION")
        );
        Ok([
            Program {
                name: "laion-fmri, in tokio".to_owned(),
                files_of: "laion-fmri",
                dependencies: version
                    + "tokio = { version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }\n",
                text: place.adapted(&inside, "mirror-in-tokio")?,
            },
            Program {
                name: "laion-fmri, without network".to_owned(),
                files_of: "laion-fmri",
                dependencies: without,
                text: readme::wrapped("fn main()", WITHOUT_NETWORK)
                    .replace("/data/laion-fmri", &place.mirror(MIRROR)),
            },
        ])
    }
}

/// The unpacked packages, and where programs are built.
struct Strangers<'a> {
    project: &'a Project,
    published: &'a [Published],
    folder: &'a Path,
}

impl Strangers<'_> {
    fn unpacked(&self, package: &Published) -> PathBuf {
        self.folder.join("packages").join(format!("{}-{}", package.name, package.version))
    }

    /// Builds and runs a program; how long both took.
    fn run(&self, place: &Place, program: &Program<'_>) -> Result<Duration> {
        let folder = self.folder.join("programs").join(program.name.replace([',', ' '], "-"));
        fs::create_dir_all(folder.join("src")).with_context(|| folder.display().to_string())?;
        let manifest = format!(
            "[package]\nname = \"stranger\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [workspace]\n\n{}",
            program.dependencies
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::write(folder.join("src/main.rs"), &program.text)?;
        fs::copy(self.project.root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        place.fill(program.files_of, &folder)?;
        let started = Instant::now();
        self.cargo("run --quiet", &folder)
            .run(&mut Counts::default())
            .with_context(|| format!("the program of {}", program.name))?;
        Ok(started.elapsed())
    }

    /// Builds the command from its package, and asks it for what needs neither network nor mirror.
    fn run_command(&self, package: &Published) -> Result<Duration> {
        let started = Instant::now();
        let folder = self.unpacked(package);
        // A manifest below `target` would look for a workspace further up.
        let manifest = folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)? + "\n[workspace]\n";
        fs::write(&manifest, text)?;
        self.cargo("run --quiet -- splits list --pool sub-03", &folder)
            .run(&mut Counts::default())
            .with_context(|| package.name.clone())?;
        Ok(started.elapsed())
    }

    /// Cargo, taking the crates of the workspace from the packages and from nowhere else.
    fn cargo(&self, arguments: &str, folder: &Path) -> CommandLine {
        let libraries = self.published.iter().filter(|package| package.is_library);
        let patches = libraries.map(|package| {
            let path = self.unpacked(package).display().to_string();
            format!("patch.crates-io.{}.path={path:?}", package.name)
        });
        let mut command = CommandLine::new("cargo", folder);
        for patch in patches {
            command = command.argument("--config").argument(patch);
        }
        command
            .arguments(arguments.split_whitespace())
            .variable("CARGO_TARGET_DIR", self.folder.join("target"))
            .variable("CARGO_PROFILE_DEV_DEBUG", "0")
    }
}
