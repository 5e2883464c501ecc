//! The numbers of inputs, events, payloads and the rest. A test compares them with the core's records.
//!
//! A kind's text names its fields; a field that it does not name is zero.

use crate::types::tow_kind;

/// Time passed; give it at `tow_next_deadline`.
pub const TOW_INPUT_TICK: tow_kind = 1;
/// A connection is open. `link`: your number for it, free until now; `a`: `TOW_DOWNSTREAM` or `TOW_UPSTREAM`.
pub const TOW_INPUT_OPENED: tow_kind = 2;
/// A connection is gone; its id is free at once. `link`.
pub const TOW_INPUT_LOST: tow_kind = 3;
/// The connection that `TOW_EVENT_DIAL` asked for could not be made.
pub const TOW_INPUT_DIAL_FAILED: tow_kind = 4;
/// Bytes came: data is everything unread on `link`, and may be empty. At most one frame is taken.
pub const TOW_INPUT_BYTES: tow_kind = 5;
/// Data is a record to append, atomic, opaque to the core. The answer is `tow_step.offset`.
pub const TOW_INPUT_WRITE: tow_kind = 6;
/// Seal the written records. The answer is `tow_step.position`, to be stored with the data.
pub const TOW_INPUT_FLUSH: tow_kind = 7;
/// Replica: taken over (queued, spooled or stored) are records before `a`, and the first `b` pieces of the snapshot
/// under way (0 if none is). Less than an earlier report changes nothing.
pub const TOW_INPUT_TAKEN: tow_kind = 8;
/// Replica: records before `a` are applied. Implies taken.
pub const TOW_INPUT_APPLIED: tow_kind = 9;
/// Records before `a` survive a power cut. Implies applied.
pub const TOW_INPUT_PERSISTED: tow_kind = 10;
/// The view `a` is open, exactly at the cursor in data; it has `b` bytes, or `UINT64_MAX`: unknown.
pub const TOW_INPUT_SNAPSHOT_READY: tow_kind = 11;
/// Data is piece `b` of view `a`; `c` is 1 if it is the last. The same number always holds the same bytes.
pub const TOW_INPUT_SNAPSHOT_PIECE: tow_kind = 12;
/// The view `a` could not be opened, or broke; `b` is 1 if asking again makes sense.
pub const TOW_INPUT_SNAPSHOT_FAILED: tow_kind = 13;
/// Replica: the snapshot `a` replaced the old state, atomically, and nothing older is under way. Of the spooled records
/// past it, apply those before the boundary of the answer's `tow_step.position`; forget the rest.
pub const TOW_INPUT_INSTALLED: tow_kind = 14;
/// Replica: the store is at the offset of the last fork, and nothing older is under way: records handed out before it
/// are applied, those past it are undone. The answer is `tow_step.position`.
pub const TOW_INPUT_REWOUND: tow_kind = 15;
/// Become primary: cut the upstream, open an epoch at the log's end.
pub const TOW_INPUT_PROMOTE: tow_kind = 16;
/// Follow (another) upstream; `a` is 1 to accept another history, whose snapshot will replace ours.
pub const TOW_INPUT_FOLLOW: tow_kind = 17;
/// Say goodbye on every link; every link ends with `TOW_EVENT_CLOSE`, and nothing new begins. Ending without it is
/// allowed too: peers take it for a lost connection.
pub const TOW_INPUT_SHUTDOWN: tow_kind = 18;

/// Connect to the upstream, then report opened or dial failed. `a`: dials before it without progress.
pub const TOW_EVENT_DIAL: tow_kind = 0x101;
/// A peer was admitted, or admitted us. `link`; `a`: the peer's node; `b`: the offset where the stream goes on.
pub const TOW_EVENT_JOINED: tow_kind = 0x102;
/// Close this connection; its id is free. `link`; `a`: the fault's number, for `tow_status_name`; `b`: 1 if the peer
/// ended it; `c`: how long the peer was, or we were, asked to stay away, in nanoseconds.
pub const TOW_EVENT_CLOSE: tow_kind = 0x103;
/// A link has bytes to write where it had none: peek, write, consume until there are no more. `link`.
pub const TOW_EVENT_WANTS_WRITE: tow_kind = 0x104;
/// Open a view of your store (a primary flushes first) and report snapshot ready. `a`: its name; `b`: the view must be
/// at this offset or later.
pub const TOW_EVENT_SNAPSHOT_WANTED: tow_kind = 0x105;
/// Read a piece and hand it over as snapshot piece. `a`: the view; `b`: the piece's number.
pub const TOW_EVENT_SNAPSHOT_READ: tow_kind = 0x106;
/// Nobody needs the view `a` any more: free it.
pub const TOW_EVENT_SNAPSHOT_DONE: tow_kind = 0x107;
/// Replica: everything that its upstream had at the last beat has been received, and no snapshot is missing. Once for
/// each time that it joins; it may not be applied yet.
pub const TOW_EVENT_CAUGHT_UP: tow_kind = 0x108;
/// A replica of ours acknowledged more. `a`: its node; `b`: received; `c`: applied; `d`: persisted.
pub const TOW_EVENT_ACKED: tow_kind = 0x109;
/// A replica was away too long and is forgotten. `a`: its node; `b`: how many records it lacked.
pub const TOW_EVENT_SLOT_EXPIRED: tow_kind = 0x10a;
/// The role of this node from now on. `a`: `TOW_PRIMARY` or `TOW_REPLICA`; `b`: the newest epoch; `c`: the log's end.
pub const TOW_EVENT_ROLE: tow_kind = 0x10b;
/// Another node was promoted with epoch number `a`: promote opens a higher one, follow gives way.
pub const TOW_EVENT_OUTRANKED: tow_kind = 0x10c;

