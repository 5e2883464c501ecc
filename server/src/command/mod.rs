//! The client protocol: RESP in, RESP out, and the commands between, without sockets or clocks.
//!
//! A [`Session`] is one client's connection. The driver hands [`Session::run`] the received bytes and a [`Backend`],
//! and gets replies, the number of used bytes, and the next step: wait for bytes, run again, or an [`Outcome`] that
//! only the driver can carry out (wait for replicas, follow another node, stop).
//!
//! ```text
//! bytes -> RequestReader -> table (name, arity, flags) -> handler -> effects -> one record -> Backend::write
//!                                                            \-> reply -> out
//! ```
//!
//! # Where a command lives
//!
//! | file | commands |
//! |---|---|
//! | `strings` | GET SET SETEX PSETEX SETNX GETSET GETDEL GETEX APPEND STRLEN MGET MSET MSETNX, INCR and its like |
//! | `floats` | INCRBYFLOAT |
//! | `ranges` | GETRANGE SUBSTR SETRANGE |
//! | `lcs` | LCS |
//! | `bits`, `bitfield` | SETBIT GETBIT BITCOUNT BITPOS BITOP; BITFIELD BITFIELD_RO |
//! | `keys` | DEL UNLINK EXISTS TOUCH TYPE DBSIZE FLUSHALL FLUSHDB |
//! | `rename` | RENAME RENAMENX COPY MOVE SWAPDB |
//! | `dump` | DUMP RESTORE |
//! | `object` | OBJECT, MEMORY |
//! | `expiry` | EXPIRE PEXPIRE EXPIREAT PEXPIREAT EXPIRETIME PEXPIRETIME PERSIST TTL PTTL |
//! | `scan` | KEYS SCAN RANDOMKEY |
//! | `server` | PING ECHO HELLO AUTH SELECT TIME RESET SHUTDOWN QUIT |
//! | `config` | CONFIG |
//! | `client` | CLIENT, except for the commands of the next row |
//! | `clients` | CLIENT KILL, UNBLOCK, PAUSE, UNPAUSE, REPLY, NO-EVICT, NO-TOUCH |
//! | `docs`, `getkeys` | COMMAND; COMMAND GETKEYS, COMMAND GETKEYSANDFLAGS |
//! | `info` | INFO |
//! | `transaction` | MULTI EXEC DISCARD WATCH UNWATCH |
//! | `latency` | SLOWLOG, LATENCY |
//! | `absent` | FUNCTION, SCRIPT, ACL, MODULE, CLUSTER, SAVE: true answers about features that do not exist |
//! | `replication` | ROLE WAIT WAITAOF REPLICAOF SLAVEOF, TOWLINE DIGEST, STATUS, REPLICATION |
//!
//! [`COMMANDS`] is the one list of them; dispatch, arity, COMMAND and its docs all read it.
//!
//! # Invariants
//!
//! - A command is one record or none: several effects are one record, and a command that changes nothing writes
//!   nothing.
//! - A record leaves nothing to decide: clocks, options and earlier values are settled before it is written.
//! - An expired key is never shown. A primary deletes it when a command meets it; a replica leaves it alone.
//! - A command that fails has changed nothing and has exactly one reply, an error.
//! - One request, one reply, in order; a request that must wait ([`Outcome::Retry`]) is not counted as read.
//!
//! # Bounds
//!
//! One call of [`Session::run`] executes at most [`REQUESTS_PER_RUN`] requests and stops after the reply that reaches
//! [`OUT_BYTES_PER_RUN`], or when its steps are spent ([`Ran::steps`]): a command that walks over all keys is cut into
//! slices. One reply is at most [`Backend::reply_bytes_max`] long, EXEC's whole list too. Between commands a session
//! keeps at most 64 KiB of buffers and two lines for names, and what [`Session::bytes`] says: queued commands, watched
//! keys, a walk under way.

mod absent;
pub mod backend;
mod bitfield;
mod bits;
mod call;
mod client;
mod clients;
mod config;
mod cost;
pub mod counts;
mod docs;
mod dump;
mod error;
mod expiry;
mod floats;
mod getkeys;
mod glob;
mod http;
mod info;
mod keys;
mod latency;
mod lcs;
mod object;
mod overlay;
mod ranges;
mod rename;
mod replication;
pub mod reply;
mod scan;
mod server;
mod session;
pub mod status;
mod strings;
mod table;
#[cfg(test)]
mod tests;
mod transaction;
mod walk;
pub mod watch;

pub use backend::{Backend, Outcome, Status};
pub use client::{Client, ClientUsage, Replies};
pub use counts::Counts;
pub use reply::Resp;
pub use session::{OUT_BYTES_PER_RUN, REQUESTS_PER_RUN, Ran, Session, Then, request_limits};
pub use status::Report;
pub use table::{COMMANDS, Command, Flags, find};

/// The version of redis whose commands, texts and behaviour these are.
pub const REDIS_VERSION: &str = "7.2.0";
