//! The repository's own rules, as a test over its own files: what `rustfmt`, `clippy` and `rustc` do not look at.
//!
//! A file is read in one sitting, a function at one glance; text stays within 120 columns; every Rust file says in its
//! head what it is; comments are in plain words (`tidy/words.rs`); nothing unfinished, and nothing that only one
//! machine understands, gets in; links lead somewhere. A rule that a file cannot keep yet has an entry in a list here.
//! The lists only shrink: an entry with more room than its file needs fails like a file with too little.
//!
//! Not checked: functions inside macro calls (`proptest!`), because `syn` does not see them, and generated files.
//!
//! Banned words are written here in two halves, so that this file keeps the rules too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::visit::Visit;

#[path = "tidy/cases.rs"]
mod cases;
#[path = "tidy/words.rs"]
mod words;

/// A file is read in one sitting.
const FILE_LINES: usize = 400;
/// A file of tests may be longer: its tests are read one at a time.
const TEST_FILE_LINES: usize = 800;
/// A function is read at one glance.
const FUNCTION_LINES: usize = 60;
/// Two files fit side by side.
const COLUMNS: usize = 120;

/// Files longer than their bound: path, lines. Only shrinks.
const LONG_FILES: Allowed = &[];
/// Functions longer than theirs: `path: name`, lines. Only shrinks.
const LONG_FUNCTIONS: Allowed = &[];

/// Findings in comments of each top folder, as `words` counts them. Only shrinks; a folder without an entry has none.
const WORDS: Allowed = &[];

/// Files that people write. Lock files, licences, snapshots and seeds have layouts of their own.
const TEXT: &[&str] = &["rs", "toml", "md", "sh", "c", "h", "hpp", "cpp", "ts", "js", "css", "html", "yml"];
const SCRIPTS: &[&str] = &[".ci/run"];

const BANNED: &[(&str, &str)] = &[
    (concat!("tod", "o!("), "finish it, or leave it out"),
    (concat!("unimplemen", "ted!("), "finish it, or leave it out"),
    (concat!("db", "g!("), "a debugging aid"),
    (concat!("FIX", "ME"), "mend it, or write an issue"),
    (concat!("XX", "X"), "mend it, or write an issue"),
    (concat!("#[ign", "ore"), "a test that does not run protects nothing"),
];
const MACHINE_PATHS: &[&str] = &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/")];

/// Crates whose lints are their own. `ffi` is where unsafe lives; `tests/imports` exports by name, which rustc counts
/// as unsafe.
const OWN_LINTS: &[&str] = &["ffi/Cargo.toml", "tests/imports/Cargo.toml"];

#[test]
fn the_repository_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace");
    let mut tidy = Tidy::new(LONG_FILES, LONG_FUNCTIONS, WORDS);
    let paths = files(root);
    assert!(paths.iter().any(|path| path == "tests/tidy.rs"), "no files found in {}", root.display());
    for path in paths {
        let text = std::fs::read_to_string(root.join(&path));
        tidy.file(&path, &text.unwrap_or_else(|error| panic!("{path}: {error}")), |link| {
            root.join(link).exists()
        });
    }
    tidy.same_reasons(root);
    let problems = tidy.finish();
    assert!(problems.is_empty(), "{} to mend:\n  {}\n", problems.len(), problems.join("\n  "));
}

/// Planted bugs are edit records beside the source: see docs/adr/0009.
#[test]
fn every_planted_bug_fits_the_source_it_edits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace");
    let problems = towline_weave::check(root);
    assert!(problems.is_empty(), "{} to mend:\n{}\n", problems.len(), problems.join("\n"));
}

/// Returns the files that git tracks, or would track if they were added now, as paths from the root. Without git, all.
fn files(root: &Path) -> Vec<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let mut paths: Vec<String> = match git.output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).split('\0').map(str::to_owned).collect()
        }
        Ok(_) | Err(_) => walk(root, root),
    };
    paths.retain(|path| is_text(path) && root.join(path).is_file());
    paths.sort();
    paths.dedup();
    paths
}

