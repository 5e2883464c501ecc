//! Scenarios, which people write. A scenario and a seed make a [`Plan`](super::Plan).
//!
//! A file begins with `scenario = 1`. It names nodes, knobs that differ from their defaults, a workload, and faults:
//! some written out, some drawn (`[chaos]`). `sim/scenarios/` has one file for each incident that Towline must survive;
//! [`super::named`] lists them.

use super::file::{FileError, Source, Table, Value};
use super::knobs::Unit;
use super::sheet::{Draw, Draws, KEYS, Sheet, draw_or, read_draw};
use super::{DRAWN_FAULTS_MAX, Kind, Knobs, SCHEMA, draw};

/// A scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    pub(crate) sheet: Sheet,
    pub(crate) workload: Option<Workload>,
    pub(crate) chaos: Option<Chaos>,
}

/// Operations that are drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workload {
    /// Steady operations a second.
    pub(crate) rate: u64,
    pub(crate) value: Draw,
    /// The end of the steady operations.
    pub(crate) until_us: u64,
    pub(crate) bursts: Option<Bursts>,
}

impl Workload {
    /// Returns the pause from one steady operation to the next; none where there are none.
    pub(crate) fn every_us(&self) -> Option<u64> {
        1_000_000_u64.checked_div(self.rate).map(|every| every.max(1))
    }

    /// Returns the most operations that can be drawn from it.
    fn ops_most(&self) -> u64 {
        let steady = self.every_us().map_or(0, |every_us| self.until_us.div_ceil(every_us));
        let bursts = |bursts: &Bursts| bursts.count.most().saturating_mul(bursts.ops.most());
        steady.saturating_add(self.bursts.as_ref().map_or(0, bursts))
    }
}

/// Operations with no pause between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bursts {
    pub(crate) count: Draw,
    pub(crate) ops: Draw,
    pub(crate) value: Draw,
}

/// Faults that are drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chaos {
    /// The most drawn faults.
    pub(crate) max: u64,
    pub(crate) kinds: Vec<Kind>,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The file, the line, the found value and the expected one.
    pub fn parse(file: &str, text: &str) -> Result<Self, FileError> {
        let source = Source { file, text };
        let document = source.document()?;
        let root = Table::root(source, &document);
        schema(root, "scenario")?;
        let keys = [&["scenario", "workload", "chaos"], &KEYS[..]].concat();
        root.only("keys of a scenario", &keys)?;
        let sheet = Sheet::read(root, Draws::Allowed)?;
        let workload = root.get("workload").map(|workload| read_workload(workload, &sheet)).transpose()?;
        sheet.check_ops(root, workload.as_ref().map_or(0, Workload::ops_most))?;
        let chaos = root.get("chaos").map(read_chaos).transpose()?;
        check_knobs(root, &sheet)?;
        Ok(Self { sheet, workload, chaos })
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.sheet.name
    }

    /// Returns the latest end of its runs, where the drawn parts need no longer.
    #[must_use]
    pub const fn duration_us(&self) -> u64 {
        self.sheet.duration_us
    }

    /// Returns the substrates that can play it.
    #[must_use]
    pub fn on(&self) -> &[super::Substrate] {
        &self.sheet.on
    }

    /// Returns whether every kind of fault may be drawn: then a large campaign must hit every mark.
    #[must_use]
    pub fn draws_every_kind(&self) -> bool {
        let drawn = self.chaos.as_ref().map_or(&[][..], |chaos| &chaos.kinds);
        Kind::ALL.iter().all(|kind| drawn.contains(kind) || !kind.shape().in_all)
    }
}

