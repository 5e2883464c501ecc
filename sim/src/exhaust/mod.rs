//! The search: all orders of events in a very small system, breadth first over states of the shipped core.
//!
//! One primary, one or two replicas, rings of four records, and within the bounds of a [`Scope`] every order of writes,
//! deliveries, applies, syncs, views, installs, resets, crashes and promotions. Every state is checked with the core's
//! own [`check`](towline_core::Node::check) and with the invariants that a listener on the wire can see. The first
//! counterexample found is a shortest one. Visited states are known by prints of 128 bits: two states with the same
//! print, which is not to be expected ever, would hide each other's futures.
//!
//! It does not cut frames, block sockets, or let clocks differ; the event queue does. Invariants checked: S1, S2, S3,
//! S4, S5, S7, S8, B1, B2, N1, N2, N3, N4, N8, F1, and X4 for panics.

mod agent;
mod host;
mod judge;
mod packed;
mod pool;
mod scope;
mod store;
mod table;
mod world;

pub use scope::{Choice, Scope};

use crate::oracle::Invariant;
use packed::Packed;
use pool::Pool;
use table::Set;
use world::{DOWN, Stop, UP, World};

/// The progress of a search, reported now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// States found so far.
    pub states: u64,
    /// Choices tried so far.
    pub transitions: u64,
    /// The distance of the current states from the start, in choices.
    pub depth: u32,
}

/// A choice on the way to a violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The choice that was made.
    pub choice: Choice,
    /// The choice in words.
    pub words: String,
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How many different states there are.
    pub states: u64,
    /// How many choices were tried.
    pub transitions: u64,
    /// The distance of the farthest state from the start.
    pub depth: u32,
    /// Set if every state within the scope was visited: neither a violation nor the bound on states ended the search.
    pub complete: bool,
    /// Choices not taken because they needed more frames under way than there is room for.
    pub cut_off: u64,
    /// Different states of single nodes, frames, and steps of single nodes.
    pub kept: [usize; 3],
    /// A shortest way to a violation.
    pub counterexample: Option<Vec<Move>>,
    /// The violated invariant, and the violation in words.
    pub violated: Option<(Invariant, String)>,
}

/// Returns the number of the next thing: they are numbered in the order in which they come.
fn number_of(count: usize) -> u32 {
    u32::try_from(count).expect("memory ends before numbers do")
}

/// How many transitions lie between two reports of progress.
const TOLD_EVERY: u64 = 1 << 16;

/// Searches a scope.
pub fn search(scope: &Scope, progress: &mut dyn FnMut(Progress)) -> Outcome {
    let mut search = Search::new(*scope);
    while search.found.is_none() && !search.frontier.is_empty() && search.has_room() {
        search.level(progress);
    }
    search.outcome()
}

struct Search {
    scope: Scope,
    pool: Pool,
    start: World,
    visited: Set,
    /// For each state the one from which it was reached first, and by which choice.
    reached: Vec<(u32, u16)>,
    /// The farthest states, packed: the last of all that were reached.
    frontier: Vec<u8>,
    /// The number of the first state in the frontier.
    frontier_at: u32,
    /// The states that the choices of one state led to.
    led_to: Vec<(u128, Choice, Packed)>,
    transitions: u64,
    cut_off: u64,
    depth: u32,
    found: Option<(u32, Choice, (Invariant, String))>,
}

impl Search {
    fn new(scope: Scope) -> Self {
        let (pool, start) = Pool::new(scope);
        let packed = start.pack();
        let mut visited = Set::new();
        visited.insert(packed.print());
        Self {
            scope,
            pool,
            start,
            visited,
            reached: vec![(0, 0)],
            frontier: packed.bytes().to_vec(),
            frontier_at: 0,
            led_to: Vec::new(),
            transitions: 0,
            cut_off: 0,
            depth: 0,
            found: None,
        }
    }

    fn has_room(&self) -> bool {
        self.visited.len() < self.scope.states_max as usize
    }

