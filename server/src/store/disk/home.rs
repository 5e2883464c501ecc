//! The place of a store's database: a directory, or under test a disk that loses writes and fails.

use std::io;

use super::base::Base;
use super::folder::Folder;
#[cfg(test)]
use super::lossy::Lossy;

/// The place of a database.
#[derive(Debug)]
pub(crate) enum Home {
    /// A directory, and the database's cache.
    Folder(Folder, usize),
    /// A disk for tests. It holds one file, so nothing can be swapped.
    #[cfg(test)]
    Lossy(Lossy),
}

impl Home {
    /// Opens the database that exists.
    pub(crate) fn open(&self) -> io::Result<Base> {
        match self {
            Self::Folder(folder, cache_bytes) => Base::open(&folder.store(), *cache_bytes),
            #[cfg(test)]
            Self::Lossy(disk) => Base::on(disk.clone(), "lossy"),
        }
    }

    /// Returns the directory.
    pub(crate) fn folder(&self) -> io::Result<&Folder> {
        match self {
            Self::Folder(folder, _) => Ok(folder),
            #[cfg(test)]
            Self::Lossy(_) => Err(io::Error::other("a disk of one file has no directory")),
        }
    }
}
