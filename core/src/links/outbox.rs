//! The offer of a link for its socket.
//!
//! Two parts: *control* frames staged in a scratch, and one *stage*: a run of whole frames of a log, the spilled rest
//! of a frame that its log let go, or a snapshot piece. Control enters at a frame's end only. Invariants: in the middle
//! of a stage's frame, staged control follows exactly that frame (the run is cut there); otherwise it goes first.
//! Nothing but `consume`, a notified `WantsWrite` or an eviction changes what is shown. A run and a piece are named by
//! numbers: their bytes are the caller's.

use alloc::boxed::Box;
use alloc::vec;

use core::hash::{Hash, Hasher};
use core::ops::Range;

use crate::clock::Clock;
use crate::limits::SCRATCH_BYTES;

/// Bytes to write, in wire order; empty slices are to be skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transmit<'a> {
    slices: [&'a [u8]; 3],
}

impl<'a> Transmit<'a> {
    /// The three slices, some of them empty: as `writev` takes them.
    #[must_use]
    pub fn slices(&self) -> [&'a [u8]; 3] {
        self.slices
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slices.iter().map(|slice| slice.len()).sum()
    }

    /// Returns whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slices.iter().all(|slice| slice.is_empty())
    }
}

/// The state of a link after [`Node::consume`](crate::Node::consume).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum More {
    /// Nothing is on offer: wait for the next `WantsWrite`.
    Idle,
    /// More is on offer: peek again.
    More,
}

/// The bulk on offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    /// No bulk.
    #[default]
    Idle,
    /// Bytes `at..limit` of a log, whole frames but for the first, of which some may have gone: it ends at
    /// `frame_end`, which equals `at` between frames.
    Run { at: u64, frame_end: u64, limit: u64 },
    /// The rest of a frame that was let go.
    Spill { at: usize, end: usize },
    /// A piece in a transfer's buffer.
    Piece { transfer: usize, at: usize, end: usize },
}

/// The offer of one link.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Room for control; a copy in which none is staged has none.
    scratch: Box<[u8]>,
    control_at: usize,
    control_end: usize,
    stage: Stage,
    spill: Box<[u8]>,
    /// The host was notified, and has not taken all.
    notified: bool,
    /// Since when bytes are on offer of which none was taken, on the clock of silence.
    offered_since: u64,
}

/// The completion of a piece by bytes that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// No piece.
    Nothing,
    /// The piece of this transfer left whole.
    Piece(usize),
}

/// A copy has no room for control that is not staged, and makes it when it stages; one made over another keeps the room
/// that is there.
impl Clone for Outbox {
    fn clone(&self) -> Self {
        let staged = self.has_control();
        Self {
            scratch: if staged { self.scratch.clone() } else { Box::default() },
            control_at: if staged { self.control_at } else { 0 },
            control_end: if staged { self.control_end } else { 0 },
            stage: self.stage,
            spill: self.spill.clone(),
            notified: self.notified,
            offered_since: self.offered_since,
        }
    }

    fn clone_from(&mut self, from: &Self) {
        let Self { scratch, control_at, control_end, stage, spill, notified, offered_since } = from;
        if from.has_control() {
            self.scratch.clone_from(scratch);
            (self.control_at, self.control_end) = (*control_at, *control_end);
        } else {
            (self.control_at, self.control_end) = (0, 0);
        }
        self.spill.clone_from(spill);
        (self.stage, self.notified, self.offered_since) = (*stage, *notified, *offered_since);
    }
}

impl Outbox {
    pub(crate) fn new(spill_bytes: usize) -> Self {
        Self {
            scratch: scratch(),
            control_at: 0,
            control_end: 0,
            stage: Stage::Idle,
            spill: vec![0; spill_bytes].into_boxed_slice(),
            notified: false,
            offered_since: 0,
        }
    }

