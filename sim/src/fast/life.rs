//! The life of machines and processes: how they are made, start, connect and end.

use super::World;
use super::chaos::{Ails, Chaos, HANGS};
use super::clock::Clock;
use super::host::{Machine, Process, Row, Shared};
use super::net::Net;
use super::operator::Operator;
use super::queue::{Queue, What};
use super::receive::Receive;
use super::store::{Memo, Store};
use super::told::Told;
use super::waits::Waits;
use crate::plan::{Kind, Plan};
use crate::stream::Stream;
use crate::trace::{Death, Fact};
use towline_core::{Boot, Node};

/// Unix time when every clock reads 0.
const UNIX_ZERO_NS: u64 = 1_790_000_000_000_000_000;

impl Shared {
    pub(super) fn new(plan: &Plan, twins: &[usize], keeps_facts: bool) -> Self {
        Self {
            t_us: 0,
            plan: plan.clone(),
            ops: plan.ops(),
            next_op: 0,
            net: Net::new(plan, plan.nodes.len() + twins.len()),
            queue: Queue::default(),
            chaos: Chaos::new(plan),
            told: Told::new(plan, keeps_facts),
            memo: Memo::new(plan.knobs.keys),
            operator: Operator::new(plan, twins),
            healed: false,
            calls: 0,
            careful: keeps_facts,
            scratch: Vec::new(),
        }
    }
}

impl Machine {
    pub(super) fn new(plan: &Plan, machine: usize, twins: &[usize]) -> Self {
        let node = if machine < plan.nodes.len() { machine } else { twins[machine - plan.nodes.len()] };
        let goes_back = plan.faults.iter().any(|fault| fault.kind == Kind::Rollback && fault.node == node);
        Self {
            plan: machine,
            id: plan.nodes[node].id,
            clock: Clock::new(machine),
            store: Store::new(plan.nodes[node].disk, goes_back),
            process: None,
            ails: Ails::default(),
            random: Stream::new(plan.seed, &format!("node:{machine}")),
            silent: false,
            busy_us: 0,
            wake_us: 0,
            tokens: (0, 0),
            installed: 0,
        }
    }
}

impl Process {
    /// Makes a process that has just started: nothing is under way.
    fn new(node: Node, birth: u32, zero_ns: u64, links: usize, peers: usize) -> Self {
        Self {
            node,
            birth,
            zero_ns,
            links: vec![None; links],
            links_top: 0,
            links_open: 0,
            upstream_conn: None,
            views: Vec::new(),
            receive: Receive::new(),
            dial: None,
            dial_to: 0,
            dials: 0,
            dial_failed: false,
            stopping: None,
            waits: Waits::default(),
            applied: None,
            syncing: None,
            synced: false,
            sync_round: 0,
            views_due: Vec::new(),
            away: vec![None; peers],
            stopped: false,
            refused: false,
            outranked: false,
            tables: (0, 0),
            wants_ring: true,
            wants_write: false,
        }
    }

    /// Begins a connection.
    pub(super) fn hold(&mut self, link: usize, row: Row) {
        self.links[link] = Some(row);
        self.links_top = self.links_top.max(link + 1);
        self.count_links();
    }

    /// Ends a connection.
    pub(super) fn let_go(&mut self, link: usize) -> Option<Row> {
        let row = self.links[link].take();
        self.count_links();
        row
    }

    fn count_links(&mut self) {
        let links_open = self.rows().count() as u64;
        let upstream_conn = self.rows().find(|row| row.is_upstream()).map(|row| row.conn);
        (self.links_open, self.upstream_conn) = (links_open, upstream_conn);
    }
}

impl World {
    /// Starts a machine's process with the content of its store.
    pub(super) fn start(&mut self, machine: usize) {
        if self.machines[machine].process.is_some() {
            return;
        }
        self.births += 1;
        let (birth, role) = (self.births, self.shared.operator.roles[machine]);
        let row = &mut self.machines[machine];
        row.silent = false;
        // The found content is synced before anything is built on it.
        row.store.settle();
        let zero_ns = row.clock.shows_ns(self.shared.t_us);
        let mut options = self.shared.plan.knobs.options();
        options.persists = row.store.disk;
        let config = options.check().expect("a plan's options work");
        let boot = Boot {
            node: towline_core::NodeId(row.id),
            seed: row.random.seed(),
            role,
            unix_zero: UNIX_ZERO_NS + zero_ns,
            cursor: row.store.cursor.as_ref().map(super::store::Saved::as_bytes),
        };
        let node = Node::new(config, boot).expect("its own cursor is sound");
        let links = config.link_ids() as usize;
        let at = row.store.claims();
        row.process = Some(Box::new(Process::new(node, birth, zero_ns, links, self.shared.plan.nodes.len())));
        (row.busy_us, row.wake_us) = (0, 0);
        self.shared.told.fact(self.shared.t_us, machine, &Fact::Booted { role, at });
        if self.machines[machine].store.disk {
            self.shared.told.fact(self.shared.t_us, machine, &Fact::Durable { at });
        }
        self.shared.net.dirty |= 1 << machine;
        self.dial_again();
    }

