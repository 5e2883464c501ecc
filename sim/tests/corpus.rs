//! Every plan that once failed still reads, still has an effect, and ends as it must.

use std::path::Path;

use towline_sim::plan::Plan;
use towline_sim::report::Verdict;

#[test]
fn every_plan_of_the_corpus_ends_as_it_must() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let entries = std::fs::read_dir(folder).expect("a folder of ours");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "plan")) {
        let text = std::fs::read_to_string(file).expect("a file of ours");
        assert!(text.starts_with("# "), "{} must begin with a comment about the failure", file.display());
        let plan = Plan::parse(&file.to_string_lossy(), &text).unwrap_or_else(|error| panic!("{error}"));
        let verdict = towline_sim::fast::run(&plan, false).report.verdict;
        assert_eq!(verdict, Verdict::Pass, "{}", file.display());
    }
}
