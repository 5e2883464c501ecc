//! The conditions of every link, and every replication connection that stands: how much each end may read or write, and
//! what the plan did to it.
//!
//! A wire is one connection: end 0 dialled (the replica), end 1 accepted (its upstream); way 0 carries what end 0
//! writes. Both ends find their wire by the two addresses of the socket; the end that comes first makes it. States of a
//! wire: *open*, *reset* (both ends see it at once), *dead* (bytes vanish and neither end sees it).
//!
//! Bounds: a wire goes when both its ends are gone; one that is never accepted stays until the run ends.

#![expect(
    clippy::disallowed_types,
    reason = "director and shapers share it; one lock, never held while waiting"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

use super::chaos::Chaos;
use super::feeders::Feeders;
use super::way::{Reads, Way};
use crate::plan::{Fault, Kind, Knobs, Plan};
use crate::stream::Stream;

/// The most that one write to a socket takes: turmoil's window counts writes.
const WRITE_BYTES: u64 = 16 << 10;

/// The name of a connection: its dialling address, and the dialled one.
pub(super) type WireName = (SocketAddr, SocketAddr);

/// The result of a dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    Hangs,
    Refuses,
}

/// A writer's next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// Write so many bytes.
    Bytes(usize),
    /// Report so many bytes as written, and discard them.
    Lost(usize),
    /// Nothing yet: wait.
    Nothing,
    /// It is over.
    Reset,
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
    /// Replica and upstream; unknown until the dialling end has attached.
    pair: Option<(usize, usize)>,
    life: Life,
    /// The upstream's end was closed in order.
    closed: bool,
    ends_gone: u8,
    /// The moment its first end attached.
    since_us: u64,
    ways: [Way; 2],
}

#[derive(Debug)]
struct State {
    chaos: Chaos,
    alive: Vec<bool>,
    dark: Vec<bool>,
    addresses: BTreeMap<(usize, u16), SocketAddr>,
    wires: BTreeMap<WireName, Wire>,
    /// A waker for each machine whose store waits for a fault to end.
    stores: Vec<Option<Waker>>,
    feeders: Feeders,
    random: Stream,
}

/// The state of all links, shared.
#[derive(Debug)]
pub(crate) struct Weather {
    knobs: Knobs,
    state: Mutex<State>,
    /// Notified at every change, for dials that hang.
    changed: Notify,
}

