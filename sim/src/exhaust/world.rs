//! The state that is searched: the agent of each node, the frames under way, the events that may still happen.
//!
//! Agents and frames are kept once each and named by number, so a world is a few words. Bounds: [`NODES_MAX`] nodes,
//! [`FRAMES_MAX`] frames under way in one direction; a choice that would need more is not taken.

use super::agent::{Agent, Facts, Op, Wrong};
use super::judge;
use super::pool::{Outside, Pool};
use super::scope::{Choice, Scope};

/// The most nodes: a primary and two replicas.
pub(super) const NODES_MAX: usize = 3;
/// The most frames under way in one direction.
pub(super) const FRAMES_MAX: usize = 8;
const NOBODY: u8 = u8::MAX;
/// The directions of a connection.
pub(super) const UP: usize = 0;
pub(super) const DOWN: usize = 1;

/// One direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Queue {
    pub(super) frames: [u32; FRAMES_MAX],
    pub(super) len: u8,
}

/// A connection, by the node that dialled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wire {
    /// The other end; none if there is no connection.
    pub(super) upstream: u8,
    pub(super) queues: [Queue; 2],
    /// The ends that have closed: bit 0 the upstream's, bit 1 the dialler's.
    pub(super) closed: u8,
}

/// One state of the whole system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct World {
    pub(super) agents: [u32; NODES_MAX],
    pub(super) wires: [Wire; NODES_MAX],
    /// The upstream that each node was ordered to follow.
    pub(super) targets: [u8; NODES_MAX],
    /// The newest primary.
    pub(super) chief: u8,
    pub(super) ops: u8,
    pub(super) resets: u8,
    pub(super) crashes: u8,
    pub(super) promotions: u8,
    pub(super) waits: u8,
}

pub(super) const NO_WIRE: Wire =
    Wire { upstream: NOBODY, queues: [Queue { frames: [0; FRAMES_MAX], len: 0 }; 2], closed: 0 };

impl Queue {
    fn pop(&mut self) -> u32 {
        let first = self.frames[0];
        self.frames.copy_within(1.., 0);
        self.frames[FRAMES_MAX - 1] = 0;
        self.len -= 1;
        first
    }
}

/// The reason why a choice leads nowhere.
pub(super) enum Stop {
    /// It needs more room than the bounds give.
    Bound,
    /// It breaks an invariant.
    Wrong(Box<Wrong>),
}

impl Pool {
    /// Makes the pool of a scope, and the world of the start.
    pub(super) fn new(scope: Scope) -> (Self, World) {
        let config = scope.config().expect("the scope's options are sound");
        let mut pool = Self::empty(scope);
        let mut world = World {
            agents: [0; NODES_MAX],
            wires: [NO_WIRE; NODES_MAX],
            targets: [0; NODES_MAX],
            chief: 0,
            ops: scope.ops,
            resets: scope.resets,
            crashes: scope.crashes,
            promotions: scope.promotions,
            waits: scope.waits,
        };
        world.targets[0] = NOBODY;
        for node in 0..pool.nodes() {
            use towline_core::Role;
            let role = if node == 0 { Role::Primary } else { Role::Replica };
            world.agents[usize::from(node)] = pool.keep_first(Box::new(Agent::new(config, node, role)));
        }
        // The first turn of all nodes: replicas dial.
        for node in 0..pool.nodes() {
            assert!(
                pool.act(&mut world, node, Op::Wait { span_ns: 0 }).is_ok(),
                "nothing is wrong at the start"
            );
        }
        if !scope.fresh {
            assert!(pool.settle(&mut world).is_ok(), "nothing is wrong as long as nothing happens");
        }
        (pool, world)
    }

    /// Lets everything that is under way arrive and be done; nothing else happens.
    fn settle(&mut self, world: &mut World) -> Result<(), Stop> {
        let mut choices = Vec::new();
        loop {
            self.choices(world, &mut choices);
            let quiet = |choice: &Choice| {
                matches!(choice, Choice::Deliver { .. } | Choice::Apply(_) | Choice::Sync(_))
                    || matches!(choice, Choice::View(_) | Choice::Install(_))
            };
            let Some(choice) = choices.iter().copied().find(quiet) else { return Ok(()) };
            *world = self.after(world, choice)?;
        }
    }

