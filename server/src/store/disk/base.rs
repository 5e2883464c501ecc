//! The database file: its layout, and how it is read and written.
//!
//! `entries`: key to expiry (milliseconds as u64 little endian, 0 for never) and value. `meta`: `format`, and from
//! the first flush on `cursor`, `upto`, `digest` and `count` of exactly the entries beside it. A file is *complete*
//! from the commit that wrote `format`: its first.
//!
//! Every commit is durable and with quick repair, so a file opens at once after any kill. Every error names the file.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use redb::{Table, WriteTransaction};
use towline_core::Offset;
use towline_kv::{Digest, ExpiryMs};

use super::layer::Layer;
use crate::store::map::{Held, Map, Shards};

const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// The layout above. Another number is another layout, and is refused.
const FORMAT: u32 = 1;
/// How many entries are read or written between two checks for an end, and two lines about progress.
const STRIDE: usize = 1024;
const PROGRESS: u64 = 1_000_000;

/// The mark of the state in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) cursor: Vec<u8>,
    pub(crate) upto: Offset,
    pub(crate) digest: Digest,
    pub(crate) count: u64,
}

/// An open database file.
#[derive(Debug)]
pub(crate) struct Base {
    database: Database,
    name: String,
}

impl Base {
    /// Opens a file that exists.
    pub(crate) fn open(path: &Path, cache_bytes: usize) -> io::Result<Self> {
        let name = path.display().to_string();
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes);
        let database = guarded(&name, || builder.open(path).map_err(redb::Error::from))?;
        Ok(Self { database, name })
    }

    /// Makes a file; it is not complete yet.
    pub(crate) fn create(path: &Path, cache_bytes: usize) -> io::Result<Self> {
        let name = path.display().to_string();
        let database = Database::builder().set_cache_size(cache_bytes).create(path);
        let database = database.map_err(|error| fault(&name, error))?;
        Ok(Self { database, name })
    }

    #[cfg(test)]
    pub(crate) fn on(backend: impl redb::StorageBackend, name: &str) -> io::Result<Self> {
        let name = name.to_owned();
        let database = Database::builder().create_with_backend(backend);
        Ok(Self { database: database.map_err(|error| fault(&name, error))?, name })
    }

    /// Notes that the file was moved.
    pub(crate) fn rename(&mut self, path: &Path) {
        self.name = path.display().to_string();
    }

    /// Makes it complete and empty.
    pub(crate) fn begin(&self) -> io::Result<()> {
        let begin = |write: &WriteTransaction| {
            write.open_table(ENTRIES)?;
            write.open_table(META)?.insert("format", &FORMAT.to_le_bytes()[..])?;
            Ok(true)
        };
        self.write(begin).map(|_| ())
    }

    /// Returns whether its first commit was finished.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.meta("format"), Ok(Some(_)))
    }

    /// Reads everything into an empty map and checks it against its digest.
    pub(crate) fn load(&self, map: &mut Map) -> io::Result<Option<Mark>> {
        self.check_format()?;
        guarded(&self.name, || self.load_entries(map))?;
        let found = (map.digest(), map.len());
        let Some(mark) = self.mark()? else {
            return if map.len() == 0 { Ok(None) } else { Err(self.damaged("entries without a cursor")) };
        };
        if (mark.digest, mark.count) != found {
            return Err(self.damaged("the entries are not those its digest was made of"));
        }
        Ok(Some(mark))
    }

    /// Writes a layer in one transaction; returns false if it gave up because `going` returned false.
    pub(crate) fn flush(&self, layer: &Layer, mark: &Mark, going: &dyn Fn() -> bool) -> io::Result<bool> {
        self.write(|write| {
            if layer.cleared() {
                write.delete_table(ENTRIES)?;
            }
            let mut table = write.open_table(ENTRIES)?;
            for (number, written) in layer.sorted().into_iter().enumerate() {
                if number % STRIDE == 0 && !going() {
                    return Ok(false);
                }
                match &written.value {
                    Some(value) => put(&mut table, &written.key, value, written.expiry)?,
                    None => drop(table.remove(&*written.key)?),
                }
            }
            put_mark(write, mark)
        })
    }

    /// Writes a whole state into a file that was just made, and makes it complete, in one transaction.
    pub(crate) fn fill(&self, entries: &Shards, mark: &Mark, going: &dyn Fn() -> bool) -> io::Result<bool> {
        let mut sorted: Vec<&Held> = entries.iter().collect();
        sorted.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        self.write(|write| {
            let mut table = write.open_table(ENTRIES)?;
            for (number, held) in sorted.iter().enumerate() {
                if number % STRIDE == 0 && !going() {
                    return Ok(false);
                }
                put(&mut table, &held.key, &held.value, held.expiry)?;
            }
            write.open_table(META)?.insert("format", &FORMAT.to_le_bytes()[..])?;
            put_mark(write, mark)
        })
    }

    /// Runs one durable transaction; it is undone if `work` fails or returns false.
    fn write(&self, work: impl FnOnce(&WriteTransaction) -> Result<bool, redb::Error>) -> io::Result<bool> {
        let work = || {
            let mut write = self.database.begin_write()?;
            write.set_quick_repair(true);
            if !work(&write)? {
                write.abort()?;
                return Ok(false);
            }
            write.commit()?;
            Ok(true)
        };
        work().map_err(|error: redb::Error| fault(&self.name, error))
    }

    fn load_entries(&self, map: &mut Map) -> Result<(), redb::Error> {
        let table = match self.database.begin_read()?.open_table(ENTRIES) {
            Ok(table) => table,
            // Until now only clears were flushed.
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let keys = table.len()?;
        for entry in table.iter()? {
            let (key, stored) = entry?;
            let Some((expiry, value)) = stored.value().split_first_chunk() else { continue };
            map.load(key.value(), value, ExpiryMs::new(u64::from_le_bytes(*expiry)));
            if map.len().is_multiple_of(PROGRESS) {
                tracing::info!(file = self.name, loaded = map.len(), keys, "loading");
            }
        }
        Ok(())
    }

    fn check_format(&self) -> io::Result<()> {
        match self.meta("format")?.as_deref().map(<[u8; 4]>::try_from) {
            Some(Ok(format)) if u32::from_le_bytes(format) == FORMAT => Ok(()),
            Some(Ok(format)) => {
                let format = u32::from_le_bytes(format);
                let text = format!(
                    "{}: store format {format}, and this program reads {FORMAT}: use the program that wrote it",
                    self.name
                );
                Err(io::Error::new(io::ErrorKind::InvalidData, text))
            }
            Some(Err(_)) | None => Err(self.damaged("no format")),
        }
    }

    /// Returns the mark, if anything was flushed.
    fn mark(&self) -> io::Result<Option<Mark>> {
        let Some(cursor) = self.meta("cursor")? else { return Ok(None) };
        let number = |name: &str| {
            let bytes = self.meta(name)?.and_then(|bytes| bytes.try_into().ok());
            bytes.map(u64::from_le_bytes).ok_or_else(|| self.damaged("no mark"))
        };
        let digest = self.meta("digest")?.and_then(|bytes| bytes.try_into().ok());
        let digest = digest.ok_or_else(|| self.damaged("no digest"))?;
        let (upto, count) = (Offset(number("upto")?), number("count")?);
        Ok(Some(Mark { cursor, upto, digest: Digest::from_bytes(digest), count }))
    }

    fn meta(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        guarded(&self.name, || match self.database.begin_read()?.open_table(META) {
            Ok(table) => Ok(table.get(name)?.map(|stored| stored.value().to_vec())),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        })
    }

    fn damaged(&self, what: &str) -> io::Error {
        damaged(&self.name, what)
    }
}

