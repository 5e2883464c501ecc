//! The end of a run: its report.

use super::director::Director;
use super::{Run, plays};
use crate::oracle::{Invariant, Violation};
use crate::report::{Final, Margins, Report, Verdict};
use crate::trace::Fact;

impl Director {
    /// Records a panic on the substrate's side.
    pub(crate) fn panicked(&mut self, now_us: u64, text: String) {
        self.violation.get_or_insert(Violation { invariant: Invariant::X4, t_us: now_us, node: 0, text });
    }

    /// Closes the run and reports it.
    pub(crate) fn report(mut self, now_us: u64) -> Run {
        self.hear();
        if self.violation.is_none() && self.converged_us.is_some() {
            self.violation = self.lost_write(now_us);
        }
        let sheet = self.desk.sheet();
        let finals: Vec<Final> = (0..sheet.views.len())
            .map(|node| {
                let view = sheet.views[node].as_ref();
                Final {
                    alive: self.desk.weather.is_alive(node),
                    role: view.map_or(self.desk.plan.nodes[node].role, |view| view.role),
                    offset: view.map_or(0, |view| view.offset),
                    digest: view.map_or(0, |view| view.digest),
                    snapshots: sheet.installed_before[node] + view.map_or(0, |view| view.installed),
                }
            })
            .collect();
        drop(sheet);
        for (node, last) in finals.iter().enumerate() {
            let digest = u64::try_from(last.digest & u128::from(u64::MAX)).expect("the low half");
            self.record(now_us, node, &Fact::Content { offset: last.offset, digest });
        }
        let effects = self.desk.weather.effects();
        let report = Report {
            verdict: self.verdict(&effects),
            hash: self.tracer.hash(),
            facts: self.tracer.count(),
            calls: 0,
            end_us: now_us,
            marks: 0,
            effects,
            margins: self.margins(&finals),
            finals,
        };
        Run { report, facts: self.tracer.into_facts() }
    }

    fn verdict(&self, effects: &[bool]) -> Verdict {
        if let Some(violation) = &self.violation {
            return Verdict::Violation(violation.clone());
        }
        let plan = &self.desk.plan;
        let idle = |index: &usize| !effects[*index] && plays(plan, *index);
        let idle: Vec<usize> = (0..plan.faults.len()).filter(idle).collect();
        let named: Vec<usize> = idle.iter().copied().filter(|index| plan.faults[*index].explicit).collect();
        let drawn =
            (0..plan.faults.len()).filter(|index| !plan.faults[*index].explicit && plays(plan, *index));
        let drawn: Vec<usize> = drawn.collect();
        let all_idle = !drawn.is_empty() && drawn.iter().all(|index| !effects[*index]);
        match (named.is_empty(), all_idle) {
            (true, false) => Verdict::Pass,
            (true, true) => Verdict::Vacuous(drawn),
            (false, _) => Verdict::Vacuous(named),
        }
    }

    fn margins(&self, finals: &[Final]) -> Margins {
        let due_us = self.healed_us.map(|healed_us| healed_us.max(self.desk.plan.ops_end_us()));
        let converge_us =
            self.converged_us.zip(due_us).map_or(0, |(at_us, due_us)| at_us.saturating_sub(due_us));
        Margins {
            converge_us,
            converge_permille: converge_us * 1_000 / self.desk.plan.converge_budget_us().max(1),
            snapshots: finals.iter().map(|last| last.snapshots).sum(),
            ring_left_min: self.desk.plan.knobs.backlog,
            ..Margins::default()
        }
    }
}
