//! `noise-ceiling`: maps within a session or over all, at the chosen voxels.

use laion_fmri::export::write_npz;
use laion_fmri::{Dataset, Error, NoiseCeiling, Subject, layout};
use laion_fmri_base::counted;

use super::voxels::{ArrayFormat, array_format, voxels, write_array};
use crate::args::noise_ceiling::NoiseCeilingArgs;
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;

pub(super) fn run(context: &Context, args: &NoiseCeilingArgs) -> anyhow::Result<()> {
    let dataset = context.dataset()?;
    let subject = dataset.subject(&args.subject)?;
    let sessions = sessions(context, &dataset, &subject, args)?;
    let sessions = sessions.iter().map(NoiseCeiling::session);
    let descs = args.which.desc.iter().map(NoiseCeiling::desc);
    let which: Vec<NoiseCeiling> = sessions.chain(descs).collect::<Result<_, Error>>()?;
    let fitting: &[ArrayFormat] = match which.len() {
        1 => &[ArrayFormat::Npy, ArrayFormat::Csv, ArrayFormat::Npz],
        _ => &[ArrayFormat::Npz],
    };
    let format = array_format(&args.output, fitting)?;
    output::check_destination(&args.output)?;
    let maps = subject.noise_ceilings(&which, &voxels(&args.voxels, &subject)?)?;
    match (format, maps.first()) {
        (ArrayFormat::Npy | ArrayFormat::Csv, Some((_, map))) => {
            write_array(&args.output, map.view(), ["noise_ceiling".to_owned()])?;
        }
        _ => write_npz(&args.output, |npz| {
            maps.iter().try_for_each(|(which, map)| npz.array(which.to_string(), map.view()))
        })
        .map_err(Error::from)?,
    }
    for (which, map) in &maps {
        let known = map.iter().filter(|percent| !percent.is_nan()).count();
        let voxels = counted(map.len(), "voxel");
        context.note(&format!("{which}: {voxels}, {known} with a noise ceiling"));
    }
    Ok(())
}

/// The sessions whose maps are meant; none when descriptions are.
fn sessions(
    context: &Context,
    dataset: &Dataset,
    subject: &Subject,
    args: &NoiseCeilingArgs,
) -> anyhow::Result<Vec<String>> {
    let named = &args.which.session;
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let map = layout::session_noise_ceiling;
    let sessions = super::sessions::with_file(context, dataset, subject, named, map)?;
    if sessions.is_empty() {
        let message = format!("no session of {} has a noise ceiling on disk", subject.id());
        let hint = format!("laion-fmri download --subject {} --desc Noiseceiling", subject.id());
        return Err(CommandError::not_there(message).hint(hint).into());
    }
    Ok(sessions)
}