/// Refuses a file of another kind or format.
pub(crate) fn schema(root: Table<'_>, kind: &str) -> Result<(), FileError> {
    let other = if kind == "plan" { "scenario" } else { "plan" };
    let Some(schema) = root.get(kind) else {
        let hint = if root.get(other).is_some() { format!("; this is a {other}") } else { String::new() };
        return Err(root.error(format!("a {kind} begins with {kind} = {SCHEMA}{hint}")));
    };
    match schema.quantity(Unit::Count)? {
        SCHEMA => Ok(()),
        found => {
            Err(schema.error(format!("{kind} = {found} is of another format; this reads {kind} = {SCHEMA}")))
        }
    }
}

fn read_workload(value: Value<'_>, sheet: &Sheet) -> Result<Workload, FileError> {
    let table = value.table("a table")?;
    table.only("keys of the workload", &["rate", "value", "until", "bursts"])?;
    let after_us = (sheet.duration_us - sheet.heal_us) / 4;
    let until_us =
        table.get("until").map_or(Ok(sheet.heal_us + after_us), |until| until.quantity(Unit::Time))?;
    let bursts = table.get("bursts").map(|bursts| read_bursts(bursts)).transpose()?;
    Ok(Workload {
        rate: table.need("rate")?.quantity(Unit::Count)?,
        value: read_draw(table.need("value")?, Unit::Bytes, Draws::Allowed)?,
        until_us,
        bursts,
    })
}

fn read_bursts(value: Value<'_>) -> Result<Bursts, FileError> {
    let table = value.table("a table")?;
    table.only("keys of bursts", &["count", "ops", "value"])?;
    Ok(Bursts {
        count: draw_or(table, "count", Unit::Count, Draws::Allowed, 1)?,
        ops: read_draw(table.need("ops")?, Unit::Count, Draws::Allowed)?,
        value: read_draw(table.need("value")?, Unit::Bytes, Draws::Allowed)?,
    })
}

fn read_chaos(value: Value<'_>) -> Result<Chaos, FileError> {
    let table = value.table("a table")?;
    table.only("keys of chaos", &["max", "kinds"])?;
    let max_at = table.need("max")?;
    let max = max_at.quantity(Unit::Count)?;
    if max > DRAWN_FAULTS_MAX {
        return Err(max_at.error(format!("\"max\" must be {DRAWN_FAULTS_MAX} at most, not {max}")));
    }
    let kinds_at = table.need("kinds")?;
    if kinds_at.text("").is_ok_and(|text| text == "all") {
        let kinds = Kind::ALL.iter().copied().filter(|kind| kind.shape().in_all).collect();
        return Ok(Chaos { max, kinds });
    }
    let wanted = "\"all\" or a list of kinds";
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.shape().name).collect();
    let each = |value: Value<'_>| {
        let name = value.text(wanted)?;
        Kind::from_name(name).ok_or_else(|| value.unknown("kind of fault", name, "kinds", &names))
    };
    let kinds: Vec<Kind> = kinds_at.list(wanted)?.into_iter().map(each).collect::<Result<_, _>>()?;
    if kinds.is_empty() {
        return Err(kinds_at.error("\"kinds\" must name at least one".to_owned()));
    }
    Ok(Chaos { max, kinds })
}

/// Refuses knobs that are all written out and do not fit together: none is changed in silence.
fn check_knobs(root: Table<'_>, sheet: &Sheet) -> Result<(), FileError> {
    let mut knobs = Knobs::default();
    for (name, draw) in &sheet.knobs {
        let Draw::Is(value) = draw else { return Ok(()) };
        assert!(knobs.set(name, *value), "a knob that was read is known");
    }
    let mut settled = knobs;
    draw::settle(&mut settled);
    let Some(table) = root.get("knobs") else { return Ok(()) };
    for entry in table.table("a table of knobs")?.entries() {
        let (written, fits) = (knobs.get(entry.key), settled.get(entry.key));
        if let (Some(written), Some(fits)) = (written, fits)
            && written != fits
        {
            let unit = Knobs::unit(entry.key);
            let text = format!(
                "{} = {} does not fit the other knobs; the nearest that does is {}",
                entry.key,
                unit.write(written),
                unit.write(fits)
            );
            return Err(entry.error(text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
