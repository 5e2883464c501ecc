//! Everything that is kept once: agents, frames, lines of records, and the effects of operations on agents.
//!
//! An agent is known by its print and by its origin: the agent and the operation that made it. Whole agents are kept
//! only where operations were tried lately; any other is made again from its origin, which costs less than to fetch it
//! from memory beyond the caches. So each agent ever seen takes a few words. Bounds: [`WHOLE_MAX`] whole agents of
//! 15 KiB.
use std::collections::VecDeque;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::agent::{Agent, Effects, Facts, Op, Wrong};
use super::scope::Scope;
use super::store::Line;
use super::table::Table;
use crate::oracle::Invariant;

/// Whole agents kept at the same time, beside those of the start: a megabyte, as much as the caches hold.
const WHOLE_MAX: usize = 64;

/// The effects of an operation outside. Kept once each, because few are different.
#[derive(Hash)]
pub(super) struct Outside {
    pub(super) frames: Box<[(u8, u32)]>,
    pub(super) closed: Box<[u8]>,
    pub(super) dials: bool,
    pub(super) wrong: Option<Wrong>,
}

/// The agent that an operation made, and its effects.
struct Made {
    op: u64,
    agent: u32,
    outside: u32,
}

/// The data of an agent that is used all the time: its facts, and the few operations that were tried.
#[repr(align(64))]
struct Seen {
    facts: Facts,
    made: Vec<Made>,
}

/// The origin of an agent, and all of it if it was used lately.
struct Kept {
    origin: Option<(u32, Op)>,
    line: u32,
    whole: Option<Box<Agent>>,
}

/// Everything that is kept once.
pub(super) struct Pool {
    pub(super) scope: Scope,
    prints: Table,
    seen: Vec<Seen>,
    agents: Vec<Kept>,
    /// The whole agents, in the order in which they were made.
    whole: VecDeque<u32>,
    /// An unused agent, kept for its memory.
    spare: Option<Box<Agent>>,
    frame_prints: Table,
    frames: Vec<Box<[u8]>>,
    line_prints: Table,
    lines: Vec<Line>,
    outside_prints: Table,
    outsides: Vec<Outside>,
    /// How many operations were computed.
    worked_out: usize,
}

impl Pool {
    pub(super) fn empty(scope: Scope) -> Self {
        Self {
            scope,
            prints: Table::new(),
            seen: Vec::new(),
            agents: Vec::new(),
            whole: VecDeque::new(),
            spare: None,
            frame_prints: Table::new(),
            frames: Vec::new(),
            line_prints: Table::new(),
            lines: Vec::new(),
            outside_prints: Table::new(),
            outsides: Vec::new(),
            worked_out: 0,
        }
    }

    pub(super) fn facts(&self, agent: u32) -> &Facts {
        &self.seen[agent as usize].facts
    }

    pub(super) fn line(&self, agent: u32) -> &Line {
        &self.lines[self.agents[agent as usize].line as usize]
    }

    pub(super) fn frame(&self, frame: u32) -> &[u8] {
        &self.frames[frame as usize]
    }

    /// Returns how many different agents, frames and computed operations there are.
    pub(super) fn sizes(&self) -> [usize; 3] {
        [self.agents.len(), self.frames.len(), self.worked_out]
    }

    /// Returns the whole agent.
    fn whole(&mut self, agent: u32) -> &Agent {
        let mut way = Vec::new();
        let mut at = agent;
        while self.agents[at as usize].whole.is_none() {
            let (from, op) = self.agents[at as usize].origin.expect("those without an origin stay whole");
            way.push((at, op));
            at = from;
        }
        for (next, op) in way.into_iter().rev() {
            let from = self.agents[at as usize].whole.as_deref().expect("just made, or found whole");
            let (made, _) = from.step(op, frame_of(&self.frames, op), &mut self.spare);
            self.remember(next, made);
            at = next;
        }
        self.agents[agent as usize].whole.as_deref().expect("just made, or found whole")
    }

