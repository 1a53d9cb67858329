//! Charts as SVG, laid out here and drawn by `templates/web/_charts.html`. Widths are in percent, so that a chart fits
//! any screen and its text keeps its size; heights are in pixels. Colours are the style sheet's.

use super::grouped;

/// Where the plot of a chart of columns is, in pixels of its height. It has all the width; the numbers at its lines
/// are to the left of it, where the style sheet leaves room.
const TOP: f64 = 22.0;
const BOTTOM: f64 = 190.0;

/// Labels below the columns, at most.
const MARKS: usize = 4;

/// Numbers over time, one column per slot and series.
pub struct Columns {
    /// Of the elements that name the chart.
    pub id: &'static str,
    pub title: String,
    /// What the chart says, for those who don't see it.
    pub summary: String,
    pub series: Vec<&'static str>,
    pub ticks: Vec<Tick>,
    pub marks: Vec<Text>,
    pub columns: Vec<Column>,
    pub values: Vec<Text>,
    /// The same as a table.
    pub rows: Vec<Row>,
    /// There is nothing to draw.
    pub empty: bool,
}

/// A text at a place.
pub struct Text {
    /// Percent.
    pub x: String,
    /// Pixels.
    pub y: String,
    pub text: String,
    /// Shown where there is little room too.
    pub key: bool,
}

/// A line behind the columns.
pub struct Tick {
    /// Pixels.
    pub y: String,
    pub text: String,
}

/// One column.
pub struct Column {
    pub x: String,
    pub y: String,
    pub width: String,
    pub height: String,
    /// Which series: 0 or 1.
    pub series: usize,
}

/// A line of the table: what, and the numbers.
pub struct Row {
    pub label: String,
    pub values: Vec<String>,
}

/// A moment of a chart: what it is called below the chart and in the table, and the number of each series; none
/// where nobody counted.
pub struct Slot {
    pub mark: String,
    pub label: String,
    pub values: Vec<Option<i64>>,
}

impl Columns {
    /// Lays out slots from left to right. `sums`: the numbers of a series can be added up.
    pub fn new(id: &'static str, title: &str, series: Vec<&'static str>, slots: &[Slot], sums: bool) -> Self {
        let numbers = || slots.iter().flat_map(|slot| slot.values.iter().flatten().copied());
        let step = step(numbers().max().unwrap_or(0));
        let top = (numbers().max().unwrap_or(0).max(1) + step - 1) / step * step;
        let y = |value: i64| BOTTOM - (BOTTOM - TOP) * value as f64 / top as f64;
        let slot_width = 100.0 / slots.len().max(1) as f64;
        let width = slot_width * 0.8 / series.len().max(1) as f64;
        let peak = |series: usize| peak(slots, series).map(|(index, _)| index);
        // Longer numbers would run into each other.
        let room = if series.len() > 1 { 3 } else { 5 };
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for (index, slot) in slots.iter().enumerate() {
            for (series, value) in slot.values.iter().enumerate() {
                let Some(value) = value.filter(|value| *value > 0) else { continue };
                let x = slot_width * (index as f64 + 0.1) + width * series as f64;
                columns.push(Column {
                    x: percent(x),
                    y: pixels(y(value)),
                    width: percent(width * 0.94),
                    height: pixels(BOTTOM - y(value)),
                    series,
                });
                let is_peak = peak(series) == Some(index);
                let text = short(value);
                if is_peak || text.len() <= room {
                    let (x, y) = (percent(x + width * 0.47), pixels(y(value) - 5.0));
                    values.push(Text { x, y, text, key: is_peak && series == 0 });
                }
            }
        }
        let ticks = (0..=top / step).map(|n| n * step);
        let every = slots.len().div_ceil(MARKS).max(1);
        let marks = slots.iter().enumerate().filter(|(index, _)| index % every == 0);
        Self {
            id,
            title: title.to_owned(),
            summary: summary(&series, slots, sums),
            ticks: ticks.map(|value| Tick { y: pixels(y(value)), text: short(value) }).collect(),
            marks: marks
                .map(|(index, slot)| Text {
                    x: percent(slot_width * (index as f64 + 0.5)),
                    y: pixels(BOTTOM + 20.0),
                    text: slot.mark.clone(),
                    key: true,
                })
                .collect(),
            columns,
            values,
            rows: slots
                .iter()
                .map(|slot| Row {
                    label: slot.label.clone(),
                    values: slot.values.iter().map(|value| value.map_or("–".to_owned(), grouped)).collect(),
                })
                .collect(),
            empty: numbers().all(|value| value == 0) && (sums || numbers().next().is_none()),
            series,
        }
    }
}

/// Parts of a whole, longest first, one bar each.
pub struct Bars {
    /// Of the elements that name the chart.
    pub id: &'static str,
    pub title: String,
    /// What the chart says, for those who don't see it.
    pub summary: String,
    /// Pixels.
    pub height: usize,
    pub bars: Vec<Bar>,
}

