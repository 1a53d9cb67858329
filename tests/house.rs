//! How the source is laid out: the staircase of rooms, no cycles between files, no dependency without use, and what the
//! example of the environment must name. Reads files only; needs no server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics, helpers too")]

#[path = "house/documents.rs"]
mod documents;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A file below `src/` with the module path that it defines.
struct Source {
    path: PathBuf,
    /// `["sessions", "live", "event_bus"]`; `mod.rs` stands for its folder.
    module: Vec<String>,
    /// Whether it is `mod.rs`, `lib.rs` or `main.rs`: the root of a module with files of its own.
    is_module_root: bool,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The files of a folder such as `src`, as modules of one crate.
fn sources(folder: &str) -> Vec<Source> {
    let base = root().join(folder);
    let source = |path: PathBuf| {
        let relative = path.strip_prefix(&base).unwrap().with_extension("");
        let mut module: Vec<String> = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        let is_module_root =
            module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
        if is_module_root {
            module.pop();
        }
        let text = fs::read_to_string(&path).unwrap();
        Source { path, module, is_module_root, text }
    };
    rust_files(&base).into_iter().map(source).collect()
}

/// The code without comments and string literals, so that neither is taken for an import.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                while let Some(c) = chars.next() {
                    match c {
                        '\\' => {
                            chars.next();
                        }
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '\'' => {
                // A character literal such as '"' or '\''; a lifetime has no closing quote nearby.
                let mut ahead = chars.clone();
                let is_escape = ahead.next() == Some('\\');
                let length = if is_escape { 3 } else { 2 };
                if is_escape || ahead.next() == Some('\'') {
                    for _ in 0..length {
                        chars.next();
                    }
                }
            }
            _ => code.push(c),
        }
    }
    code
}

/// The paths of a `use` tree such as `a::{b, c::{self, d}}`.
fn flatten(tree: &str, prefix: &[String], found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        let mut whole = prefix.to_vec();
        whole.extend(path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
        if whole.last().is_some_and(|last| last == "self" || last == "*") {
            whole.pop();
        }
        found.push(whole);
        return;
    };
    let mut inner_prefix = prefix.to_vec();
    inner_prefix
        .extend(tree[..open].split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned));
    let inner = &tree[open + 1..tree.rfind('}').unwrap()];
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                flatten(&inner[start..at], &inner_prefix, found);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inner[start..].trim().is_empty() {
        flatten(&inner[start..], &inner_prefix, found);
    }
}

/// What a file imports from its own crate, as paths from the crate's root. Paths in code, such as `crate::db::text_enum!`,
/// count as well. Imports in unit tests don't.
fn imports(source: &Source) -> Vec<Vec<String>> {
    let code = code_of(&source.text);
    let code = code.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut found = Vec::new();
    for statement in code.split(';') {
        let Some(at) = statement.rfind("use ") else { continue };
        let before = statement[..at].trim_end();
        let starts_line = before.is_empty() || before.ends_with(['}', '{', ')', ']']) || {
            let line = statement[..at].rsplit('\n').next().unwrap_or_default().trim();
            line.is_empty() || line == "pub" || line.starts_with("pub(")
        };
        if starts_line {
            flatten(&statement[at + 4..], &[], &mut found);
        }
    }
    for (at, _) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        let path: String =
            code[at..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
        found.push(path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect());
    }
    found.into_iter().filter_map(|path| absolute(&path, &source.module)).collect()
}

/// The path from the crate's root; `None` for another crate's.
fn absolute(path: &[String], module: &[String]) -> Option<Vec<String>> {
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let kept = module.len().checked_sub(ups)?;
            Some([&module[..kept], &path[ups..]].concat())
        }
        _ => None,
    }
}

/// The rooms from top to bottom, as `src/lib.rs` lists them.
fn rooms(lib: &str) -> Vec<String> {
    let listed = lib.lines().filter_map(|line| line.strip_prefix("//! - [`")?.split_once('`'));
    listed.map(|(room, _)| room.to_owned()).collect()
}

/// The imports from a room to one that stands above it.
fn upward_imports(rooms: &[String], sources: &[Source]) -> Vec<String> {
    let position = |room: &String| rooms.iter().position(|listed| listed == room);
    let mut upward = BTreeSet::new();
    for source in sources.iter().filter(|source| !source.module.is_empty()) {
        let own = position(&source.module[0])
            .unwrap_or_else(|| panic!("{} is in a room that lib.rs does not list", source.path.display()));
        for path in imports(source) {
            if path.first().and_then(position).is_some_and(|other| other < own) {
                upward.insert(format!("{} imports {}", source.path.display(), path.join("::")));
            }
        }
    }
    upward.into_iter().collect()
}

#[test]
fn staircase_lists_every_room() {
    let listed: BTreeSet<String> =
        rooms(&fs::read_to_string(root().join("src/lib.rs")).unwrap()).into_iter().collect();
    let found: BTreeSet<String> =
        sources("src").iter().filter_map(|source| source.module.first().cloned()).collect();
    assert_eq!(listed, found);
}

#[test]
fn staircase_has_no_upward_import() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert_eq!(upward_imports(&rooms(&lib), &sources("src")), Vec::<String>::new());
}

#[test]
fn staircase_test_finds_upward_import() {
    let rooms = ["upper", "lower"].map(str::to_owned);
    let source = |module: &str, text: &str| Source {
        path: module.into(),
        module: vec![module.to_owned()],
        is_module_root: true,
        text: text.to_owned(),
    };
    for (module, text, expected) in [
        ("upper", "use crate::lower::Thing;", 0),
        ("lower", "use std::fmt;\nuse crate::{\n    lower::Own,\n    upper::{self, Thing as Other},\n};", 1),
        ("lower", "fn f() -> crate::upper::Thing { make() }", 1),
        ("lower", "pub(crate) use super::upper::Thing;", 1),
        ("lower", "// use crate::upper::Thing;\nconst A: &str = \"use crate::upper::Thing;\";", 0),
        ("lower", "#[cfg(test)]\nmod tests {\n    use crate::upper::Thing;\n}", 0),
    ] {
        assert_eq!(upward_imports(&rooms, &[source(module, text)]).len().min(1), expected, "{text}");
    }
}

