//! The file `.env`: `NAME=value` lines with comments, `export`, quotes and escapes.
//!
//! By hand: dotenvy replaces `$name` in values, so that a password such as `pa$word` silently becomes another, and quotes whole
//! lines in its errors. Here nothing is replaced, and an error names the number of the line alone.

use std::{fs, io, iter::Peekable, path::Path, str::Chars};

/// Names and values, in the order of the file.
pub(super) type Entries = Vec<(String, String)>;

/// Reads a file; one that does not exist is empty.
///
/// # Errors
/// A line for each mistake.
pub(super) fn read(path: &Path) -> Result<Entries, Vec<String>> {
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => parse(&text),
            Err(error) => {
                let line =
                    error.as_bytes()[..error.utf8_error().valid_up_to()].split(|b| *b == b'\n').count();
                Err(vec![format!(".env, line {line}: is not UTF-8")])
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Entries::new()),
        Err(error) => Err(vec![format!(".env: can't be read: {error}")]),
    }
}

/// Reads the text of a file.
fn parse(text: &str) -> Result<Entries, Vec<String>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut scanner = Scanner { rest: text.chars().peekable(), line: 1 };
    let (mut entries, mut mistakes) = (Entries::new(), Vec::new());
    while scanner.rest.peek().is_some() {
        let line = scanner.line;
        match scanner.entry() {
            Ok(Some((name, _))) if entries.iter().any(|(known, _)| *known == name) => {
                mistakes.push(format!(".env, line {line}: {name} is set for the second time"));
            }
            Ok(entry) => entries.extend(entry),
            Err(reason) => {
                mistakes.push(format!(".env, line {line}: {reason}"));
                scanner.skip_line();
            }
        }
    }
    if mistakes.is_empty() { Ok(entries) } else { Err(mistakes) }
}