fn walk(root: &Path, folder: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let skip = [".git", "target", "node_modules"].iter().any(|name| path.ends_with(name));
        if path.is_dir() && !skip {
            paths.extend(walk(root, &path));
        } else if let Ok(path) = path.strip_prefix(root) {
            paths.push(path.to_string_lossy().replace('\\', "/"));
        }
    }
    paths
}

fn is_text(path: &str) -> bool {
    SCRIPTS.contains(&path) || path.rsplit_once('.').is_some_and(|(_, ext)| TEXT.contains(&ext))
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// A list of exceptions: a name, and how much it may have.
type Allowed = &'static [(&'static str, usize)];

/// A bound, and a list of those that may exceed it, by so much and no more.
struct Ratchet {
    list: Allowed,
    seen: Vec<&'static str>,
}

impl Ratchet {
    fn check(&mut self, what: &str, lines: usize, bound: usize) -> Option<String> {
        let Some((name, allowed)) = self.list.iter().find(|(name, _)| *name == what) else {
            return (lines > bound)
                .then(|| format!("{what}: {lines} lines, at most {bound}: part it by ideas"));
        };
        self.seen.push(name);
        if lines > *allowed {
            Some(format!(
                "{what}: grew to {lines} lines, {allowed} allowed by its exception: part it by ideas"
            ))
        } else if lines <= bound {
            Some(format!("{what}: {lines} lines need no exception: take it off the list in tests/tidy.rs"))
        } else if lines < *allowed {
            Some(format!("{what}: shrank to {lines} lines: set its exception in tests/tidy.rs to {lines}"))
        } else {
            None
        }
    }

    fn unused(&self) -> impl Iterator<Item = String> {
        let unseen = self.list.iter().filter(|(name, _)| !self.seen.contains(name));
        unseen.map(|(name, _)| format!("{name}: gone, but still on the list in tests/tidy.rs: take it off"))
    }
}

/// Collects all problems, so that one run shows everything.
struct Tidy {
    files: Ratchet,
    functions: Ratchet,
    /// The findings of each top folder, with their places, and the list of how many are allowed.
    words: BTreeMap<String, Vec<String>>,
    words_allowed: Allowed,
    problems: Vec<String>,
}

impl Tidy {
    fn new(files: Allowed, functions: Allowed, words_allowed: Allowed) -> Self {
        let ratchet = |list| Ratchet { list, seen: Vec::new() };
        let (files, functions) = (ratchet(files), ratchet(functions));
        Self { files, functions, words: BTreeMap::new(), words_allowed, problems: Vec::new() }
    }

    fn file(&mut self, path: &str, text: &str, exists: impl Fn(&Path) -> bool) {
        self.lines(path, text);
        let folder = path.split('/').next().unwrap_or(path);
        for (line, reason) in words::findings(path, text) {
            self.words.entry(folder.to_owned()).or_default().push(format!("{path}:{line}: {reason}"));
        }
        if path.ends_with(".rs") {
            self.rust(path, text);
        }
        if path.ends_with(".md") {
            self.links(path, text, exists);
        }
        if path.ends_with("Cargo.toml") && text.contains("[package]") && !OWN_LINTS.contains(&path) {
            self.need(
                text.contains("[lints]\nworkspace = true\n"),
                path,
                "says no `[lints] workspace = true`",
            );
        }
    }

    fn finish(mut self) -> Vec<String> {
        self.problems.extend(self.files.unused());
        self.problems.extend(self.functions.unused());
        self.plain_words();
        self.problems
    }

    /// Compares the findings of each top folder with its entry.
    fn plain_words(&mut self) {
        for (folder, found) in std::mem::take(&mut self.words) {
            let entry = self.words_allowed.iter().find(|(name, _)| *name == folder);
            let allowed = entry.map_or(0, |(_, allowed)| *allowed);
            if found.len() > allowed {
                self.problems.extend(found.iter().cloned());
                let count = found.len();
                self.problems
                    .push(format!("{folder}: {count} findings in comments, {allowed} allowed: see above"));
            }
        }
    }

