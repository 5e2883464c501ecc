//! The errors of commands, and their replies. The texts are redis's own where redis has one.

use super::backend::Outcome;
use super::counts::Ending;
use super::reply;
use towline_driver::Refusal;

/// The reason why a command failed. The texts are redis's own where redis has one.
#[derive(Debug)]
pub(super) enum CommandError {
    /// Too few arguments, or too many; with the command's full name.
    Arity(&'static str),
    /// Options that contradict each other, or are unknown.
    Syntax,
    /// An argument that is no number.
    NotInteger,
    /// A time that is not valid; with the command's name.
    ExpireTime(&'static str),
    /// A value that would outgrow the longest record, in bytes.
    Outgrown {
        /// The length the record would have.
        bytes: u64,
        /// The longest record.
        bytes_max: u64,
    },
    /// An error with a fixed text.
    Static(&'static str),
    /// An error with a text made for it.
    Text(String),
    /// A reply that would be too long, in bytes.
    ReplyTooLong {
        /// The length it would have.
        bytes: u64,
        /// The longest reply.
        bytes_max: u64,
    },
    /// A command that would take too long, and cannot be cut into slices.
    TooCostly,
    /// A refusal of the node.
    Refused(Refusal),
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl CommandError {
    /// Returns how a command that failed like this is counted.
    pub(super) fn ending(&self) -> Ending {
        match self {
            Self::Arity(_) | Self::Refused(_) => Ending::Rejected,
            Self::Syntax
            | Self::NotInteger
            | Self::ExpireTime(_)
            | Self::Outgrown { .. }
            | Self::Static(_)
            | Self::Text(_)
            | Self::ReplyTooLong { .. }
            | Self::TooCostly => Ending::Failed,
        }
    }

    /// Replies with the error; or lets the command run again.
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
            Self::Refused(Refusal::NotNow) => return Outcome::Retry,
        }
        Outcome::Done
    }
}
