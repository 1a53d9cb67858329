//! Colours of the style sheet: read, mixed, and how well one can be read on another.

use std::fmt;

/// An opaque colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// A colour for each of the two schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    /// Where people prefer light pages.
    pub light: Colour,
    /// Where people prefer dark ones.
    pub dark: Colour,
}

impl Colour {
    const BLACK: Self = Self([0, 0, 0]);
    const WHITE: Self = Self([255, 255, 255]);

    /// Reads a colour as CSS writes it; `None` also for one that lets something shine through.
    fn parse(text: &str) -> Option<Self> {
        let [red, green, blue, alpha] = csscolorparser::parse(text.trim()).ok()?.to_rgba8();
        (alpha == u8::MAX).then_some(Self([red, green, blue]))
    }

    /// How well it can be read on another colour, or the other way round: from 1 to 21 (WCAG 2.2, "contrast ratio").
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// WCAG 2.2, "relative luminance".
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The colour with a percentage of another one in it.
    pub(super) fn mixed(self, other: Self, percent: u32) -> Self {
        let part = |own: u8, other: u8| {
            let sum = u32::from(own) * (100 - percent) + u32::from(other) * percent;
            u8::try_from((sum + 50) / 100).unwrap_or(u8::MAX)
        };
        let ([a, b, c], [x, y, z]) = (self.0, other.0);
        Self([part(a, x), part(b, y), part(c, z)])
    }

    /// Black or white, whichever can be read better on it.
    pub(super) fn ink(self) -> Self {
        if self.contrast(Self::WHITE) >= self.contrast(Self::BLACK) { Self::WHITE } else { Self::BLACK }
    }

    /// The most similar shade that has this contrast to another colour; `None`: neither darker nor lighter ones have.
    pub(super) fn readable_on(self, ground: Self, needed: f64) -> Option<Self> {
        let towards = ground.ink();
        (0..=100).map(|percent| self.mixed(towards, percent)).find(|shade| shade.contrast(ground) >= needed)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Paint {
    /// Reads a colour for both schemes, or `light-dark(…, …)`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let Some(pair) = text.strip_prefix("light-dark(").and_then(|text| text.strip_suffix(')')) else {
            let both = Colour::parse(text)?;
            return Some(Self { light: both, dark: both });
        };
        // Colours such as rgb(1, 2, 3) have commas of their own.
        let commas = pair.match_indices(',').map(|(at, _)| at);
        commas.into_iter().find_map(|at| {
            Some(Self { light: Colour::parse(&pair[..at])?, dark: Colour::parse(&pair[at + 1..])? })
        })
    }

    /// What becomes of it in both schemes.
    pub(super) fn map(self, change: impl Fn(Colour) -> Colour) -> Self {
        Self { light: change(self.light), dark: change(self.dark) }
    }

    /// The two paints mixed.
    pub(super) fn mixed(self, other: Self, percent: u32) -> Self {
        Self { light: self.light.mixed(other.light, percent), dark: self.dark.mixed(other.dark, percent) }
    }
}

impl fmt::Display for Paint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "light-dark({}, {})", self.light, self.dark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn colour(text: &str) -> Colour {
        Colour::parse(text).unwrap()
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        for (one, two, expected) in [
            ("#000", "#fff", 21.0),
            ("#777777", "white", 4.48),
            ("#767676", "white", 4.54),
            ("rgb(0 0 255)", "#ffffff", 8.59),
            ("#0b6b63", "#0b6b63", 1.0),
        ] {
            let found = colour(one).contrast(colour(two));
            assert!((found - expected).abs() < 0.01, "{one} on {two}: {found}");
        }
    }

    #[test]
    fn paints_are_read_as_css_writes_them() {
        for (text, expected) in [
            ("#0b6b63", "light-dark(#0b6b63, #0b6b63)"),
            ("rebeccapurple", "light-dark(#663399, #663399)"),
            ("light-dark(#fff, rgb(1, 2, 3))", "light-dark(#ffffff, #010203)"),
            ("light-dark(rgb(1, 2, 3), hsl(0, 100%, 50%))", "light-dark(#010203, #ff0000)"),
        ] {
            assert_eq!(
                Paint::parse(text).map(|paint| paint.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for wrong in [
            "",
            "red;",
            "url(x)",
            "light-dark(red)",
            "light-dark(red, )",
            "#12345",
            "rgb(1 2 3 / .5)",
            "var(--x)",
        ] {
            assert_eq!(Paint::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn readable_shade_is_found_wherever_there_is_ink(own in any::<[u8; 3]>(), ground in any::<[u8; 3]>()) {
            let (own, ground) = (Colour(own), Colour(ground));
            let shade = own.readable_on(ground, 4.5);
            prop_assert_eq!(shade.is_some(), ground.contrast(ground.ink()) >= 4.5);
            prop_assert!(shade.is_none_or(|shade| shade.contrast(ground) >= 4.5));
        }
    }
}
