//! The page at the end of a campaign: what was played, how runs were distributed, which marks were not hit.

use std::fmt::Write;

use super::distribution::Distribution;
use super::summary::Summary;
use crate::units::{bytes, grouped, millis};

/// The longest bar of a histogram.
const BAR: u64 = 40;
/// The most lines of a histogram.
const LINES: u64 = 8;

impl Summary {
    /// Returns the page.
    pub(crate) fn page(&self, require_marks: bool) -> String {
        let mut page = String::new();
        let mut line = |name: &str, value: String| {
            // Writing to a string does not fail.
            let _ = writeln!(page, "{name:<12}{value}");
        };
        let ranges: Vec<String> = self.ranges.iter().map(|(from, to)| format!("{from}..{to}")).collect();
        let (from, to) = self.asked;
        let partial = if self.complete { String::new() } else { format!(", a part of {from}..{to}") };
        line("scenario", format!("{} on {}", self.subject.scenario, self.subject.on));
        line("seeds", format!("{} ({}){partial}", grouped(self.seeds), ranges.join(", ")));
        line("speed", format!("{:.1} seeds/s, {:.1} s", self.seeds_per_s, self.seconds));
        line("hash", self.hash.to_string());
        line("violations", self.violations_line());
        if self.vacuous > 0 {
            line("vacuous", format!("{} runs: their faults changed nothing", grouped(self.vacuous)));
        }
        // The tiers with the real driver cannot play every kind, and report no marks.
        let whole = self.subject.on == "fast";
        for (kind, effect) in self.faults.iter().filter(|(_, effect)| whole && effect.effective == 0) {
            line("inert", format!("{kind}: played {} times, changed nothing", grouped(effect.played)));
        }
        let missed: Vec<&str> = self.missed().map(|mark| mark.words()).collect();
        let all = self.marks.len();
        if whole || require_marks {
            line("marks", format!("{} of {all} hit", all - missed.len()));
        }
        if self.subject.promises_marks || require_marks {
            missed.into_iter().for_each(|words| line("", format!("never: {words}")));
        }
        if self.margins.converge_us.count() > 0 {
            page.push_str("\ntime to converge after the heal\n");
            histogram(&mut page, &self.margins.converge_us, |us| millis(us / 1_000));
            page.push_str("\nsnapshots in a run\n");
            histogram(&mut page, &self.margins.snapshots, grouped);
        }
        page
    }

    fn violations_line(&self) -> String {
        let each: Vec<String> = self
            .violated
            .iter()
            .map(|(invariant, runs)| format!("{invariant} in {}", grouped(*runs)))
            .collect();
        match each.is_empty() {
            true => "none".to_owned(),
            false => format!("{}: {}", grouped(self.violations), each.join(", ")),
        }
    }
}

/// Appends bars of text, the longest [`BAR`] wide; a count above 0 always shows.
fn histogram(page: &mut String, all: &Distribution, show: impl Fn(u64) -> String) {
    let bars = all.bars(LINES);
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1).max(1);
    let label =
        |from: u64, to: u64| if from == to { show(from) } else { format!("{} to {}", show(from), show(to)) };
    let labels: Vec<String> = bars.iter().map(|bar| label(bar.from, bar.to)).collect();
    let width = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    for (bar, label) in bars.iter().zip(&labels) {
        let length = u128::from(bar.count) * u128::from(BAR) / u128::from(most);
        let length = usize::try_from(length).unwrap_or(0).max(usize::from(bar.count > 0));
        let line = format!("  {label:>width$}  {:>9}  {}", grouped(bar.count), "#".repeat(length));
        page.push_str(line.trim_end());
        page.push('\n');
    }
}

/// A quantity of a campaign, and how it is formatted.
pub(crate) struct Quantity<'a> {
    pub(crate) name: &'static str,
    pub(crate) all: &'a Distribution,
    pub(crate) show: fn(u64) -> String,
}

/// Returns all quantities that are measured of runs that held.
pub(crate) fn quantities(summary: &Summary) -> [Quantity<'_>; 5] {
    let margins = &summary.margins;
    let quantity = |name, all, show| Quantity { name, all, show };
    [
        quantity("most records behind", &margins.lag_max, grouped),
        quantity("time to converge", &margins.converge_us, |us| millis(us / 1_000)),
        quantity("part of its budget", &margins.converge_permille, percent),
        quantity("snapshots in a run", &margins.snapshots, grouped),
        quantity("least ring left", &margins.ring_left_min, bytes),
    ]
}

/// Formats thousandths for people: `9.5 %`.
pub(crate) fn percent(permille: u64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

/// Returns rows of least, median, 90 %, 99 % and most, one for each quantity.
pub(crate) fn table(summary: &Summary) -> String {
    let mut lines = vec![["", "min", "p50", "p90", "p99", "max"].map(str::to_owned).to_vec()];
    for Quantity { name, all, show } in quantities(summary) {
        let mut line = vec![name.to_owned(), show(all.min())];
        line.extend([500, 900, 990].map(|permille| show(all.permille(permille))));
        line.push(show(all.max()));
        lines.push(line);
    }
    let widths: Vec<usize> =
        (0..6).map(|column| lines.iter().map(|line| line[column].len()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for line in &lines {
        let _ = write!(text, "{:<width$}", line[0], width = widths[0]);
        for (cell, width) in line.iter().zip(&widths).skip(1) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::distribution::Distribution;
    use super::histogram;
    use crate::units::grouped;

    #[test]
    fn bars_are_in_proportion_and_the_rare_still_shows() {
        let mut all = Distribution::default();
        (0..1_000).for_each(|_| all.add(0));
        (0..500).for_each(|_| all.add(1));
        all.add(2);
        let mut page = String::new();
        histogram(&mut page, &all, grouped);
        let bars: Vec<usize> = page.lines().map(|line| line.matches('#').count()).collect();
        assert_eq!(bars, [40, 20, 1]);
        assert!(page.starts_with("  0      1,000  ####"), "{page}");
    }
}
