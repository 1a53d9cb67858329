//! Charts as SVG: their layout is computed here, `templates/web/_charts.html` draws them. Widths are in percent, so that a chart
//! fits any screen and its text keeps its size; heights are in pixels. Colours are in the style sheet.
//!
//! By hand: crates write pixels and colours into the SVG or need a JavaScript engine.

mod bars;
mod columns;

pub use bars::BarChart;
pub use columns::{Aggregate, ColumnChart, Slot};

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

fn pixels(value: f64) -> String {
    format!("{value:.1}")
}
