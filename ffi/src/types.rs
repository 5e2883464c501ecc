//! The structs of the ABI. Their sizes and offsets are asserted here and printed by a C program in `abi/`.

use std::ffi::c_char;
use std::mem::offset_of;

use towline_core::{FlatCommand, FlatCompletion, FlatEvent, FlatInput, FlatStep};

use crate::status::tow_status;

/// The ABI's number. A library whose `tow_abi_version` returns another one does not fit this header.
pub const TOW_ABI_VERSION: u32 = 1;
/// Nothing is due, ever.
pub const TOW_NO_DEADLINE: u64 = 0xffff_ffff_ffff_ffff;
/// The longest cursor, in bytes.
pub const TOW_CURSOR_BYTES_MAX: usize = 568;
/// The room for an error's text, its zero byte included.
pub const TOW_ERROR_TEXT_BYTES: usize = 112;
/// The most slices that `tow_peek_transmit` returns.
pub const TOW_SLICES_MAX: usize = 3;
/// The head of each record in a payload of kind batch or spool: its length in the low 28 bits of a 32-bit number, low
/// byte first. The record's bytes follow. `tow_next_record` and `tow_walk` read it.
pub const TOW_RECORD_HEAD_BYTES: usize = 4;
/// The longest record that a head can name.
pub const TOW_RECORD_BYTES_MAX: u32 = 0x0fff_ffff;

/// Nanoseconds since a zero that you chose, best on a monotonic clock.
pub type tow_time = u64;
/// The kind of a record: `TOW_INPUT_*` or `TOW_EVENT_*`. An open set: ignore events you do not know.
pub type tow_kind = u32;

/// The failure of a call. Filled by the library; the text is English and meant for a log.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tow_error {
    /// The status of the call that failed; `TOW_OK` if none did.
    pub code: tow_status,
    /// Zero, for later versions.
    pub reserved: u32,
    /// For `TOW_E_MISUSE` the misuse's number, for `TOW_E_CONFIG` the bound that was broken, for `TOW_E_CURSOR` the
    /// length of the cursor; else 0.
    pub detail: u64,
    /// The reason in words; ends with a zero byte.
    pub text: [c_char; TOW_ERROR_TEXT_BYTES],
}

/// The options of a node. Begin with `tow_config_init`, which fills in the defaults, then change what matters.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub struct tow_config {
    /// Set by `tow_config_init`.
    pub struct_size: u32,
    /// A batch is sealed when its records reach so many bytes: 1 to `record_bytes_max`, and more counts as that.
    /// Default 64 KiB.
    pub batch_bytes: u32,
    /// Bytes of the ring of finished frames: how far a replica may fall behind and still go on where it stood. 512 to
    /// 2 GiB. Default 64 MiB.
    pub backlog_bytes: u64,
    /// Stream bytes that may be under way to this node untaken: 1 to half the ring less `record_bytes_max` and 76. 0
    /// is the most of these. Default 0.
    pub window_bytes: u64,
    /// Piece bytes of a snapshot that may be under way to this node untaken: 1 or more. Default 1 MiB.
    pub piece_window_bytes: u64,
    /// Bytes of the longest record: 1 to a quarter of the ring less 76, and below 256 MiB. 0 is the most of these. A
    /// replica's is no less than its upstream's, or they do not join. Default 0.
    pub record_bytes_max: u32,
    /// Bytes of the longest snapshot piece: 1 to 64 MiB. A replica's is no less than its upstream's, or they do not
    /// join. Default 256 KiB.
    pub piece_bytes_max: u32,
    /// Connections at the same time, both sides together: 1 to 65536. Link ids are the numbers below this and two
    /// spare ones. Default 64.
    pub links_max: u32,
    /// Replicas remembered, connected or not: 1 to 65536. Default 64.
    pub slots_max: u32,
    /// Replicas that receive a snapshot at the same time, while others wait: 1 to `links_max`, and more counts as
    /// that. Default 4.
    pub ships_max: u32,
    /// 1 if you can take your store back to an earlier boundary. With 0 a fork is answered by a snapshot. Default 0.
    pub can_rewind: u32,
    /// 1 if you keep anything through a power cut. With 0 `persisted` is unknown to the upstream, never 0. Default 1.
    pub persists: u32,
    /// Zero, for later versions.
    pub reserved: u32,
    /// How often each side sends a beat, in nanoseconds: 1 ms or more. Default 500 ms.
    pub beat_ns: u64,
    /// Silence, or bytes on offer and none taken, for longer than so many nanoseconds ends a link: 3 beats or more.
    /// Default 5 s.
    pub idle_ns: u64,
    /// A handshake must be finished within so many nanoseconds: a beat or more. Default 5 s.
    pub handshake_ns: u64,
    /// How long a goodbye may take to leave, in nanoseconds: 1 or more. Default 1 s.
    pub linger_ns: u64,
    /// A disconnected replica is forgotten after strictly more than so many nanoseconds: `idle_ns` or more. Default 1
    /// h.
    pub reconnect_window_ns: u64,
    /// The shortest pause before a redial, in nanoseconds; it doubles, with jitter. 1 ms or more. Default 50 ms.
    pub redial_min_ns: u64,
    /// The longest pause before a redial, in nanoseconds: `redial_min_ns` or more. Default 5 s.
    pub redial_max_ns: u64,
}