impl Weather {
    pub(crate) fn new(plan: &Plan, machines: usize) -> Self {
        let state = State {
            chaos: Chaos::new(plan),
            alive: vec![false; machines],
            dark: vec![false; machines],
            stores: vec![None; machines],
            feeders: Feeders::new(plan.nodes.len()),
            addresses: BTreeMap::new(),
            wires: BTreeMap::new(),
            random: Stream::new(plan.seed, "driver:links"),
        };
        Self { knobs: plan.knobs, state: Mutex::new(state), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all readers, writers and stores. Wakers are called with the lock free.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let State { wires, stores, .. } = &mut *state;
        let ways = wires.values_mut().flat_map(|wire| &mut wire.ways);
        let sockets = ways.flat_map(|way| [way.reader.take(), way.writer.take()]);
        let wakers: Vec<Waker> = sockets.chain(stores.iter_mut().map(Option::take)).flatten().collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        self.changed.notify_waiters();
    }

    // --- called by the director ------------------------------------------------------------------------------------

    /// Begins a lasting fault.
    pub(super) fn begin(&self, index: usize) {
        let mut state = self.lock();
        state.chaos.active.push(index);
        self.wake(state);
    }

    /// Ends a lasting fault.
    pub(super) fn end(&self, index: usize) {
        let mut state = self.lock();
        state.chaos.active.retain(|active| *active != index);
        self.wake(state);
    }

    /// Records that a process is there, or not.
    pub(super) fn set_alive(&self, node: usize, alive: bool) {
        let mut state = self.lock();
        state.alive[node] = alive;
        self.wake(state);
    }

    pub(super) fn is_alive(&self, node: usize) -> bool {
        self.lock().alive[node]
    }

    /// Gives access to the nodes' upstreams.
    pub(super) fn feeders<T>(&self, with: impl FnOnce(&mut Feeders) -> T) -> T {
        with(&mut self.lock().feeders)
    }

    pub(super) fn took_effect(&self, index: usize) {
        self.lock().chaos.effects[index] = true;
    }

    pub(super) fn effects(&self) -> Vec<bool> {
        self.lock().chaos.effects.clone()
    }

    /// Does something at once to the standing connections of a fault's pair.
    pub(super) fn strike(&self, index: usize) {
        let mut state = self.lock();
        let Fault { kind, node, peer, amount, .. } = state.chaos.faults[index];
        let mut hit = false;
        for wire in state.wires.values_mut() {
            if wire.pair != Some((node, peer)) || wire.life != Life::Open || wire.closed || wire.ends_gone > 0
            {
                continue;
            }
            let at = Some(wire.ways[1].read + amount);
            wire.closed = kind == Kind::Fin;
            if kind == Kind::CutAfter {
                wire.ways[1].cut_at = at;
            } else if kind == Kind::Flip {
                wire.ways[1].flip_at = at;
            } else if kind == Kind::BlackHole {
                wire.life = Life::Dead;
            } else if kind != Kind::Fin {
                wire.life = Life::Reset;
            }
            // A fault that waits for a byte takes effect when that byte comes, if ever.
            hit |= !matches!(kind, Kind::CutAfter | Kind::Flip);
        }
        state.chaos.effects[index] |= hit;
        self.wake(state);
    }

    /// Cuts or restores a machine's power: its peers see no sign of the cut.
    pub(super) fn set_dark(&self, node: usize, dark: bool) {
        let mut state = self.lock();
        state.dark[node] = dark;
        let of_it = |wire: &&mut Wire| dark && wire.pair.is_some_and(|pair| pair.0 == node || pair.1 == node);
        state.wires.values_mut().filter(of_it).for_each(|wire| wire.life = Life::Dead);
        self.wake(state);
    }

    /// Ends chaos: faults that still wait for their byte are dropped.
    pub(super) fn calm(&self) {
        let mut state = self.lock();
        for way in state.wires.values_mut().flat_map(|wire| &mut wire.ways) {
            (way.cut_at, way.flip_at) = (None, None);
        }
        self.wake(state);
    }

    // --- called by the net -----------------------------------------------------------------------------------------

    pub(super) fn listens(&self, node: usize, port: u16, addr: SocketAddr) {
        self.lock().addresses.insert((node, port), addr);
    }

    pub(super) fn address(&self, node: usize, port: u16) -> Option<SocketAddr> {
        self.lock().addresses.get(&(node, port)).copied()
    }

    /// Returns how a node's dial fares.
    pub(super) fn gate(&self, replica: usize, upstream: usize) -> Gate {
        let mut state = self.lock();
        let gate = state.chaos.gate((replica, upstream));
        match (state.dark[upstream], state.alive[upstream]) {
            (true, _) => Gate::Hangs,
            (false, false) => Gate::Refuses,
            (false, true) => gate,
        }
    }

    /// Waits for the next change after this call.
    pub(super) fn changed(&self) -> impl Future<Output = ()> {
        self.changed.notified()
    }

    /// Attaches one end of a connection; the dialling end gives the pair.
    pub(super) fn attach(&self, now_us: u64, name: WireName, pair: Option<(usize, usize)>) {
        let mut state = self.lock();
        if pair.is_some() && state.wires.get(&name).is_some_and(|wire| wire.pair.is_some()) {
            // An address used again: the old wire's ends are long gone.
            state.wires.remove(&name);
        }
        let dark = pair.is_some_and(|pair| state.dark[pair.0] || state.dark[pair.1]);
        let wire = state.wires.entry(name).or_insert_with(|| Wire { since_us: now_us, ..Wire::default() });
        wire.pair = wire.pair.or(pair);
        if dark {
            wire.life = Life::Dead;
        }
        self.wake(state);
    }

    /// Detaches one end.
    pub(super) fn detach(&self, name: &WireName) {
        let mut state = self.lock();
        let Some(wire) = state.wires.get_mut(name) else { return };
        wire.ends_gone += 1;
        if wire.ends_gone >= 2 {
            state.wires.remove(name);
        }
    }

    // --- called by a store -----------------------------------------------------------------------------------------

    /// Returns the amount of the newest fault of this kind at a node, if one is on, and marks each as having taken
    /// effect.
    pub(super) fn ails(&self, node: usize, kind: Kind) -> Option<u64> {
        self.lock().chaos.ails(node, kind)
    }

    /// Registers a store to be woken when the faults change.
    pub(super) fn store_waits(&self, machine: usize, waker: &Waker) {
        self.lock().stores[machine] = Some(waker.clone());
    }

    // --- called by a shaper ----------------------------------------------------------------------------------------

    /// Returns how much of a way may be read now, if so much has arrived unread and there is room for so much.
    pub(super) fn read(
        &self,
        name: &WireName,
        way: usize,
        has: (usize, bool),
        room: usize,
        now_us: u64,
        waker: &Waker,
    ) -> Reads {
        let mut state = self.lock();
        let State { chaos, wires, .. } = &mut *state;
        let Some(wire) = wires.get_mut(name) else { return Reads::Reset };
        if wire.life == Life::Reset || wire.closed && way == 0 {
            return Reads::Reset;
        }
        let of = &mut wire.ways[way];
        let now = wire.pair.map(|pair| chaos.conditions(&self.knobs, pair, way, of.written > of.read));
        let reads = match now {
            Some(now) if !now.held && wire.life == Life::Open => of.ready(has, room, &now, now_us),
            Some(_) | None => Reads::Nothing,
        };
        let Reads::Bytes(_, flip) = reads else {
            of.reader = Some(waker.clone());
            return reads;
        };
        let writer = of.writer.take();
        let cut = of.cut_at == Some(of.read);
        if let Some(pair) = wire.pair.filter(|_| flip.is_some()) {
            chaos.struck(Kind::Flip, pair);
        }
        if let Some(pair) = wire.pair.filter(|_| cut) {
            wire.life = Life::Reset;
            chaos.struck(Kind::CutAfter, pair);
            self.wake(state);
        } else {
            drop(state);
        }
        writer.into_iter().for_each(Waker::wake);
        reads
    }

    /// Returns how many of so many bytes may be written to a way now.
    pub(super) fn room(&self, name: &WireName, way: usize, bytes: usize, waker: &Waker) -> Writes {
        let mut state = self.lock();
        let State { chaos, wires, .. } = &mut *state;
        let Some(wire) = wires.get_mut(name) else { return Writes::Reset };
        if wire.life == Life::Reset || wire.closed && way == 1 {
            return Writes::Reset;
        }
        let of = &mut wire.ways[way];
        let now = wire.pair.map(|pair| chaos.conditions(&self.knobs, pair, way, true));
        let room = now.map_or(0, |now| {
            let left = now.window.saturating_sub(of.written - of.read);
            left.min(now.gulp).min(WRITE_BYTES).min(bytes as u64)
        });
        let most = usize::try_from(room).expect("bytes of one write");
        if most == 0 {
            of.writer = Some(waker.clone());
            return Writes::Nothing;
        }
        if wire.life == Life::Dead {
            of.written += room;
            return Writes::Lost(most);
        }
        Writes::Bytes(most)
    }

    /// Records that so many bytes were written: they arrive when the link has carried them.
    pub(super) fn wrote(&self, name: &WireName, way: usize, bytes: usize, now_us: u64) {
        let mut state = self.lock();
        let State { chaos, wires, feeders, random, .. } = &mut *state;
        let Some(wire) = wires.get_mut(name) else { return };
        let Some(pair) = wire.pair else { return };
        if way == 0 {
            feeders.says(now_us, pair, wire.since_us);
        }
        let now = chaos.conditions(&self.knobs, pair, way, true);
        let jitter_us = random.below(self.knobs.jitter.saturating_mul(2).saturating_add(1));
        let of = &mut wire.ways[way];
        of.wrote(bytes as u64, self.knobs.latency + jitter_us, &now, now_us);
        // The bytes may have arrived already, unread because they had no mark.
        let reader = of.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }
}
