//! Bar charts: the parts of a whole.

use super::percent;
use crate::web::grouped;

/// A bar chart of the parts of a whole: one bar each, the longest first.
pub struct BarChart {
    /// Prefix of the ids of the chart's elements.
    pub id: &'static str,
    /// The title.
    pub title: String,
    /// The chart in words, for screen readers.
    pub summary: String,
    /// Pixels.
    pub height: usize,
    /// The bars, from the top.
    pub bars: Vec<Bar>,
}

/// One bar with its text above it.
pub struct Bar {
    /// The name of the part.
    pub label: String,
    /// The count, with grouped thousands.
    pub value: String,
    /// Share of the whole: "34 %"
    pub share: String,
    /// Percent of the whole, with the sign.
    pub width: String,
    /// Baseline of the text: pixels from the top.
    pub text_y: usize,
    /// Top edge of the bar: pixels from the top.
    pub bar_y: usize,
}

/// Most bars of a chart; the last one is "Other" when there are more parts.
const MAX_BARS: usize = 6;
/// Height of a bar with its text, in pixels.
const BAR_HEIGHT: usize = 40;

impl BarChart {
    /// Lays out names with their counts.
    pub fn new(id: &'static str, title: &str, mut counts: Vec<(String, i64)>) -> Self {
        counts.sort_by(|(name, count), (other_name, other_count)| {
            other_count.cmp(count).then(name.cmp(other_name))
        });
        if counts.len() > MAX_BARS {
            let rest = counts.split_off(MAX_BARS - 1);
            counts.push(("Other".to_owned(), rest.iter().map(|(_, count)| count).sum()));
        }
        let total: i64 = counts.iter().map(|(_, count)| count).sum();
        let bars: Vec<Bar> = counts
            .iter()
            .enumerate()
            .map(|(index, (label, count))| {
                let share = *count as f64 * 100.0 / total.max(1) as f64;
                Bar {
                    label: label.clone(),
                    value: grouped(*count),
                    share: format!("{share:.0} %"),
                    width: percent(share),
                    text_y: index * BAR_HEIGHT + 14,
                    bar_y: index * BAR_HEIGHT + 21,
                }
            })
            .collect();
        let parts: Vec<String> = bars.iter().map(|bar| format!("{} {}", bar.label, bar.value)).collect();
        let summary = format!("{}.", parts.join(", "));
        Self { id, title: title.to_owned(), summary, height: bars.len() * BAR_HEIGHT, bars }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_chart_groups_rest_as_other() {
        let counts = (1..=9).map(|n| (format!("browser {n}"), n)).collect();
        let chart = BarChart::new("x", "X", counts);
        let bars: Vec<(&str, &str)> =
            chart.bars.iter().map(|bar| (bar.label.as_str(), bar.value.as_str())).collect();
        let expected = [
            ("browser 9", "9"),
            ("browser 8", "8"),
            ("browser 7", "7"),
            ("browser 6", "6"),
            ("browser 5", "5"),
            ("Other", "10"),
        ];
        assert_eq!(bars, expected);
    }

    #[test]
    fn bar_is_as_long_as_its_share_of_the_whole() {
        let chart = BarChart::new("x", "X", vec![("one".to_owned(), 398), ("other".to_owned(), 403)]);
        let bars = chart.bars.iter().map(|bar| (bar.share.as_str(), bar.width.as_str()));
        assert_eq!(bars.collect::<Vec<_>>(), [("50 %", "50.31%"), ("50 %", "49.69%")]);
    }
}
