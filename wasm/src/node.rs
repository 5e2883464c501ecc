//! A node behind 64-byte rows: the core's verbs with integers and addresses alone.
//!
//! The caller writes an input at [`RawNode::input_address`], its bytes where [`RawNode::room`] says, and reads the
//! answer at [`RawNode::answer_address`]; events come 32 at a time. These places do not move; the arena's does with
//! each [`RawNode::room`].
//!
//! Words of an answer: 0 used, 1 need, 2 next (0 need bytes, 1 again, 2 closed), 3 which words are set (bit 0 offset,
//! bit 1 position, bit 2 payload), 4 offset, 5 to 7 position (epoch, boundary, digest), 8 and 9 the payload's range
//! (from the start of the input's bytes, and length), 10 first, 11 count, 12 kind (1 batch, 2 spool, 3 fork, 4 begin,
//! 5 piece, 6 last piece), 13 snapshot.
//!
//! Words that [`RawNode::stats`] writes: 0 which words are set (bit 0 upstream, bit 1 origin, bit 2 a snapshot under
//! way, bit 3 streaming, bit 4 complete), 1 epoch, 2 start, 3 end, 4 applied, 5 upstream's node, 6 origin's end, 7 its
//! age in ns, 8 pieces, 9 bytes received, 10 records received, 11 role (1 primary, 2 replica), 12 node, 13 bytes sent.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use towline_core::{
    Boot, Config, Epoch, EpochOffset, FlatEvent, FlatInput, FlatStep, Input, Level, LinkId, More, Node,
    NodeId, Offset, Options, Position, Role, Span, Step,
};

use crate::{millis, time};

mod follow;
#[cfg(test)]
mod tests;

pub use follow::{CLOSED, MORE, WAITS};

/// The most events that one `poll` writes.
const EVENTS: usize = 32;
/// Words of an answer.
const WORDS: usize = 14;
/// The answer to a row that is no input.
const NO_INPUT: i32 = -1;

/// The core's options under the core's names.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct RawOptions(Options);

#[wasm_bindgen]
impl RawOptions {
    /// Returns the core's own defaults.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one option; times are milliseconds. Returns false for an unknown name, or a value that is no whole number.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "looked at before")]
    pub fn set(&mut self, name: &str, value: f64) -> bool {
        let (whole, span) = (value as u64, Span::from_millis(value as u64));
        if !(0.0..9e15).contains(&value) || whole as f64 != value {
            return false;
        }
        let short = u32::try_from(whole).unwrap_or(u32::MAX);
        let options = &mut self.0;
        match name {
            "backlogBytes" => options.backlog_bytes = whole,
            "batchBytes" => options.batch_bytes = short,
            "recordBytesMax" => options.record_bytes_max = short,
            "windowBytes" => options.window_bytes = whole,
            "pieceBytesMax" => options.piece_bytes_max = short,
            "pieceWindowBytes" => options.piece_window_bytes = whole,
            "linksMax" => options.links_max = short,
            "slotsMax" => options.slots_max = short,
            "shipsMax" => options.ships_max = short,
            "beatMs" => options.beat = span,
            "idleMs" => options.idle = span,
            "handshakeMs" => options.handshake = span,
            "lingerMs" => options.linger = span,
            "reconnectWindowMs" => options.reconnect_window = span,
            "redialMinMs" => options.redial_min = span,
            "redialMaxMs" => options.redial_max = span,
            "canRewind" => options.can_rewind = whole > 0,
            "persists" => options.persists = whole > 0,
            _ => return false,
        }
        true
    }

    fn check(&self) -> Result<Config, String> {
        self.0.check().map_err(|error| error.to_string())
    }

    /// Returns the most memory that a node with these options takes.
    ///
    /// # Errors
    /// The first option that cannot work.
    pub fn memory_bytes(&self) -> Result<f64, String> {
        self.check().map(|config| config.memory_bytes() as f64)
    }
}

/// A node, its arena, and the places through which it is called.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawNode {
    node: Node,
    input: FlatInput,
    answer: [u64; WORDS],
    stats: [u64; WORDS],
    events: [FlatEvent; EVENTS],
    /// Address and length of each slice on offer.
    slices: [u32; 6],
    /// Received bytes, up to `filled`; the first `read` of them are handled.
    arena: Vec<u8>,
    read: usize,
    filled: usize,
    /// Set if the unread bytes make no frame yet.
    needs_more: bool,
}

