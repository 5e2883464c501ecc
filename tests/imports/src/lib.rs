//! Every verb of the core behind plain numbers, as a module for the browser's target.
//!
//! The module exists only for `cargo xtask imports`, which proves that it imports nothing and that the core is in it.
//! So an optimiser must not be able to leave anything out: bytes come in by [`buffer_push`], every answer goes out. One
//! node at a time. It is not a binding.
#![allow(unsafe_code, reason = "exporting by name counts as unsafe; nothing else here is")]

use std::cell::RefCell;

use towline_core::{Boot, FlatEvent, FlatInput, LinkId, More, Next, Node, NodeId, Options, Role, Time};

/// The node, the bytes pushed for it, and its last answers.
#[derive(Default)]
struct State {
    node: Option<Node>,
    buffer: Vec<u8>,
    said: FlatEvent,
    shown: Vec<u8>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// The answer of a verb without a node, or to a record that is no input.
const REFUSED: u64 = u64::MAX;

fn with<T>(work: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(work)
}

/// Appends the first `bytes` bytes of a word to the input of the next verb.
#[unsafe(no_mangle)]
pub extern "C" fn buffer_push(word: u64, bytes: u32) {
    with(|state| state.buffer.extend(word.to_le_bytes().iter().take(bytes as usize)));
}

/// Returns a byte of the last [`node_peek_transmit`].
#[unsafe(no_mangle)]
pub extern "C" fn shown_byte(at: u32) -> u32 {
    with(|state| state.shown.get(at as usize).map_or(u32::MAX, |byte| (*byte).into()))
}

/// Returns a field of the last event of [`node_poll_event`]; 7 is its link.
#[unsafe(no_mangle)]
pub extern "C" fn event_field(index: u32) -> u64 {
    with(|state| state.said.fields.get(index as usize).copied().unwrap_or(state.said.link.into()))
}

/// Boots a node; the buffer is its cursor, unless empty. Returns the most bytes it will ever hold, or `u64::MAX`.
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

/// Handles one input as a flat record over the buffer, which is emptied. Returns the bytes used and what comes next; or
/// the number of the misuse, negative.
#[unsafe(no_mangle)]
pub extern "C" fn node_handle(now: u64, kind: u32, link: u32, a: u64, b: u64, c: u64) -> i64 {
    with(|state| {
        let data = std::mem::take(&mut state.buffer);
        let record = FlatInput { kind, link, fields: [a, b, c, 0, 0, 0, 0] };
        let (Some(node), Some(input)) = (state.node.as_mut(), record.input(&data)) else { return i64::MIN };
        match node.handle(Time(now), input) {
            Ok(step) => {
                // The payload's bytes go out, so that the code that finds them is not optimised away.
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

/// Returns the next event's kind, or 0. Its fields are [`event_field`]'s.
#[unsafe(no_mangle)]
pub extern "C" fn node_poll_event() -> u32 {
    with(|state| {
        state.said = state.node.as_mut().and_then(Node::poll_event).map(FlatEvent::from).unwrap_or_default();
        state.said.kind
    })
}

/// Returns how many bytes are on offer on a link. [`shown_byte`] returns them.
#[unsafe(no_mangle)]
pub extern "C" fn node_peek_transmit(link: u32) -> u64 {
    with(|state| {
        let node = state.node.as_ref();
        state.shown = node.map_or_else(Vec::new, |node| node.peek_transmit(LinkId(link)).slices().concat());
        state.shown.len() as u64
    })
}

/// Consumes so many of these bytes. Returns 1 if there are more, 0 if not; or the misuse, negative.
#[unsafe(no_mangle)]
pub extern "C" fn node_consume(now: u64, link: u32, bytes: u32) -> i64 {
    with(|state| {
        let Some(node) = state.node.as_mut() else { return i64::MIN };
        match node.consume(Time(now), LinkId(link), bytes as usize) {
            Ok(More::More) => 1,
            Ok(More::Idle) => 0,
            Err(misuse) => -i64::from(misuse.number()),
        }
    })
}

/// Returns the time of the next tick; `u64::MAX` for never.
#[unsafe(no_mangle)]
pub extern "C" fn node_next_deadline() -> u64 {
    with(|state| state.node.as_ref().and_then(Node::next_deadline).map_or(REFUSED, |at| at.0))
}
