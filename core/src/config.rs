//! Configuration: plain options that become a checked [`Config`], or an error that names the option.
//!
//! Everything a node will ever allocate follows from here: [`Config::memory_bytes`].

use crate::error::ConfigError;
use crate::limits::{
    BACKLOG_BYTES_MAX, BACKLOG_BYTES_MIN, BATCH_HEAD_BYTES, HEADS_BYTES, LINKS_SPARE, RECORD_BYTES_MAX,
};
use crate::time::Span;

/// The options of a node. Start from `Options::default()` and change what matters, then [`Options::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The ring of finished frames, in bytes: how far a replica may fall behind and still continue.
    pub backlog_bytes: u64,
    /// A batch is sealed when its records reach this many bytes.
    pub batch_bytes: u32,
    /// The longest record, in bytes. 0 means the longest the ring allows (a quarter of it, less the heads).
    pub record_bytes_max: u32,
    /// How many stream bytes may be under way to this node untaken. 0 means the most the ring allows.
    pub window_bytes: u64,
    /// The longest snapshot piece, in bytes.
    pub piece_bytes_max: u32,
    /// How many piece bytes may be under way to this node untaken.
    pub piece_window_bytes: u64,
    /// Connections at the same time, both sides together.
    pub links_max: u32,
    /// Replicas remembered, connected or not.
    pub slots_max: u32,
    /// Replicas that receive a snapshot at the same time; others wait. Never more than `links_max`.
    pub ships_max: u32,
    /// The time between two beats of each side.
    pub beat: Span,
    /// Silence, or bytes on offer and none taken, for longer than this ends a link.
    pub idle: Span,
    /// A handshake must be finished within this.
    pub handshake: Span,
    /// How long a goodbye may take to leave.
    pub linger: Span,
    /// A disconnected replica is forgotten after strictly more than this.
    pub reconnect_window: Span,
    /// The shortest pause before a redial; it doubles, with jitter.
    pub redial_min: Span,
    /// The longest pause before a redial.
    pub redial_max: Span,
    /// Set if the host can rewind its store to an earlier boundary. If not, a fork is answered by a snapshot.
    pub can_rewind: bool,
    /// Set if the host keeps anything through a power cut. If not, `persisted` is unknown to its upstream, never 0.
    pub persists: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            backlog_bytes: 64 << 20,
            batch_bytes: 64 << 10,
            record_bytes_max: 0,
            window_bytes: 0,
            piece_bytes_max: 256 << 10,
            piece_window_bytes: 1 << 20,
            links_max: 64,
            slots_max: 64,
            ships_max: 4,
            beat: Span::from_millis(500),
            idle: Span::from_secs(5),
            handshake: Span::from_secs(5),
            linger: Span::from_secs(1),
            reconnect_window: Span::from_secs(3600),
            redial_min: Span::from_millis(50),
            redial_max: Span::from_secs(5),
            can_rewind: false,
            persists: true,
        }
    }
}

/// Checked options: every value is final and every relation holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config(Options);

fn at_least(option: &'static str, value: u64, bound: u64) -> Result<(), ConfigError> {
    if value >= bound {
        Ok(())
    } else {
        Err(ConfigError { option, value, bound, relation: "must be at least" })
    }
}

fn at_most(option: &'static str, value: u64, bound: u64) -> Result<(), ConfigError> {
    if value <= bound {
        Ok(())
    } else {
        Err(ConfigError { option, value, bound, relation: "must be at most" })
    }
}

impl Options {
    /// Fills in what was left to the ring and checks every relation.
    ///
    /// # Errors
    /// The first option that cannot work, with its value and the bound it breaks.
    pub fn check(mut self) -> Result<Config, ConfigError> {
        at_least("backlog_bytes", self.backlog_bytes, BACKLOG_BYTES_MIN)?;
        at_most("backlog_bytes", self.backlog_bytes, BACKLOG_BYTES_MAX)?;
        let heads = u64::from(HEADS_BYTES);
        let quarter = self.backlog_bytes / 4;
        if self.record_bytes_max == 0 {
            self.record_bytes_max =
                u32::try_from(quarter - heads).unwrap_or(RECORD_BYTES_MAX).min(RECORD_BYTES_MAX);
        }
        at_most(
            "record_bytes_max",
            self.record_bytes_max.into(),
            (quarter - heads).min(RECORD_BYTES_MAX.into()),
        )?;
        at_least("batch_bytes", self.batch_bytes.into(), 1)?;
        // A full batch is no longer than the longest record's frame.
        self.batch_bytes = self.batch_bytes.min(self.record_bytes_max.max(1));
        let frame_max = u64::from(self.record_bytes_max) + heads;
        if self.window_bytes == 0 {
            self.window_bytes = self.backlog_bytes / 2 - frame_max;
        }
        // Records that are not taken stay in the ring: a replica always finds the position of its host.
        at_most("window_bytes", self.window_bytes, self.backlog_bytes / 2 - frame_max)?;
        at_least("window_bytes", self.window_bytes, 1)?;
        at_least("piece_bytes_max", self.piece_bytes_max.into(), 1)?;
        at_most("piece_bytes_max", self.piece_bytes_max.into(), 1 << 26)?;
        at_least("piece_window_bytes", self.piece_window_bytes, 1)?;
        at_least("links_max", self.links_max.into(), 1)?;
        at_most("links_max", self.links_max.into(), 1 << 16)?;
        at_least("slots_max", self.slots_max.into(), 1)?;
        at_most("slots_max", self.slots_max.into(), 1 << 16)?;
        at_least("ships_max", self.ships_max.into(), 1)?;
        // A transfer serves one link.
        self.ships_max = self.ships_max.min(self.links_max);
        at_least("beat", self.beat.0, 1_000_000)?;
        // Two beats may be lost before silence means anything.
        at_least("idle", self.idle.0, self.beat.0.saturating_mul(3))?;
        at_least("handshake", self.handshake.0, self.beat.0)?;
        at_least("linger", self.linger.0, 1)?;
        at_least("reconnect_window", self.reconnect_window.0, self.idle.0)?;
        at_least("redial_min", self.redial_min.0, 1_000_000)?;
        at_least("redial_max", self.redial_max.0, self.redial_min.0)?;
        Ok(Config(self))
    }
}

impl Config {
    /// Returns the options, each of them final.
    #[inline]
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.0
    }

    /// Returns the bound of link ids, which are the numbers below it: `links_max` and a few spare ones on which a full
    /// node says "full".
    #[must_use]
    pub fn link_ids(&self) -> u32 {
        self.0.links_max + LINKS_SPARE
    }

    /// Returns the longest batch frame that this node sends or takes.
    #[must_use]
    pub fn frame_bytes_max(&self) -> u32 {
        self.0.record_bytes_max + HEADS_BYTES
    }

    /// Returns the longest piece frame that this node sends or takes.
    #[must_use]
    pub(crate) fn piece_frame_bytes_max(&self) -> u32 {
        self.0.piece_bytes_max + crate::wire::PIECE_HEAD_BYTES
    }

    /// Returns the size of a link's spill: the rest of a frame of ordinary size.
    pub(crate) fn spill_bytes(&self) -> usize {
        self.0.batch_bytes as usize + BATCH_HEAD_BYTES
    }
}
