//! Embeds the built page: a table of the files below `web/dist`, which is empty when there is none.
#![expect(clippy::disallowed_methods, reason = "a build script is told its folders by variables")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let (web, out) = (folder.join("web"), env::var_os("OUT_DIR").unwrap_or_default());
    let dist = web.join("dist");
    // A folder that is not there yet is noticed by that around it, and a rebuilt page by its files.
    println!("cargo:rerun-if-changed={}", if dist.is_dir() { &dist } else { &web }.display());
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        list(&dist, &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&dist).map_err(io::Error::other)?;
        let name: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
        let path = file.display().to_string();
        let _ = writeln!(table, "    ({:?}, include_bytes!({path:?})),", name.join("/"));
    }
    table.push(']');
    fs::write(Path::new(&out).join("page.rs"), table)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
