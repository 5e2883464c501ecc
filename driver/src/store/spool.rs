//! The tail that comes beside a snapshot: batches that cannot be applied yet, first in, first out.
//!
//! Each has the offset after it, the cursor that is to be committed with it and its records, all opaque here. It is in
//! memory or in a file `spool` beside a store; the file is of this process alone: nothing is synced, and one left over
//! is deleted.
//!
//! Bounds: [`is_full`](Spool::is_full) says when to stop; the batch that crosses the bound is still accepted, so it is
//! exceeded by less than one batch. A file's room comes back when the spool runs empty. Bytes that the disk refuses
//! stay in memory, and the spool counts as full until it has run empty: they are at most what was under way.
//!
//! Opening, writing and reading the file waits for the system's page cache, not for the disk.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use towline_core::Offset;

#[cfg(test)]
mod tests;

/// The bytes before each batch: its offset, and the lengths of cursor and records.
const HEAD: usize = 16;
const BUFFER: usize = 256 << 10;

/// One batch of the tail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// The offset after it.
    pub upto: Offset,
    /// The cursor at that offset.
    pub cursor: Vec<u8>,
    /// Its records, as they came.
    pub records: Vec<u8>,
}

/// Batches that wait for a snapshot to be installed.
#[derive(Debug)]
pub struct Spool {
    place: Place,
    /// The batch at the front, if it was put back.
    front: Option<Spooled>,
    bytes_max: u64,
    /// The bytes that wait.
    bytes: u64,
}

#[derive(Debug)]
enum Place {
    Memory(VecDeque<Spooled>),
    File(Box<Paper>),
}

/// The file, and behind it the newest batches in memory. All positions count from the file's beginning.
#[derive(Debug)]
struct Paper {
    path: PathBuf,
    file: File,
    reader: BufReader<File>,
    /// Bytes in the file.
    written: u64,
    /// The bytes behind them, which only grow until the file accepts them.
    tail: Vec<u8>,
    /// Set when the file did not accept them at the last attempt.
    refused: bool,
    read: u64,
}

impl Spool {
    /// The name of the file.
    pub const FILE_NAME: &str = "spool";

    /// Makes a spool in memory.
    #[must_use]
    pub const fn memory(bytes_max: u64) -> Self {
        Self { place: Place::Memory(VecDeque::new()), front: None, bytes_max, bytes: 0 }
    }

    /// Makes a spool in the file `spool` of a directory that is this process's own. The file is removed in the end.
    ///
    /// # Errors
    /// The file could not be made; the message names it.
    pub fn file(directory: &Path, bytes_max: u64) -> io::Result<Self> {
        let path = directory.join(Self::FILE_NAME);
        let open = || {
            let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
            let reader = BufReader::with_capacity(BUFFER, File::open(&path)?);
            Ok((file, reader))
        };
        let (file, reader) = open().map_err(|error| named(&path, &error))?;
        let paper = Paper { path, file, reader, written: 0, tail: Vec::new(), refused: false, read: 0 };
        Ok(Self { place: Place::File(Box::new(paper)), front: None, bytes_max, bytes: 0 })
    }

    /// Adds a batch at the end.
    ///
    /// # Errors
    /// It is longer than any batch.
    pub fn push(&mut self, upto: Offset, cursor: &[u8], records: &[u8]) -> io::Result<()> {
        match &mut self.place {
            Place::Memory(batches) => {
                batches.push_back(Spooled { upto, cursor: cursor.to_vec(), records: records.to_vec() });
            }
            Place::File(paper) => {
                paper.push(upto, cursor, records).map_err(|error| named(&paper.path, &error))?;
            }
        }
        self.bytes += size(cursor, records);
        debug_assert!(!self.is_empty());
        Ok(())
    }

    /// Takes the batch at the front.
    ///
    /// # Errors
    /// The file cannot be read: clear the spool and fetch the tail again.
    pub fn pop(&mut self) -> io::Result<Option<Spooled>> {
        let batch = match (self.front.take(), &mut self.place) {
            (Some(batch), _) => Some(batch),
            (None, Place::Memory(batches)) => batches.pop_front(),
            (None, Place::File(paper)) => paper.pop().map_err(|error| named(&paper.path, &error))?,
        };
        debug_assert_eq!(batch.is_none(), self.bytes == 0, "bytes wait exactly while a batch does");
        if let Some(batch) = &batch {
            self.bytes -= size(&batch.cursor, &batch.records);
        }
        Ok(batch)
    }

    /// Puts the batch that was taken last back at the front.
    pub fn put_back(&mut self, batch: Spooled) {
        debug_assert!(self.front.is_none(), "one batch at most is out");
        self.bytes += size(&batch.cursor, &batch.records);
        self.front = Some(batch);
    }

