//! `replay`: a plan again, fact by fact, and the state of the nodes where it stops.

use std::fmt::Write;

use towline_core::Role;
use towline_sim::fast::World;
use towline_sim::plan::Plan;
use towline_sim::report::{Report, Verdict};
use towline_sim::trace::{Cause, Fact};

use super::args::{On, ReplayArgs};
use super::campaign::node_name;
use super::campaign::summary::Hash;
use super::trace::facts::{line, role_name};
use super::trace::fault_name;
use super::{VERSION, play, source};
use crate::failure::Failure;
use crate::units::{grouped, micros, several};

/// The state of a node, by its facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Stand {
    alive: bool,
    role: Option<&'static str>,
    end: u64,
    visible: u64,
    durable: u64,
    /// Links by their number: the peer, whether it feeds this node, whether it was admitted.
    links: Vec<(u32, usize, bool, bool)>,
    /// A snapshot under way: the offset it was cut at, and the received pieces.
    snapshot: Option<(u64, u64)>,
    installed: u64,
    /// Faults that act on it, by their place in the plan.
    faults: Vec<usize>,
}

/// Plays a plan and shows it.
pub(crate) fn run(args: &ReplayArgs) -> Result<(), Failure> {
    let plan = source::plan_only(&args.plan)?;
    check_version(&plan, args.expect_hash.is_some())?;
    let node = args.node.as_deref().map(|name| find(&plan, name)).transpose()?;
    let until_us = args.until.map_or(u64::MAX, |until| until.0.0 / 1_000);
    let played = play::play(&plan, On::Fast, true)?;
    let mut page = String::new();
    let mut stands = vec![Stand::default(); plan.nodes.len()];
    let mut now_us = 0;
    for (t_us, at, fact) in played.facts.iter().take_while(|(t_us, ..)| *t_us <= until_us) {
        now_us = *t_us;
        if let Some(stand) = stands.get_mut(*at) {
            stand.take(&plan, fact);
        }
        if node.is_none_or(|node| node == *at) {
            page.push_str(&line(*t_us, *at, fact, &|node| node_name(&plan, node)));
            page.push('\n');
        }
    }
    let now_us = if until_us == u64::MAX { now_us } else { until_us };
    // Writing to a string does not fail.
    let _ = writeln!(page, "\nat {}", micros(now_us));
    let world = world(&plan, now_us);
    for (number, stand) in
        stands.iter().enumerate().filter(|(number, _)| node.is_none_or(|node| node == *number))
    {
        page.push_str(&stand.page(&plan, number));
        let dump = world.as_ref().map_or_else(String::new, |world| world.dump(number));
        // Its first line, the node and the time, is already on the page.
        for line in dump.lines().skip(1) {
            let _ = writeln!(page, "        {}", line.trim_start());
        }
    }
    crate::print(page.as_bytes())?;
    verdict(&plan, &played.report, args.expect_hash)
}

/// Returns the state of the event queue at a moment: stores, cores, connections. None where the run panics before,
/// which its verdict reports.
fn world(plan: &Plan, until_us: u64) -> Option<World> {
    let look = || {
        let mut world = World::new(plan);
        world.play_until(until_us);
        world
    };
    play::hushed(|| std::panic::catch_unwind(look)).0.ok()
}

/// Warns that a plan of another version plays, but that its hash says nothing here.
fn check_version(plan: &Plan, exact: bool) -> Result<(), Failure> {
    if plan.core == VERSION {
        return Ok(());
    }
    let told = format!("the plan was drawn for towline {}, this is {VERSION}", plan.core);
    if exact {
        return Err(Failure::Usage(format!("{told}: its hash cannot be expected here")));
    }
    crate::lines::say(&format!("{told}: it plays, but it may be another run"));
    Ok(())
}

fn find(plan: &Plan, name: &str) -> Result<usize, Failure> {
    plan.nodes.iter().position(|node| node.name == name).ok_or_else(|| {
        let names: Vec<&str> = plan.nodes.iter().map(|node| node.name.as_str()).collect();
        Failure::Usage(format!("no node is called {name}; they are {}", names.join(", ")))
    })
}

