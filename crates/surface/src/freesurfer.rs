//! FreeSurfer's own files: meshes, values per vertex, linear transforms, and headers of volumes.

mod bytes;
mod curvature;
mod error;
mod mgh;
mod surface;
mod text;
mod transform;
mod volume;

pub(crate) use self::curvature::read_sized as read_sized_curvature;
pub use self::curvature::{read_curvature, write_curvature};
pub use self::error::FreeSurferError;
pub use self::mgh::{MghHeader, read_mgh_header};
pub(crate) use self::surface::read_sized as read_sized_mesh;
pub use self::surface::{read_mesh, write_mesh};
pub use self::transform::{LinearTransform, read_lta, read_xfm};
pub use self::volume::VolumeGeometry;