/// One start of a node. Set it to zero, then `struct_size` to its size.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tow_boot {
    /// The size of the struct, `sizeof(tow_boot)`.
    pub struct_size: u32,
    /// `TOW_PRIMARY` or `TOW_REPLICA`.
    pub role: u32,
    /// The node's name, the same at every start, and no other node's. 64 random bits, drawn once, will do.
    pub node: u64,
    /// Fresh random bytes for every start (`getrandom`): all randomness of the node comes from here.
    pub seed: [u8; 32],
    /// Unix time in nanoseconds when your clock said 0.
    pub unix_zero_ns: u64,
    /// The cursor that you stored in the same atomic step as your data; NULL for an empty store.
    pub cursor: *const u8,
    /// How many bytes the cursor has.
    pub cursor_len: usize,
}

/// One input, or one event: 64 bytes, no pointers. Fields that a kind does not name are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct tow_record {
    /// Which input or event this is.
    pub kind: tow_kind,
    /// The link it concerns, where it does.
    pub link: u32,
    /// The kind's first field; see the kind.
    pub a: u64,
    /// The kind's second field.
    pub b: u64,
    /// The kind's third field.
    pub c: u64,
    /// The kind's fourth field.
    pub d: u64,
    /// The kind's fifth field.
    pub e: u64,
    /// The kind's sixth field.
    pub f: u64,
    /// The kind's seventh field; no kind has one yet.
    pub g: u64,
}

/// An input of a node: `TOW_INPUT_*`.
pub type tow_input = tow_record;
/// An event of a node: `TOW_EVENT_*`.
pub type tow_event = tow_record;
/// A thing that a receiver says is to be done: `TOW_COMMAND_*`, or an input to say to the node.
pub type tow_command = tow_record;
/// A thing that you say to a receiver: `TOW_DONE_*`.
pub type tow_completion = tow_record;

/// A boundary of the history, with the proof of what lies before it. `tow_cursor` makes the bytes to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct tow_position {
    /// The newest epoch that holds a record before it: number in the high half, a random part in the low.
    pub epoch: u64,
    /// How many records lie before it.
    pub boundary: u64,
    /// The digest chained over every batch before it.
    pub digest: u64,
}

/// One record of a history: the epoch it was written in, and the offset after it. An offset alone names a record of
/// every history that came so far. All zero lies before every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct tow_place {
    /// The epoch of the record before the offset.
    pub epoch: u64,
    /// The offset after it.
    pub offset: u64,
}

/// The answer to one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct tow_step {
    /// Bytes taken from the front of your data.
    pub used: u64,
    /// For `TOW_NEXT_NEED_BYTES`: how many unread bytes make the next step possible.
    pub need: u64,
    /// For a write, the offset after its record; set if `flags` has `TOW_STEP_OFFSET`.
    pub offset: u64,
    /// The payload's first record's offset, its piece's number, or the point of the fork.
    pub first: u64,
    /// Where the payload begins in your data.
    pub range_start: u64,
    /// How many bytes it has.
    pub range_len: u64,
    /// The snapshot that begins, or that the piece belongs to.
    pub snapshot: u64,
    /// The position after this step; set if `flags` has `TOW_STEP_POSITION`. Store its cursor with the data.
    pub position: tow_position,
    /// How many records the payload has; for `TOW_PAYLOAD_FORK` 1 to rewind, 0 if a snapshot follows.
    pub count: u32,
    /// The payload's kind: `TOW_PAYLOAD_*`.
    pub kind: u32,
    /// How to go on with the rest of the bytes: `TOW_NEXT_*`.
    pub next: u32,
    /// `TOW_STEP_*`, added up.
    pub flags: u32,
}

/// Borrowed bytes: laid out like `struct iovec`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct tow_slice {
    /// The first byte.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
}

