//! The two libraries: built by cargo, and the static one narrowed to its exports.
//!
//! A Rust static library defines every symbol of everything in it, and clashes with a second one in the same program.
//! So everything that the exported functions reach is linked into one object, the one name that all Rust shares is
//! renamed, and only the exports stay global.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::output;
use crate::workspace::{Workspace, command};

/// The name that `ffi/capi/build.rs` sets.
pub(crate) const SONAME: &str = "libtowline.so.1";

/// The built libraries.
pub(crate) struct Libraries {
    /// The static library, narrowed.
    pub(crate) archive: PathBuf,
    /// The shared library, named by its soname.
    pub(crate) shared: PathBuf,
    /// The exported functions, sorted.
    pub(crate) exports: Vec<String>,
    /// The libraries that a static link needs besides the archive.
    pub(crate) native: Vec<String>,
}

/// Builds both into `target/towline-c/NAME`. `planted` adds the function that panics.
pub(crate) fn build(workspace: &Workspace, planted: bool) -> Result<Libraries> {
    let name = if planted { "planted" } else { "release" };
    let folder = workspace.target.join("towline-c").join(name);
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let mut cargo = command("cargo");
    cargo.args(["build", "--quiet", "--release", "-p", "towline-capi"]).current_dir(&workspace.root);
    if planted {
        cargo.args(["--features", "planted"]);
    }
    if !cargo.status().context("cargo did not start")?.success() {
        bail!("the libraries do not build: see cargo's message above");
    }
    let built = workspace.target.join("release");
    let shared = folder.join(SONAME);
    std::fs::copy(built.join("libtowline.so"), &shared).context("libtowline.so")?;
    output(Command::new("strip").arg("--strip-unneeded").arg(&shared))?;
    let exports = exports(&shared)?;
    let archive = narrow(&built.join("libtowline.a"), &exports, &folder)?;
    Ok(Libraries { archive, shared, exports, native: native(&folder)? })
}

/// Returns the functions that a shared library exports.
fn exports(shared: &Path) -> Result<Vec<String>> {
    let listed =
        output(Command::new("nm").args(["-D", "--defined-only", "--format=just-symbols"]).arg(shared))?;
    let mut names: Vec<String> = listed.lines().map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

/// Links everything that the exports reach into one object, in which no other symbol is global.
fn narrow(archive: &Path, exports: &[String], folder: &Path) -> Result<PathBuf> {
    let (linked, renamed, object) =
        (folder.join("linked.o"), folder.join("renamed.o"), folder.join("towline.o"));
    let mut link = Command::new("ld");
    link.args(["-r", "--gc-sections"]);
    for name in exports {
        link.args(["-u", name]);
    }
    output(link.arg("-o").arg(&linked).arg(archive))?;
    let rename = |name: &str| format!("--redefine-sym={name}={}", name.replace("rust_eh", "tow_rust_eh"));
    let mut objcopy = Command::new("objcopy");
    objcopy.args([rename("rust_eh_personality"), rename("DW.ref.rust_eh_personality")]);
    output(objcopy.arg(&linked).arg(&renamed))?;
    let keep = folder.join("keep.txt");
    let names = format!("{}\nDW.ref.tow_rust_eh_personality\n", exports.join("\n"));
    std::fs::write(&keep, names).with_context(|| keep.display().to_string())?;
    let mut objcopy = Command::new("objcopy");
    output(objcopy.arg(format!("--keep-global-symbols={}", keep.display())).arg(&renamed).arg(&object))?;
    output(Command::new("strip").arg("-g").arg(&object))?;
    let out = folder.join("libtowline.a");
    std::fs::remove_file(&out).ok();
    // Without times and owners the same sources make the same archive.
    output(Command::new("ar").arg("rcsD").arg(&out).arg(&object))?;
    Ok(out)
}

/// Returns the libraries that a static library of Rust needs, as rustc lists them.
fn native(folder: &Path) -> Result<Vec<String>> {
    let source = folder.join("empty.rs");
    std::fs::write(&source, "//! Nothing.\n").with_context(|| source.display().to_string())?;
    let mut rustc = Command::new("rustc");
    rustc.args(["--crate-type", "staticlib", "--print", "native-static-libs", "-o"]);
    let told = rustc.arg(folder.join("libempty.a")).arg(&source).output().context("rustc did not start")?;
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    let list = told.lines().find_map(|line| line.split_once("native-static-libs: "));
    let (_, list) = list.with_context(|| format!("rustc names no native-static-libs:\n{told}"))?;
    Ok(list.split_whitespace().map(str::to_owned).collect())
}

impl Libraries {
    /// Checks which symbols the archive and the shared library define, and how large they are.
    pub(crate) fn judge(&self) -> Result<String> {
        let strangers: Vec<&String> = self.exports.iter().filter(|name| !name.starts_with("tow_")).collect();
        if !strangers.is_empty() {
            bail!("{SONAME} offers more than its functions: {strangers:?}");
        }
        let mut nm = Command::new("nm");
        nm.args(["--defined-only", "--extern-only", "--format=just-symbols"]).arg(&self.archive);
        let listed = output(&mut nm)?;
        let ours = |name: &&str| name.ends_with(':') || name.is_empty() || name.contains("tow_");
        if let Some(stranger) = listed.lines().find(|name| !ours(name)) {
            bail!("libtowline.a defines {stranger}, which another library may define too");
        }
        let size = |path: &Path| Ok::<_, anyhow::Error>(path.metadata().context("a library")?.len());
        let (shared, archive) = (size(&self.shared)?, size(&self.archive)?);
        if shared > SHARED_BYTES_MAX || archive > ARCHIVE_BYTES_MAX {
            bail!(
                "too large: {SONAME} has {shared} bytes (at most {SHARED_BYTES_MAX}), \
                 libtowline.a {archive} (at most {ARCHIVE_BYTES_MAX})"
            );
        }
        Ok(format!(
            "{} functions; shared {} KB, static {} KB",
            self.exports.len(),
            shared / 1000,
            archive / 1000
        ))
    }
}

const SHARED_BYTES_MAX: u64 = 700_000;
const ARCHIVE_BYTES_MAX: u64 = 1_500_000;
