/*
 * towline.h: replication for any store.
 *
 * A node has no sockets, no clock and no threads: you hand it inputs (tow_handle), take its events (tow_poll_events),
 * and write the bytes that it offers (tow_peek_transmit, tow_consume). docs/embedding-c.md shows the loop;
 * towline_sugar.h makes the common calls one line; towline.hpp is the same for C++17.
 *
 * Made by `cargo xtask header` from the Rust sources. Do not edit.
 *
 * OWNERSHIP
 * 1. You own every buffer that you pass; the library reads it during the call only, and keeps nothing.
 * 2. The library never returns memory that you must free, but for nodes (tow_node_free) and receivers
 *    (tow_receiver_free).
 * 3. tow_step.range_start and range_len are a range of your own data, which lives as long as your buffer does.
 * 4. tow_peek_transmit lends slices and changes nothing; they are valid until the next call on that node that is not
 *    const.
 * 5. Strings that are returned are static; an error's text is copied into your struct.
 * 6. (NULL, 0) is an empty buffer; (NULL, n) is TOW_E_NULL.
 * 7. Kinds of events that you do not know are to be ignored; a struct_size larger than the library's is allowed if
 *    the rest of the struct is zero, else TOW_E_SIZE.
 *
 * THREADS
 * One thread at a time may call a node; hand it over to another as you would any other object. The same is true of a
 * receiver. Functions that take a node as const may run beside each other; different nodes share nothing. A call
 * beside one that has the node to itself is refused with TOW_E_REENTERED and changes nothing: a node never waits, and a
 * mistake is reported, not raced. Only freeing a node that is still called is a race that nothing can catch.
 *
 * FAILURES
 * A set-up that cannot work is TOW_E_CONFIG. Your mistake is TOW_E_MISUSE or TOW_E_RECORD, and nothing was changed. A
 * peer's mistake ends its own link, with TOW_EVENT_CLOSE. A bug in the library is TOW_E_PANIC, once; the node then
 * answers TOW_E_POISONED, and all others go on. A place for a result may be uninitialised; it is filled on TOW_OK.
 *
 * RACES
 * A link or a snapshot may end inside the node before you polled the event about it. A call about it in between
 * (opened, lost, dial failed, bytes, taken, snapshot ready, piece, failed; tow_consume) is then TOW_E_MISUSE, and no
 * mistake: ignore it, and go on with your turn.
 */

#ifndef TOWLINE_H
#define TOWLINE_H

#include <stddef.h>
#include <stdint.h>

/* The version of this header. tow_version() is the library's. */
#define TOW_VERSION "0.1.0"
#define TOW_VERSION_MAJOR 0
#define TOW_VERSION_MINOR 1
#define TOW_VERSION_PATCH 0

/* The ABI's number. A library whose `tow_abi_version` returns another one does not fit this header. */
#define TOW_ABI_VERSION 1

/* Nothing is due, ever. */
#define TOW_NO_DEADLINE 18446744073709551615ull

/* The longest cursor, in bytes. */
#define TOW_CURSOR_BYTES_MAX 568

/* The room for an error's text, its zero byte included. */
#define TOW_ERROR_TEXT_BYTES 112

/* The most slices that `tow_peek_transmit` returns. */
#define TOW_SLICES_MAX 3

/*
 * The head of each record in a payload of kind batch or spool: its length in the low 28 bits of a 32-bit number, low
 * byte first. The record's bytes follow. `tow_next_record` and `tow_walk` read it.
 */
#define TOW_RECORD_HEAD_BYTES 4

/* The longest record that a head can name. */
#define TOW_RECORD_BYTES_MAX 268435455

/* The spool has room: everything is said to be taken. So it is in the beginning. */
#define TOW_TAKING_ALL 0

/* The spool is full: pieces are still said to be taken, batches no more. The upstream then waits. */
#define TOW_TAKING_PIECES 1

/* Nothing is said: neither taken, nor applied, nor persisted. */
#define TOW_TAKING_NOTHING 2

/* A node that writes its history. */
#define TOW_PRIMARY 1

/* A node that follows an upstream. */
#define TOW_REPLICA 2

/* A peer dialled us: we feed it. */
#define TOW_DOWNSTREAM 0

/* We dialled it: it feeds us. */
#define TOW_UPSTREAM 1

/* Read until you hold `need` unread bytes. */
#define TOW_NEXT_NEED_BYTES 0

/* Drop `used` bytes and handle bytes again with the rest. */
#define TOW_NEXT_AGAIN 1

/* This link reads no more; `TOW_EVENT_CLOSE` follows. */
#define TOW_NEXT_CLOSED 2

/* The frame has nothing for the host. */
#define TOW_PAYLOAD_NONE 0

/* Records to apply; the cursor of `position` belongs in the same atomic step. Then report applied. */
#define TOW_PAYLOAD_BATCH 1

/*
 * Records beside a snapshot: keep them, apply those past it once it is installed. Then report taken. A payload that
 * does not begin where the one before ended belongs beside another snapshot: forget those before. None lies on both
 * sides of the snapshot's offset.
 */
#define TOW_PAYLOAD_SPOOL 2

/* The history parts from ours at `first`: see `tow_step.count`. */
#define TOW_PAYLOAD_FORK 3

/*
 * A snapshot begins: the payload is its cursor, `first` its offset. Forget spooled records that do not end at
 * `tow_stats.end` now.
 */
#define TOW_PAYLOAD_BEGIN 4

/* A piece of it; `first` is its number. Then report taken. */
#define TOW_PAYLOAD_PIECE 5

/* Its last piece. Install it, then report installed. */
#define TOW_PAYLOAD_LAST_PIECE 6

/* `tow_step.offset` is set. */
#define TOW_STEP_OFFSET 1

/* `tow_step.position` is set. */
#define TOW_STEP_POSITION 2

