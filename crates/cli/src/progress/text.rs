//! The parts of a progress line: names that are cut, bars, times and sizes in words.

use std::time::Duration;

use console::measure_text_width;

/// A shorter bar shows nothing.
const SHORTEST_BAR: usize = 8;

/// The longest bar; a longer one is only further to look.
const LONGEST_BAR: usize = 40;

/// Subject and session stand in so many columns at the start of a name.
const START: usize = 16;

/// A name in at most so many columns. It is cut in the middle, nearer to its start: what is left of that
/// names subject and session, and the end says what the file holds.
pub(super) fn shortened(name: &str, columns: usize) -> String {
    if measure_text_width(name) <= columns {
        return name.to_owned();
    }
    let room = columns.saturating_sub(1);
    let start = (room / 3).max(START.min(room / 2));
    let head = taken(name.chars(), start);
    let tail: String = taken(name.chars().rev(), room - measure_text_width(&head));
    let tail: String = tail.chars().rev().collect();
    if columns == 0 { String::new() } else { format!("{head}…{tail}") }
}

/// As many characters as fit into so many columns.
fn taken(characters: impl Iterator<Item = char>, columns: usize) -> String {
    let mut text = String::new();
    for character in characters {
        text.push(character);
        if measure_text_width(&text) > columns {
            text.pop();
            break;
        }
    }
    text
}

/// A line of progress: what stands before a bar, the bar, and what stands behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// With the space before the bar.
    pub(super) head: String,
    /// The columns of the bar; 0 without one.
    pub(super) cells: usize,
    /// With the space behind the bar.
    pub(super) tail: String,
    /// How much is done, of how much.
    pub(super) done: (u64, u64),
}

impl Row {
    /// A line of at most so many columns: a label, a bar where there is room for one, and the first of
    /// the `tails` that leaves `least` columns for the label.
    pub(super) fn new(
        label: &str,
        least: usize,
        tails: &[String],
        done: (u64, u64),
        columns: usize,
    ) -> Self {
        let width = measure_text_width;
        let fits = |tail: &&String| width(tail) + 1 + least.min(width(label)) <= columns;
        let tail = tails.iter().find(fits).map_or("", String::as_str);
        let gap = usize::from(!tail.is_empty());
        let label = shortened(label, columns.saturating_sub(width(tail) + gap));
        let free = columns.saturating_sub(width(&label) + width(tail) + gap);
        let tail = format!("{}{tail}", " ".repeat(gap));
        if free <= SHORTEST_BAR || gap == 0 {
            return Self { head: label, cells: 0, tail, done };
        }
        // The bars of several lines end at the same place.
        let cells = (free - 1).min(LONGEST_BAR);
        let head = format!("{label}{}", " ".repeat(free - cells));
        Self { head, cells, tail, done }
    }

    /// A line of text alone, in at most so many columns.
    pub(super) fn text(text: &str, columns: usize) -> Self {
        Self { head: shortened(text, columns), cells: 0, tail: String::new(), done: (0, 0) }
    }
}

/// A part in percent; never 100 before all is there.
pub(super) fn percent(part: u64, whole: u64) -> String {
    let percent = (u128::from(part) * 100).checked_div(u128::from(whole)).unwrap_or(100);
    format!("{} %", percent.min(100))
}

/// The time that the rest takes when it goes on as since the start; `None` while nothing is done.
pub(super) fn left(elapsed: Duration, (part, whole): (u64, u64)) -> Option<Duration> {
    let done = part as f64 / whole as f64;
    (part > 0 && whole > 0).then(|| elapsed.mul_f64((1.0 - done).max(0.0) / done))
}

/// A time in one or two units: `45 s`, `2 min`, `3 h 20 min`, `4 days`.
pub(crate) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", (seconds + 30) / 60),
        3_600..172_800 => match (seconds / 3_600, seconds % 3_600 / 60) {
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        },
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bars::tests::drawn;
    use super::*;

    const NAME: &str =
        "sub-01_ses-01_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz";

    #[test]
    fn names_keep_what_tells_them_apart() {
        assert_eq!(shortened("README", 6), "README");
        let cut = shortened(NAME, 44);
        assert_eq!(cut, "sub-01_ses-01_ta…letrialBetas_statmap.nii.gz");
        assert_eq!(measure_text_width(&cut), 44);
        for columns in 0..90 {
            assert!(measure_text_width(&shortened(NAME, columns)) <= columns);
            assert!(measure_text_width(&shortened("日本語の名前.nii.gz", columns)) <= columns);
        }
    }

    #[test]
    fn no_line_is_longer_than_the_terminal() {
        let tails = ["228 MB of 1.15 GB".to_owned(), "19 %".to_owned()];
        for columns in 0..130 {
            let row = Row::new(NAME, 28, &tails, (1, 5), columns);
            let width = measure_text_width(&row.head) + row.cells + measure_text_width(&row.tail);
            assert!(width <= columns, "{columns}: {row:?}");
        }
        let at = |columns| drawn(&[Row::new(NAME, 28, &tails, (1, 2), columns)], columns).remove(0);
        assert!(at(60).ends_with("statmap.nii.gz 228 MB of 1.15 GB"), "{}", at(60));
        assert!(at(40).ends_with("statmap.nii.gz 19 %"), "{}", at(40));
        let row = Row::new("a", 28, &tails[1..], (1, 2), 20);
        assert_eq!(drawn(&[row], 20), ["a ██████░░░░░░░ 19 %"]);
    }

    #[test]
    fn times_have_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (119, "2 min"),
            (7_200, "2 h"),
            (12_000, "3 h 20 min"),
            (86_400, "24 h"),
            (864_000, "10 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), expected);
        }
        let second = Duration::from_secs(1);
        assert_eq!(left(10 * second, (1, 4)), Some(30 * second));
        assert_eq!((left(second, (0, 4)), left(second, (4, 4))), (None, Some(Duration::ZERO)));
        assert_eq!((percent(0, 0), percent(999, 1000)), ("100 %".to_owned(), "99 %".to_owned()));
    }
}
