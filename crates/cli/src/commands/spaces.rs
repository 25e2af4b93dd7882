//! Rows of values on surfaces and in template space: which way they take, and into which file.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use laion_fmri::export::{self, NpzWriter, write_npz};
use laion_fmri::ndarray::{Array1, Array2, ArrayView2};
use laion_fmri::template::{
    Projection, SurfaceSpace, TemplateName, TemplateOptions, TemplateSpace,
};
use laion_fmri::{Error, Event, Hemi, Hemisphere, Observer, Subject, Voxels};
use laion_fmri_base::counted;

use serde_json::json;

use super::value_rows::Failed;
use super::voxels::write_npy;
use crate::args::template::SpaceArgs;
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;
use crate::progress::VolumeProgress;

/// Rows that are projected together.
const BLOCK: usize = 16;

/// Takes the next row.
pub(super) type Take<'t> = &'t mut dyn FnMut(&[f32]) -> anyhow::Result<()>;

/// Rows of one value for each chosen voxel, which are handed over as often as they are needed.
pub(super) struct Rows<'r> {
    /// Without a number there is one row, and the result has one axis.
    pub(super) n_rows: Option<usize>,
    pub(super) each: &'r dyn Fn(Take<'_>) -> anyhow::Result<()>,
}

/// Where rows go.
pub(super) struct Destination<'d> {
    pub(super) space: TemplateSpace,
    pub(super) hemi: Hemi,
    pub(super) output: &'d Path,
}

/// The form of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Npy,
    Npz,
    Gifti,
    Nifti,
    Directory,
}

impl Destination<'_> {
    /// The form that the name of the output asks for, if it fits the space and the hemispheres.
    pub(super) fn form(&self) -> anyhow::Result<Form> {
        let name = self.output.to_string_lossy();
        let is_surface = self.space.surface().is_some();
        let endings = [
            (".npz", Form::Npz),
            (".npy", Form::Npy),
            (".func.gii", Form::Gifti),
            (".nii", Form::Nifti),
            (".nii.gz", Form::Nifti),
            ("/", Form::Directory),
        ];
        let form = if output::is_stdout(self.output) {
            Some(Form::Npy)
        } else if self.output.is_dir() {
            Some(Form::Directory)
        } else {
            endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, form)| form)
        };
        let fits = |form: &Form| *form == Form::Directory || (*form != Form::Nifti) == is_surface;
        let Some(form) = form.filter(fits) else {
            let supported: &[&str] = match is_surface {
                true => &[".npz", ".npy", ".func.gii", "DIR/"],
                false => &[".nii", ".nii.gz", "DIR/"],
            };
            return Err(output::unsupported(self.output, supported).into());
        };
        if matches!(form, Form::Npy | Form::Gifti) && self.hemi == Hemi::Both {
            let message = format!("{name} holds one hemisphere, and both are asked for");
            let hint = "add --hemi L or --hemi R, or use -o FILE.npz or -o DIR/";
            return Err(CommandError::usage(message).hint(hint).into());
        }
        if form != Form::Directory {
            output::check_binary_destination(self.output)?;
        }
        Ok(form)
    }
}

/// The options of the command line, with the folders in which fsaverage is looked for.
pub(super) fn options(context: &Context, args: &SpaceArgs, hemi: Hemi) -> TemplateOptions {
    let folders = match args.fsaverage.as_slice() {
        [] => context.fsaverage_dirs(),
        given => given.to_vec(),
    };
    let mut options = TemplateOptions::default().hemi(hemi).fsaverage_in(folders);
    if let Some(surface) = args.surface {
        options = options.surface(surface);
    }
    if !args.depths.is_empty() {
        options = options.depths(args.depths.iter().copied());
    }
    if let Some(density) = args.density {
        options = options.density(density);
    }
    match args.interpolation {
        Some(interpolation) => options.interpolation(interpolation),
        None => options,
    }
}

