//! The forms in which a shrunk plan is passed on: a test that contains it, or the end of a link that does.

use crate::oracle::Invariant;
use crate::plan::Plan;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The beginning of a link's end that carries a plan.
const FRAGMENT: &str = "#plan=";

/// Returns a file with one test: the plan, and that its run violates nothing; without the bug, a fault that only the
/// bug makes possible may change nothing. `mutant` 0 is the core as it ships.
#[must_use]
pub fn test_source(plan: &Plan, invariant: Invariant, mutant: u16) -> String {
    let name = format!("{}_{}_{}", plan.name, plan.seed, invariant.name());
    let name: String = name.to_lowercase().replace('-', "_");
    let text = plan.to_text();
    // Names are letters, digits, - and _: nothing in a plan's text ends a raw string.
    let fence = "#";
    let play = "towline_sim::fast::run(&plan, false)";
    let run = match mutant {
        0 => play.to_owned(),
        bug => format!("towline_sim::mutants::with({bug}, || {play})"),
    };
    format!(
        "//! {} of seed {}, shrunk. It violated {}: {}.\n\n\
         use towline_sim::plan::Plan;\n\
         use towline_sim::report::Verdict;\n\n\
         const PLAN: &str = r{fence}\"{text}\"{fence};\n\n\
         #[test]\n\
         fn {name}() {{\n    \
             let plan = Plan::parse(\"{name}\", PLAN).expect(\"a plan\");\n    \
             let run = {run};\n    \
             let held = !matches!(run.report.verdict, Verdict::Violation(_));\n    \
             assert!(held, \"{{:?}}\", run.report.verdict);\n\
         }}\n",
        plan.name,
        plan.seed,
        invariant.name(),
        invariant.words(),
    )
}

/// Returns the end of a link that carries a plan.
#[must_use]
pub fn fragment(plan: &Plan) -> String {
    format!("{FRAGMENT}{}", URL_SAFE_NO_PAD.encode(plan.to_text()))
}

/// Returns the plan's text that the end of a link carries.
#[must_use]
pub fn plan_of_fragment(fragment: &str) -> Option<String> {
    let encoded = fragment.strip_prefix(FRAGMENT)?;
    String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}
