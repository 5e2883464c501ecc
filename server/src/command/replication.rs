//! Replication for clients: ROLE, WAIT, WAITAOF, REPLICAOF, and Towline's own commands.
//!
//! Offsets are counted in records, where redis counts bytes. WAIT counts replicas that show the client's last write,
//! WAITAOF those on which it survives a power cut.

use towline_core::{Level, Replica, ReplicaState, Role};
use towline_kv::parse_i64;

use super::backend::{Outcome, Status};
use super::call::{Answer, Call, CommandError};
use super::reply;
use super::status::Report;
use towline_driver::UpstreamState;

/// Splits an address in its two parts.
pub(super) fn host_port(addr: &str) -> (String, String) {
    match addr.rsplit_once(':') {
        Some((host, port)) => (host.trim_matches(['[', ']']).to_owned(), port.to_owned()),
        None => (addr.to_owned(), "0".to_owned()),
    }
}

/// Returns the records that a replica has applied, or received if that is unknown.
pub(super) fn replica_offset(replica: &Replica) -> u64 {
    replica.acked.applied.or(replica.acked.received).map_or(0, |offset| offset.0)
}

/// Runs ROLE.
pub(super) fn role(call: &mut Call<'_>) -> Answer {
    let status = call.backend.status();
    match status.driver.stats.role {
        Role::Primary => role_primary(&status, call.out),
        Role::Replica => role_replica(&status, call.out),
    }
    Call::done()
}

fn role_primary(status: &Status, out: &mut Vec<u8>) {
    let here: Vec<_> =
        status.driver.replicas.iter().filter(|(replica, _)| replica.state != ReplicaState::Away).collect();
    reply::array(out, 3);
    reply::bulk(out, b"master");
    reply::integer(out, status.driver.stats.end.0);
    reply::array(out, here.len());
    for (replica, addr) in here {
        let (host, port) = host_port(addr.as_deref().unwrap_or_default());
        let offset = replica_offset(replica).to_string();
        reply::array(out, 3);
        for part in [host, port, offset] {
            reply::bulk(out, part.as_bytes());
        }
    }
}

fn role_replica(status: &Status, out: &mut Vec<u8>) {
    let (host, port) = host_port(status.driver.upstream_addr.as_deref().unwrap_or_default());
    let state = match status.driver.upstream {
        UpstreamState::None | UpstreamState::HistoryDiffers | UpstreamState::IdentityClash => "connect",
        UpstreamState::Connecting | UpstreamState::Waiting | UpstreamState::NoPrimary => "connecting",
        UpstreamState::Snapshot => "sync",
        UpstreamState::Streaming => "connected",
    };
    reply::array(out, 5);
    reply::bulk(out, b"slave");
    reply::bulk(out, host.as_bytes());
    reply::integer(out, port.parse::<i64>().unwrap_or(0));
    reply::bulk(out, state.as_bytes());
    reply::integer(out, status.driver.stats.applied.0);
}

/// Runs WAIT.
pub(super) fn wait(call: &mut Call<'_>) -> Answer {
    if call.backend.follows() {
        return Err(CommandError::Static("ERR WAIT cannot be used with replica instances."));
    }
    let asked = call.number(1)?;
    let timeout_ms = timeout(call.arg(2))?;
    let place = call.client.last_write;
    let reached = call.backend.reached(Level::Applied, place);
    // A write that left the history is on no replica, and never will be.
    if i64::from(reached) >= asked || !call.backend.holds(place) || call.in_transaction() {
        return call.integer(reached);
    }
    let replicas = u32::try_from(asked).unwrap_or(u32::MAX);
    Ok(Outcome::Wait { level: Level::Applied, place, replicas, timeout_ms, own: false })
}

/// Runs WAITAOF.
pub(super) fn waitaof(call: &mut Call<'_>) -> Answer {
    if call.backend.follows() {
        return Err(CommandError::Static("ERR WAITAOF cannot be used with replica instances."));
    }
    let own = match call.number(1)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::Static("ERR value is out of range, must be between 0 and 1")),
    };
    let replicas = u32::try_from(call.number(2)?);
    let replicas =
        replicas.map_err(|_| CommandError::Static("ERR value is out of range, must be positive"))?;
    let timeout_ms = timeout(call.arg(3))?;
    if own && call.backend.status().driver.persisted.is_none() {
        let text = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
        return Err(CommandError::Static(text));
    }
    let place = call.client.last_write;
    let (kept, reached) = (call.backend.keeps(place), call.backend.reached(Level::Persisted, place));
    let enough = (kept || !own) && reached >= replicas;
    // In a transaction it cannot wait: the answer is the state of now.
    if enough || !call.backend.holds(place) || call.in_transaction() {
        reply::array(call.out, 2);
        reply::integer(call.out, i64::from(kept));
        return call.integer(reached);
    }
    if own {
        call.backend.flush_soon();
    }
    Ok(Outcome::Wait { level: Level::Persisted, place, replicas, timeout_ms, own })
}

fn timeout(arg: &[u8]) -> Result<u64, CommandError> {
    let ms = parse_i64(arg).ok_or(CommandError::Static("ERR timeout is not an integer or out of range"))?;
    u64::try_from(ms).map_err(|_| CommandError::Static("ERR timeout is negative"))
}

/// Runs REPLICAOF and SLAVEOF.
pub(super) fn replicaof(call: &mut Call<'_>) -> Answer {
    let (host, port) = (call.arg(1), call.arg(2));
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        return Ok(Outcome::Promote);
    }
    let port = parse_i64(port).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(CommandError::Static("ERR Invalid master port"))?;
    let host =
        std::str::from_utf8(host).ok().filter(|host| !host.is_empty() && !host.contains(char::is_whitespace));
    let host = host.ok_or(CommandError::Static("ERR Invalid master host"))?;
    let bare_v6 = host.contains(':') && !host.starts_with('[');
    Ok(Outcome::Follow { addr: if bare_v6 { format!("[{host}]:{port}") } else { format!("{host}:{port}") } })
}

/// Runs TOWLINE DIGEST.
pub(super) fn digest(call: &mut Call<'_>) -> Answer {
    let digest = call.backend.store().digest();
    call.bulk(&digest.hex())
}

/// Runs TOWLINE STATUS.
pub(super) fn status(call: &mut Call<'_>) -> Answer {
    let report = Report::of(&call.backend.status(), call.backend.store());
    let text =
        serde_json::to_string(&report).map_err(|error| CommandError::Text(format!("ERR status: {error}")))?;
    call.bulk(text.as_bytes())
}

/// Runs TOWLINE REPLICATION.
pub(super) fn address(call: &mut Call<'_>) -> Answer {
    match call.backend.status().driver.replication_addr {
        Some(addr) => call.bulk(addr.as_bytes()),
        None => call.null(),
    }
}