/// Writes rows of values at the chosen voxels.
pub(super) fn write(
    context: &Context,
    subject: &Subject,
    voxels: &Voxels,
    rows: &Rows<'_>,
    options: &TemplateOptions,
    destination: &Destination<'_>,
    name: &TemplateName,
) -> anyhow::Result<()> {
    let form = destination.form()?;
    let surface = destination.space.surface();
    // On surfaces, every hemisphere takes all rows.
    let times = if surface.is_some() { options.hemispheres().len() } else { 1 };
    let total = rows.n_rows.unwrap_or(1).saturating_mul(times);
    let (progress, done) = (VolumeProgress::new(context), Cell::new(0));
    // The weights of a space are made before the first row, which may take a while.
    progress.event(Event::Row { done: 0, total });
    let each = |take: Take<'_>| {
        (rows.each)(&mut |row| {
            take(row)?;
            done.set(done.get() + 1);
            progress.event(Event::Row { done: done.get(), total });
            Ok(())
        })
    };
    let rows = &Rows { n_rows: rows.n_rows, each: &each };
    match surface {
        Some(space) => {
            let surfaces = Surfaces { subject, voxels, rows, options, space, progress: &progress };
            surfaces.write(context, form, destination.output, name)
        }
        None => {
            let projection = subject.volume_projection(voxels, options)?;
            let path = match form {
                Form::Directory => in_directory(destination.output, &name.volume()?)?,
                _ => destination.output.to_owned(),
            };
            output::note_replaced(context, [path.as_path()]);
            projection
                .write_nifti(&path, rows.n_rows, |put| (rows.each)(&mut |row| Ok(put(row)?)))?;
            progress.finish();
            let volumes = counted(rows.n_rows.unwrap_or(1), "volume");
            let [x, y, z] = projection.grid().shape();
            let text = format!("{volumes} of {x} x {y} x {z} voxels");
            output::wrote(context, &path, &text, [("shape", json!([x, y, z]))])
        }
    }
}

/// The rows of a call on surfaces.
struct Surfaces<'s> {
    subject: &'s Subject,
    voxels: &'s Voxels,
    rows: &'s Rows<'s>,
    options: &'s TemplateOptions,
    space: SurfaceSpace,
    progress: &'s VolumeProgress,
}

