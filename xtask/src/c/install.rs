//! `cargo xtask install`: libraries, headers, pkg-config and CMake files, laid out as every other C library's.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::library::{Libraries, SONAME, build};
use crate::workspace::Workspace;

/// The folders to install to.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the files will be used, as an absolute path
    #[arg(long, value_name = "DIR", default_value = "/usr/local", value_parser = absolute)]
    prefix: PathBuf,
    /// Put them under this folder instead, for a package
    #[arg(long, value_name = "DIR")]
    destdir: Option<PathBuf>,
}

/// Refuses a relative folder: the pkg-config and CMake files would be right from one place only.
fn absolute(text: &str) -> std::result::Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err(format!("it must be absolute, such as $PWD/{text}")) }
}

/// Builds and installs.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let libraries = build(&workspace, false)?;
    libraries.judge()?;
    let root = match &args.destdir {
        Some(folder) => folder.join(args.prefix.strip_prefix("/").unwrap_or(&args.prefix)),
        None => args.prefix.clone(),
    };
    for file in lay_out(&workspace, &libraries, &root, &args.prefix)? {
        println!("{}", file.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Copies everything under `root`, to be used under `prefix`; returns the files.
pub(crate) fn lay_out(
    workspace: &Workspace,
    libraries: &Libraries,
    root: &Path,
    prefix: &Path,
) -> Result<Vec<PathBuf>> {
    let ffi = workspace.root.join("ffi");
    let mut files = Vec::new();
    let mut put = |from: &Path, to: &str| {
        let to = root.join(to);
        make_folder(&to)?;
        std::fs::copy(from, &to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
        files.push(to);
        Ok::<_, anyhow::Error>(())
    };
    put(&libraries.archive, "lib/libtowline.a")?;
    put(&libraries.shared, &format!("lib/{SONAME}"))?;
    for header in ["towline.h", "towline_sugar.h", "towline.hpp"] {
        put(&ffi.join("include").join(header), &format!("include/{header}"))?;
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        put(&workspace.root.join(licence), &format!("share/licenses/towline/{licence}"))?;
    }
    let link = root.join("lib/libtowline.so");
    std::fs::remove_file(&link).ok();
    std::os::unix::fs::symlink(SONAME, &link).with_context(|| link.display().to_string())?;
    files.push(link);

    let version = env!("CARGO_PKG_VERSION");
    let series = version.rsplit_once('.').map_or(version, |(series, _)| series).replace('.', "\\\\.");
    for (template, to) in [
        ("pkgconfig/towline.pc.in", "lib/pkgconfig/towline.pc"),
        ("cmake/towlineConfig.cmake.in", "lib/cmake/towline/towlineConfig.cmake"),
        ("cmake/towlineConfigVersion.cmake.in", "lib/cmake/towline/towlineConfigVersion.cmake"),
    ] {
        let from = ffi.join(template);
        let text = std::fs::read_to_string(&from).with_context(|| from.display().to_string())?;
        let libraries = libraries.native.join(if template.starts_with("cmake") { ";" } else { " " });
        let text = text
            .replace("@PREFIX@", &prefix.display().to_string())
            .replace("@VERSION@", version)
            .replace("@SERIES@", &series)
            .replace("@SONAME@", SONAME)
            .replace("@LIBS_PRIVATE@", &libraries);
        let to = root.join(to);
        make_folder(&to)?;
        std::fs::write(&to, text).with_context(|| to.display().to_string())?;
        files.push(to);
    }
    Ok(files)
}

fn make_folder(file: &Path) -> Result<()> {
    let folder = file.parent().context("a file has a folder")?;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}
