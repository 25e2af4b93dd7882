//! Trials by number, as `--trials` names them.

/// Trials as they were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrialList(pub(crate) Vec<usize>);

/// Longer lists than any session could have are refused before they fill the memory.
const MAX_TRIALS: usize = 1_000_000;

/// A list like `10:20,500`, as the option gives it.
pub(crate) fn parse_trials(text: &str) -> Result<TrialList, String> {
    let number = |part: &str| {
        part.parse::<usize>().map_err(|_| format!("{part:?} is not a number counted from 0"))
    };
    let mut trials = Vec::new();
    for part in text.split(',') {
        let has_dash = part.split_once('-').is_some_and(|(start, _)| !start.is_empty());
        let is_open = part.contains(':') && (part.starts_with(':') || part.ends_with(':'));
        if has_dash || is_open {
            return Err(match as_range(part) {
                Some(range) => {
                    format!("{part:?} is no range: write {range}, START:END (END not included)")
                }
                None => format!("{part:?} is no range: write START:END (END not included)"),
            });
        }
        let (start, end) = match part.split_once(':') {
            Some((start, end)) => (number(start)?, number(end)?),
            None => (number(part)?, number(part)?.saturating_add(1)),
        };
        if start >= end {
            return Err(format!("{part} contains no trial (expected START below END)"));
        }
        if end - start > MAX_TRIALS - trials.len() {
            return Err(format!("more than {MAX_TRIALS} trials"));
        }
        trials.extend(start..end);
    }
    Ok(TrialList(trials))
}

/// How a range with a dash, which means both of its ends, is written.
fn as_range(part: &str) -> Option<String> {
    let (first, last) = part.split_once('-')?;
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then(|| format!("{first}:{}", last.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_are_single_or_ranges() {
        let parsed = |text: &str| parse_trials(text).map(|list| list.0);
        assert_eq!(parsed("10:13,500"), Ok(vec![10, 11, 12, 500]));
        assert_eq!(parsed("0"), Ok(vec![0]));
        for (text, problem) in [
            ("", "\"\" is not a number counted from 0"),
            ("3:3", "3:3 contains no trial (expected START below END)"),
            ("5-9", "\"5-9\" is no range: write 5:10, START:END (END not included)"),
            ("9-5", "\"9-5\" is no range: write START:END (END not included)"),
            ("0,5:", "\"5:\" is no range: write START:END (END not included)"),
            (":5", "\":5\" is no range: write START:END (END not included)"),
            ("-1", "\"-1\" is not a number counted from 0"),
            ("0:99999999999", "more than 1000000 trials"),
            (
                "18446744073709551615",
                "18446744073709551615 contains no trial (expected START below END)",
            ),
        ] {
            assert_eq!(parsed(text), Err(problem.to_owned()), "{text}");
        }
    }
}
