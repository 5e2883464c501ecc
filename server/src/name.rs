//! The name a directory keeps for its node: the file `node`, 16 hexadecimal digits.
//!
//! It appears whole or not at all: written beside, synced, renamed. An empty file, as a power cut may leave one that
//! was not synced, counts as missing; any other content that is no name stops the start, because it may be another
//! file.
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use tracing::warn;

use towline_driver::StartError;

const NODE_FILE: &str = "node";
const BESIDE: &str = "node.new";

/// Returns the name of a directory's node: given, kept, or drawn now.
pub(crate) fn of_directory(dir: &Path, given: Option<u64>, drawn: u64) -> Result<u64, StartError> {
    let path = dir.join(NODE_FILE);
    let failed = |why: String| StartError::Store(format!("{}: {why}", path.display()));
    let kept = match fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => {
            let name = given.unwrap_or(drawn);
            warn!("{} is empty: this node's name is {name:016x} from now on", path.display());
            None
        }
        Ok(text) => {
            let name = u64::from_str_radix(text.trim(), 16).ok().filter(|name| *name > 0);
            let text = "not a node id of 16 hexadecimal digits; without the file a new one is drawn";
            Some(name.ok_or_else(|| failed(text.to_owned()))?)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error.to_string())),
    };
    let name = given.or(kept).unwrap_or(drawn);
    if kept != Some(name) {
        write(dir, name).map_err(|error| failed(error.to_string()))?;
    }
    Ok(name)
}

fn write(dir: &Path, name: u64) -> io::Result<()> {
    let beside = dir.join(BESIDE);
    let mut file = File::create(&beside)?;
    writeln!(file, "{name:016x}")?;
    file.sync_all()?;
    fs::rename(&beside, dir.join(NODE_FILE))?;
    if cfg!(unix) {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_no_name_and_a_strange_one_stops_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NODE_FILE);
        let name = |drawn| of_directory(dir.path(), None, drawn);
        assert_eq!((name(7).unwrap(), name(8).unwrap()), (7, 7));
        assert_eq!(of_directory(dir.path(), Some(5), 9).unwrap(), 5);
        for empty in ["", "\n"] {
            fs::write(&path, empty).unwrap();
            assert_eq!((name(0xab).unwrap(), name(3).unwrap()), (0xab, 0xab));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "00000000000000ab\n");
        assert!(!dir.path().join(BESIDE).exists());
        fs::write(&path, "somebody").unwrap();
        assert!(name(1).unwrap_err().to_string().contains("without the file a new one is drawn"));
    }
}
