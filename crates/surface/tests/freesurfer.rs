//! FreeSurfer's files: what is written comes back, and damage is refused or harmless.

use std::error::Error;
use std::fs;

use gifti_surface::fs::{
    ReadFreeSurferError, read_curvature, read_gifti, read_mesh, read_mgh_header, read_transform,
    write_gifti,
};
use gifti_surface::{
    FreeSurferError, GiftiMetadata, Hemisphere, SurfaceMesh, VolumeGeometry, read_lta,
    write_curvature, write_mesh,
};
use proptest::prelude::*;

fn coordinate() -> impl Strategy<Value = f32> {
    any::<f32>().prop_filter("finite", |number| number.is_finite())
}

fn geometry() -> impl Strategy<Value = VolumeGeometry> {
    let three = || prop::array::uniform3(-1e3..1e3_f64);
    let shape = prop::array::uniform3(1..1000_usize);
    (shape, three(), prop::array::uniform3(three()), three(), "[a-z/._ ]{0,20}").prop_map(
        |(shape, voxel_size, directions, center, file)| {
            let file = file.trim().to_owned();
            VolumeGeometry { shape, voxel_size, directions, center, file }
        },
    )
}

fn mesh() -> impl Strategy<Value = SurfaceMesh> {
    let vertices = prop::collection::vec(prop::array::uniform3(coordinate()), 1..40);
    let corners = prop::collection::vec(prop::array::uniform3(any::<prop::sample::Index>()), 1..60);
    (vertices, corners, prop::option::of(geometry())).prop_map(|(vertices, corners, geometry)| {
        let n_vertices = vertices.len();
        let corner = |index: prop::sample::Index| index.index(n_vertices) as u32;
        let triangles = corners.into_iter().map(|corners| corners.map(corner)).collect();
        SurfaceMesh::new(vertices, triangles, geometry).unwrap()
    })
}

fn written(mesh: &SurfaceMesh) -> Vec<u8> {
    let mut file = Vec::new();
    write_mesh(&mut file, mesh).unwrap();
    file
}

proptest! {
    #[test]
    fn any_mesh_comes_back(mesh in mesh()) {
        prop_assert_eq!(gifti_surface::read_mesh(&written(&mesh)[..]).unwrap(), mesh);
    }

    #[test]
    fn a_flipped_byte_gives_another_sound_mesh_or_an_error(
        mesh in mesh(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let mut file = written(&mesh);
        let at = at.index(file.len());
        file[at] ^= flip;
        if let Ok(read) = gifti_surface::read_mesh(&file[..]) {
            let n_vertices = read.vertices().len();
            prop_assert!(read.triangles().iter().flatten().all(|it| (*it as usize) < n_vertices));
            prop_assert!(read.vertices().iter().flatten().all(|it| it.is_finite()));
        }
    }

    #[test]
    fn any_values_come_back_and_a_cut_is_seen(
        values in prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 1..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = Vec::new();
        write_curvature(&mut file, &values, 7).unwrap();
        let bits = |values: &[f32]| values.iter().map(|it| it.to_bits()).collect::<Vec<_>>();
        let read = gifti_surface::read_curvature(&file[..]).unwrap();
        prop_assert_eq!(bits(&read), bits(&values));
        file.truncate(cut.index(file.len()));
        let is_cut = matches!(
            gifti_surface::read_curvature(&file[..]),
            Err(FreeSurferError::EndsEarly { .. })
        );
        prop_assert!(is_cut);
    }

    #[test]
    fn any_text_is_a_transform_or_an_error(text in "(type = [01]\n)?(nxforms = 1\n)?[ -~\n]{0,200}") {
        if let Ok(transform) = read_lta(text.as_bytes()) {
            prop_assert!(transform.matrix().iter().flatten().all(|number| number.is_finite()));
        }
    }
}

#[test]
fn paths_are_in_the_errors() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("lh.white");
    let error = read_mesh(&path).unwrap_err();
    assert!(
        matches!(&error, ReadFreeSurferError::Open { path: named, .. } if *named == path),
        "{error:?}"
    );
    // The counts promise more than the file has; nothing is allocated for them.
    let mut file = b"\xff\xff\xfeby hand\n\n".to_vec();
    file.extend([0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    fs::write(&path, &file)?;
    let error = read_mesh(&path).unwrap_err();
    assert!(
        matches!(
            &error,
            ReadFreeSurferError::Read { source: FreeSurferError::TooShort { got: 0, .. }, .. }
        ),
        "{error:?}"
    );
    fs::write(&path, [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1])?;
    let error = read_curvature(&path).unwrap_err();
    assert!(
        matches!(
            &error,
            ReadFreeSurferError::Read {
                source: FreeSurferError::TooShort { got: 0, expected: 8_522_825_728, .. },
                ..
            }
        ),
        "{error:?}"
    );
    assert!(read_mgh_header(&path).is_err());
    // The name says which kind of transform it is.
    let (lta, xfm) = (folder.path().join("talairach.lta"), folder.path().join("talairach.xfm"));
    let text = "MNI Transform File\nTransform_Type = Linear;\nLinear_Transform =\n1 0 0 5\n0 1 0 0\n0 0 1 0;\n";
    fs::write(&xfm, text)?;
    assert_eq!(read_transform(&xfm)?.matrix()[0], [1.0, 0.0, 0.0, 5.0]);
    fs::write(&lta, text)?;
    assert!(read_transform(&lta).is_err());
    Ok(())
}

#[test]
fn a_gifti_file_appears_when_it_is_complete() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("map.func.gii");
    let about = GiftiMetadata::new(Hemisphere::Left, "fsnative");
    let failed: Result<(), std::io::Error> =
        write_gifti(&path, &about, 2, |gifti| gifti.per_vertex("", &[1.0]));
    assert_eq!(failed.unwrap_err().to_string(), "1 data arrays (expected 2)");
    assert_eq!(fs::read_dir(&folder)?.count(), 0);
    write_gifti(&path, &about, 1, |gifti| gifti.per_vertex("", &[1.0, 2.0]))?;
    assert_eq!(read_gifti(&path)?.first()?.to_f32(), [1.0, 2.0]);
    Ok(())
}
