//! Paths on the command line: what cannot be the folder that a flag asks for is refused before anything begins.

use std::path::Path;

use crate::failure::Failure;

/// Refuses a path that is no folder and cannot become one. `flag` names it.
pub fn folder(flag: &str, path: &Path) -> Result<(), Failure> {
    // The first of them that is there decides: a folder can be made in a folder alone.
    let there = path.ancestors().find_map(|part| Some((part, std::fs::metadata(part).ok()?)));
    match there {
        Some((part, found)) if !found.is_dir() => {
            let (path, part) = (path.display(), part.display());
            Err(Failure::Usage(format!(
                "{flag} {path}: {part} is a file; name a folder, which is made if it is not there"
            )))
        }
        Some(_) | None => Ok(()),
    }
}
