//! The directory of a store: its lock, its names, and the swap of a loaded snapshot against the old state.
//!
//! `LOCK` (held by an OS lock, the pid inside, never removed), `store.redb`, `incoming.redb` (a state being written),
//! `forked-<epoch>-<from>-<end>/store.redb` (the newest state that left the history), `replaced-<history>/store.redb`
//! (the newest that gave way to another history), `spool` (of the process that runs).
//!
//! The swap: a complete `incoming.redb` is durable; the old store moves into a directory aside, or stays; incoming is
//! renamed to store. After a cut at any point [`Folder::settle`] finds one of two things: a store (then what else
//! lies about is deleted), or no store and a complete incoming (then the swap is finished). A new store is made
//! the same way, so a half-made one is never met.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::base::Base;
use towline_driver::Replaced;
use towline_driver::store::Spool;

const LOCK: &str = "LOCK";
const STORE: &str = "store.redb";
const INCOMING: &str = "incoming.redb";
const FORKED: &str = "forked-";
const REPLACED: &str = "replaced-";

/// A directory that this process owns until this is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the directory if it is missing, and takes its lock.
    pub(crate) fn claim(path: &Path) -> io::Result<Self> {
        let name = |error: io::Error| named(path, &error);
        fs::create_dir_all(path).map_err(name)?;
        let at = path.join(LOCK);
        let mut lock =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&at).map_err(name)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let told = lock.read_to_string(&mut pid).is_ok() && pid.trim().parse::<u32>().is_ok();
                let who = if told { format!("process {}", pid.trim()) } else { "another process".to_owned() };
                let text = format!("directory {} is in use by {who}", path.display());
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, text));
            }
            Err(TryLockError::Error(error)) => return Err(named(&at, &error)),
        }
        lock.set_len(0).and_then(|()| lock.rewind()).map_err(name)?;
        writeln!(lock, "{}", std::process::id()).map_err(name)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Brings the directory into the state of a stopped store: `store.redb` exists and no half-made file does.
    pub(crate) fn settle(&self, cache_bytes: usize) -> io::Result<()> {
        let incoming = self.incoming();
        if !self.store().exists() {
            if !complete(&incoming, cache_bytes)? {
                self.clear_incoming()?;
                Base::create(&incoming, cache_bytes)?.begin()?;
            } else {
                tracing::info!(directory = %self.path.display(), "finishing an install that was cut short");
            }
            self.adopt()?;
        }
        self.clear_incoming()?;
        remove(&self.path.join(Spool::FILE_NAME))?;
        self.keep_newest()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path.join(STORE)
    }

    pub(crate) fn incoming(&self) -> PathBuf {
        self.path.join(INCOMING)
    }

    /// Deletes a state that was half written, or is no longer wanted.
    pub(crate) fn clear_incoming(&self) -> io::Result<()> {
        remove(&self.incoming())
    }

    /// Puts the complete incoming in the place of the store, which nobody has open. A swap that failed on the way goes
    /// on from there.
    pub(crate) fn swap(&self, replaced: Replaced) -> io::Result<()> {
        sync(&self.path)?;
        if !self.incoming().exists() {
            return self.keep_newest();
        }
        let aside = match replaced {
            Replaced::Outdated => None,
            Replaced::Adopted { history } => Some(format!("{REPLACED}{history}")),
            Replaced::Forked { epoch, from, end } => Some(format!("{FORKED}{epoch}-{from}-{end}")),
        };
        if let Some(aside) = aside.filter(|_| self.store().exists()) {
            let aside = self.path.join(aside);
            fs::create_dir_all(&aside).map_err(|error| named(&aside, &error))?;
            let (old, new) = (self.store(), aside.join(STORE));
            fs::rename(&old, &new).map_err(|error| named(&new, &error))?;
            sync(&aside)?;
            sync(&self.path)?;
        }
        self.adopt()?;
        self.keep_newest()
    }

    /// Renames incoming to store, replacing one that is there.
    fn adopt(&self) -> io::Result<()> {
        fs::rename(self.incoming(), self.store()).map_err(|error| named(&self.store(), &error))?;
        sync(&self.path)
    }

    /// Keeps the newest of the states set aside for a fork, and of those set aside for another history; removes the
    /// others, and directories without a store.
    fn keep_newest(&self) -> io::Result<()> {
        let (mut forked, mut replaced) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let store = path.join(STORE);
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if let Some(range) = fork_range(name) {
                forked.push((store.exists(), range, path));
            } else if is_replaced(name) {
                // A history's name has no order: the newest is the one that got its store last.
                let moved = fs::metadata(&path).and_then(|folder| folder.modified()).ok();
                replaced.push((store.exists(), moved, path));
            }
        }
        remove_all_but_last(forked)?;
        remove_all_but_last(replaced)
    }
}

/// Removes all but the last in order, and that too if it holds no store.
fn remove_all_but_last<T: Ord>(mut aside: Vec<(bool, T, PathBuf)>) -> io::Result<()> {
    aside.sort_unstable();
    let _newest = aside.pop_if(|(held, ..)| *held);
    for (_, _, path) in aside {
        fs::remove_dir_all(&path).map_err(|error| named(&path, &error))?;
    }
    Ok(())
}

/// Returns whether this is the name of a directory for the data of another history: 32 hexadecimal digits.
fn is_replaced(name: &str) -> bool {
    let digits = name.strip_prefix(REPLACED);
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// Returns epoch, from and end of a directory's name. Epochs only grow, so their order is that of time.
fn fork_range(name: &str) -> Option<(u32, u64, u64)> {
    let mut numbers = name.strip_prefix(FORKED)?.split('-');
    let range = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    numbers.next().is_none().then_some(range)
}

/// Returns whether a state was written whole. A file that is no database was not; one that cannot be read may have
/// been.
fn complete(incoming: &Path, cache_bytes: usize) -> io::Result<bool> {
    match Base::open(incoming, cache_bytes) {
        Ok(incoming) => Ok(incoming.is_complete()),
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::NotFound) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(named(path, &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes the names in a directory durable.
fn sync(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| named(path, &error))?;
    }
    Ok(())
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
