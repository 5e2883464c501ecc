//! Clients that wait until replicas hold their write (`WAIT`, `WAITAOF`), and what every store truly holds then: A1,
//! A2.
//!
//! A client that waits keeps the connection of its write, and the workload goes on over another. The level it asks for
//! follows from how many asked before; the longest waits outlast the time of a primary, and its return. An answer is
//! judged when it comes, by its number: so many other nodes must have held the write at some moment since the request,
//! visible to readers or so that it survives a power cut, and the node itself must hold it still, durably where the
//! answer says so. When the run is over, a write that was acknowledged as durable, where no fault may take it, must be
//! there.
//!
//! On turmoil alone: a real disk cannot be looked into.
//!
//! Bounds: [`WAITS_MAX`] wait at a time.

use std::sync::Arc;

use tokio::task::JoinSet;
use towline_core::Level;

use super::desk::Desk;
use super::director::Director;
use super::resp::{Client, Reply};
use crate::oracle::{Invariant, Violation};
use crate::plan::Kind;
use crate::trace::Fact;
use crate::workload::key;

/// Clients that wait at the same time.
const WAITS_MAX: usize = 32;
/// One batch in so many is waited for.
const ONE_OF: u64 = 3;
/// The longest time an answer is under way.
const ANSWER_US: u64 = 10_000;
/// The timeouts of the waits.
const TIMEOUTS_MS: [u64; 3] = [20, 500, 6_000];

/// A write that a client waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    /// The node it was sent to.
    pub(super) node: usize,
    /// The number of the operation.
    pub(super) op: u64,
    /// A moment before it was sent.
    pub(super) since_us: u64,
}

/// The meaning of an answer for a write.
#[derive(Debug, Clone, Copy)]
struct Answer {
    level: Level,
    replicas: u64,
    own: bool,
}

/// A write that was acknowledged as surviving a power cut of its node; `everywhere`: of every other node too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Durable {
    op: u64,
    everywhere: bool,
}

/// The clients that wait now.
#[derive(Debug, Default)]
pub(super) struct Waits {
    batches: u64,
    asked: u64,
    tasks: JoinSet<()>,
}

impl Waits {
    /// Begins a wait for the last write of a batch that was accepted whole; returns the connection if no wait begins.
    pub(super) fn begin(&mut self, desk: &Arc<Desk>, wait: Wait, client: Client) -> Option<Client> {
        while self.tasks.try_join_next().is_some() {}
        self.batches += 1;
        if !desk.exact || !self.batches.is_multiple_of(ONE_OF) || self.tasks.len() >= WAITS_MAX {
            return Some(client);
        }
        self.tasks.spawn(ask(Arc::clone(desk), wait, client, self.asked));
        self.asked += 1;
        None
    }