    fn nodes(&self) -> u8 {
        1 + self.scope.replicas.clamp(1, 2)
    }

    fn facts_of(&self, world: &World, node: u8) -> &Facts {
        self.facts(world.agents[usize::from(node)])
    }

    // --- choices ------------------------------------------------------------------------------------------------

    /// Returns the choices in a world, in a fixed order.
    pub(super) fn choices(&self, world: &World, choices: &mut Vec<Choice>) {
        choices.clear();
        for node in 0..self.nodes() {
            self.choices_of(world, node, choices);
            let wire = &world.wires[usize::from(node)];
            if wire.upstream == NOBODY {
                continue;
            }
            for (direction, down) in [(UP, false), (DOWN, true)] {
                let ended = wire.closed & (if down { 1 } else { 2 }) != 0;
                if wire.queues[direction].len > 0 || ended {
                    choices.push(Choice::Deliver { dialler: node, down });
                }
            }
            if world.resets > 0 {
                choices.push(Choice::Reset(node));
            }
        }
        if world.waits > 0 {
            choices.push(Choice::Wait);
        }
    }

    fn choices_of(&self, world: &World, node: u8, choices: &mut Vec<Choice>) {
        let facts = *self.facts_of(world, node);
        let mut offer = |able: bool, choice| {
            if able {
                choices.push(choice);
            }
        };
        offer(facts.primary && world.ops > 0, Choice::Write(node));
        offer(facts.can_apply, Choice::Apply(node));
        // A sync shows only in a crash.
        offer(world.crashes > 0 && facts.can_sync, Choice::Sync(node));
        offer(facts.can_view, Choice::View(node));
        offer(facts.can_install, Choice::Install(node));
        offer(world.crashes > 0, Choice::Crash { node, loses: false });
        offer(world.crashes > 0 && facts.can_sync, Choice::Crash { node, loses: true });
        offer(world.promotions > 0 && !facts.primary && facts.base, Choice::Promote(node));
        let told = world.targets[usize::from(node)];
        offer(node != world.chief && told != world.chief, Choice::Follow(node));
    }

    /// Returns the world after a choice.
    pub(super) fn after(&mut self, world: &World, choice: Choice) -> Result<World, Stop> {
        let mut next = *world;
        match choice {
            Choice::Write(node) => {
                next.ops -= 1;
                let name = self.scope.ops - next.ops;
                self.act(&mut next, node, Op::Write { name })?;
            }
            Choice::Deliver { dialler, down } => self.deliver(&mut next, dialler, down)?,
            Choice::Apply(node) => self.act(&mut next, node, Op::Apply)?,
            Choice::Sync(node) => self.act(&mut next, node, Op::Sync)?,
            Choice::View(node) => self.act(&mut next, node, Op::View)?,
            Choice::Install(node) => self.act(&mut next, node, Op::Install)?,
            Choice::Wait => {
                next.waits -= 1;
                let nodes = 0..self.nodes();
                let span = nodes.clone().filter_map(|node| self.facts_of(world, node).wants_call_in_ns).min();
                for node in nodes {
                    self.act(&mut next, node, Op::Wait { span_ns: span.unwrap_or(1) })?;
                }
            }
            Choice::Reset(dialler) => {
                next.resets -= 1;
                self.cut(&mut next, dialler, NOBODY)?;
            }
            Choice::Crash { node, loses } => {
                next.crashes -= 1;
                for dialler in 0..self.nodes() {
                    if dialler == node || next.wires[usize::from(dialler)].upstream == node {
                        self.cut(&mut next, dialler, node)?;
                    }
                }
                let primary = node == next.chief;
                next.targets[usize::from(node)] = if primary { NOBODY } else { next.chief };
                self.act(&mut next, node, Op::Crash { loses, primary })?;
            }
            Choice::Promote(node) => {
                next.promotions -= 1;
                (next.chief, next.targets[usize::from(node)]) = (node, NOBODY);
                self.act(&mut next, node, Op::Promote)?;
            }
            Choice::Follow(node) => {
                next.targets[usize::from(node)] = next.chief;
                self.act(&mut next, node, Op::Follow)?;
            }
        }
        Ok(next)
    }

