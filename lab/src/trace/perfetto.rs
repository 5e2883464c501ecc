//! A run as Chrome's trace JSON, for ui.perfetto.dev and chrome://tracing: a row for each node, one for the faults, and
//! the records a reader of each node sees as a counter.

use serde_json::{Value, json};
use towline_sim::plan::Plan;
use towline_sim::trace::Fact;

use super::bars::{BarKind, TimedFact, Timeline};
use super::facts::{named, role_name};
use crate::campaign::node_name;

/// Returns the trace.
pub(super) fn write(plan: &Plan, facts: &[TimedFact]) -> String {
    let bars = Timeline::read(plan, facts);
    let faults_row = plan.nodes.len();
    let row = |number: usize, name: &str| {
        let args = json!({"name": name});
        json!({"ph": "M", "name": "thread_name", "pid": 1, "tid": number, "args": args})
    };
    let mut events = vec![json!({
        "ph": "M", "name": "process_name", "pid": 1, "args": {"name": format!("{} seed {}", plan.name, plan.seed)},
    })];
    events.extend(plan.nodes.iter().enumerate().map(|(number, node)| row(number, &node.name)));
    events.push(row(faults_row, "faults"));
    for bar in &bars.bars {
        let (tid, name) = match bar.kind {
            BarKind::Life(role) => (bar.node, role_name(role).to_owned()),
            BarKind::Link(peer) => (bar.node, format!("connected to {}", node_name(plan, peer))),
            BarKind::Snapshot { offset, installed: true } => (bar.node, format!("snapshot of {offset}")),
            BarKind::Snapshot { offset, installed: false } => {
                (bar.node, format!("snapshot of {offset}, cut"))
            }
            BarKind::Fault(index) => (faults_row, super::fault_name(plan, index)),
        };
        let length = bar.to_us - bar.from_us;
        events.push(json!({"ph": "X", "name": name, "pid": 1, "tid": tid, "ts": bar.from_us, "dur": length}));
    }
    for (t_us, node, fact) in facts {
        events.extend(event(plan, *t_us, *node, fact));
    }
    // One event on one line, so that line tools can read it.
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    format!("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n", lines.join(",\n"))
}

/// Returns a counter for the offset that a reader sees, an instant for other facts.
fn event(plan: &Plan, t_us: u64, node: usize, fact: &Fact) -> Option<Value> {
    if let Fact::Visible { at, .. } = fact {
        let name = format!("records at {}", node_name(plan, node));
        return Some(json!({"ph": "C", "name": name, "pid": 1, "ts": t_us, "args": {"records": at.offset}}));
    }
    if let Fact::Wrote { .. } | Fact::Durable { .. } | Fact::Acked { .. } = fact {
        return None;
    }
    let (what, fields) = named(fact, &|node| node_name(plan, node));
    Some(json!({"ph": "i", "s": "t", "name": what, "pid": 1, "tid": node, "ts": t_us, "args": fields}))
}
