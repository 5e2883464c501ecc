//! The report of a campaign, to which reports of its other parts can be joined.
//!
//! Runs are folded in seed order, but nothing kept depends on order: counts, distributions, the first violations by
//! seed, and the hash. The **campaign hash** is the sum modulo 2^128, over all runs, of XXH3-128(seed, run hash), 8 and
//! 16 bytes little-endian. So it depends on every record of every run, does not depend on jobs or shards, and two
//! reports' hashes add up to the hash of their union: a report of a million seeds stays as small as one of a hundred.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use towline_sim::oracle::marks::Mark;
use towline_sim::plan::Plan;
use towline_sim::report::{Report, Verdict};
use xxhash_rust::xxh3::xxh3_128;

use super::distribution::Distribution;
use crate::args::Seeds;

/// The report's format. A report of another format is refused.
const SCHEMA: u64 = 1;
/// How many violations are kept with their details; the rest are counted.
pub(crate) const KEPT: usize = 16;
/// The number of seeds from which a campaign with every kind of fault fails if it did not hit every mark.
const MARKS_FROM_SEEDS: u64 = 2_000;

/// The report of a campaign or of a part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Summary {
    #[serde(deserialize_with = "schema")]
    schema: u64,
    /// The subject of the runs: reports of different subjects cannot be joined.
    pub(crate) subject: Subject,
    /// How many runs there were.
    pub(crate) seeds: u64,
    /// The played seeds: ascending, disjoint ranges, each up to and without its second number.
    pub(crate) ranges: Vec<(u64, u64)>,
    /// The whole campaign's seeds, of which these may be a part: from the first up to and without the second.
    pub(crate) asked: (u64, u64),
    /// Set if all of them were played.
    pub(crate) complete: bool,
    /// The campaign hash.
    pub(crate) hash: Hash,
    /// The time that the runs took; of joined reports, the sum.
    pub(crate) seconds: f64,
    /// Runs in a second.
    pub(crate) seeds_per_s: f64,
    /// How many runs violated an invariant.
    pub(crate) violations: u64,
    /// How many runs violated each invariant.
    pub(crate) violated: BTreeMap<String, u64>,
    /// The first violations.
    pub(crate) first_violations: Vec<Found>,
    /// How many runs were vacuous: all drawn faults changed nothing, or one that the scenario names.
    pub(crate) vacuous: u64,
    /// The first run in which a fault that the scenario names changed nothing, and which fault.
    pub(crate) inert: Option<Inert>,
    /// How many runs hit each mark.
    pub(crate) marks: BTreeMap<String, u64>,
    /// For each kind of fault: how many were played, and how many changed something.
    pub(crate) faults: BTreeMap<String, Effect>,
    /// How close the runs that held came to their bounds.
    pub(crate) margins: Spread,
}

/// The subject of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subject {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// XXH3-128 of the scenario's text.
    pub(crate) digest: Hash,
    /// The version of the core.
    pub(crate) core: String,
    /// The substrate's name.
    pub(crate) on: String,
    /// Set if every kind of fault may be drawn, so that a large campaign must hit every mark.
    pub(crate) promises_marks: bool,
}

/// A run in which an invariant was violated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    pub(crate) seed: u64,
    pub(crate) invariant: String,
    pub(crate) t_us: u64,
    pub(crate) node: String,
    pub(crate) text: String,
}

/// A fault that the scenario names and that changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inert {
    pub(crate) seed: u64,
    pub(crate) fault: String,
}

/// The effects of the faults of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Effect {
    pub(crate) played: u64,
    pub(crate) effective: u64,
}

/// How close runs came to their bounds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spread {
    pub(crate) lag_max: Distribution,
    pub(crate) converge_us: Distribution,
    pub(crate) converge_permille: Distribution,
    pub(crate) snapshots: Distribution,
    pub(crate) ring_left_min: Distribution,
}

