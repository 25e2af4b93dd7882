//! The colour bar: which value has which colour.

use crate::canvas::Canvas;
use crate::scale::ColorScale;
use crate::text::{self, TextSize};

/// The width of the bar with its numbers.
pub(crate) const WIDTH: usize = 112;
const BAR: usize = 20;
/// The height of a pointed end.
const POINT: usize = 10;
const TICK: usize = 5;
/// What lies below the threshold.
const HIDDEN: [u8; 3] = [64; 3];
const TEXT: [u8; 3] = [235; 3];

/// Draws the bar into a box of [`WIDTH`] pixels. An end is pointed where values lie beyond it.
pub(crate) fn draw(
    canvas: &mut Canvas,
    [left, top]: [usize; 2],
    height: usize,
    scale: &ColorScale,
    quantity: &str,
    beyond: [bool; 2],
) {
    let line = TextSize::Small.height();
    let title = text::wrapped(quantity, TextSize::Small, WIDTH);
    for (nth, words) in title.iter().enumerate() {
        text::draw(canvas, [left, top + nth * line], words, TextSize::Small, TEXT);
    }
    // Room for the title, and for half a number at either end.
    let above = title.len() * line + line / 2 + POINT;
    let top = top + above;
    let height = height.saturating_sub(above + line / 2 + POINT).max(1);
    let (low, high) = scale.range();
    for y in 0..height {
        let share = (y as f32 + 0.5) / height as f32;
        let value = high + share * (low - high);
        let color = if scale.is_visible(value) { scale.color_of(value) } else { HIDDEN };
        canvas.fill([left, top + y], [BAR, 1], color);
    }
    let [is_below, is_above] = beyond;
    for step in 0..POINT {
        let width = BAR * (POINT - step) / POINT;
        let left = left + (BAR - width) / 2;
        if is_above {
            canvas.fill([left, top - 1 - step], [width, 1], scale.color_of(high));
        }
        if is_below {
            canvas.fill([left, top + height + step], [width, 1], scale.color_of(low));
        }
    }
    for value in ticks(scale, height, line) {
        let y = top + place(scale, height, value);
        canvas.fill([left + BAR, y], [TICK, 1], TEXT);
        let text_top = y.saturating_sub(line / 2);
        text::draw(
            canvas,
            [left + BAR + TICK + 4, text_top],
            &number(value),
            TextSize::Small,
            TEXT,
        );
    }
}

/// How far from the upper end of the bar a value stands.
fn place(scale: &ColorScale, height: usize, value: f32) -> usize {
    let (low, high) = scale.range();
    let share = (f64::from(high) - f64::from(value)) / (f64::from(high) - f64::from(low));
    (share * (height - 1) as f64).round() as usize
}

/// The ends, zero, the threshold and the middle, as far as there is room between them.
fn ticks(scale: &ColorScale, height: usize, room: usize) -> Vec<f32> {
    let (low, high) = scale.range();
    let threshold = scale.threshold().unwrap_or(f32::NAN);
    // Of a diverging map it counts on both sides.
    let mirrored = if scale.map().is_diverging() { -threshold } else { f32::NAN };
    let middle = low + (high - low) / 2.0;
    let mut ticks: Vec<f32> = Vec::new();
    for value in [high, low, threshold, mirrored, 0.0, middle] {
        let place_of = |value: f32| place(scale, height, value);
        let is_within = value >= low && value <= high;
        if is_within && ticks.iter().all(|it| place_of(*it).abs_diff(place_of(value)) >= room) {
            ticks.push(value);
        }
    }
    ticks
}

/// A number with three digits, without zeros at its end.
fn number(value: f32) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-4..6).contains(&magnitude) {
        return format!("{value:.1e}");
    }
    let decimals = usize::try_from(2 - magnitude).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ColorMap;

    #[test]
    fn numbers_are_short() {
        let texts = [12.0, 0.013, -1.5, 0.0, 123_456.0, 1e-9, -2e8, 99.96, 100.0].map(number);
        assert_eq!(texts, ["12", "0.013", "-1.5", "0", "123456", "1.0e-9", "-2.0e8", "100", "100"]);
    }

    #[test]
    fn numbers_do_not_lie_over_each_other() {
        let scale = ColorScale::new(ColorMap::BlueRed, -4.0, 4.0).unwrap();
        assert_eq!(ticks(&scale, 200, 16), [4.0, -4.0, 0.0]);
        let scale = scale.with_threshold(2.0).unwrap();
        assert_eq!(ticks(&scale, 200, 16), [4.0, -4.0, 2.0, -2.0, 0.0]);
        assert_eq!(ticks(&scale, 20, 16), [4.0, -4.0]);
        let scale = scale.with_threshold(0.1).unwrap();
        assert_eq!(ticks(&scale, 200, 16), [4.0, -4.0, 0.1]);
        let scale = ColorScale::new(ColorMap::Viridis, 10.0, 20.0).unwrap();
        assert_eq!(ticks(&scale, 200, 16), [20.0, 10.0, 15.0]);
    }
}
