//! The subject's own surfaces: where their vertices lie, and what is sampled there.

use std::io::BufReader;
use std::path::PathBuf;

use gifti_surface::fs::ReadFreeSurferError;
use gifti_surface::{FreeSurferError, SurfaceMesh, VolumeGeometry};
use laion_fmri_base::{AffineRows, Sha256, apply_affine, invert_affine};

use super::cache::{self, Key};
use super::options::SurfaceSpace;
use super::weights::Weights;
use super::{Interpolation, TemplateOptions, sampling};
use crate::error::TemplateError;
use crate::files::Located;
use crate::mask::BrainMask;
use crate::{Error, Hemisphere, Input, Result, Subject};

/// Volumes below `mri/` that lie where the surfaces were made, in the order they are looked for.
const VOLUMES: [&str; 3] = ["orig.mgz", "T1.mgz", "brain.mgz"];

/// How far the corners of two volumes that are the same may lie apart, in mm.
const SAME_PLACE: f64 = 0.01;

/// Coordinates that need no change.
const IDENTITY: AffineRows = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];

/// A volume of the subject and where it lies.
pub(super) type PlacedVolume = (PathBuf, VolumeGeometry);

impl Subject {
    /// The weights from all voxels of the grid to the vertices of a hemisphere.
    pub(super) fn weights_to_vertices(
        &self,
        brain: &BrainMask,
        space: SurfaceSpace,
        hemisphere: Hemisphere,
        options: &TemplateOptions,
    ) -> Result<Weights> {
        let depths = options.checked_depths(&[0.0])?;
        let interpolation = options.on_surface();
        let cortex = Cortex::find(self, hemisphere, &depths)?;
        let sphere = match space {
            SurfaceSpace::Fsnative => None,
            SurfaceSpace::Fsaverage => Some(self.spheres(hemisphere, options)?),
        };
        let mut key = Key::new("voxels to vertices, 1");
        for digest in cortex.digests(self)? {
            key.digest(&digest);
        }
        let grid = brain.grid();
        let volume = cortex.volume.as_ref().map(|(_, geometry)| geometry);
        key.text(&format!("{volume:?} {:?} {:?}", grid.shape(), grid.affine().rows()));
        key.text(&format!("{depths:?} {interpolation}"));
        if let Some(spheres) = &sphere {
            key.text("fsaverage");
            key.digest(&spheres.key(interpolation));
        }
        cache::weights(self.reading.cache_dir.as_deref(), &key.finish(), || {
            let sampled = cortex.weights(self, brain, &depths, interpolation)?;
            match &sphere {
                None => Ok(sampled),
                Some(spheres) => spheres.weights_after(self, &sampled, cortex.any(), interpolation),
            }
        })
    }

    /// A surface file of a hemisphere, on disk or in the bucket that is read.
    pub(super) fn surface_place(&self, hemisphere: Hemisphere, name: &str) -> Result<Located> {
        self.freesurfer_place("surf/", &format!("{}.{name}", hemisphere.freesurfer()))
    }

    /// A mesh of the subject.
    pub(super) fn surface_mesh(&self, place: &Located) -> Result<SurfaceMesh> {
        self.read(place, |input| {
            freesurfer(input, |input| gifti_surface::read_mesh(BufReader::new(input)))
        })
    }

    /// The digest of a file, by its contents as they are now.
    pub(super) fn digest(&self, place: &Located) -> Result<Sha256> {
        let record = self.files().open(place)?.finish()?;
        let digest = record.sha256;
        self.records().add(record);
        Ok(digest)
    }

    /// A volume of the reconstruction, if one is there.
    pub(super) fn placed_volume(&self) -> Result<Option<PlacedVolume>> {
        for name in VOLUMES {
            let relative = format!("{}mri/{name}", crate::layout::freesurfer(self.id()));
            let Some(place) = self.files().search(&relative)? else { continue };
            // The header alone: the values are not looked at.
            let mut input = self.files().stream(&place)?;
            let header = freesurfer(&mut input, |input| {
                gifti_surface::read_mgh_header(BufReader::new(input))
            })?;
            return Ok(Some((place.path().to_owned(), header.geometry().clone())));
        }
        Ok(None)
    }
}

/// Reads a file of FreeSurfer, with errors that name it.
pub(super) fn freesurfer<T>(
    input: &mut Input,
    read: impl FnOnce(&mut Input) -> Result<T, FreeSurferError>,
) -> Result<T> {
    let path = input.path().to_owned();
    read(input).map_err(|source| ReadFreeSurferError::Read { path, source }.into())
}

/// Refuses a file that was made from a volume at another place than that of the subject.
pub(super) fn check_volume(
    place: &Located,
    geometry: &VolumeGeometry,
    (reference, volume): &PlacedVolume,
) -> Result<()> {
    let difference = apart(geometry, volume);
    if difference <= SAME_PLACE {
        return Ok(());
    }
    let (path, reference) = (place.path().to_owned(), reference.clone());
    Err(TemplateError::OtherVolume { path, reference, difference }.into())
}

