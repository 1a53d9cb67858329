//! A password on standard input.

use std::io::Read as _;

use super::report;

/// The mark that some programs write before text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads the password: the first line of standard input, as [`first_line`].
pub(super) fn read_password() -> Result<String, String> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|error| format!("standard input: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "the password: standard input is not in UTF-8")?;
    let (password, rest) = first_line(&text)?;
    if !rest.trim().is_empty() {
        report::remark("Only the first line of standard input is the password; the others were left out.");
    }
    Ok(password.to_owned())
}

/// The first line, without a byte order mark and its line break, and what follows it. Refuses what nobody could type into a form.
fn first_line(text: &str) -> Result<(&str, &str), String> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() && !rest.trim().is_empty() {
        return Err("the password: the first line of standard input is empty, and others follow".to_owned());
    }
    match line.chars().find(|c| c.is_control() || *c == BYTE_ORDER_MARK) {
        Some(c) => Err(format!("the password: it contains U+{:04X}, which can't be typed", u32::from(c))),
        None => Ok((line, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::first_line;

    #[test]
    fn password_is_first_line_without_mark_and_break() {
        for (text, password) in [
            ("violet anchor", "violet anchor"),
            ("violet\n", "violet"),
            ("\u{feff}violet\r\n", "violet"),
            (" violet \n\n\n", " violet "),
            ("violet\nmaple\n", "violet"),
            ("\u{feff}\r\n", ""),
        ] {
            assert_eq!(first_line(text).map(|(line, _)| line), Ok(password), "{text:?}");
        }
        for text in ["\nviolet", "\u{feff}\n\nviolet", "vio\tlet", "vio\0let", "vio\u{feff}let", "a\rb"] {
            assert!(first_line(text).unwrap_err().starts_with("the password: "), "{text:?}");
        }
    }
}
