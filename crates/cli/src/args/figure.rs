//! Arguments of `figure`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use laion_fmri::MaskSource;
use laion_fmri::figure::{ColorMap, Plane};

use super::names::one_of;
use super::sessions::{SessionName, parse_session};

/// What is drawn.
#[derive(Args, Debug)]
#[group(id = "shown", required = true, multiple = false)]
pub(crate) struct Shown {
    /// A map: nc (noise ceiling), r2 (mean R²), a subject-level map, e.g. Noiseceiling4rep, or your
    /// file: .npy of one value per voxel of the brain or of --roi, or .nii/.nii.gz on the grid of
    /// the betas
    #[arg(long, value_name = "MAP", group = "shown")]
    pub(crate) map: Option<String>,
    /// The betas of one trial: session and row of its trial table, counted from 0, e.g. 01:17
    #[arg(long, value_name = "SES:ROW", group = "shown", value_parser = parse_trial)]
    pub(crate) trial: Option<TrialName>,
}

#[derive(Args, Debug)]
pub(crate) struct Figure {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    #[command(flatten)]
    pub(crate) shown: Shown,
    /// With --map nc: the map of this session
    #[arg(long, visible_alias = "ses", value_name = "V", conflicts_with = "trial", value_parser = parse_session)]
    pub(crate) session: Option<SessionName>,
    /// Outline these ROIs (FFA1) or categories (face), and draw the slices through them;
    /// expressions as in betas
    #[arg(long, num_args = 1.., value_name = "Q", value_delimiter = ',')]
    pub(crate) roi: Vec<String>,
    /// Leave out values below T; for betas and other diverging maps, those closer to zero than T
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub(crate) threshold: Option<f32>,
    /// The values of the first and the last colour, LO,HI or LO HI (default: from the values); for
    /// a diverging map -HI,HI
    #[arg(long, value_name = "LO,HI", allow_hyphen_values = true, value_parser = parse_range)]
    pub(crate) range: Option<Range>,
    /// Colours (default: viridis; blue-red for betas and for a file with negative values)
    #[arg(long, value_name = "NAME", value_parser = one_of(ColorMap::ALL, ColorMap::as_str))]
    pub(crate) colormap: Option<ColorMap>,
    /// How much the colours hide of the anatomy, 0 to 1
    #[arg(long, value_name = "A", default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) opacity: f32,
    /// Plane of the slices
    #[arg(long, value_name = "P", default_value_t, value_parser = one_of(Plane::ALL, Plane::as_str))]
    pub(crate) plane: Plane,
    /// At most so many slices
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub(crate) slices: usize,
    /// Title (default: what is drawn)
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// What the values are, for the colour bar (default: what is drawn)
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// Brain mask that defines the voxels
    #[arg(long, value_name = "M", default_value_t, value_parser = one_of(MaskSource::ALL, MaskSource::as_str))]
    pub(crate) mask_source: MaskSource,
    /// Output file: .png, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// A trial by its session and its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrialName {
    pub(crate) session: SessionName,
    pub(crate) row: usize,
}

fn parse_trial(text: &str) -> Result<TrialName, String> {
    let expected = || "expected SESSION:ROW, the row counted from 0, such as 01:17".to_owned();
    let (session, row) = text.rsplit_once(':').ok_or_else(expected)?;
    let row = row.parse().map_err(|_| expected())?;
    match session.is_empty() {
        true => Err(expected()),
        false => Ok(TrialName { session: parse_session(session)?, row }),
    }
}

/// Two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) low: f32,
    pub(crate) high: f32,
}

/// The arguments with the numbers of `--range LO HI` as one value. An option whose values may begin
/// with a dash cannot take two itself: the second could be the next option.
pub(crate) fn with_joined_range(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let is_number = |text: &OsString| text.to_str().is_some_and(|text| text.parse::<f32>().is_ok());
    let place = arguments
        .windows(3)
        .position(|it| it[0] == "--range" && is_number(&it[1]) && is_number(&it[2]));
    if let Some(place) = place {
        let high = arguments.remove(place + 2);
        arguments[place + 1].push(",");
        arguments[place + 1].push(high);
    }
    arguments
}

fn parse_range(text: &str) -> Result<Range, String> {
    let number = |part: &str| part.trim().parse::<f32>().ok();
    let ends = text.split_once(',');
    match ends.and_then(|(low, high)| Some((number(low)?, number(high)?))) {
        Some((low, high)) => Ok(Range { low, high }),
        None => Err("expected two numbers LO,HI, such as 0,50".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_and_ranges_are_read() {
        let trial = |session: &str, row| {
            Ok(TrialName { session: SessionName::One(session.to_owned()), row })
        };
        assert_eq!(parse_trial("01:17"), trial("01", 17));
        assert_eq!(parse_trial("ses-01:0"), trial("ses-01", 0));
        for text in ["01", "01:", ":3", "01:-1", "01:a"] {
            assert!(parse_trial(text).unwrap_err().contains("such as 01:17"), "{text}");
        }
        let joined = |line: &str| {
            let joined = with_joined_range(line.split(' ').map(OsString::from).collect());
            joined.join(std::ffi::OsStr::new(" ")).into_string().unwrap()
        };
        assert_eq!(joined("figure --range -3 3 -o a"), "figure --range -3,3 -o a");
        assert_eq!(joined("figure --range 0 5e1"), "figure --range 0,5e1");
        for same in ["figure --range -3,3 -o a", "figure --range 3 -o a", "figure --range"] {
            assert_eq!(joined(same), same);
        }
        assert_eq!(parse_range("-2,2.5"), Ok(Range { low: -2.0, high: 2.5 }));
        assert_eq!(parse_range("0, 1e3"), Ok(Range { low: 0.0, high: 1000.0 }));
        for text in ["1", "1,", "1,2,3", "a,b", ""] {
            assert!(parse_range(text).unwrap_err().contains("such as 0,50"), "{text}");
        }
    }
}
