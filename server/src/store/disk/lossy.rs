//! A disk for tests that loses unsynced writes: some of those since the last sync, in any random combination. It fails
//! after a given number of writes, as if the power had gone, or until it is healed.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// A disk; clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lossy(Arc<Mutex<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    synced: Vec<u8>,
    now: Vec<u8>,
    unsynced: Vec<Write>,
    /// The number of writes and syncs before it fails.
    left: Option<u64>,
}

#[derive(Debug, Clone)]
enum Write {
    Len(usize),
    Bytes(usize, Vec<u8>),
}

impl Write {
    fn onto(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Len(len) => bytes.resize(*len, 0),
            Self::Bytes(at, data) => {
                bytes.resize(bytes.len().max(at + data.len()), 0);
                bytes[*at..at + data.len()].copy_from_slice(data);
            }
        }
    }
}

impl Lossy {
    /// Lets the power go after so many more writes and syncs.
    pub(crate) fn fail_after(&self, left: u64) {
        self.0.lock().unwrap().left = Some(left);
    }

    /// Lets it work again.
    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().left = None;
    }

    /// Returns the disk that a new start finds. Each bit of `random` keeps or loses one of the last writes.
    pub(crate) fn after_the_cut(&self, random: u64) -> Self {
        let disk = self.0.lock().unwrap();
        let mut synced = disk.synced.clone();
        for (number, write) in disk.unsynced.iter().enumerate() {
            // A file grows before the writes into it, so its length is always kept.
            if matches!(write, Write::Len(_)) || random >> (number % 64) & 1 == 1 {
                write.onto(&mut synced);
            }
        }
        Self(Arc::new(Mutex::new(Disk { now: synced.clone(), synced, ..Disk::default() })))
    }

    fn work(&self, write: Option<Write>) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        match &mut disk.left {
            Some(0) => return Err(io::Error::other("the power is gone")),
            Some(left) => *left -= 1,
            None => {}
        }
        match write {
            Some(write) => {
                write.onto(&mut disk.now);
                disk.unsynced.push(write);
            }
            None => {
                disk.synced = disk.now.clone();
                disk.unsynced.clear();
            }
        }
        Ok(())
    }
}

impl StorageBackend for Lossy {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.0.lock().unwrap();
        let from = usize::try_from(offset).unwrap();
        let bytes = disk.now.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.work(Some(Write::Len(usize::try_from(len).unwrap())))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.work(None)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.work(Some(Write::Bytes(usize::try_from(offset).unwrap(), data.to_vec())))
    }
}