/// For each file, the files that it imports from. A module's root and the files in its folder may import each other.
fn import_graph(sources: &[Source]) -> BTreeMap<usize, BTreeSet<usize>> {
    let by_module: BTreeMap<&[String], usize> =
        sources.iter().enumerate().map(|(index, source)| (source.module.as_slice(), index)).collect();
    let mut import_graph = BTreeMap::new();
    for (index, source) in sources.iter().enumerate() {
        let targets = imports(source).into_iter().filter_map(|path| {
            let target = (0..=path.len()).rev().find_map(|length| by_module.get(&path[..length]).copied())?;
            let other = &sources[target];
            let is_own_root =
                |root: &Source, child: &Source| root.is_module_root && child.module.starts_with(&root.module);
            let same = target == index || is_own_root(other, source) || is_own_root(source, other);
            (!same).then_some(target)
        });
        import_graph.insert(index, targets.collect::<BTreeSet<usize>>());
    }
    import_graph
}

/// Whether imports lead from the file back to it.
fn is_in_cycle(start: usize, import_graph: &BTreeMap<usize, BTreeSet<usize>>) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(at) = open.pop() {
        for next in &import_graph[&at] {
            if *next == start {
                return true;
            }
            if seen.insert(*next) {
                open.push(*next);
            }
        }
    }
    false
}

#[test]
fn files_import_without_cycles() {
    for folder in ["src", "benches/load"] {
        let sources = sources(folder);
        let import_graph = import_graph(&sources);
        let cycles: Vec<String> = (0..sources.len())
            .filter(|index| is_in_cycle(*index, &import_graph))
            .map(|index| sources[index].path.display().to_string())
            .collect();
        assert_eq!(cycles, Vec::<String>::new(), "these files import each other in a cycle");
    }
}

#[test]
fn room_roots_define_nothing() {
    let root_file = sources("src")
        .into_iter()
        .find(|source| source.is_module_root && source.module == ["sessions"])
        .unwrap();
    let code = code_of(&root_file.text);
    for item in ["fn ", "struct ", "enum ", "impl ", "const ", "trait "] {
        assert!(!code.contains(item), "src/sessions/mod.rs defines something: {item}");
    }
}

#[test]
fn files_begin_with_their_purpose() {
    let folders = ["src", "tests", "benches"];
    let missing: Vec<String> = folders
        .into_iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .filter(|path| !path.ends_with("db/schema.rs"))
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! "))
        .map(|path| path.display().to_string())
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "these files lack a first line with //!");
}

#[test]
fn module_files_have_one_style() {
    let folders: BTreeSet<PathBuf> =
        rust_files(&root().join("src")).iter().filter_map(|path| path.parent().map(Path::to_owned)).collect();
    for folder in folders.iter().filter(|folder| !folder.ends_with("src")) {
        assert!(folder.join("mod.rs").exists(), "{} has no mod.rs", folder.display());
        assert!(!folder.with_extension("rs").exists(), "{} has a second root", folder.display());
    }
}

#[test]
fn nothing_prints_with_macros_that_panic() {
    for path in rust_files(&root().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            !code_of(&text).contains("print!(") && !code_of(&text).contains("println!("),
            "{}",
            path.display()
        );
    }
}

/// With Postgres the database's clock counts, which only the room `clock` goes by.
#[test]
fn time_is_asked_of_one_room() {
    for source in sources("src").iter().filter(|source| !source.module.starts_with(&["clock".to_owned()])) {
        for own in ["::now_utc(", "SystemTime::now(", "date_now("] {
            assert!(!source.text.contains(own), "{} asks the machine for the time", source.path.display());
        }
    }
}

/// Dependencies that no line of code names, with the reason why they are needed.
const USED_WITHOUT_A_LINE: [(&str, &str); 2] = [
    ("rustls", "its feature `ring` is the TLS provider of redis"),
    ("hyper-util", "the client of fantoccini"),
];

#[test]
fn dependencies_are_used() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = |name: &str| {
        let start = manifest.find(&format!("[{name}]")).unwrap() + name.len() + 2;
        let end = manifest[start..].find("\n[").map_or(manifest.len(), |length| start + length);
        manifest[start..end]
            .lines()
            .filter_map(|line| line.split_once(" = ").map(|(name, _)| name.to_owned()))
    };
    let code = |folders: &[&str]| {
        let files = folders.iter().flat_map(|folder| rust_files(&root().join(folder)));
        files.map(|path| fs::read_to_string(path).unwrap()).collect::<Vec<_>>().join("\n")
    };
    let is_used = |name: &str, code: &str| {
        let name = name.replace('-', "_");
        [format!("{name}::"), format!("use {name}"), format!("{name} as ")]
            .iter()
            .any(|text| code.contains(text))
    };
    let (product, tests) = (code(&["src"]), code(&["src", "tests", "benches/load", "docs/examples"]));
    let unused: Vec<String> = section("dependencies")
        .filter(|name| !is_used(name, &product))
        .chain(section("dev-dependencies").filter(|name| !is_used(name, &tests)))
        .filter(|name| !USED_WITHOUT_A_LINE.iter().any(|(listed, _)| listed == name))
        .collect();
    assert_eq!(unused, Vec::<String>::new(), "these dependencies are not used");
}
