//! A fact as a name and named values, for lines of JSON, `replay` and the first different fact.

use serde_json::{Map, Value, json};
use towline_core::{Level, Role};
use towline_sim::trace::{Answer, Cause, Death, Fact};

use crate::units::micros;

/// Returns the name of a fact and its values, nodes by their names.
pub(crate) fn named(fact: &Fact, name: &dyn Fn(usize) -> String) -> (&'static str, Map<String, Value>) {
    let (what, fields) = match *fact {
        Fact::Booted { role, at } => {
            ("booted", json!({"role": role_name(role), "offset": at.offset, "chain": hex(at.chain)}))
        }
        Fact::Died { how } => ("died", json!({"how": death(how)})),
        Fact::Ruled { role, epoch, offset } => {
            ("ruled", json!({"role": role_name(role), "epoch": hex(epoch), "offset": offset}))
        }
        Fact::Outranked { number } => ("outranked", json!({"number": number})),
        Fact::Wrote { op, at } => ("wrote", json!({"op": op, "offset": at.offset, "chain": hex(at.chain)})),
        Fact::Visible { at, cause } => {
            ("visible", json!({"cause": cause_name(cause), "offset": at.offset, "chain": hex(at.chain)}))
        }
        Fact::Durable { at } => ("durable", json!({"offset": at.offset, "chain": hex(at.chain)})),
        Fact::Dialled { attempt } => ("dialled", json!({"attempt": attempt})),
        Fact::Opened { link, peer, upstream } => ("opened", opened(link, &name(peer), upstream)),
        Fact::Joined { link, peer, from } => {
            ("joined", json!({"link": link, "peer": name(peer), "from": from}))
        }
        Fact::Closed { link, peer, fault, by_peer, retry_us } => {
            let (peer, why, fault) = (name(peer), fault.to_string(), fault.number());
            let fields = json!({
                "link": link, "peer": peer, "fault": fault, "why": why, "by_peer": by_peer, "retry_us": retry_us,
            });
            ("closed", fields)
        }
        Fact::Lost { link, peer } => ("lost", json!({"link": link, "peer": name(peer)})),
        Fact::Asked { peer, have, start, end, answer } => {
            let (peer, have, answer) = (name(peer), known(have), answer_name(answer));
            ("asked", json!({"peer": peer, "have": have, "start": start, "end": end, "answer": answer}))
        }
        Fact::Acked { peer, received, applied, persisted } => {
            let [received, applied, persisted] = [received, applied, persisted].map(known);
            let peer = name(peer);
            ("acked", json!({"peer": peer, "received": received, "applied": applied, "persisted": persisted}))
        }
        Fact::Forked { offset, rewinds } => ("forked", json!({"offset": offset, "rewinds": rewinds})),
        Fact::Wanted { snapshot, from } => ("wanted", json!({"snapshot": hex(snapshot), "from": from})),
        Fact::Viewed { snapshot, at } => {
            ("viewed", json!({"snapshot": hex(snapshot), "offset": at.offset, "chain": hex(at.chain)}))
        }
        Fact::Freed { snapshot } => ("freed", json!({"snapshot": hex(snapshot)})),
        Fact::Begun { snapshot, offset } => ("begun", json!({"snapshot": hex(snapshot), "offset": offset})),
        Fact::Piece { snapshot, piece, last } => {
            ("piece", json!({"snapshot": hex(snapshot), "piece": piece, "last": last}))
        }
        Fact::CaughtUp => ("caught-up", json!({})),
        Fact::Expired { peer, lag } => ("expired", json!({"peer": name(peer), "lag": lag})),
        Fact::FaultBegan { index } => ("fault-began", json!({"index": index})),
        Fact::FaultEnded { index } => ("fault-ended", json!({"index": index})),
        Fact::Healed => ("healed", json!({})),
        Fact::Content { offset, digest } => ("content", json!({"offset": offset, "digest": hex(digest)})),
        Fact::Granted { op, replicas, level, own } => ("granted", granted(op, replicas, level, own)),
        Fact::TailWaits { offset } => ("tail-waits", json!({"offset": offset})),
    };
    let Value::Object(fields) = fields else { return (what, Map::new()) };
    (what, fields)
}

fn opened(link: u32, peer: &str, upstream: bool) -> Value {
    json!({"link": link, "peer": peer, "upstream": upstream})
}

/// Formats a fact on one line, for people: `3.250000 s  r1  joined  from 1200, link 1, peer p`.
pub(crate) fn line(t_us: u64, node: usize, fact: &Fact, name: &dyn Fn(usize) -> String) -> String {
    let (what, fields) = named(fact, name);
    let fields = fields.iter().map(|(field, value)| match value {
        Value::String(text) => format!("{field} {text}"),
        Value::Null => format!("{field} unknown"),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => format!("{field} {value}"),
    });
    let values = fields.collect::<Vec<_>>().join(", ");
    format!("{:>14}  {:<6} {what:<12}{values}", micros(t_us), name(node)).trim_end().to_owned()
}

fn known(offset: u64) -> Option<u64> {
    (offset != u64::MAX).then_some(offset)
}

/// Formats a number that JSON readers would round.
fn hex(word: u64) -> String {
    format!("{word:016x}")
}

/// Returns a role in a word.
pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Primary => "primary",
        Role::Replica => "replica",
    }
}

fn granted(op: u64, replicas: u32, level: Level, own: bool) -> Value {
    json!({"op": op, "replicas": replicas, "level": level_name(level), "own": own})
}

const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Received => "received",
        Level::Applied => "applied",
        Level::Persisted => "persisted",
    }
}

/// Returns a death in a word or two.
pub(crate) const fn death(how: Death) -> &'static str {
    match how {
        Death::Stopped => "stopped",
        Death::Killed => "killed",
        Death::PowerLoss => "power loss",
    }
}

const fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Written => "written",
        Cause::Applied => "applied",
        Cause::Installed => "installed",
        Cause::Rewound => "rewound",
    }
}

/// Returns an answer in a word.
pub(crate) const fn answer_name(answer: Answer) -> &'static str {
    match answer {
        Answer::Continue => "continue",
        Answer::Forked => "forked",
        Answer::Snapshot => "snapshot",
        Answer::Wait => "wait",
        Answer::Refused => "refused",
    }
}

#[cfg(test)]
mod tests {
    use towline_sim::trace::{At, Cause, Fact};

    use super::{line, named};

    fn name(node: usize) -> String {
        format!("n{node}")
    }

    #[test]
    fn a_fact_is_one_line() {
        let joined = Fact::Joined { link: 4, peer: 0, from: 12 };
        assert_eq!(
            line(3_250_000, 2, &joined, &name),
            "    3.250000 s  n2     joined      from 12, link 4, peer n0"
        );
        assert_eq!(line(0, 1, &Fact::CaughtUp, &name), "    0.000000 s  n1     caught-up");
    }

    #[test]
    fn what_is_not_known_is_null_and_large_words_are_text() {
        let (what, fields) =
            named(&Fact::Acked { peer: 1, received: 5, applied: 4, persisted: u64::MAX }, &name);
        assert_eq!(what, "acked");
        assert!(fields["persisted"].is_null() && fields["received"] == 5 && fields["peer"] == "n1");
        let at = At { offset: 3, chain: u64::MAX };
        let (_, fields) = named(&Fact::Visible { at, cause: Cause::Installed }, &name);
        assert_eq!(fields["chain"], "ffffffffffffffff");
    }
}
