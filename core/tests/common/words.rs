//! Frames, events and payloads in words, for transcripts that a reader who knows no Rust can follow.
//!
//! Dice are left out (histories, incarnations, digests), so that a transcript shows the conversation and nothing else.

use super::frames::{self, u16_at, u32_at, u64_at};
use towline_core::*;

/// Nodes are named by letters: 1 is A, 2 is B.
pub fn node_name(id: u64) -> char {
    char::from(b'A' + u8::try_from((id - 1) % 26).unwrap())
}

/// A whole frame, from its bytes.
pub fn frame(bytes: &[u8]) -> String {
    let said = match bytes[4] {
        frames::HELLO | frames::WELCOME => hello(bytes),
        frames::JOIN => join(bytes),
        frames::ADMIT => admit(bytes),
        frames::GOODBYE => goodbye(bytes),
        frames::BEAT => format!("number {}, my log ends at {}", u64_at(bytes, 24), u64_at(bytes, 48)),
        frames::ACK => ack(bytes),
        frames::BATCH => {
            let (first, count) = (u64_at(bytes, 24), u64::from(u32_at(bytes, 32)));
            format!("{}, written in epoch {}", records(first, count), u32_at(bytes, 40))
        }
        frames::BEGIN => {
            format!("snapshot {}, a view at offset {}", u32_at(bytes, 24), u64_at(bytes, 72))
        }
        frames::PIECE => {
            let last = if bytes[5] == 1 { ", the last" } else { "" };
            format!("number {} of snapshot {}{last}", u64_at(bytes, 32), u32_at(bytes, 24))
        }
        kind => format!("of kind {kind}"),
    };
    format!("{} ({} bytes): {said}", frames::name(bytes[4]), bytes.len())
}

fn records(first: u64, count: u64) -> String {
    if count == 1 {
        format!("record {first}")
    } else {
        format!("records {first} to {}", (first + count).saturating_sub(1))
    }
}

fn hello(bytes: &[u8]) -> String {
    let history = if bytes[92..108] == [0; 16] { "no history" } else { "a history" };
    let (min, max) = (u16_at(bytes, 32), u16_at(bytes, 34));
    let name = node_name(u64_at(bytes, 76));
    format!("I am {name}, I speak versions {min} to {max} and hold {history}; window {}", u64_at(bytes, 60))
}

fn join(bytes: &[u8]) -> String {
    let flags = bytes[24];
    let (number, boundary) = (u32_at(bytes, 45), u64_at(bytes, 49));
    let (snapshot, next_piece) = (u32_at(bytes, 89), u64_at(bytes, 97));
    let mut said = if flags & frames::BASE != 0 {
        format!("I stand at {boundary}, in epoch {number}, and have applied {}", u64_at(bytes, 65))
    } else if snapshot != 0 {
        format!(
            "I hold snapshot {snapshot} up to piece {next_piece}, and the stream beside it up to {boundary}"
        )
    } else {
        "I hold nothing".to_owned()
    };
    if flags & 1 != 0 {
        said += "; I can rewind";
    }
    if flags & 2 != 0 {
        said += "; I adopt another history";
    }
    said
}

fn admit(bytes: &[u8]) -> String {
    let (boundary, snapshot, piece) = (u64_at(bytes, 54), u32_at(bytes, 70), u64_at(bytes, 78));
    let said = match bytes[28] {
        1 => format!("go on from {boundary}"),
        2 => format!("our logs part at {boundary}: go back there and join again"),
        3 => format!("snapshot {snapshot} comes from piece {piece} on, and the stream from {boundary}"),
        4 => format!("snapshot {snapshot} comes from piece {piece} on, without the stream"),
        _ => "wait".to_owned(),
    };
    let fork =
        if bytes[29] == 1 { format!("; our logs parted at {}", u64_at(bytes, 86)) } else { String::new() };
    format!("verdict {}: {said}{fork}", u32_at(bytes, 24))
}

fn ack(bytes: &[u8]) -> String {
    let offset = |index: usize| u64_at(bytes, 29 + 8 * index);
    let verdict = u32_at(bytes, 24);
    if bytes[28] == 0 {
        return format!(
            "under verdict {verdict}: received {}, took {} bytes of pieces",
            offset(0),
            offset(4)
        );
    }
    format!("under verdict {verdict}: received {}, applied {}, persisted {}", offset(0), offset(1), offset(2))
}

fn goodbye(bytes: &[u8]) -> String {
    let number = u16_at(bytes, 24);
    let text = Fault::from_number(number).map_or_else(String::new, |fault| fault.to_string());
    format!("{number}, {text}; come back after {} ms", u64_at(bytes, 26) / 1_000_000)
}

/// Returns an event in words; `None` for one that every line would repeat.
pub fn event(event: &Event) -> Option<String> {
    let name = |node: &NodeId| node_name(node.0);
    Some(match event {
        Event::WantsWrite { .. } | Event::SnapshotRead { .. } => return None,
        Event::Dial { attempt: 0 } => "please dial".to_owned(),
        Event::Dial { attempt } => format!("please dial again (attempt {attempt})"),
        Event::Joined { node, from, .. } => {
            format!("joined with {}, the stream goes on from {from}", name(node))
        }
        Event::Close { fault, by_peer, retry_after, .. } => {
            let who = if *by_peer { "the peer said" } else { "I said" };
            format!(
                "close the link; {who} {}, {fault} (retry after {} ms)",
                fault.number(),
                retry_after.as_millis()
            )
        }
        Event::SnapshotWanted { snapshot, from } => {
            format!("please open view {} at offset {from} or later", snapshot.0 & 0xffff_ffff)
        }
        Event::SnapshotDone { snapshot } => {
            format!("nobody needs view {} any more", snapshot.0 & 0xffff_ffff)
        }
        Event::CaughtUp => "I caught up".to_owned(),
        Event::Acked { node, received, applied, persisted } => {
            format!("{} received {received}, applied {applied}, persisted {persisted}", name(node))
        }
        Event::SlotExpired { node, lag } => {
            format!("{} was away too long and is forgotten; it lacked {lag} records", name(node))
        }
        Event::Role { role: Role::Primary, epoch, offset } => {
            format!("I am primary, in epoch {}, and my log ends at {offset}", epoch.number())
        }
        Event::Role { role: Role::Replica, offset, .. } => {
            format!("I am a replica, and my log ends at {offset}")
        }
        Event::Outranked { number } => format!("another primary is in epoch {number}"),
    })
}

/// Returns a payload in words.
pub fn payload(payload: &Payload) -> String {
    let Payload { first, count, kind, .. } = payload;
    let records = records(*first, u64::from(*count));
    match kind {
        PayloadKind::Batch => format!("apply {records}"),
        PayloadKind::Spool => format!("keep {records} for after the snapshot"),
        PayloadKind::Fork if *count == 1 => format!("go back to offset {first}"),
        PayloadKind::Fork => format!("your log leaves the history at offset {first}; a snapshot follows"),
        PayloadKind::Begin => format!("a snapshot of offset {first} begins"),
        PayloadKind::Piece => format!("store piece {first}"),
        PayloadKind::LastPiece => format!("store piece {first}, the last, and install"),
    }
}
