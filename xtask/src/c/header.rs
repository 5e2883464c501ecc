//! `cargo xtask header`: makes `ffi/include/towline.h` from the Rust sources, or checks that it is current.
//!
//! cbindgen is a library here, at a fixed version: nobody installs a tool, and everybody gets the same header. The head
//! comes from `ffi/head.txt`, the inline functions from `ffi/tail.txt`, the version macros from Cargo.toml.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Options of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if the header differs from the sources
    #[arg(long)]
    check: bool,
}

/// Writes or checks the header.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let path = workspace.root.join("ffi/include/towline.h");
    let ffi = workspace.root.join("ffi");
    if args.check {
        println!("{}: {}", path.display(), check(&ffi).with_context(|| path.display().to_string())?);
    } else {
        std::fs::write(&path, make(&ffi)?).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks that the header is current.
pub(crate) fn check(ffi: &Path) -> Result<String> {
    let there = std::fs::read_to_string(ffi.join("include/towline.h")).context("towline.h")?;
    let made = make(ffi)?;
    anyhow::ensure!(
        made == there,
        "differs from the sources: run `cargo xtask header`, and review the difference"
    );
    Ok(format!("{} lines", made.lines().count()))
}

fn make(ffi: &Path) -> Result<String> {
    let style = ffi.join("cbindgen.toml");
    let mut config = cbindgen::Config::from_file(&style)
        .map_err(|error| anyhow::anyhow!("{}: {error}", style.display()))?;
    let part = |name: &str| -> Result<String> {
        let path = ffi.join(name);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(text.trim_end().to_owned())
    };
    config.header = Some(part("head.txt")?);
    config.after_includes =
        Some(format!("#include <stddef.h>\n#include <stdint.h>\n\n{}", version_macros()?));
    let bindings = cbindgen::Builder::new()
        .with_src(ffi.join("src/status.rs"))
        .with_src(ffi.join("src/types.rs"))
        .with_src(ffi.join("src/kinds.rs"))
        .with_src(ffi.join("src/node.rs"))
        .with_src(ffi.join("src/about.rs"))
        .with_src(ffi.join("src/config.rs"))
        .with_src(ffi.join("src/verbs.rs"))
        .with_src(ffi.join("src/records.rs"))
        .with_src(ffi.join("src/questions.rs"))
        .with_src(ffi.join("src/replicas.rs"))
        .with_src(ffi.join("src/receiver.rs"))
        .with_config(config)
        .generate()
        .context("cbindgen could not read ffi/src")?;
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    let made = tighten(&String::from_utf8(bytes).context("a header in UTF-8")?);
    // cbindgen closes the include guard before its own trailer; ours goes inside the guard.
    let (inside, guard) = made.rsplit_once("#endif").context("an include guard")?;
    Ok(format!("{inside}{}\n\n#endif{guard}", part("tail.txt")?))
}

/// Rewrites cbindgen's comments: on one line where that is enough, with a star on every line where not.
fn tighten(header: &str) -> String {
    let mut text = String::new();
    let mut lines = header.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.trim_start() != "/*" || lines.peek().is_some_and(|next| next.starts_with(" *")) {
            text += &format!("{line}\n");
            continue;
        }
        let mut words: Vec<&str> = Vec::new();
        for inside in lines.by_ref() {
            if inside.trim_start() == "*/" {
                break;
            }
            words.push(inside.trim());
        }
        match words[..] {
            [one] => text += &format!("{indent}/* {one} */\n"),
            _ => {
                text += &format!("{indent}/*\n");
                for word in words {
                    text += format!("{indent} * {word}").trim_end();
                    text.push('\n');
                }
                text += &format!("{indent} */\n");
            }
        }
    }
    text
}

/// Returns the version macros. This package shares its version with the workspace.
fn version_macros() -> Result<String> {
    let version = env!("CARGO_PKG_VERSION");
    let parts: Vec<u32> =
        version.split('.').map(str::parse).collect::<Result<_, _>>().context("a version")?;
    let [major, minor, patch] = parts[..] else { bail!("{version} does not have three parts") };
    Ok(format!(
        "/* The version of this header. tow_version() is the library's. */\n\
         #define TOW_VERSION \"{version}\"\n\
         #define TOW_VERSION_MAJOR {major}\n\
         #define TOW_VERSION_MINOR {minor}\n\
         #define TOW_VERSION_PATCH {patch}"
    ))
}

#[cfg(test)]
mod tests {
    use super::tighten;

    #[test]
    fn comments_take_the_room_they_need() {
        let made =
            "/*\n * the head\n */\n/*\n one\n */\n#define A 1\n    /*\n     two\n     lines\n     */\n";
        let meant =
            "/*\n * the head\n */\n/* one */\n#define A 1\n    /*\n     * two\n     * lines\n     */\n";
        assert_eq!(tighten(made), meant);
    }
}
