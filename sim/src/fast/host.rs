//! A machine and the process on it: the host around a node, driven in turns.
//!
//! A turn feeds all that came, reports completions, polls every event, writes every link. A machine may be kept from
//! its turn: it stands still (`Pause`), or is busy with the one before (`SlowCpu`).

use super::chaos::{Ails, Chaos};
use super::clock::Clock;
use super::net::Net;
use super::operator::Operator;
use super::queue::{Queue, What};
use super::receive::Receive;
use super::stopping::Stopping;
use super::store::{Held, Memo, Saved, Store};
use super::told::Told;
use super::waits::Waits;
use crate::oracle::Gauge;
use crate::plan::{Kind, Op, Plan};
use crate::stream::Stream;
use crate::trace::Fact;
use towline_core::{Input, LinkId, Misuse, Node, Role, Step, Time};

/// The most deadlines of one turn; a node with more is in a hot loop.
const TICKS_MAX: u32 = 64;
/// The delay from which a deadline counts as missed: the world's steps are of a microsecond.
const LATE_NS: u64 = 2_000;
/// The most operations written in one turn.
const OPS_MAX: usize = 64;

/// A connection as its host knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) conn: usize,
    /// The number of our end.
    pub(super) end: usize,
    pub(super) peer: usize,
    /// Set once the node has opened the link.
    pub(super) opened: bool,
    /// Set while the node wants to write, as far as the host knows.
    pub(super) writing: bool,
    /// Set when the node reads no more of it.
    pub(super) deaf: bool,
    /// The position of the stream up to which the node was shown bytes, while it wants more of a frame.
    pub(super) shown: u64,
    /// A JOIN whose answer is not known yet: what it named, our ring's start and end.
    pub(super) asked: Option<(u64, u64, u64)>,
}

impl Row {
    pub(super) const fn is_upstream(&self) -> bool {
        self.end == 0
    }
}

/// A store at a moment.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) cursor: Saved,
    pub(super) at: crate::trace::At,
    pub(super) records: Vec<Held>,
}

/// A view that serves a snapshot.
#[derive(Debug)]
pub(super) struct View {
    pub(super) snapshot: u64,
    pub(super) open: bool,
    /// The content to show, if it was cut when the view was asked for.
    pub(super) cut: Option<Cut>,
    pub(super) records: Vec<Held>,
}

/// A process of a machine.
pub(super) struct Process {
    pub(super) node: Node,
    /// A number that no other process of the run has.
    pub(super) birth: u32,
    /// The reading of the machine's clock when it started.
    pub(super) zero_ns: u64,
    pub(super) links: Vec<Option<Row>>,
    /// The lowest row that was never used, and all above it.
    pub(super) links_top: usize,
    /// The number of open links, and the upstream's connection. Every turn asks.
    pub(super) links_open: u64,
    pub(super) upstream_conn: Option<usize>,
    pub(super) views: Vec<View>,
    pub(super) receive: Receive,
    /// The dial that is under way, whether it hangs, and to which node; whether one failed.
    pub(super) dial: Option<(u32, bool)>,
    pub(super) dial_to: usize,
    pub(super) dials: u32,
    pub(super) dial_failed: bool,
    /// Set once it was asked to stop.
    pub(super) stopping: Option<Stopping>,
    pub(super) waits: Waits,
    /// The store finished its batch of this round; the disk finished its sync of so many commits; views are due.
    pub(super) applied: Option<u32>,
    pub(super) syncing: Option<usize>,
    pub(super) synced: bool,
    pub(super) sync_round: u32,
    pub(super) views_due: Vec<u64>,
    /// Since when, on our clock, each peer has been away.
    pub(super) away: Vec<Option<u64>>,
    /// Set if another process has its id, so that it dials no more; and if its history was refused.
    pub(super) stopped: bool,
    pub(super) refused: bool,
    /// Set if it was notified of a higher epoch and no operator has looked since.
    pub(super) outranked: bool,
    pub(super) tables: (u64, u64),
    pub(super) wants_ring: bool,
    /// Set while a link wants to write.
    pub(super) wants_write: bool,
}

impl Process {
    /// Returns the open connections.
    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.links[..self.links_top].iter().flatten()
    }
}

/// A machine of the run.
pub(super) struct Machine {
    /// The node of the plan it belongs to; a twin's is the same as its original's.
    pub(super) plan: usize,
    pub(super) id: u64,
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) process: Option<Box<Process>>,
    pub(super) ails: Ails,
    pub(super) random: Stream,
    /// Set while its power is off: it answers nothing.
    pub(super) silent: bool,
    /// The end of the turn it is busy with.
    pub(super) busy_us: u64,
    /// The moment of the next wake, which is on its way.
    pub(super) wake_us: u64,
    /// The bytes that may be read until more time has passed, in millionths of a byte, and since when.
    pub(super) tokens: (u64, u64),
    pub(super) installed: u64,
}

/// The state that all machines share.
pub(super) struct Shared {
    pub(super) t_us: u64,
    pub(super) plan: Plan,
    pub(super) ops: Vec<Op>,
    pub(super) next_op: usize,
    pub(super) net: Net,
    pub(super) queue: Queue,
    pub(super) chaos: Chaos,
    pub(super) told: Told,
    pub(super) memo: Memo,
    pub(super) operator: Operator,
    pub(super) healed: bool,
    pub(super) calls: u64,
    pub(super) careful: bool,
    pub(super) scratch: Vec<u8>,
}