/* The state is complete, not waiting for a snapshot. */
#define TOW_STATS_BASE 1

/* The stream flows from the upstream. */
#define TOW_STATS_STREAMING 2

/* Joined to an upstream. */
#define TOW_STATS_UPSTREAM 4

/* A snapshot is under way to this node. */
#define TOW_STATS_RECEIVING 8

/* A beat of the root was received. */
#define TOW_STATS_ORIGIN 16

/* A replica's core has the bytes. */
#define TOW_RECEIVED 1

/* A replica's store shows the records. */
#define TOW_APPLIED 2

/* The records survive a power cut there. */
#define TOW_PERSISTED 3

/* Disconnected, remembered. */
#define TOW_REPLICA_AWAY 1

/* Joined; neither stream nor snapshot is possible now. */
#define TOW_REPLICA_WAITING 2

/* Receiving a snapshot, or installing it. */
#define TOW_REPLICA_SNAPSHOT 3

/* Receiving the stream. */
#define TOW_REPLICA_STREAMING 4

/* `tow_replica.link` and `taken_bytes` are set. */
#define TOW_REPLICA_CONNECTED 1

/* `tow_replica.unsent_bytes` and `untaken_bytes` are set. */
#define TOW_REPLICA_UNSENT 2

/* `tow_reached.offset` and `lag_records` are set. */
#define TOW_REACHED_OFFSET 1

/* `tow_reached.lag_bytes` is set. */
#define TOW_REACHED_BYTES 2

/* `tow_reached.lag_ns` is set. */
#define TOW_REACHED_AGE 4

/* A replication node. One owner at a time; see the rules for threads. */
typedef struct tow_node tow_node;

/*
 * The receiving side of a replica: what is applied, kept, loaded and said to the node, as commands. One owner at a
 * time; see the rules for threads.
 */
typedef struct tow_receiver tow_receiver;

/* 0 is success; below 0 is one of `TOW_E_*` (or `TOW_END`). Numbers never change. */
typedef int32_t tow_status;

/* The options of a node. Begin with `tow_config_init`, which fills in the defaults, then change what matters. */
typedef struct {
    /* Set by `tow_config_init`. */
    uint32_t struct_size;
    /*
     * A batch is sealed when its records reach so many bytes: 1 to `record_bytes_max`, and more counts as that.
     * Default 64 KiB.
     */
    uint32_t batch_bytes;
    /*
     * Bytes of the ring of finished frames: how far a replica may fall behind and still go on where it stood. 512 to
     * 2 GiB. Default 64 MiB.
     */
    uint64_t backlog_bytes;
    /*
     * Stream bytes that may be under way to this node untaken: 1 to half the ring less `record_bytes_max` and 76. 0
     * is the most of these. Default 0.
     */
    uint64_t window_bytes;
    /* Piece bytes of a snapshot that may be under way to this node untaken: 1 or more. Default 1 MiB. */
    uint64_t piece_window_bytes;
    /*
     * Bytes of the longest record: 1 to a quarter of the ring less 76, and below 256 MiB. 0 is the most of these. A
     * replica's is no less than its upstream's, or they do not join. Default 0.
     */
    uint32_t record_bytes_max;
    /*
     * Bytes of the longest snapshot piece: 1 to 64 MiB. A replica's is no less than its upstream's, or they do not
     * join. Default 256 KiB.
     */
    uint32_t piece_bytes_max;
    /*
     * Connections at the same time, both sides together: 1 to 65536. Link ids are the numbers below this and two
     * spare ones. Default 64.
     */
    uint32_t links_max;
    /* Replicas remembered, connected or not: 1 to 65536. Default 64. */
    uint32_t slots_max;
    /*
     * Replicas that receive a snapshot at the same time, while others wait: 1 to `links_max`, and more counts as
     * that. Default 4.
     */
    uint32_t ships_max;
    /* 1 if you can take your store back to an earlier boundary. With 0 a fork is answered by a snapshot. Default 0. */
    uint32_t can_rewind;
    /* 1 if you keep anything through a power cut. With 0 `persisted` is unknown to the upstream, never 0. Default 1. */
    uint32_t persists;
    /* Zero, for later versions. */
    uint32_t reserved;
    /* How often each side sends a beat, in nanoseconds: 1 ms or more. Default 500 ms. */
    uint64_t beat_ns;
    /*
     * Silence, or bytes on offer and none taken, for longer than so many nanoseconds ends a link: 3 beats or more.
     * Default 5 s.
     */
    uint64_t idle_ns;
    /* A handshake must be finished within so many nanoseconds: a beat or more. Default 5 s. */
    uint64_t handshake_ns;
    /* How long a goodbye may take to leave, in nanoseconds: 1 or more. Default 1 s. */
    uint64_t linger_ns;
    /*
     * A disconnected replica is forgotten after strictly more than so many nanoseconds: `idle_ns` or more. Default 1
     * h.
     */
    uint64_t reconnect_window_ns;
    /* The shortest pause before a redial, in nanoseconds; it doubles, with jitter. 1 ms or more. Default 50 ms. */
    uint64_t redial_min_ns;
    /* The longest pause before a redial, in nanoseconds: `redial_min_ns` or more. Default 5 s. */
    uint64_t redial_max_ns;
} tow_config;

/* The failure of a call. Filled by the library; the text is English and meant for a log. */
typedef struct {
    /* The status of the call that failed; `TOW_OK` if none did. */
    tow_status code;
    /* Zero, for later versions. */
    uint32_t reserved;
    /*
     * For `TOW_E_MISUSE` the misuse's number, for `TOW_E_CONFIG` the bound that was broken, for `TOW_E_CURSOR` the
     * length of the cursor; else 0.
     */
    uint64_t detail;
    /* The reason in words; ends with a zero byte. */
    char text[TOW_ERROR_TEXT_BYTES];
} tow_error;