impl Surfaces<'_> {
    fn write(
        &self,
        context: &Context,
        form: Form,
        output: &Path,
        name: &TemplateName,
    ) -> anyhow::Result<()> {
        let hemispheres = self.options.hemispheres();
        if form == Form::Npz {
            let write = |npz: &mut NpzWriter<'_>| -> Result<(), Failed> {
                for hemisphere in hemispheres {
                    let projection = self.projection(*hemisphere).map_err(Failed::Taken)?;
                    let maps = self.array(&projection).map_err(Failed::Taken)?;
                    if hemispheres.first() == Some(hemisphere) {
                        output::note_replaced(context, [output]);
                    }
                    match self.rows.n_rows {
                        Some(_) => npz.array(hemisphere.as_str(), maps.view())?,
                        None => npz.array(hemisphere.as_str(), maps.row(0))?,
                    }
                    self.report(context, output, &projection).map_err(Failed::Taken)?;
                }
                Ok(())
            };
            return write_npz(output, write).map_err(anyhow::Error::from);
        }
        for hemisphere in hemispheres {
            let projection = self.projection(*hemisphere)?;
            let path = match form {
                Form::Directory => {
                    let density = self.options.chosen_density();
                    in_directory(output, &name.surface(*hemisphere, density)?)?
                }
                _ => output.to_owned(),
            };
            output::note_replaced(context, [path.as_path()]);
            match form {
                Form::Npy => self.write_npy(&projection, &path)?,
                _ => projection.write_gifti(&path, self.rows.n_rows.unwrap_or(1), |put| {
                    (self.rows.each)(&mut |row| Ok(put(row)?))
                })?,
            }
            self.report(context, &path, &projection)?;
        }
        Ok(())
    }

    fn projection(&self, hemisphere: Hemisphere) -> anyhow::Result<Projection> {
        Ok(self.subject.projection(self.voxels, self.space, hemisphere, self.options)?)
    }

    fn write_npy(&self, projection: &Projection, path: &Path) -> anyhow::Result<()> {
        let n_vertices = projection.n_vertices();
        match self.rows.n_rows {
            Some(n_rows) if !output::is_stdout(path) => {
                let written = export::write_npy_rows(path, [n_rows, n_vertices], |file| {
                    let put = |row: &[f32]| Ok(file.put(row).map_err(Error::from)?);
                    self.project(projection, put).map_err(Failed::Taken)
                });
                written.map_err(anyhow::Error::from)
            }
            Some(_) => write_npy(path, self.array(projection)?.view()),
            None => {
                let map = self.array(projection)?;
                write_npy(path, Array1::from_iter(map).view())
            }
        }
    }

    /// All rows at the vertices, shape `(n_rows, n_vertices)`.
    fn array(&self, projection: &Projection) -> anyhow::Result<Array2<f32>> {
        let (n_rows, n_vertices) = (self.rows.n_rows.unwrap_or(1), projection.n_vertices());
        let mut values = Vec::new();
        let reserved = values.try_reserve_exact(n_rows.saturating_mul(n_vertices));
        reserved.map_err(|_| Error::OutOfMemory { rows: n_rows, columns: n_vertices })?;
        self.project(projection, |row| {
            values.extend_from_slice(row);
            Ok(())
        })?;
        Ok(Array2::from_shape_vec((n_rows, n_vertices), values)?)
    }

    /// Hands over the rows at the vertices, of which a block is in memory at a time.
    fn project(
        &self,
        projection: &Projection,
        mut put: impl FnMut(&[f32]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let n_sources = projection.n_sources();
        let mut block = Vec::with_capacity(BLOCK.min(self.rows.n_rows.unwrap_or(1)) * n_sources);
        let mut flush = |block: &mut Vec<f32>| -> anyhow::Result<()> {
            let n_rows = block.len() / n_sources.max(1);
            let maps = projection.project(ArrayView2::from_shape((n_rows, n_sources), block)?)?;
            for map in maps.rows() {
                // INVARIANT: a new array is contiguous.
                put(map.as_slice().expect("a contiguous row"))?;
            }
            block.clear();
            Ok(())
        };
        (self.rows.each)(&mut |row| {
            let (expected, got) = (n_sources, row.len());
            if got != expected {
                return Err(Error::ValuesLength { expected, got }.into());
            }
            block.extend_from_slice(row);
            if block.len() == BLOCK * n_sources { flush(&mut block) } else { Ok(()) }
        })?;
        if block.is_empty() { Ok(()) } else { flush(&mut block) }
    }

    fn report(
        &self,
        context: &Context,
        path: &Path,
        projection: &Projection,
    ) -> anyhow::Result<()> {
        if context.global.json {
            self.progress.end_bar();
        }
        let hemisphere = projection.hemisphere().to_string();
        let outside = projection.outside().len();
        let vertices = counted(projection.n_vertices(), "vertex");
        let rows = match self.rows.n_rows {
            Some(n_rows) => format!("{} of ", counted(n_rows, "row")),
            None => String::new(),
        };
        let note = match outside {
            0 => String::new(),
            _ => format!(", {outside} of them outside of the volume (NaN)"),
        };
        let text = format!("{hemisphere}: {rows}{vertices}{note}");
        let fields = [
            ("hemi", json!(hemisphere)),
            ("vertices", json!(projection.n_vertices())),
            ("outside", json!(outside)),
        ];
        output::wrote(context, path, &text, fields)
    }
}

/// A file in the directory of the output, which is created.
fn in_directory(directory: &Path, name: &str) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(directory).map_err(|source| {
        let path = directory.to_owned();
        Error::Io { action: "create", path, source }
    })?;
    Ok(directory.join(name))
}
