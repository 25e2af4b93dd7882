//! Where bars are drawn: a [`Screen`] takes the frames that `indicatif` makes, and puts each onto the
//! terminal in the place of the last one.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use console::{Term, measure_text_width};
use indicatif::TermLike;
use laion_fmri_base::lock;

/// Columns that stay free at the right, for what a terminal echoes when a key is pressed (`^C`).
const ECHO: usize = 3;

/// The columns and rows of a terminal that does not say.
const USUAL: (usize, usize) = (80, 24);

/// The screen whose frame stands on the terminal, for messages, which go above it.
static SHOWN: Mutex<Option<Screen>> = Mutex::new(None);

/// The columns and rows of the terminal.
pub(super) fn size() -> (usize, usize) {
    let size = Term::stderr().size_checked().filter(|(rows, columns)| *rows > 0 && *columns > 0);
    size.map_or(USUAL, |(rows, columns)| (columns.into(), rows.into()))
}

/// Writes a message to standard error. Lines that are redrawn make room for it, and come again below it.
pub(crate) fn write_above(message: &[u8]) -> io::Result<()> {
    match &*lock(&SHOWN) {
        Some(screen) => screen.write_above(message, &mut io::stderr(), size().0),
        None => io::stderr().write_all(message),
    }
}

/// A terminal on which frames take each other's place.
///
/// `indicatif` erases the rows that it has drawn, and fills each up with spaces. A terminal that has
/// become narrower since then shows such a row as two, of which one would be left. So the moves of
/// `indicatif` are ignored: a frame is known by its lines, and the rows that they take are counted when
/// the next one comes. A terminal that cuts lines instead of wrapping them loses as many rows above.
#[derive(Clone, Debug, Default)]
pub(super) struct Screen(Arc<Mutex<Frames>>);

#[derive(Debug, Default)]
struct Frames {
    columns: usize,
    rows: usize,
    /// The lines of the frame that is being drawn, of which the last may not be full yet.
    coming: Vec<String>,
    /// The columns that are left of the last line.
    left: usize,
    /// The last frame that was drawn whole.
    drawn: Vec<String>,
    /// The widths of the lines that stand on the terminal.
    shown: Vec<usize>,
}

impl Screen {
    /// Draws for a terminal of this size from now on, and returns the room that lines have on it.
    pub(super) fn resize(&self, columns: usize, rows: usize) -> (usize, usize) {
        let mut frames = lock(&self.0);
        frames.columns = columns.saturating_sub(ECHO).max(1);
        frames.rows = rows.saturating_sub(1).max(1);
        (frames.columns, frames.rows)
    }

    /// Puts the frame onto a terminal of so many columns. It is locked meanwhile, so that no message
    /// comes between; `out` must not be a lock itself.
    pub(super) fn show(&self, out: &mut impl Write, columns: usize) -> io::Result<()> {
        let mut frames = lock(&self.0);
        let lines = frames.drawn.clone();
        out.write_all(frames.replaced(&lines, columns).as_bytes())?;
        out.flush()
    }

    /// Puts a message in the place of the frame, on a terminal of so many columns.
    fn write_above(&self, message: &[u8], out: &mut impl Write, columns: usize) -> io::Result<()> {
        let mut frames = lock(&self.0);
        out.write_all(&[frames.replaced(&[], columns).as_bytes(), message].concat())
    }

    /// Makes messages go above the frame, until [`Screen::end`].
    pub(super) fn begin(&self) {
        *lock(&SHOWN) = Some(self.clone());
    }

    /// Removes the frame from the terminal.
    pub(super) fn end(&self) {
        *lock(&SHOWN) = None;
        lock(&self.0).drawn.clear();
        // Progress that cannot be shown is not worth a failure.
        let _ = self.show(&mut io::stderr(), size().0);
    }
}

impl Frames {
    /// What draws these lines in the place of those that stand on a terminal of so many columns now.
    ///
    /// Where the cursor is at the top, tmux keeps what is erased to the end of the screen in its
    /// history. So each line is erased behind what is written, and only what is left by the last.
    fn replaced(&mut self, lines: &[String], columns: usize) -> String {
        let rows: usize = self.shown.iter().map(|width| width.div_ceil(columns).max(1)).sum();
        let up = match rows {
            0 => String::new(),
            1 => "\r".to_owned(),
            _ => format!("\r\x1b[{}A", rows - 1),
        };
        self.shown = lines.iter().map(|line| measure_text_width(line)).collect();
        match lines {
            [] => format!("{up}{}{up}", vec!["\x1b[K"; rows].join("\r\n")),
            lines => format!("{up}{}\x1b[J", lines.join("\x1b[K\r\n")),
        }
    }

    /// Adds text as a terminal does that begins a new line where the last one is full.
    fn add(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.left == 0 {
            self.coming.push(String::new());
            self.left = self.columns;
        }
        if let Some(line) = self.coming.last_mut() {
            line.push_str(text);
        }
        self.left = self.left.saturating_sub(measure_text_width(text));
    }
}

/// Moves and erasures are those of a frame that is replaced as a whole.
impl TermLike for Screen {
    fn width(&self) -> u16 {
        lock(&self.0).columns.try_into().unwrap_or(u16::MAX)
    }

    fn height(&self) -> u16 {
        lock(&self.0).rows.try_into().unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        let mut frames = lock(&self.0);
        frames.add(text);
        frames.left = 0;
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        lock(&self.0).add(text);
        Ok(())
    }

    /// A frame is whole.
    fn flush(&self) -> io::Result<()> {
        let mut frames = lock(&self.0);
        frames.left = 0;
        let lines = std::mem::take(&mut frames.coming);
        frames.drawn = lines.iter().map(|line| line.trim_end().to_owned()).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::bars::tests::Terminal;

    #[test]
    fn messages_go_above_the_frame() {
        let mut terminal = Terminal::new(60, 20);
        terminal.draw_rows(3);
        terminal.vt.resize(30, 20);
        let mut out = Vec::new();
        terminal.screen.write_above(b"warning: a word\r\n", &mut out, 30).unwrap();
        terminal.print(&String::from_utf8(out).unwrap());
        assert_eq!(terminal.lines(), ["warning: a word"]);
        terminal.draw_rows(2);
        let lines = terminal.lines();
        assert_eq!((lines.len(), lines[0].as_str()), (3, "warning: a word"));
    }
}
