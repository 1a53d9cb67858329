//! Whether the colours of a site can be read on each other (WCAG 2.2).

use super::theme::Theme;

/// What texts need (success criterion 1.4.3).
const TEXT: f64 = 4.5;
/// What edges of fields and the like need (success criterion 1.4.11).
const EDGE: f64 = 3.0;

/// A colour, what it stands on, and what it needs there.
struct Pair(&'static str, &'static str, f64);

/// Every pair of the style sheet.
const PAIRS: [Pair; 23] = [
    Pair("text", "page", TEXT),
    Pair("text", "surface", TEXT),
    Pair("text", "sunken", TEXT),
    Pair("muted", "page", TEXT),
    Pair("muted", "surface", TEXT),
    Pair("muted", "sunken", TEXT),
    Pair("accent", "page", TEXT),
    Pair("accent", "surface", TEXT),
    Pair("accent", "accent-soft", TEXT),
    Pair("accent-strong", "page", TEXT),
    Pair("accent-strong", "surface", TEXT),
    Pair("on-accent", "accent", TEXT),
    Pair("on-accent", "accent-strong", TEXT),
    Pair("red", "page", TEXT),
    Pair("red", "surface", TEXT),
    Pair("amber", "page", TEXT),
    Pair("amber", "surface", TEXT),
    Pair("green", "page", TEXT),
    Pair("green", "surface", TEXT),
    Pair("edge", "page", EDGE),
    Pair("edge", "surface", EDGE),
    Pair("edge", "sunken", EDGE),
    Pair("accent", "sunken", EDGE),
];

/// What can't be read well of a site's colours, a sentence for each pair and scheme.
pub(super) fn troubles(theme: &Theme) -> Vec<String> {
    let pairs = PAIRS.iter().filter(|Pair(ink, ground, _)| theme.differs(ink) || theme.differs(ground));
    let each = pairs.flat_map(|pair| {
        let (over, under) = (theme.colour(pair.0), theme.colour(pair.1));
        [(pair, "light", over.light, under.light), (pair, "dark", over.dark, under.dark)]
    });
    each.filter_map(|(Pair(ink, ground, needed), scheme, over, under)| {
        let contrast = over.contrast(under);
        // Rounded down: what is said to have the contrast has it.
        let shown = (contrast * 10.0).floor() / 10.0;
        let better = over.readable_on(under, *needed);
        let better = better.map(|shade| format!(", as {shade} has")).unwrap_or_default();
        (contrast < *needed).then(|| {
            format!(
                "SITE_CSS: in the {scheme} scheme --{ink} {over} on --{ground} {under} has a contrast of {shown}:1; \
                 it needs {needed}:1 (WCAG 2.2){better}"
            )
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(css: &str) -> Vec<String> {
        troubles(&Theme::read(css).unwrap())
    }

    #[test]
    fn product_can_be_read() {
        // Every pair counts, whatever differs.
        let theme = Theme::default();
        for Pair(ink, ground, needed) in PAIRS {
            let (over, under) = (theme.colour(ink), theme.colour(ground));
            for (over, under) in [(over.light, under.light), (over.dark, under.dark)] {
                assert!(over.contrast(under) >= needed, "{ink} {over} on {ground} {under}");
            }
        }
        assert_eq!(troubles(&theme), Vec::<String>::new());
    }

    #[test]
    fn accent_that_cannot_be_read_is_told_with_one_that_can() {
        let found = all(":root { --accent: light-dark(#f5b800, #5cc9bc) }");
        assert!(found.iter().all(|line| line.contains("light scheme")), "{found:?}");
        let line = found.iter().find(|line| line.contains("--accent #f5b800 on --surface #ffffff")).unwrap();
        let shade = line.split("as #").nth(1).unwrap().split(' ').next().unwrap();
        let better = all(&format!(":root {{ --accent: light-dark(#{shade}, #5cc9bc) }}"));
        assert!(
            !better.iter().any(|line| line.contains("--accent ") && line.contains("--surface")),
            "{better:?}"
        );
        assert_eq!(all(":root { --accent: light-dark(#7a1fa2, #d9a6ee) }"), Vec::<String>::new());
    }

    #[test]
    fn surface_that_hides_meaning_is_told() {
        assert!(all(":root { --page: #b0251d }").iter().any(|line| line.contains("--red")));
    }
}
