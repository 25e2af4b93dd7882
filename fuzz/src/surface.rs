//! What must hold for surface files, whatever their bytes are.

use std::io::BufReader;

use gifti_surface::{
    SurfaceMesh, read_curvature, read_gifti, read_label, read_lta, read_mesh, read_mgh_header,
    read_xfm, write_curvature, write_mesh,
};

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

/// A surface is read or refused, its triangles have vertices, and it comes back when it is written.
pub fn mesh(bytes: &[u8]) {
    let Ok(mesh) = read_mesh(bytes) else { return };
    is_sound(&mesh);
    let mut written = Vec::new();
    write_mesh(&mut written, &mesh).expect("a vector takes any bytes");
    assert_eq!(read_mesh(&written[..]).expect("a surface"), mesh);
}

/// The mesh of a GIFTI file is sound or refused.
pub fn gifti_mesh(bytes: &[u8]) {
    if let Ok(gifti) = read_gifti(bytes)
        && let Ok(mesh) = gifti.to_mesh()
    {
        is_sound(&mesh);
    }
}

/// Values per vertex are read or refused, and come back when they are written.
pub fn curvature(bytes: &[u8]) {
    let Ok(values) = read_curvature(bytes) else { return };
    let mut written = Vec::new();
    write_curvature(&mut written, &values, 1).expect("a vector takes any bytes");
    assert!(bytes.get(15..).is_some_and(|rest| rest.starts_with(&written[15..])));
}

/// A linear transform is read or refused, and can be inverted.
pub fn transform(bytes: &[u8]) {
    for transform in [read_lta(bytes), read_xfm(bytes)].into_iter().flatten() {
        assert!(transform.matrix().iter().flatten().all(|number| number.is_finite()));
        for volume in [transform.source(), transform.destination()].into_iter().flatten() {
            assert!(volume.shape.iter().all(|n| (1..=1 << 20).contains(n)));
        }
    }
}

/// The header of a volume is read or refused, and places its voxels.
pub fn mgh(bytes: &[u8]) {
    let Ok(header) = read_mgh_header(bytes) else { return };
    assert!(header.geometry().affine().iter().flatten().all(|number| number.is_finite()));
    assert!(header.geometry().surface_to_scanner().is_ok());
}

fn is_sound(mesh: &SurfaceMesh) {
    let n_vertices = mesh.vertices().len();
    assert!(mesh.vertices().iter().flatten().all(|coordinate| coordinate.is_finite()));
    assert!(mesh.triangles().iter().flatten().all(|corner| (*corner as usize) < n_vertices));
}
