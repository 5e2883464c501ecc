//! The common part of scenario files and plan files: the header, the nodes, the knobs, the trains, the faults.
//!
//! Where a plan has a number, a scenario may have a [`Draw`]. A plan is a sheet without draws.

use super::file::{FileError, Table, Value};
use super::knobs::Unit;
use super::{Expect, Kind, Knobs, NODES_MAX, NodePlan, OPS_MAX, Substrate, faults::Target};
use crate::oracle::Invariant;
use crate::stream::Stream;
use towline_core::Role;

/// A number, or the way to draw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Draw {
    /// This number.
    Is(u64),
    /// One of these numbers.
    Of(Vec<u64>),
    /// A number from the first to the second, both included.
    Range(u64, u64),
    /// The same, each power of two as likely as the next.
    Log(u64, u64),
}

impl Draw {
    /// Returns the number.
    pub(crate) fn draw(&self, stream: &mut Stream) -> u64 {
        match self {
            Self::Is(value) => *value,
            Self::Of(values) => *stream.pick(values),
            Self::Range(low, high) => stream.between(*low, *high),
            Self::Log(low, high) => stream.log_between(*low, *high),
        }
    }

    /// Returns the largest that it can be.
    pub(crate) fn most(&self) -> u64 {
        match self {
            Self::Is(value) | Self::Range(_, value) | Self::Log(_, value) => *value,
            Self::Of(values) => values.iter().copied().max().unwrap_or(0),
        }
    }
}

/// Operations that are written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrainSheet {
    pub(crate) at: Draw,
    pub(crate) count: Draw,
    pub(crate) every: Draw,
    pub(crate) value: Draw,
}

/// A fault that is written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FaultSheet {
    pub(crate) kind: Kind,
    pub(crate) at: Draw,
    pub(crate) lasts: Draw,
    pub(crate) node: usize,
    pub(crate) peer: usize,
    pub(crate) amount: Draw,
    pub(crate) explicit: bool,
}

/// The common content of both kinds of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) name: String,
    pub(crate) on: Vec<Substrate>,
    pub(crate) exact: bool,
    pub(crate) duration_us: u64,
    pub(crate) heal_us: u64,
    pub(crate) expect: Expect,
    pub(crate) nodes: Vec<NodePlan>,
    pub(crate) knobs: Vec<(&'static str, Draw)>,
    pub(crate) trains: Vec<TrainSheet>,
    pub(crate) faults: Vec<FaultSheet>,
}

/// The rule whether a file may have draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Draws {
    Allowed,
    Made,
}

/// The keys of both kinds of files.
pub(crate) const KEYS: [&str; 10] =
    ["name", "on", "exact", "duration", "heal", "expect", "nodes", "knobs", "train", "fault"];

const TIME: Unit = Unit::Time;

impl Sheet {
    pub(crate) fn read(root: Table<'_>, draws: Draws) -> Result<Self, FileError> {
        let (duration, heal) = (root.need("duration")?, root.need("heal")?);
        let (duration_us, heal_us) = (duration.quantity(TIME)?, heal.quantity(TIME)?);
        if heal_us > duration_us {
            return Err(heal.error("\"heal\" must not be after \"duration\"".to_owned()));
        }
        let nodes = read_nodes(root.need("nodes")?)?;
        let tables = |key: &str| root.get(key).map_or_else(|| Ok(Vec::new()), |list| tables(list));
        let trains =
            tables("train")?.into_iter().map(|train| read_train(train, draws)).collect::<Result<_, _>>()?;
        let fault = |fault| read_fault(fault, draws, &nodes, heal_us);
        let faults = tables("fault")?.into_iter().map(fault).collect::<Result<_, _>>()?;
        Ok(Self {
            name: name(root.need("name")?)?.to_owned(),
            on: root.get("on").map_or_else(|| Ok(vec![Substrate::Fast]), read_on)?,
            exact: root.get("exact").map_or(Ok(true), |exact| exact.switch())?,
            duration_us,
            heal_us,
            expect: root.get("expect").map_or(Ok(Expect::Pass), read_expect)?,
            knobs: root.get("knobs").map_or_else(|| Ok(Vec::new()), |knobs| read_knobs(knobs, draws))?,
            nodes,
            trains,
            faults,
        })
    }

