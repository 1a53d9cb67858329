//! Texts for the terminal. All output of commands passes [`text`].

use std::io::{self, ErrorKind, Write as _};

use time::{PrimitiveDateTime, format_description::well_known::Rfc3339};

use crate::{admin::forms, error::Error, sessions::Remarks, text, web::FieldErrors};

/// The exit status of a command that is stopped because nobody reads its output: what a shell says of a tool that SIGPIPE ended.
const READER_GONE: i32 = 128 + 13;

/// Writes a line to standard output. Ends the process quietly when the reader has gone, as in `gatehouse sessions list | head`.
pub(super) fn line(line: &str) -> Result<(), String> {
    text(&format!("{line}\n"))
}

/// Writes a text to standard output, as [`line`] does.
pub(super) fn text(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(READER_GONE),
        result => result.map_err(|error| format!("standard output: {error}")),
    }
}

/// Writes a line to standard error, where nothing depends on who reads it.
pub(super) fn remark(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// An error as the text for standard error.
pub(super) fn error_line(error: Error) -> String {
    error.causes()
}

/// The mistakes of a filter as lines that name the option of each.
pub(super) fn option_lines(errors: &FieldErrors) -> String {
    let lines = errors.all().map(|(field, message)| format!("--{}: {message}", field.replace('_', "-")));
    lines.collect::<Vec<_>>().join("\n")
}

/// What to record of the options `--reason` and `--note`.
pub(super) fn checked_remarks(reason: &str, note: &str) -> Result<Remarks, String> {
    for (option, text) in [("--reason", reason), ("--note", note)] {
        if forms::line(text).is_none() {
            return Err(format!("{option}: write it on one line of at most 200 visible characters."));
        }
    }
    Ok(forms::remarks(reason, note))
}

/// The text for a terminal: names, reasons and devices come from clients and must neither send it commands nor turn its direction.
pub(super) fn plain(text: &str) -> String {
    text::escaped(text)
}

/// An object on one line, with the same characters as JSON escapes.
pub(super) fn json_line(object: &serde_json::Value) -> String {
    let mut line = String::new();
    for c in object.to_string().chars() {
        if text::is_refused(c) {
            let units =
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            line.push_str(&units);
        } else {
            line.push(c);
        }
    }
    line
}

/// A time as RFC 3339 in UTC.
pub(super) fn rfc3339(at: PrimitiveDateTime) -> String {
    at.assume_utc().format(&Rfc3339).unwrap_or_default()
}
