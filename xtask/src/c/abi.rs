//! The ABI against `ffi/abi/golden.txt`: the library's exports, and every size, offset and number of the header, as a C
//! program prints them. A line that changes is a break and needs another `TOW_ABI_VERSION`; a new line does not.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::output;

/// Compares the two; with `UPDATE_DOCS=1` writes the file anew, for its difference to be reviewed.
pub(crate) fn compare(ffi: &Path, exports: &[String], folder: &Path) -> Result<String> {
    let golden = ffi.join("abi/golden.txt");
    let header = std::fs::read_to_string(ffi.join("include/towline.h")).context("towline.h")?;
    if let Some(name) = declared(&header).find(|name| !exports.iter().any(|export| export == name)) {
        bail!("towline.h declares {name}, but the library does not export it");
    }
    let template = std::fs::read_to_string(ffi.join("abi/layout.c")).context("abi/layout.c")?;
    let source = folder.join("layout.c");
    let text = template.replace("    LINES\n", &lines(&header));
    std::fs::write(&source, text).with_context(|| source.display().to_string())?;
    let program = folder.join("layout");
    output(Command::new("gcc").arg("-I").arg(ffi.join("include")).arg(&source).arg("-o").arg(&program))?;
    let printed = output(&mut Command::new(&program))?;
    let functions: Vec<String> = exports.iter().map(|name| format!("function {name}")).collect();
    let made = format!("{}\n{printed}\n", functions.join("\n"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&golden, &made).with_context(|| golden.display().to_string())?;
    }
    let there = std::fs::read_to_string(&golden).with_context(|| golden.display().to_string())?;
    let difference = difference(&there, &made);
    if !difference.is_empty() {
        bail!(
            "the ABI differs from {}; if that is intended, write it anew with UPDATE_DOCS=1:\n{}",
            golden.display(),
            difference.join("\n")
        );
    }
    Ok(format!("{} lines", made.lines().count()))
}

fn difference(there: &str, made: &str) -> Vec<String> {
    let gone = there.lines().filter(|line| !made.lines().any(|other| other == *line));
    let new = made.lines().filter(|line| !there.lines().any(|other| other == *line));
    gone.map(|line| format!("- {line}")).chain(new.map(|line| format!("+ {line}"))).collect()
}

/// Returns the functions that a header of our own style declares: names before a bracket, on lines that are not
/// indented. Inline functions are left out, because the library does not export them.
fn declared(header: &str) -> impl Iterator<Item = &str> {
    let outer = header.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    let outer = outer.filter(|line| !line.starts_with("static inline "));
    outer.filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
}

/// Returns a line of C for every struct, field and number of a header of our own style.
fn lines(header: &str) -> String {
    let mut text = String::new();
    let mut fields: Option<Vec<&str>> = None;
    for line in header.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if line == "typedef struct {" {
            fields = Some(Vec::new());
        } else if let (Some(name), Some(inside)) =
            (line.strip_prefix("} "), fields.take_if(|_| line.starts_with('}')))
        {
            let name = name.trim_end_matches(';');
            text += &format!("    SIZE({name});\n");
            for field in inside {
                text += &format!("    FIELD({name}, {field});\n");
            }
        } else if let (Some(inside), true) = (&mut fields, line.ends_with(';')) {
            let last = words.last().copied().unwrap_or_default();
            inside.push(last.split(['[', ';']).next().unwrap_or(last).trim_start_matches('*'));
        } else if let ["#define", name, value] = words[..]
            && name.starts_with("TOW_")
            && !value.starts_with('"')
        {
            text += &format!("    VALUE({name});\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{difference, lines};

    #[test]
    fn finds_all_that_a_header_holds() {
        let header = "#define TOWLINE_H\n#define TOW_A 1\n#define TOW_VERSION \"0\"\n\
                      typedef struct {\n    /* x; */\n    uint8_t *p;\n    char t[TOW_A];\n} tow_x;\n";
        let meant = "    VALUE(TOW_A);\n    SIZE(tow_x);\n    FIELD(tow_x, p);\n    FIELD(tow_x, t);\n";
        assert_eq!(lines(header), meant);
    }

    #[test]
    fn names_what_differs() {
        assert_eq!(difference("a\nb\n", "b\nc\n"), ["- a", "+ c"]);
    }
}