/* One start of a node. Set it to zero, then `struct_size` to its size. */
typedef struct {
    /* The size of the struct, `sizeof(tow_boot)`. */
    uint32_t struct_size;
    /* `TOW_PRIMARY` or `TOW_REPLICA`. */
    uint32_t role;
    /* The node's name, the same at every start, and no other node's. 64 random bits, drawn once, will do. */
    uint64_t node;
    /* Fresh random bytes for every start (`getrandom`): all randomness of the node comes from here. */
    uint8_t seed[32];
    /* Unix time in nanoseconds when your clock said 0. */
    uint64_t unix_zero_ns;
    /* The cursor that you stored in the same atomic step as your data; NULL for an empty store. */
    const uint8_t *cursor;
    /* How many bytes the cursor has. */
    size_t cursor_len;
} tow_boot;

/* Nanoseconds since a zero that you chose, best on a monotonic clock. */
typedef uint64_t tow_time;

/* The kind of a record: `TOW_INPUT_*` or `TOW_EVENT_*`. An open set: ignore events you do not know. */
typedef uint32_t tow_kind;

/* One input, or one event: 64 bytes, no pointers. Fields that a kind does not name are zero. */
typedef struct {
    /* Which input or event this is. */
    tow_kind kind;
    /* The link it concerns, where it does. */
    uint32_t link;
    /* The kind's first field; see the kind. */
    uint64_t a;
    /* The kind's second field. */
    uint64_t b;
    /* The kind's third field. */
    uint64_t c;
    /* The kind's fourth field. */
    uint64_t d;
    /* The kind's fifth field. */
    uint64_t e;
    /* The kind's sixth field. */
    uint64_t f;
    /* The kind's seventh field; no kind has one yet. */
    uint64_t g;
} tow_record;

/* An input of a node: `TOW_INPUT_*`. */
typedef tow_record tow_input;

/* A boundary of the history, with the proof of what lies before it. `tow_cursor` makes the bytes to store. */
typedef struct {
    /* The newest epoch that holds a record before it: number in the high half, a random part in the low. */
    uint64_t epoch;
    /* How many records lie before it. */
    uint64_t boundary;
    /* The digest chained over every batch before it. */
    uint64_t digest;
} tow_position;

/* The answer to one input. */
typedef struct {
    /* Bytes taken from the front of your data. */
    uint64_t used;
    /* For `TOW_NEXT_NEED_BYTES`: how many unread bytes make the next step possible. */
    uint64_t need;
    /* For a write, the offset after its record; set if `flags` has `TOW_STEP_OFFSET`. */
    uint64_t offset;
    /* The payload's first record's offset, its piece's number, or the point of the fork. */
    uint64_t first;
    /* Where the payload begins in your data. */
    uint64_t range_start;
    /* How many bytes it has. */
    uint64_t range_len;
    /* The snapshot that begins, or that the piece belongs to. */
    uint64_t snapshot;
    /* The position after this step; set if `flags` has `TOW_STEP_POSITION`. Store its cursor with the data. */
    tow_position position;
    /* How many records the payload has; for `TOW_PAYLOAD_FORK` 1 to rewind, 0 if a snapshot follows. */
    uint32_t count;
    /* The payload's kind: `TOW_PAYLOAD_*`. */
    uint32_t kind;
    /* How to go on with the rest of the bytes: `TOW_NEXT_*`. */
    uint32_t next;
    /* `TOW_STEP_*`, added up. */
    uint32_t flags;
} tow_step;

/* Borrowed bytes: laid out like `struct iovec`. */
typedef struct {
    /* The first byte. */
    const uint8_t *ptr;
    /* How many bytes. */
    size_t len;
} tow_slice;

/* An event of a node: `TOW_EVENT_*`. */
typedef tow_record tow_event;

/* The statistics of a node. An unknown value has no flag, and is 0. */
typedef struct {
    /* How many bytes of this struct were filled. */
    uint32_t struct_size;
    /* `TOW_PRIMARY` or `TOW_REPLICA`. */
    uint32_t role;
    /* `TOW_STATS_*`, added up. */
    uint32_t flags;
    /* Zero, for later versions. */
    uint32_t reserved;
    /* The node's name. */
    uint64_t node;
    /* Its history, high half; both are zero before the first snapshot. */
    uint64_t history_high;
    /* Its history, low half. */
    uint64_t history_low;
    /* The newest epoch. */
    uint64_t epoch;
    /* The oldest offset in the ring. */
    uint64_t start;
    /* The offset after the newest record. */
    uint64_t end;
    /* Bytes of frames in the ring. */
    uint64_t backlog_used_bytes;
    /* Records applied. On a primary, written is applied. */
    uint64_t applied;
    /* Records persisted, as you reported them. */
    uint64_t persisted;
    /* The upstream's node (`TOW_STATS_UPSTREAM`). */
    uint64_t upstream;
    /* The history of the upstream that last welcomed us, high half. */
    uint64_t upstream_history_high;
    /* The same, low half. */
    uint64_t upstream_history_low;
    /* Pieces received of the snapshot under way (`TOW_STATS_RECEIVING`). */
    uint64_t pieces_received;
    /* The root's log end at its newest beat (`TOW_STATS_ORIGIN`). */
    uint64_t origin_end;
    /* The time since that beat was first received (`TOW_STATS_ORIGIN`; see `tow_stats_at`). */
    uint64_t origin_age_ns;
    /* Calls whose time lay before an earlier one's. */
    uint64_t clamped;
    /* Bytes taken as `TOW_INPUT_BYTES`. */
    uint64_t bytes_received;
    /* Bytes consumed. */
    uint64_t bytes_sent;
    /* Records received from the upstream. */
    uint64_t records_received;
    /* Snapshots begun for replicas. */
    uint64_t full_syncs;
    /* Replicas that went on from their own offset. */
    uint64_t partial_syncs;
    /* Snapshots begun for a replica that had not caught up since another. */
    uint64_t snapshots_restarted;
    /* Snapshots that went on after a cut. */
    uint64_t snapshots_resumed;
    /* Times the ring overtook a replica. */
    uint64_t overruns;
    /* Links that this node ended for a fault or a refusal. */
    uint64_t faults;
} tow_stats;