/// How far the corners of two volumes lie apart, in mm.
fn apart(one: &VolumeGeometry, other: &VolumeGeometry) -> f64 {
    if one.shape != other.shape {
        return f64::INFINITY;
    }
    let (a, b) = (one.affine(), other.affine());
    let corner = |corner: usize| {
        std::array::from_fn(
            |axis| if corner >> axis & 1 == 1 { one.shape[axis] as f64 } else { 0.0 },
        )
    };
    (0..8)
        .map(|index| distance(apply_affine(&a, corner(index)), apply_affine(&b, corner(index))))
        .fold(0.0, f64::max)
}

/// How far two points lie apart.
pub(super) fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f64>().sqrt()
}

/// The white and the pial surface of a hemisphere, as far as depths need them.
struct Cortex {
    white: Option<Located>,
    pial: Option<Located>,
    volume: Option<PlacedVolume>,
}

impl Cortex {
    fn find(subject: &Subject, hemisphere: Hemisphere, depths: &[f64]) -> Result<Self> {
        let place = |name: &str, needed: bool| {
            needed.then(|| subject.surface_place(hemisphere, name)).transpose()
        };
        let white = place("white", depths.iter().any(|depth| *depth != 1.0))?;
        let pial = place("pial", depths.iter().any(|depth| *depth != 0.0))?;
        Ok(Self { white, pial, volume: subject.placed_volume()? })
    }

    /// One of the surfaces.
    fn any(&self) -> &Located {
        // INVARIANT: there is a depth, and each needs a surface.
        self.white.as_ref().or(self.pial.as_ref()).expect("a surface for a depth")
    }

    fn digests(&self, subject: &Subject) -> Result<Vec<Sha256>> {
        [&self.white, &self.pial].into_iter().flatten().map(|place| subject.digest(place)).collect()
    }

    fn weights(
        &self,
        subject: &Subject,
        brain: &BrainMask,
        depths: &[f64],
        interpolation: Interpolation,
    ) -> Result<Weights> {
        let points = self.points(subject, depths)?;
        let to_voxels = invert_affine(&brain.grid().affine().rows());
        let to_voxels = to_voxels.unwrap_or([[f64::NAN; 4]; 3]);
        let samples = points.chunks(depths.len());
        let weights = sampling::weights(brain.grid(), &to_voxels, samples, interpolation)?;
        if weights.outside().len() == weights.n_targets() {
            let (path, reference) = (self.any().path().to_owned(), brain.path().to_owned());
            return Err(TemplateError::OffGrid { path, reference }.into());
        }
        Ok(weights)
    }

    /// Where each vertex is sampled, in mm of the scanner: its depths one after the other.
    fn points(&self, subject: &Subject, depths: &[f64]) -> Result<Vec<[f64; 3]>> {
        let read = |place: &Option<Located>| {
            place.as_ref().map(|place| self.vertices(subject, place)).transpose()
        };
        let (white, pial) = (read(&self.white)?, read(&self.pial)?);
        if let (Some(white), Some(pial), Some(file), Some(reference)) =
            (&white, &pial, &self.pial, &self.white)
            && white.len() != pial.len()
        {
            return Err(vertex_mismatch(file, pial.len(), reference, white.len()));
        }
        let n_vertices = white.as_ref().or(pial.as_ref()).map_or(0, Vec::len);
        let mut points = Vec::with_capacity(n_vertices * depths.len());
        for vertex in 0..n_vertices {
            for &depth in depths {
                points.push(match (&white, &pial) {
                    (Some(white), _) if depth == 0.0 => white[vertex],
                    (_, Some(pial)) if depth == 1.0 => pial[vertex],
                    (Some(white), Some(pial)) => {
                        let (white, pial) = (white[vertex], pial[vertex]);
                        std::array::from_fn(|axis| white[axis] + depth * (pial[axis] - white[axis]))
                    }
                    // Depths that need both were looked for with both.
                    _ => [f64::NAN; 3],
                });
            }
        }
        Ok(points)
    }

    /// The vertices of a surface in mm of the scanner.
    fn vertices(&self, subject: &Subject, place: &Located) -> Result<Vec<[f64; 3]>> {
        let mesh = subject.surface_mesh(place)?;
        if let (Some(geometry), Some(volume)) = (mesh.volume(), &self.volume) {
            check_volume(place, geometry, volume)?;
        }
        let geometry = mesh.volume().or(self.volume.as_ref().map(|(_, geometry)| geometry));
        let to_scanner = match geometry {
            _ if mesh.is_scanner() => IDENTITY,
            Some(geometry) => geometry.surface_to_scanner().map_err(|source| {
                let path = place.path().to_owned();
                Error::from(ReadFreeSurferError::Read { path, source })
            })?,
            None => return Err(TemplateError::NoPlace { path: place.path().to_owned() }.into()),
        };
        let points = mesh.vertices().iter();
        Ok(points.map(|point| apply_affine(&to_scanner, point.map(f64::from))).collect())
    }
}

/// Two surfaces of a hemisphere with different numbers of vertices.
pub(super) fn vertex_mismatch(
    file: &Located,
    got: usize,
    reference: &Located,
    expected: usize,
) -> Error {
    let (path, reference) = (file.path().to_owned(), reference.path().to_owned());
    Error::VertexMismatch { path, reference, expected, got, at_least: false }
}
