//! Progress bars on the terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar on standard error with that label; drawn on a terminal only.
pub(super) fn progress(label: &'static str, count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>12} {wide_bar} {human_pos}/{human_len} {eta:>4}");
    let bar = ProgressBar::new(count).with_message(label);
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}
