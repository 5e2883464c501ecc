//! Every limit of the protocol: a name, a reason, and a relation to its neighbours that the compiler checks.

/// The head of every frame: length, kind, flags, stream, epoch number, head check, check.
pub const HEAD_BYTES: usize = 24;

/// The head of a batch frame: [`HEAD_BYTES`] and first, count, epoch, byte position, Unix time, parent, raw length.
pub const BATCH_HEAD_BYTES: usize = HEAD_BYTES + 48;

/// The head of a record inside a batch: 28 bits of length, 4 of flags.
pub const RECORD_HEAD_BYTES: usize = 4;

/// The longest record the record head can name.
pub const RECORD_BYTES_MAX: u32 = (1 << 28) - 1;

/// Epochs a node remembers. A peer whose newest common epoch is older than these gets a snapshot.
pub const EPOCHS_MAX: usize = 32;

/// The longest [`Cursor`](crate::Cursor): its head, a full table of epochs, and its check.
pub const CURSOR_BYTES_MAX: usize = 48 + EPOCHS_MAX * 16 + 8;

/// The smallest ring: it must hold four of the smallest frames (a batch head and a record of one byte).
pub const BACKLOG_BYTES_MIN: u64 = 512;

/// The largest ring: positions inside it fit in 32 bits on every target.
pub const BACKLOG_BYTES_MAX: u64 = 1 << 31;

/// Where control frames are staged on each link: one of each kind that can be due at the same moment.
pub const SCRATCH_BYTES: usize = 2048;

/// Link ids beyond [`Config::links_max`](crate::Config), so that a full node can still say "full".
pub const LINKS_SPARE: u32 = 2;

/// The heads of a batch of one record, for sums of 32 bits.
pub(crate) const HEADS_BYTES: u32 = 76;

/// Views of the store a sender keeps open at the same time: one being joined, one being finished.
pub const VIEWS_MAX: usize = 2;

/// Pieces buffered for one transfer: one on the wire, one being read.
pub const PIECES_BUFFERED: usize = 2;

/// One entry of the sparse index for so many bytes of the ring.
pub const INDEX_STEP_BYTES: u64 = 4096;

/// Of eight bytes on a link with a transfer, one belongs to the pieces however busy the stream is.
pub const PIECE_SHARE: u64 = 8;

/// A run of whole frames is offered to the socket up to so many bytes at once: the bound of one `consume`.
pub const RUN_BYTES: u64 = 256 * 1024;

/// The longest `retry_after` a replica honours, whatever its peer asks for.
pub const RETRY_AFTER_MAX_NS: u64 = 60_000_000_000;

/// The first pause between two snapshots for one replica that did not catch up; it doubles to the next limit.
pub const PAUSE_MIN_NS: u64 = 1_000_000_000;

/// The longest pause between two snapshots for one replica.
pub const PAUSE_MAX_NS: u64 = 64_000_000_000;

/// Untaken pieces whose sizes a replica remembers one by one; beyond them sizes are counted together.
pub const PIECES_TRACKED: usize = 16;

const _: () = assert!(BATCH_HEAD_BYTES == 72);
const _: () = assert!(HEADS_BYTES as usize == BATCH_HEAD_BYTES + RECORD_HEAD_BYTES);
const _: () = assert!(BACKLOG_BYTES_MIN / 4 > (BATCH_HEAD_BYTES + RECORD_HEAD_BYTES) as u64);
// A BEGIN carries a cursor, an ADMIT a table; both fit beside a beat, an ack and a goodbye.
const _: () = assert!(SCRATCH_BYTES >= 2 * (CURSOR_BYTES_MAX + HEAD_BYTES + 64) + 4 * 96);
const _: () = assert!(PAUSE_MIN_NS < PAUSE_MAX_NS);
const _: () = assert!(PIECES_TRACKED >= 2 * PIECES_BUFFERED);
