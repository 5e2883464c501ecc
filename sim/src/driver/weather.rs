//! The links as the plan has them now, and every replication connection that stands: who may read or write how much,
//! and what was done to it.
//!
//! A wire is one connection: end 0 dialled (the replica), end 1 answered (its upstream); way 0 carries what end 0
//! writes. Both ends find their wire by the two addresses of the socket, whichever comes first makes it. States of a
//! wire: *open*, *reset* (both ends hear it at once), *dead* (bytes vanish and nobody hears).
//!
//! Invariants of a way: `read <= arrived <= written` in stream positions, and `written - read` is at most the window.
//! Bounds: a wire goes when both its ends are gone; one that is never answered stays until the run ends.

#![expect(
    clippy::disallowed_types,
    reason = "director and shapers share it; one lock, never held while waiting"
)]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

use crate::plan::{Fault, Kind, Knobs, Plan};
use crate::stream::Stream;

/// What one write to a socket takes at most: turmoil's window counts writes.
const WRITE_BYTES: u64 = 16 << 10;

/// A connection's name: where it was dialled from, and where to.
pub(super) type WireName = (SocketAddr, SocketAddr);

/// What a dial meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    Hangs,
    Refuses,
}

/// What a reader may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Take so many bytes; flip the lowest bit of the one at this place.
    Bytes(usize, Option<usize>),
    /// Look again at this time.
    At(u64),
    /// Wait.
    Nothing,
    /// It is over: in order, or by a reset.
    End,
    Reset,
}

/// What a writer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// Write so many bytes.
    Bytes(usize),
    /// Say that so many were written, and forget them.
    Lost(usize),
    /// Wait.
    Nothing,
    /// It is over.
    Reset,
}

#[derive(Debug, Default)]
struct Way {
    written: u64,
    read: u64,
    /// What may be read by now.
    due: u64,
    /// What was written up to here is due then.
    marks: VecDeque<(u64, u64)>,
    /// The link carries the bytes before until then.
    busy_us: u64,
    /// A slow reader reads again then.
    reads_us: u64,
    cut_at: Option<u64>,
    flip_at: Option<u64>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Life {
    #[default]
    Open,
    Reset,
    Dead,
}

#[derive(Debug, Default)]
struct Wire {
    /// Replica and upstream; unknown until the dialler has said so.
    pair: Option<(usize, usize)>,
    life: Life,
    /// The upstream's end was closed in order.
    closed: bool,
    ends_gone: u8,
    ways: [Way; 2],
}

/// What the active faults make of one way now.
#[derive(Debug, Clone, Copy)]
struct Conditions {
    held: bool,
    unread: bool,
    slow_us: u64,
    reads_a_second: Option<u64>,
    rate: u64,
    window: u64,
    gulp: u64,
}

#[derive(Debug)]
struct State {
    faults: Vec<Fault>,
    active: Vec<usize>,
    effects: Vec<bool>,
    alive: Vec<bool>,
    dark: Vec<bool>,
    addresses: BTreeMap<(usize, u16), SocketAddr>,
    wires: BTreeMap<WireName, Wire>,
    dice: Stream,
}

/// All of it, shared.
#[derive(Debug)]
pub(crate) struct Weather {
    knobs: Knobs,
    state: Mutex<State>,
    /// A dial that hangs waits for it.
    changed: Notify,
}

/// Whether a fault lies on the way between a replica and its upstream.
fn lies_between(fault: &Fault, (replica, upstream): (usize, usize)) -> bool {
    let on_side = |node: usize| fault.amount >> node.min(63) & 1;
    if fault.kind == Kind::Split {
        return on_side(replica) != on_side(upstream);
    }
    (fault.node, fault.peer) == (replica, upstream)
}

impl State {
    fn on(&self) -> impl Iterator<Item = (usize, &Fault)> {
        self.active.iter().map(|index| (*index, &self.faults[*index]))
    }