/*
 * One record of a history: the epoch it was written in, and the offset after it. An offset alone names a record of
 * every history that came so far. All zero lies before every record.
 */
typedef struct {
    /* The epoch of the record before the offset. */
    uint64_t epoch;
    /* The offset after it. */
    uint64_t offset;
} tow_place;

/* A replica's progress at one level, and its lag behind this node's end. An unknown value has no flag, and is 0. */
typedef struct {
    /* Records reached (`TOW_REACHED_OFFSET`). */
    uint64_t offset;
    /* Records not reached (`TOW_REACHED_OFFSET`). */
    uint64_t lag_records;
    /* Bytes of frames not reached (`TOW_REACHED_BYTES`): unknown once they left the ring. */
    uint64_t lag_bytes;
    /* Age of the oldest record not reached (`TOW_REACHED_AGE`): 0 if there is none, unknown once it left the ring. */
    uint64_t lag_ns;
    /* `TOW_REACHED_*`, added up. */
    uint32_t flags;
    /* Zero, for later versions. */
    uint32_t reserved;
} tow_reached;

/* One replica that a node remembers, connected or away. See `tow_replicas`. */
typedef struct {
    /* How many bytes of this struct were filled. */
    uint32_t struct_size;
    /* `TOW_REPLICA_CONNECTED` and `TOW_REPLICA_UNSENT`, added up. */
    uint32_t flags;
    /* Its name. */
    uint64_t node;
    /* Its link (`TOW_REPLICA_CONNECTED`). */
    uint32_t link;
    /* Its state: `TOW_REPLICA_AWAY`, `_WAITING`, `_SNAPSHOT` or `_STREAMING`. An open set. */
    uint32_t state;
    /* The records that its core has received. */
    tow_reached received;
    /* The records that its store shows. */
    tow_reached applied;
    /* The records that survive a power cut there; unknown for a replica that keeps nothing. */
    tow_reached persisted;
    /*
     * Bytes of the ring not yet offered to it (`TOW_REPLICA_UNSENT`: while a stream flows). When this nears the
     * backlog, the ring is about to overtake it.
     */
    uint64_t unsent_bytes;
    /*
     * Bytes of the log that its host has not taken (`TOW_REPLICA_UNSENT`): those not yet offered to it and those under
     * way. A replica that keeps taking them keeps its stream, however many there are.
     */
    uint64_t untaken_bytes;
    /*
     * Bytes of stream and snapshot that its host has taken since it joined on this link (`TOW_REPLICA_CONNECTED`). Two
     * looks at this number tell whether it makes progress.
     */
    uint64_t taken_bytes;
} tow_replica;

/* A thing that a receiver says is to be done: `TOW_COMMAND_*`, or an input to say to the node. */
typedef tow_record tow_command;

/* A thing that you say to a receiver: `TOW_DONE_*`. */
typedef tow_record tow_completion;

/* The call succeeded. */
#define TOW_OK 0

/* A pointer is NULL or not aligned for its type. */
#define TOW_E_NULL -1

/*
 * A size is wrong: a `struct_size` that is too small, or larger with non-zero bytes in the part that this version does
 * not know; or a buffer that is too short, whose length out-parameter then has the needed length.
 */
#define TOW_E_SIZE -2

/* The configuration or the boot cannot work; the error's text names the option. */
#define TOW_E_CONFIG -3

/*
 * A mistake of the host: nothing was changed. `tow_node_error` has its number (`detail`, listed in
 * docs/protocol.md) and its text.
 */
#define TOW_E_MISUSE -4

/* The node is in use by another call. */
#define TOW_E_REENTERED -5

/* An earlier call on this node panicked: only `tow_node_error` and `tow_node_free` are left to it. */
#define TOW_E_POISONED -6

/* There is not as much memory as the node needs (see `tow_config_check`). */
#define TOW_E_NOMEM -7

/*
 * The record is no input, no completion or no step: its kind is unknown, a flag is neither 0 nor 1, or a field it does
 * not name is not zero.
 */
#define TOW_E_RECORD -8

/* There is nothing more to walk. Not an error. */
#define TOW_END -9

/* The boot's cursor cannot be read: it is damaged, cut short, or of another version. */
#define TOW_E_CURSOR -10

/* A step came before `tow_receiver_poll` returned `TOW_END` for the one before. */
#define TOW_E_UNPOLLED -11

/*
 * A payload that cannot follow the one before, or an answer that cannot follow the steps: a step was left out, or
 * given twice.
 */
#define TOW_E_ORDER -12

/* A completion of something that the receiver did not ask for. */
#define TOW_E_NOT_ASKED -13

/* The store failed before (`TOW_DONE_FAILED`): start again, with a new node and a new receiver, from its cursor. */
#define TOW_E_FAILED -14

/* A bug in the library, caught. The node is poisoned; `tow_node_error` has the panic's message. */
#define TOW_E_PANIC -99

/* Time passed; give it at `tow_next_deadline`. */
#define TOW_INPUT_TICK 1

/* A connection is open. `link`: your number for it, free until now; `a`: `TOW_DOWNSTREAM` or `TOW_UPSTREAM`. */
#define TOW_INPUT_OPENED 2

/* A connection is gone; its id is free at once. `link`. */
#define TOW_INPUT_LOST 3

/* The connection that `TOW_EVENT_DIAL` asked for could not be made. */
#define TOW_INPUT_DIAL_FAILED 4

