//! The end of a run: the content of every node, the verdict, and a node's state for people.

use super::{Run, World};
use crate::oracle::Violation;
use crate::plan::Expect;
use crate::report::{Final, Report, Verdict};
use crate::trace::Fact;
use crate::workload;
use std::fmt::Write as _;
use towline_core::{Role, Stats};
use towline_kv::Digest;

impl World {
    /// Ends the run, by a panic or in order.
    pub(super) fn finish(mut self, panic: Option<Violation>) -> Run {
        let t_us = self.shared.t_us;
        let finals = self.finals();
        for (node, last) in finals.iter().enumerate() {
            let digest = last.digest as u64;
            self.shared.told.fact(t_us, node, &Fact::Content { offset: last.offset, digest });
        }
        // A violation before a panic led to it.
        let seen = self.shared.told.oracle.violation().cloned();
        self.shared.told.oracle.finish(t_us);
        let told = self.shared.told;
        let violation = seen.or(panic).or_else(|| told.oracle.violation().cloned());
        let plan = &self.shared.plan;
        let chaos = &self.shared.chaos;
        let verdict = match (violation, &plan.expect) {
            (Some(violation), Expect::Violation(expected)) if violation.invariant == *expected => {
                Verdict::Pass
            }
            (Some(violation), Expect::Violation(_) | Expect::Pass) => Verdict::Violation(violation),
            (None, Expect::Violation(expected)) => Verdict::Violation(Violation {
                invariant: *expected,
                t_us,
                node: plan.primary(),
                text: "the plan expects this to be violated, and it was not".to_owned(),
            }),
            (None, Expect::Pass) => verdict_of(&chaos.faults, &chaos.effects),
        };
        let report = Report {
            verdict,
            hash: told.tracer.hash(),
            facts: told.tracer.count(),
            calls: self.shared.calls,
            end_us: t_us,
            marks: told.oracle.marks(),
            effects: self.shared.chaos.effects,
            margins: told.oracle.margins(),
            finals,
        };
        Run { report, facts: told.tracer.into_facts() }
    }

    fn finals(&mut self) -> Vec<Final> {
        let mut known: Vec<(crate::trace::At, u128)> = Vec::new();
        let nodes = 0..self.shared.plan.nodes.len();
        nodes
            .map(|node| {
                let row = &self.machines[node];
                let at = row.store.visible();
                let digest = known.iter().find(|known| known.0 == at).map(|known| known.1);
                let digest = digest.unwrap_or_else(|| self.digest(node));
                known.push((at, digest));
                let process = self.machines[node].process.as_deref();
                Final {
                    alive: process.is_some(),
                    role: process
                        .map_or(self.shared.operator.roles[node], |process| process.node.stats().role),
                    offset: at.offset,
                    digest,
                    snapshots: self.machines[node].installed,
                }
            })
            .collect()
    }

    /// Returns the content digest of a node. Each operation sets one key: the last one of each key is the content.
    fn digest(&mut self, node: usize) -> u128 {
        let keys = self.shared.plan.knobs.keys.max(1);
        let store = &self.machines[node].store;
        let held = &store.records[..store.committed];
        let mut last: Vec<Option<(u32, u32)>> = Vec::new();
        for record in held {
            let key = (u64::from(record.op) % keys) as usize;
            if key >= last.len() {
                last.resize(key + 1, None);
            }
            last[key] = Some((record.op, record.bytes));
        }
        let mut digest = Digest::EMPTY;
        for (op, length) in last.into_iter().flatten() {
            let (key, value) = (workload::key(op.into(), keys), workload::value(op.into(), length.into()));
            digest.add(Digest::of_entry(&key, None, &value));
        }
        u128::from_be_bytes(digest.to_bytes())
    }

