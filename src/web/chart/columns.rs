//! Column charts: numbers over time.

use super::{percent, pixels};
use crate::web::grouped;

/// Top of the plot of a column chart, in pixels from the top of the chart. The plot has the chart's whole width; the style sheet
/// leaves room for the numbers of the grid lines to the left of it.
const PLOT_TOP: f64 = 22.0;
/// Bottom of the plot of a column chart, in pixels from the top of the chart.
const PLOT_BOTTOM: f64 = 190.0;

/// Most labels on the horizontal axis.
const MAX_AXIS_LABELS: usize = 4;

/// A column chart of numbers over time, with one column per slot and series.
pub struct ColumnChart {
    /// Prefix of the ids of the chart's elements.
    pub id: &'static str,
    /// The title.
    pub title: String,
    /// The chart in words, for screen readers.
    pub summary: String,
    /// The names of the series, one or two.
    pub series: Vec<&'static str>,
    /// The grid lines, from the bottom.
    pub ticks: Vec<Tick>,
    /// The labels below the columns.
    pub axis_labels: Vec<Text>,
    /// The columns, slot by slot.
    pub columns: Vec<Column>,
    /// The numbers above columns.
    pub values: Vec<Text>,
    /// The same data as a table.
    pub rows: Vec<Row>,
    /// Whether there is nothing to draw.
    pub empty: bool,
}

/// A text at a position.
pub struct Text {
    /// Percent of the width, with the sign.
    pub x: String,
    /// Pixels from the top.
    pub y: String,
    /// The text.
    pub text: String,
    /// Whether the text is also shown on narrow screens.
    pub key: bool,
}

/// A horizontal grid line.
pub struct Tick {
    /// Pixels from the top.
    pub y: String,
    /// The number at the line.
    pub text: String,
}

/// One column.
pub struct Column {
    /// Left edge: percent of the width, with the sign.
    pub x: String,
    /// Top edge: pixels from the top.
    pub y: String,
    /// Percent of the width, with the sign.
    pub width: String,
    /// Pixels.
    pub height: String,
    /// Index of the series: 0 or 1.
    pub series: usize,
}

/// A row of the table.
pub struct Row {
    /// The row's heading: the label of the slot.
    pub label: String,
    /// One number per series; "–" where there is none.
    pub values: Vec<String>,
}

/// A period of a column chart and its numbers.
pub struct Slot {
    /// The label below the chart.
    pub axis_label: String,
    /// The label in the table and the summary.
    pub label: String,
    /// The number of each series; `None` where nothing was counted.
    pub values: Vec<Option<i64>>,
}

/// What the summary states of a series beside its highest number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The sum: the numbers are counts of each slot, and a chart of zeros is empty.
    Sum,
    /// The newest number: the numbers are states, and zero is one of them.
    Newest,
}

impl ColumnChart {
    /// Lays out slots from left to right.
    pub fn new(
        id: &'static str,
        title: &str,
        series: Vec<&'static str>,
        slots: &[Slot],
        aggregate: Aggregate,
    ) -> Self {
        let scale = Scale::new(slots, series.len());
        let has_numbers = numbers(slots).next().is_some();
        let all_zero = numbers(slots).all(|(_, _, value)| value == 0);
        Self {
            id,
            title: title.to_owned(),
            summary: summary(&series, slots, aggregate),
            ticks: scale.ticks(),
            axis_labels: scale.axis_labels(slots),
            columns: scale.columns(slots),
            values: scale.values(slots, series.len()),
            rows: slots.iter().map(row).collect(),
            empty: all_zero && (aggregate == Aggregate::Sum || !has_numbers),
            series,
        }
    }
}

/// The numbers of all slots with the indexes of their slot and series, slot by slot.
fn numbers(slots: &[Slot]) -> impl Iterator<Item = (usize, usize, i64)> {
    slots.iter().enumerate().flat_map(|(slot, content)| {
        let values = content.values.iter().enumerate();
        values.filter_map(move |(series, value)| Some((slot, series, (*value)?)))
    })
}

/// A slot as a row of the table.
fn row(slot: &Slot) -> Row {
    let values = slot.values.iter().map(|value| value.map_or("–".to_owned(), grouped));
    Row { label: slot.label.clone(), values: values.collect() }
}

/// Maps slots, series and numbers of a column chart to positions.
struct Scale {
    /// Distance of the grid lines, in the unit of the numbers.
    step: i64,
    /// The number at the top of the plot.
    top: i64,
    /// Percent of the width.
    slot_width: f64,
    /// Percent of the width, with the gap to the next column of the slot.
    column_width: f64,
}

impl Scale {
    fn new(slots: &[Slot], series_count: usize) -> Self {
        let highest = numbers(slots).map(|(_, _, value)| value).max().unwrap_or(0);
        let step = step(highest);
        let slot_width = 100.0 / slots.len().max(1) as f64;
        Self {
            step,
            top: (highest.max(1) + step - 1) / step * step,
            slot_width,
            column_width: slot_width * 0.8 / series_count.max(1) as f64,
        }
    }

    /// Pixels from the top.
    fn y(&self, value: i64) -> f64 {
        PLOT_BOTTOM - (PLOT_BOTTOM - PLOT_TOP) * value as f64 / self.top as f64
    }

    /// The left edge of a column, in percent.
    fn x(&self, slot: usize, series: usize) -> f64 {
        self.slot_width * (slot as f64 + 0.1) + self.column_width * series as f64
    }

    fn ticks(&self) -> Vec<Tick> {
        let values = (0..=self.top / self.step).map(|n| n * self.step);
        values.map(|value| Tick { y: pixels(self.y(value)), text: short(value) }).collect()
    }

