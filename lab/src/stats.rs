//! `stats`: the distributions of lag, convergence, snapshots and margins over many seeds: a table, and a picture.

use super::args::{On, Shard, StatsArgs};
use super::campaign::Summary;
use super::campaign::page::{Quantity, quantities, table};
use super::explore::Campaign;
use super::failing;
use super::svg::Svg;
use crate::failure::Failure;
use crate::units::grouped;

const STYLE: &str = "\
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1f2937; }
.title { font-size: 17px; font-weight: bold; }
.name { font-weight: bold; }
.quiet { fill: #6b7280; }
.right { text-anchor: end; }
.bar { fill: #2563eb; }
line { stroke: #9ca3af; stroke-width: 1; }
.median { stroke: #d97706; stroke-width: 2; }
.rare { stroke: #dc2626; stroke-width: 2; stroke-dasharray: 4 3; }
";
/// Bars of one distribution.
const BARS: u64 = 60;
const BAR: i64 = 10;
const HEIGHT: i64 = 110;
const LEFT: i64 = 40;
/// The distance from one distribution to the next.
const STEP: i64 = 190;

/// Plays the seeds and shows the distributions.
pub(crate) fn run(args: &StatsArgs) -> Result<(), Failure> {
    let campaign = Campaign {
        scenario: &args.scenario,
        seeds: args.seeds,
        shard: Shard { part: 1, parts: 1 },
        jobs: args.jobs,
        length: None,
        on: On::Fast,
    };
    super::check_writable("--plot", args.plot.as_deref())?;
    crate::paths::folder("--failures", &args.failures.failures)?;
    let (summary, first) = campaign.play()?;
    let text = if args.json {
        serde_json::to_string(&summary).map_err(|error| Failure::Failed(error.into()))? + "\n"
    } else {
        let runs = grouped(summary.margins.converge_us.count());
        format!(
            "{}, {runs} runs that held of {} seeds\n\n{}",
            summary.subject.scenario,
            grouped(summary.seeds),
            table(&summary)
        )
    };
    crate::print(text.as_bytes())?;
    if let Some(path) = &args.plot {
        super::write("--plot", Some(path), &plot(&summary))?;
    }
    let Some((plan, report)) = first else { return Ok(()) };
    let told = failing::tell(&plan, &report, On::Fast, &args.failures.failures)?;
    crate::lines::say_raw(&format!("\n{told}"));
    Err(Failure::failed(format!("{} of {} runs violate an invariant", summary.violations, summary.seeds)))
}

/// Returns the distributions as a picture, one below the other.
fn plot(summary: &Summary) -> String {
    let title = format!("{}, {} seeds", summary.subject.scenario, grouped(summary.seeds));
    let mut svg = Svg::default();
    svg.text("title", (LEFT, 32), &title);
    svg.text("quiet", (LEFT, 52), "amber: half of the runs are below; red: 99 of 100 are");
    let mut top = 84;
    for quantity in quantities(summary) {
        panel(&mut svg, top, &quantity);
        top += STEP;
    }
    let width = 2 * LEFT + BAR * i64::try_from(BARS).unwrap_or(0);
    svg.finish((width, top), &title, STYLE)
}

fn panel(svg: &mut Svg, top: i64, quantity: &Quantity<'_>) {
    let Quantity { name, all, show } = quantity;
    let bars = all.bars(BARS);
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    let floor = top + 18 + HEIGHT;
    svg.text("name", (LEFT, top), name);
    let mut x = LEFT;
    let mut right = LEFT;
    let marks = [("median", all.permille(500)), ("rare", all.permille(990))];
    for bar in &bars {
        let part = u128::from(bar.count) * 1_000 / u128::from(most);
        let height = HEIGHT * i64::try_from(part).unwrap_or(0) / 1_000;
        if bar.count > 0 {
            let height = height.max(1);
            let title = format!("{} to {}: {} runs", show(bar.from), show(bar.to), grouped(bar.count));
            svg.titled_rect("bar", (x, floor - height), (BAR - 1, height), &title);
        }
        for (class, value) in marks {
            if (bar.from..=bar.to).contains(&value) {
                svg.line(class, (x + BAR / 2, top + 12), (x + BAR / 2, floor));
            }
        }
        x += BAR;
        right = x;
    }
    right = right.max(LEFT + BAR * i64::try_from(BARS).unwrap_or(0));
    svg.line("axis", (LEFT, floor), (right, floor));
    svg.text("quiet", (LEFT, floor + 16), show(all.min()));
    svg.text("quiet right", (right, floor + 16), show(all.max()));
    let told = format!(
        "p50 {}, p90 {}, p99 {}",
        show(all.permille(500)),
        show(all.permille(900)),
        show(all.permille(990))
    );
    svg.text("quiet right", (right, top), told);
}
