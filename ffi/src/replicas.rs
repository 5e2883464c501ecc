//! The replicas that a node feeds or remembers: their states, and the lag of each.

use std::mem::offset_of;

use towline_core::{Lag, Offset, Replica, ReplicaState, Stages, Time};

use crate::border::{Out, Sized32, status_of, write_sized};
use crate::kinds::{
    TOW_REACHED_AGE, TOW_REACHED_BYTES, TOW_REACHED_OFFSET, TOW_REPLICA_AWAY, TOW_REPLICA_CONNECTED,
    TOW_REPLICA_SNAPSHOT, TOW_REPLICA_STREAMING, TOW_REPLICA_UNSENT, TOW_REPLICA_WAITING,
};
use crate::node::{Content, shared, tow_node};
use crate::status::{Refusal, TOW_E_SIZE, tow_status};
use crate::types::tow_time;

/// A replica's progress at one level, and its lag behind this node's end. An unknown value has no flag, and is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct tow_reached {
    /// Records reached (`TOW_REACHED_OFFSET`).
    pub offset: u64,
    /// Records not reached (`TOW_REACHED_OFFSET`).
    pub lag_records: u64,
    /// Bytes of frames not reached (`TOW_REACHED_BYTES`): unknown once they left the ring.
    pub lag_bytes: u64,
    /// Age of the oldest record not reached (`TOW_REACHED_AGE`): 0 if there is none, unknown once it left the ring.
    pub lag_ns: u64,
    /// `TOW_REACHED_*`, added up.
    pub flags: u32,
    /// Zero, for later versions.
    pub reserved: u32,
}

/// One replica that a node remembers, connected or away. See `tow_replicas`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct tow_replica {
    /// How many bytes of this struct were filled.
    pub struct_size: u32,
    /// `TOW_REPLICA_CONNECTED` and `TOW_REPLICA_UNSENT`, added up.
    pub flags: u32,
    /// Its name.
    pub node: u64,
    /// Its link (`TOW_REPLICA_CONNECTED`).
    pub link: u32,
    /// Its state: `TOW_REPLICA_AWAY`, `_WAITING`, `_SNAPSHOT` or `_STREAMING`. An open set.
    pub state: u32,
    /// The records that its core has received.
    pub received: tow_reached,
    /// The records that its store shows.
    pub applied: tow_reached,
    /// The records that survive a power cut there; unknown for a replica that keeps nothing.
    pub persisted: tow_reached,
    /// Bytes of the ring not yet offered to it (`TOW_REPLICA_UNSENT`: while a stream flows). When this nears the
    /// backlog, the ring is about to overtake it.
    pub unsent_bytes: u64,
    /// Bytes of the log that its host has not taken (`TOW_REPLICA_UNSENT`): those not yet offered to it and those under
    /// way. A replica that keeps taking them keeps its stream, however many there are.
    pub untaken_bytes: u64,
    /// Bytes of stream and snapshot that its host has taken since it joined on this link (`TOW_REPLICA_CONNECTED`). Two
    /// looks at this number tell whether it makes progress.
    pub taken_bytes: u64,
}

const _: () = {
    assert!(size_of::<tow_reached>() == 40 && offset_of!(tow_reached, flags) == 32);
    assert!(size_of::<tow_replica>() == 168 && offset_of!(tow_replica, received) == 24);
    assert!(align_of::<tow_replica>() == 8);
};

// SAFETY: `repr(C)`, integers only, and the first field is `struct_size`: what the trait asks for.
unsafe impl Sized32 for tow_replica {
    const BYTES_MIN: usize = 168;
}

/// Lists the replicas that this node remembers, connected or away, with their lag at `now`. Each is written in `size`
/// bytes (`sizeof(tow_replica)`), `cap` of them at most. `*count` is how many there are, also when `cap` is less: never
/// more than `slots_max`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_replicas(
    node: *const tow_node,
    now: tow_time,
    replicas: *mut tow_replica,
    size: usize,
    cap: usize,
    count: *mut usize,
) -> tow_status {
    let work = |content: &Content| {
        // SAFETY: `count` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let count = unsafe { Out::new(count) }?;
        let room = size.checked_mul(cap).is_some_and(|bytes| isize::try_from(bytes).is_ok());
        if !size.is_multiple_of(align_of::<tow_replica>()) || !room {
            return Err(Refusal::Status(TOW_E_SIZE));
        }
        let mut found = 0;
        for replica in content.node.replicas_at(Time(now)) {
            if found < cap {
                let place = replicas.wrapping_byte_add(found * size);
                // SAFETY: the caller says that `cap` places of `size` bytes are there (or NULL, which is refused), and
                // this one is below `cap`.
                unsafe { write_sized(place, size, &from_replica(&replica)) }?;
            }
            found += 1;
        }
        count.write(found);
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed.
    status_of(unsafe { shared(node, false, work) })
}

fn from_replica(replica: &Replica) -> tow_replica {
    let state = match replica.state {
        ReplicaState::Away => TOW_REPLICA_AWAY,
        ReplicaState::Waiting => TOW_REPLICA_WAITING,
        ReplicaState::Snapshot => TOW_REPLICA_SNAPSHOT,
        ReplicaState::Streaming => TOW_REPLICA_STREAMING,
    };
    let Stages { received, applied, persisted } =
        Stages::of(|level| from_lag(replica.acked[level], replica.lag[level]));
    let connected = replica.link.map_or(0, |_| TOW_REPLICA_CONNECTED);
    let unsent = replica.unsent_bytes.map_or(0, |_| TOW_REPLICA_UNSENT);
    tow_replica {
        struct_size: 168,
        flags: connected | unsent,
        node: replica.node.0,
        link: replica.link.map_or(0, |link| link.0),
        state,
        received,
        applied,
        persisted,
        unsent_bytes: replica.unsent_bytes.unwrap_or(0),
        untaken_bytes: replica.untaken_bytes.unwrap_or(0),
        taken_bytes: replica.taken_bytes.unwrap_or(0),
    }
}

fn from_lag(offset: Option<Offset>, lag: Option<Lag>) -> tow_reached {
    let (Some(offset), Some(lag)) = (offset, lag) else { return tow_reached::default() };
    let bytes = lag.bytes.map_or(0, |_| TOW_REACHED_BYTES);
    let age = lag.age.map_or(0, |_| TOW_REACHED_AGE);
    tow_reached {
        offset: offset.0,
        lag_records: lag.records,
        lag_bytes: lag.bytes.unwrap_or(0),
        lag_ns: lag.age.map_or(0, |age| age.0),
        flags: TOW_REACHED_OFFSET | bytes | age,
        reserved: 0,
    }
}
