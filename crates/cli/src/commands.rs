//! The commands, one module each.

mod access;
mod adopt;
mod betas;
#[cfg(feature = "browse")]
mod browse;
mod completions;
mod config;
mod coordinates;
mod doctor;
pub(crate) mod download;
mod download_stimuli;
mod extract;
mod figure;
mod index;
mod info;
mod license;
mod list;
mod man;
mod mask;
mod missing;
mod nc;
mod noise_ceiling;
mod plan_file;
mod roi;
mod sessions;
mod spaces;
mod splits;
mod status;
mod stimuli;
mod store;
mod to_nifti;
mod to_template;
mod trials;
mod urls;
mod value_rows;
mod verify;
mod voxels;

use laion_fmri::Error;

use crate::args::{Command, tree};
use crate::context::Context;
use crate::exit::{CommandError, Status};
use crate::hint;

/// Runs one command.
pub(crate) fn run(context: &Context, command: &Command) -> anyhow::Result<Status> {
    dispatch(context, command).map_err(|mut error| {
        let mut instead = None;
        if let Some(Error::DataNotDownloaded { fetch, .. } | Error::LocalCopyNeeded { fetch, .. }) =
            error.downcast_mut::<Error>()
        {
            hint::narrow(fetch, command.sessions());
            instead = missing::instead(context, command, fetch);
        }
        let Some(hint) = instead else { return error };
        match error.downcast::<Error>() {
            Ok(error) => CommandError::from(error).hint(hint).into(),
            Err(error) => error,
        }
    })
}

fn dispatch(context: &Context, command: &Command) -> anyhow::Result<Status> {
    match command {
        Command::Config => config::run(context),
        Command::License(args) => license::run(context, args),
        Command::Download(args) => return download::run(context, args),
        Command::DownloadRaw(args) => return download::run_raw(context, args),
        Command::DownloadStimuli(args) => return download_stimuli::run(context, args),
        Command::DownloadEmbeddings(args) => return download::run_embeddings(context, args),
        Command::DownloadSegmentations(args) => return download::run_segmentations(context, args),
        Command::DownloadCaptions(args) => return download::run_captions(context, args),
        Command::RequestAccess(args) => access::request(context, args),
        Command::Login(args) => access::login(context, args),
        Command::Logout => access::logout(context),
        Command::Adopt(args) => return adopt::run(context, args),
        Command::Urls(args) => return urls::run(context, args),
        Command::Verify(args) => return verify::run(context, args),
        Command::Status(args) => status::run(context, args),
        Command::Doctor => return doctor::run(context),
        Command::Info(args) => info::info(context, args),
        Command::Inspect => info::inspect(context),
        Command::Subjects(args) => list::subjects(context, args),
        Command::Sessions(args) => list::sessions(context, args),
        Command::Rois(args) => list::rois(context, args),
        Command::Trials(args) => trials::run(context, args),
        Command::Mask(args) => mask::run(context, args),
        Command::Roi(args) => roi::run(context, args),
        Command::Betas(args) => betas::run(context, args),
        Command::Index(args) => index::run(context, args),
        Command::Store(action) => return store::run(context, action),
        Command::NoiseCeiling(args) => noise_ceiling::run(context, args),
        Command::Nc(action) => nc::run(context, action),
        Command::Coordinates(args) => coordinates::run(context, args),
        Command::Figure(args) => figure::run(context, args),
        Command::Image(args) => stimuli::image(context, args),
        Command::Embedding(args) => stimuli::embedding(context, args),
        Command::Segmentation(args) => stimuli::segmentation(context, args),
        Command::Captions(args) => stimuli::captions(context, args),
        Command::Stimuli(action) => return stimuli::stimuli(context, action),
        Command::Splits(action) => return splits::run(context, action),
        #[cfg(feature = "browse")]
        Command::Browse(args) => browse::run(context, args),
        Command::Extract(args) => extract::extract(context, args),
        Command::Plan(args) => extract::plan(context, args),
        Command::Run(args) => extract::run(context, args),
        Command::Merge(args) => extract::merge(context, args),
        Command::Slurm(args) => extract::slurm(context, args),
        Command::Reproduce(args) => extract::reproduce(context, args),
        Command::Recipe(action) => return extract::recipe(context, action),
        Command::ToNifti(args) => to_nifti::run(context, args),
        Command::ToTemplate(args) => to_template::run(context, args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(context, args),
        Command::Global => Ok(tree::global_options().print_long_help()?),
    }?;
    Ok(Status::Done)
}
