//! The look of the pages: the custom properties of `static/app.css`, and what `SITE_CSS` sets in their place.

use std::{collections::BTreeMap, fmt::Write as _, sync::LazyLock};

use super::{
    colour::Paint,
    declarations::{Declaration, declarations, without_comments},
};

/// The product's own style sheet; its first block has the default of each property.
const OWN: &str = include_str!("../../../static/app.css");

/// The colours that a site may set.
const COLOURS: [&str; 12] = [
    "accent",
    "accent-strong",
    "on-accent",
    "accent-soft",
    "page",
    "surface",
    "sunken",
    "text",
    "muted",
    "line",
    "rim",
    "edge",
];

/// The colours that have a meaning and stay as they are.
const FIXED: [&str; 3] = ["red", "amber", "green"];

/// The other properties that a site may set.
const RADII: [&str; 2] = ["radius", "radius-large"];
const FONTS: [&str; 2] = ["font", "mono"];

/// The units that a radius may have.
const UNITS: [&str; 3] = ["px", "rem", "em"];

/// The largest radius, in its unit.
const MAX_RADIUS: f64 = 100.0;

/// How much of its ink is in the shade that an accent has under the pointer, and how much of the surface in the ground of tags, in
/// percent.
const STRONG: u32 = 22;
const SOFT: u32 = 88;

/// The custom properties of a site.
#[derive(Debug, Clone)]
pub struct Theme {
    colours: BTreeMap<&'static str, Paint>,
    /// What differs from the product's look, with the values as CSS.
    set: BTreeMap<&'static str, String>,
}

static PRODUCT: LazyLock<BTreeMap<&'static str, Paint>> = LazyLock::new(|| {
    let text = without_comments(OWN);
    let block = text.split(['{', '}']).nth(1).unwrap_or_default();
    let declared = |part: &str| {
        let (name, value) = part.trim().strip_prefix("--")?.split_once(':')?;
        let name = COLOURS.into_iter().chain(FIXED).find(|known| *known == name)?;
        Some((name, Paint::parse(value.trim())?))
    };
    block.split(';').filter_map(declared).collect()
});

impl Default for Theme {
    fn default() -> Self {
        Self { colours: PRODUCT.clone(), set: BTreeMap::new() }
    }
}

