//! A file of the source: the changes of all bugs in it, and the text that has them all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Range;
use std::path::Path;

use crate::RECORDS;
use crate::place::{at, find, is_code};
use crate::record::{Hunk, Line, Record};

/// Lines that are replaced by others.
#[derive(Debug, Clone)]
struct Edit {
    removed: Range<usize>,
    added: Vec<String>,
}

/// A function, by its lines: from its `fn` to its last brace.
#[derive(Debug, Clone, Copy)]
struct Function {
    first: usize,
    /// The line that ends with the brace of its body.
    opens: usize,
    last: usize,
}

/// A file, and the bugs that are planted in it.
pub(crate) struct Source {
    name: String,
    text: String,
    functions: Vec<Function>,
    in_every_build: Vec<Edit>,
    /// Edits by the function they lie in, and by the number of their bug.
    planted: BTreeMap<usize, BTreeMap<u16, Vec<Edit>>>,
}

impl Source {
    /// Reads a file; one that is not there has no lines.
    pub(crate) fn read(root: &Path, name: &str) -> Self {
        Self::new(name, std::fs::read_to_string(root.join(name)).unwrap_or_default())
    }

    pub(crate) fn new(name: &str, text: String) -> Self {
        let functions = functions(&text.lines().collect::<Vec<_>>());
        let (name, in_every_build, planted) = (name.to_owned(), Vec::new(), BTreeMap::new());
        Self { name, text, functions, in_every_build, planted }
    }

    /// Plants a hunk, if it fits.
    pub(crate) fn plant(&mut self, record: &Record, hunk: &Hunk) -> Result<(), String> {
        let places = find(record, hunk, &self.text.lines().collect::<Vec<_>>())?;
        let edits = edits(hunk, &places);
        if hunk.in_every_build {
            self.in_every_build.extend(edits);
            return Ok(());
        }
        let number = record.number.ok_or_else(|| at(record, hunk, "must be `in every build`"))?;
        for edit in edits {
            let function = self.function(&edit).ok_or_else(|| {
                let what =
                    "lies outside of the body of a function: what is planted there is `@@ in every build`";
                at(record, hunk, what)
            })?;
            let planted = self.planted.entry(function).or_default().entry(number).or_default();
            if planted.iter().any(|other| overlap(other, &edit)) {
                return Err(at(record, hunk, "overlaps another hunk of the same record: make one of them"));
            }
            planted.push(edit);
        }
        Ok(())
    }

    /// Returns the innermost function whose body holds the edit.
    fn function(&self, edit: &Edit) -> Option<usize> {
        let holds = |function: &Function| {
            function.opens < edit.removed.start
                && edit.removed.start <= function.last
                && edit.removed.end <= function.last
        };
        self.functions.iter().rposition(holds)
    }

