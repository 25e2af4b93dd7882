//! Rows as bars of `indicatif`: [`Bars`].

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::screen::Screen;
use super::text::Row;

/// What `indicatif` draws in between is seen by nobody; the last word of each frame is drawn in any case.
const PER_SECOND: u8 = 5;

/// Bars on a screen, one for each row.
#[derive(Debug)]
pub(super) struct Bars {
    multi: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Bars {
    pub(super) fn on(screen: &Screen) -> Self {
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), PER_SECOND);
        Self { multi: MultiProgress::with_draw_target(target), bars: Vec::new() }
    }

    /// Draws these rows as the next frame.
    pub(super) fn draw(&mut self, rows: &[Row]) {
        for bar in self.bars.drain(rows.len().min(self.bars.len())..) {
            self.multi.remove(&bar);
        }
        while self.bars.len() < rows.len() {
            self.bars.push(self.multi.add(ProgressBar::no_length()));
        }
        for (bar, row) in self.bars.iter().zip(rows) {
            let (part, whole) = row.done;
            bar.set_style(style(row.cells));
            bar.set_prefix(row.head.clone());
            bar.set_message(row.tail.clone());
            bar.set_length(whole);
            bar.set_position(part);
        }
        match self.bars.last() {
            Some(bar) => bar.force_draw(),
            // INVARIANT: a screen does not fail.
            None => self.multi.clear().expect("a screen that takes everything"),
        }
    }
}

/// A line with a bar of so many columns; with none, only what stands around it.
fn style(cells: usize) -> ProgressStyle {
    let template = match cells {
        0 => "{prefix}{msg}".to_owned(),
        cells => format!("{{prefix}}{{bar:{cells}}}{{msg}}"),
    };
    let style = ProgressStyle::with_template(&template);
    // INVARIANT: the template is one of the two above.
    style.expect("a template of known keys").progress_chars("█░")
}

#[cfg(test)]
pub(super) mod tests {
    use avt::Vt;

    use super::*;

    /// The rows as they are drawn, for so many columns.
    pub(in super::super) fn drawn(rows: &[Row], columns: usize) -> Vec<String> {
        let mut out = Vec::new();
        let screen = Screen::default();
        screen.resize(columns + 3, 100);
        // Bars that are dropped leave the frame.
        let mut bars = Bars::on(&screen);
        bars.draw(rows);
        screen.show(&mut out, columns + 3).unwrap();
        let text = String::from_utf8(out).unwrap();
        console::strip_ansi_codes(&text).split("\r\n").map(str::to_owned).collect()
    }

    /// A terminal that wraps lines again when it becomes narrower, as most do.
    pub(in super::super) struct Terminal {
        pub(in super::super) vt: Vt,
        pub(in super::super) screen: Screen,
        bars: Bars,
    }

    impl Terminal {
        pub(in super::super) fn new(columns: usize, rows: usize) -> Self {
            let screen = Screen::default();
            let bars = Bars::on(&screen);
            Self { vt: Vt::new(columns, rows), screen, bars }
        }

        pub(in super::super) fn print(&mut self, text: &str) {
            self.vt.feed_str(text);
        }

        /// Draws so many rows, which fill the lines.
        pub(in super::super) fn draw_rows(&mut self, count: usize) -> Vec<Row> {
            let rows = rows(count, self.vt.size().0 - 3);
            self.draw(&rows);
            rows
        }

        fn draw(&mut self, rows: &[Row]) {
            let (columns, height) = self.vt.size();
            self.screen.resize(columns, height);
            self.bars.draw(rows);
            let mut out = Vec::new();
            self.screen.show(&mut out, columns).unwrap();
            self.print(&String::from_utf8(out).unwrap());
        }

        /// The lines of the terminal, without empty ones at its end.
        pub(in super::super) fn lines(&self) -> Vec<String> {
            let mut lines = Vec::new();
            for line in self.vt.view() {
                lines.push(line.text().trim_end().to_owned());
            }
            while lines.last().is_some_and(String::is_empty) {
                lines.pop();
            }
            lines
        }
    }

    fn rows(count: usize, columns: usize) -> Vec<Row> {
        let row = |number: usize| {
            let name = format!("sub-01_ses-{number:02}_task-images_space-T1w_statmap.nii.gz");
            Row::new(&name, 20, &["228 MB of 1.15 GB".to_owned()], (number as u64, 9), columns)
        };
        (0..count).map(row).collect()
    }

    #[test]
    fn a_frame_takes_the_place_of_the_last_one_also_when_the_terminal_has_changed() {
        let mut terminal = Terminal::new(120, 24);
        terminal.print("$ laion-fmri download\r\n");
        for (columns, count) in
            [(120, 3), (60, 3), (41, 5), (40, 1), (39, 4), (100, 2), (20, 6), (57, 6), (10, 2)]
        {
            terminal.vt.resize(columns, 24);
            let rows = terminal.draw_rows(count);
            let mut lines = terminal.lines();
            let frame = lines.split_off(lines.len() - count);
            assert_eq!(frame, drawn(&rows, columns - 3), "{columns}");
            // What stood above may have scrolled away, but nothing else stands there.
            let above = lines.concat().replace(' ', "");
            assert!("$laion-fmridownload".ends_with(&above), "{columns}: {lines:?}");
        }
        terminal.draw(&[]);
        let above = terminal.lines().concat().replace(' ', "");
        assert!("$laion-fmridownload".ends_with(&above), "{above}");
    }
}