/* Bytes came: data is everything unread on `link`, and may be empty. At most one frame is taken. */
#define TOW_INPUT_BYTES 5

/* Data is a record to append, atomic, opaque to the core. The answer is `tow_step.offset`. */
#define TOW_INPUT_WRITE 6

/* Seal the written records. The answer is `tow_step.position`, to be stored with the data. */
#define TOW_INPUT_FLUSH 7

/*
 * Replica: taken over (queued, spooled or stored) are records before `a`, and the first `b` pieces of the snapshot
 * under way (0 if none is). Less than an earlier report changes nothing.
 */
#define TOW_INPUT_TAKEN 8

/* Replica: records before `a` are applied. Implies taken. */
#define TOW_INPUT_APPLIED 9

/* Records before `a` survive a power cut. Implies applied. */
#define TOW_INPUT_PERSISTED 10

/* The view `a` is open, exactly at the cursor in data; it has `b` bytes, or `UINT64_MAX`: unknown. */
#define TOW_INPUT_SNAPSHOT_READY 11

/* Data is piece `b` of view `a`; `c` is 1 if it is the last. The same number always holds the same bytes. */
#define TOW_INPUT_SNAPSHOT_PIECE 12

/* The view `a` could not be opened, or broke; `b` is 1 if asking again makes sense. */
#define TOW_INPUT_SNAPSHOT_FAILED 13

/*
 * Replica: the snapshot `a` replaced the old state, atomically, and nothing older is under way. Of the spooled records
 * past it, apply those before the boundary of the answer's `tow_step.position`; forget the rest.
 */
#define TOW_INPUT_INSTALLED 14

/*
 * Replica: the store is at the offset of the last fork, and nothing older is under way: records handed out before it
 * are applied, those past it are undone. The answer is `tow_step.position`.
 */
#define TOW_INPUT_REWOUND 15

/* Become primary: cut the upstream, open an epoch at the log's end. */
#define TOW_INPUT_PROMOTE 16

/* Follow (another) upstream; `a` is 1 to accept another history, whose snapshot will replace ours. */
#define TOW_INPUT_FOLLOW 17

/*
 * Say goodbye on every link; every link ends with `TOW_EVENT_CLOSE`, and nothing new begins. Ending without it is
 * allowed too: peers take it for a lost connection.
 */
#define TOW_INPUT_SHUTDOWN 18

/* Connect to the upstream, then report opened or dial failed. `a`: dials before it without progress. */
#define TOW_EVENT_DIAL 257

/* A peer was admitted, or admitted us. `link`; `a`: the peer's node; `b`: the offset where the stream goes on. */
#define TOW_EVENT_JOINED 258

/*
 * Close this connection; its id is free. `link`; `a`: the fault's number, for `tow_status_name`; `b`: 1 if the peer
 * ended it; `c`: how long the peer was, or we were, asked to stay away, in nanoseconds.
 */
#define TOW_EVENT_CLOSE 259

/* A link has bytes to write where it had none: peek, write, consume until there are no more. `link`. */
#define TOW_EVENT_WANTS_WRITE 260

/*
 * Open a view of your store (a primary flushes first) and report snapshot ready. `a`: its name; `b`: the view must be
 * at this offset or later.
 */
#define TOW_EVENT_SNAPSHOT_WANTED 261

/* Read a piece and hand it over as snapshot piece. `a`: the view; `b`: the piece's number. */
#define TOW_EVENT_SNAPSHOT_READ 262

/* Nobody needs the view `a` any more: free it. */
#define TOW_EVENT_SNAPSHOT_DONE 263

/*
 * Replica: everything that its upstream had at the last beat has been received, and no snapshot is missing. Once for
 * each time that it joins; it may not be applied yet.
 */
#define TOW_EVENT_CAUGHT_UP 264

/* A replica of ours acknowledged more. `a`: its node; `b`: received; `c`: applied; `d`: persisted. */
#define TOW_EVENT_ACKED 265

/* A replica was away too long and is forgotten. `a`: its node; `b`: how many records it lacked. */
#define TOW_EVENT_SLOT_EXPIRED 266

/* The role of this node from now on. `a`: `TOW_PRIMARY` or `TOW_REPLICA`; `b`: the newest epoch; `c`: the log's end. */
#define TOW_EVENT_ROLE 267

/* Another node was promoted with epoch number `a`: promote opens a higher one, follow gives way. */
#define TOW_EVENT_OUTRANKED 268

/*
 * Put this batch at the end of your spool, with the cursor of its position. `a`, `b`: where its records begin in the
 * data of the last input, and how many bytes they have; `c`: the offset of the first; `d`, `e`, `f`: the position
 * after it (`tow_command_position`).
 */
#define TOW_COMMAND_KEEP 513

/*
 * Apply this batch and store the cursor of its position, in one atomic step; then say `TOW_DONE_APPLIED`. Fields as
 * for `TOW_COMMAND_KEEP`.
 */
#define TOW_COMMAND_APPLY 514

/* The same with the oldest batch of the spool, which you take out of it. `c`: the offset of its first record. */
#define TOW_COMMAND_APPLY_SPOOLED 515

/*
 * Do this batch on the snapshot that is loading; then say `TOW_DONE_TAILED`. Fields as for `TOW_COMMAND_KEEP`. Only
 * for a receiver that was made with `loads_tail`.
 */
#define TOW_COMMAND_LOAD_TAIL 516

/*
 * The same with the oldest batch of the spool, which stays there if it cannot be done. `c`: the offset of its first
 * record.
 */
#define TOW_COMMAND_LOAD_TAIL_SPOOLED 517

/* Forget the batches of the spool that end at or before `c`; all of them if that is `UINT64_MAX`. */
#define TOW_COMMAND_DROP_SPOOLED 518