/// Put this batch at the end of your spool, with the cursor of its position. `a`, `b`: where its records begin in the
/// data of the last input, and how many bytes they have; `c`: the offset of the first; `d`, `e`, `f`: the position
/// after it (`tow_command_position`).
pub const TOW_COMMAND_KEEP: tow_kind = 0x201;
/// Apply this batch and store the cursor of its position, in one atomic step; then say `TOW_DONE_APPLIED`. Fields as
/// for `TOW_COMMAND_KEEP`.
pub const TOW_COMMAND_APPLY: tow_kind = 0x202;
/// The same with the oldest batch of the spool, which you take out of it. `c`: the offset of its first record.
pub const TOW_COMMAND_APPLY_SPOOLED: tow_kind = 0x203;
/// Do this batch on the snapshot that is loading; then say `TOW_DONE_TAILED`. Fields as for `TOW_COMMAND_KEEP`. Only
/// for a receiver that was made with `loads_tail`.
pub const TOW_COMMAND_LOAD_TAIL: tow_kind = 0x204;
/// The same with the oldest batch of the spool, which stays there if it cannot be done. `c`: the offset of its first
/// record.
pub const TOW_COMMAND_LOAD_TAIL_SPOOLED: tow_kind = 0x205;
/// Forget the batches of the spool that end at or before `c`; all of them if that is `UINT64_MAX`.
pub const TOW_COMMAND_DROP_SPOOLED: tow_kind = 0x206;
/// Nothing is to be done: your records from `c` on left the history, and a snapshot follows.
pub const TOW_COMMAND_FORKED: tow_kind = 0x207;
/// Begin to load a snapshot beside your state; one that was loading before is of no use any more. `a`, `b`: its cursor,
/// in the data of the last input; `c`: its offset; `d`: its name.
pub const TOW_COMMAND_BEGIN: tow_kind = 0x208;
/// Load a piece of it; then say `TOW_DONE_LOADED`. `a`, `b`: the piece, in the data of the last input; `c`: its number;
/// `d`: 1 if it is the last.
pub const TOW_COMMAND_LOAD: tow_kind = 0x209;
/// Put the loaded snapshot and its cursor in the place of your state, in one step, with nothing older under way; then
/// say `TOW_DONE_INSTALLED`. `c`: its offset; `d`: its name.
pub const TOW_COMMAND_INSTALL: tow_kind = 0x20a;
/// Undo what lies past this position and store its cursor in the same step, with nothing older under way; then say
/// `TOW_DONE_REWOUND`. `d`, `e`, `f`: the position. Only for a node that was made with `can_rewind`.
pub const TOW_COMMAND_REWIND: tow_kind = 0x20b;

/// The node's answer to an input that a command was. `a`: 1 if it took it, and `d`, `e`, `f` are the position of its
/// step; 0 if it refused (`TOW_E_MISUSE`), and nothing else is set.
pub const TOW_DONE_ANSWERED: tow_kind = 0x301;
/// The batch that was to be applied is, and ends at `a`.
pub const TOW_DONE_APPLIED: tow_kind = 0x302;
/// Records before `a` survive a power cut, in the state that stands now.
pub const TOW_DONE_PERSISTED: tow_kind = 0x303;
/// The batch that ends at `a` is done on the loading snapshot (`b` is 1), or could not be and waits (0).
pub const TOW_DONE_TAILED: tow_kind = 0x304;
/// The first `a` pieces of the snapshot are loaded.
pub const TOW_DONE_LOADED: tow_kind = 0x305;
/// The snapshot stands in the place of the state before.
pub const TOW_DONE_INSTALLED: tow_kind = 0x306;
/// The store stands where it was to go back to.
pub const TOW_DONE_REWOUND: tow_kind = 0x307;
/// The store cannot go on: nothing is asked of it any more, and nothing said to the node.
pub const TOW_DONE_FAILED: tow_kind = 0x308;
/// No completion, but how much the node is told from now on. `a`: `TOW_TAKING_*`. Say it whenever your spool fills or
/// empties.
pub const TOW_DONE_TAKING: tow_kind = 0x309;

