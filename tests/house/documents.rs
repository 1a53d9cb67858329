//! What the documents say: links lead somewhere, settings are all there, quoted messages and named tests exist.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{root, rust_files};

/// The documents for readers, with their texts.
fn documents() -> Vec<(PathBuf, String)> {
    let files = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let pages = files(root().join("docs")).chain(files(root().to_owned()));
    let pages = pages.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    pages.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// Where the links and pictures of a document lead, without those to other sites.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let pictures = text.split(" src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links.chain(pictures).filter(|target| !target.contains("://"))
}

/// The part of an address that leads to a heading.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches(['#', ' ']).to_lowercase();
    words
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>()
        .replace(' ', "-")
}

/// Where a link leads, if the file and the heading exist.
fn target(path: &Path, link: &str) -> Option<PathBuf> {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { path.to_owned() } else { path.parent()?.join(file) };
    let target = target.canonicalize().ok()?;
    if heading.is_empty() {
        return Some(target);
    }
    let text = fs::read_to_string(&target).ok()?;
    text.lines().any(|line| line.starts_with('#') && anchor(line) == heading).then_some(target)
}

#[test]
fn links_of_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in documents() {
        let wrong = links(&text).filter(|link| target(&path, link).is_none());
        broken.extend(wrong.map(|link| format!("{}: {link}", path.display())));
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn every_page_and_example_is_found_from_the_readme() {
    let root = root().canonicalize().unwrap();
    let mut found = BTreeSet::new();
    let mut next = vec![root.join("README.md")];
    while let Some(path) = next.pop() {
        if found.insert(path.clone()) && path.extension().is_some_and(|kind| kind == "md") {
            let text = fs::read_to_string(&path).unwrap();
            next.extend(links(&text).filter_map(|link| target(&path, link)));
        }
    }
    let folders = ["docs", "docs/examples"].map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let files = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    let lost: Vec<PathBuf> = files.filter(|path| path.is_file() && !found.contains(path)).collect();
    assert_eq!(lost, Vec::<PathBuf>::new());
}

/// All texts of the program: the source with its broken lines joined, and the templates.
fn texts_of_the_program() -> String {
    let mut texts = String::new();
    for path in rust_files(&root().join("src")) {
        let text = fs::read_to_string(path).unwrap();
        let parts = text.split("\\\n").enumerate();
        let joined: String = parts.map(|(at, part)| if at == 0 { part } else { part.trim_start() }).collect();
        texts.push_str(&joined.replace("\\\"", "\""));
    }
    for path in files_below(&root().join("templates")) {
        texts.push_str(&fs::read_to_string(path).unwrap());
    }
    texts
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// The lines of the blocks of a kind, such as `text`.
fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let begin = format!("```{kind}\n");
    page.split(begin.as_str())
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .flat_map(str::lines)
        .collect()
}

#[test]
fn messages_of_the_troubleshooting_page_are_those_of_the_program() {
    let page = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let texts = texts_of_the_program();
    let in_tables = page.lines().filter_map(|line| line.strip_prefix("| \"")?.split('"').next());
    let quoted: Vec<&str> = blocks(&page, "text").into_iter().chain(in_tables).collect();
    assert!(quoted.len() > 30, "{quoted:?}");
    let parts = quoted.iter().flat_map(|line| line.split('…'));
    let parts = parts.map(|part| part.trim_matches([' ', ',', ':', ';'])).filter(|part| part.len() > 3);
    let unknown: Vec<&str> = parts.filter(|part| !texts.contains(part)).collect();
    assert_eq!(unknown, Vec::<&str>::new());
}

/// The names of all tests: functions, and what the macros of the stacks make.
fn tests() -> BTreeSet<String> {
    let files = ["src", "tests"].map(|folder| rust_files(&root().join(folder))).concat();
    let texts: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let names = |begin: &str, end: char| {
        let parts = texts.split(begin).skip(1).filter_map(|rest| rest.split(end).next());
        parts.map(|name| name.trim().to_owned()).collect::<Vec<_>>()
    };
    let made = ["on_both_stacks!(", "on_all_backends!("].iter().flat_map(|call| names(call, ','));
    made.chain(names("fn ", '(')).collect()
}

#[test]
fn tests_that_the_security_page_names_exist() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let cells = rows.filter_map(|row| row.split(" | ").nth(2));
    let named: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 80, "{named:?}");
    let tests = tests();
    let unknown: Vec<&&str> = named.iter().filter(|name| !tests.contains(**name)).collect();
    assert_eq!(unknown, Vec::<&&str>::new());
}

/// The variables that `docs/configuration.md` has a part about.
fn documented_variables() -> BTreeSet<String> {
    let page = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let names = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    names.map(str::to_owned).collect()
}

/// The variables that `src/config/` reads.
fn read_variables() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in rust_files(&root().join("src/config")) {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let compact: String = code.split_whitespace().collect::<Vec<_>>().join("");
        let calls = [
            "reader.get(\"",
            "reader.parse(\"",
            "reader.on_or_off(\"",
            "reader.duration(\"",
            "reader.duration_or_forever(\"",
            "reader.duration_within(\"",
            "reader.read_hidden(\"",
            "rolling_ttl(reader,\"",
        ];
        for call in calls {
            for (at, _) in compact.match_indices(call) {
                names.extend(compact[at + call.len()..].split('"').next().map(str::to_owned));
            }
        }
    }
    names
}

#[test]
fn page_of_settings_names_every_variable() {
    let read = read_variables();
    assert!(read.len() > 15, "{read:?}");
    assert_eq!(documented_variables(), read, "add it to src/config/settings/");
}
