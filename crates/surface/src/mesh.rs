//! Meshes: where the vertices of a hemisphere lie, and which of them form triangles.

use crate::freesurfer::VolumeGeometry;

/// The surface of a hemisphere: where its vertices lie, and which of them form triangles.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SurfaceMesh {
    pub(crate) vertices: Vec<[f32; 3]>,
    pub(crate) triangles: Vec<[u32; 3]>,
    pub(crate) volume: Option<VolumeGeometry>,
    pub(crate) is_scanner: bool,
}

impl SurfaceMesh {
    /// A mesh of its parts.
    ///
    /// # Errors
    ///
    /// [`MeshError::Vertex`] for a coordinate that is not finite, [`MeshError::Triangle`] for a vertex
    /// that does not exist.
    pub fn new(
        vertices: Vec<[f32; 3]>,
        triangles: Vec<[u32; 3]>,
        volume: Option<VolumeGeometry>,
    ) -> Result<Self, MeshError> {
        check_vertices(&vertices)?;
        check_triangles(&triangles, vertices.len())?;
        Ok(Self { vertices, triangles, volume, is_scanner: false })
    }

    /// Where the vertices lie, in mm, shape `(n_vertices, 3)`, as the file has them: in the coordinates
    /// of surfaces (tkRAS), or of the scanner if [`is_scanner`](Self::is_scanner).
    #[must_use]
    pub fn vertices(&self) -> &[[f32; 3]] {
        &self.vertices
    }

    /// The corners of each triangle as indices of vertices, shape `(n_triangles, 3)`.
    #[must_use]
    pub fn triangles(&self) -> &[[u32; 3]] {
        &self.triangles
    }

    /// The volume that the surface was made from, if the file says where it lies.
    #[must_use]
    pub fn volume(&self) -> Option<&VolumeGeometry> {
        self.volume.as_ref()
    }

    /// Whether the coordinates are those of the scanner already.
    #[must_use]
    pub fn is_scanner(&self) -> bool {
        self.is_scanner
    }

    /// The first vertices alone, and the triangles among them. Spheres that are refined icosahedra have
    /// the vertices of every coarser one first.
    #[must_use]
    pub fn first_vertices(mut self, n_vertices: usize) -> Self {
        self.vertices.truncate(n_vertices);
        self.triangles.retain(|corners| corners.iter().all(|it| (*it as usize) < n_vertices));
        self
    }
}

/// Why vertices and triangles are not a mesh.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeshError {
    /// A coordinate of a vertex is not a finite number.
    #[error("vertex {vertex} lies at {got:?} (expected finite numbers)")]
    Vertex {
        /// The vertex, from 0.
        vertex: usize,
        /// Its coordinates.
        got: [f32; 3],
    },
    /// A triangle names a vertex that does not exist.
    #[error("triangle {triangle} names vertex {got} (expected 0 to {})", n_vertices.saturating_sub(1))]
    Triangle {
        /// The triangle, from 0.
        triangle: usize,
        /// The vertex that it names.
        got: i32,
        /// The number of vertices.
        n_vertices: usize,
    },
}

pub(crate) fn check_vertices(vertices: &[[f32; 3]]) -> Result<(), MeshError> {
    let is_broken = |vertex: &[f32; 3]| vertex.iter().any(|coordinate| !coordinate.is_finite());
    match vertices.iter().position(is_broken) {
        Some(vertex) => Err(MeshError::Vertex { vertex, got: vertices[vertex] }),
        None => Ok(()),
    }
}

pub(crate) fn check_triangles(triangles: &[[u32; 3]], n_vertices: usize) -> Result<(), MeshError> {
    for (triangle, corners) in triangles.iter().enumerate() {
        if let Some(corner) = corners.iter().find(|corner| **corner as usize >= n_vertices) {
            // Files have signed numbers.
            let got = corner.cast_signed();
            return Err(MeshError::Triangle { triangle, got, n_vertices });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vertices_and_triangles_are_checked() {
        assert_eq!(
            SurfaceMesh::new(vec![[0.0; 3]], vec![[0, 0, 1]], None),
            Err(MeshError::Triangle { triangle: 0, got: 1, n_vertices: 1 })
        );
        let error = SurfaceMesh::new(vec![[0.0; 3], [0.0, f32::INFINITY, 0.0]], vec![], None);
        assert_eq!(error, Err(MeshError::Vertex { vertex: 1, got: [0.0, f32::INFINITY, 0.0] }));
        assert!(SurfaceMesh::new(vec![], vec![], None).is_ok());
    }

    #[test]
    fn coarser_spheres_are_the_first_vertices() {
        let vertices = vec![[0.0; 3]; 4];
        let triangles = vec![[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]];
        let mesh = SurfaceMesh::new(vertices, triangles, None).unwrap().first_vertices(3);
        assert_eq!((mesh.vertices().len(), mesh.triangles()), (3, &[[0, 2, 1]][..]));
    }
}