    /// Refuses more operations, written out and `drawn`, than memory should hold: a mistyped number is reported, and
    /// does not end the process.
    pub(crate) fn check_ops(&self, root: Table<'_>, drawn: u64) -> Result<(), FileError> {
        let written = self.trains.iter().fold(0_u64, |sum, train| sum.saturating_add(train.count.most()));
        let ops = written.saturating_add(drawn);
        if ops <= OPS_MAX {
            return Ok(());
        }
        let at = root.need(if drawn > written { "workload" } else { "train" })?;
        Err(at.error(format!("{ops} operations are too many; at most {OPS_MAX} can be played")))
    }
}

/// Reads a name: it is a key of files, and part of file names.
fn name(value: Value<'_>) -> Result<&str, FileError> {
    let text = value.text("a name")?;
    is_name(text).then_some(text).ok_or_else(|| not_a_name(value, text))
}

fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.bytes().all(letter)
}

fn not_a_name(value: Value<'_>, text: &str) -> FileError {
    value.error(format!("a name is made of letters, digits, - and _; {text:?} is not"))
}

fn tables(value: Value<'_>) -> Result<Vec<Table<'_>>, FileError> {
    value.list("a list of tables")?.into_iter().map(|value| value.table("a list of tables")).collect()
}

fn read_on(value: Value<'_>) -> Result<Vec<Substrate>, FileError> {
    let names = Substrate::ALL.map(Substrate::name);
    let each = |value: Value<'_>| {
        let name = value.text("a list of substrates")?;
        Substrate::from_name(name).ok_or_else(|| value.unknown("substrate", name, "substrates", &names))
    };
    value.list("a list of substrates")?.into_iter().map(each).collect()
}

fn read_expect(value: Value<'_>) -> Result<Expect, FileError> {
    let wanted = "\"pass\" or \"violation:N6\"";
    let text = value.text(wanted)?;
    if text == "pass" {
        return Ok(Expect::Pass);
    }
    let invariant = text.strip_prefix("violation:").and_then(Invariant::from_name);
    invariant
        .map(Expect::Violation)
        .ok_or_else(|| value.error(format!("\"expect\" must be {wanted}, not {text:?}")))
}

fn read_knobs(value: Value<'_>, draws: Draws) -> Result<Vec<(&'static str, Draw)>, FileError> {
    let names: Vec<&str> = Knobs::ALL.iter().map(|(name, _)| *name).collect();
    let each = |entry: &Value<'_>| {
        let (name, unit) = Knobs::ALL
            .iter()
            .find(|(name, _)| *name == entry.key)
            .ok_or_else(|| entry.unknown("key", entry.key, "knobs", &names))?;
        Ok((*name, read_draw(*entry, *unit, draws)?))
    };
    value.table("a table of knobs")?.entries().iter().map(each).collect()
}

/// Reads a number, or in a scenario `{ of = [..] }`, `{ range = [low, high] }`, `{ log = [low, high] }`.
pub(crate) fn read_draw(value: Value<'_>, unit: Unit, draws: Draws) -> Result<Draw, FileError> {
    if draws == Draws::Made || !value.is_table() {
        return value.quantity(unit).map(Draw::Is);
    }
    let table = value.table("a draw")?;
    table.only("draws", &["of", "range", "log"])?;
    let [entry] = table.entries()[..] else {
        return Err(value.error("a draw is one of \"of\", \"range\", \"log\"".to_owned()));
    };
    let list = entry.list("a list")?;
    let values = list.iter().map(|value| value.quantity(unit)).collect::<Result<Vec<_>, _>>()?;
    match (entry.key, &values[..]) {
        ("of", [_, ..]) => Ok(Draw::Of(values)),
        ("range", [low, high]) if low <= high => Ok(Draw::Range(*low, *high)),
        ("log", [low, high]) if low <= high => Ok(Draw::Log(*low, *high)),
        ("of", _) => Err(entry.error("\"of\" must name at least one value".to_owned())),
        _ => Err(entry.error(format!("{:?} must be a list of two values, the lesser first", entry.key))),
    }
}

