//! A follower of `towline serve`: std's TCP, a sorted map, and a file (`store`, here) that holds it with its cursor.
//!
//!     cargo run --release -- serve                                   # in one terminal
//!     cargo run -p towline-core --example follow -- 127.0.0.1:7001   # in another; kill it, start it again
//!     redis-cli -p 7000 set greeting hello                           # in a third
#![allow(clippy::disallowed_methods, reason = "a host has a clock and arguments; the core has none")]

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{collections::VecDeque, env, error::Error, fs, mem, net::TcpStream, thread};
use towline_core::{receiver::*, *};
use towline_kv::Table;

type Outcome<T> = Result<T, Box<dyn Error>>;
const LINK: LinkId = LinkId(0);
const PAUSE: Duration = Duration::from_millis(10);

struct Follower {
    clock: Instant,
    node: Node,
    receiver: Receiver,
    /// The store: a sorted map, the cursor where it stands, and that cursor's offset until both are saved.
    map: Table,
    cursor: Vec<u8>,
    unsaved: Option<Offset>,
    /// The snapshot that is loading: its cursor, and its bytes so far.
    loading: (Vec<u8>, Vec<u8>),
    /// Batches that wait: where each ends, its cursor, its records.
    kept: VecDeque<(Offset, Cursor, Vec<u8>)>,
}

impl Follower {
    fn now(&self) -> Time {
        Time(u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Feeds what came, one frame a step, then saves what that changed.
    fn feed(&mut self, unread: &mut Vec<u8>, came: &[u8]) -> Outcome<()> {
        unread.extend_from_slice(came);
        let mut used = 1;
        while used > 0 {
            let step = self.node.handle(self.now(), Input::Bytes { link: LINK, data: unread })?;
            self.receiver.receive(&step, Standing::of(&self.node), false)?;
            self.obey(unread)?;
            used = step.used;
            unread.drain(..used);
        }
        let Some(end) = self.unsaved.take() else { return Ok(()) };
        self.save()?;
        println!("{} keys at {end}, digest {}", self.map.len(), self.map.digest());
        self.receiver.persisted(end);
        self.obey(&[])
    }

    /// Does what the receiver asks for; ranges lie in `data`, that of the last `Input::Bytes`.
    fn obey(&mut self, data: &[u8]) -> Outcome<()> {
        while let Some(command) = self.receiver.poll().or_else(|| self.receiver.work()) {
            match command {
                Command::Say(it) => self.receiver.answered(self.node.handle(self.now(), it)?.position)?,
                Command::Keep(Batch { range, position, .. }) => {
                    self.kept.push_back((
                        position.boundary,
                        self.node.cursor(position),
                        data[range].to_vec(),
                    ));
                }
                Command::ApplySpooled { .. } => {
                    let (end, cursor, records) = self.kept.pop_front().ok_or("no batch waits")?;
                    Records::new(&records).try_for_each(|record| self.map.apply(record))?;
                    (self.cursor, self.unsaved) = (cursor.as_bytes().to_vec(), Some(end));
                    self.receiver.applied(end)?;
                }
                Command::DropSpooled { upto } => self.kept.retain(|it| upto.is_some_and(|end| it.0 > end)),
                Command::Begin { range, .. } => self.loading = (data[range].to_vec(), Vec::new()),
                Command::Load { range, piece, .. } => {
                    self.loading.1.extend_from_slice(&data[range]);
                    self.receiver.loaded(piece + 1)?;
                }
                Command::Install { at, .. } => {
                    let (cursor, bytes) = mem::take(&mut self.loading);
                    (self.map, self.cursor, self.unsaved) = (Table::read(&bytes)?, cursor, Some(at));
                    self.receiver.installed()?;
                }
                Command::Forked { at } => eprintln!("what was here past {at} left the history"),
                // Asked of a store that was said to be ready, to load the tail, or to rewind.
                Command::Apply(_) | Command::LoadTail(_) => unreachable!(),
                Command::LoadTailSpooled { .. } | Command::Rewind { .. } => unreachable!(),
            }
        }
        Ok(())
    }

    /// Writes map and cursor into a new file and renames it over the old one: they change together or not at all.
    fn save(&self) -> Outcome<()> {
        let length = u16::try_from(self.cursor.len())?.to_le_bytes();
        fs::write("store.new", [&length, &self.cursor[..], &self.map.written()].concat())?;
        fs::File::open("store.new")?.sync_all()?;
        fs::rename("store.new", "store")?;
        Ok(fs::File::open(".")?.sync_all()?)
    }
}

fn saved() -> Outcome<(Table, Vec<u8>)> {
    let bytes = if fs::exists("store")? { fs::read("store")? } else { return Ok(Default::default()) };
    let (length, rest) = bytes.split_first_chunk().ok_or("cut short")?;
    let (cursor, map) = rest.split_at_checked(u16::from_le_bytes(*length).into()).ok_or("cut short")?;
    Ok((Table::read(map)?, cursor.to_vec()))
}

fn main() -> Outcome<()> {
    let upstream = env::args().nth(1).ok_or("usage: follow HOST:PORT")?;
    let (map, cursor) = saved()?;
    let (mut seed, unix) = ([0; 32], SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos());
    fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let held = Some(&cursor[..]).filter(|cursor| !cursor.is_empty());
    let boot = Boot { node: NodeId(7), seed, role: Role::Replica, unix_zero: unix.try_into()?, cursor: held };
    let (clock, node) = (Instant::now(), Node::new(Options::default().check()?, boot)?);
    let (receiver, loading, kept) = (Receiver::new(false), Default::default(), VecDeque::new());
    let mut it = Follower { clock, node, receiver, map, cursor, unsaved: None, loading, kept };
    let (mut socket, mut unread, mut chunk) = (None::<TcpStream>, Vec::new(), [0; 1 << 16]);
    loop {
        it.node.handle(it.now(), Input::Tick)?;
        while let Some(event) = it.node.poll_event() {
            if let Event::Dial { .. } = event {
                (socket, unread) = (TcpStream::connect(&upstream).ok(), Vec::new());
                let opened = Input::Opened { link: LINK, side: Side::Upstream };
                it.node.handle(it.now(), if socket.is_some() { opened } else { Input::DialFailed })?;
            } else if let Event::Close { fault, .. } = event {
                eprintln!("{upstream}: {fault}");
                socket = None;
            }
        }
        let Some(stream) = &mut socket else {
            thread::sleep(PAUSE);
            continue;
        };
        stream.set_read_timeout(Some(PAUSE))?;
        let shown = it.node.peek_transmit(LINK).slices().concat();
        let came = stream.write_all(&shown).and_then(|()| stream.read(&mut chunk));
        it.node.consume(it.now(), LINK, shown.len())?;
        match came {
            Ok(count @ 1..) => it.feed(&mut unread, &chunk[..count])?,
            Err(why) if why.kind() == ErrorKind::WouldBlock => {}
            Ok(_) | Err(_) => {
                it.node.handle(it.now(), Input::Lost { link: LINK })?;
                socket = None;
            }
        }
    }
}
