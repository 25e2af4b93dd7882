//! The spheres on which a subject and fsaverage are in register, and where that of fsaverage lies.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use gifti_surface::SurfaceMesh;
use laion_fmri_base::{Sha256, Sha256Hasher};

use super::cache::{self, Key};
use super::cortex::vertex_mismatch;
use super::projection::Sources;
use super::weights::Weights;
use super::{Density, Interpolation, Projection, SurfaceSpace, TemplateOptions, sphere};
use crate::error::TemplateError;
use crate::files::Located;
use crate::{Error, Hemisphere, Result, Subject, layout};

/// The file of a subject that is in register with fsaverage.
const REGISTERED: &str = "sphere.reg";

impl Subject {
    /// The way of values at the vertices of the subject's own surface to those of fsaverage, by the
    /// registered spheres: linearly within the triangle of the subject's sphere around each vertex
    /// of fsaverage, or from the nearest vertex.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when the sphere of the subject is not in the mirror,
    /// [`TemplateError`] when that of fsaverage is nowhere, and when one is damaged.
    pub fn sphere_projection(
        &self,
        hemisphere: Hemisphere,
        options: &TemplateOptions,
    ) -> Result<Projection> {
        let (spheres, interpolation) = (self.spheres(hemisphere, options)?, options.on_surface());
        let weights = spheres.weights(self, interpolation)?;
        let sources = Sources::Vertices(spheres.subject.path().to_owned());
        let space = SurfaceSpace::Fsaverage;
        Ok(Projection::new(self, hemisphere, space, sources, weights, Vec::new()))
    }

    /// The two spheres of a hemisphere.
    pub(super) fn spheres(
        &self,
        hemisphere: Hemisphere,
        options: &TemplateOptions,
    ) -> Result<Spheres> {
        let density = options.chosen_density();
        let own = layout::FREESURFER;
        // A tree of the dataset is one of FreeSurfer subjects.
        let roots = self.files().roots().directories().iter().map(|root| root.join(own));
        let looked_in: Vec<PathBuf> =
            roots.chain(options.fsaverage_directories().iter().cloned()).collect();
        let found = looked_in.iter().find_map(|folder| find(folder, hemisphere, density));
        let Some(template) = found else {
            return Err(TemplateError::NoFsaverage { hemisphere, density, looked_in }.into());
        };
        let subject = self.surface_place(hemisphere, REGISTERED)?;
        let digests = [self.digest(&subject)?, digest(&template)?];
        Ok(Spheres { subject, template, density, digests })
    }
}

/// The sphere of fsaverage in a folder: that of the density, or else of a finer one, whose first
/// vertices are those of the coarser.
fn find(folder: &Path, hemisphere: Hemisphere, density: Density) -> Option<PathBuf> {
    let file = format!("surf/{}.{REGISTERED}", hemisphere.freesurfer());
    let of_templateflow = format!("tpl-fsaverage_hemi-{hemisphere}_den-{density}_sphere.surf.gii");
    let finer = Density::ALL.iter().filter(|it| it.n_vertices() > density.n_vertices());
    let candidates = [
        folder.join(density.freesurfer()).join(&file),
        folder.join("tpl-fsaverage").join(&of_templateflow),
        folder.join(&of_templateflow),
    ];
    let coarsened = finer.map(|finer| folder.join(finer.freesurfer()).join(&file));
    let mut places = candidates.into_iter().chain([folder.join(&file)]).chain(coarsened);
    // TemplateFlow keeps the names of what it has not fetched yet, as empty files.
    places.find(|path| path.metadata().is_ok_and(|file| file.is_file() && file.len() > 0))
}

/// The registered sphere of a subject and that of fsaverage.
pub(super) struct Spheres {
    subject: Located,
    template: PathBuf,
    density: Density,
    digests: [Sha256; 2],
}

impl Spheres {
    /// What the weights between the two are made from.
    pub(super) fn key(&self, interpolation: Interpolation) -> Sha256 {
        let mut key = Key::new("sphere to sphere, 1");
        self.digests.iter().for_each(|digest| key.digest(digest));
        key.text(&format!("{} {interpolation}", self.density));
        key.finish()
    }

    /// The weights from the voxels of the grid to the vertices of fsaverage, by those to the
    /// vertices of a surface of the subject.
    pub(super) fn weights_after(
        &self,
        subject: &Subject,
        sampled: &Weights,
        surface: &Located,
        interpolation: Interpolation,
    ) -> Result<Weights> {
        let weights = self.weights(subject, interpolation)?;
        if weights.n_sources() == sampled.n_targets() {
            return weights.after(sampled);
        }
        let (got, expected) = (weights.n_sources(), sampled.n_targets());
        Err(vertex_mismatch(&self.subject, got, surface, expected))
    }

    /// The weights from the vertices of the subject to those of fsaverage.
    pub(super) fn weights(
        &self,
        subject: &Subject,
        interpolation: Interpolation,
    ) -> Result<Weights> {
        let cache_dir = subject.reading.cache_dir.as_deref();
        cache::weights(cache_dir, &self.key(interpolation), || {
            let mesh = subject.surface_mesh(&self.subject)?;
            let template = self.template()?;
            let from = directions(&mesh, self.subject.path())?;
            let to = directions(&template, &self.template)?;
            sphere::weights(&mesh, &from, &to, interpolation)
        })
    }

    /// The sphere of fsaverage, with as many vertices as wanted.
    fn template(&self) -> Result<SurfaceMesh> {
        let path = &self.template;
        let is_gifti = path.extension().is_some_and(|extension| extension == "gii");
        let mesh = if is_gifti {
            let gifti = gifti_surface::fs::read_gifti(path)?;
            gifti.to_mesh().map_err(|source| {
                let path = path.clone();
                Error::Gifti(gifti_surface::fs::ReadGiftiError::Read { path, source })
            })?
        } else {
            gifti_surface::fs::read_mesh(path)?
        };
        let (expected, got) = (self.density.n_vertices(), mesh.vertices().len());
        if got < expected {
            return Err(TemplateError::Coarse { path: path.clone(), expected, got }.into());
        }
        Ok(mesh.first_vertices(expected))
    }
}

fn directions(mesh: &SurfaceMesh, path: &Path) -> Result<Vec<[f64; 3]>> {
    sphere::directions(mesh)
        .map_err(|vertex| TemplateError::NotASphere { path: path.to_owned(), vertex }.into())
}

/// The SHA-256 of a file that is none of the dataset.
fn digest(path: &Path) -> Result<Sha256> {
    let hash = || -> io::Result<Sha256> {
        let mut digest = Sha256Hasher::new();
        io::copy(&mut BufReader::new(File::open(path)?), &mut digest)?;
        Ok(digest.finish())
    };
    hash().map_err(Error::io("read", path))
}
