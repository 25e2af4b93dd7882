//! `noise-ceiling`: maps within a session or over all, at the chosen voxels.

use laion_fmri::bids::entity_value;
use laion_fmri::export::write_npz;
use laion_fmri::template::{TemplateName, TemplateSpace};
use laion_fmri::{Dataset, Error, Filter, NoiseCeiling, Subject, layout};
use laion_fmri_base::counted;

use serde_json::json;

use super::spaces::{Destination, Rows, Take, options, write};
use super::voxels::{ArrayFormat, array_format, voxels, write_array};
use crate::args::noise_ceiling::NoiseCeilingArgs;
use crate::args::sessions::SessionName;
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
    for desc in &args.which.desc {
        check_map(&dataset, &subject, desc)?;
    }
    if let Some(space) = args.space {
        return in_space(context, args, &subject, &which, space);
    }
    if which.len() > 1 && args.output.extension().is_some_and(|it| it == "npy" || it == "csv") {
        let message = format!(
            "{} do not fit into {}, which holds one",
            counted(which.len(), "map"),
            args.output.display()
        );
        let hint = "use -o FILE.npz (one array per map) or -o FILE.nii.gz (one volume per map)";
        return Err(CommandError::usage(message).hint(hint).into());
    }
    let fitting: &[ArrayFormat] = match which.len() {
        1 => &[ArrayFormat::Npy, ArrayFormat::Csv, ArrayFormat::Npz, ArrayFormat::Nifti],
        _ => &[ArrayFormat::Npz, ArrayFormat::Nifti],
    };
    let format = array_format(&args.output, fitting)?;
    output::check_binary_destination(&args.output)?;
    let voxels = voxels(context, &args.voxels, &subject)?;
    let maps = subject.noise_ceilings(&which, &voxels)?;
    output::note_replaced(context, [args.output.as_path()]);
    match (format, maps.first()) {
        (ArrayFormat::Nifti, _) => {
            let n_maps = (maps.len() > 1).then_some(maps.len());
            subject.rows_to_nifti(&args.output, &voxels, n_maps, |put| {
                maps.iter().try_for_each(|(_, map)| put(&map.to_vec()))
            })?;
        }
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
        let text = format!("{which}: {voxels}, {known} with a noise ceiling");
        let map = json!(which.to_string());
        output::wrote(context, &args.output, &text, [("map", map), ("known", json!(known))])?;
    }
    Ok(())
}

/// The maps on a surface or in a template.
fn in_space(
    context: &Context,
    args: &NoiseCeilingArgs,
    subject: &Subject,
    which: &[NoiseCeiling],
    space: TemplateSpace,
) -> anyhow::Result<()> {
    let destination = Destination { space, hemi: args.hemi, output: &args.output };
    destination.form()?;
    let voxels = voxels(context, &args.voxels, subject)?;
    let maps = subject.noise_ceilings(which, &voxels)?;
    let name = TemplateName::new(subject.id().clone(), space);
    let name = match which {
        [NoiseCeiling::Session(session)] => name.session(session.clone()).desc("Noiseceiling"),
        [NoiseCeiling::Desc(desc)] => name.desc(desc),
        _ => name.desc("Noiseceilings"),
    };
    let each = |take: Take<'_>| maps.values().try_for_each(|map| take(&map.to_vec()));
    let rows = Rows { n_rows: (maps.len() > 1).then_some(maps.len()), each: &each };
    let options = options(context, &args.how, args.hemi);
    write(context, subject, &voxels, &rows, &options, &destination, &name)
}

/// Names the maps that there are in the place of one that no subject has.
fn check_map(dataset: &Dataset, subject: &Subject, desc: &str) -> anyhow::Result<()> {
    const MAP: &str = "Noiseceiling";
    let names = dataset.roots().files(&layout::glmsingle(subject.id()))?;
    let desc_of = |name: &String| entity_value(name, "desc").map(str::to_owned);
    let mut maps: Vec<String> = names.iter().filter_map(desc_of).collect();
    maps.retain(|map| map.starts_with(MAP));
    maps.dedup();
    let desc = desc.strip_prefix("desc-").unwrap_or(desc);
    if maps.iter().any(|map| map == desc) || desc.starts_with(MAP) {
        return Ok(());
    }
    let message = format!("{} has no map {desc:?} of noise ceilings on disk", subject.id());
    let error = CommandError::not_there(message);
    let whole = maps.iter().find(|map| map.strip_prefix(MAP) == Some(desc));
    Err(match (whole, maps.as_slice()) {
        (Some(whole), _) => error.hint(format!("--desc {whole}")),
        (None, []) => {
            error.hint(format!("laion-fmri download --subject {} --ses averages", subject.id()))
        }
        (None, maps) => error.hint(format!("there are {}", maps.join(", "))),
    }
    .into())
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
    let averages = SessionName::One(Filter::AVERAGES.to_owned());
    if named.contains(&averages) {
        let message = "averages is no session: maps over all sessions have names of their own";
        return Err(CommandError::usage(message).hint("--desc Noiseceiling12rep").into());
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
