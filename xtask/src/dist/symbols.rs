//! What an ELF file needs from the system: libraries, and the newest symbols of glibc.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};
use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{Dyn, FileHeader};

/// How symbols of glibc name the version that they came with.
const GLIBC: &str = "GLIBC_";

/// A version such as 2.28; numbers are compared one by one.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Version(Vec<u32>);

/// What has to be there for a program to start.
#[derive(Debug)]
pub(super) struct Needs {
    /// The newest version of glibc that a symbol asks for.
    pub(super) glibc: Version,
    /// The names of the libraries.
    pub(super) libraries: Vec<String>,
}

impl Needs {
    /// Reads a 64-bit ELF file.
    pub(super) fn of(elf: &[u8]) -> Result<Self> {
        let header = FileHeader64::<Endianness>::parse(elf)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, elf)?;
        let (mut needed, link) =
            sections.gnu_verneed(endian, elf)?.context("no versions of symbols")?;
        let strings = sections.strings(endian, elf, link)?;
        let mut versions = Vec::new();
        while let Some((_, mut symbols)) = needed.next()? {
            while let Some(symbol) = symbols.next()? {
                let name = text(symbol.name(endian, strings)?)?;
                if let Some(version) = name.strip_prefix(GLIBC) {
                    versions.push(version.parse::<Version>().with_context(|| name.to_owned())?);
                }
            }
        }
        let (entries, link) = sections.dynamic(endian, elf)?.context("no dynamic section")?;
        let strings = sections.strings(endian, elf, link)?;
        let mut libraries = Vec::new();
        for entry in entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED) {
            libraries.push(text(entry.string(endian, strings)?)?.to_owned());
        }
        let glibc = versions.into_iter().max().context("no symbol of glibc")?;
        Ok(Self { glibc, libraries })
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "glibc {} and {}", self.glibc, self.libraries.join(", "))
    }
}

impl FromStr for Version {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
        match numbers {
            Ok(numbers) => Ok(Self(numbers)),
            Err(_) => bail!("{text:?} is no version"),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).context("a name in the ELF file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(version("2.9") < version("2.28"));
        assert!(version("2.28") < version("2.28.1"));
        assert!(version("2.2.5") < version("2.17"));
        assert_eq!(version("2.28").to_string(), "2.28");
        let error = Version::from_str("ABI_DT_RELR").unwrap_err();
        assert_eq!(error.to_string(), "\"ABI_DT_RELR\" is no version");
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
    fn this_program_needs_its_glibc() {
        let needs = Needs::of(&std::fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap();
        assert!(needs.libraries.contains(&"libc.so.6".to_owned()), "{needs}");
        assert!(needs.glibc >= version("2.2.5") && needs.glibc < version("3"), "{needs}");
        assert!(Needs::of(b"#!/bin/sh\n").is_err());
    }
}
