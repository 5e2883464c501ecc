//! Planted bugs as edit records, and the weaver that puts all of them into one copy of the source.
//!
//! A record is a small diff in `sim/mutants`: the lines as they are, and as they would be with the bug. The source that
//! ships knows nothing of it. [`check`] proves that each record fits the source of today in exactly one place;
//! [`weave`] writes a copy of the source in which every bug stands behind its number, so that one build has them all:
//! a function that bugs change gets its body once for each of them and once as it is, and the thread's number chooses.
//! So records never meet, however many change the same lines.
//!
//! | file | what |
//! |---|---|
//! | `record` | reads a record |
//! | `place` | finds the one place where a hunk fits, or says why there is none |
//! | `source` | a file, its functions, and what bugs make of them |
//! | `tree` | the files of the source, and their copy |
//!
//! It reads Rust as rustfmt writes it, by lines; the compiler checks the result.

mod place;
mod record;
mod source;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;

pub use record::{Record, records};

use crate::source::Source;

/// Where the records are, from the root of the source.
pub const RECORDS: &str = "sim/mutants";
/// The name of the record for all bugs, which is no bug and has no number.
pub const SWITCH: &str = "switch";

/// Checks that every record fits its source in exactly one place, and returns all problems, in words.
#[must_use]
pub fn check(root: &Path) -> Vec<String> {
    match woven(root) {
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    }
}

/// Writes a copy of the source at `root` into the folder `copy`, with every bug in it. Files that are up to date are
/// left alone, so that a build builds only changed ones.
///
/// # Errors
/// All problems, in words.
pub fn weave(root: &Path, copy: &Path) -> Result<(), Vec<String>> {
    let changed = woven(root)?;
    tree::write(root, copy, &changed).map_err(|problem| vec![problem])
}

/// Returns the files that bugs change, woven, by their paths from the root.
fn woven(root: &Path) -> Result<BTreeMap<String, String>, Vec<String>> {
    let records = records(root).map_err(|problem| vec![problem])?;
    let (mut sources, mut problems) = (BTreeMap::<String, Source>::new(), Vec::new());
    for record in &records {
        for hunk in &record.hunks {
            let source = sources.entry(hunk.file.clone()).or_insert_with(|| Source::read(root, &hunk.file));
            if let Err(problem) = source.plant(record, hunk) {
                problems.push(problem);
            }
        }
    }
    let mut woven = BTreeMap::new();
    for (file, source) in sources {
        match source.weave() {
            Ok(text) => drop(woven.insert(file, text)),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(woven) } else { Err(problems) }
}

#[cfg(test)]
mod tests;
