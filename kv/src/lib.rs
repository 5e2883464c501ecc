//! The language of Towline's reference store, once for the server, the browser page and the simulator.
//!
//! Towline's core carries records and does not look inside them. This crate is what the reference store puts
//! inside: a key-value store's *effects*, the bytes of its snapshots, the digest by which two nodes are compared,
//! and the reader of what clients send. `docs/records.md` gives all of it to the byte, with known answers.
//!
//! # From a client's command to equal digests
//!
//! 1. [`RequestReader`] finds one request in the bytes a client sent, in place.
//! 2. The primary decides what the command *does* and writes that as [`Effect`]s: `SET k v EX 10` becomes
//!    `SET k v` and `PEXPIREAT k <time>`. Everything that depends on a clock, on randomness or on what was there is
//!    decided here, once.
//! 3. The effects of one command, encoded back to back, are one *record*: the unit of atomicity.
//! 4. Every node, the primary too, reads the record with [`effects`] and asks [`change`] what each effect does
//!    to its entry. There is no clock in it and nothing fails, so all nodes end up with the same entries.
//! 5. Each store keeps a [`Digest`] up to date as it writes; equal digests mean equal entries.
//! 6. A node too far behind gets a snapshot: [`SnapshotWriter`] cuts entries into pieces, [`SnapshotReader`] turns
//!    pieces back into effects.
//!
//! [`Table`] is all of it put together: the smallest store that speaks the language.
//!
//! ```
//! use towline_kv::{Effect, Table};
//!
//! let mut record = Vec::new();
//! Effect::Set { key: b"greeting", value: b"hello" }.encode(&mut record);
//! Effect::Append { key: b"greeting", value: b", world" }.encode(&mut record);
//!
//! let (mut primary, mut replica) = (Table::new(), Table::new());
//! primary.apply(&record)?;
//! replica.apply(&record)?;
//! assert_eq!(replica.get(b"greeting").map(|entry| entry.value), Some(&b"hello, world"[..]));
//! assert_eq!(primary.digest(), replica.digest());
//! # Ok::<(), towline_kv::ApplyError>(())
//! ```
//!
//! # What it does not do
//!
//! It reads no clock (the host decides whether a key is past its time), keeps no sockets, encodes no replies
//! and knows no command names beyond the effects. It needs `alloc` and nothing else of the system.
//!
//! # When a randomised test fails
//!
//! proptest prints the smallest input that fails and writes its seed as a line `cc ..` to
//! `kv/proptest-regressions/`, where every later run finds it and tries it first. Keep that file until the bug is
//! mended and the input stands in a test of its own. `PROPTEST_RNG_SEED=n` makes a whole run repeatable,
//! `PROPTEST_CASES=n` a longer one.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod decimal;
mod digest;
mod effect;
mod entry;
mod expiry;
mod inline;
mod key;
mod record;
mod request;
mod snapshot;
mod table;

pub use decimal::{Decimal, parse_i64};
pub use digest::Digest;
pub use effect::Effect;
pub use entry::{ApplyError, Change, Entry, IncrError, Value, change, incr};
pub use expiry::ExpiryMs;
pub use record::{Effects, RecordError, RecordErrorKind, effects};
pub use request::{Args, Parsed, ProtocolError, RequestLimits, RequestReader};
pub use snapshot::{Piece, SnapshotReader, SnapshotWriter};
pub use table::Table;