    /// Waits until every client has its answer; no write comes any more.
    pub(super) async fn join(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Sends the request and judges the answer.
async fn ask(desk: Arc<Desk>, wait: Wait, mut client: Client, number: u64) {
    let durable = number % 2 == 1;
    let others = (desk.plan.nodes.len() as u64).saturating_sub(1).max(1);
    let replicas = (1 + number / 2 % others).to_string();
    let timeout_ms = TIMEOUTS_MS[(number / 2 / others % 3) as usize];
    client.wait_longer(timeout_ms * 1_000);
    let timeout_ms = timeout_ms.to_string();
    let own = if desk.plan.nodes[wait.node].disk { "1" } else { "0" };
    let words: &[&[u8]] = if durable {
        &[b"WAITAOF", own.as_bytes(), replicas.as_bytes(), timeout_ms.as_bytes()]
    } else {
        &[b"WAIT", replicas.as_bytes(), timeout_ms.as_bytes()]
    };
    // A connection that ends without an answer promises nothing; nor does an error, as when the node is no primary now.
    let answer = match client.ask(words).await {
        Ok(Reply::Number(replicas)) => Answer { level: Level::Applied, replicas, own: false },
        Ok(Reply::Numbers(numbers)) if numbers.len() == 2 => {
            Answer { level: Level::Persisted, replicas: numbers[1], own: numbers[0] > 0 }
        }
        Ok(Reply::Text(_) | Reply::Nil | Reply::Error(_) | Reply::Numbers(_)) | Err(_) => return,
    };
    if let Some((invariant, text)) = untrue(&desk, wait, answer) {
        let violation = Violation { invariant, t_us: desk.environment.now_us(), node: wait.node, text };
        desk.sheet().violated.get_or_insert(violation);
    }
    let Answer { level, replicas, own } = answer;
    if own {
        let everywhere = replicas + 1 >= desk.plan.nodes.len() as u64;
        desk.sheet().durable.push(Durable { op: wait.op, everywhere });
    }
    if own || replicas > 0 {
        let replicas = u32::try_from(replicas).unwrap_or(u32::MAX);
        desk.tell(wait.node, Fact::Granted { op: wait.op, replicas, level, own });
    }
}

/// Returns the part of an answer that is false, by the contents of the disks now.
fn untrue(desk: &Desk, wait: Wait, answer: Answer) -> Option<(Invariant, String)> {
    let Wait { node, op, since_us } = wait;
    let key = key(op, desk.plan.knobs.keys);
    let held = |machine: usize, durable: bool, since_us: u64| {
        let disk = desk.disks[machine].as_ref();
        disk.is_none_or(|disk| disk.held(&key, op, durable, since_us))
    };
    // The node's own history is the one it had when it answered.
    let just_us = since_us.max(desk.environment.now_us().saturating_sub(ANSWER_US));
    let name = &desk.plan.nodes[node].name;
    let Answer { level, replicas, own } = answer;
    if (own || replicas > 0) && !held(node, false, just_us) {
        return Some((Invariant::A2, format!("{name} acknowledged operation {op}, which it does not hold")));
    }
    if own && !held(node, true, just_us) {
        return Some((
            Invariant::A1,
            format!("{name} acknowledged operation {op} as persisted here; it is not"),
        ));
    }
    let durable = level == Level::Persisted;
    // One id, two stores: an acknowledgement under it may have come from either.
    let counts = |peer: &usize| *peer != node && (desk.has_twin(*peer) || held(*peer, durable, since_us));
    let holders = (0..desk.plan.nodes.len()).filter(counts).count();
    let how = if durable { "persisted" } else { "applied" };
    (replicas > holders as u64).then(|| {
        let text = format!(
            "{name} acknowledged operation {op} as {how} at {replicas} replicas; {holders} hold it so"
        );
        (Invariant::A1, text)
    })
}

impl Director {
    /// Returns a violation if a write that was acknowledged as durable is gone, though no fault may take it: from a
    /// node that stays primary to the end, or from all nodes.
    pub(super) fn lost_write(&self, now_us: u64) -> Option<Violation> {
        let faults = &self.desk.plan.faults;
        let any = |kinds: &[Kind]| faults.iter().any(|fault| kinds.contains(&fault.kind));
        if any(&[Kind::Wipe, Kind::Rollback, Kind::Twin]) {
            return None;
        }
        let takeover = any(&[Kind::Promote, Kind::Usurp, Kind::Follow]);
        let (node, durable) = {
            let mut sheet = self.desk.sheet();
            (sheet.primary, std::mem::take(&mut sheet.durable))
        };
        let held = self.desk.disks[node].as_ref()?.numbers();
        let keys = self.desk.plan.knobs.keys;
        let gone = |row: &&Durable| held.get(&key(row.op, keys)).is_none_or(|number| *number < row.op);
        let lost = durable.iter().filter(|row| row.everywhere || !takeover).find(gone)?;
        let text = format!("operation {} was acknowledged as persisted, and is gone", lost.op);
        Some(Violation { invariant: Invariant::A2, t_us: now_us, node, text })
    }
}
