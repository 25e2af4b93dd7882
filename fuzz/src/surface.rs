//! What must hold for surface files, whatever their bytes are.

use std::io::BufReader;

use gifti_surface::{read_gifti, read_label};

/// A document is read or refused, however the input is cut into buffers.
pub fn gifti(bytes: &[u8]) {
    let whole = read_gifti(bytes);
    let pieces = read_gifti(BufReader::with_capacity(7, bytes));
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            // NaN differs from itself.
            assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
        }
        (Err(_), Err(_)) => {}
        (whole, pieces) => panic!("{:?}, {:?}", whole.err(), pieces.err()),
    }
}

/// A label is read or refused, and what was read comes back.
pub fn label(bytes: &[u8]) {
    let Ok(vertices) = read_label(bytes) else { return };
    let lines: String = vertices.iter().map(|vertex| format!("{vertex} 0 0 0 0\n")).collect();
    let again = format!("#\n{}\n{lines}", vertices.len());
    assert_eq!(read_label(again.as_bytes()).expect("a label"), vertices);
}