struct Scanner<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn skip_spaces(&mut self) {
        while self.rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    }

    fn skip_line(&mut self) {
        while self.rest.peek().is_some() && self.next() != Some('\n') {}
    }

    /// The next line's entry; `None` for an empty line or a comment.
    fn entry(&mut self) -> Result<Option<(String, String)>, &'static str> {
        self.skip_spaces();
        if matches!(self.rest.peek(), None | Some('\n' | '#')) {
            self.skip_line();
            return Ok(None);
        }
        let mut name = self.name()?;
        self.skip_spaces();
        if name == "export" && self.rest.peek() != Some(&'=') {
            name = self.name()?;
            self.skip_spaces();
        }
        self.rest.next_if_eq(&'=').ok_or("there is no = after the name")?;
        if self.rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {
            self.skip_spaces();
            if self.rest.peek() == Some(&'#') {
                self.skip_line();
                return Ok(Some((name, String::new())));
            }
        }
        Ok(Some((name, self.value()?)))
    }

    fn name(&mut self) -> Result<String, &'static str> {
        let mut name = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')) {
            name.push(c);
        }
        if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            Ok(name)
        } else {
            Err("does not begin with the name of a variable")
        }
    }

    /// A value and the line break after it. As in a shell, parts in quotes and parts without may follow each other.
    fn value(&mut self) -> Result<String, &'static str> {
        let mut value = String::new();
        loop {
            match self.rest.peek() {
                None => return Ok(value),
                Some('\n') => {
                    self.next();
                    return Ok(value);
                }
                Some(' ' | '\t') => {
                    self.end_of_line()?;
                    return Ok(value);
                }
                Some('\'') => self.single_quoted(&mut value)?,
                Some('"') => self.double_quoted(&mut value)?,
                Some(_) => self.one(&mut value)?,
            }
        }
    }

    fn single_quoted(&mut self, value: &mut String) -> Result<(), &'static str> {
        self.next();
        loop {
            match self.next().ok_or("a quote is not closed")? {
                '\'' => return Ok(()),
                c => value.push(c),
            }
        }
    }

    fn double_quoted(&mut self, value: &mut String) -> Result<(), &'static str> {
        self.next();
        while self.rest.peek().ok_or("a quote is not closed")? != &'"' {
            self.one(value)?;
        }
        self.next();
        Ok(())
    }

    /// One character outside of single quotes, or its escape.
    fn one(&mut self, value: &mut String) -> Result<(), &'static str> {
        let c = self.next().unwrap_or_default();
        if c == '$' && self.rest.peek() == Some(&'{') {
            return Err(
                "${…} is not replaced by a variable; put a value that is meant as it stands in single quotes",
            );
        }
        value.push(match c {
            '\\' => match self.next() {
                Some(c @ ('\\' | '\'' | '"' | '$' | ' ' | '#')) => c,
                Some('n') => '\n',
                _ => return Err("a \\ that is meant as it stands is written \\\\, or the value is put in single quotes"),
            },
            c => c,
        });
        Ok(())
    }

    /// Spaces, a comment, and the line break.
    fn end_of_line(&mut self) -> Result<(), &'static str> {
        self.skip_spaces();
        if matches!(self.rest.peek(), None | Some('\n' | '#')) {
            self.skip_line();
            Ok(())
        } else {
            Err("a value with spaces has to be in quotes")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(text: &str) -> String {
        let entries = parse(&format!("A={text}\nB=next")).unwrap();
        assert_eq!(entries[1], ("B".to_owned(), "next".to_owned()), "{text}");
        entries[0].1.clone()
    }

    #[test]
    fn env_example_can_be_read_line_by_line() {
        let lines = include_str!("../../.env.example").lines().filter_map(|line| line.strip_prefix("# "));
        for line in lines.filter(|line| line.split_once('=').is_some_and(|(name, _)| !name.contains(' '))) {
            assert_eq!(parse(line).unwrap().len(), 1, "{line}");
        }
    }

    #[test]
    fn env_file_values_are_taken_as_they_stand() {
        for (text, expected) in [
            ("pa$word", "pa$word"),
            ("\"pa$word\"", "pa$word"),
            ("'pa$word'", "pa$word"),
            ("pa\\$word", "pa$word"),
            ("'${word}'", "${word}"),
            ("$", "$"),
            ("pa#ss # comment", "pa#ss"),
            ("#pass", "#pass"),
            (" spaced \t", "spaced"),
            ("", ""),
            ("   # comment", ""),
            ("\"a b\\n\\\"c\\\"\" # d", "a b\n\"c\""),
            ("'a\nb'", "a\nb"),
            ("a'b c'\"d\"", "ab cd"),
            ("s\\ ix", "s ix"),
            ("crlf\r", "crlf"),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn env_file_lines_have_names() {
        let text = "\u{feff}# top\n\n  A = 1\nexport B=2\nexport=3\n";
        let entries = [("A", "1"), ("B", "2"), ("export", "3")];
        assert_eq!(parse(text).unwrap(), entries.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn env_file_mistakes_name_the_line_alone() {
        for wrong in [
            "hunter2",
            "1hunter2=x",
            "A hunter2=x",
            "A=hun ter2",
            "A=hunter2${B}",
            "A=hun\\ter2",
            "A='hunter2",
            "A=\"hunter2",
            "A=1\\",
        ] {
            let text = format!("OK='1\n2'\n{wrong}\n");
            let mistakes = parse(&text).expect_err(wrong);
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            assert!(
                mistakes[0].starts_with(".env, line 3: ") && !mistakes[0].contains("ter2"),
                "{mistakes:?}"
            );
        }
        let two = parse("A=1\nA=2\nB=3\nno\n").unwrap_err();
        assert_eq!(two.len(), 2, "{two:?}");
        assert!(two[0].starts_with(".env, line 2: A ") && two[1].starts_with(".env, line 4: "), "{two:?}");
    }

    proptest! {
        #[test]
        fn env_file_quoted_values_come_back(text in "[^'\r]*") {
            prop_assert_eq!(value(&format!("'{text}'")), text);
        }

        #[test]
        fn env_file_reader_never_panics(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
