//! Invariants between agents: the answer to a JOIN, and the bytes under way.
//!
//! Both are read off the frames and the stores, as a listener on the wire would who also sees the hosts; the invariants
//! of one agent alone are checked there.

use super::agent::Wrong;
use super::pool::Pool;
use super::store::FRAME_BYTES;
use super::world::{DOWN, NODES_MAX, World};
use crate::oracle::Invariant;

const ADMIT: u8 = 4;
const JOIN: u8 = 3;
const BATCH: u8 = 8;
const HEAD_BYTES: usize = 24;
/// The flag of a JOIN that says that the state is complete, and the place of its boundary.
const BASE: u8 = 4;
const BOUNDARY_AT: usize = HEAD_BYTES + 1 + 16 + 8;
/// The place of an ADMIT's verdict.
const VERDICT_AT: usize = HEAD_BYTES + 4;

/// Returns the kind of a frame, in words.
pub(super) fn words(frame: &[u8]) -> &'static str {
    match frame[4] {
        1 => "HELLO",
        2 => "WELCOME",
        JOIN => "JOIN",
        ADMIT => match frame[VERDICT_AT] {
            1 => "ADMIT: go on",
            2 => "ADMIT: forked",
            3 => "ADMIT: a snapshot and its tail",
            4 => "ADMIT: a snapshot alone",
            _ => "ADMIT: wait",
        },
        5 => "GOODBYE",
        6 => "BEAT",
        7 => "ACK",
        BATCH => "BATCH",
        9 => "BEGIN",
        _ => "PIECE",
    }
}

/// Judges a node's answer to the JOIN it just read: B2, N8, S8.
pub(super) fn answer(pool: &Pool, world: &World, node: u8, dialler: u8, join: u32) -> Option<Wrong> {
    let join = pool.frame(join);
    if join[4] != JOIN || join[HEAD_BYTES] & BASE == 0 {
        return None;
    }
    let queue = &world.wires[usize::from(dialler)].queues[DOWN];
    let answers = queue.frames[..usize::from(queue.len)].iter().rev();
    let verdict = answers.map(|frame| pool.frame(*frame)).find(|frame| frame[4] == ADMIT)?[VERDICT_AT];
    let mut boundary = [0; 8];
    boundary.copy_from_slice(&join[BOUNDARY_AT..BOUNDARY_AT + 8]);
    let have = u64::from_le_bytes(boundary);
    let theirs = pool.line(world.agents[usize::from(dialler)]);
    let sender = world.agents[usize::from(node)];
    let (ours, primary) = (pool.line(sender), pool.facts(sender).primary);
    let ((start, end), line) = (ours.ring, ours.end());
    // Names are unique, and each knows the one before it: lines with equal last names are equal.
    let same_name = |last| ours.name_at(last) == theirs.name_at(last);
    let on_line = have <= line && have.checked_sub(1).is_none_or(same_name);
    let in_ring = (start..=end).contains(&have);
    let says = |words: &str| {
        format!("node {node} answered node {dialler} at {have}, with a ring of {start} to {end}: {words}")
    };
    match verdict {
        1 if have <= line && !on_line => Some((Invariant::S8, says("go on; but that is another line"))),
        1 if !in_ring => Some((Invariant::B2, says("go on; but that lies outside the ring"))),
        2 if on_line => Some((Invariant::B2, says("forked; but it is on this line"))),
        3 | 4 if on_line && in_ring => {
            Some((Invariant::N8, says("a snapshot; the stream could have gone on")))
        }
        5 if on_line && in_ring && primary => {
            Some((Invariant::B2, says("wait; but the stream could have gone on")))
        }
        _ => None,
    }
}

/// Judges the batches on their way to a replica and those its host has not taken, against its window and a frame: F1.
pub(super) fn flight(pool: &Pool, world: &World) -> Option<Wrong> {
    for dialler in 0..NODES_MAX {
        let queue = &world.wires[dialler].queues[DOWN];
        let frames = queue.frames[..usize::from(queue.len)].iter().map(|frame| pool.frame(*frame));
        let batches = frames.filter(|frame| frame[4] == BATCH);
        let on_wire: u64 = batches.map(|frame| frame.len() as u64).sum();
        if on_wire == 0 {
            continue;
        }
        let untaken = pool.facts(world.agents[dialler]).untaken_bytes;
        let bound = 2 * FRAME_BYTES;
        if on_wire + untaken > bound {
            let text = format!(
                "{on_wire} bytes on the wire and {untaken} untaken at node {dialler}, at most {bound}"
            );
            return Some((Invariant::F1, text));
        }
    }
    None
}