    /// The room to encode control in; none may be staged.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        debug_assert!(!self.has_control(), "control is staged once it left");
        if self.scratch.is_empty() {
            self.scratch = scratch();
        }
        &mut self.scratch
    }

    /// Offers the first bytes of the room.
    pub(crate) fn stage_control(&mut self, bytes: usize) {
        assert!(!self.has_control(), "control is staged once it left");
        (self.control_at, self.control_end) = (0, bytes);
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// Offers bulk, where none is offered.
    pub(crate) fn stage_bulk(&mut self, stage: Stage) {
        assert!(self.stage == Stage::Idle, "bulk is staged once it left");
        self.stage = stage;
    }

    /// Offers no bulk any more.
    pub(crate) fn drop_bulk(&mut self) {
        self.stage = Stage::Idle;
    }

    /// Offers no piece any more. Returns whether one was half sent.
    pub(crate) fn drop_piece(&mut self) -> bool {
        let Stage::Piece { at, .. } = self.stage else {
            return false;
        };
        self.stage = Stage::Idle;
        at > 0
    }

    /// The host is notified from now on, until it has taken all.
    pub(crate) fn notify(&mut self, alive: u64) {
        debug_assert!(!self.is_idle(), "the host is notified of something");
        (self.notified, self.offered_since) = (true, alive);
    }

    /// The host has taken all: it waits for the next `WantsWrite`.
    pub(crate) fn hand_back(&mut self) {
        debug_assert!(self.is_idle(), "the link is the host's while there is something");
        self.notified = false;
    }

    /// Returns whether the link is the host's.
    pub(crate) fn is_notified(&self) -> bool {
        self.notified
    }

    /// Since when the host, if the link is its, has taken nothing, on the clock of silence.
    pub(crate) fn notified_since(&self) -> Option<u64> {
        self.notified.then_some(self.offered_since)
    }

    /// Bytes were taken, or the link is new.
    pub(crate) fn offered(&mut self, alive: u64) {
        self.offered_since = alive;
    }

    /// Forgets everything, for the next connection.
    pub(crate) fn clear(&mut self) {
        (self.control_at, self.control_end) = (0, 0);
        (self.stage, self.notified) = (Stage::Idle, false);
    }

    pub(crate) fn has_control(&self) -> bool {
        self.control_at < self.control_end
    }

    /// Returns whether a frame of the stage has begun and not ended.
    pub(crate) fn mid_frame(&self) -> bool {
        match self.stage {
            Stage::Idle => false,
            Stage::Run { at, frame_end, .. } => at < frame_end,
            Stage::Spill { .. } => true,
            Stage::Piece { at, .. } => at > 0,
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        !self.has_control() && self.stage == Stage::Idle
    }

    /// How many bytes are on offer.
    pub(crate) fn len(&self) -> usize {
        let stage = match self.stage {
            Stage::Idle => 0,
            Stage::Run { at, limit, .. } => usize::try_from(limit - at).expect("within the ring"),
            Stage::Spill { at, end } | Stage::Piece { at, end, .. } => end - at,
        };
        self.control_end - self.control_at + stage
    }

    /// The offer, in wire order. `bulk` is what the stage names, if that is a run or a piece.
    #[inline]
    pub(crate) fn show<'a>(&'a self, bulk: (&'a [u8], &'a [u8])) -> Transmit<'a> {
        let control = &self.scratch[self.control_at..self.control_end];
        let (front, back): (&[u8], &[u8]) = match self.stage {
            Stage::Idle => (&[], &[]),
            Stage::Spill { at, end } => (&self.spill[at..end], &[]),
            Stage::Run { .. } | Stage::Piece { .. } => bulk,
        };
        if self.mid_frame() {
            Transmit { slices: [front, back, control] }
        } else {
            Transmit { slices: [control, front, back] }
        }
    }

    /// Takes bytes off the front of the offer, of which there are at least so many. `frame_end` returns where the frame
    /// of a run ends that begins at a position.
    #[inline]
    pub(crate) fn take(&mut self, mut bytes: usize, frame_end: impl Fn(u64) -> u64) -> Done {
        let done = if self.mid_frame() {
            let done = self.take_stage(&mut bytes, frame_end);
            self.take_control(&mut bytes);
            done
        } else {
            self.take_control(&mut bytes);
            self.take_stage(&mut bytes, frame_end)
        };
        assert_eq!(bytes, 0, "checked against what was shown");
        done
    }

    fn take_control(&mut self, bytes: &mut usize) {
        let taken = (*bytes).min(self.control_end - self.control_at);
        self.control_at += taken;
        *bytes -= taken;
        debug_assert!(*bytes == 0 || !self.has_control(), "all of it is taken before what follows");
    }

    fn take_stage(&mut self, bytes: &mut usize, frame_end_of: impl Fn(u64) -> u64) -> Done {
        match &mut self.stage {
            Stage::Idle => Done::Nothing,
            Stage::Run { at, frame_end, limit } => {
                let taken = (*bytes as u64).min(*limit - *at);
                *at += taken;
                *bytes -= usize::try_from(taken).expect("at most bytes");
                while *frame_end < *at {
                    *frame_end = frame_end_of(*frame_end);
                }
                debug_assert!(*at <= *frame_end && *frame_end <= *limit, "a run is of whole frames");
                if at == limit {
                    self.stage = Stage::Idle;
                }
                Done::Nothing
            }
            Stage::Spill { at, end } => {
                let taken = (*bytes).min(*end - *at);
                *at += taken;
                *bytes -= taken;
                if at == end {
                    self.stage = Stage::Idle;
                }
                Done::Nothing
            }
            Stage::Piece { transfer, at, end } => {
                let taken = (*bytes).min(*end - *at);
                *at += taken;
                *bytes -= taken;
                let (transfer, gone) = (*transfer, at == end);
                if gone {
                    self.stage = Stage::Idle;
                    return Done::Piece(transfer);
                }
                Done::Nothing
            }
        }
    }

    /// Cuts off and returns the part of a run that has not begun; the run then ends with its frame in progress.
    pub(crate) fn cut(&mut self) -> Option<Range<u64>> {
        let Stage::Run { at, frame_end, limit } = &mut self.stage else {
            return None;
        };
        let (from, to) = (*frame_end, *limit);
        debug_assert!(*at <= from && from <= to, "a run is of whole frames");
        *limit = from;
        if at == limit {
            self.stage = Stage::Idle;
        }
        Some(from..to)
    }

    /// Keeps the rest of a run, of which nothing but the frame in progress may be left: `bulk`, the bytes it names.
    /// Returns whether it fits; if not nothing was changed.
    pub(crate) fn spill(&mut self, (front, back): (&[u8], &[u8])) -> bool {
        let Stage::Run { at, frame_end, limit } = self.stage else {
            return true;
        };
        let end = front.len() + back.len();
        debug_assert!(frame_end == limit && end as u64 == limit - at, "the rest was cut off before");
        if end > self.spill.len() {
            return false;
        }
        self.spill[..front.len()].copy_from_slice(front);
        self.spill[front.len()..end].copy_from_slice(back);
        self.stage = Stage::Spill { at: 0, end };
        true
    }

    /// Feeds a fingerprint. Times count from now, and positions of a run from `oldest`.
    pub(crate) fn print(&self, clock: &Clock, oldest: u64, print: &mut impl Hasher) {
        self.scratch[self.control_at..self.control_end].hash(print);
        self.notified_since().map(|since| clock.silent(since)).hash(print);
        match self.stage {
            Stage::Idle => 0_u64.hash(print),
            Stage::Run { at, frame_end, limit } => {
                let [at, frame_end, limit] = [at, frame_end, limit].map(|at| at.wrapping_sub(oldest));
                (1_u64, at, frame_end, limit).hash(print);
            }
            Stage::Spill { at, end } => self.spill[at..end].hash(print),
            Stage::Piece { transfer, at, end } => (2_u64, transfer, at, end).hash(print),
        }
    }
}

fn scratch() -> Box<[u8]> {
    vec![0; SCRATCH_BYTES].into_boxed_slice()
}
