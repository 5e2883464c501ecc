//! What is kept once: agents, frames, and what operations make of agents.
//!
//! An agent is known by its print and by how it came to be: from which agent, by which operation. Whole ones are kept
//! only as long as they are young; an old one that is asked for again is made again. So memory holds the whole of a few
//! thousand, and of each ever seen some words. Bounds: [`WHOLE_MAX`] whole agents of 15 KiB.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use xxhash_rust::xxh3::xxh3_128;

use super::agent::{Agent, Effects, Facts, Op, Wrong};
use super::scope::Scope;
use super::table::Table;
use crate::oracle::Invariant;

/// Whole agents kept at the same time.
const WHOLE_MAX: usize = 1 << 14;

/// What an operation made of an agent.
pub(super) struct Made {
    pub(super) agent: u32,
    pub(super) frames: Box<[(u8, u32)]>,
    pub(super) closed: Box<[u8]>,
    pub(super) dials: bool,
    pub(super) wrong: Option<Box<Wrong>>,
}

/// An agent: what is seen of it, how it came to be, and all of it while it is young.
struct Kept {
    facts: Facts,
    origin: Option<(u32, Op)>,
    whole: Option<Box<Agent>>,
    /// What operations made of it, by their numbers in `made`: few, and looked at together.
    done: Vec<(Op, u32)>,
}

/// Everything that is kept once.
pub(super) struct Pool {
    pub(super) scope: Scope,
    prints: Table,
    agents: Vec<Kept>,
    young: VecDeque<u32>,
    frame_prints: Table,
    frames: Vec<Box<[u8]>>,
    made: Vec<Made>,
}

impl Pool {
    pub(super) fn empty(scope: Scope) -> Self {
        Self {
            scope,
            prints: Table::new(),
            agents: Vec::new(),
            young: VecDeque::new(),
            frame_prints: Table::new(),
            frames: Vec::new(),
            made: Vec::new(),
        }
    }

    pub(super) fn facts(&self, agent: u32) -> &Facts {
        &self.agents[agent as usize].facts
    }

    pub(super) fn frame(&self, frame: u32) -> &[u8] {
        &self.frames[frame as usize]
    }

    /// Different agents, frames, and operations worked out.
    pub(super) fn sizes(&self) -> [usize; 3] {
        [self.agents.len(), self.frames.len(), self.made.len()]
    }

    /// The whole agent.
    pub(super) fn whole(&mut self, agent: u32) -> &Agent {
        let mut way = Vec::new();
        let mut at = agent;
        while self.agents[at as usize].whole.is_none() {
            let (from, op) = self.agents[at as usize].origin.expect("those without an origin stay whole");
            way.push((at, op));
            at = from;
        }
        for (next, op) in way.into_iter().rev() {
            let from = self.agents[at as usize].whole.as_deref().expect("just made, or found whole");
            let (made, _) = from.after(op, frame_of(&self.frames, op));
            self.remember(next, made);
            at = next;
        }
        self.agents[agent as usize].whole.as_deref().expect("just made, or found whole")
    }

    fn remember(&mut self, agent: u32, whole: Box<Agent>) {
        self.agents[agent as usize].whole = Some(whole);
        if self.agents[agent as usize].origin.is_some() {
            self.young.push_back(agent);
        }
        if self.young.len() > WHOLE_MAX
            && let Some(old) = self.young.pop_front()
        {
            self.agents[old as usize].whole = None;
        }
    }

    pub(super) fn keep(&mut self, agent: Box<Agent>, origin: Option<(u32, Op)>) -> u32 {
        let (number, new) = self.prints.insert(agent.print());
        if new {
            self.agents.push(Kept { facts: agent.facts(), origin, whole: None, done: Vec::new() });
            self.remember(number, agent);
        }
        number
    }

    /// What an operation makes of an agent: worked out once.
    pub(super) fn make(&mut self, agent: u32, op: Op) -> usize {
        let done = &self.agents[agent as usize].done;
        if let Some((_, number)) = done.iter().find(|(done, _)| *done == op) {
            return *number as usize;
        }
        let made = self.work_out(agent, op);
        let number = self.made.len();
        self.made.push(made);
        let done = &mut self.agents[agent as usize].done;
        done.push((op, u32::try_from(number).expect("memory ends before numbers do")));
        number
    }

    pub(super) fn made(&self, number: usize) -> &Made {
        &self.made[number]
    }

    fn work_out(&mut self, agent: u32, op: Op) -> Made {
        self.whole(agent);
        let from = self.agents[agent as usize].whole.as_deref().expect("just made whole");
        let frame = frame_of(&self.frames, op);
        // A panic is a finding too, and must come with its counterexample.
        let worked = catch_unwind(AssertUnwindSafe(|| from.after(op, frame)));
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
        let next = after.map_or(agent, |after| self.keep(after, Some((agent, op))));
        Made { agent: next, frames, closed: closed.into(), dials, wrong: wrong.map(Box::new) }
    }

    fn keep_frame(&mut self, bytes: Vec<u8>) -> u32 {
        let (number, new) = self.frame_prints.insert(xxh3_128(&bytes));
        if new {
            self.frames.push(bytes.into());
        }
        number
    }
}

fn frame_of(frames: &[Box<[u8]>], op: Op) -> &[u8] {
    if let Op::Frame { frame, .. } = op { &frames[frame as usize] } else { &[] }
}
