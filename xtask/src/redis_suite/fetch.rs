//! Fetches redis's source package as Debian has it, with lists and state of its own: nothing of the system's changes.
//!
//! apt checks the signatures and sums. The suite's own language, tcl, comes as a package of the system.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::versions::{REDIS_SUITE, TCL};

/// Returns the folder of the unpacked source, and fetches it if it is missing.
pub(super) fn source(folder: &Path) -> Result<PathBuf> {
    tcl()?;
    let source = folder.join(format!("redis-{REDIS_SUITE}"));
    if source.join("tests/test_helper.tcl").is_file() {
        return Ok(source);
    }
    let archive = folder.join(format!("redis_{REDIS_SUITE}.orig.tar.gz"));
    if !archive.is_file() {
        download(folder)?;
    }
    if !archive.is_file() {
        bail!(
            "Debian's redis is no longer {REDIS_SUITE}: {} is not there. Put the version of the package into \
             xtask/src/versions.rs and go through known.txt",
            archive.display()
        );
    }
    ran(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(folder))?;
    Ok(source)
}

/// Installs the suite's language if it is missing.
fn tcl() -> Result<()> {
    let there = || Command::new("tclsh").stdin(Stdio::null()).status().is_ok_and(|status| status.success());
    if there() {
        return Ok(());
    }
    let line = format!("apt-get update && apt-get install --yes --no-install-recommends {TCL}");
    let id = Command::new("id").arg("-u").output().context("id")?;
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        bail!("tclsh is missing, and only root can install it; type: sudo sh -c '{line}'");
    }
    ran(Command::new("sh").args(["-c", &line]).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Fetches the source package into `folder`.
fn download(folder: &Path) -> Result<()> {
    let apt = folder.join("apt");
    for part in ["state/lists/partial", "cache/archives/partial"] {
        let path = apt.join(part);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
    }
    let list = apt.join("sources.list");
    std::fs::write(&list, sources()?).with_context(|| format!("cannot write {}", list.display()))?;
    let options = [
        format!("Dir::Etc::sourcelist={}", list.display()),
        "Dir::Etc::sourceparts=-".to_owned(),
        format!("Dir::State={}", apt.join("state").display()),
        "Dir::State::status=/var/lib/dpkg/status".to_owned(),
        format!("Dir::Cache={}", apt.join("cache").display()),
        // As root, apt would download as a user who may not write here.
        "APT::Sandbox::User=root".to_owned(),
    ];
    let apt_get = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        for option in &options {
            command.args(["-o", option]);
        }
        command.args(words).current_dir(folder);
        ran(&mut command)
    };
    apt_get(&["--quiet", "update"])?;
    apt_get(&["--quiet", "source", "--download-only", "redis"])
}

/// Returns the lines for source packages, of the mirrors from which the machine has Debian's binary packages.
fn sources() -> Result<String> {
    let format = "$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)";
    let told =
        Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]).output();
    let told = told.context("apt-get did not start: the suite comes as a Debian source package")?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let mut lines: Vec<String> = told.lines().filter_map(source_line).collect();
    lines.sort();
    lines.dedup();
    if lines.is_empty() {
        bail!(
            "apt knows no Debian package lists: type apt-get update (the suite is Debian 12's redis source package)"
        );
    }
    Ok(lines.join("\n") + "\n")
}

/// Turns `Debian URI SUITE main` into `deb-src URI SUITE main`.
fn source_line(told: &str) -> Option<String> {
    let rest = told.strip_prefix("Debian ")?;
    rest.ends_with(" main").then(|| format!("deb-src {rest}"))
}

fn ran(command: &mut Command) -> Result<()> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("{command:?} did not start"))?;
    if !output.status.success() {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("{command:?} failed:\n{out}{err}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::source_line;

    #[test]
    fn only_debian_has_it() {
        let line = source_line("Debian http://mirror/debian/ bookworm main");
        assert_eq!(line.as_deref(), Some("deb-src http://mirror/debian/ bookworm main"));
        assert_eq!(source_line("Debian http://mirror/debian/ bookworm contrib"), None);
        assert_eq!(source_line(" http://elsewhere/ stable main"), None);
    }
}
