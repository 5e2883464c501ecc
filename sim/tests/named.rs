//! Claims of some named scenarios beyond the invariants: counts that the oracle does not judge.

use towline_sim::fast::{Run, run};
use towline_sim::oracle::marks::Mark;
use towline_sim::plan::{Scenario, named};
use towline_sim::report::Verdict;
use towline_sim::trace::Fact;

/// Plays some seeds of a named scenario; each run passes.
fn runs(name: &str, seeds: u64) -> Vec<Run> {
    let (_, text) = named().iter().find(|(known, _)| *known == name).expect("a named scenario");
    let scenario = Scenario::parse(name, text).unwrap_or_else(|error| panic!("{error}"));
    let play = |seed| {
        let run = run(&scenario.draw(seed), true);
        assert_eq!(run.report.verdict, Verdict::Pass, "{name}, seed {seed}");
        run
    };
    (0..seeds).map(play).collect()
}

fn count(run: &Run, is: impl Fn(&Fact) -> bool) -> usize {
    run.facts.iter().filter(|(_, _, fact)| is(fact)).count()
}

#[test]
fn one_view_serves_all_late_joiners() {
    for run in runs("late-joiners", 8) {
        assert_eq!(count(&run, |fact| matches!(fact, Fact::Viewed { .. })), 1);
        assert!(run.report.finals[1..].iter().all(|last| last.snapshots == 1));
    }
}

#[test]
fn a_snapshot_that_is_cut_twenty_times_sends_one_piece_again_for_each_cut() {
    for run in runs("resume-piece", 8) {
        let flapping = |fact: &&(u64, usize, Fact)| fact.1 == 1;
        let of_r1: Vec<&Fact> = run.facts.iter().filter(flapping).map(|(_, _, fact)| fact).collect();
        let piece = |fact: &&Fact| if let Fact::Piece { piece, .. } = fact { Some(*piece) } else { None };
        let pieces: Vec<u64> = of_r1.iter().filter_map(piece).collect();
        let last = pieces.iter().max().expect("a snapshot has pieces") + 1;
        let again = pieces.len() as u64 - last;
        let cuts = of_r1.iter().filter(|fact| matches!(fact, Fact::Lost { .. })).count() as u64;
        assert!(cuts >= 15 && again <= cuts, "{again} of {last} pieces came again in {cuts} cuts");
        assert_eq!(run.report.finals[1].snapshots, 1);
    }
}

#[test]
fn a_snapshot_without_traffic_is_paced_by_the_link() {
    // 4,000 records of 256 bytes in pieces of 4 KiB: with one piece in each beat of half a second it would be 125 s.
    for run in runs("idle-snapshot", 8) {
        assert!(run.report.margins.converge_us < 5_000_000, "{} us", run.report.margins.converge_us);
    }
}

#[test]
fn a_fork_hands_over_exactly_what_nobody_else_has() {
    for run in runs("forked-primary", 8) {
        let fork = |(_, _, fact): &(u64, usize, Fact)| {
            if let Fact::Forked { offset, .. } = fact { Some(*offset) } else { None }
        };
        let of_p = run.facts.iter().filter(|(_, node, _)| *node == 0);
        let forks: Vec<u64> = of_p.filter_map(fork).collect();
        assert_eq!(forks, [300], "300 records were everybody's");
    }
}

#[test]
fn a_primary_that_comes_back_empty_is_refused_until_its_replicas_may_adopt_it() {
    for run in runs("foreign-primary", 8) {
        let taken = |(t_us, node, fact): &(u64, usize, Fact)| {
            *t_us > 3_500_000 && *node > 0 && matches!(fact, Fact::Begun { .. })
        };
        let first = run.facts.iter().find(|fact| taken(fact)).map_or(u64::MAX, |(t_us, _, _)| *t_us);
        assert!(first >= 8_000_000, "a snapshot of another history at {first} us");
    }
}

/// Drawn faults stay within the atlas; these two lie outside, and each has a scenario.
#[test]
fn what_drawn_faults_never_reach_is_reached_by_a_scenario_of_its_own() {
    for mark in Mark::ALL.iter().filter(|mark| mark.is_outside_the_atlas()) {
        let scenario = if *mark == Mark::Outranked { "promotion-race" } else { "foreign-primary" };
        let hit = runs(scenario, 8).iter().any(|run| run.report.marks & mark.bit() != 0);
        assert!(hit, "{scenario}: {}", mark.words());
    }
}