/* Nothing is to be done: your records from `c` on left the history, and a snapshot follows. */
#define TOW_COMMAND_FORKED 519

/*
 * Begin to load a snapshot beside your state; one that was loading before is of no use any more. `a`, `b`: its cursor,
 * in the data of the last input; `c`: its offset; `d`: its name.
 */
#define TOW_COMMAND_BEGIN 520

/*
 * Load a piece of it; then say `TOW_DONE_LOADED`. `a`, `b`: the piece, in the data of the last input; `c`: its number;
 * `d`: 1 if it is the last.
 */
#define TOW_COMMAND_LOAD 521

/*
 * Put the loaded snapshot and its cursor in the place of your state, in one step, with nothing older under way; then
 * say `TOW_DONE_INSTALLED`. `c`: its offset; `d`: its name.
 */
#define TOW_COMMAND_INSTALL 522

/*
 * Undo what lies past this position and store its cursor in the same step, with nothing older under way; then say
 * `TOW_DONE_REWOUND`. `d`, `e`, `f`: the position. Only for a node that was made with `can_rewind`.
 */
#define TOW_COMMAND_REWIND 523

/*
 * The node's answer to an input that a command was. `a`: 1 if it took it, and `d`, `e`, `f` are the position of its
 * step; 0 if it refused (`TOW_E_MISUSE`), and nothing else is set.
 */
#define TOW_DONE_ANSWERED 769

/* The batch that was to be applied is, and ends at `a`. */
#define TOW_DONE_APPLIED 770

/* Records before `a` survive a power cut, in the state that stands now. */
#define TOW_DONE_PERSISTED 771

/* The batch that ends at `a` is done on the loading snapshot (`b` is 1), or could not be and waits (0). */
#define TOW_DONE_TAILED 772

/* The first `a` pieces of the snapshot are loaded. */
#define TOW_DONE_LOADED 773

/* The snapshot stands in the place of the state before. */
#define TOW_DONE_INSTALLED 774

/* The store stands where it was to go back to. */
#define TOW_DONE_REWOUND 775

/* The store cannot go on: nothing is asked of it any more, and nothing said to the node. */
#define TOW_DONE_FAILED 776

/*
 * No completion, but how much the node is told from now on. `a`: `TOW_TAKING_*`. Say it whenever your spool fills or
 * empties.
 */
#define TOW_DONE_TAKING 777

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* Returns the ABI's number of the library; compare it with `TOW_ABI_VERSION`. */
uint32_t tow_abi_version(void);

/* Returns the library's version, "MAJOR.MINOR.PATCH". Static. */
const char *tow_version(void);

/*
 * Returns a status in words; for a number above 0, the fault of that number (`TOW_EVENT_CLOSE` has one). Static, never
 * NULL.
 */
const char *tow_status_name(tow_status status);

/* Fills in the default options. `size` is `sizeof(tow_config)`. */
tow_status tow_config_init(tow_config *config, size_t size);

/*
 * Checks the options, and computes how many bytes a node with them allocates: all in `tow_node_new`, none after.
 * `memory_bytes` and `error` may be NULL.
 */
tow_status tow_config_check(const tow_config *config,
                            uint64_t *memory_bytes,
                            tow_error *error);

/*
 * Makes a node. A primary opens an epoch; a replica will ask to dial. `error` may be NULL; `*out` is NULL if this
 * fails.
 */
tow_status tow_node_new(const tow_config *config,
                        const tow_boot *boot,
                        tow_node **out,
                        tow_error *error);

/* Frees a node. NULL is allowed; a node that another call is using is not freed. */
void tow_node_free(tow_node *node);

/*
 * Handles one input. `data`, `len`: the bytes that belong to the input, if any do; for `TOW_INPUT_BYTES` everything
 * unread on the link. The answer is in `step`, which is written only on `TOW_OK`.
 */
tow_status tow_handle(tow_node *node,
                      tow_time now,
                      const tow_input *input,
                      const uint8_t *data,
                      size_t len,
                      tow_step *step);

/*
 * Appends records one after the other, as if each were `TOW_INPUT_WRITE`, in one call: all that a turn of your loop
 * wrote. `*offset` is the offset after the last of them. All are written, or on any refusal none.
 */
tow_status tow_write_all(tow_node *node,
                         tow_time now,
                         const tow_slice *records,
                         size_t count,
                         uint64_t *offset);

/* Takes up to `cap` events. `*count` says how many were written; fewer than `cap` means that there are no more. */
tow_status tow_poll_events(tow_node *node, tow_event *events, size_t cap, size_t *count);

/*
 * Returns the bytes to write on a link, in order: up to `TOW_SLICES_MAX` slices, none of them empty. Changes nothing;
 * they are lent until the next call on this node that is not `const`. A link that is not open has none.
 */
tow_status tow_peek_transmit(const tow_node *node,
                             uint32_t link,
                             tow_slice *slices,
                             size_t *count);

/*
 * Consumes so many of the bytes that the last peek returned, which were written; an empty peek is consumed with 0.
 * `*more` is 1: peek again; 0: wait for the next `TOW_EVENT_WANTS_WRITE`.
 */
tow_status tow_consume(tow_node *node,
                       tow_time now,
                       uint32_t link,
                       size_t written,
                       uint32_t *more);

/*
 * Returns the latest time for `TOW_INPUT_TICK`: now while an event waits to be polled, `TOW_NO_DEADLINE` if nothing is
 * ever due, or for a NULL, poisoned or busy node.
 */
tow_time tow_next_deadline(const tow_node *node);

/*
 * Returns the next record of a payload of kind batch or spool. `*pos` begins at 0 and is moved on; the record is a
 * slice of your own bytes. `TOW_END` when there is none.
 */
tow_status tow_next_record(const uint8_t *payload,
                           size_t len,
                           size_t *pos,
                           tow_slice *record);

