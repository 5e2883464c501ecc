//! The files of the source, and a copy of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that hold no source.
const SKIPPED: [&str; 3] = [".git", "target", "node_modules"];

/// Writes the files of `root` into `copy`, those in `changed` with another text, and removes what else is there.
pub(crate) fn write(root: &Path, copy: &Path, changed: &BTreeMap<String, String>) -> Result<(), String> {
    let mut kept = BTreeSet::new();
    let names = files(root).into_iter().chain(changed.keys().cloned());
    for name in names.collect::<BTreeSet<_>>() {
        let text = match changed.get(&name) {
            Some(text) => text.clone().into_bytes(),
            None => {
                std::fs::read(root.join(&name)).map_err(|error| format!("cannot read {name}: {error}"))?
            }
        };
        let path = copy.join(&name);
        if std::fs::read(&path).ok().as_ref() != Some(&text) {
            let cannot = |error| format!("cannot write {}: {error}", path.display());
            std::fs::create_dir_all(path.parent().unwrap_or(copy)).map_err(cannot)?;
            std::fs::write(&path, text).map_err(cannot)?;
        }
        kept.insert(path);
    }
    let mut there = Vec::new();
    walk(copy, &mut there);
    for path in there.into_iter().filter(|path| !kept.contains(path)) {
        std::fs::remove_file(&path).map_err(|error| format!("cannot remove {}: {error}", path.display()))?;
    }
    Ok(())
}

/// Returns the files that git tracks, or would track if they were added now, as paths from the root. Without git, all.
fn files(root: &Path) -> Vec<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let mut names: Vec<String> = match git.output() {
        Ok(told) if told.status.success() => {
            String::from_utf8_lossy(&told.stdout).split('\0').map(str::to_owned).collect()
        }
        Ok(_) | Err(_) => {
            let mut paths = Vec::new();
            walk(root, &mut paths);
            let name =
                |path: &PathBuf| Some(path.strip_prefix(root).ok()?.to_string_lossy().replace('\\', "/"));
            paths.iter().filter_map(name).collect()
        }
    };
    names.retain(|name| root.join(name).is_file());
    names
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if !path.is_dir() {
            paths.push(path);
        } else if !SKIPPED.iter().any(|name| path.ends_with(name)) {
            walk(&path, paths);
        }
    }
}