    fn need(&mut self, holds: bool, place: &str, otherwise: &str) {
        if !holds {
            self.problems.push(format!("{place}: {otherwise}"));
        }
    }

    fn lines(&mut self, path: &str, text: &str) {
        self.need(
            text.ends_with('\n') && !text.ends_with("\n\n"),
            path,
            "does not end with exactly one newline",
        );
        for (index, line) in text.lines().enumerate() {
            let place = format!("{path}:{}", index + 1);
            self.need(!line.contains('\t'), &place, "a tab: indent with spaces");
            self.need(line.trim_end() == line, &place, "trailing whitespace");
            // Neither a table's row nor an address can be broken.
            let whole = path.ends_with(".md") && line.starts_with('|') || line.contains("://");
            let columns = line.chars().count();
            self.need(columns <= COLUMNS || whole, &place, &format!("{columns} columns, at most {COLUMNS}"));
            for (word, why) in BANNED {
                self.need(!line.contains(word), &place, &format!("{word:?}: {why}"));
            }
            for machine in MACHINE_PATHS {
                let problem = format!("{machine:?} is a place on one machine: say where it is from the root");
                self.need(!names(line, machine), &place, &problem);
            }
        }
    }

    fn rust(&mut self, path: &str, text: &str) {
        let head = text.trim_start().starts_with("//!") || path.ends_with("/tests.rs");
        self.need(
            head,
            path,
            "has no head: begin with `//!` and say what it is, what holds in it, what it does not do",
        );
        let bound = if is_test(path) { TEST_FILE_LINES } else { FILE_LINES };
        self.problems.extend(self.files.check(path, text.lines().count(), bound));
        let parsed = match syn::parse_file(text) {
            Ok(parsed) => parsed,
            Err(error) => return self.need(false, path, &format!("does not parse: {error}")),
        };
        let mut functions = Functions::default();
        functions.visit_file(&parsed);
        for (name, lines) in functions.found {
            self.problems.extend(self.functions.check(&format!("{path}: {name}"), lines, FUNCTION_LINES));
        }
    }

    /// Checks that relative links lead to a file; text in code is not a link.
    fn links(&mut self, path: &str, text: &str, exists: impl Fn(&Path) -> bool) {
        let folder = Path::new(path).parent().unwrap_or(Path::new(""));
        let mut fenced = false;
        for (index, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced || line.starts_with("    ") {
                continue;
            }
            let prose: String = line.split('`').step_by(2).collect();
            for rest in prose.split("](").skip(1) {
                let target = rest.split([')', ' ', '#']).next().unwrap_or("");
                let elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
                let there = elsewhere || resolve(folder, target).is_some_and(|target| exists(&target));
                self.need(
                    there,
                    &format!("{path}:{}", index + 1),
                    &format!("the link to {target:?} leads nowhere"),
                );
            }
        }
    }

    /// Checks that clippy forbids the same in `core`, `kv` and `sim`, which make the same promise.
    fn same_reasons(&mut self, root: &Path) {
        let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
        for copy in ["kv/clippy.toml", "sim/clippy.toml"] {
            let same = read("core/clippy.toml") == read(copy);
            self.need(same, copy, "differs from core/clippy.toml: copy one over the other");
        }
    }
}

/// Returns whether `line` names a path that starts with `start`, and not one that only has such a folder further in.
fn names(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || "._-/}*".contains(c)))
    })
}

/// Returns `target` as a path from the root, if it stays inside.
fn resolve(folder: &Path, target: &str) -> Option<PathBuf> {
    let mut path = folder.to_path_buf();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => path.pop().then_some(())?,
            name => path.push(name),
        }
    }
    Some(path)
}

/// Finds every function with its length, from `fn` to its last brace: comments above it are not counted.
#[derive(Default)]
struct Functions {
    found: Vec<(String, usize)>,
}

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let lines = block.brace_token.span.close().end().line - signature.fn_token.span.start().line + 1;
        self.found.push((signature.ident.to_string(), lines));
    }
}

impl Visit<'_> for Functions {
    fn visit_item_fn(&mut self, item: &syn::ItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.add(&item.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}