    fn remember(&mut self, agent: u32, whole: Box<Agent>) {
        self.agents[agent as usize].whole = Some(whole);
        self.whole.push_back(agent);
        if self.whole.len() > WHOLE_MAX
            && let Some(old) = self.whole.pop_front()
        {
            self.spare = self.agents[old as usize].whole.take();
        }
    }

    /// Keeps an agent of the start.
    pub(super) fn keep_first(&mut self, agent: Box<Agent>) -> u32 {
        let number = self.keep(&agent, None);
        self.agents[number as usize].whole = Some(agent);
        number
    }

    fn keep(&mut self, agent: &Agent, origin: Option<(u32, Op)>) -> u32 {
        let (number, new) = self.prints.insert(agent.print());
        if new {
            self.seen.push(Seen { facts: agent.facts(), made: Vec::new() });
            let line = self.keep_line(agent.line());
            self.agents.push(Kept { origin, line, whole: None });
        }
        number
    }

    /// Returns the agent after an operation and the number of its effects, computed once.
    pub(super) fn make(&mut self, agent: u32, op: Op) -> (u32, u32) {
        let packed = op.pack();
        let made = &self.seen[agent as usize].made;
        if let Some(made) = made.iter().find(|made| made.op == packed) {
            return (made.agent, made.outside);
        }
        let (after, outside) = self.work_out(agent, op);
        self.worked_out += 1;
        let outside = self.keep_outside(outside);
        self.seen[agent as usize].made.push(Made { op: packed, agent: after, outside });
        (after, outside)
    }

    pub(super) fn outside(&self, number: u32) -> &Outside {
        &self.outsides[number as usize]
    }

    fn work_out(&mut self, agent: u32, op: Op) -> (u32, Outside) {
        self.whole(agent);
        let from = self.agents[agent as usize].whole.as_deref().expect("just made whole");
        let frame = frame_of(&self.frames, op);
        // A panic is a violation too, and must come with its counterexample.
        let spare = &mut self.spare;
        let worked = catch_unwind(AssertUnwindSafe(|| from.after(op, frame, spare)));
        let (after, effects) = match worked {
            Ok((after, effects)) => (Some(after), effects),
            Err(panic) => {
                let words = panic.downcast_ref::<String>().map(String::as_str);
                let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                (None, Effects { wrong: Some((Invariant::X4, words.to_owned())), ..Effects::default() })
            }
        };
        let Effects { frames, closed, dials, wrong, rewound: _ } = effects;
        let frames = frames.into_iter().map(|(link, bytes)| (link, self.keep_frame(bytes))).collect();
        let next = after.map_or(agent, |after| {
            let number = self.keep(&after, Some((agent, op)));
            self.spare = Some(after);
            number
        });
        (next, Outside { frames, closed: closed.into(), dials, wrong })
    }

    fn keep_line(&mut self, line: Line) -> u32 {
        let (number, new) = self.line_prints.insert(print_of(&line));
        if new {
            self.lines.push(line);
        }
        number
    }

    fn keep_outside(&mut self, outside: Outside) -> u32 {
        let (number, new) = self.outside_prints.insert(print_of(&outside));
        if new {
            self.outsides.push(outside);
        }
        number
    }

    fn keep_frame(&mut self, bytes: Vec<u8>) -> u32 {
        let (number, new) = self.frame_prints.insert(xxh3_128(&bytes));
        if new {
            self.frames.push(bytes.into());
        }
        number
    }
}

fn print_of(kept: &impl Hash) -> u128 {
    let mut hash = Xxh3::new();
    kept.hash(&mut hash);
    hash.digest128()
}

fn frame_of(frames: &[Box<[u8]>], op: Op) -> &[u8] {
    if let Op::Frame { frame, .. } = op { &frames[frame as usize] } else { &[] }
}
