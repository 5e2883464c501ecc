//! The comparison of one plan's runs on two substrates: they must agree in the verdict, and in how every node ended. A
//! difference is a mistake of a model, or of a driver.
//!
//! Not compared: order and time of anything, and what follows from them:
//! - a node that need not converge may end in any state;
//! - records that a primary had not handed on when it died or was deposed (`is_timely`): their number is a matter of
//!   moments, and the node that loses more ends with fewer records;
//! - how often snapshots were needed, where the faults were drawn, where a fault is played on one substrate only, and
//!   where stores can rewind, which the reference server's cannot.

use crate::driver::plays;
use crate::plan::{Fault, Kind, Plan, Substrate};
use crate::report::{Final, Report, Verdict};
use towline_core::Role;

/// Compares the reports of one plan.
///
/// # Errors
/// The first difference, in words.
pub fn compare(plan: &Plan, reports: &[(Substrate, &Report)]) -> Result<(), String> {
    let Some(((one, first), others)) = reports.split_first() else { return Ok(()) };
    for (other, report) in others {
        let (here, there) = (verdict(&first.verdict), verdict(&report.verdict));
        if here != there {
            return Err(format!("{} says {here}, {} says {there}", one.name(), other.name()));
        }
        // On loopback TCP a machine that is busy for a moment is a fault of its own.
        let timed = *one != Substrate::Real && *other != Substrate::Real;
        for (node, pair) in first.finals.iter().zip(&report.finals).enumerate() {
            let of = &plan.nodes[node];
            let difference = if of.core { differs(plan, timed, pair.0, pair.1) } else { None };
            if let Some((what, here, there)) = difference {
                let (one, other) = (one.name(), other.name());
                return Err(format!("{}: {what} is {here} on {one}, {there} on {other}", of.name));
            }
        }
    }
    Ok(())
}

/// Returns a verdict in the form that is compared. A fault may find nothing to disturb on one substrate alone: that is
/// no verdict on the nodes, which passed.
fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass | Verdict::Vacuous(_) => "pass".to_owned(),
        Verdict::Violation(violation) => format!("{} violated", violation.invariant.name()),
    }
}

fn differs(plan: &Plan, timed: bool, here: &Final, there: &Final) -> Option<(&'static str, String, String)> {
    let pair =
        |what, here: &dyn ToString, there: &dyn ToString| Some((what, here.to_string(), there.to_string()));
    let role = |last: &Final| format!("{:?}", last.role).to_lowercase();
    if role(here) != role(there) {
        return pair("the role", &role(here), &role(there));
    }
    if is_timely(plan) {
        return None;
    }
    if here.offset != there.offset {
        return pair("the last applied offset", &here.offset, &there.offset);
    }
    if here.digest != there.digest {
        return pair("the digest", &format!("{:032x}", here.digest), &format!("{:032x}", there.digest));
    }
    let words = if timed { ["none", "one", "several"] } else { ["none", "some", "some"] };
    let many = |last: &Final| words[usize::try_from(last.snapshots.min(2)).unwrap_or(2)];
    let fixed = |index: usize| plan.faults[index].explicit && plays(plan, index);
    let exact = plan.exact && plan.knobs.rewinds == 0 && (0..plan.faults.len()).all(fixed);
    if exact && many(here) != many(there) {
        return pair("the count of snapshots", &many(here), &many(there));
    }
    None
}

/// Returns whether records may be lost that some substrates would have kept: a primary dies, or a drawn fault deposes
/// it.
fn is_timely(plan: &Plan) -> bool {
    let crowns = |fault: &&Fault| matches!(fault.kind, Kind::Promote | Kind::Usurp);
    let reigns = |node: usize| {
        let promoted = plan.faults.iter().filter(crowns).any(|fault| fault.node == node);
        plan.nodes[node].role == Role::Primary || promoted
    };
    plan.faults.iter().any(|fault| {
        let shape = fault.kind.shape();
        shape.loses_records && reigns(fault.node) || shape.moves_roles && !fault.explicit
    })
}

#[cfg(test)]
mod tests;
