//! The one place where a hunk fits: its lines without `+`, exactly and in this order. Comments count for nothing, so
//! that they may be reworded.

use std::fmt::Write;

use crate::record::{Hunk, Record};

/// The lines of a file that may lie between those of a record, in the search for the nearest place.
const SLACK: usize = 4;

/// Returns, for each line of code in the hunk that is no `+` line, its line (from 0) in the file.
pub(crate) fn find(record: &Record, hunk: &Hunk, file: &[&str]) -> Result<Vec<usize>, String> {
    let before = hunk.before();
    if before.is_empty() {
        return if file.is_empty() {
            Ok(Vec::new())
        } else {
            Err(at(record, hunk, "has no line of code that says where; add those around it"))
        };
    }
    let code: Vec<usize> = (0..file.len()).filter(|line| is_code(file[*line])).collect();
    let fits = |lines: &&[usize]| lines.iter().zip(&before).all(|(line, text)| file[*line] == *text);
    let places: Vec<&[usize]> = code.windows(before.len()).filter(fits).collect();
    match places[..] {
        [place] => Ok(place.to_vec()),
        [] => Err(no_place(record, hunk, &before, file)),
        [..] => {
            let lines: Vec<String> = places.iter().map(|place| (place[0] + 1).to_string()).collect();
            let what = format!(
                "fits in {} places (lines {}): add lines around it to the record until only one is left",
                places.len(),
                lines.join(", ")
            );
            Err(at(record, hunk, &what))
        }
    }
}

/// Returns whether a line is more than a comment.
pub(crate) fn is_code(line: &str) -> bool {
    !line.trim_start().starts_with("//")
}

/// Names the hunk, its bug and its file.
pub(crate) fn at(record: &Record, hunk: &Hunk, what: &str) -> String {
    let bug = record.number.map_or_else(String::new, |number| format!(" (bug {number}: {})", record.words));
    format!("{}:{}: the hunk for {} {what}{bug}", record.path, hunk.line, hunk.file)
}

fn no_place(record: &Record, hunk: &Hunk, before: &[&str], file: &[&str]) -> String {
    let mut told = at(record, hunk, "no longer fits");
    if file.is_empty() {
        let _ = write!(told, "\n  {} is not there: name the file in which these lines are now", hunk.file);
        return told;
    }
    let window = |start: usize| &file[start..file.len().min(start + before.len() + SLACK)];
    let best = (0..file.len()).max_by_key(|start| common(before, window(*start))).expect("a file with lines");
    // The place begins with a line that both have; the lines before it belong to it too.
    let skipped = before.iter().position(|line| file[best] == *line).unwrap_or(0);
    let start = best.saturating_sub(skipped);
    let lines = window(start);
    if common(before, lines) == 0 {
        told.push_str("\n  none of its lines is there any more: find where the rule lives now\n");
    } else {
        let _ =
            writeln!(told, "\n  nearest is {}:{}; `-` is the record, `+` the file:", hunk.file, start + 1);
        compare(before, lines, &mut told);
    }
    let number = record.number.map_or_else(|| "9001".to_owned(), |number| number.to_string());
    let _ = write!(
        told,
        "  To mend it, edit {}: its lines without `+` must read as the file does now, its `+` lines must be wrong\n  \
         in the same way as before. Then `cargo xtask mutants --only {number}` proves that the bug still dies.",
        record.path
    );
    told
}

/// Returns the length of the longest common subsequence of lines.
fn common(one: &[&str], other: &[&str]) -> usize {
    lengths(one, other)[0][0]
}

/// Returns the same at `[i][j]` for the lines from `i` on in one and from `j` on in the other.
fn lengths(one: &[&str], other: &[&str]) -> Vec<Vec<usize>> {
    let mut lengths = vec![vec![0; other.len() + 1]; one.len() + 1];
    for i in (0..one.len()).rev() {
        for j in (0..other.len()).rev() {
            lengths[i][j] = if one[i] == other[j] {
                lengths[i + 1][j + 1] + 1
            } else {
                lengths[i + 1][j].max(lengths[i][j + 1])
            };
        }
    }
    lengths
}

/// Shows the record's lines against the file's, up to the last that they share.
fn compare(record: &[&str], file: &[&str], told: &mut String) {
    let lengths = lengths(record, file);
    let (mut i, mut j) = (0, 0);
    while i < record.len() {
        let (mark, line) = if j < file.len() && record[i] == file[j] {
            (i, j) = (i + 1, j + 1);
            (' ', record[i - 1])
        } else if j < file.len() && lengths[i][j + 1] > lengths[i + 1][j] {
            j += 1;
            ('+', file[j - 1])
        } else {
            i += 1;
            ('-', record[i - 1])
        };
        let _ = writeln!(told, "    {mark}{line}");
    }
}
