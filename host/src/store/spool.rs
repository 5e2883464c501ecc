//! The tail that rides along with a snapshot: batches that came before they could be applied, first in, first out.
//!
//! Each has the offset after it, the cursor that is to be committed with it and its records, all opaque here. It is in
//! memory or in a file `spool` beside a store; the file is of this process alone: nothing is synced, and one left over
//! is deleted.
//!
//! Bounds: [`is_full`](Spool::is_full) says when to stop; the batch that crosses the bound is still taken, so it is
//! exceeded by less than one batch. A file's room comes back when the spool runs empty.
//!
//! Opening, writing and reading the file waits for the system's page cache, not for the disk.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use towline_core::Offset;

#[cfg(test)]
mod tests;

/// The file's name.
pub(crate) const SPOOL: &str = "spool";
/// Before each batch: its offset, and the lengths of cursor and records.
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
    /// Waiting.
    bytes: u64,
}

#[derive(Debug)]
enum Place {
    Memory(VecDeque<Spooled>),
    File(Box<Paper>),
}

/// The file: one end writes, the other reads behind it.
#[derive(Debug)]
struct Paper {
    path: PathBuf,
    writer: BufWriter<File>,
    reader: BufReader<File>,
    written: u64,
    /// Of them, those the reader may see.
    flushed: u64,
    read: u64,
}

impl Spool {
    /// A spool in memory.
    #[must_use]
    pub const fn memory(bytes_max: u64) -> Self {
        Self { place: Place::Memory(VecDeque::new()), front: None, bytes_max, bytes: 0 }
    }

    /// A spool in the file `spool` of a directory this process has for itself. It is removed in the end.
    ///
    /// # Errors
    /// The file could not be made; the message names it.
    pub fn file(directory: &Path, bytes_max: u64) -> io::Result<Self> {
        let path = directory.join(SPOOL);
        let open = || {
            let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
            let reader = BufReader::with_capacity(BUFFER, File::open(&path)?);
            Ok((BufWriter::with_capacity(BUFFER, file), reader))
        };
        let (writer, reader) = open().map_err(|error| named(&path, &error))?;
        let paper = Paper { path, writer, reader, written: 0, flushed: 0, read: 0 };
        Ok(Self { place: Place::File(Box::new(paper)), front: None, bytes_max, bytes: 0 })
    }

    /// Adds a batch at the end.
    ///
    /// # Errors
    /// The file cannot be written: clear the spool and fetch the tail again.
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
        if let Some(batch) = &batch {
            self.bytes -= size(&batch.cursor, &batch.records);
        }
        Ok(batch)
    }

    /// Puts the batch that was taken last back at the front.
    pub fn put_back(&mut self, batch: Spooled) {
        self.bytes += size(&batch.cursor, &batch.records);
        self.front = Some(batch);
    }

    /// Bytes that wait.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The bound it was given.
    #[must_use]
    pub const fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Whether nothing more should be added for now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let held = match &self.place {
            Place::Memory(_) => self.bytes,
            Place::File(paper) => paper.written.max(self.bytes),
        };
        held >= self.bytes_max
    }

    /// Forgets everything.
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
    fn push(&mut self, upto: Offset, cursor: &[u8], records: &[u8]) -> io::Result<()> {
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
        let (cursor_len, records_len) = (len(cursor)?, len(records)?);
        self.writer.write_all(&upto.0.to_le_bytes())?;
        self.writer.write_all(&cursor_len.to_le_bytes())?;
        self.writer.write_all(&records_len.to_le_bytes())?;
        self.writer.write_all(cursor)?;
        self.writer.write_all(records)?;
        self.written += size(cursor, records);
        Ok(())
    }

    fn pop(&mut self) -> io::Result<Option<Spooled>> {
        if self.read == self.written {
            return Ok(None);
        }
        if self.read == self.flushed {
            self.writer.flush()?;
            self.flushed = self.written;
        }
        let (mut upto, mut cursor_len, mut records_len) = ([0; 8], [0; 4], [0; 4]);
        self.reader.read_exact(&mut upto)?;
        self.reader.read_exact(&mut cursor_len)?;
        self.reader.read_exact(&mut records_len)?;
        let mut take = |len: [u8; 4]| {
            let mut bytes = vec![0; usize::try_from(u32::from_le_bytes(len)).map_err(io::Error::other)?];
            self.reader.read_exact(&mut bytes).map(|()| bytes)
        };
        let (cursor, records) = (take(cursor_len)?, take(records_len)?);
        self.read += size(&cursor, &records);
        if self.read == self.written {
            self.reset()?;
        }
        Ok(Some(Spooled { upto: Offset(u64::from_le_bytes(upto)), cursor, records }))
    }

    /// Begins the file anew.
    fn reset(&mut self) -> io::Result<()> {
        if self.written > 0 {
            // What is still in the writer's buffer goes out first, to be cut off with the rest.
            self.writer.rewind()?;
            self.writer.get_ref().set_len(0)?;
            self.reader.rewind()?;
            (self.written, self.flushed, self.read) = (0, 0, 0);
        }
        Ok(())
    }
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
