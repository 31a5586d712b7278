//! How the tree is kept: comments are as wide as code, modules import each other in one direction,
//! and the tests that a table names are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hoglet_verify::Workspace;

/// Columns of a comment's line at most. Tables and drawings are as wide as they are.
const COLUMNS: usize = 100;

fn rust_files() -> Vec<String> {
    let workspace = Workspace::find().expect("tests are run by cargo");
    let files = workspace
        .run_well("git ls-files --cached --others --exclude-standard *.rs")
        .expect("git");
    files.lines().map(str::to_owned).collect()
}

fn text(file: &str) -> String {
    let workspace = Workspace::find().expect("tests are run by cargo");
    // A file that was removed and is still listed.
    fs::read_to_string(workspace.file(file)).unwrap_or_default()
}

#[test]
fn comments_wrap_at_100_columns() {
    let is_wide = |line: &&str| {
        let comment = line.trim_start();
        let is_text = comment.starts_with("//") && !comment.contains(['|', '│', '─']);
        is_text && line.chars().count() > COLUMNS
    };
    for file in rust_files() {
        let text = text(&file);
        let wide: Vec<_> = text.lines().filter(is_wide).collect();
        assert!(wide.is_empty(), "{file}: {wide:#?}");
    }
}

/// A module's path: `queue::state` of `queue/state.rs`, nothing of `lib.rs`.
fn module(file: &str) -> Option<Vec<String>> {
    let path = file.strip_suffix(".rs")?;
    let parts = path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let is_root = path == "lib";
    (!path.ends_with("tests")).then_some(if is_root { Vec::new() } else { parts })
}

/// What a file imports of its crate, as paths without the last part.
fn imports(text: &str) -> Vec<Vec<String>> {
    let code = text.split("\nmod tests {").next();
    let code = code.unwrap_or_default().replace('\n', "");
    let paths = code.split("use crate::").skip(1);
    let paths = paths.filter_map(|path| path.split(';').next());
    let mut all = Vec::new();
    for path in paths {
        let (path, names) = path.split_once('{').unwrap_or((path, ""));
        let base = path
            .split("::")
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let base: Vec<_> = base.map(str::to_owned).collect();
        let names = names.split(['{', '}', ',']).map(str::trim);
        for name in names.filter(|name| !name.is_empty()) {
            let name = name.split("::").map(str::to_owned);
            all.push(base.iter().cloned().chain(name).collect());
        }
        all.push(base);
    }
    all
}

/// Takes out modules that import none of those left, until there are no more of them.
fn circle(mut graph: BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Vec<String> {
    loop {
        let left: BTreeSet<_> = graph.keys().cloned().collect();
        let before = graph.len();
        graph.retain(|_, imports| !imports.is_disjoint(&left));
        if graph.len() == before {
            return graph.keys().map(|module| module.join("::")).collect();
        }
    }
}

#[test]
fn no_module_imports_one_that_imports_it() {
    for package in ["core/src", "bindings/native/src", "wasm/src"] {
        let files = rust_files();
        let files = files
            .iter()
            .filter(|file| Path::new(file).starts_with(package));
        let modules: BTreeMap<_, _> = files
            .filter_map(|file| Some((module(&file[package.len() + 1..])?, text(file))))
            .collect();
        let graph = modules.iter().map(|(module, text)| {
            let imported = imports(text).into_iter().filter_map(|path| {
                let mut prefixes = (1..=path.len()).rev().map(|len| path[..len].to_vec());
                let known = prefixes.find(|prefix| modules.contains_key(prefix));
                known.filter(|known| known != module)
            });
            (module.clone(), imported.collect())
        });
        let circle = circle(graph.collect());
        assert!(
            circle.is_empty(),
            "{package}, among these is a circle: {circle:?}"
        );
    }
}

#[test]
fn a_circle_is_found() {
    let path = |name: &str| vec![name.to_owned()];
    let graph = |edges: &[(&str, &[&str])]| {
        let edges = edges.iter();
        let edges = edges.map(|(from, to)| (path(from), to.iter().map(|to| path(to)).collect()));
        circle(edges.collect())
    };
    assert_eq!(graph(&[("a", &["b"]), ("b", &["c"]), ("c", &[])]), [""; 0]);
    let ring = graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &[])]);
    assert_eq!(ring, ["a", "b", "c"]);
    let found = imports("use crate::a::{B, c::D};\nuse crate::e::F;\n");
    let found: Vec<_> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["a::B", "a::c::D", "a", "e::F"]);
}

/// What `file.rs::name` names and is no test of one file, and rows that name none and do not say
/// why. A file is named by the end of its path.
fn astray(table: &str, files: &[(String, String)]) -> Vec<String> {
    let is_there = |name: &str| {
        let (file, test) = name.split_once("::").unwrap_or_default();
        let mut named = files
            .iter()
            .filter(|(path, _)| Path::new(path).ends_with(file));
        let (Some((_, text)), None) = (named.next(), named.next()) else {
            return false;
        };
        let lines: Vec<_> = text.lines().map(str::trim_start).collect();
        let head = format!("fn {test}(");
        let mut pairs = lines.windows(2);
        pairs.any(|pair| pair[0] == "#[test]" && pair[1].starts_with(&head))
    };
    let code = table.split('`').skip(1).step_by(2);
    let names = code.filter(|code| code.contains(".rs::"));
    let lines = table.lines().filter(|line| line.starts_with("| "));
    let rows = lines
        .filter(|line| !line.starts_with("| ---") && !line.ends_with(" tests |"))
        .filter(|line| !line.ends_with(" why |"));
    names
        .filter(|name| !is_there(name))
        .chain(rows.filter(|row| !row.contains(".rs::") && !row.contains("| — ")))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_tests_that_a_table_names_are_there() {
    let files = rust_files().into_iter();
    let files: Vec<_> = files.map(|file| (file.clone(), text(&file))).collect();
    let table = text("tests/flags.md");
    assert!(table.contains(".rs::"), "tests/flags.md names none");
    let astray = astray(&table, &files);
    assert!(astray.is_empty(), "tests/flags.md: {astray:#?}");
}

#[test]
fn a_test_that_is_not_there_is_found() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let files = [
        file("x/a.rs", "    #[test]\n    fn one() {}\nfn other() {}\n"),
        file("x/b/c.rs", "#[test]\nfn two() {}\n"),
        file("y/b/c.rs", "#[test]\nfn two() {}\n"),
    ];
    let astray = |row| astray(row, &files).len();
    assert_eq!(astray("| scenario | tests |\n| --- | --- |\n"), 0);
    assert_eq!(astray("| s | `x/a.rs::one`, `y/b/c.rs::two` |"), 0);
    assert_eq!(astray("| s | `a.rs::one` |\n| s | — why |"), 0);
    assert_eq!(astray("| s | `a.rs::on` |"), 1);
    assert_eq!(astray("| s | `a.rs::other` |"), 1, "it is no test");
    assert_eq!(astray("| s | `b/c.rs::two` |"), 1, "there are two");
    assert_eq!(astray("| s | later |"), 1);
}