impl Theme {
    /// Reads a file of `SITE_CSS`.
    ///
    /// # Errors
    /// What is wrong with it, a line for each mistake.
    pub(super) fn read(text: &str) -> Result<Self, Vec<String>> {
        let text = without_comments(text);
        let found = declarations(&text).map_err(|(line, what)| vec![format!("line {line} {what}")])?;
        let mut theme = Self::default();
        let mut mistakes = Vec::new();
        for declaration in &found {
            if let Err(what) = theme.declare(declaration) {
                mistakes.push(format!("line {}: {what}", declaration.line));
            }
        }
        if found.is_empty() {
            mistakes.push("sets nothing".to_owned());
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        theme.derive();
        Ok(theme)
    }

    fn declare(&mut self, declaration: &Declaration<'_>) -> Result<(), String> {
        let Declaration { name, value, .. } = *declaration;
        let wrong = |may_be: &str| format!("--{name} is {value:?}; it may be {may_be}");
        let written = |names: &[&'static str]| names.iter().find(|known| **known == name).copied();
        if let Some(known) = written(&COLOURS) {
            let paint = Paint::parse(value)
                .ok_or_else(|| wrong("an opaque colour such as #0b6b63, or light-dark(#0b6b63, #5cc9bc)"))?;
            self.paint(known, paint);
        } else if let Some(known) = written(&RADII) {
            let radius = is_radius(value).then(|| value.to_owned());
            self.set.insert(known, radius.ok_or_else(|| wrong("a length in px, rem or em, such as 6px"))?);
        } else if let Some(known) = written(&FONTS) {
            let fonts = are_fonts(value).then(|| value.to_owned());
            let fonts =
                fonts.ok_or_else(|| wrong("names of fonts, such as \"Source Sans 3\", sans-serif"))?;
            self.set.insert(known, fonts);
        } else {
            let known: Vec<_> =
                COLOURS.iter().chain(&RADII).chain(&FONTS).map(|name| format!("--{name}")).collect();
            return Err(format!("--{name} is not one of {}", known.join(", ")));
        }
        Ok(())
    }

    fn paint(&mut self, name: &'static str, paint: Paint) {
        self.colours.insert(name, paint);
        self.set.insert(name, paint.to_string());
    }

    /// The colours that go with another accent, as far as they are not set themselves.
    fn derive(&mut self) {
        if !self.set.contains_key("accent") {
            return;
        }
        let (accent, surface) = (self.colour("accent"), self.colour("surface"));
        let text = surface.map(super::colour::Colour::ink);
        let derived = [
            ("accent-strong", accent.mixed(text, STRONG)),
            ("on-accent", accent.map(super::colour::Colour::ink)),
            ("accent-soft", accent.mixed(surface, SOFT)),
        ];
        for (name, paint) in derived {
            if !self.set.contains_key(name) {
                self.paint(name, paint);
            }
        }
    }

    /// The colour of a name that the style sheet has.
    pub fn colour(&self, name: &str) -> Paint {
        self.colours.get(name).copied().unwrap_or(PRODUCT["text"])
    }

    /// Whether anything differs from the product's look.
    pub(super) fn differs(&self, name: &str) -> bool {
        self.set.contains_key(name)
    }

    /// The style sheet that sets what differs; written here and not copied, so that it holds nothing else.
    pub(super) fn css(&self) -> Option<String> {
        if self.set.is_empty() {
            return None;
        }
        let mut css = ":root {\n".to_owned();
        for (name, value) in &self.set {
            // Writing into a string does not fail.
            let _ = writeln!(css, "  --{name}: {value};");
        }
        css.push_str("}\n");
        Some(css)
    }
}

fn is_radius(value: &str) -> bool {
    let number =
        UNITS.iter().find_map(|unit| value.strip_suffix(unit)).unwrap_or(if value == "0" { "0" } else { "" });
    let is_plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_plain && number.parse::<f64>().is_ok_and(|number| number <= MAX_RADIUS)
}

fn are_fonts(value: &str) -> bool {
    let is_name = |name: &str| {
        let name = name.trim();
        let bare = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        !bare.is_empty() && bare.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
    };
    value.split(',').all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn theme_sets_what_the_file_says_and_what_follows_from_it() {
        let theme =
            Theme::read(":root { --accent: #7a1fa2; --radius: 0; --font: \"Source Sans 3\", sans-serif; }")
                .unwrap();
        let css = theme.css().unwrap();
        for line in [
            "  --accent: light-dark(#7a1fa2, #7a1fa2);",
            "  --on-accent: light-dark(#ffffff, #ffffff);",
            "  --radius: 0;",
            "  --font: \"Source Sans 3\", sans-serif;",
        ] {
            assert!(css.lines().any(|found| found == line), "{line}: {css}");
        }
        assert!(
            css.contains("--accent-strong") && css.contains("--accent-soft") && !css.contains("--page"),
            "{css}"
        );
        let own = Theme::read(":root { --accent: #7a1fa2; --on-accent: #ffffee }").unwrap();
        assert_eq!(own.colour("on-accent").to_string(), "light-dark(#ffffee, #ffffee)");
        assert_eq!(Theme::default().css(), None);
    }

    #[test]
    fn product_has_every_colour() {
        for name in COLOURS.into_iter().chain(FIXED) {
            assert!(PRODUCT.contains_key(name), "{name}");
        }
        assert_eq!(Theme::default().colour("accent").to_string(), "light-dark(#0b6b63, #5cc9bc)");
    }

    #[test]
    fn every_mistake_of_a_file_is_told_with_its_line() {
        let text = ":root {\n--colour: red;\n--accent: url(https://x.example/);\n--radius: 3;\n--font: a\\b;\n--page: #fff }";
        let mistakes = Theme::read(text).unwrap_err();
        let parts = [
            "line 2: --colour is not one of --accent,",
            "line 3: --accent is \"url(",
            "line 4: --radius",
            "line 5: --font",
        ];
        assert_eq!(mistakes.len(), parts.len(), "{mistakes:?}");
        for (mistake, part) in mistakes.iter().zip(parts) {
            assert!(mistake.starts_with(part), "{mistake}");
        }
        assert_eq!(Theme::read("body {}").unwrap_err(), ["line 1 begins with something other than :root {"]);
        assert_eq!(Theme::read("/* nothing */").unwrap_err(), ["sets nothing"]);
    }
}
