//! A run as Chrome's trace JSON, for ui.perfetto.dev and chrome://tracing: a row for each node, one for the faults, and
//! the records a reader of each node sees as a counter.

use serde_json::{Value, json};
use towline_sim::plan::Plan;
use towline_sim::trace::Fact;

use super::facts::{role_name, told};
use super::spans::{Spans, Told, What};
use crate::campaign::node_name;

/// Writes it.
pub(super) fn write(plan: &Plan, facts: &[Told]) -> String {
    let spans = Spans::read(plan, facts);
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
    for span in &spans.spans {
        let (tid, name) = match span.what {
            What::Life(role) => (span.node, role_name(role).to_owned()),
            What::Link(peer) => (span.node, format!("connected to {}", node_name(plan, peer))),
            What::Snapshot { offset, installed: true } => (span.node, format!("snapshot of {offset}")),
            What::Snapshot { offset, installed: false } => (span.node, format!("snapshot of {offset}, cut")),
            What::Fault(index) => (faults_row, super::fault_name(plan, index)),
        };
        let length = span.to_us - span.from_us;
        events
            .push(json!({"ph": "X", "name": name, "pid": 1, "tid": tid, "ts": span.from_us, "dur": length}));
    }
    for (t_us, node, fact) in facts {
        events.extend(event(plan, *t_us, *node, fact));
    }
    // One event on one line: it can be looked at with line tools too.
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    format!("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n", lines.join(",\n"))
}

/// What a reader sees is a counter, the rest an instant.
fn event(plan: &Plan, t_us: u64, node: usize, fact: &Fact) -> Option<Value> {
    if let Fact::Visible { at, .. } = fact {
        let name = format!("records at {}", node_name(plan, node));
        return Some(json!({"ph": "C", "name": name, "pid": 1, "ts": t_us, "args": {"records": at.offset}}));
    }
    if let Fact::Wrote { .. } | Fact::Durable { .. } | Fact::Acked { .. } = fact {
        return None;
    }
    let (what, fields) = told(fact, &|node| node_name(plan, node));
    Some(json!({"ph": "i", "s": "t", "name": what, "pid": 1, "tid": node, "ts": t_us, "args": fields}))
}