/// The statistics of a node. An unknown value has no flag, and is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct tow_stats {
    /// How many bytes of this struct were filled.
    pub struct_size: u32,
    /// `TOW_PRIMARY` or `TOW_REPLICA`.
    pub role: u32,
    /// `TOW_STATS_*`, added up.
    pub flags: u32,
    /// Zero, for later versions.
    pub reserved: u32,
    /// The node's name.
    pub node: u64,
    /// Its history, high half; both are zero before the first snapshot.
    pub history_high: u64,
    /// Its history, low half.
    pub history_low: u64,
    /// The newest epoch.
    pub epoch: u64,
    /// The oldest offset in the ring.
    pub start: u64,
    /// The offset after the newest record.
    pub end: u64,
    /// Bytes of frames in the ring.
    pub backlog_used_bytes: u64,
    /// Records applied. On a primary, written is applied.
    pub applied: u64,
    /// Records persisted, as you reported them.
    pub persisted: u64,
    /// The upstream's node (`TOW_STATS_UPSTREAM`).
    pub upstream: u64,
    /// The history of the upstream that last welcomed us, high half.
    pub upstream_history_high: u64,
    /// The same, low half.
    pub upstream_history_low: u64,
    /// Pieces received of the snapshot under way (`TOW_STATS_RECEIVING`).
    pub pieces_received: u64,
    /// The root's log end at its newest beat (`TOW_STATS_ORIGIN`).
    pub origin_end: u64,
    /// The time since that beat was first received (`TOW_STATS_ORIGIN`; see `tow_stats_at`).
    pub origin_age_ns: u64,
    /// Calls whose time lay before an earlier one's.
    pub clamped: u64,
    /// Bytes taken as `TOW_INPUT_BYTES`.
    pub bytes_received: u64,
    /// Bytes consumed.
    pub bytes_sent: u64,
    /// Records received from the upstream.
    pub records_received: u64,
    /// Snapshots begun for replicas.
    pub full_syncs: u64,
    /// Replicas that went on from their own offset.
    pub partial_syncs: u64,
    /// Snapshots begun for a replica that had not caught up since another.
    pub snapshots_restarted: u64,
    /// Snapshots that went on after a cut.
    pub snapshots_resumed: u64,
    /// Times the ring overtook a replica.
    pub overruns: u64,
    /// Links that this node ended for a fault or a refusal.
    pub faults: u64,
}

// The ABI, as the compiler sees it. A change here is a change of TOW_ABI_VERSION, or a field at an end.
const _: () = {
    assert!(size_of::<tow_error>() == 128 && offset_of!(tow_error, text) == 16);
    assert!(size_of::<tow_config>() == 120 && offset_of!(tow_config, beat_ns) == 64);
    assert!(size_of::<tow_record>() == size_of::<FlatInput>() && align_of::<tow_record>() == 8);
    assert!(offset_of!(tow_record, a) == offset_of!(FlatInput, fields) && offset_of!(tow_record, g) == 56);
    assert!(size_of::<tow_completion>() == size_of::<FlatCompletion>());
    assert!(offset_of!(tow_completion, a) == offset_of!(FlatCompletion, fields));
    assert!(size_of::<tow_position>() == 24);
    assert!(size_of::<tow_place>() == 16 && offset_of!(tow_place, offset) == 8);
    assert!(size_of::<tow_step>() == size_of::<FlatStep>());
    assert!(offset_of!(tow_step, position) == offset_of!(FlatStep, epoch));
    assert!(offset_of!(tow_step, count) == offset_of!(FlatStep, count));
    assert!(offset_of!(tow_step, flags) == offset_of!(FlatStep, flags));
    assert!(size_of::<tow_slice>() == 2 * size_of::<usize>());
    assert!(size_of::<tow_stats>() == 216 && offset_of!(tow_stats, node) == 16);
    assert!(size_of::<tow_boot>() == 56 + 2 * size_of::<usize>() && offset_of!(tow_boot, cursor) == 56);
    assert!(TOW_RECORD_HEAD_BYTES == towline_core::limits::RECORD_HEAD_BYTES);
    assert!(TOW_RECORD_BYTES_MAX == towline_core::limits::RECORD_BYTES_MAX);
    assert!(TOW_CURSOR_BYTES_MAX == towline_core::limits::CURSOR_BYTES_MAX);
};

impl From<FlatEvent> for tow_record {
    fn from(event: FlatEvent) -> Self {
        let [a, b, c, d, e, f, g] = event.fields;
        Self { kind: event.kind, link: event.link, a, b, c, d, e, f, g }
    }
}

impl From<FlatCommand> for tow_record {
    fn from(command: FlatCommand) -> Self {
        let [a, b, c, d, e, f, g] = command.fields;
        Self { kind: command.kind, link: command.link, a, b, c, d, e, f, g }
    }
}
