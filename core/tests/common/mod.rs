//! A small world for tests: nodes with a model store, joined by byte pipes, in one thread and one invented time.
//!
//! The model store is the list of all records, so "is a prefix of" is a comparison. A snapshot is that list, one record
//! after another with its length. Each host keeps what a real one keeps: its data and its cursor, in one step.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

use std::collections::{BTreeMap, VecDeque};

use metered::Metered;
pub use small::small;
use towline_core::receiver::{Command, Receiver, Standing, Taking};
use towline_core::*;

pub mod counted;
pub mod frames;
mod host;
pub mod metered;
pub mod middle;
mod notes;
pub mod puppet;
mod small;
pub mod stage;
pub mod words;
mod world;

/// A host's store: records from offset 0, and the cursor at their end.
#[derive(Clone, Default)]
pub struct Store {
    pub records: Vec<Vec<u8>>,
    pub cursor: Option<Vec<u8>>,
}

impl Store {
    /// One record after another, with its length.
    fn view(&self) -> Vec<u8> {
        let with_length =
            |record: &Vec<u8>| [&u32::try_from(record.len()).unwrap().to_le_bytes()[..], record].concat();
        self.records.iter().flat_map(with_length).collect()
    }
}

/// A batch that waits: where it ends, its records, the cursor after it.
pub struct Spooled {
    pub end: Offset,
    pub records: Vec<Vec<u8>>,
    pub cursor: Vec<u8>,
    /// It came beside a snapshot: this store applies it with that, and does not sync.
    pub beside: bool,
}

/// A node and its host.
pub struct Host {
    pub node: Metered,
    pub store: Store,
    /// Set if the host applies what it gets (a stalled store does not).
    pub applies: bool,
    /// Set if the host reads its sockets.
    pub reads: bool,
    /// Open views, as their bytes.
    pub views: BTreeMap<SnapshotId, Vec<u8>>,
    pub receiver: Receiver,
    pub spool: VecDeque<Spooled>,
    /// A snapshot that comes in: its cursor, and its pieces.
    pub loading: Option<(Vec<u8>, Vec<u8>)>,
    pub snapshots_begun: u32,
    pub installed: u32,
    pub forks: Vec<(u64, u32)>,
    pub events: Vec<Event>,
    pub upstream: Option<usize>,
    pub config: Config,
    pub id: u64,
    pub boots: u8,
    inbox: BTreeMap<u32, Vec<u8>>,
    writing: BTreeMap<u32, ()>,
}

/// One direction of a connection.
#[derive(Default)]
pub struct Pipe {
    pub bytes: VecDeque<u8>,
}

/// A connection between two hosts' links; index 0 dialled.
pub struct Wire {
    pub ends: [(usize, u32); 2],
    pub pipes: [Pipe; 2],
    pub open: bool,
    /// For the log: what was written of a frame that is not whole yet.
    tapes: [Vec<u8>; 2],
    /// How many bytes each pipe holds before the writer is blocked.
    pub capacity: usize,
}

/// Hosts, wires, time.
pub struct World {
    pub hosts: Vec<Host>,
    pub wires: Vec<Wire>,
    pub now: Time,
    /// Pairs that cannot connect.
    pub severed: Vec<(usize, usize)>,
    pub capacity: usize,
    /// The bytes one host reads at a time.
    pub gulp: usize,
    pub log: String,
    pub logging: bool,
    /// The host its operator wants to be primary: told that it is outranked, it opens a higher epoch.
    pub chosen: Option<usize>,
}

/// Why honest nodes end a link: time, space or a choice, never a misunderstanding.
pub const HONEST: &[Fault] = &[
    Fault::HandshakeTimeout,
    Fault::Idle,
    Fault::Stalled,
    Fault::Full,
    Fault::Stale,
    Fault::Replaced,
    Fault::IdentityClash,
    Fault::Rebased,
    Fault::Overrun,
    Fault::Left,
    Fault::SnapshotFailed,
];

pub fn seed(id: u64, boot: u8) -> [u8; 32] {
    let mut seed = [boot; 32];
    seed[..8].copy_from_slice(&id.to_le_bytes());
    seed
}