fn put(
    table: &mut Table<'_, &[u8], &[u8]>,
    key: &[u8],
    value: &[u8],
    expiry: Option<ExpiryMs>,
) -> Result<(), redb::Error> {
    let mut room = table.insert_reserve(key, value.len() + 8)?;
    let (word, rest) = room.as_mut().split_at_mut(8);
    word.copy_from_slice(&ExpiryMs::word(expiry).to_le_bytes());
    rest.copy_from_slice(value);
    Ok(())
}

fn put_mark(write: &WriteTransaction, mark: &Mark) -> Result<bool, redb::Error> {
    let mut meta = write.open_table(META)?;
    meta.insert("cursor", &*mark.cursor)?;
    meta.insert("upto", &mark.upto.0.to_le_bytes()[..])?;
    meta.insert("digest", &mark.digest.to_bytes()[..])?;
    meta.insert("count", &mark.count.to_le_bytes()[..])?;
    Ok(true)
}

/// Reads a file that may be damaged: the database may panic on one.
fn guarded<T>(name: &str, read: impl FnOnce() -> Result<T, redb::Error>) -> io::Result<T> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) => Err(fault(name, error)),
        Err(_) => Err(damaged(name, "the database cannot read it")),
    }
}

fn fault(name: &str, error: impl Into<redb::Error>) -> io::Error {
    let error = error.into();
    if let redb::Error::Io(error) = &error {
        // The database's error for a file that is no database.
        return match error.kind() == io::ErrorKind::InvalidData {
            true => damaged(name, &error.to_string()),
            false => io::Error::new(error.kind(), format!("{name}: {error}")),
        };
    }
    if let redb::Error::Corrupted(what) = &error {
        return damaged(name, what);
    }
    io::Error::other(format!("{name}: {error}"))
}

fn damaged(name: &str, what: &str) -> io::Error {
    let text = format!(
        "{name}: damaged store ({what}): move its directory away and start again; a replica fetches everything anew"
    );
    io::Error::new(io::ErrorKind::InvalidData, text.replace('\n', " "))
}