/*
 * Returns the cursor of a position that this node gave out: the bytes to store with the data in one atomic step.
 * `*len` is their number, also when `cap` is less (`TOW_E_SIZE`); `TOW_CURSOR_BYTES_MAX` is always enough.
 */
tow_status tow_cursor(const tow_node *node,
                      const tow_position *position,
                      uint8_t *buf,
                      size_t cap,
                      size_t *len);

/*
 * Fills in the node's statistics. `size` is `sizeof(tow_stats)`. Ages are those of the last call that brought the
 * time: use `tow_stats_at` for exact ones.
 */
tow_status tow_stats_get(const tow_node *node,
                         tow_stats *stats,
                         size_t size);

/* Fills in the same, with ages that count to `now`: time also passes between two turns of your loop. */
tow_status tow_stats_at(const tow_node *node, tow_time now, tow_stats *stats, size_t size);

/*
 * Returns the offset that at least `n` connected replicas have reached at `level` (`TOW_RECEIVED`, `TOW_APPLIED`,
 * `TOW_PERSISTED`); with `n` 0 the log's end. A write waits for this offset, as long as `tow_holds` is true for the
 * write.
 */
tow_status tow_acked(const tow_node *node,
                     uint32_t level,
                     uint32_t n,
                     uint64_t *offset);

/*
 * Returns the place of the record before `offset`: remember it for a write whose answer is pending. `TOW_END` beyond
 * the log's end, and for a record older than the epochs that the node remembers.
 */
tow_status tow_place_of(const tow_node *node,
                        uint64_t offset,
                        tow_place *place);

/*
 * Sets `*held` to 1 if this node's history still holds a record, else to 0. Ask it before you count an
 * acknowledgement, a wait or a save for a record of an earlier turn: after a fork, or under another history, the same
 * offset is another record. For a record older than the epochs that the node remembers the answer is 0: it is not
 * known.
 */
tow_status tow_holds(const tow_node *node,
                     const tow_place *place,
                     uint32_t *held);

/* Returns the last refusal of a call on this node that was not `const`; or the panic that poisoned it. */
tow_status tow_node_error(const tow_node *node, tow_error *error);

/*
 * Checks every invariant of the node: for tests and bug reports. `TOW_E_PANIC` names in `error` the one that does not
 * hold, and the node is poisoned. `error` may be NULL.
 */
tow_status tow_node_check(const tow_node *node,
                          tow_error *error);

/*
 * Lists the replicas that this node remembers, connected or away, with their lag at `now`. Each is written in `size`
 * bytes (`sizeof(tow_replica)`), `cap` of them at most. `*count` is how many there are, also when `cap` is less: never
 * more than `slots_max`.
 */
tow_status tow_replicas(const tow_node *node,
                        tow_time now,
                        tow_replica *replicas,
                        size_t size,
                        size_t cap,
                        size_t *count);

/*
 * Makes a receiver, for a node that has just been made and a spool that is empty. `loads_tail` is 1 if your store can
 * do batches on a snapshot that is still loading (`TOW_COMMAND_LOAD_TAIL`), else 0.
 */
tow_status tow_receiver_new(uint32_t loads_tail,
                            tow_receiver **out);

/* Frees a receiver. NULL is well; one that another call is using is left alone. */
void tow_receiver_free(tow_receiver *receiver);

/*
 * Takes in the step that a `TOW_INPUT_BYTES` of the upstream's link was answered with, one after the other, those
 * without a payload too. `ready` is 1 if your store could apply a batch now, 0 if it is busy. Then do what
 * `tow_receiver_poll` returns, before the next step: its ranges are of that input's data.
 */
tow_status tow_receiver_receive(tow_receiver *receiver,
                                const tow_node *node,
                                const tow_step *step,
                                uint32_t ready);

/*
 * Returns the next thing to do before the next step; `TOW_END` when there is none. `command` is written on `TOW_OK`.
 * One whose kind is below `TOW_COMMAND_KEEP` is an input: say it to the node as it is, and complete it with
 * `TOW_DONE_ANSWERED` (`tow_receiver_say` does both).
 */
tow_status tow_receiver_poll(tow_receiver *receiver,
                             tow_command *command);

/*
 * Returns the next thing to do when there is time: an install, or one batch of the spool. `TOW_END` when nothing
 * waits, or the store has not completed what it was told before. Poll again after it.
 */
tow_status tow_receiver_work(tow_receiver *receiver,
                             tow_command *command);

/* Says that something is done, or how much may be taken: `TOW_DONE_*`. Then poll again. */
tow_status tow_receiver_complete(tow_receiver *receiver, const tow_completion *completion);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/*
 * Returns the next record of a payload, like tow_next_record, but inline. It does not check alignment, which your
 * compiler knows.
 */