/// Returns an address as the module's memory has it: 32 bits there, on every machine.
#[allow(clippy::cast_possible_truncation, reason = "a browser's module has 32-bit addresses")]
pub(crate) fn address<T>(place: *const T) -> u32 {
    place as usize as u32
}

#[wasm_bindgen]
impl RawNode {
    /// Boots a node.
    ///
    /// # Errors
    /// Options that cannot work, or a cursor that cannot be read ([`is_cursor`](crate::is_cursor) asks that first).
    #[wasm_bindgen(constructor)]
    pub fn new(
        options: &RawOptions,
        node: u64,
        primary: bool,
        seed: &[u8],
        unix_zero_ms: f64,
        cursor: Option<Vec<u8>>,
    ) -> Result<Self, String> {
        let seed = seed.try_into().map_err(|_| format!("a seed has 32 bytes, not {}", seed.len()))?;
        let role = if primary { Role::Primary } else { Role::Replica };
        let cursor = cursor.as_deref();
        let boot = Boot { node: NodeId(node), seed, role, unix_zero: time(unix_zero_ms).0, cursor };
        let node = Node::new(options.check()?, boot).map_err(|error| error.to_string())?;
        Ok(Self {
            node,
            input: FlatInput::default(),
            answer: [0; WORDS],
            stats: [0; WORDS],
            events: [FlatEvent::default(); EVENTS],
            slices: [0; 6],
            arena: Vec::new(),
            read: 0,
            filled: 0,
            needs_more: true,
        })
    }

    /// Returns the place where an input is written.
    #[must_use]
    pub fn input_address(&self) -> u32 {
        address(&raw const self.input)
    }

    /// Returns the place of an answer.
    #[must_use]
    pub fn answer_address(&self) -> u32 {
        address(self.answer.as_ptr())
    }

    /// Returns the place to which [`RawNode::stats`] writes.
    #[must_use]
    pub fn stats_address(&self) -> u32 {
        address(self.stats.as_ptr())
    }

    /// Returns the place of events.
    #[must_use]
    pub fn events_address(&self) -> u32 {
        address(self.events.as_ptr())
    }

    /// Returns the place of three slices on offer: address and length of each.
    #[must_use]
    pub fn slices_address(&self) -> u32 {
        address(self.slices.as_ptr())
    }

    /// Makes room for so many bytes behind those unread, and returns its place.
    pub fn room(&mut self, bytes: usize) -> u32 {
        if self.read >= self.filled - self.read {
            // Moves no more bytes than were read since the last time.
            self.arena.copy_within(self.read..self.filled, 0);
            (self.read, self.filled) = (0, self.filled - self.read);
        }
        let need = self.filled + bytes;
        if self.arena.len() < need {
            self.arena.resize(need.next_power_of_two(), 0);
        }
        address(self.arena[self.filled..].as_ptr())
    }

    /// Handles the input that was written, over the first `bytes` of the room. Returns 0; or the number of the misuse;
    /// or -1 for a row that is no input.
    pub fn handle(&mut self, now_ms: f64, bytes: usize) -> i32 {
        let data = &self.arena[self.filled..self.filled + bytes];
        let Some(input) = self.input.input(data) else { return NO_INPUT };
        match self.node.handle(time(now_ms), input) {
            Ok(step) => {
                self.answer = words(&step);
                0
            }
            Err(misuse) => misuse.number().into(),
        }
    }

    /// Writes the next events, and returns how many.
    pub fn poll(&mut self) -> usize {
        let mut told = 0;
        while told < EVENTS {
            let Some(event) = self.node.poll_event() else { break };
            self.events[told] = event.into();
            told += 1;
        }
        told
    }

    /// Writes the slices on offer on a link, and returns their bytes.
    pub fn peek(&mut self, link: u32) -> usize {
        let offer = self.node.peek_transmit(LinkId(link));
        for (slice, named) in offer.slices().iter().zip(self.slices.chunks_exact_mut(2)) {
            named[0] = address(slice.as_ptr());
            named[1] = u32::try_from(slice.len()).unwrap_or(u32::MAX);
        }
        offer.len()
    }

