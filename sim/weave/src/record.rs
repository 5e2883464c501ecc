//! A record: a diff without line numbers.
//!
//! ```text
//! what is wrong, in the words of the registry
//!
//! --- core/src/stream/acks.rs
//! @@
//!  a line that is there, so that the place is found
//! -a line that the bug replaces
//! +a line that the bug has instead
//! @@ in every build
//!  a line that is there
//! +a field, a function: what the bug needs outside of the body of a function
//! ```
//!
//! A hunk belongs to its bug alone and lies in the body of one function; what is `in every build` is there whichever
//! bug is chosen, and must change nothing by itself. A file that is not there yet is all `+`.

use std::path::Path;

use crate::place::is_code;
use crate::{RECORDS, SWITCH};

/// A planted bug, as edits of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The number of the bug; none for the record of all bugs.
    pub number: Option<u16>,
    /// Its first line: the fault, in words.
    pub words: String,
    /// The record's own path from the root.
    pub(crate) path: String,
    pub(crate) hunks: Vec<Hunk>,
}

/// Lines that follow each other in a file, and their replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hunk {
    pub(crate) file: String,
    /// Its line in the record.
    pub(crate) line: usize,
    pub(crate) in_every_build: bool,
    pub(crate) lines: Vec<Line>,
}

/// A line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Kept(String),
    Removed(String),
    Added(String),
}

impl Hunk {
    /// Returns the lines as they are in the source.
    pub(crate) fn before(&self) -> Vec<&str> {
        let before = self.lines.iter().filter_map(|line| match line {
            Line::Kept(text) | Line::Removed(text) => Some(text.as_str()),
            Line::Added(_) => None,
        });
        before.filter(|line| is_code(line)).collect()
    }
}

/// Reads all records, by number; the one of all bugs comes first.
///
/// # Errors
/// A file that cannot be read, or is no record: the place, and the expected text.
pub fn records(root: &Path) -> Result<Vec<Record>, String> {
    let folder = root.join(RECORDS);
    let cannot = |error| format!("cannot read {}: {error}", folder.display());
    let mut records = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.extension().is_none_or(|extension| extension != "diff") {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let named = format!("{RECORDS}/{stem}.diff");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {named}: {error}"))?;
        records.push(parse(&named, &stem, &text)?);
    }
    records.sort_by_key(|record: &Record| record.number);
    Ok(records)
}

pub(crate) fn parse(path: &str, stem: &str, text: &str) -> Result<Record, String> {
    let number = match stem {
        SWITCH => None,
        number => Some(number.parse().map_err(|_| format!("{path}: is named by no number of a bug"))?),
    };
    let words = text.lines().next().unwrap_or_default().to_owned();
    let (mut file, mut hunks) = (None, Vec::<Hunk>::new());
    for (index, line) in text.lines().enumerate().skip(1) {
        let wrong = |what: &str| format!("{path}:{}: {what}: {line:?}", index + 1);
        if let Some(name) = line.strip_prefix("--- ") {
            file = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("@@") {
            let in_every_build = match rest {
                "" => false,
                " in every build" => true,
                _ => return Err(wrong("a hunk begins with `@@` or `@@ in every build`")),
            };
            let file = file.clone().ok_or_else(|| wrong("a hunk comes after `--- FILE`"))?;
            hunks.push(Hunk { file, line: index + 1, in_every_build, lines: Vec::new() });
        } else if let Some(hunk) = hunks.last_mut().filter(|hunk| Some(&hunk.file) == file.as_ref()) {
            hunk.lines.push(match (line.get(..1), line.get(1..)) {
                (Some(" "), Some(rest)) => Line::Kept(rest.to_owned()),
                (Some("-"), Some(rest)) => Line::Removed(rest.to_owned()),
                (Some("+"), Some(rest)) => Line::Added(rest.to_owned()),
                (None, _) => Line::Kept(String::new()),
                _ => return Err(wrong("a line of a hunk begins with a space, `-` or `+`")),
            });
        } else if file.is_some() && !line.is_empty() {
            return Err(wrong("`@@` comes after `--- FILE`"));
        }
    }
    for hunk in &mut hunks {
        // The empty line before the next file is only for readers.
        while hunk.lines.last() == Some(&Line::Kept(String::new())) {
            hunk.lines.pop();
        }
    }
    Ok(Record { number, words, path: path.to_owned(), hunks })
}
