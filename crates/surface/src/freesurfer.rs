//! FreeSurfer's own files: meshes and values per vertex.

mod bytes;
mod curvature;
mod error;
mod surface;
mod text;
mod volume;

pub(crate) use self::curvature::read_sized as read_sized_curvature;
pub use self::curvature::{read_curvature, write_curvature};
pub use self::error::FreeSurferError;
pub(crate) use self::surface::read_sized as read_sized_mesh;
pub use self::surface::{read_mesh, write_mesh};
pub use self::volume::VolumeGeometry;
