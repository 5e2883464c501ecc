//! Why a command failed, and what its client is told. The texts are redis's own where redis has one.

use super::backend::{Outcome, Refusal};
use super::counts::Fate;
use super::reply;

/// Why a command failed. The texts are redis's own where redis has one.
#[derive(Debug)]
pub(super) enum Fault {
    /// Too few arguments, or too many; with the command's full name.
    Arity(&'static str),
    /// Options that make no sense.
    Syntax,
    /// Something that is no number.
    NotInteger,
    /// A time that is none; with the command's name.
    ExpireTime(&'static str),
    /// A value that would outgrow the longest record, in bytes.
    Outgrown {
        /// How long the record would be.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// A text of its own.
    Static(&'static str),
    /// A text made for the occasion.
    Text(String),
    /// A reply that would be too long, in bytes.
    ReplyTooLong {
        /// How long it would be.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// A command that would take too long, and cannot be cut into slices.
    TooCostly,
    /// The node refused.
    Refused(Refusal),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Fault {
    /// How a command that failed like this is counted.
    pub(super) fn fate(&self) -> Fate {
        match self {
            Self::Arity(_) | Self::Refused(_) => Fate::Rejected,
            Self::Syntax
            | Self::NotInteger
            | Self::ExpireTime(_)
            | Self::Outgrown { .. }
            | Self::Static(_)
            | Self::Text(_)
            | Self::ReplyTooLong { .. }
            | Self::TooCostly => Fate::Failed,
        }
    }

    /// Replies with the fault; or has the command come again.
    pub(super) fn answer(self, out: &mut Vec<u8>) -> Outcome {
        match self {
            Self::Arity(name) => {
                reply::error(out, &format!("ERR wrong number of arguments for '{name}' command"))
            }
            Self::Syntax => reply::error(out, "ERR syntax error"),
            Self::NotInteger => reply::error(out, "ERR value is not an integer or out of range"),
            Self::ExpireTime(name) => {
                reply::error(out, &format!("ERR invalid expire time in '{name}' command"))
            }
            Self::Outgrown { bytes, bytes_max } => {
                let text = format!(
                    "ERR string exceeds maximum allowed size (proto-max-bulk-len): the record would be {bytes} bytes \
                     long, the limit is {bytes_max} bytes"
                );
                reply::error(out, &text);
            }
            Self::Static(text) => reply::error(out, text),
            Self::Text(text) => reply::error(out, &text),
            Self::ReplyTooLong { bytes, bytes_max } => {
                let text =
                    format!("ERR the reply would be {bytes} bytes long, the limit is {bytes_max} bytes");
                reply::error(out, &text);
            }
            Self::TooCostly => reply::error(out, "ERR the command would take too long at once: ask for less"),
            Self::Refused(Refusal::ReadOnly) => {
                reply::error(out, "READONLY You can't write against a read only replica.");
            }
            Self::Refused(Refusal::TooLong { bytes, bytes_max }) => {
                let text =
                    format!("ERR the record would be {bytes} bytes long, the limit is {bytes_max} bytes");
                reply::error(out, &text);
            }
            Self::Refused(Refusal::Store(text)) => {
                reply::error(out, &format!("MISCONF Errors writing to the store: {text}"));
            }
            Self::Refused(Refusal::NotApplied) => return Outcome::Retry,
        }
        Outcome::Done
    }
}