/// 128 bits, in JSON as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Hash(pub(crate) u128);

impl std::fmt::Display for Hash {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let number = u128::from_str_radix(&text, 16);
        number.map(Self).map_err(|_| serde::de::Error::custom("a hash is 32 hexadecimal digits"))
    }
}

impl Summary {
    pub(crate) fn new(subject: Subject, asked: Seeds) -> Self {
        Self {
            schema: SCHEMA,
            subject,
            seeds: 0,
            ranges: Vec::new(),
            asked: (asked.from, asked.to),
            complete: false,
            hash: Hash::default(),
            seconds: 0.0,
            seeds_per_s: 0.0,
            violations: 0,
            violated: BTreeMap::new(),
            first_violations: Vec::new(),
            vacuous: 0,
            inert: None,
            marks: Mark::ALL.iter().map(|mark| (format!("{mark:?}"), 0)).collect(),
            faults: BTreeMap::new(),
            margins: Spread::default(),
        }
    }

    /// Adds the run of a seed. Seeds come in ascending order.
    pub(crate) fn add(&mut self, seed: u64, plan: &Plan, report: &Report) {
        self.seeds += 1;
        match self.ranges.last_mut() {
            Some((_, end)) if *end == seed => *end += 1,
            Some(_) | None => self.ranges.push((seed, seed + 1)),
        }
        self.hash.0 = self.hash.0.wrapping_add(digest(seed, report.hash));
        for mark in Mark::ALL.iter().filter(|mark| report.marks & mark.bit() != 0) {
            *self.marks.entry(format!("{mark:?}")).or_default() += 1;
        }
        for (fault, effective) in plan.faults.iter().zip(&report.effects) {
            let effect = self.faults.entry(fault.kind.shape().name.to_owned()).or_default();
            effect.played += 1;
            effect.effective += u64::from(*effective);
        }
        match &report.verdict {
            Verdict::Pass => self.margins.add(report),
            Verdict::Violation(violation) => {
                self.violations += 1;
                let invariant = violation.invariant.name().to_owned();
                *self.violated.entry(invariant.clone()).or_default() += 1;
                if self.first_violations.len() < KEPT {
                    let node = node_name(plan, violation.node);
                    let (t_us, text) = (violation.t_us, violation.text.clone());
                    self.first_violations.push(Found { seed, invariant, t_us, node, text });
                }
            }
            Verdict::Vacuous(places) => {
                self.vacuous += 1;
                let named =
                    places.iter().filter_map(|place| plan.faults.get(*place)).find(|fault| fault.explicit);
                if let (Some(fault), None) = (named, &self.inert) {
                    let place = plan.faults.iter().position(|row| row == fault).unwrap_or_default();
                    self.inert = Some(Inert { seed, fault: crate::run::idle(plan, place) });
                }
                self.margins.add(report);
            }
        }
    }

    /// Sets the time that it took.
    pub(crate) fn finish(&mut self, seconds: f64) {
        self.complete = self.ranges == [self.asked];
        let rounded = |number: f64, to: f64| (number * to).round() / to;
        self.seconds = rounded(seconds, 1e3);
        // A float holds so many seeds exactly.
        #[allow(clippy::cast_precision_loss)]
        let seeds = self.seeds as f64;
        self.seeds_per_s = rounded(seeds / seconds.max(1e-3), 10.0);
    }

