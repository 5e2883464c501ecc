//! Every way in which this crate refuses or ends: a start, a run, a write.

use std::fmt;
use std::io;

use towline_core::{ConfigError, HistoryId, NodeId};

/// The reason why a start failed, in one line.
#[derive(Debug)]
pub enum StartError {
    /// An option that cannot work.
    Config(ConfigError),
    /// An address that cannot be listened on.
    Listen {
        /// The option that named it.
        option: &'static str,
        /// The address.
        addr: String,
        /// The system's reason.
        source: io::Error,
    },
    /// An address that other machines can reach, where no password is asked for.
    Exposed {
        /// The option that named it.
        option: &'static str,
        /// The address.
        addr: String,
    },
    /// The store cannot be opened: in use, damaged, not permitted. The text names the place and the cause.
    Store(String),
    /// The operating system has no random numbers.
    Random(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(out),
            Self::Listen { option, addr, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(out, "{option}: {addr} is in use by another process")
            }
            Self::Listen { option, addr, source } => {
                write!(out, "{option}: cannot listen on {addr}: {source}")
            }
            Self::Exposed { option, addr } => {
                write!(
                    out,
                    "{option}: {addr} can be reached from other machines and asks for no password: "
                )?;
                write!(out, "use a loopback address, like {}", loopback(addr))?;
                match *option {
                    "web" => Ok(()),
                    _ => out.write_str(", or the option insecure if all who reach it may read and write"),
                }
            }
            Self::Store(why) => out.write_str(why),
            Self::Random(why) => write!(out, "no random numbers from the operating system: {why}"),
        }
    }
}

/// Returns the same port, for this machine alone.
fn loopback(addr: &str) -> String {
    let port = addr.rsplit_once(':').map_or("7000", |(_, port)| port);
    format!("127.0.0.1:{port}")
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Listen { source, .. } => Some(source),
            Self::Exposed { .. } | Self::Store(_) | Self::Random(_) => None,
        }
    }
}

/// The reason why a driver that had started stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunError {
    /// See [`Options::stop_if_foreign`](crate::Options::stop_if_foreign).
    HistoryDiffers {
        /// The upstream's address.
        upstream: String,
        /// The history of our data.
        ours: HistoryId,
        /// The upstream's history.
        theirs: HistoryId,
    },
    /// The upstream it was started with is its own replication address.
    FollowsItself {
        /// The address.
        upstream: String,
    },
    /// Another process uses this node's id.
    IdentityClash {
        /// The node's id.
        node: NodeId,
    },
    /// It stopped in order, and not all that was answered is kept here and received by its replicas.
    LeftOver(LeftOver),
    /// Its task ended without a result: it panicked, or its runtime stopped.
    Gone,
}

impl fmt::Display for RunError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HistoryDiffers { upstream, ours, theirs } => {
                write!(out, "{upstream} has another history ({theirs}) than the data here ({ours}): ")?;
                out.write_str("follow it with adopt to replace the data here")
            }
            Self::FollowsItself { upstream } => {
                write!(out, "{upstream} is this node itself: name the replication address of its primary")
            }
            Self::IdentityClash { node } => write!(out, "another process uses node id {node}"),
            Self::LeftOver(left) => write!(out, "stopped, but {left}"),
            Self::Gone => out.write_str("the server's task ended without an answer"),
        }
    }
}

impl std::error::Error for RunError {}

/// Answered records that a stop left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOver {
    /// Records that are not on the own disk.
    pub unkept: Option<Unkept>,
    /// Replicas that were connected when the stop began, and have not received everything.
    pub lacking: Vec<Lacking>,
}

/// Records that were answered and are not on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unkept {
    /// The first one.
    pub from: u64,
    /// The offset after the last.
    pub end: u64,
    /// The reason.
    pub why: String,
}

/// A replica that has not received everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// Its name.
    pub node: NodeId,
    /// The address it had connected from.
    pub addr: String,
    /// How many records it lacks; unknown if it never acknowledged any.
    pub records: Option<u64>,
}

impl LeftOver {
    /// Returns true if nothing was left behind.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.unkept.is_none() && self.lacking.is_empty()
    }
}

impl fmt::Display for LeftOver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Unkept { from, end, why }) = &self.unkept {
            write!(out, "{} ({from} to {end}) not on disk here: {why}", counted(end - from))?;
        }
        for (number, lacking) in self.lacking.iter().enumerate() {
            let separator = if number > 0 || self.unkept.is_some() { "; " } else { "" };
            write!(out, "{separator}{lacking}")?;
        }
        Ok(())
    }
}

fn counted(records: u64) -> String {
    if records == 1 { "1 record".to_owned() } else { format!("{records} records") }
}

impl fmt::Display for Lacking {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, addr, records } = self;
        match records {
            Some(records) => write!(out, "replica {node} ({addr}) has not received {}", counted(*records)),
            None => write!(out, "replica {node} ({addr}) has not received its first snapshot"),
        }
    }
}

/// The reason why a write is not possible now. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// This node is a replica.
    ReadOnly,
    /// Writes are held for a moment: a joining replica or the disk is behind, or this node was just promoted and
    /// records that it received are not applied yet. It passes by itself.
    NotNow,
    /// The record is longer than the limit, in bytes.
    TooLong {
        /// Its length.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The store failed, in words.
    Store(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly => out.write_str("this node is a replica: write to its primary"),
            Self::NotNow => out.write_str("writes are held for a moment: try again"),
            Self::TooLong { bytes, bytes_max } => {
                write!(out, "the record is {bytes} bytes long, the limit is {bytes_max} bytes")
            }
            Self::Store(why) => write!(out, "the store failed: {why}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// The reason why a record was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    /// The node refused it.
    Refused(Refusal),
    /// The driver is stopping, or has stopped.
    Stopped,
}

impl fmt::Display for WriteError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(out),
            Self::Stopped => out.write_str("the driver is stopping"),
        }
    }
}

impl std::error::Error for WriteError {}
