//! A store of one's own, replicated by the driver: a sorted map, and a file (`store`, here) that holds it with its
//! cursor. It follows `towline serve`, and feeds others itself.
//!
//!     cargo run --release -- serve                                    # in one terminal
//!     cargo run -p towline-driver --example store -- 127.0.0.1:7001   # in another; kill it, start it again
//!     redis-cli -p 7000 set greeting hello                            # in a third
//!
//! Records and snapshots are in the language of its upstream here, which `towline_kv` speaks; between nodes of your own
//! they are whatever bytes you like.

use std::error::Error;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::{env, fs, io, mem};

use towline_core::Offset;
use towline_driver::transport::Tcp;
use towline_driver::{Driver, Options, Persistence, Replaced, SnapshotBytes, Store, View};
use towline_kv::Table;

#[derive(Default)]
struct MapAndFile {
    map: Table,
    cursor: Vec<u8>,
    /// The snapshot that is loading: its cursor, and its bytes so far.
    loading: (Vec<u8>, Vec<u8>),
    /// Set when map and cursor have changed since they were saved; `saver` is woken then.
    unsaved: bool,
    saver: Option<Waker>,
}

impl Store for MapAndFile {
    fn cursor(&self) -> Option<&[u8]> {
        Some(&self.cursor[..]).filter(|cursor| !cursor.is_empty())
    }

    fn apply(&mut self, record: &[u8]) -> io::Result<()> {
        self.map.apply(record).map_err(io::Error::other)
    }

    fn commit(&mut self, cursor: &[u8], _: Offset) {
        (self.cursor, self.unsaved) = (cursor.to_vec(), true);
        self.saver.take().into_iter().for_each(Waker::wake);
    }

    fn view(&mut self) -> io::Result<Box<dyn View>> {
        Ok(Box::new(SnapshotBytes::new(self.cursor.clone(), self.map.written())))
    }

    fn load_begin(&mut self, cursor: &[u8], _: Offset) -> io::Result<()> {
        self.loading = (cursor.to_vec(), Vec::new());
        Ok(())
    }

    fn load(&mut self, piece: &[u8]) -> io::Result<()> {
        self.loading.1.extend_from_slice(piece);
        Ok(())
    }

    fn install(&mut self, _: Replaced) -> io::Result<()> {
        let (cursor, bytes) = mem::take(&mut self.loading);
        self.map = Table::read(&bytes).map_err(io::Error::other)?;
        self.commit(&cursor, Offset(0));
        Ok(())
    }

    fn persistence(&mut self) -> Option<&mut dyn Persistence> {
        Some(self)
    }
}

impl Persistence for MapAndFile {
    /// Saves once a turn, whatever came in it. A store with more to save does that on a thread of its own.
    fn poll_persisted(&mut self, task: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        if !self.unsaved {
            self.saver = Some(task.waker().clone());
            return Poll::Pending;
        }
        self.save().inspect_err(|_| task.waker().wake_by_ref())?;
        self.unsaved = false;
        println!("{} keys, digest {}", self.map.len(), self.map.digest());
        Poll::Ready(Ok(self.cursor.clone()))
    }

    fn flush_soon(&mut self) {}
}

impl MapAndFile {
    /// Reads what was saved; nothing, if nothing was.
    fn open() -> io::Result<Self> {
        let bytes = if fs::exists("store")? { fs::read("store")? } else { return Ok(Self::default()) };
        let cut = || io::Error::other("the file store is cut short: remove it to begin anew");
        let (length, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
        let (cursor, map) = rest.split_at_checked(u16::from_le_bytes(*length).into()).ok_or_else(cut)?;
        let map = Table::read(map).map_err(io::Error::other)?;
        Ok(Self { map, cursor: cursor.to_vec(), ..Self::default() })
    }

    /// Writes map and cursor into a new file and renames it over the old one: they change together or not at all.
    fn save(&self) -> io::Result<()> {
        let length = u16::try_from(self.cursor.len()).map_err(io::Error::other)?.to_le_bytes();
        fs::write("store.new", [&length, &self.cursor[..], &self.map.written()].concat())?;
        fs::File::open("store.new")?.sync_all()?;
        fs::rename("store.new", "store")?;
        fs::File::open(".")?.sync_all()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = env::args().nth(1).ok_or("usage: store HOST:PORT")?;
    let mut options = Options { upstream: Some(upstream), node: Some(7), ..Options::default() };
    options.replication = Some("127.0.0.1:0".to_owned());
    options.core.persists = true;
    let mut driver = Driver::start(options, Arc::new(Tcp::default()), MapAndFile::open()?).await?;
    println!("node {} feeds others on {}", driver.node(), driver.replication_addr().unwrap_or("no address"));
    Ok(driver.wait().await?)
}