/// The spool has room: everything is said to be taken. So it is in the beginning.
pub const TOW_TAKING_ALL: u64 = 0;
/// The spool is full: pieces are still said to be taken, batches no more. The upstream then waits.
pub const TOW_TAKING_PIECES: u64 = 1;
/// Nothing is said: neither taken, nor applied, nor persisted.
pub const TOW_TAKING_NOTHING: u64 = 2;

/// A node that writes its history.
pub const TOW_PRIMARY: u32 = 1;
/// A node that follows an upstream.
pub const TOW_REPLICA: u32 = 2;

/// A peer dialled us: we feed it.
pub const TOW_DOWNSTREAM: u64 = 0;
/// We dialled it: it feeds us.
pub const TOW_UPSTREAM: u64 = 1;

/// Read until you hold `need` unread bytes.
pub const TOW_NEXT_NEED_BYTES: u32 = 0;
/// Drop `used` bytes and handle bytes again with the rest.
pub const TOW_NEXT_AGAIN: u32 = 1;
/// This link reads no more; `TOW_EVENT_CLOSE` follows.
pub const TOW_NEXT_CLOSED: u32 = 2;

/// The frame has nothing for the host.
pub const TOW_PAYLOAD_NONE: u32 = 0;
/// Records to apply; the cursor of `position` belongs in the same atomic step. Then report applied.
pub const TOW_PAYLOAD_BATCH: u32 = 1;
/// Records beside a snapshot: keep them, apply those past it once it is installed. Then report taken. A payload that
/// does not begin where the one before ended belongs beside another snapshot: forget those before. None lies on both
/// sides of the snapshot's offset.
pub const TOW_PAYLOAD_SPOOL: u32 = 2;
/// The history parts from ours at `first`: see `tow_step.count`.
pub const TOW_PAYLOAD_FORK: u32 = 3;
/// A snapshot begins: the payload is its cursor, `first` its offset. Forget spooled records that do not end at
/// `tow_stats.end` now.
pub const TOW_PAYLOAD_BEGIN: u32 = 4;
/// A piece of it; `first` is its number. Then report taken.
pub const TOW_PAYLOAD_PIECE: u32 = 5;
/// Its last piece. Install it, then report installed.
pub const TOW_PAYLOAD_LAST_PIECE: u32 = 6;

/// `tow_step.offset` is set.
pub const TOW_STEP_OFFSET: u32 = 1;
/// `tow_step.position` is set.
pub const TOW_STEP_POSITION: u32 = 2;

/// The state is complete, not waiting for a snapshot.
pub const TOW_STATS_BASE: u32 = 1;
/// The stream flows from the upstream.
pub const TOW_STATS_STREAMING: u32 = 2;
/// Joined to an upstream.
pub const TOW_STATS_UPSTREAM: u32 = 4;
/// A snapshot is under way to this node.
pub const TOW_STATS_RECEIVING: u32 = 8;
/// A beat of the root was received.
pub const TOW_STATS_ORIGIN: u32 = 16;

/// A replica's core has the bytes.
pub const TOW_RECEIVED: u32 = 1;
/// A replica's store shows the records.
pub const TOW_APPLIED: u32 = 2;
/// The records survive a power cut there.
pub const TOW_PERSISTED: u32 = 3;

/// Disconnected, remembered.
pub const TOW_REPLICA_AWAY: u32 = 1;
/// Joined; neither stream nor snapshot is possible now.
pub const TOW_REPLICA_WAITING: u32 = 2;
/// Receiving a snapshot, or installing it.
pub const TOW_REPLICA_SNAPSHOT: u32 = 3;
/// Receiving the stream.
pub const TOW_REPLICA_STREAMING: u32 = 4;

/// `tow_replica.link` and `taken_bytes` are set.
pub const TOW_REPLICA_CONNECTED: u32 = 1;
/// `tow_replica.unsent_bytes` and `untaken_bytes` are set.
pub const TOW_REPLICA_UNSENT: u32 = 2;

/// `tow_reached.offset` and `lag_records` are set.
pub const TOW_REACHED_OFFSET: u32 = 1;
/// `tow_reached.lag_bytes` is set.
pub const TOW_REACHED_BYTES: u32 = 2;
/// `tow_reached.lag_ns` is set.
pub const TOW_REACHED_AGE: u32 = 4;
