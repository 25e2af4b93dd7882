//! From values to colours: a colour map, its range, a threshold and an opacity.

use crate::color_map::{ColorMap, N_COLORS, Rgb};
use crate::error::Error;

/// The share of values at either end that a fitted range leaves out.
const TAIL: f64 = 0.01;

/// How values become colours.
///
/// NaN has no colour; zero has one, like every other number. A value beyond the range has the colour of
/// the end that is nearer.
///
/// ```
/// use slice_figure::{ColorMap, ColorScale};
///
/// let scale = ColorScale::new(ColorMap::BlueRed, -2.0, 2.0)?.with_threshold(0.5)?;
/// assert_eq!(scale.color(f32::NAN), None);
/// assert_eq!(scale.color(0.25), None); // below the threshold
/// assert_eq!(scale.color(2.0), scale.color(100.0));
/// assert!(scale.color(-1.0).is_some());
/// # Ok::<(), slice_figure::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ColorScale {
    map: ColorMap,
    table: [Rgb; N_COLORS],
    low: f32,
    high: f32,
    threshold: Option<f32>,
    opacity: f32,
}

impl ColorScale {
    /// A colour map over a range.
    ///
    /// # Errors
    ///
    /// [`Error::Range`] unless the range goes from a lower to a higher finite number;
    /// [`Error::NotSymmetric`] when a diverging map has a range that is not symmetric around zero.
    pub fn new(map: ColorMap, low: f32, high: f32) -> Result<Self, Error> {
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(Error::Range { low, high });
        }
        if map.is_diverging() && low != -high {
            return Err(Error::NotSymmetric { map, low, high });
        }
        Ok(Self { map, table: map.table(), low, high, threshold: None, opacity: 1.0 })
    }

    /// A colour map over a range that fits the values: but for one percent at either end, which is
    /// left out so that single outliers do not take all the colours. The range of a diverging map is
    /// symmetric around zero; that of other maps starts at zero if no value is negative, and ends there
    /// if none is positive. Ends are rounded outwards to two digits. NaN and infinity do not count;
    /// without any other value the range ends at 1.
    #[must_use]
    pub fn fitting(map: ColorMap, values: impl IntoIterator<Item = f32>) -> Self {
        let mut values: Vec<f32> = values.into_iter().filter(|value| value.is_finite()).collect();
        let (low, high) = if map.is_diverging() {
            values.iter_mut().for_each(|value| *value = value.abs());
            let high = rounded_up(quantile(&mut values, 1.0 - TAIL));
            (-high, high)
        } else {
            let high = quantile(&mut values, 1.0 - TAIL);
            match quantile(&mut values, TAIL) {
                low if low < 0.0 => (-rounded_up(-low), rounded_up(high)),
                _ => (0.0, rounded_up(high)),
            }
        };
        // Without a width, or too close to the limits of the type.
        let (low, high) = match low < high && low.is_finite() && high.is_finite() {
            true => (low, high),
            false if map.is_diverging() => (-1.0, 1.0),
            false => (0.0, 1.0),
        };
        Self { map, table: map.table(), low, high, threshold: None, opacity: 1.0 }
    }

    /// Leaves values below a threshold out; for a diverging map, those whose distance from zero is below
    /// it. A threshold of zero leaves nothing out.
    ///
    /// # Errors
    ///
    /// [`Error::Threshold`] for a negative number, infinity and NaN.
    pub fn with_threshold(mut self, threshold: f32) -> Result<Self, Error> {
        if !(threshold >= 0.0 && threshold.is_finite()) {
            return Err(Error::Threshold { got: threshold });
        }
        self.threshold = Some(threshold);
        Ok(self)
    }

    /// How much of what lies behind the colours they hide: 1, as at first, is all of it.
    ///
    /// # Errors
    ///
    /// [`Error::Opacity`] outside 0 to 1.
    pub fn with_opacity(mut self, opacity: f32) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&opacity) {
            return Err(Error::Opacity { got: opacity });
        }
        self.opacity = opacity;
        Ok(self)
    }

    /// The colour map.
    #[must_use]
    pub fn map(&self) -> ColorMap {
        self.map
    }

    /// The lowest and the highest value that have a colour of their own.
    #[must_use]
    pub fn range(&self) -> (f32, f32) {
        (self.low, self.high)
    }

    /// The threshold, if there is one.
    #[must_use]
    pub fn threshold(&self) -> Option<f32> {
        self.threshold
    }

    /// The opacity, 0 to 1.
    #[must_use]
    pub fn opacity(&self) -> f32 {
        self.opacity
    }

    /// Whether a value is drawn.
    #[must_use]
    pub fn is_visible(&self, value: f32) -> bool {
        let size = if self.map.is_diverging() { value.abs() } else { value };
        let threshold = self.threshold.filter(|threshold| *threshold > 0.0);
        !value.is_nan() && threshold.is_none_or(|threshold| size >= threshold)
    }

    /// The colour of a value; none for one that is not drawn.
    #[must_use]
    pub fn color(&self, value: f32) -> Option<Rgb> {
        self.is_visible(value).then(|| self.color_of(value))
    }

    /// The colour of a number, whatever the threshold. Each colour has an equal share of the range, so
    /// that the middle of a diverging map is the first colour of its upper half.
    pub(crate) fn color_of(&self, value: f32) -> Rgb {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        let place = (f64::from(value) - low) / (high - low) * N_COLORS as f64;
        // A float becomes the nearest number that the type has.
        self.table[(place as usize).min(N_COLORS - 1)]
    }
}