/// One bar with its text above it.
pub struct Bar {
    pub label: String,
    pub value: String,
    /// Share of the whole: "34 %"
    pub share: String,
    /// Percent of the longest.
    pub width: String,
    /// Pixels from the top.
    pub text_y: usize,
    pub bar_y: usize,
}

/// Bars of a chart; what comes after is one bar "Other".
const BARS: usize = 6;
/// Pixels of one bar with its text.
const BAR: usize = 40;

impl Bars {
    /// Lays out counted names.
    pub fn new(id: &'static str, title: &str, mut counts: Vec<(String, i64)>) -> Self {
        counts.sort_by(|(a, most), (b, more)| more.cmp(most).then(a.cmp(b)));
        if counts.len() > BARS {
            let rest = counts.split_off(BARS - 1);
            counts.push(("Other".to_owned(), rest.iter().map(|(_, count)| count).sum()));
        }
        let total: i64 = counts.iter().map(|(_, count)| count).sum();
        let longest = counts.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
        let bars: Vec<Bar> = counts
            .iter()
            .enumerate()
            .map(|(index, (label, count))| Bar {
                label: label.clone(),
                value: grouped(*count),
                share: format!("{:.0} %", *count as f64 * 100.0 / total.max(1) as f64),
                width: percent(*count as f64 * 100.0 / longest as f64),
                text_y: index * BAR + 14,
                bar_y: index * BAR + 21,
            })
            .collect();
        let said: Vec<String> = bars.iter().map(|bar| format!("{} {}", bar.label, bar.value)).collect();
        let summary = format!("{}.", said.join(", "));
        Self { id, title: title.to_owned(), summary, height: bars.len() * BAR, bars }
    }
}

fn summary(series: &[&str], slots: &[Slot], sums: bool) -> String {
    let told = series.iter().enumerate().filter_map(|(index, name)| {
        let (at, most) = peak(slots, index)?;
        let mut numbers = slots.iter().filter_map(|slot| slot.values.get(index).copied().flatten());
        let (last, word) = if sums { (numbers.sum(), "in all") } else { (numbers.next_back()?, "newest") };
        let (most, last, label) = (grouped(most), grouped(last), &slots[at].label);
        Some(format!("{name}: highest {most} ({label}), {word} {last}."))
    });
    told.collect::<Vec<_>>().join(" ")
}

/// The first slot with a series' highest number.
fn peak(slots: &[Slot], series: usize) -> Option<(usize, i64)> {
    let numbers =
        slots.iter().enumerate().filter_map(|(index, slot)| Some((index, (*slot.values.get(series)?)?)));
    numbers.reduce(|most, next| if next.1 > most.1 { next } else { most })
}

/// The distance of the lines behind the columns: 1, 2 or 5 times a power of ten, at most five up to the highest.
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

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

fn pixels(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slots(values: &[Option<i64>]) -> Vec<Slot> {
        let slot = |(n, value): (usize, &Option<i64>)| Slot {
            mark: n.to_string(),
            label: format!("slot {n}"),
            values: vec![*value],
        };
        values.iter().enumerate().map(slot).collect()
    }

    #[test]
    fn columns_are_as_high_as_their_numbers() {
        let chart =
            Columns::new("x", "X", vec!["Sessions"], &slots(&[Some(0), Some(5), None, Some(10)]), false);
        let heights: Vec<f64> = chart.columns.iter().map(|column| column.height.parse().unwrap()).collect();
        assert_eq!(heights, [84.0, 168.0]);
        assert_eq!(chart.summary, "Sessions: highest 10 (slot 3), newest 10.");
        let table: Vec<&str> = chart.rows.iter().map(|row| row.values[0].as_str()).collect();
        assert_eq!(table, ["0", "5", "–", "10"]);
        assert!(!chart.empty);
        assert!(Columns::new("x", "X", vec!["Sessions"], &slots(&[None, None]), false).empty);
        assert!(Columns::new("x", "X", vec!["Sign-ins"], &slots(&[Some(0)]), true).empty);
        assert!(!Columns::new("x", "X", vec!["Sessions"], &slots(&[Some(0)]), false).empty);
    }

    #[test]
    fn many_bars_end_in_other() {
        let counts = (1..=9).map(|n| (format!("browser {n}"), n)).collect();
        let chart = Bars::new("x", "X", counts);
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
        assert_eq!((chart.bars[5].share.as_str(), chart.bars[5].width.as_str()), ("22 %", "100.00%"));
    }

    proptest! {
        #[test]
        fn every_column_is_inside(values in prop::collection::vec(prop::option::of(0..i64::MAX / 4), 0..40)) {
            let chart = Columns::new("x", "X", vec!["A"], &slots(&values), false);
            for column in &chart.columns {
                let number = |text: &str| text.trim_end_matches('%').parse::<f64>().unwrap();
                prop_assert!(number(&column.x) >= 0.0 && number(&column.x) + number(&column.width) <= 100.0);
                prop_assert!(number(&column.y) >= TOP - 0.1);
            }
            prop_assert!(chart.ticks.len() <= 7);
        }
    }
}
