//! Lists on the terminal: rows in columns under their heads.

use unicode_width::UnicodeWidthStr as _;

use super::report::{line, plain};

/// What is between two columns.
const GAP: &str = "  ";

/// A list that is written page by page. Its heads come with the first row; columns are as wide as what was written so far needs.
pub(super) struct Table<const N: usize> {
    heads: [&'static str; N],
    widths: [usize; N],
    is_begun: bool,
}

impl<const N: usize> Table<N> {
    /// A table with these heads.
    pub(super) fn new(heads: [&'static str; N]) -> Self {
        Self { heads, widths: [0; N], is_begun: false }
    }

    /// Writes rows to standard output, safe for a terminal.
    pub(super) fn write(&mut self, rows: Vec<[String; N]>) -> Result<(), String> {
        if rows.is_empty() {
            return Ok(());
        }
        let heads = (!self.is_begun).then(|| self.heads.map(str::to_owned));
        self.is_begun = true;
        let rows: Vec<_> = heads.into_iter().chain(rows).map(|row| row.map(|cell| plain(&cell))).collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        rows.iter().try_for_each(|row| line(&self.joined(row)))
    }

    fn joined(&self, row: &[String; N]) -> String {
        let mut text = String::new();
        for (width, cell) in self.widths.iter().zip(row) {
            text.push_str(cell);
            text.push_str(&" ".repeat(width - cell.width()));
            text.push_str(GAP);
        }
        text.trim_end().to_owned()
    }
}
