//! Paths on the command line: a path that cannot be the folder of a flag is refused before anything begins.

use std::path::Path;

use crate::failure::Failure;

/// Refuses a path that is no folder and cannot become one. `flag` names the path's flag.
pub fn folder(flag: &str, path: &Path) -> Result<(), Failure> {
    // The first ancestor that exists decides: a folder can only be made in a folder.
    let there = path.ancestors().find_map(|part| Some((part, std::fs::metadata(part).ok()?)));
    match there {
        Some((part, found)) if !found.is_dir() => {
            let (path, part) = (path.display(), part.display());
            Err(Failure::Usage(format!(
                "{flag} {path}: {part} is a file; name a folder, which is made if it does not exist"
            )))
        }
        Some(_) | None => Ok(()),
    }
}