    /// Tries every choice in every state of the frontier.
    fn level(&mut self, progress: &mut dyn FnMut(Progress)) {
        let mut choices = Vec::new();
        let frontier = std::mem::take(&mut self.frontier);
        let mut number = std::mem::replace(&mut self.frontier_at, number_of(self.reached.len()));
        let mut rest = &frontier[..];
        while let Some((world, more)) = World::unpack(rest)
            && self.found.is_none()
            && self.has_room()
        {
            self.pool.choices(&world, &mut choices);
            let before = self.transitions;
            self.expand(&world, number, &choices);
            if self.transitions / TOLD_EVERY != before / TOLD_EVERY {
                progress(self.progress());
            }
            (rest, number) = (more, number + 1);
        }
        self.depth += u32::from(self.found.is_none() && !self.frontier.is_empty());
        progress(self.progress());
    }

    /// Tries these choices in a state; the resulting states are looked up together.
    fn expand(&mut self, world: &World, number: u32, choices: &[Choice]) {
        self.led_to.clear();
        for choice in choices {
            self.transitions += 1;
            match self.pool.after(world, *choice) {
                Ok(after) => {
                    let packed = after.pack();
                    self.led_to.push((packed.print(), *choice, packed));
                }
                Err(Stop::Bound) => self.cut_off += 1,
                Err(Stop::Wrong(wrong)) => {
                    self.found = Some((number, *choice, *wrong));
                    break;
                }
            }
        }
        self.visited.fetch(self.led_to.iter().map(|(print, ..)| *print));
        for (print, choice, packed) in &self.led_to {
            if self.visited.insert(*print) {
                self.reached.push((number, choice.pack()));
                self.frontier.extend_from_slice(packed.bytes());
            }
        }
    }

    fn progress(&self) -> Progress {
        Progress { states: self.visited.len() as u64, transitions: self.transitions, depth: self.depth }
    }

    fn outcome(mut self) -> Outcome {
        let complete = self.found.is_none() && self.has_room();
        let counterexample = self.found.as_ref().map(|(from, choice, _)| (*from, *choice));
        let counterexample = counterexample.map(|(from, choice)| self.way(from, choice));
        Outcome {
            states: self.visited.len() as u64,
            transitions: self.transitions,
            depth: self.depth,
            complete,
            cut_off: self.cut_off,
            kept: self.pool.sizes(),
            counterexample,
            violated: self.found.map(|(_, _, wrong)| wrong),
        }
    }

    /// Returns the choices from the start to a state and one more, in words.
    fn way(&mut self, to: u32, last: Choice) -> Vec<Move> {
        let mut choices = vec![last];
        let mut at = to;
        while at != 0 {
            let (from, choice) = self.reached[at as usize];
            choices.push(Choice::unpack(choice));
            at = from;
        }
        let mut world = self.start;
        let mut moves = Vec::new();
        for choice in choices.into_iter().rev() {
            moves.push(Move { choice, words: self.words(&world, choice) });
            if let Ok(after) = self.pool.after(&world, choice) {
                world = after;
            }
        }
        moves
    }

    fn words(&self, world: &World, choice: Choice) -> String {
        match choice {
            Choice::Write(node) => format!("node {node} writes a record"),
            Choice::Deliver { dialler, down } => {
                let wire = &world.wires[usize::from(dialler)];
                let (from, to) = if down { (wire.upstream, dialler) } else { (dialler, wire.upstream) };
                let queue = &wire.queues[if down { DOWN } else { UP }];
                let first = queue.frames[..usize::from(queue.len)].first();
                let what = first.map_or("the end", |frame| judge::words(self.pool.frame(*frame)));
                format!("node {to} reads {what} from node {from}")
            }
            Choice::Apply(node) => format!("node {node} applies a batch"),
            Choice::Sync(node) => format!("node {node} syncs"),
            Choice::View(node) => format!("node {node} opens a view"),
            Choice::Install(node) => format!("node {node} installs a snapshot"),
            Choice::Wait => "time goes on to the next deadline".to_owned(),
            Choice::Reset(dialler) => format!("the connection of node {dialler} is reset"),
            Choice::Crash { node, loses: false } => format!("node {node} is killed and starts again"),
            Choice::Crash { node, loses: true } => {
                format!("node {node} loses power and what it had not synced")
            }
            Choice::Promote(node) => format!("node {node} is promoted"),
            Choice::Follow(node) => format!("node {node} is ordered to follow the new primary"),
        }
    }
}

#[cfg(test)]
mod tests;
