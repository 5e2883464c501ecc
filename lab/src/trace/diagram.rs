//! A run as a message diagram: nodes are columns, time runs down, each event has a line of its own.

use towline_core::Role;
use towline_sim::plan::Plan;
use towline_sim::plan::faults::Target;

use super::bars::{Bar, BarKind, Moment, MomentKind, TimedFact, Timeline};
use super::facts::role_name;
use super::scale::{LINE, Scale, ticks};
use super::{View, applied_at};
use crate::svg::Svg;

const LEFT: i64 = 120;
const COLUMN: i64 = 330;
const TOP: i64 = 128;
/// The most letters beside a process's bar; a pointer shows the rest.
const LETTERS: usize = 40;
/// The width of a letter: the font is monospaced.
const LETTER: i64 = 8;
const LETTER_LARGE: i64 = 9;
/// The width of the legend.
const WIDTH_MIN: i64 = 860;
/// The most rows: nobody reads a longer diagram.
const ROWS_MAX: usize = 1_200;

const STYLE: &str = "\
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1f2937; }
.title { font-size: 17px; font-weight: bold; }
.quiet, .offset { fill: #6b7280; }
.offset { font-size: 11px; }
.name { font-size: 14px; font-weight: bold; }
.left { text-anchor: end; }
.middle { text-anchor: middle; }
.time { fill: #9ca3af; font-size: 11px; text-anchor: end; }
line { stroke: #9ca3af; stroke-width: 1; }
.tick { stroke: #e5e7eb; }
.primary { fill: #d97706; }
.replica { fill: #2563eb; }
.dead { stroke: #d1d5db; stroke-dasharray: 2 5; }
.link { fill: #93c5fd; }
.snapshot { fill: #7c3aed; }
.cut { fill: #c4b5fd; }
.fault { fill: #ef4444; fill-opacity: 0.13; }
.dial { stroke: #9ca3af; stroke-dasharray: 4 3; }
.join { stroke: #059669; stroke-width: 1.5; }
.ship { stroke: #7c3aed; stroke-width: 3; }
.dial.head { fill: #9ca3af; stroke-dasharray: none; }
.join.head { fill: #059669; }
.ship.head { fill: #7c3aed; stroke-width: 1; }
.death { stroke: #dc2626; stroke-width: 3; }
.heal { stroke: #059669; stroke-width: 1.5; stroke-dasharray: 8 4; }
.wrong { stroke: #dc2626; stroke-width: 2; }
text.bad { fill: #b91c1c; }
text.good { fill: #047857; }
text.news { fill: #5b21b6; }
";

/// The content of a line.
enum Row<'a> {
    Tick(u64),
    Moment(&'a Moment),
    Violation(u64, &'a [String; 2]),
}

impl Row<'_> {
    const fn t_us(&self) -> u64 {
        match self {
            Self::Tick(t_us) | Self::Violation(t_us, _) => *t_us,
            Self::Moment(moment) => moment.t_us,
        }
    }
}

/// Formats a time beside its line: `3.250 s`.
fn clock(t_us: u64) -> String {
    format!("{}.{:03} s", t_us / 1_000_000, t_us / 1_000 % 1_000)
}

struct Diagram<'a> {
    plan: &'a Plan,
    facts: &'a [TimedFact],
    scale: Scale,
    /// The lines with events: time, node, kind, and place of the line.
    lines: Vec<(u64, usize, MomentKind, i64)>,
    svg: Svg,
}

/// Draws the diagram.
pub(super) fn draw(plan: &Plan, facts: &[TimedFact], view: &View) -> String {
    let bars = Timeline::read(plan, facts);
    let (from_us, to_us) = (view.from_us, view.until_us.min(bars.end_us));
    let seen: Vec<&Moment> =
        bars.moments.iter().filter(|moment| (from_us..=to_us).contains(&moment.t_us)).collect();
    let left_out = seen.len().saturating_sub(ROWS_MAX);
    let to_us = if left_out > 0 { seen[ROWS_MAX - 1].t_us } else { to_us };
    let mut rows: Vec<Row<'_>> = ticks(from_us, to_us).into_iter().map(Row::Tick).collect();
    rows.extend(seen.into_iter().take(ROWS_MAX).map(Row::Moment));
    if let Some((t_us, told)) = view.violation.as_ref().filter(|(t_us, _)| *t_us <= to_us) {
        rows.push(Row::Violation(*t_us, told));
    }
    // A stable sort: events of the same time keep their order.
    rows.sort_by_key(Row::t_us);
    let times: Vec<u64> = rows.iter().map(Row::t_us).collect();
    let scale = Scale::new(&times, TOP);
    let lines = rows.iter().enumerate().filter_map(|(index, row)| match row {
        Row::Moment(moment) => Some((moment.t_us, moment.node, moment.kind, scale.row(index))),
        Row::Tick(_) | Row::Violation(..) => None,
    });
    let lines = lines.collect();
    let mut diagram = Diagram { plan, facts, scale, lines, svg: Svg::default() };
    diagram.nodes();
    for bar in bars.bars.iter().filter(|bar| bar.from_us <= to_us && bar.to_us >= from_us) {
        diagram.bar(bar, (from_us, to_us));
    }
    for (index, row) in rows.iter().enumerate() {
        diagram.row(index, row);
    }
    diagram.finish(&view.title, left_out)
}

impl Diagram<'_> {
    fn x(&self, node: usize) -> i64 {
        LEFT + COLUMN / 8 + COLUMN * i64::try_from(node).unwrap_or(0)
    }

    fn width(&self) -> i64 {
        self.x(self.plan.nodes.len())
    }

    /// Draws a bar: faults behind everything, then connections and snapshots beside the processes.
    fn bar(&mut self, bar: &Bar, (from_us, to_us): (u64, u64)) {
        let begins: &[MomentKind] = match bar.kind {
            BarKind::Life(_) => {
                &[MomentKind::Birth(Role::Primary), MomentKind::Birth(Role::Replica), MomentKind::Turn]
            }
            BarKind::Link(_) => &[MomentKind::Dial],
            BarKind::Snapshot { .. } => &[MomentKind::Snapshot],
            BarKind::Fault(_) => &[MomentKind::Fault],
        };
        let begin = self
            .lines
            .iter()
            .find(|(t_us, node, kind, _)| (*t_us, *node) == (bar.from_us, bar.node) && begins.contains(kind));
        let top = begin.map_or_else(|| self.scale.y(bar.from_us.max(from_us)), |line| line.3) - 3;
        let end = self.lines.iter().rfind(|(t_us, node, ..)| (*t_us, *node) == (bar.to_us, bar.node));
        let height = end.map_or_else(|| self.scale.y(bar.to_us.min(to_us)), |line| line.3) - top;
        let x = self.x(bar.node);
        match bar.kind {
            BarKind::Life(Role::Primary) => self.svg.rect("primary", (x - 3, top), (6, height)),
            BarKind::Life(Role::Replica) => self.svg.rect("replica", (x - 2, top), (4, height)),
            BarKind::Link(_) => self.svg.rect("link", (x - 9, top), (3, height)),
            BarKind::Snapshot { offset, installed } => {
                let (class, end) =
                    if installed { ("snapshot", "installed") } else { ("cut", "never installed") };
                self.svg.titled_rect(
                    class,
                    (x - 19, top),
                    (8, height),
                    &format!("snapshot of {offset}, {end}"),
                );
            }
            BarKind::Fault(index) => {
                let Some(fault) = self.plan.faults.get(index) else { return };
                let pair = fault.kind.shape().target == Target::Pair;
                let other = if pair { self.x(fault.peer) } else { x };
                let (left, right) = (x.min(other), x.max(other));
                let (left, width) = if pair { (left, right - left) } else { (left - 28, 56) };
                let name = super::fault_name(self.plan, index);
                self.svg.titled_rect("fault", (left, top), (width, height.max(LINE - 4)), &name);
            }
        }
    }

    /// Draws the columns' heads, and a thread through the times without a process.
    fn nodes(&mut self) {
        for (number, node) in self.plan.nodes.iter().enumerate() {
            let x = self.x(number);
            let follows = node.upstream.and_then(|upstream| self.plan.nodes.get(upstream));
            let what = match follows {
                Some(upstream) => format!("follows {}", upstream.name),
                None => "primary".to_owned(),
            };
            self.svg.text("name middle", (x, TOP - 40), &node.name);
            self.svg.text("quiet middle", (x, TOP - 24), what);
            self.svg.line("dead", (x, TOP - 12), (x, self.scale.bottom() + 12));
        }
    }

    fn row(&mut self, index: usize, row: &Row<'_>) {
        let y = self.scale.row(index);
        match row {
            Row::Tick(t_us) => {
                let width = self.width();
                self.svg.line("tick", (LEFT - 10, y), (width, y));
                self.svg.text("quiet left", (LEFT - 16, y + 4), clock(*t_us));
                for node in 0..self.plan.nodes.len() {
                    if let Some(offset) = applied_at(self.facts, *t_us, node) {
                        self.svg.text("offset", (self.x(node) + 14, y + 4), offset);
                    }
                }
            }
            Row::Violation(t_us, [seen, words]) => {
                let width = self.width().max(WIDTH_MIN);
                self.svg.line("wrong", (LEFT - 10, y), (width, y));
                self.svg.text("time", (LEFT - 16, y + 4), clock(*t_us));
                // From the left edge on: it is the longest text, and the one that is looked for.
                let fits = |letter: i64| usize::try_from((width - LEFT) / letter).unwrap_or(LETTERS);
                self.svg.clipped_text("bad name", (LEFT, y - 5), seen, fits(LETTER_LARGE));
                self.svg.clipped_text("bad", (LEFT, y + 15), words, fits(LETTER));
            }
            Row::Moment(moment) => self.moment(moment, y),
        }
    }

    fn moment(&mut self, moment: &Moment, y: i64) {
        let x = self.x(moment.node);
        if moment.kind != MomentKind::Heal {
            self.svg.text("time", (LEFT - 16, y + 4), clock(moment.t_us));
        }
        let peer = moment.peer.map(|peer| self.x(peer));
        let class = match moment.kind {
            MomentKind::Birth(role) => {
                self.svg.circle(role_name(role), (x, y), 5);
                "quiet"
            }
            MomentKind::Death => {
                self.svg.cross("death", (x, y), 6);
                "bad"
            }
            MomentKind::Dial => {
                peer.inspect(|peer| self.svg.arrow("dial", x, *peer, y));
                "quiet"
            }
            MomentKind::Join => {
                peer.inspect(|peer| self.svg.arrow("join", *peer, x, y));
                "good"
            }
            MomentKind::Snapshot => {
                peer.inspect(|peer| self.svg.arrow("ship", *peer, x, y));
                "news"
            }
            MomentKind::End | MomentKind::Fault => "bad",
            MomentKind::Good => "good",
            MomentKind::Turn => "news",
            MomentKind::Heal => {
                let width = self.width();
                self.svg.line("heal", (LEFT - 10, y), (width, y));
                return self.svg.text(
                    "good left",
                    (LEFT - 16, y + 4),
                    format!("{} heal", clock(moment.t_us)),
                );
            }
        };
        // Text goes above a line that leaves on its side.
        let above = if peer.is_some_and(|peer| peer > x) { y - 4 } else { y + 4 };
        self.svg.clipped_text(class, (x + 14, above), &moment.text, LETTERS);
    }

    fn legend(&mut self) {
        let y = 58;
        let mut x = 24;
        let mut next = |width: i64| {
            let here = x;
            x += width;
            here
        };
        let here = next(90);
        self.svg.rect("primary", (here, y - 10), (6, 12));
        self.svg.text("quiet", (here + 12, y), "primary");
        let here = next(90);
        self.svg.rect("replica", (here, y - 10), (4, 12));
        self.svg.text("quiet", (here + 12, y), "replica");
        let here = next(110);
        self.svg.rect("link", (here, y - 10), (3, 12));
        self.svg.text("quiet", (here + 12, y), "connected");
        let here = next(105);
        self.svg.rect("snapshot", (here, y - 10), (8, 12));
        self.svg.text("quiet", (here + 14, y), "snapshot");
        let here = next(85);
        self.svg.rect("fault", (here, y - 12), (16, 16));
        self.svg.text("quiet", (here + 22, y), "fault");
        let here = next(90);
        self.svg.cross("death", (here + 5, y - 4), 5);
        self.svg.text("quiet", (here + 18, y), "death");
        let here = next(100);
        self.svg.text("offset", (here, y), "123");
        self.svg.text("quiet", (here + 28, y), "records a reader sees");
    }

    fn finish(mut self, title: &str, left_out: usize) -> String {
        self.svg.text("title", (24, 32), title);
        self.legend();
        let bottom = self.scale.bottom() + 34;
        let more = if left_out > 0 {
            format!("{left_out} more moments left out: trace with --from and --until. ")
        } else {
            String::new()
        };
        self.svg.text("quiet", (24, bottom), format!("{more}Time runs down; quiet stretches are shortened."));
        let size = (self.width().max(WIDTH_MIN), bottom + 18);
        self.svg.finish(size, title, STYLE)
    }
}