    /// Consumes so many of these bytes. Returns 1 if there are more, 0 if not, or the misuse, negative.
    pub fn consume(&mut self, now_ms: f64, link: u32, bytes: usize) -> i32 {
        match self.node.consume(time(now_ms), LinkId(link), bytes) {
            Ok(More::More) => 1,
            Ok(More::Idle) => 0,
            Err(misuse) => -i32::from(misuse.number()),
        }
    }

    /// Returns the time of the next tick; infinity for never.
    #[must_use]
    pub fn next_deadline(&self) -> f64 {
        self.node.next_deadline().map_or(f64::INFINITY, |at| millis(at.0))
    }

    /// Returns the cursor of a position that this node gave out.
    #[must_use]
    pub fn cursor(&self, epoch: u64, boundary: u64, digest: u64) -> Vec<u8> {
        let position = Position { epoch: Epoch(epoch), boundary: Offset(boundary), digest };
        self.node.cursor(position).as_bytes().to_vec()
    }

    /// Writes the node's statistics, with an age that counts to `now_ms`.
    pub fn stats(&mut self, now_ms: f64) {
        let stats = self.node.stats_at(time(now_ms));
        let known = [
            stats.upstream.is_some(),
            stats.origin_end.is_some(),
            stats.receiving_pieces.is_some(),
            stats.streaming,
            stats.base,
        ];
        let role = match stats.role {
            Role::Primary => 1,
            Role::Replica => 2,
        };
        self.stats = [
            known.iter().rev().fold(0, |bits, known| bits << 1 | u64::from(*known)),
            stats.epoch.0,
            stats.start.0,
            stats.end.0,
            stats.applied.0,
            stats.upstream.map_or(0, |node| node.0),
            stats.origin_end.map_or(0, |end| end.0),
            stats.origin_age.map_or(0, |age| age.0),
            stats.receiving_pieces.unwrap_or(0),
            stats.counters.bytes_received,
            stats.counters.records_received,
            role,
            stats.node.0,
            stats.counters.bytes_sent,
        ];
    }

    /// Returns the epoch of the record before an offset; nothing beyond the end, or before the epochs that are known.
    #[must_use]
    pub fn epoch_of(&self, offset: u64) -> Option<u64> {
        self.node.place(Offset(offset)).map(|place| place.epoch.0)
    }

    /// Returns whether this node's history holds the record of that epoch before that offset.
    #[must_use]
    pub fn holds(&self, epoch: u64, offset: u64) -> bool {
        self.node.holds(EpochOffset { epoch: Epoch(epoch), offset: Offset(offset) })
    }

    /// Returns the offset that `n` connected replicas have reached: 1 received, 2 applied, 3 persisted.
    #[must_use]
    pub fn acked(&self, level: u32, n: u32) -> u64 {
        let level = match level {
            1 => Level::Received,
            2 => Level::Applied,
            _ => Level::Persisted,
        };
        self.node.acked(level, n).0
    }

    /// Asserts the core's invariant.
    pub fn check(&self) {
        self.node.check();
    }
}

/// The operations that JavaScript does by address, for tests and the bench.
impl RawNode {
    /// Puts bytes into the room.
    pub fn put(&mut self, data: &[u8]) {
        self.room(data.len());
        self.arena[self.filled..][..data.len()].copy_from_slice(data);
    }

    /// Handles an input over bytes: see [`RawNode::handle`].
    pub fn feed(&mut self, now_ms: f64, input: Input<'_>, data: &[u8]) -> i32 {
        self.put(data);
        self.input = input.into();
        self.handle(now_ms, data.len())
    }

    /// Returns the bytes on offer on a link.
    #[must_use]
    pub fn offered(&self, link: u32) -> Vec<u8> {
        self.node.peek_transmit(LinkId(link)).slices().concat()
    }
}

fn words(step: &Step) -> [u64; WORDS] {
    let flat = FlatStep::from(step);
    [
        flat.used,
        flat.need,
        flat.next.into(),
        u64::from(flat.flags) | u64::from(step.payload.is_some()) << 2,
        flat.offset,
        flat.epoch,
        flat.boundary,
        flat.digest,
        flat.range_start,
        flat.range_length,
        flat.first,
        flat.count.into(),
        flat.kind.into(),
        flat.snapshot,
    ]
}