static inline tow_status tow_walk(const uint8_t *payload, size_t len, size_t *pos, tow_slice *record) {
    const uint8_t *head;
    uint32_t length;
    size_t rest;
    if (pos == NULL || record == NULL || (payload == NULL && len > 0)) {
        return TOW_E_NULL;
    }
    if (*pos > len) {
        return TOW_E_SIZE;
    }
    rest = len - *pos;
    if (rest < TOW_RECORD_HEAD_BYTES) {
        return TOW_END;
    }
    head = payload + *pos;
    length = (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
    length &= TOW_RECORD_BYTES_MAX;
    if (length > rest - TOW_RECORD_HEAD_BYTES) {
        return TOW_END;
    }
    record->ptr = head + TOW_RECORD_HEAD_BYTES;
    record->len = length;
    *pos += TOW_RECORD_HEAD_BYTES + length;
    return TOW_OK;
}

/*
 * The fields of an event under their names. Look at the kind first: each of these reads an event of one kind.
 *
 *     case TOW_EVENT_CLOSE:
 *         fprintf(stderr, "closed: %s\n", tow_status_name(tow_as_close(event).fault));
 */

/* A `TOW_EVENT_DIAL`. */
typedef struct {
    /* Dials before it without progress. */
    uint64_t attempt;
} tow_event_dial;

/* The fields of a `TOW_EVENT_DIAL`. */
static inline tow_event_dial tow_as_dial(const tow_event *event) {
    tow_event_dial fields;
    fields.attempt = event->a;
    return fields;
}

/* A `TOW_EVENT_JOINED`. */
typedef struct {
    /* The link it is joined on. */
    uint32_t link;
    /* The peer's node. */
    uint64_t node;
    /* The offset where the stream goes on. */
    uint64_t from;
} tow_event_joined;

/* The fields of a `TOW_EVENT_JOINED`. */
static inline tow_event_joined tow_as_joined(const tow_event *event) {
    tow_event_joined fields;
    fields.link = event->link;
    fields.node = event->a;
    fields.from = event->b;
    return fields;
}

/* A `TOW_EVENT_CLOSE`. */
typedef struct {
    /* The link to close. */
    uint32_t link;
    /* The fault, for `tow_status_name`. */
    tow_status fault;
    /* 1 if the peer ended it. */
    uint32_t by_peer;
    /* How long the peer was, or we were, asked to stay away. */
    uint64_t retry_after_ns;
} tow_event_close;

/* The fields of a `TOW_EVENT_CLOSE`. */
static inline tow_event_close tow_as_close(const tow_event *event) {
    tow_event_close fields;
    fields.link = event->link;
    fields.fault = (tow_status)event->a;
    fields.by_peer = (uint32_t)event->b;
    fields.retry_after_ns = event->c;
    return fields;
}

/* A `TOW_EVENT_WANTS_WRITE`. */
typedef struct {
    /* The link that has bytes to write. */
    uint32_t link;
} tow_event_wants_write;

/* The fields of a `TOW_EVENT_WANTS_WRITE`. */
static inline tow_event_wants_write tow_as_wants_write(const tow_event *event) {
    tow_event_wants_write fields;
    fields.link = event->link;
    return fields;
}

/* A `TOW_EVENT_SNAPSHOT_WANTED`. */
typedef struct {
    /* The name of the view to open. */
    uint64_t snapshot;
    /* The view must be at this offset or later. */
    uint64_t from;
} tow_event_snapshot_wanted;

/* The fields of a `TOW_EVENT_SNAPSHOT_WANTED`. */
static inline tow_event_snapshot_wanted tow_as_snapshot_wanted(const tow_event *event) {
    tow_event_snapshot_wanted fields;
    fields.snapshot = event->a;
    fields.from = event->b;
    return fields;
}

/* A `TOW_EVENT_SNAPSHOT_READ`. */
typedef struct {
    /* The view to read from. */
    uint64_t snapshot;
    /* The piece to read. */
    uint64_t piece;
} tow_event_snapshot_read;

/* The fields of a `TOW_EVENT_SNAPSHOT_READ`. */
static inline tow_event_snapshot_read tow_as_snapshot_read(const tow_event *event) {
    tow_event_snapshot_read fields;
    fields.snapshot = event->a;
    fields.piece = event->b;
    return fields;
}

/* A `TOW_EVENT_SNAPSHOT_DONE`. */
typedef struct {
    /* The view to free. */
    uint64_t snapshot;
} tow_event_snapshot_done;

/* The fields of a `TOW_EVENT_SNAPSHOT_DONE`. */
static inline tow_event_snapshot_done tow_as_snapshot_done(const tow_event *event) {
    tow_event_snapshot_done fields;
    fields.snapshot = event->a;
    return fields;
}

/* A `TOW_EVENT_ACKED`. */
typedef struct {
    /* The replica's node. */
    uint64_t node;
    /* Records its core has. */
    uint64_t received;
    /* Records its store shows. */
    uint64_t applied;
    /* Records that survive a power cut there. */
    uint64_t persisted;
} tow_event_acked;

/* The fields of a `TOW_EVENT_ACKED`. */
static inline tow_event_acked tow_as_acked(const tow_event *event) {
    tow_event_acked fields;
    fields.node = event->a;
    fields.received = event->b;
    fields.applied = event->c;
    fields.persisted = event->d;
    return fields;
}

/* A `TOW_EVENT_SLOT_EXPIRED`. */
typedef struct {
    /* The replica's node. */
    uint64_t node;
    /* How many records it lacked. */
    uint64_t lag_records;
} tow_event_slot_expired;

/* The fields of a `TOW_EVENT_SLOT_EXPIRED`. */
static inline tow_event_slot_expired tow_as_slot_expired(const tow_event *event) {
    tow_event_slot_expired fields;
    fields.node = event->a;
    fields.lag_records = event->b;
    return fields;
}

/* A `TOW_EVENT_ROLE`. */
typedef struct {
    /* `TOW_PRIMARY` or `TOW_REPLICA`. */
    uint32_t role;
    /* The newest epoch. */
    uint64_t epoch;
    /* The log's end. */
    uint64_t end;
} tow_event_role;

/* The fields of a `TOW_EVENT_ROLE`. */
static inline tow_event_role tow_as_role(const tow_event *event) {
    tow_event_role fields;
    fields.role = (uint32_t)event->a;
    fields.epoch = event->b;
    fields.end = event->c;
    return fields;
}

/* A `TOW_EVENT_OUTRANKED`. */
typedef struct {
    /* The other node's epoch number. */
    uint64_t number;
} tow_event_outranked;

/* The fields of a `TOW_EVENT_OUTRANKED`. */
static inline tow_event_outranked tow_as_outranked(const tow_event *event) {
    tow_event_outranked fields;
    fields.number = event->a;
    return fields;
}

#endif  /* TOWLINE_H */