fn verdict(plan: &Plan, report: &Report, expected: Option<u128>) -> Result<(), Failure> {
    if let Some(expected) = expected.filter(|expected| *expected != report.hash) {
        let told = format!("the run has hash {}, expected was {}", Hash(report.hash), Hash(expected));
        return Err(Failure::failed(told));
    }
    match &report.verdict {
        Verdict::Pass => {
            crate::print(format!("\nall invariants hold, hash {}\n", Hash(report.hash)).as_bytes())
        }
        Verdict::Violation(told) => {
            let (invariant, node) = (told.invariant, node_name(plan, told.node));
            let (name, words, at) = (invariant.name(), invariant.words(), micros(told.t_us));
            Err(Failure::failed(format!("{name} violated at {node}, {at}: {}; {words}", told.text)))
        }
        Verdict::Vacuous(places) => {
            let faults: Vec<String> = places.iter().map(|place| fault_name(plan, *place)).collect();
            Err(Failure::Vacuous(format!("nothing changed by: {}", faults.join("; "))))
        }
    }
}

impl Stand {
    fn take(&mut self, plan: &Plan, fact: &Fact) {
        match *fact {
            Fact::Booted { role, at } => self.boot(role, at.offset),
            Fact::Died { .. } => {
                self.alive = false;
                self.links.clear();
                self.snapshot = None;
            }
            Fact::Ruled { role, offset, .. } => (self.role, self.end) = (Some(role_name(role)), offset),
            Fact::Wrote { at, .. } => self.end = at.offset,
            Fact::Visible { at, cause } => self.see(at.offset, cause),
            Fact::Durable { at } => self.durable = at.offset,
            Fact::Opened { link, peer, upstream } => self.links.push((link, peer, upstream, false)),
            Fact::Joined { link, .. } => {
                self.links.iter_mut().filter(|open| open.0 == link).for_each(|open| open.3 = true);
            }
            Fact::Closed { link, .. } | Fact::Lost { link, .. } => self.links.retain(|open| open.0 != link),
            Fact::Begun { offset, .. } => self.snapshot = Some((offset, 0)),
            Fact::Piece { piece, .. } => {
                if let Some((_, pieces)) = &mut self.snapshot {
                    *pieces = piece + 1;
                }
            }
            Fact::FaultBegan { index }
                if plan.faults.get(index).is_some_and(|fault| fault.kind.shape().lasts) =>
            {
                self.faults.push(index);
            }
            Fact::FaultEnded { index } => self.faults.retain(|open| *open != index),
            Fact::FaultBegan { .. }
            | Fact::Outranked { .. }
            | Fact::Dialled { .. }
            | Fact::Asked { .. }
            | Fact::Acked { .. }
            | Fact::Forked { .. }
            | Fact::Wanted { .. }
            | Fact::Viewed { .. }
            | Fact::Freed { .. }
            | Fact::CaughtUp
            | Fact::Expired { .. }
            | Fact::Healed
            | Fact::Granted { .. }
            | Fact::TailWaits { .. }
            | Fact::Content { .. } => {}
        }
    }

    /// Begins a process with its store's content; faults on the machine go on.
    fn boot(&mut self, role: Role, offset: u64) {
        let faults = std::mem::take(&mut self.faults);
        let role = Some(role_name(role));
        *self = Self {
            alive: true,
            role,
            end: offset,
            visible: offset,
            durable: offset,
            faults,
            ..Self::default()
        };
    }

    fn see(&mut self, offset: u64, cause: Cause) {
        self.visible = offset;
        self.end = match cause {
            Cause::Written | Cause::Applied => self.end.max(offset),
            Cause::Installed | Cause::Rewound => offset,
        };
        if cause == Cause::Installed {
            self.snapshot = None;
            self.installed += 1;
        }
    }

    fn page(&self, plan: &Plan, number: usize) -> String {
        let mut page = format!("  {:<6}", node_name(plan, number));
        let role = if self.alive { self.role.unwrap_or("unknown") } else { "dead" };
        // Writing to a string does not fail.
        let _ = write!(
            page,
            "{role}, a reader sees {}, durable {}",
            grouped(self.visible),
            grouped(self.durable)
        );
        if self.end > self.visible {
            let _ = write!(page, ", log ends at {}", grouped(self.end));
        }
        for (_, peer, upstream, joined) in &self.links {
            let way = if *upstream { "from" } else { "to" };
            let state = if *joined { "" } else { " (not admitted)" };
            let _ = write!(page, "; link {way} {}{state}", node_name(plan, *peer));
        }
        if self.installed > 0 {
            let _ = write!(page, "; {} installed", several(self.installed, "snapshot"));
        }
        if let Some((offset, pieces)) = self.snapshot {
            let (offset, pieces) = (grouped(offset), several(pieces, "piece"));
            let _ = write!(page, "; a snapshot of {offset} comes in, {pieces} here");
        }
        for index in &self.faults {
            let _ = write!(page, "; under {}", fault_name(plan, *index));
        }
        page.push('\n');
        page
    }
}

#[cfg(test)]
mod tests;
