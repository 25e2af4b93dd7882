//! Arguments of `noise-ceiling`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use laion_fmri::Hemi;
use laion_fmri::template::TemplateSpace;

use super::VoxelArgs;
use super::names::one_of;
use super::sessions::{SessionName, parse_session};
use super::template::SpaceArgs;

/// Reads a noise ceiling in percent, with or without the sign.
pub(crate) fn parse_percent<T: FromStr>(text: &str) -> Result<T, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    number.parse().map_err(|_| "expected percent, such as 20 or 20%".to_owned())
}

#[derive(Args, Debug)]
#[group(id = "which", required = true, multiple = false)]
pub(crate) struct WhichNoiseCeiling {
    /// Maps within these sessions: 01, 01,03, 01-10 or all
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session, group = "which")]
    pub(crate) session: Vec<SessionName>,
    /// Subject-level maps, e.g. Noiseceiling12rep
    #[arg(long, num_args = 1.., value_name = "D", group = "which")]
    pub(crate) desc: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct NoiseCeilingArgs {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    #[command(flatten)]
    pub(crate) which: WhichNoiseCeiling,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    /// Project the maps onto the vertices of fsnative or fsaverage, or into MNI305
    #[arg(long, visible_alias = "target", value_name = "SPACE", value_parser = one_of(TemplateSpace::ALL, TemplateSpace::as_str))]
    pub(crate) space: Option<TemplateSpace>,
    /// Hemisphere: L, R or all
    #[arg(long, value_name = "H", default_value_t, requires = "space", value_parser = one_of(Hemi::ALL, Hemi::as_str))]
    pub(crate) hemi: Hemi,
    #[command(flatten)]
    pub(crate) how: SpaceArgs,
    /// Output file, replaced if it exists: .npy or .csv for one map, .npz for several, .nii or
    /// .nii.gz with one volume per map, - for .npy on standard output; with --space as in
    /// to-template
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_may_have_its_sign() {
        for text in ["20", "20%", "20 %"] {
            assert_eq!(parse_percent::<f32>(text), Ok(20.0), "{text}");
        }
        assert_eq!(parse_percent::<f64>("-0.5"), Ok(-0.5));
        for text in ["", "%", "a fifth", "20%%"] {
            assert!(parse_percent::<f64>(text).unwrap_err().contains("such as 20 or"), "{text}");
        }
    }
}
