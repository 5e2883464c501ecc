//! What a link has on offer for its socket.
//!
//! Two parts: *control* frames staged in a scratch, and one *stage*: a run of whole frames of the ring, the spilled
//! rest of a frame the ring overtook, or a snapshot piece. Control enters at a frame's end only. Invariants: in the
//! middle of a stage's frame, staged control follows exactly that frame (the run is cut there); otherwise it goes
//! first. Nothing but `consume`, a told `WantsWrite` or an eviction changes what is shown.

use alloc::boxed::Box;
use alloc::vec;

use crate::limits::SCRATCH_BYTES;
use crate::stream::log::Log;
use crate::stream::transfers::Ships;

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

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slices.iter().all(|slice| slice.is_empty())
    }
}

/// Whether to go on writing after [`Node::consume`](crate::Node::consume).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum More {
    /// Nothing more: wait for the next `WantsWrite`.
    Dry,
    /// Peek again.
    More,
}

/// The bulk on offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    /// None.
    #[default]
    Idle,
    /// Bytes `at..limit` of the ring, whole frames but for the first, of which some may have gone: it ends at
    /// `frame_end`, which equals `at` between frames.
    Ring { at: u64, frame_end: u64, limit: u64 },
    /// The rest of a frame the ring overtook.
    Spill { at: usize, end: usize },
    /// A piece in a ship's buffer.
    Piece { ship: usize, at: usize, end: usize },
}

/// The offer of one link.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Room for control; a copy in which none is staged has none.
    pub(crate) scratch: Box<[u8]>,
    pub(crate) control_at: usize,
    pub(crate) control_end: usize,
    pub(crate) stage: Stage,
    pub(crate) spill: Box<[u8]>,
    /// The host was told, and has not run dry.
    pub(crate) told: bool,
    /// Since when bytes are on offer of which none was taken, on the clock of silence.
    pub(crate) offered_since: u64,
}

/// What `consume` completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// No piece.
    Nothing,
    /// The piece of this ship left whole.
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
            told: self.told,
            offered_since: self.offered_since,
        }
    }

    fn clone_from(&mut self, from: &Self) {
        let Self { scratch, control_at, control_end, stage, spill, told, offered_since } = from;
        if from.has_control() {
            self.scratch.clone_from(scratch);
            (self.control_at, self.control_end) = (*control_at, *control_end);
        } else {
            (self.control_at, self.control_end) = (0, 0);
        }
        self.spill.clone_from(spill);
        (self.stage, self.told, self.offered_since) = (*stage, *told, *offered_since);
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
            told: false,
            offered_since: 0,
        }
    }

    /// There is room to stage control in.
    pub(crate) fn make_room(&mut self) {
        if self.scratch.is_empty() {
            self.scratch = scratch();
        }
    }

    /// Forgets everything, for the next connection.
    pub(crate) fn clear(&mut self) {
        (self.control_at, self.control_end) = (0, 0);
        (self.stage, self.told) = (Stage::Idle, false);
    }

    pub(crate) fn has_control(&self) -> bool {
        self.control_at < self.control_end
    }

    /// Whether a frame of the stage has begun and not ended.
    pub(crate) fn mid_frame(&self) -> bool {
        match self.stage {
            Stage::Idle => false,
            Stage::Ring { at, frame_end, .. } => at < frame_end,
            Stage::Spill { .. } => true,
            Stage::Piece { at, .. } => at > 0,
        }
    }

    pub(crate) fn is_dry(&self) -> bool {
        !self.has_control() && self.stage == Stage::Idle
    }

    /// How many bytes are on offer.
    pub(crate) fn len(&self) -> usize {
        let stage = match self.stage {
            Stage::Idle => 0,
            Stage::Ring { at, limit, .. } => usize::try_from(limit - at).expect("within the ring"),
            Stage::Spill { at, end } | Stage::Piece { at, end, .. } => end - at,
        };
        self.control_end - self.control_at + stage
    }

    /// The offer, in wire order.
    #[inline]
    pub(crate) fn show<'a>(&'a self, log: &'a Log, ships: &'a Ships) -> Transmit<'a> {
        let control = &self.scratch[self.control_at..self.control_end];
        let (front, back): (&[u8], &[u8]) = match self.stage {
            Stage::Idle => (&[], &[]),
            Stage::Ring { at, limit, .. } => log.slices(at, limit),
            Stage::Spill { at, end } => (&self.spill[at..end], &[]),
            Stage::Piece { ship, at, end } => (&ships.front(ship)[at..end], &[]),
        };
        if self.mid_frame() {
            Transmit { slices: [front, back, control] }
        } else {
            Transmit { slices: [control, front, back] }
        }
    }

    /// Takes bytes off the front of the offer, of which there are at least so many.
    pub(crate) fn take(&mut self, mut bytes: usize, log: &Log) -> Done {
        let done = if self.mid_frame() {
            let done = self.take_stage(&mut bytes, log);
            self.take_control(&mut bytes);
            done
        } else {
            self.take_control(&mut bytes);
            self.take_stage(&mut bytes, log)
        };
        assert_eq!(bytes, 0, "checked against what was shown");
        done
    }

    fn take_control(&mut self, bytes: &mut usize) {
        let taken = (*bytes).min(self.control_end - self.control_at);
        self.control_at += taken;
        *bytes -= taken;
    }

    fn take_stage(&mut self, bytes: &mut usize, log: &Log) -> Done {
        match &mut self.stage {
            Stage::Idle => Done::Nothing,
            Stage::Ring { at, frame_end, limit } => {
                let taken = (*bytes as u64).min(*limit - *at);
                *at += taken;
                *bytes -= usize::try_from(taken).expect("at most bytes");
                while *frame_end < *at {
                    *frame_end = log.frame_end(*frame_end);
                }
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
            Stage::Piece { ship, at, end } => {
                let taken = (*bytes).min(*end - *at);
                *at += taken;
                *bytes -= taken;
                let (ship, gone) = (*ship, at == end);
                if gone {
                    self.stage = Stage::Idle;
                    return Done::Piece(ship);
                }
                Done::Nothing
            }
        }
    }

    /// The part of a ring stage that has not begun: `(from, to)`; the stage then ends with its frame in progress.
    pub(crate) fn cut(&mut self) -> Option<(u64, u64)> {
        let Stage::Ring { at, frame_end, limit } = &mut self.stage else {
            return None;
        };
        let (from, to) = (*frame_end, *limit);
        *limit = from;
        if at == limit {
            self.stage = Stage::Idle;
        }
        Some((from, to))
    }

    /// Moves the rest of the frame in progress out of the ring. Answers false if it does not fit.
    pub(crate) fn spill(&mut self, log: &Log) -> bool {
        let Stage::Ring { at, limit, .. } = self.stage else {
            return true;
        };
        let (front, back) = log.slices(at, limit);
        let end = front.len() + back.len();
        if end > self.spill.len() {
            return false;
        }
        self.spill[..front.len()].copy_from_slice(front);
        self.spill[front.len()..end].copy_from_slice(back);
        self.stage = Stage::Spill { at: 0, end };
        true
    }
}

fn scratch() -> Box<[u8]> {
    vec![0; SCRATCH_BYTES].into_boxed_slice()
}
