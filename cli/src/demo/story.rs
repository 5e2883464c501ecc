//! The acts of the demo, in order. Each begins at its share of the time, or when the one before it is over; none is cut
//! short, and one that hangs ends the demo with its name.

use std::time::{Duration, Instant};

use anyhow::Result;
use towline_server::command::Report;

use super::fleet::{Fleet, PATIENCE};
use super::load::{Load, Pace};
use super::proxy::{Mode, Proxy};
use super::verdict::{Ended, Verdict};
use super::view::{Face, View};
use crate::args::{DemoArgs, StoreName};

/// The node that is promoted.
const PROMOTED: usize = 1;
/// A time longer than the load's brief keys live, and than the primary needs to delete them.
const EXPIRED: Duration = Duration::from_millis(400);
/// The longest outage: a link is cut or stalled for a tenth of the demo, but no longer.
const OUTAGE_MAX: Duration = Duration::from_millis(1500);
/// The pause between two comparisons at the end.
const COMPARE_EVERY: Duration = Duration::from_millis(50);

struct Story {
    fleet: Fleet,
    proxy: Proxy,
    load: Load,
    view: View,
    started: Instant,
    length: Duration,
    outage: Duration,
    /// The index of the node behind the proxy, and of the one it follows.
    victim: usize,
    parent: usize,
}

/// Plays the whole demo.
pub(super) async fn play(args: &DemoArgs) -> Result<Verdict> {
    let mut story = Story::begin(args).await?;
    story.at(0.10).await;
    story.cut().await?;
    story.at(0.25).await;
    story.stall().await?;
    story.at(0.40).await;
    story.overrun().await?;
    story.at(0.55).await;
    story.kill(args.store).await?;
    story.at(0.75).await;
    story.promote(usize::from(args.replicas)).await?;
    story.at(1.0).await;
    story.end().await
}

impl Story {
    /// Starts all nodes and the load. The last replica follows the first, if there are two.
    async fn begin(args: &DemoArgs) -> Result<Self> {
        let count = usize::from(args.replicas);
        let mut fleet = Fleet::new(args.store)?;
        fleet.add("primary", None).await?;
        let (victim, parent) = match count {
            1 => (1, 0),
            2 => (2, 1),
            _ => (2, 0),
        };
        let mut proxy = None;
        for number in 1..=count {
            let upstream = if number == count && count > 1 { PROMOTED } else { 0 };
            let mut addr = fleet.members[upstream].replication.clone();
            if number == victim {
                let started = Proxy::start(&addr).await?;
                started.addr().clone_into(&mut addr);
                proxy = Some(started);
            }
            fleet.add(&format!("replica-{number}"), Some(&addr)).await?;
        }
        let proxy = proxy.ok_or_else(|| anyhow::anyhow!("a demo needs a replica"))?;
        for index in 1..=count {
            fleet.until(index, "join", |report| report.complete && streaming(report)).await?;
        }
        let faces = fleet.members.iter();
        let faces =
            faces.map(|member| Face { name: member.name.clone(), addr: member.addr.clone() }).collect();
        let length = Duration::from_secs(args.seconds);
        let view = View::start(faces, length, args.log.is_some());
        let load = Load::start(&fleet.members[0].addr);
        load.set(Pace::Steady);
        let outage = (length / 10).min(OUTAGE_MAX);
        let story =
            Self { fleet, proxy, load, view, started: Instant::now(), length, outage, victim, parent };
        let replicas = if count == 1 { "a replica".to_owned() } else { format!("{count} replicas") };
        story.view.say(&format!("a primary and {replicas}; four clients write to the primary"));
        if count > 1 {
            story.view.say(&format!("replica-{count} follows replica-1, which follows the primary"));
        }
        Ok(story)
    }

    /// Waits for a share of the time.
    async fn at(&self, share: f64) {
        let at = self.started + self.length.mul_f64(share);
        tokio::time::sleep_until(at.into()).await;
    }

    fn name(&self, index: usize) -> String {
        self.fleet.members[index].name.clone()
    }

    async fn cut(&mut self) -> Result<()> {
        let before = self.fleet.report(self.parent).await?;
        self.view.say(&format!("the link of {} is cut", self.name(self.victim)));
        self.proxy.set(Mode::Cut);
        tokio::time::sleep(self.outage).await;
        self.proxy.set(Mode::Open);
        self.back(&before).await
    }

    async fn stall(&mut self) -> Result<()> {
        let before = self.fleet.report(self.parent).await?;
        self.view.say(&format!("{} stalls: its link stays, and nothing passes", self.name(self.victim)));
        self.proxy.set(Mode::Stalled);
        tokio::time::sleep(self.outage).await;
        let (parent, victim) = (self.fleet.report(self.parent).await?, self.fleet.report(self.victim).await?);
        let behind = crate::units::grouped(parent.end.saturating_sub(victim.applied));
        self.view.say(&format!("it is {behind} records behind, and nobody waits for it; it goes on"));
        self.proxy.set(Mode::Open);
        self.back(&before).await
    }

    async fn overrun(&mut self) -> Result<()> {
        let before = self.fleet.report(self.parent).await?;
        let name = self.name(self.victim);
        self.view.say(&format!("the link of {name} is cut, and a burst of writes overruns the backlog"));
        self.proxy.set(Mode::Cut);
        let stood = self.fleet.report(self.victim).await?.end;
        self.load.set(Pace::Burst);
        let overrun =
            self.fleet.until(self.parent, "let its backlog be overrun", |report| report.start > stood).await;
        self.load.set(Pace::Steady);
        let start = overrun?.start;
        let behind = crate::units::grouped(start - stood);
        self.view
            .say(&format!("{behind} of the records it lacks have left the backlog: only a snapshot helps"));
        self.proxy.set(Mode::Open);
        self.back(&before).await
    }

