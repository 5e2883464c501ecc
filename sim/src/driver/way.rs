//! One direction of a connection: the bytes written to it, when they arrive, and how many of them were read.
//!
//! Invariants, in stream positions: `read <= due <= written`, and both move only ahead; `read` never passes what the
//! socket has brought. The writer is held to `written - read <= window` outside.

use std::collections::VecDeque;
use std::task::Waker;

use super::chaos::Conditions;

/// A reader's next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Take so many bytes; flip the lowest bit of the one at this place.
    Bytes(usize, Option<usize>),
    /// Look again at this time.
    At(u64),
    /// Nothing yet: wait.
    Nothing,
    /// It is over: in order, or by a reset.
    End,
    Reset,
}

#[derive(Debug, Default)]
pub(super) struct Way {
    pub(super) written: u64,
    pub(super) read: u64,
    /// Bytes up to here may be read by now.
    pub(super) due: u64,
    /// Bytes written up to the first number are due at the second, in microseconds.
    pub(super) marks: VecDeque<(u64, u64)>,
    /// The link is busy with earlier bytes until then.
    pub(super) busy_us: u64,
    /// A slow reader reads again then.
    pub(super) reads_us: u64,
    pub(super) cut_at: Option<u64>,
    pub(super) flip_at: Option<u64>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl Way {
    /// Returns the reader's next step, if so much has arrived unread and there is room for so much.
    pub(super) fn ready(
        &mut self,
        (arrived, ended): (usize, bool),
        room: usize,
        now: &Conditions,
        now_us: u64,
    ) -> Reads {
        if now.reads_a_second.is_some() && now_us < self.reads_us {
            return Reads::At(self.reads_us);
        }
        while let Some((upto, _)) = self.marks.front().filter(|mark| mark.1 <= now_us) {
            self.due = *upto;
            self.marks.pop_front();
        }
        let left = self.cut_at.map_or(u64::MAX, |cut_at| cut_at.saturating_sub(self.read));
        let most = (arrived.min(room) as u64).min(now.gulp).min(self.due - self.read).min(left);
        if most == 0 && left > 0 {
            let next_us = self.marks.front().map(|mark| mark.1);
            return match next_us {
                _ if ended && arrived == 0 => Reads::End,
                Some(at_us) => Reads::At(at_us),
                None => Reads::Nothing,
            };
        }
        let flip = self.flip_at.filter(|at| (self.read..self.read + most).contains(at));
        let place = |bytes: u64| usize::try_from(bytes).expect("bytes of one read");
        let reads = Reads::Bytes(place(most), flip.map(|at| place(at - self.read)));
        if flip.is_some() {
            self.flip_at = None;
        }
        self.read += most;
        self.reads_us = now_us + now.reads_a_second.map_or(0, |rate| most * 1_000_000 / rate);
        reads
    }

    /// Records that so many bytes were written: they arrive `way_us` after the link has carried them.
    pub(super) fn wrote(&mut self, bytes: u64, way_us: u64, now: &Conditions, now_us: u64) {
        self.written += bytes;
        let carried_us = (bytes * 1_000_000).checked_div(now.rate).unwrap_or(0);
        self.busy_us = self.busy_us.max(now_us) + carried_us;
        let latest_us = self.marks.back().map_or(0, |mark| mark.1);
        let due_us = (self.busy_us + way_us + now.slow_us).max(latest_us);
        self.marks.push_back((self.written, due_us));
    }
}