    /// Joins another part of the same campaign; an error names the difference of their subjects.
    pub(crate) fn join(&mut self, other: &Self) -> Result<(), String> {
        self.same_kind(other)?;
        let mut ranges: Vec<(u64, u64)> = self.ranges.iter().chain(&other.ranges).copied().collect();
        ranges.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (from, to) in ranges {
            match joined.last_mut() {
                Some((_, end)) if *end > from => {
                    return Err(format!("seeds {from}..{} are in it a second time", to.min(*end)));
                }
                Some((_, end)) if *end == from => *end = to,
                Some(_) | None => joined.push((from, to)),
            }
        }
        self.ranges = joined;
        self.seeds += other.seeds;
        self.asked = (self.asked.0.min(other.asked.0), self.asked.1.max(other.asked.1));
        self.hash.0 = self.hash.0.wrapping_add(other.hash.0);
        self.violations += other.violations;
        self.vacuous += other.vacuous;
        add_up(&mut self.violated, &other.violated);
        add_up(&mut self.marks, &other.marks);
        for (kind, more) in &other.faults {
            let effect = self.faults.entry(kind.clone()).or_default();
            effect.played += more.played;
            effect.effective += more.effective;
        }
        self.first_violations.extend(other.first_violations.iter().cloned());
        self.first_violations.sort_by_key(|found| found.seed);
        self.first_violations.truncate(KEPT);
        self.inert =
            [self.inert.take(), other.inert.clone()].into_iter().flatten().min_by_key(|inert| inert.seed);
        self.margins.join(&other.margins);
        self.finish(self.seconds + other.seconds);
        Ok(())
    }

    fn same_kind(&self, other: &Self) -> Result<(), String> {
        let (ours, theirs) = (&self.subject, &other.subject);
        for (what, one, two) in [
            ("scenario", ours.scenario.clone(), theirs.scenario.clone()),
            ("digest of the scenario's text", ours.digest.to_string(), theirs.digest.to_string()),
            ("version of the core", ours.core.clone(), theirs.core.clone()),
            ("substrate", ours.on.clone(), theirs.on.clone()),
        ] {
            if one != two {
                return Err(format!("another {what}: {two}, not {one}"));
            }
        }
        Ok(())
    }

    /// Returns the marks that no run hit, of those that draws can reach.
    pub(crate) fn missed(&self) -> impl Iterator<Item = Mark> {
        Mark::ALL
            .iter()
            .copied()
            .filter(|mark| !mark.is_outside_the_atlas())
            .filter(|mark| self.marks.get(&format!("{mark:?}")).is_none_or(|runs| *runs == 0))
    }

    /// Returns whether a mark that was not hit fails the campaign.
    pub(crate) const fn enforces_marks(&self, required: bool) -> bool {
        required || self.subject.promises_marks && self.seeds >= MARKS_FROM_SEEDS
    }
}

impl Spread {
    fn add(&mut self, report: &Report) {
        let margins = &report.margins;
        self.lag_max.add(margins.lag_max);
        self.converge_us.add(margins.converge_us);
        self.converge_permille.add(margins.converge_permille);
        self.snapshots.add(margins.snapshots);
        self.ring_left_min.add(margins.ring_left_min);
    }

    fn join(&mut self, other: &Self) {
        self.lag_max.join(&other.lag_max);
        self.converge_us.join(&other.converge_us);
        self.converge_permille.join(&other.converge_permille);
        self.snapshots.join(&other.snapshots);
        self.ring_left_min.join(&other.ring_left_min);
    }
}

fn schema<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    match u64::deserialize(from)? {
        SCHEMA => Ok(SCHEMA),
        other => Err(serde::de::Error::custom(format!("its schema is {other}, this reads {SCHEMA}"))),
    }
}

/// Returns the part of one run in the campaign hash.
fn digest(seed: u64, hash: u128) -> u128 {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..].copy_from_slice(&hash.to_le_bytes());
    xxh3_128(&bytes)
}

fn add_up(ours: &mut BTreeMap<String, u64>, theirs: &BTreeMap<String, u64>) {
    for (name, count) in theirs {
        *ours.entry(name.clone()).or_default() += count;
    }
}

/// Returns a node's name, or its number where the plan has none.
pub(crate) fn node_name(plan: &Plan, node: usize) -> String {
    plan.nodes.get(node).map_or_else(|| format!("node {node}"), |node| node.name.clone())
}

#[cfg(test)]
mod tests;
