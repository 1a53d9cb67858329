//! Pages of lists that are read with one row more than they show, which tells whether there is a next page.

/// Rows on one page.
const PAGE_SIZE: usize = 50;

/// How many rows to read for one page: its own, and the one that tells whether there is a next page.
pub const ROWS_TO_READ: i64 = PAGE_SIZE as i64 + 1;

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// At most 50 rows.
    pub rows: Vec<T>,
    /// The id of the page's last row, which the next page starts after; `None`: there is no next page.
    pub next: Option<i64>,
}

impl<T> Page<T> {
    /// The page of the rows that were read, at most [`ROWS_TO_READ`].
    pub fn new(mut rows: Vec<T>, id: impl FnOnce(&T) -> i64) -> Self {
        let has_next = rows.len() > PAGE_SIZE;
        rows.truncate(PAGE_SIZE);
        let next = rows.last().filter(|_| has_next).map(id);
        Self { rows, next }
    }
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), next: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_next_when_one_more_row_was_read() {
        for (count, shown, next) in [(0, 0, None), (1, 1, None), (50, 50, None), (51, 50, Some(50))] {
            let page = Page::new((1..=count).collect(), |id| *id);
            assert_eq!((page.rows.len(), page.next), (shown, next), "{count} rows");
        }
    }
}
