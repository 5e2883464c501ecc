//! Conformance vectors, played by a C and a C++ program: `tests/vectors/README.md`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::compile::{Link, Program, STRICT};
use super::output;

/// Plays every file of `vectors` in both languages.
pub(crate) fn play(ffi: &Path, vectors: &Path, folder: &Path, link: Link<'_>) -> Result<String> {
    let entries = std::fs::read_dir(vectors).with_context(|| vectors.display().to_string())?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    let mut files: Vec<PathBuf> = paths
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    ensure!(!files.is_empty(), "no vectors in {}", vectors.display());
    let (c, cpp) = (folder.join("vectors-c"), folder.join("vectors-cpp"));
    Program { ffi, sources: &["tests/vectors.c"], more: &["-lpthread"] }.make("gcc", &link.args(), &c)?;
    let mut compiler = Command::new("g++");
    compiler.args(STRICT).args(["-std=c++17", "-O1", "-g", "-I"]).arg(ffi.join("include"));
    compiler.arg(ffi.join("tests/vectors.cpp")).arg("-o").arg(&cpp).args(link.args()).arg("-lpthread");
    output(&mut compiler)?;
    let told = output(Command::new(c).args(&files))?;
    let again = output(Command::new(cpp).args(&files))?;
    ensure!(told == again, "C played {told}, C++ {again}");
    Ok(format!("{told}, in C and C++"))
}
