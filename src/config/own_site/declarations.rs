//! The blocks `:root { --name: value; … }` of a style sheet.

/// A custom property and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declaration<'a> {
    /// The line that it stands on, from 1.
    pub line: usize,
    /// The name without the two hyphens.
    pub name: &'a str,
    /// The value, without spaces around it.
    pub value: &'a str,
}

/// Text without its comments; what follows stays on the same lines.
pub(super) fn without_comments(text: &str) -> String {
    let mut parts = text.split("/*");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (comment, after) = part.split_once("*/").unwrap_or((part, ""));
        rest.extend(comment.chars().filter(|c| *c == '\n'));
        rest.push_str(after);
    }
    rest
}

/// What a text without comments declares, if it has nothing but such blocks.
///
/// # Errors
/// Where something else stands: the line and what is wrong there.
pub(super) fn declarations(text: &str) -> Result<Vec<Declaration<'_>>, (usize, &'static str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = first_ink(text, at) {
        let block =
            text[start..].strip_prefix(":root").map(str::trim_start).and_then(|rest| rest.strip_prefix('{'));
        let block = block.ok_or((line_of(text, start), "begins with something other than :root {"))?;
        let begin = text.len() - block.len();
        let end = block.find(['}', '{']).filter(|end| block[*end..].starts_with('}'));
        let end = begin + end.ok_or((line_of(text, start), "begins a block that does not end with }"))?;
        let mut from = begin;
        for part in text[begin..end].split(';') {
            if let Some(ink) = first_ink(text, from).filter(|ink| *ink < from + part.len()) {
                let line = line_of(text, ink);
                let (name, value) = part.split_once(':').ok_or((line, "has no colon"))?;
                let name =
                    name.trim().strip_prefix("--").ok_or((line, "sets something other than --name"))?;
                found.push(Declaration { line, name, value: value.trim() });
            }
            from += part.len() + 1;
        }
        at = end + 1;
    }
    Ok(found)
}

/// Where the next character stands that is no space.
fn first_ink(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    rest.find(|c: char| !c.is_whitespace()).map(|skipped| at + skipped)
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn declarations_are_read_with_their_lines() {
        let text = without_comments(
            "/* a\n b */ :root {\n  --accent: #fff; /* x; } */\n\n  --font: a, \"b\"\n}\n:root{}",
        );
        let found = declarations(&text).unwrap();
        let expected = [
            Declaration { line: 3, name: "accent", value: "#fff" },
            Declaration { line: 5, name: "font", value: "a, \"b\"" },
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn anything_else_is_refused_with_its_line() {
        for (text, line) in [
            ("body { color: red }", 1),
            (":root {\n color: red }", 2),
            ("\n@import 'x';", 2),
            (":root { --a: b } \n x", 2),
            (":root { --a: b", 1),
            (":root { --a { } }", 1),
            (":root {\n\n --a }", 3),
        ] {
            assert_eq!(declarations(text).map_err(|(line, _)| line), Err(line), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(:root|[{};:/* \n-]|--a|é){0,40}") {
            let text = without_comments(&text);
            if let Ok(found) = declarations(&text) {
                let escapes = found.iter().any(|one| one.value.contains(['{', '}', ';']));
                prop_assert!(!escapes);
            }
        }
    }
}
