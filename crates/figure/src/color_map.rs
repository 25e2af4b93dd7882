//! Colour maps: 256 colours each, by name, that people with any colour vision can tell apart.

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// The number of colours of a map.
pub const N_COLORS: usize = 256;

laion_fmri_base::named_enum! {
    /// A colour map. All but the greys can be told apart with any kind of colour vision.
    ///
    /// ```
    /// use slice_figure::ColorMap;
    ///
    /// let table = "viridis".parse::<ColorMap>()?.table();
    /// assert_eq!((table[0], table[255]), ([68, 1, 84], [253, 231, 37]));
    /// assert!(ColorMap::BlueRed.is_diverging());
    /// # Ok::<(), slice_figure::NameError>(())
    /// ```
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum ColorMap: "colour map" {
        /// Dark purple to yellow.
        #[default]
        Viridis = "viridis",
        /// Black to light yellow.
        Inferno = "inferno",
        /// Dark blue to yellow.
        Cividis = "cividis",
        /// Blue below zero, white at zero, red above.
        BlueRed = "blue-red",
        /// Purple below zero, white at zero, orange above.
        PurpleOrange = "purple-orange",
        /// Black to white.
        Gray = "gray",
    }
}

impl ColorMap {
    /// Whether the middle of the map stands for zero, so that its range is symmetric around zero.
    #[must_use]
    pub const fn is_diverging(self) -> bool {
        matches!(self, Self::BlueRed | Self::PurpleOrange)
    }

    /// The colours from the lowest value to the highest.
    #[must_use]
    pub fn table(self) -> [Rgb; N_COLORS] {
        std::array::from_fn(|index| {
            let from = |gradient: colorous::Gradient, index| {
                let color = gradient.eval_rational(index, N_COLORS);
                [color.r, color.g, color.b]
            };
            match self {
                Self::Viridis => from(colorous::VIRIDIS, index),
                Self::Inferno => from(colorous::INFERNO, index),
                Self::Cividis => from(colorous::CIVIDIS, index),
                Self::BlueRed => from(colorous::RED_BLUE, N_COLORS - 1 - index),
                Self::PurpleOrange => from(colorous::PURPLE_ORANGE, index),
                Self::Gray => [index as u8; 3],
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lightness([r, g, b]: Rgb) -> f64 {
        0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)
    }

    #[test]
    fn sequential_maps_get_lighter() {
        for map in ColorMap::ALL.iter().filter(|map| !map.is_diverging()) {
            let table = map.table();
            // Steps of a few colours: single ones are rounded.
            for (dark, light) in table.iter().zip(&table[8..]) {
                assert!(lightness(*dark) < lightness(*light), "{map}: {dark:?} {light:?}");
            }
        }
    }

    #[test]
    fn diverging_maps_are_light_in_the_middle_and_dark_at_both_ends() {
        for map in ColorMap::ALL.iter().filter(|map| map.is_diverging()) {
            let table = map.table();
            assert!(lightness(table[127]) > 225.0 && lightness(table[128]) > 225.0, "{map}");
            assert!(lightness(table[0]) < 75.0 && lightness(table[255]) < 75.0, "{map}");
        }
        let [blue, .., red] = ColorMap::BlueRed.table();
        assert!(blue[2] > blue[0] && red[0] > red[2]);
        let [purple, .., orange] = ColorMap::PurpleOrange.table();
        assert!(purple[2] > purple[0] && orange[0] > orange[2]);
    }
}
