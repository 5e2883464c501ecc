//! Puts the browser's page into the program, if `cargo xtask wasm` has built it.
//!
//! Without it the program is the same, and `--web` shows how to get the page.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    let home = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let pkg = home.join("../wasm/pkg");
    println!("cargo::rerun-if-changed={}", pkg.display());
    let mut text = String::from("&[\n");
    for (name, file) in files(&pkg.join("page")) {
        // An address without a path gets the page itself.
        let path = if name == "index.html" { "" } else { &name };
        let (media, file) = (media(&name), file.display().to_string());
        writeln!(text, "File {{ path: \"/{path}\", media: {media:?}, bytes: include_bytes!({file:?}) }},")
            .expect("text grows");
    }
    text.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("page.rs");
    std::fs::write(&out, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", out.display()));
}

/// Returns the files of a folder, in the order of their names; none if there is no such folder.
fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    files.sort();
    files
}

fn media(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some(_) | None => "application/octet-stream",
    }
}