    /// Returns a node's state, for people.
    #[must_use]
    pub fn dump(&self, node: usize) -> String {
        let row = &self.machines[node];
        let name = &self.shared.plan.nodes[node].name;
        let mut text = String::new();
        let store = &row.store;
        let at = store.visible();
        let _ = writeln!(text, "{name} at {} us", self.shared.t_us);
        let _ = writeln!(
            text,
            "  store     {} records, {} committed (chain {:016x}), {} durable, {} snapshots installed",
            store.end(),
            at.offset,
            at.chain,
            store.durable,
            row.installed
        );
        let Some(process) = row.process.as_deref() else {
            let _ = writeln!(text, "  process   none{}", if row.silent { ", the power is off" } else { "" });
            return text;
        };
        dump_core(&process.node.stats(), &mut text);
        let receive = &process.receive;
        let _ = writeln!(
            text,
            "  receiving {} batches wait ({} bytes): {:?}",
            receive.queue.len(),
            receive.queued_bytes,
            receive.receiver
        );
        self.dump_links(node, &mut text);
        for replica in process.node.replicas() {
            let _ = writeln!(
                text,
                "  replica   {} {:?}, acked {:?}",
                replica.node,
                replica.state,
                replica.acked.map(|offset| offset.map(|offset| offset.0))
            );
        }
        text
    }

    fn dump_links(&self, node: usize, text: &mut String) {
        let Some(process) = self.machines[node].process.as_deref() else {
            return;
        };
        let name = |machine: usize| match self.shared.operator.original_of(machine) {
            Some(original) => format!("a twin of {}", self.shared.plan.nodes[original].name),
            None => self.shared.plan.nodes[machine].name.clone(),
        };
        for (link, row) in process.links.iter().enumerate() {
            let Some(row) = row else { continue };
            let conn = &self.shared.net.conns[row.conn];
            let (out, back) = (&conn.ways[row.end], &conn.ways[1 - row.end]);
            let _ = writeln!(
                text,
                "  link {link:<4} {} {}: {} bytes out, {} not read there; {} bytes in, {} not used{}{}",
                if row.is_upstream() { "up to" } else { "down to" },
                name(row.peer),
                out.written,
                out.written - out.read,
                back.arrived,
                back.arrived - back.used,
                if row.writing { ", writing" } else { "" },
                if conn.dead { ", dead" } else { "" },
            );
        }
    }
}

/// Appends the node's own statistics.
fn dump_core(stats: &Stats, text: &mut String) {
    let role = match stats.role {
        Role::Primary => "primary",
        Role::Replica => "replica",
    };
    let _ = writeln!(text, "  process   {role}, epoch {}, history {}", stats.epoch, stats.history);
    let _ = writeln!(
        text,
        "  log       {} to {}, {} bytes; applied {}, persisted {}; base {}",
        stats.start, stats.end, stats.backlog_used_bytes, stats.applied, stats.persisted, stats.base
    );
    let counted = stats.counters;
    let _ = writeln!(
        text,
        "  counted   {} bytes received, {} sent; snapshots begun {}, resumed {}; overruns {}, faults {}",
        counted.bytes_received,
        counted.bytes_sent,
        counted.full_syncs,
        counted.snapshots_resumed,
        counted.overruns,
        counted.faults
    );
}

/// Returns whether the run was vacuous: a fault the scenario names changed nothing, or no drawn one did.
fn verdict_of(faults: &[crate::plan::Fault], effects: &[bool]) -> Verdict {
    let without = |explicit: bool| {
        let rows = faults.iter().zip(effects).enumerate();
        rows.filter(move |(_, (fault, effect))| fault.explicit == explicit && !**effect)
            .map(|(index, _)| index)
    };
    let named: Vec<usize> = without(true).collect();
    if !named.is_empty() {
        return Verdict::Vacuous(named);
    }
    let drawn = faults.iter().filter(|fault| !fault.explicit).count();
    let idle: Vec<usize> = without(false).collect();
    if drawn > 0 && idle.len() == drawn { Verdict::Vacuous(idle) } else { Verdict::Pass }
}
