//! `noise-ceiling`: maps within a session or over all, at the chosen voxels.

use laion_fmri::export::write_npz;
use laion_fmri::{Error, NoiseCeiling};

use super::voxels::{ArrayFormat, array_format, voxels, write_array};
use crate::args::noise_ceiling::NoiseCeilingArgs;
use crate::context::Context;
use crate::output;

pub(super) fn run(context: &Context, args: &NoiseCeilingArgs) -> anyhow::Result<()> {
    let sessions = args.which.session.iter().map(NoiseCeiling::session);
    let descs = args.which.desc.iter().map(NoiseCeiling::desc);
    let which: Vec<NoiseCeiling> = sessions.chain(descs).collect::<Result<_, Error>>()?;
    let fitting: &[ArrayFormat] = match which.len() {
        1 => &[ArrayFormat::Npy, ArrayFormat::Csv, ArrayFormat::Npz],
        _ => &[ArrayFormat::Npz],
    };
    let format = array_format(&args.output, fitting)?;
    output::check_destination(&args.output)?;
    let subject = context.dataset()?.subject(&args.subject)?;
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
        context.note(&format!("{which}: {} voxels, {known} with a noise ceiling", map.len()));
    }
    Ok(())
}