    /// Returns the text with everything that is planted.
    pub(crate) fn weave(&self) -> Result<String, String> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut woven = String::new();
        let mut next = 0;
        let outer: BTreeSet<usize> = self.planted.keys().copied().collect();
        for index in outer {
            let function = self.functions[index];
            if function.first < next {
                return Err(format!(
                    "{}:{}: bugs in a function and in one inside it",
                    self.name,
                    function.first + 1
                ));
            }
            self.copy(&lines, next..function.first, &mut woven)?;
            self.weave_function(&lines, index, &mut woven)?;
            next = function.last + 1;
        }
        self.copy_with(&lines, next..lines.len(), &[], &mut woven)?;
        Ok(woven)
    }

    /// Writes a function with a body for each bug, and the one without.
    fn weave_function(&self, lines: &[&str], index: usize, woven: &mut String) -> Result<(), String> {
        let function = self.functions[index];
        let mut header = String::new();
        self.copy(lines, function.first..function.opens + 1, &mut header)?;
        // The number is read at run time.
        woven.push_str(&header.replacen("const fn", "fn", 1));
        let home = if self.name.starts_with("core/") { "crate" } else { "towline_core" };
        let _ = writeln!(woven, "match {home}::planted::number() {{");
        let body = function.opens + 1..function.last;
        for (number, edits) in &self.planted[&index] {
            let _ = writeln!(woven, "// {RECORDS}/{number}.diff\n{number} => {{");
            self.copy_with(lines, body.clone(), edits, woven)?;
            woven.push_str("}\n");
        }
        woven.push_str("_ => {\n");
        self.copy_with(lines, body, &[], woven)?;
        woven.push_str("}\n}\n");
        let _ = writeln!(woven, "{}", lines[function.last]);
        Ok(())
    }

    /// Copies lines with the edits of every build, except for lines added behind the last of them.
    fn copy(&self, lines: &[&str], range: Range<usize>, woven: &mut String) -> Result<(), String> {
        let inside = |edit: &&Edit| range.start <= edit.removed.start && edit.removed.start < range.end;
        self.apply(lines, range.clone(), self.in_every_build.iter().filter(inside).collect(), woven)
    }

    /// Copies lines with the edits of every build, and with these edits.
    fn copy_with(
        &self,
        lines: &[&str],
        range: Range<usize>,
        edits: &[Edit],
        woven: &mut String,
    ) -> Result<(), String> {
        let inside = |edit: &&Edit| range.start <= edit.removed.start && edit.removed.start <= range.end;
        self.apply(
            lines,
            range.clone(),
            self.in_every_build.iter().filter(inside).chain(edits).collect(),
            woven,
        )
    }

    fn apply(
        &self,
        lines: &[&str],
        range: Range<usize>,
        mut all: Vec<&Edit>,
        woven: &mut String,
    ) -> Result<(), String> {
        all.sort_by_key(|edit| (edit.removed.start, edit.removed.end));
        let mut next = range.start;
        for edit in all {
            if edit.removed.start < next || edit.removed.end > range.end {
                let line = edit.removed.start + 1;
                return Err(format!("{}:{line}: what is `in every build` overlaps another edit", self.name));
            }
            for line in &lines[next..edit.removed.start] {
                let _ = writeln!(woven, "{line}");
            }
            for line in &edit.added {
                let _ = writeln!(woven, "{line}");
            }
            next = edit.removed.end;
        }
        for line in &lines[next..range.end] {
            let _ = writeln!(woven, "{line}");
        }
        Ok(())
    }
}

fn overlap(one: &Edit, other: &Edit) -> bool {
    one.removed.start < other.removed.end && other.removed.start < one.removed.end
}

/// Returns the runs of changed lines of a hunk whose lines of code are at these places.
fn edits(hunk: &Hunk, places: &[usize]) -> Vec<Edit> {
    let mut places = places.iter().copied().peekable();
    let (mut edits, mut next, mut open) = (Vec::<Edit>::new(), None, false);
    for line in &hunk.lines {
        let place = match line {
            Line::Added(_) => None,
            Line::Kept(text) | Line::Removed(text) if is_code(text) => places.next(),
            Line::Kept(_) | Line::Removed(_) => continue,
        };
        if matches!(line, Line::Kept(_)) {
            (next, open) = (place.map(|place| place + 1), false);
            continue;
        }
        if !open {
            // Behind the line before it; at the begin of a hunk before the line after it.
            let at = place.or(next).or_else(|| places.peek().copied()).unwrap_or(0);
            edits.push(Edit { removed: at..at, added: Vec::new() });
            open = true;
        }
        let edit = edits.last_mut().expect("just pushed");
        if let Line::Added(text) = line {
            edit.added.push(text.clone());
        } else if let Some(place) = place {
            if edit.removed.is_empty() {
                edit.removed.start = place;
            }
            edit.removed.end = place + 1;
            next = Some(place + 1);
        }
    }
    edits
}

/// Returns every function with a body, in the order of their beginnings: rustfmt puts the brace of the body at the end
/// of a line, and the last brace alone under the beginning of the function.
fn functions(lines: &[&str]) -> Vec<Function> {
    let mut functions = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        if !is_function(code) {
            continue;
        }
        let ends = |line: &&str| line.ends_with('{') || line.ends_with(';') || line.ends_with("{}");
        let Some(opens) = lines[first..].iter().position(ends).map(|after| first + after) else {
            continue;
        };
        let closes = |line: &&str| line.strip_prefix(indent) == Some("}");
        let last = lines[opens..].iter().position(closes);
        if let Some(last) = last.filter(|_| lines[opens].ends_with('{')) {
            functions.push(Function { first, opens, last: opens + last });
        }
    }
    functions
}

/// Returns whether a line begins a function.
fn is_function(code: &str) -> bool {
    let mut words = code.split_whitespace();
    words.by_ref().find(|word| !is_qualifier(word)) == Some("fn") && words.next().is_some()
}

fn is_qualifier(word: &str) -> bool {
    matches!(word, "pub" | "const" | "async" | "unsafe" | "extern")
        || word.starts_with("pub(")
        || word.starts_with('"')
}