    /// Returns the bytes that wait.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the bound it was given.
    #[must_use]
    pub const fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Returns whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Returns the used bytes of its bound: those that wait, and in a file those before them, until it runs empty; the
    /// whole bound where the disk refuses.
    #[must_use]
    pub fn filled_bytes(&self) -> u64 {
        match &self.place {
            Place::Memory(_) => self.bytes,
            Place::File(paper) if paper.refused => self.bytes.max(self.bytes_max),
            Place::File(paper) => paper.end().max(self.bytes),
        }
    }

    /// Returns whether nothing more should be added for now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.filled_bytes() >= self.bytes_max
    }

    /// Drops everything.
    ///
    /// # Errors
    /// The file could not be cut.
    pub fn clear(&mut self) -> io::Result<()> {
        (self.bytes, self.front) = (0, None);
        match &mut self.place {
            Place::Memory(batches) => *batches = VecDeque::new(),
            Place::File(paper) => paper.reset().map_err(|error| named(&paper.path, &error))?,
        }
        Ok(())
    }
}

impl Paper {
    /// Returns the bytes of all batches since the file was begun.
    fn end(&self) -> u64 {
        self.written + self.tail.len() as u64
    }

    fn push(&mut self, upto: Offset, cursor: &[u8], records: &[u8]) -> io::Result<()> {
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
        let (cursor_len, records_len) = (len(cursor)?, len(records)?);
        self.tail.extend_from_slice(&upto.0.to_le_bytes());
        self.tail.extend_from_slice(&cursor_len.to_le_bytes());
        self.tail.extend_from_slice(&records_len.to_le_bytes());
        self.tail.extend_from_slice(cursor);
        self.tail.extend_from_slice(records);
        if self.tail.len() >= BUFFER {
            self.spill();
        }
        Ok(())
    }

    /// Moves the batches in memory into the file. If the file accepts only a part, all of it is written again.
    fn spill(&mut self) {
        let at = io::SeekFrom::Start(self.written);
        // The reader is at the end of the file, or before it.
        let skip = |paper: &mut Self| match paper.read > paper.written {
            true => paper.reader.seek(io::SeekFrom::Start(paper.read)).map(drop),
            false => Ok(()),
        };
        match self.file.seek(at).and_then(|_| self.file.write_all(&self.tail)).and_then(|()| skip(self)) {
            Ok(()) => {
                self.written += self.tail.len() as u64;
                self.tail.clear();
                self.refused = false;
            }
            Err(error) => {
                if !self.refused {
                    tracing::warn!("{}: {error}: the stream waits in its sender", self.path.display());
                }
                self.refused = true;
            }
        }
    }

    fn pop(&mut self) -> io::Result<Option<Spooled>> {
        if self.read == self.end() {
            return Ok(None);
        }
        let batch = if self.read < self.written {
            take(&mut self.reader)?
        } else {
            let at = usize::try_from(self.read - self.written).map_err(io::Error::other)?;
            take(&mut &self.tail[at..])?
        };
        self.read += size(&batch.cursor, &batch.records);
        if self.read == self.end() {
            self.reset()?;
        }
        Ok(Some(batch))
    }

    /// Begins the file anew.
    fn reset(&mut self) -> io::Result<()> {
        if self.end() > 0 {
            self.file.set_len(0)?;
            self.reader.rewind()?;
            self.tail.clear();
            self.tail.shrink_to(2 * BUFFER);
            (self.written, self.refused, self.read) = (0, false, 0);
        }
        Ok(())
    }
}

/// Reads one batch.
fn take(from: &mut dyn Read) -> io::Result<Spooled> {
    let (mut upto, mut cursor_len, mut records_len) = ([0; 8], [0; 4], [0; 4]);
    from.read_exact(&mut upto)?;
    from.read_exact(&mut cursor_len)?;
    from.read_exact(&mut records_len)?;
    let mut bytes = |len: [u8; 4]| {
        let mut bytes = vec![0; usize::try_from(u32::from_le_bytes(len)).map_err(io::Error::other)?];
        from.read_exact(&mut bytes).map(|()| bytes)
    };
    let (cursor, records) = (bytes(cursor_len)?, bytes(records_len)?);
    Ok(Spooled { upto: Offset(u64::from_le_bytes(upto)), cursor, records })
}

impl Drop for Paper {
    fn drop(&mut self) {
        // If it stays, the next start removes it.
        drop(std::fs::remove_file(&self.path));
    }
}

const fn size(cursor: &[u8], records: &[u8]) -> u64 {
    (HEAD + cursor.len() + records.len()) as u64
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