pub(crate) fn draw_or(
    table: Table<'_>,
    key: &str,
    unit: Unit,
    draws: Draws,
    or: u64,
) -> Result<Draw, FileError> {
    table.get(key).map_or(Ok(Draw::Is(or)), |value| read_draw(value, unit, draws))
}

fn read_train(table: Table<'_>, draws: Draws) -> Result<TrainSheet, FileError> {
    table.only("keys of a train", &["at", "count", "every", "value"])?;
    Ok(TrainSheet {
        at: read_draw(table.need("at")?, TIME, draws)?,
        count: draw_or(table, "count", Unit::Count, draws, 1)?,
        every: draw_or(table, "every", TIME, draws, 0)?,
        value: read_draw(table.need("value")?, Unit::Bytes, draws)?,
    })
}

fn read_fault(
    table: Table<'_>,
    draws: Draws,
    nodes: &[NodePlan],
    heal_us: u64,
) -> Result<FaultSheet, FileError> {
    let kind_at = table.need("kind")?;
    let kind_name = kind_at.text("a kind of fault")?;
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.shape().name).collect();
    let kind = Kind::from_name(kind_name)
        .ok_or_else(|| kind_at.unknown("kind of fault", kind_name, "kinds", &kinds))?;
    let shape = kind.shape();
    let mut keys = vec!["at", "kind", "node"];
    keys.extend((shape.target == Target::Pair).then_some("peer"));
    keys.extend(shape.lasts.then_some("for"));
    keys.extend(shape.amount.map(|(name, _)| name));
    keys.extend((draws == Draws::Made).then_some("drawn"));
    table.only(&format!("keys of {kind_name:?}"), &keys)?;
    let node_at = table.need("node")?;
    let node = node_of(node_at, nodes)?;
    let peer = match (shape.target, table.get("peer"), nodes[node].upstream) {
        (Target::Node, _, _) => node,
        (Target::Pair, Some(peer), _) => node_of(peer, nodes)?,
        (Target::Pair, None, Some(upstream)) => upstream,
        (Target::Pair, None, None) => {
            return Err(
                node_at.error(format!("{:?} follows nobody, so \"peer\" is missing", nodes[node].name))
            );
        }
    };
    let at = read_draw(table.need("at")?, TIME, draws)?;
    if let Draw::Is(at_us) = at
        && at_us > heal_us
    {
        return Err(table.need("at")?.error("a fault must not begin after \"heal\"".to_owned()));
    }
    let lasts = if shape.lasts { draw_or(table, "for", TIME, draws, u64::MAX)? } else { Draw::Is(0) };
    let amount = match shape.amount {
        Some((name, unit)) => read_draw(table.need(name)?, unit, draws)?,
        None => Draw::Is(0),
    };
    let drawn = table.get("drawn").map_or(Ok(false), |drawn| drawn.switch())?;
    Ok(FaultSheet { kind, at, lasts, node, peer, amount, explicit: !drawn })
}

pub(crate) fn node_of(value: Value<'_>, nodes: &[NodePlan]) -> Result<usize, FileError> {
    let name = value.text("a node")?;
    let names: Vec<&str> = nodes.iter().map(|node| &*node.name).collect();
    nodes
        .iter()
        .position(|node| node.name == name)
        .ok_or_else(|| value.unknown("node", name, "nodes", &names))
}

