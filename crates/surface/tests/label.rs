//! Labels from streams and from files.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, BufReader, Read};

use gifti_surface::{LabelError, fs, read_label};
use proptest::prelude::*;

/// A label as FreeSurfer writes it.
fn label(vertices: &[u32]) -> String {
    let mut text =
        format!("#!ascii label  , from subject sub-01 vox2ras=TkReg\n{}\n", vertices.len());
    for vertex in vertices {
        let _ = writeln!(text, "{vertex}  -12.345  8.000  41.250 0.0000000000");
    }
    text
}

/// A reader that fails after its text.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone")),
            read => Ok(read),
        }
    }
}

proptest! {
    #[test]
    fn vertices_are_read_as_written(vertices in prop::collection::vec(any::<u32>(), 0..50)) {
        let text = label(&vertices);
        prop_assert_eq!(read_label(text.as_bytes()).ok(), Some(vertices.clone()));
        prop_assert_eq!(read_label(BufReader::with_capacity(1, text.as_bytes())).ok(), Some(vertices));
    }

    #[test]
    fn a_label_cut_between_lines_is_refused(kept in 0_usize..12) {
        let text = label(&[1; 10]);
        let cut: String = text.split_inclusive('\n').take(kept).collect();
        let error = read_label(cut.as_bytes()).unwrap_err();
        let expected = match kept as u64 {
            header @ 0..2 => matches!(error, LabelError::MissingHeader { line } if line == header + 1),
            lines => matches!(error, LabelError::CountMismatch { expected: 10, got } if got == lines - 2),
        };
        prop_assert!(expected, "{error:?}");
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(vertices) = read_label(bytes.as_slice()) {
            prop_assert!(vertices.len() <= bytes.len());
        }
    }
}

#[test]
fn a_failing_reader_is_reported_with_its_line() {
    let error = read_label(BufReader::new(Failing(b"#\n1\n"))).unwrap_err();
    assert!(
        matches!(&error, LabelError::Io { line: 3, source } if source.kind() == io::ErrorKind::ConnectionReset),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "line 3 could not be read");
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("gone"));
}

#[test]
fn a_file_is_read_by_its_path() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("sub-01_hemi-L_space-fsnative_label-FFA1_mask.label");
    std::fs::write(&path, label(&[3, 1, 2]))?;
    assert_eq!(fs::read_label(&path)?, [3, 1, 2]);
    Ok(())
}

#[test]
fn a_missing_file_is_named() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let missing = folder.path().join("missing.label");
    let error = fs::read_label(&missing).unwrap_err();
    assert!(
        matches!(&error, fs::ReadLabelError::Open { path, source }
            if *path == missing && source.kind() == io::ErrorKind::NotFound),
        "{error:?}"
    );
    assert_eq!(error.to_string(), format!("label file {} could not be opened", missing.display()));
    Ok(())
}

#[test]
fn a_broken_file_is_named_with_its_line_as_the_cause() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let broken = folder.path().join("broken.label");
    std::fs::write(&broken, "#\n1\n-1 0 0 0 0\n")?;
    let error = fs::read_label(&broken).unwrap_err();
    assert!(
        matches!(&error, fs::ReadLabelError::Read { path, source: LabelError::InvalidField { line: 3, .. } }
            if *path == broken),
        "{error:?}"
    );
    assert_eq!(error.to_string(), format!("label file {} could not be read", broken.display()));
    assert_eq!(
        error.source().map(ToString::to_string).as_deref(),
        Some("line 3: \"-1\" is not a valid vertex")
    );
    Ok(())
}