    /// Ends a process. With the power off its peers are not notified, else their connections are reset.
    pub(super) fn end(&mut self, machine: usize, how: Death) -> bool {
        let Some(process) = self.machines[machine].process.take() else {
            return false;
        };
        let t_us = self.shared.t_us;
        for row in process.links.iter().flatten() {
            self.shared.net.conns[row.conn].ends[row.end].open = false;
            if how != Death::PowerLoss {
                let due_us = t_us + self.shared.net.way_us(machine, row.peer);
                let (conn, end) = (row.conn as u32, 1 - row.end as u8);
                self.shared.queue.push(due_us, What::Reset { conn, end });
            }
        }
        self.machines[machine].silent = how == Death::PowerLoss;
        self.shared.told.fact(t_us, machine, &Fact::Died { how });
        true
    }

    /// Ends a process that was asked to stop, once its goodbyes have left.
    pub(super) fn end_if_stopped(&mut self, machine: usize) {
        let through =
            |process: &Process| process.stopping.is_some() && process.links.iter().all(Option::is_none);
        if self.machines[machine].process.as_deref().is_some_and(through) {
            self.end_stopped(machine);
        }
    }

    pub(super) fn end_stopped(&mut self, machine: usize) {
        let store = &mut self.machines[machine].store;
        if store.disk {
            store.settle();
            let at = store.at(store.durable);
            self.shared.told.fact(self.shared.t_us, machine, &Fact::Durable { at });
        }
        self.end(machine, Death::Stopped);
        self.machines[machine].store.killed();
    }

    // --- connections -----------------------------------------------------------------------------------------------

    pub(super) fn hear_reset(&mut self, conn: usize, end: usize) {
        let ends = &mut self.shared.net.conns[conn].ends;
        if !ends[end].open || self.machines[ends[1 - end].machine].silent {
            return;
        }
        ends[end].reset = true;
        self.shared.net.dirty |= 1 << ends[end].machine;
    }

    fn is_dialling(&self, machine: usize, birth: u32, dial: u32) -> bool {
        let process = self.machines[machine].process.as_deref();
        process.is_some_and(|process| {
            process.birth == birth && process.dial.is_some_and(|(number, _)| number == dial)
        })
    }

    pub(super) fn give_up(&mut self, machine: usize, birth: u32, dial: u32) {
        if self.is_dialling(machine, birth, dial) {
            self.refuse(machine);
        }
    }

    fn refuse(&mut self, machine: usize) {
        if let Some(process) = &mut self.machines[machine].process {
            (process.dial, process.dial_failed) = (None, true);
            self.shared.net.dirty |= 1 << machine;
        }
    }

    /// Lets a dial reach its upstream, or fail.
    pub(super) fn connect(&mut self, machine: usize, birth: u32, dial: u32) {
        if !self.is_dialling(machine, birth, dial) {
            return;
        }
        let Some(process) = &self.machines[machine].process else { return };
        let upstream = process.dial_to;
        let blocks = self.shared.net.pair(machine, upstream).blocks;
        if blocks.hangs || self.machines[upstream].silent {
            self.shared.chaos.took_effect_between(machine, upstream, HANGS);
            if let Some(process) = &mut self.machines[machine].process {
                process.dial = Some((dial, true));
            }
            return;
        }
        let there = self.machines[upstream].process.as_deref().filter(|process| process.stopping.is_none());
        let link = there.and_then(|process| process.links.iter().position(Option::is_none));
        if blocks.refuses {
            self.shared.chaos.took_effect_between(machine, upstream, &[Kind::Refuse]);
            return self.refuse(machine);
        }
        let Some(link) = link else {
            return self.refuse(machine);
        };
        self.join_ends(machine, (upstream, link));
    }

    fn join_ends(&mut self, machine: usize, (upstream, link): (usize, usize)) {
        let process = self.machines[machine].process.as_mut().expect("it dials");
        process.dial = None;
        let mine = process.links.iter().position(Option::is_none).expect("there is one upstream at a time");
        let ends = [(machine, mine), (upstream, link)];
        let conn = self.shared.net.connect(&mut self.shared.chaos, [machine, upstream]);
        for (end, (at, link)) in ends.into_iter().enumerate() {
            let peer = ends[1 - end].0;
            let (opened, writing, deaf, shown, asked) = (false, false, false, 0, None);
            let row = Row { conn, end, peer, opened, writing, deaf, shown, asked };
            let process = self.machines[at].process.as_mut().expect("both stand");
            process.hold(link, row);
        }
    }

    /// Lets dials that hung get through now.
    pub(super) fn dial_again(&mut self) {
        for machine in 0..self.machines.len() {
            let Some(process) = self.machines[machine].process.as_mut() else {
                continue;
            };
            if let Some((dial, true)) = process.dial {
                process.dial = Some((dial, false));
                let (birth, upstream) = (process.birth, process.dial_to);
                let due_us = self.shared.t_us + self.shared.net.way_us(machine, upstream);
                self.shared.queue.push(due_us, What::Connect { machine: machine as u8, birth, dial });
            }
        }
    }
}