    /// What lies on this way of a pair, for a reader or a writer; every fault found there takes effect if `counts`.
    fn conditions(&mut self, knobs: &Knobs, pair: (usize, usize), way: usize, counts: bool) -> Conditions {
        let mut now = Conditions {
            held: false,
            unread: false,
            slow_us: 0,
            reads_a_second: None,
            rate: knobs.rate,
            window: knobs.socket.max(1),
            gulp: knobs.gulp.max(1),
        };
        let reader = if way == 0 { pair.1 } else { pair.0 };
        let mut met = Vec::new();
        for (index, fault) in self.on() {
            let between = lies_between(fault, pair);
            let amount = fault.amount.max(1);
            let hit = match fault.kind {
                Kind::Hold | Kind::Split if between => {
                    now.held = true;
                    true
                }
                Kind::HoldUp | Kind::HoldDown if between && (fault.kind == Kind::HoldUp) == (way == 0) => {
                    now.held = true;
                    true
                }
                Kind::Slow if between => {
                    now.slow_us += fault.amount;
                    true
                }
                Kind::Rate if between => {
                    now.rate = amount;
                    true
                }
                Kind::Narrow if between => {
                    now.window = amount;
                    true
                }
                Kind::Dribble if between => {
                    now.gulp = amount;
                    true
                }
                Kind::StopReading if fault.node == reader => {
                    now.unread = true;
                    true
                }
                Kind::SlowReading if fault.node == reader => {
                    now.reads_a_second = Some(amount);
                    true
                }
                _other => false,
            };
            if hit {
                met.push(index);
            }
        }
        for index in met {
            self.effects[index] |= counts;
        }
        now
    }
}

impl Weather {
    pub(crate) fn new(plan: &Plan) -> Self {
        let nodes = plan.nodes.len();
        let state = State {
            faults: plan.faults.clone(),
            active: Vec::new(),
            effects: vec![false; plan.faults.len()],
            alive: vec![false; nodes],
            dark: vec![false; nodes],
            addresses: BTreeMap::new(),
            wires: BTreeMap::new(),
            dice: Stream::new(plan.seed, "driver:links"),
        };
        Self { knobs: plan.knobs, state: Mutex::new(state), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everybody looks again. Wakers are called with the lock free.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let ways = state.wires.values_mut().flat_map(|wire| &mut wire.ways);
        let wakers: Vec<Waker> =
            ways.flat_map(|way| [way.reader.take(), way.writer.take()]).flatten().collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        self.changed.notify_waiters();
    }

    // --- what the director does ------------------------------------------------------------------------------------

    /// A lasting fault is there from now on.
    pub(super) fn begin(&self, index: usize) {
        let mut state = self.lock();
        state.active.push(index);
        self.wake(state);
    }

    /// And gone.
    pub(super) fn end(&self, index: usize) {
        let mut state = self.lock();
        state.active.retain(|active| *active != index);
        self.wake(state);
    }

    /// A process is there, or not.
    pub(super) fn set_alive(&self, node: usize, alive: bool) {
        let mut state = self.lock();
        state.alive[node] = alive;
        self.wake(state);
    }

    pub(super) fn is_alive(&self, node: usize) -> bool {
        self.lock().alive[node]
    }

    pub(super) fn took_effect(&self, index: usize) {
        self.lock().effects[index] = true;
    }

    pub(super) fn effects(&self) -> Vec<bool> {
        self.lock().effects.clone()
    }

    /// Does something at once to the standing connections of a fault's pair.
    pub(super) fn strike(&self, index: usize) {
        let mut state = self.lock();
        let fault = state.faults[index];
        let mut hit = false;
        for wire in state.wires.values_mut() {
            let meant = wire.pair == Some((fault.node, fault.peer));
            if !meant || wire.life != Life::Open || wire.closed || wire.ends_gone > 0 {
                continue;
            }
            hit = true;
            match fault.kind {
                Kind::Cut | Kind::Flap => wire.life = Life::Reset,
                Kind::BlackHole => wire.life = Life::Dead,
                Kind::Fin => wire.closed = true,
                Kind::CutAfter => wire.ways[1].cut_at = Some(wire.ways[1].read + fault.amount),
                Kind::Flip => wire.ways[1].flip_at = Some(wire.ways[1].read + fault.amount),
                _other => hit = false,
            }
        }
        // What waits for a byte that may never come has taken effect when it comes.
        state.effects[index] |= hit && !matches!(fault.kind, Kind::CutAfter | Kind::Flip);
        self.wake(state);
    }

    /// A machine loses power: nobody hears of it. Or it has it again.
    pub(super) fn set_dark(&self, node: usize, dark: bool) {
        let mut state = self.lock();
        state.dark[node] = dark;
        let of_it = |wire: &&mut Wire| dark && wire.pair.is_some_and(|pair| pair.0 == node || pair.1 == node);
        state.wires.values_mut().filter(of_it).for_each(|wire| wire.life = Life::Dead);
        self.wake(state);
    }

    /// Chaos is over: what still waits for its byte does not come.
    pub(super) fn calm(&self) {
        let mut state = self.lock();
        for way in state.wires.values_mut().flat_map(|wire| &mut wire.ways) {
            (way.cut_at, way.flip_at) = (None, None);
        }
        self.wake(state);
    }

    // --- what the net asks -----------------------------------------------------------------------------------------

    pub(super) fn listens(&self, node: usize, port: u16, addr: SocketAddr) {
        self.lock().addresses.insert((node, port), addr);
    }

    pub(super) fn address(&self, node: usize, port: u16) -> Option<SocketAddr> {
        self.lock().addresses.get(&(node, port)).copied()
    }

    /// Whether a node's dial comes through.
    pub(super) fn gate(&self, replica: usize, upstream: usize) -> Gate {
        let mut state = self.lock();
        let mut gate = Gate::Open;
        let mut met = Vec::new();
        for (index, fault) in state.on().filter(|(_, fault)| lies_between(fault, (replica, upstream))) {
            match fault.kind {
                Kind::Hold | Kind::HoldUp | Kind::HoldDown | Kind::BlackHole | Kind::Hang | Kind::Split => {
                    gate = Gate::Hangs;
                    met.push(index);
                }
                Kind::Refuse if gate == Gate::Open => {
                    gate = Gate::Refuses;
                    met.push(index);
                }
                _other => {}
            }
        }
        for index in met {
            state.effects[index] = true;
        }
        match (state.dark[upstream], state.alive[upstream]) {
            (true, _) => Gate::Hangs,
            (false, false) => Gate::Refuses,
            (false, true) => gate,
        }
    }

    /// Returns when something has changed since this was called.
    pub(super) fn changed(&self) -> impl Future<Output = ()> {
        self.changed.notified()
    }

    /// One end of a connection is there; the dialler knows whose it is.
    pub(super) fn attach(&self, name: WireName, pair: Option<(usize, usize)>) {
        let mut state = self.lock();
        if pair.is_some() && state.wires.get(&name).is_some_and(|wire| wire.pair.is_some()) {
            // An address used again: the old wire's ends are long gone.
            state.wires.remove(&name);
        }
        let dark = pair.is_some_and(|pair| state.dark[pair.0] || state.dark[pair.1]);
        let wire = state.wires.entry(name).or_default();
        wire.pair = wire.pair.or(pair);
        if dark {
            wire.life = Life::Dead;
        }
        self.wake(state);
    }

    /// One end is gone.
    pub(super) fn detach(&self, name: &WireName) {
        let mut state = self.lock();
        let Some(wire) = state.wires.get_mut(name) else { return };
        wire.ends_gone += 1;
        if wire.ends_gone >= 2 {
            state.wires.remove(name);
        }
    }

    // --- what a shaper asks ----------------------------------------------------------------------------------------

    /// What may be read of a way now, if so much has arrived unread and there is room for so much.
    pub(super) fn read(
        &self,
        name: &WireName,
        way: usize,
        (arrived, ended): (usize, bool),
        room: usize,
        now_us: u64,
        waker: &Waker,
    ) -> Reads {
        let mut state = self.lock();
        let Some(wire) = state.wires.get(name) else { return Reads::Reset };
        let Some(pair) = wire.pair else { return self.waits(state, name, way, waker) };
        let some = wire.ways[way].written > wire.ways[way].read;
        let now = state.conditions(&self.knobs, pair, way, some);
        let Some(wire) = state.wires.get_mut(name) else { return Reads::Reset };
        match wire.life {
            Life::Reset => return Reads::Reset,
            Life::Dead => return self.waits(state, name, way, waker),
            Life::Open if wire.closed && way == 0 => return Reads::Reset,
            Life::Open => {}
        }
        if now.held || now.unread {
            return self.waits(state, name, way, waker);
        }
        let of = &mut wire.ways[way];
        if now.reads_a_second.is_some() && now_us < of.reads_us {
            return Reads::At(of.reads_us);
        }
        while let Some((upto, _)) = of.marks.front().filter(|mark| mark.1 <= now_us) {
            of.due = *upto;
            of.marks.pop_front();
        }
        let most = (arrived.min(room) as u64).min(now.gulp).min(of.due - of.read);
        let most = of.cut_at.map_or(most, |cut_at| most.min(cut_at.saturating_sub(of.read)));
        if most == 0 && of.cut_at != Some(of.read) {
            let next = of.marks.front().map(|mark| mark.1);
            return match next {
                _ if ended && arrived == 0 => Reads::End,
                Some(at_us) if at_us > now_us => Reads::At(at_us),
                _ => self.waits(state, name, way, waker),
            };
        }
        let flip = of.flip_at.filter(|at| (of.read..of.read + most).contains(at)).map(|at| at - of.read);
        of.read += most;
        of.reads_us = now_us + now.reads_a_second.map_or(0, |rate| most * 1_000_000 / rate);
        if flip.is_some() {
            of.flip_at = None;
        }
        let cut = of.cut_at == Some(of.read);
        if cut {
            wire.life = Life::Reset;
        }
        let writer = wire.ways[way].writer.take();
        for index in 0..state.faults.len() {
            let fault = &state.faults[index];
            let done = fault.kind == Kind::CutAfter && cut || fault.kind == Kind::Flip && flip.is_some();
            state.effects[index] |= done && (fault.node, fault.peer) == pair;
        }
        if cut {
            self.wake(state);
        } else {
            drop(state);
        }
        writer.into_iter().for_each(Waker::wake);
        let place = |bytes: u64| usize::try_from(bytes).expect("bytes of one read");
        Reads::Bytes(place(most), flip.map(place))
    }

    fn waits(&self, mut state: MutexGuard<'_, State>, name: &WireName, way: usize, waker: &Waker) -> Reads {
        if let Some(wire) = state.wires.get_mut(name) {
            wire.ways[way].reader = Some(waker.clone());
        }
        Reads::Nothing
    }

    /// How many of so many bytes may be written to a way now.
    pub(super) fn room(&self, name: &WireName, way: usize, bytes: usize, waker: &Waker) -> Writes {
        let mut state = self.lock();
        let Some(wire) = state.wires.get(name) else { return Writes::Reset };
        let pair = wire.pair;
        let now = pair.map(|pair| state.conditions(&self.knobs, pair, way, true));
        let Some(wire) = state.wires.get_mut(name) else { return Writes::Reset };
        if wire.life == Life::Reset || wire.closed && way == 1 {
            return Writes::Reset;
        }
        let of = &mut wire.ways[way];
        let room = now.map_or(0, |now| {
            let left = now.window.saturating_sub(of.written - of.read);
            left.min(now.gulp).min(WRITE_BYTES).min(bytes as u64)
        });
        let most = usize::try_from(room).expect("bytes of one write");
        match (most, wire.life) {
            (0, _) => {
                of.writer = Some(waker.clone());
                Writes::Nothing
            }
            (_, Life::Dead) => {
                of.written += room;
                Writes::Lost(most)
            }
            (_, Life::Open | Life::Reset) => Writes::Bytes(most),
        }
    }

    /// So many bytes are on their way; they come when the link has carried them.
    pub(super) fn wrote(&self, name: &WireName, way: usize, bytes: usize, now_us: u64) {
        let mut state = self.lock();
        let Some(pair) = state.wires.get(name).and_then(|wire| wire.pair) else { return };
        let now = state.conditions(&self.knobs, pair, way, true);
        let jitter_us = state.dice.below(self.knobs.jitter.saturating_mul(2).saturating_add(1));
        let Some(wire) = state.wires.get_mut(name) else { return };
        let of = &mut wire.ways[way];
        of.written += bytes as u64;
        let carried_us = (bytes as u64 * 1_000_000).checked_div(now.rate).unwrap_or(0);
        of.busy_us = of.busy_us.max(now_us) + carried_us;
        let latest_us = of.marks.back().map_or(0, |mark| mark.1);
        let due_us = (of.busy_us + self.knobs.latency + jitter_us + now.slow_us).max(latest_us);
        of.marks.push_back((of.written, due_us));
        // The bytes may be there already, unread because they had no mark.
        let reader = of.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }
}
