//! `to-template`: values on the voxel axis onto a surface, or into a template volume.

use laion_fmri::template::TemplateName;
use laion_fmri::{SessionId, SubjectId};

use super::spaces::{Destination, Rows, Take, options, write};
use super::value_rows::{ValueRows, file_and_voxels};
use super::voxels::voxels;
use crate::args::template::ToTemplate;
use crate::context::Context;

pub(super) fn run(context: &Context, args: &ToTemplate) -> anyhow::Result<()> {
    let (space, output) = (args.space, args.output.as_path());
    let destination = Destination { space, hemi: args.hemi, output };
    destination.form()?;
    let command = format!("to-template --subject {} --target {space}", args.subject);
    let (values, chosen) = file_and_voxels(&command, args.values.as_ref(), &args.voxels, output)?;
    let values = ValueRows::open(&values)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let voxels = values.fitting(&voxels(context, &chosen, &subject)?, &subject)?;
    let options = options(context, &args.how, args.hemi);
    let name = name(subject.id(), args)?;
    let each = |take: Take<'_>| {
        let mut row = Vec::with_capacity(values.n_columns);
        values.for_each(|values| {
            row.clear();
            row.extend(values.iter().map(|value| *value as f32));
            take(&row)
        })
    };
    let rows = Rows { n_rows: values.n_rows, each: &each };
    write(context, &subject, &voxels, &rows, &options, &destination, &name)
}

fn name(subject: &SubjectId, args: &ToTemplate) -> anyhow::Result<TemplateName> {
    let mut name = TemplateName::new(subject.clone(), args.space);
    if let Some(session) = &args.session {
        let session: SessionId = session.parse().map_err(laion_fmri::Error::from)?;
        name = name.session(session);
    }
    Ok(match &args.desc {
        Some(desc) => name.desc(desc),
        None => name,
    })
}
