//! Every verb of the core behind plain numbers, as a module for the browser's target.
//!
//! It exists to be looked at: `cargo xtask imports` proves that it asks its host for nothing, and that the core is in
//! it. So nothing here may be left out by an optimiser: bytes come in by [`buffer_push`], every answer goes out. One
//! node at a time. It is not a binding for anybody's use.
#![allow(unsafe_code, reason = "to export by name counts as unsafe, and is all there is of it")]

use std::cell::RefCell;

use towline_core::{Boot, LinkId, More, Next, Node, NodeId, Options, Record, Role, Time};

/// The node, what was pushed for it, and what it said last.
#[derive(Default)]
struct State {
    node: Option<Node>,
    buffer: Vec<u8>,
    said: Record,
    shown: Vec<u8>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// An answer of a verb without a node, or to a record that is no input.
const REFUSED: u64 = u64::MAX;

fn with<T>(work: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(work)
}

/// Appends the first `bytes` bytes of a word to what the next verb is given.
#[unsafe(no_mangle)]
pub extern "C" fn buffer_push(word: u64, bytes: u32) {
    with(|state| state.buffer.extend(word.to_le_bytes().iter().take(bytes as usize)));
}

/// A byte of what [`node_peek_transmit`] showed.
#[unsafe(no_mangle)]
pub extern "C" fn shown_byte(at: u32) -> u32 {
    with(|state| state.shown.get(at as usize).map_or(u32::MAX, |byte| (*byte).into()))
}

/// A field of the event that [`node_poll_event`] told last; 7 is its link.
#[unsafe(no_mangle)]
pub extern "C" fn event_field(index: u32) -> u64 {
    with(|state| state.said.fields.get(index as usize).copied().unwrap_or(state.said.link.into()))
}

/// A node; the buffer is its cursor, if it holds any bytes. Answers the bytes it will ever hold, or `u64::MAX`.
#[unsafe(no_mangle)]
pub extern "C" fn node_new(node: u64, dice: u64, primary: u32, backlog_bytes: u64) -> u64 {
    with(|state| {
        let Ok(config) = (Options { backlog_bytes, ..Options::default() }).check() else { return REFUSED };
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&dice.to_le_bytes());
        let role = if primary == 1 { Role::Primary } else { Role::Replica };
        let cursor = std::mem::take(&mut state.buffer);
        let cursor = Some(&cursor[..]).filter(|cursor| !cursor.is_empty());
        let boot = Boot { node: NodeId(node), seed, role, unix_zero: 0, cursor };
        state.node = Node::new(config, boot).ok();
        state.node.as_ref().map_or(REFUSED, |_| config.memory_bytes())
    })
}

/// One input as a flat record over the buffer, which is emptied. Answers the bytes used and what comes next; or the
/// number of the misuse, negative.
#[unsafe(no_mangle)]
pub extern "C" fn node_handle(now: u64, kind: u32, link: u32, a: u64, b: u64, c: u64) -> i64 {
    with(|state| {
        let data = std::mem::take(&mut state.buffer);
        let record = Record { kind, link, fields: [a, b, c, 0, 0, 0, 0] };
        let (Some(node), Some(input)) = (state.node.as_mut(), record.input(&data)) else { return i64::MIN };
        match node.handle(Time(now), input) {
            Ok(step) => {
                // The payload's bytes go out, so that what finds them is not optimised away.
                let range = step.payload.map_or(0..0, |payload| payload.range);
                state.shown = data[range].to_vec();
                let next = match step.next {
                    Next::Again => 0,
                    Next::NeedBytes => 1,
                    Next::Closed => 2,
                };
                let used = i64::try_from(step.used).unwrap_or(i64::MAX >> 2);
                used << 2 | next
            }
            Err(misuse) => -i64::from(misuse.number()),
        }
    })
}

/// The next event's kind, or 0. Its fields are [`event_field`]'s.
#[unsafe(no_mangle)]
pub extern "C" fn node_poll_event() -> u32 {
    with(|state| {
        state.said = state.node.as_mut().and_then(Node::poll_event).map(Record::from).unwrap_or_default();
        state.said.kind
    })
}

/// How many bytes are on offer on a link. They are [`shown_byte`]'s.
#[unsafe(no_mangle)]
pub extern "C" fn node_peek_transmit(link: u32) -> u64 {
    with(|state| {
        let node = state.node.as_ref();
        state.shown = node.map_or_else(Vec::new, |node| node.peek_transmit(LinkId(link)).slices().concat());
        state.shown.len() as u64
    })
}

/// So many bytes of them were written. Answers 1 if there are more, 0 if not; or the misuse, negative.
#[unsafe(no_mangle)]
pub extern "C" fn node_consume(now: u64, link: u32, bytes: u32) -> i64 {
    with(|state| {
        let Some(node) = state.node.as_mut() else { return i64::MIN };
        match node.consume(Time(now), LinkId(link), bytes as usize) {
            Ok(More::More) => 1,
            Ok(More::Dry) => 0,
            Err(misuse) => -i64::from(misuse.number()),
        }
    })
}

/// When to call next; `u64::MAX` for never.
#[unsafe(no_mangle)]
pub extern "C" fn node_next_deadline() -> u64 {
    with(|state| state.node.as_ref().and_then(Node::next_deadline).map_or(REFUSED, |at| at.0))
}