fn read_nodes(value: Value<'_>) -> Result<Vec<NodePlan>, FileError> {
    let entries = value.table("a table of nodes")?.entries();
    if entries.len() > NODES_MAX {
        let text = format!("there are {} nodes; at most {NODES_MAX} can be simulated", entries.len());
        return Err(entries[NODES_MAX].error(text));
    }
    let mut nodes = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        nodes.push(read_node(*entry, number)?);
    }
    for (number, entry) in entries.iter().enumerate() {
        let table = entry.table("a table")?;
        if let Some(upstream) = table.get("upstream") {
            nodes[number].upstream = Some(node_of(upstream, &nodes)?);
        }
    }
    check_nodes(&entries, &nodes)?;
    let primaries = nodes.iter().filter(|node| node.role == Role::Primary).count();
    if primaries == 0 {
        return Err(value.error("one node must have role = \"primary\"".to_owned()));
    }
    Ok(nodes)
}

fn read_node(entry: Value<'_>, number: usize) -> Result<NodePlan, FileError> {
    if !is_name(entry.key) {
        return Err(not_a_name(entry, entry.key));
    }
    let table = entry.table("a table such as { upstream = \"p\" }")?;
    table.only("keys of a node", &["id", "role", "upstream", "store", "starts", "core"])?;
    let one_of = |key: &str, words: [&str; 2], or: &'static str| {
        let Some(value) = table.get(key) else { return Ok(or == words[0]) };
        let wanted = format!("{:?} or {:?}", words[0], words[1]);
        let text = value.text(&wanted)?;
        let known = words.contains(&text);
        known
            .then_some(text == words[0])
            .ok_or_else(|| value.error(format!("{key:?} must be {wanted}, not {text:?}")))
    };
    let primary = one_of("role", ["primary", "replica"], "replica")?;
    let id = table.get("id").map_or(Ok(number as u64 + 1), |id| id.quantity(Unit::Count))?;
    Ok(NodePlan {
        name: entry.key.to_owned(),
        id,
        role: if primary { Role::Primary } else { Role::Replica },
        upstream: None,
        disk: one_of("store", ["disk", "memory"], "disk")?,
        starts_us: table.get("starts").map_or(Ok(0), |starts| starts.quantity(TIME))?,
        core: table.get("core").map_or(Ok(true), |core| core.switch())?,
    })
}

fn check_nodes(entries: &[Value<'_>], nodes: &[NodePlan]) -> Result<(), FileError> {
    for (number, (entry, node)) in entries.iter().zip(nodes).enumerate() {
        let before = &nodes[..number];
        if let Some(twin) = before.iter().find(|twin| twin.id == node.id) {
            return Err(entry.error(format!("{:?} and {:?} have one id; use \"twin\"", twin.name, node.name)));
        }
        let first = before.iter().find(|first| first.role == Role::Primary);
        match (node.role, node.upstream, first) {
            (Role::Primary, Some(_), _) => {
                return Err(entry.error(format!("{:?} is primary and follows nobody", node.name)));
            }
            (Role::Primary, None, Some(first)) => {
                let text = format!("{:?} and {:?} are both primary; there is one", first.name, node.name);
                return Err(entry.error(text));
            }
            (Role::Replica, None, _) => {
                return Err(entry.error(format!("{:?} is a replica, so \"upstream\" is missing", node.name)));
            }
            (Role::Primary, None, None) | (Role::Replica, Some(_), _) => {}
        }
        let up = |node: &usize| nodes[*node].upstream;
        if std::iter::successors(Some(number), up).take(nodes.len() + 1).count() > nodes.len() {
            return Err(entry.error(format!("{:?} follows itself in the end", node.name)));
        }
        if let Some(upstream) = node.upstream.filter(|upstream| node.core && !nodes[*upstream].core) {
            let text = format!(
                "{:?} must converge, but follows {:?}, which need not",
                node.name, nodes[upstream].name
            );
            return Err(entry.error(text));
        }
    }
    Ok(())
}