    fn deliver(&mut self, world: &mut World, dialler: u8, down: bool) -> Result<(), Stop> {
        let (direction, wire) = (usize::from(down), &mut world.wires[usize::from(dialler)]);
        let node = if down { dialler } else { wire.upstream };
        let queue = &mut wire.queues[direction];
        if queue.len == 0 {
            // The other end has closed, and all is read.
            *wire = NO_WIRE;
            return self.lose(world, node, dialler);
        }
        let frame = queue.pop();
        if !self.facts_of(world, node).is_open(dialler) {
            return Ok(());
        }
        self.act(world, node, Op::Frame { link: dialler, frame })?;
        if down {
            return Ok(());
        }
        judge::answer(self, world, node, dialler, frame)
            .map_or(Ok(()), |wrong| Err(Stop::Wrong(Box::new(wrong))))
    }

    /// Ends a connection: bytes under way are lost, and both ends are notified except the dead one.
    fn cut(&mut self, world: &mut World, dialler: u8, dead: u8) -> Result<(), Stop> {
        let wire = std::mem::replace(&mut world.wires[usize::from(dialler)], NO_WIRE);
        for end in [wire.upstream, dialler] {
            if wire.upstream != NOBODY && end != dead {
                self.lose(world, end, dialler)?;
            }
        }
        Ok(())
    }

    fn lose(&mut self, world: &mut World, node: u8, link: u8) -> Result<(), Stop> {
        if self.facts_of(world, node).is_open(link) {
            self.act(world, node, Op::Lost { link })?;
        }
        Ok(())
    }

    // --- operations ---------------------------------------------------------------------------------------------

    /// Does an operation at a node, and its effects outside.
    fn act(&mut self, world: &mut World, node: u8, op: Op) -> Result<(), Stop> {
        let (agent, outside) = self.make(world.agents[usize::from(node)], op);
        let Outside { frames, closed, dials, wrong } = self.outside(outside);
        if let Some(wrong) = wrong {
            return Err(Stop::Wrong(Box::new(wrong.clone())));
        }
        world.agents[usize::from(node)] = agent;
        let dials = *dials;
        for (link, frame) in frames {
            let wire = &mut world.wires[usize::from(*link)];
            if wire.upstream == NOBODY {
                continue;
            }
            let queue = &mut wire.queues[usize::from(*link != node)];
            *queue.frames.get_mut(usize::from(queue.len)).ok_or(Stop::Bound)? = *frame;
            queue.len += 1;
        }
        for link in closed {
            let wire = &mut world.wires[usize::from(*link)];
            let (unread, mark) = if *link == node { (DOWN, 2) } else { (UP, 1) };
            wire.queues[unread] = NO_WIRE.queues[unread];
            wire.closed |= mark;
            if wire.closed == 3 {
                *wire = NO_WIRE;
            }
        }
        if let Some(wrong) = judge::flight(self, world) {
            return Err(Stop::Wrong(Box::new(wrong)));
        }
        if dials { self.connect(world, node) } else { Ok(()) }
    }

    fn connect(&mut self, world: &mut World, node: u8) -> Result<(), Stop> {
        let former = std::mem::replace(&mut world.wires[usize::from(node)], NO_WIRE).upstream;
        if former != NOBODY {
            // It dials anew: the peer of its old connection is notified of the end.
            self.lose(world, former, node)?;
        }
        let upstream = world.targets[usize::from(node)];
        let free = |end: u8| !self.facts_of(world, end).is_open(node);
        let able = upstream != NOBODY && free(node) && free(upstream);
        if !able {
            return self.act(world, node, Op::DialFailed);
        }
        world.wires[usize::from(node)] = Wire { upstream, ..NO_WIRE };
        self.act(world, upstream, Op::Open { link: node, upstream: false })?;
        self.act(world, node, Op::Open { link: node, upstream: true })?;
        // HELLO and WELCOME depend on nothing else, so they arrive at once.
        for down in [false, true] {
            if world.wires[usize::from(node)].queues[usize::from(down)].len > 0 {
                self.deliver(world, node, down)?;
            }
        }
        Ok(())
    }
}