/// The value below which a share of the values lies; 0 when there are none.
pub(crate) fn quantile(values: &mut [f32], share: f64) -> f32 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let place = (last as f64 * share).round() as usize;
    *values.select_nth_unstable_by(place, f32::total_cmp).1
}

/// The next number with two digits; 0 stays.
fn rounded_up(value: f32) -> f32 {
    if value <= 0.0 {
        return 0.0;
    }
    let step = 10f64.powf(f64::from(value).log10().floor() - 1.0);
    // Divided and multiplied again, a number with two digits may be a hair above itself.
    let steps = (f64::from(value) / step - 1e-6).ceil();
    (steps * step) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_checked() {
        for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f32::NAN, 1.0), (0.0, f32::INFINITY)] {
            let error = ColorScale::new(ColorMap::Viridis, low, high).unwrap_err();
            assert!(matches!(error, Error::Range { .. }), "{error}");
        }
        let error = ColorScale::new(ColorMap::BlueRed, -1.0, 3.0).unwrap_err();
        let map = ColorMap::BlueRed;
        assert_eq!(error, Error::NotSymmetric { map, low: -1.0, high: 3.0 });
    }

    #[test]
    fn threshold_and_opacity_are_checked() {
        let scale = || ColorScale::new(ColorMap::Viridis, 0.0, 1.0).unwrap();
        for got in [-1.0, f32::INFINITY] {
            assert_eq!(scale().with_threshold(got), Err(Error::Threshold { got }));
        }
        assert!(matches!(scale().with_threshold(f32::NAN), Err(Error::Threshold { .. })));
        for got in [-0.1, 1.1] {
            assert_eq!(scale().with_opacity(got), Err(Error::Opacity { got }));
        }
        assert!(matches!(scale().with_opacity(f32::NAN), Err(Error::Opacity { .. })));
    }

    #[test]
    fn zero_is_a_colour_and_nan_is_none() {
        let scale = ColorScale::new(ColorMap::Viridis, 0.0, 10.0).unwrap();
        assert_eq!(scale.color(0.0), Some(ColorMap::Viridis.table()[0]));
        assert_eq!(scale.color(f32::NAN), None);
        assert_eq!(scale.color(10.0), Some(ColorMap::Viridis.table()[255]));
        assert_eq!(scale.color(f32::INFINITY), scale.color(10.0));
        assert_eq!(scale.color(-3.0), scale.color(0.0));
        let scale = ColorScale::new(ColorMap::BlueRed, -4.0, 4.0).unwrap();
        assert_eq!(scale.color(0.0), Some(ColorMap::BlueRed.table()[128]));
    }

    #[test]
    fn a_threshold_of_a_diverging_map_counts_from_zero_on_both_sides() {
        let scale = ColorScale::new(ColorMap::BlueRed, -4.0, 4.0).unwrap();
        let scale = scale.with_threshold(2.0).unwrap();
        let visible = [-3.0, -2.0, -1.9, 0.0, 1.9, 2.0].map(|value| scale.color(value).is_some());
        assert_eq!(visible, [true, true, false, false, false, true]);
        let scale = ColorScale::new(ColorMap::Viridis, -4.0, 4.0).unwrap();
        let visible = |threshold| {
            let scale = scale.clone().with_threshold(threshold).unwrap();
            [-3.0, 0.0, 1.9, 2.0].map(|value| scale.is_visible(value))
        };
        assert_eq!(visible(2.0), [false, false, false, true]);
        assert_eq!(visible(0.0), [true; 4]);
    }

    #[test]
    fn fitted_ranges() {
        let range = |map, values: &[f32]| ColorScale::fitting(map, values.iter().copied()).range();
        let ramp: Vec<f32> = (0..=1000).map(|step| step as f32 / 10.0).collect();
        assert_eq!(range(ColorMap::Viridis, &ramp), (0.0, 99.0));
        let mut outlier = vec![2.0; 999];
        outlier.push(1e6);
        assert_eq!(range(ColorMap::Viridis, &outlier), (0.0, 2.0));
        assert_eq!(range(ColorMap::BlueRed, &[-0.0123, 0.01, f32::NAN]), (-0.013, 0.013));
        assert_eq!(range(ColorMap::Viridis, &[-5.11, 3.0, f32::INFINITY]), (-5.2, 3.0));
        assert_eq!(range(ColorMap::Viridis, &[-5.0, -3.0]), (-5.0, 0.0));
        for values in [&[][..], &[0.0], &[f32::NAN]] {
            assert_eq!(range(ColorMap::Viridis, values), (0.0, 1.0), "{values:?}");
            assert_eq!(range(ColorMap::BlueRed, values), (-1.0, 1.0), "{values:?}");
        }
        assert_eq!(range(ColorMap::Viridis, &[f32::MAX]), (0.0, 1.0));
    }
}