    async fn kill(&mut self, store: StoreName) -> Result<()> {
        let before = self.fleet.report(self.parent).await?;
        let name = self.name(self.victim);
        if store == StoreName::Disk {
            // The records of its last catch-up reach the disk later.
            let reached = self.fleet.report(self.victim).await?.applied;
            let persisted = |report: &Report| report.persisted.is_some_and(|offset| offset >= reached);
            self.fleet.until(self.victim, "persist what it applied", persisted).await?;
        }
        self.view.say(&format!("{name} is stopped without any flush, as by kill -9"));
        self.fleet.kill(self.victim).await?;
        tokio::time::sleep(self.outage / 3).await;
        match store {
            StoreName::Disk => self.view.say(&format!("{name} starts again on its directory")),
            StoreName::Memory => self.view.say(&format!("{name} starts again, empty: it had no disk")),
        }
        self.fleet.restart(self.victim).await?;
        self.back(&before).await
    }

    /// Waits until the victim has caught up, and shows how.
    async fn back(&mut self, before: &Report) -> Result<()> {
        let target = self.fleet.report(self.parent).await?.end;
        let caught_up = |report: &Report| report.complete && streaming(report) && report.applied >= target;
        self.fleet.until(self.victim, "catch up", caught_up).await?;
        let after = self.fleet.report(self.parent).await?;
        let name = self.name(self.victim);
        let snapshots = after.counters.full_syncs - before.counters.full_syncs;
        let resumed = after.counters.partial_syncs - before.counters.partial_syncs;
        self.view.say(&match (snapshots, resumed) {
            (0, 0) => format!("{name} has caught up on the same link"),
            (0, _) => format!("{name} has caught up from its offset, without a snapshot"),
            (1, _) => format!("{name} has caught up with one snapshot"),
            _ => format!("{name} has caught up with {snapshots} snapshots"),
        });
        Ok(())
    }

    async fn promote(&mut self, count: usize) -> Result<()> {
        let who = if count > 1 { "the others and the old primary follow" } else { "the old primary follows" };
        self.view.say(&format!("the clients pause, replica-1 is promoted, and {who} it"));
        self.quiet().await?;
        if !self.converge().await? {
            anyhow::bail!("the replicas did not reach the primary's end within {} s", PATIENCE.as_secs());
        }
        let before = self.fleet.sent().await?.1;
        // The last one follows the promoted node already.
        let children: Vec<usize> =
            (0..=count).filter(|index| *index != PROMOTED && !(count > 1 && *index == count)).collect();
        self.fleet.promote(PROMOTED, &children).await?;
        let heir = self.fleet.members[PROMOTED].addr.clone();
        self.load.turn_to(&heir);
        self.load.set(Pace::Steady);
        let target = self.fleet.report(PROMOTED).await?.end;
        for index in (0..=count).filter(|index| *index != PROMOTED) {
            let follows = |report: &Report| report.complete && streaming(report) && report.applied >= target;
            self.fleet.until(index, "follow the new primary", follows).await?;
        }
        let epoch = self.fleet.report(PROMOTED).await?.epoch;
        let snapshots = self.fleet.sent().await?.1 - before;
        let how = if snapshots == 0 {
            "without a snapshot".to_owned()
        } else {
            format!("with {snapshots} snapshots")
        };
        self.view.say(&format!("epoch {epoch} has begun on replica-1, and all follow it {how}"));
        Ok(())
    }

    /// Stops the clients, and waits until no key is left that will expire.
    async fn quiet(&self) -> Result<()> {
        self.load.pause().await?;
        tokio::time::sleep(EXPIRED).await;
        Ok(())
    }

    /// Waits until all have applied the same and hold the same; false if they never do.
    async fn converge(&mut self) -> Result<bool> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.ended().await?;
            if identical(&ended) {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Ok(false);
            }
            tokio::time::sleep(COMPARE_EVERY).await;
        }
    }

    async fn ended(&mut self) -> Result<Vec<Ended>> {
        let mut all = Vec::new();
        for index in 0..self.fleet.members.len() {
            let report = self.fleet.report(index).await?;
            let digest = self.fleet.digest(index).await?;
            let member = &self.fleet.members[index];
            all.push(Ended {
                name: member.name.clone(),
                role: report.role,
                addr: member.addr.clone(),
                digest,
                applied: report.applied,
                keys: report.keys,
            });
        }
        Ok(all)
    }

    async fn end(mut self) -> Result<Verdict> {
        self.load.pause().await?;
        let took = self.started.elapsed();
        self.view.say("the clients stop; the nodes are compared");
        self.quiet().await?;
        let identical = self.converge().await?;
        let nodes = self.ended().await?;
        let (bytes, snapshots) = self.fleet.sent().await?;
        let records = self.fleet.report(PROMOTED).await?.end;
        let (refused, refusal) = self.load.refused();
        let records_per_s = per_second(records, took);
        Ok(Verdict {
            nodes,
            identical,
            records,
            records_per_s,
            bytes,
            snapshots,
            seconds: took.as_secs_f64(),
            refused,
            refusal,
        })
    }
}

fn per_second(count: u64, time: Duration) -> u64 {
    let rate = u128::from(count) * 1_000_000_000 / time.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

fn streaming(report: &Report) -> bool {
    report.upstream.as_ref().is_some_and(|upstream| upstream.state == "streaming")
}

fn identical(nodes: &[Ended]) -> bool {
    nodes.windows(2).all(|pair| pair[0].digest == pair[1].digest && pair[0].applied == pair[1].applied)
}
