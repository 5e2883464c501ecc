//! What two substrates must agree in when they play one plan: the verdict, and how every node ended. A difference is a
//! mistake of a model, or a driver's.
//!
//! Not compared: order and time of anything. A node that need not converge may end as it likes.

use crate::plan::{Plan, Substrate};
use crate::report::{Final, Report, Verdict};

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
        for (node, pair) in first.finals.iter().zip(&report.finals).enumerate() {
            let of = &plan.nodes[node];
            let difference = if of.core { differs(plan, pair.0, pair.1) } else { None };
            if let Some((what, here, there)) = difference {
                let (one, other) = (one.name(), other.name());
                return Err(format!("{}: {what} is {here} on {one}, {there} on {other}", of.name));
            }
        }
    }
    Ok(())
}

/// A verdict as it is compared. A fault may find nothing to disturb on one substrate alone: that is no verdict on the
/// nodes, who passed.
fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass | Verdict::Vacuous(_) => "pass".to_owned(),
        Verdict::Violation(violation) => format!("{} violated", violation.invariant.name()),
    }
}

fn differs(plan: &Plan, here: &Final, there: &Final) -> Option<(&'static str, String, String)> {
    let pair =
        |what, here: &dyn ToString, there: &dyn ToString| Some((what, here.to_string(), there.to_string()));
    let role = |last: &Final| format!("{:?}", last.role).to_lowercase();
    if role(here) != role(there) {
        return pair("the role", &role(here), &role(there));
    }
    if here.offset != there.offset {
        return pair("the last applied offset", &here.offset, &there.offset);
    }
    if here.digest != there.digest {
        return pair("the digest", &format!("{:032x}", here.digest), &format!("{:032x}", there.digest));
    }
    // One snapshot more after a cut is a matter of time; whether one was needed at all is not. The reference server
    // cannot rewind: a fork costs it a snapshot that a store which can does not need.
    let many = |last: &Final| ["none", "one", "several"][usize::try_from(last.snapshots.min(2)).unwrap_or(2)];
    if plan.exact && plan.knobs.rewinds == 0 && many(here) != many(there) {
        return pair("the count of snapshots", &many(here), &many(there));
    }
    None
}