/// One turn of one machine.
pub(super) struct Turn<'a> {
    pub(super) me: usize,
    pub(super) now: Time,
    pub(super) machine: &'a mut Machine,
    pub(super) process: &'a mut Process,
    pub(super) world: &'a mut Shared,
    /// Events polled and bytes moved.
    pub(super) moved: u64,
}

impl Turn<'_> {
    /// Runs a turn: all that a process does when it has the processor.
    pub(super) fn run(&mut self) {
        self.tick();
        self.feed();
        self.complete();
        // Applied batches are taken, and the upstream is notified when this turn writes.
        self.note_untaken();
        if self.world.operator.primary == self.me && self.world.next_op < self.world.ops.len() {
            self.write_ops();
        }
        self.stop_when_received();
        self.settle();
        self.answer_waits();
        self.tell_gauges();
        self.arrange_wake();
    }

    /// Gives one input to the node.
    #[inline(always)]
    pub(super) fn say(&mut self, input: Input<'_>) -> Result<Step, Misuse> {
        let step = self.process.node.handle(self.now, input);
        self.note_call();
        step
    }

    pub(super) fn note_call(&mut self) {
        self.world.calls += 1;
        if self.world.careful || self.world.calls & 15 == 0 {
            self.process.node.check();
        }
    }

    #[inline(always)]
    pub(super) fn tell(&mut self, fact: &Fact) {
        self.world.told.fact(self.world.t_us, self.me, fact);
    }

    #[inline(always)]
    pub(super) fn tell_of(&mut self, peer: usize, fact: &Fact) {
        self.world.told.of_peer(self.world.t_us, self.me, peer, fact);
    }

    pub(super) fn took_effect(&mut self, kind: Kind) {
        self.world.chaos.took_effect(self.me, kind);
    }

    /// Handles deadlines, each at its own nanosecond; those that were slept through are handled now.
    fn tick(&mut self) {
        let turn_now = self.now;
        for _ in 0..TICKS_MAX {
            let Some(due) = self.process.node.next_deadline().filter(|due| *due <= turn_now) else {
                break;
            };
            let is_late = turn_now.0 - due.0 >= LATE_NS;
            self.now = if is_late { turn_now } else { due };
            self.moved = 0;
            self.say(Input::Tick).expect("time may always pass");
            self.look_away();
            self.poll();
            let idle = self.moved == 0;
            self.world.told.gauge(self.world.t_us, self.me, Gauge::Called { idle });
        }
        self.now = turn_now;
    }

    /// Polls and writes until nothing is left.
    pub(super) fn settle(&mut self) {
        loop {
            self.poll();
            self.write_all();
            if self.process.node.next_deadline().is_none_or(|due| due > self.now) {
                break;
            }
            if !self.poll() {
                break;
            }
        }
    }

    // --- the workload ----------------------------------------------------------------------------------------------

    fn write_ops(&mut self) {
        if self.process.stopping.is_some() || self.world.chaos.returning.is_some() {
            return;
        }
        let mut wrote = 0;
        while wrote < OPS_MAX {
            let number = self.world.next_op;
            let Some(op) = self.world.ops.get(number).filter(|op| op.at_us <= self.world.t_us) else {
                break;
            };
            let (name, bytes) = (number as u32, op.bytes.max(crate::workload::VALUE_BYTES_MIN) as u32);
            let record = self.world.memo.record(name, bytes);
            let step = self.process.node.handle(self.now, Input::Write { data: record });
            self.note_call();
            match step {
                Ok(step) => self.wrote(name, bytes, step.offset.expect("a write has an offset").0),
                Err(Misuse::RecordTooLong) => self.world.next_op += 1,
                Err(_) => break,
            }
            wrote += 1;
        }
        if wrote == 0 {
            return;
        }
        self.commit();
        self.ask_for_ops();
    }

    fn wrote(&mut self, op: u32, bytes: u32, offset: u64) {
        let store = &mut self.machine.store;
        let held = self.world.memo.wrote(store.end(), store.chain(), op, bytes);
        store.records.push(held);
        self.world.next_op += 1;
        let at = crate::trace::At { offset, chain: held.chain };
        self.tell(&Fact::Wrote { op: op.into(), at });
        self.process.waits.begin(op, offset);
    }

    /// Arranges a wake for the next operation.
    fn ask_for_ops(&mut self) {
        let Some(op) = self.world.ops.get(self.world.next_op) else {
            return;
        };
        let (t_us, at_us) = (self.world.t_us, op.at_us);
        if at_us > t_us {
            self.world.queue.push(at_us, What::Op);
        } else {
            self.world.queue.push(t_us + 1, What::Turn { machine: self.me as u8 });
        }
    }

    // --- time ------------------------------------------------------------------------------------------------------

    /// Arranges a wake exactly at the node's next deadline.
    pub(super) fn arrange_wake(&mut self) {
        let Some(due) = self.process.node.next_deadline() else {
            return;
        };
        let ns = self.process.zero_ns.saturating_add(due.0);
        let Some(due_us) = self.machine.clock.when_us(ns) else {
            return;
        };
        let due_us = due_us.max(self.world.t_us + 1);
        if self.machine.wake_us <= self.world.t_us || due_us < self.machine.wake_us {
            self.machine.wake_us = due_us;
            self.world.queue.push(due_us, What::Wake { machine: self.me as u8 });
        }
    }

    pub(super) fn role(&self) -> Role {
        self.process.node.stats().role
    }

    pub(super) fn row_of(&mut self, link: LinkId) -> Option<&mut Row> {
        self.process.links.get_mut(link.0 as usize)?.as_mut()
    }
}
