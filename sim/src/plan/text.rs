//! Plans as files. A written plan reads back as the same plan, byte for byte the same text.
//!
//! Faults come first and one a line: people look at them and take them out. Every knob is written, so that another
//! default does not change an old plan.

use core::fmt::Write as _;

use super::chaos::written;
use super::file::{FileError, Source, Table, Value};
use super::knobs::Unit;
use super::sheet::{Draw, Draws, KEYS, Sheet};
use super::{Expect, Fault, Knobs, NodePlan, Plan, SCHEMA, Train, faults::Target, scenario};
use crate::stream::Stream;
use towline_core::Role;

impl Plan {
    /// Returns the plan as a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a string takes what is written");
        text
    }

    fn write(&self, out: &mut String) -> core::fmt::Result {
        let time = |us| Unit::Time.write(us);
        let on: Vec<String> = self.on.iter().map(|on| format!("{:?}", on.name())).collect();
        let expect = match self.expect {
            Expect::Pass => "pass".to_owned(),
            Expect::Violation(invariant) => format!("violation:{}", invariant.name()),
        };
        writeln!(
            out,
            "plan = {SCHEMA}\nname = {:?}\nseed = {}\ncore = {:?}",
            self.name, self.seed, self.core
        )?;
        writeln!(out, "on = [{}]\nexact = {}", on.join(", "), self.exact)?;
        writeln!(out, "duration = {}\nheal = {}", time(self.duration_us), time(self.heal_us))?;
        writeln!(out, "expect = {expect:?}\n\nfault = [")?;
        for fault in &self.faults {
            self.write_fault(out, fault)?;
        }
        writeln!(out, "]\n\ntrain = [")?;
        for Train { at_us, count, every_us, bytes } in &self.trains {
            let (at, every, value) = (time(*at_us), time(*every_us), Unit::Bytes.write(*bytes));
            writeln!(out, "  {{ at = {at}, count = {count}, every = {every}, value = {value} }},")?;
        }
        writeln!(out, "]\n\n[nodes]")?;
        for node in &self.nodes {
            self.write_node(out, node)?;
        }
        writeln!(out, "\n[knobs]")?;
        for (name, unit) in Knobs::ALL {
            let value = self.knobs.get(name).expect("a knob of the list");
            writeln!(out, "{name} = {}", unit.write(value))?;
        }
        Ok(())
    }

    fn write_fault(&self, out: &mut String, fault: &Fault) -> core::fmt::Result {
        let shape = fault.kind.shape();
        let (at, node) = (Unit::Time.write(fault.at_us), &self.nodes[fault.node].name);
        write!(out, "  {{ at = {at}, kind = {:?}, node = {node:?}", shape.name)?;
        if shape.target == Target::Pair {
            write!(out, ", peer = {:?}", self.nodes[fault.peer].name)?;
        }
        if shape.lasts && fault.for_us != u64::MAX {
            write!(out, ", for = {}", Unit::Time.write(fault.for_us))?;
        }
        if let Some((name, unit)) = shape.amount {
            write!(out, ", {name} = {}", unit.write(fault.amount))?;
        }
        writeln!(out, "{} }},", if fault.explicit { "" } else { ", drawn = true" })
    }

    fn write_node(&self, out: &mut String, node: &NodePlan) -> core::fmt::Result {
        write!(out, "{} = {{ id = {}", node.name, node.id)?;
        match (node.role, node.upstream) {
            (Role::Primary, _) | (Role::Replica, None) => write!(out, ", role = \"primary\"")?,
            (Role::Replica, Some(upstream)) => write!(out, ", upstream = {:?}", self.nodes[upstream].name)?,
        }
        let store = if node.disk { "disk" } else { "memory" };
        write!(out, ", store = {store:?}")?;
        if node.starts_us > 0 {
            write!(out, ", starts = {}", Unit::Time.write(node.starts_us))?;
        }
        writeln!(out, "{} }}", if node.core { "" } else { ", core = false" })
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// The file, the line, the found value and the expected one.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let source = Source { file, text };
        let document = source.document()?;
        let root = Table::root(source, &document);
        scenario::schema(root, "plan")?;
        root.only("keys of a plan", &[&["plan", "seed", "core"], &KEYS[..]].concat())?;
        let sheet = Sheet::read(root, Draws::Made)?;
        sheet.check_ops(root, 0)?;
        let knobs_at = root.need("knobs")?;
        let knobs = read_knobs(knobs_at, &sheet)?;
        // Nothing is left to draw, so the stream is never asked.
        let cast = |draw: &Draw| draw.draw(&mut Stream::new(0, "none"));
        let train = |train: &super::sheet::TrainSheet| Train {
            at_us: cast(&train.at),
            count: cast(&train.count),
            every_us: cast(&train.every),
            bytes: cast(&train.value),
        };
        let fault = |fault| written(fault, &sheet.nodes, sheet.heal_us, &mut Stream::new(0, "none"));
        Ok(Self {
            seed: root.need("seed")?.quantity(Unit::Count)?,
            core: root.need("core")?.text("a version")?.to_owned(),
            knobs,
            trains: sheet.trains.iter().map(train).collect(),
            faults: sheet.faults.iter().map(fault).collect(),
            name: sheet.name,
            on: sheet.on,
            exact: sheet.exact,
            duration_us: sheet.duration_us,
            heal_us: sheet.heal_us,
            expect: sheet.expect,
            nodes: sheet.nodes,
        })
    }
}

/// Reads every knob, except for those that an earlier version lacked; the core must accept the options.
fn read_knobs(knobs_at: Value<'_>, sheet: &Sheet) -> Result<Knobs, FileError> {
    let mut knobs = Knobs::default();
    for (name, _) in Knobs::ALL {
        let named = sheet.knobs.iter().find(|(known, _)| known == name);
        let Some((_, draw)) = named else {
            if Knobs::YOUNGER.contains(name) {
                continue;
            }
            return Err(knobs_at.error(format!("knob {name:?} is missing; a plan names every knob")));
        };
        assert!(knobs.set(name, draw.draw(&mut Stream::new(0, "none"))), "a knob of the list");
    }
    match knobs.options().check() {
        Ok(_) => Ok(knobs),
        Err(error) => Err(knobs_at.error(format!("the knobs do not fit together: {error}"))),
    }
}

#[cfg(test)]
mod tests;