    /// The labels of every n-th slot.
    fn axis_labels(&self, slots: &[Slot]) -> Vec<Text> {
        let interval = slots.len().div_ceil(MAX_AXIS_LABELS).max(1);
        let labelled = slots.iter().enumerate().step_by(interval);
        labelled
            .map(|(index, slot)| Text {
                x: percent(self.slot_width * (index as f64 + 0.5)),
                y: pixels(PLOT_BOTTOM + 20.0),
                text: slot.axis_label.clone(),
                key: true,
            })
            .collect()
    }

    /// A column for each number above zero.
    fn columns(&self, slots: &[Slot]) -> Vec<Column> {
        numbers(slots)
            .filter(|(_, _, value)| *value > 0)
            .map(|(slot, series, value)| Column {
                x: percent(self.x(slot, series)),
                y: pixels(self.y(value)),
                width: percent(self.column_width * 0.94),
                height: pixels(PLOT_BOTTOM - self.y(value)),
                series,
            })
            .collect()
    }

    /// The numbers above columns: the highest of each series, and those short enough not to overlap their neighbours.
    fn values(&self, slots: &[Slot], series_count: usize) -> Vec<Text> {
        let max_length = if series_count > 1 { 3 } else { 5 };
        let is_peak = |slot, series| peak(slots, series).is_some_and(|(index, _)| index == slot);
        numbers(slots)
            .filter(|(_, _, value)| *value > 0)
            .map(|(slot, series, value)| (slot, series, value, short(value)))
            .filter(|(slot, series, _, text)| text.len() <= max_length || is_peak(*slot, *series))
            .map(|(slot, series, value, text)| Text {
                x: percent(self.x(slot, series) + self.column_width * 0.47),
                y: pixels(self.y(value) - 5.0),
                text,
                key: series == 0 && is_peak(slot, series),
            })
            .collect()
    }
}

/// A sentence for each series that has numbers.
fn summary(series: &[&str], slots: &[Slot], aggregate: Aggregate) -> String {
    let sentences = series.iter().enumerate().filter_map(|(index, name)| {
        let (slot, highest) = peak(slots, index)?;
        let mut values = slots.iter().filter_map(|slot| slot.values.get(index).copied().flatten());
        let (value, word) = match aggregate {
            Aggregate::Sum => (values.sum(), "in all"),
            Aggregate::Newest => (values.next_back()?, "newest"),
        };
        let (highest, value, label) = (grouped(highest), grouped(value), &slots[slot].label);
        Some(format!("{name}: highest {highest} ({label}), {word} {value}."))
    });
    sentences.collect::<Vec<_>>().join(" ")
}

/// The first slot with a series' highest number, and that number.
fn peak(slots: &[Slot], series: usize) -> Option<(usize, i64)> {
    let values =
        slots.iter().enumerate().filter_map(|(index, slot)| Some((index, (*slot.values.get(series)?)?)));
    values.reduce(|highest, next| if next.1 > highest.1 { next } else { highest })
}

/// The distance of the grid lines: 1, 2 or 5 times a power of ten, with at most five lines up to the highest number.
fn step(highest: i64) -> i64 {
    let mut power = 1_i64;
    loop {
        for step in [power, power.saturating_mul(2), power.saturating_mul(5)] {
            if highest / step < 5 {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// A number in at most five characters: "950", "9,999", "12k", "1.2M".
fn short(value: i64) -> String {
    match value {
        ..10_000 => grouped(value),
        10_000..1_000_000 => format!("{}k", value / 1_000),
        _ => format!("{:.1}M", value as f64 / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slots(values: &[Option<i64>]) -> Vec<Slot> {
        let slot = |(n, value): (usize, &Option<i64>)| Slot {
            axis_label: n.to_string(),
            label: format!("slot {n}"),
            values: vec![*value],
        };
        values.iter().enumerate().map(slot).collect()
    }

    #[test]
    fn column_heights_match_numbers() {
        let chart = ColumnChart::new(
            "x",
            "X",
            vec!["Sessions"],
            &slots(&[Some(0), Some(5), None, Some(10)]),
            Aggregate::Newest,
        );
        let heights: Vec<f64> = chart.columns.iter().map(|column| column.height.parse().unwrap()).collect();
        assert_eq!(heights, [84.0, 168.0]);
        assert_eq!(chart.summary, "Sessions: highest 10 (slot 3), newest 10.");
        let table: Vec<&str> = chart.rows.iter().map(|row| row.values[0].as_str()).collect();
        assert_eq!(table, ["0", "5", "–", "10"]);
        assert!(!chart.empty);
        assert!(ColumnChart::new("x", "X", vec!["Sessions"], &slots(&[None, None]), Aggregate::Newest).empty);
        assert!(ColumnChart::new("x", "X", vec!["Sign-ins"], &slots(&[Some(0)]), Aggregate::Sum).empty);
        assert!(!ColumnChart::new("x", "X", vec!["Sessions"], &slots(&[Some(0)]), Aggregate::Newest).empty);
    }

    proptest! {
        #[test]
        fn columns_stay_inside_plot(values in prop::collection::vec(prop::option::of(0..i64::MAX / 4), 0..40)) {
            let chart = ColumnChart::new("x", "X", vec!["A"], &slots(&values), Aggregate::Newest);
            for column in &chart.columns {
                let number = |text: &str| text.trim_end_matches('%').parse::<f64>().unwrap();
                prop_assert!(number(&column.x) >= 0.0 && number(&column.x) + number(&column.width) <= 100.0);
                prop_assert!(number(&column.y) >= PLOT_TOP - 0.1);
            }
            prop_assert!(chart.ticks.len() <= 7);
        }
    }
}
