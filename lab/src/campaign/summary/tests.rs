use towline_sim::report::{Report, Verdict};

use super::{Hash, KEPT, Subject, Summary};
use crate::args::Seeds;
use crate::fixtures::{ended, plan, report, violation};

fn empty() -> Summary {
    let subject = Subject {
        scenario: "fixture".to_owned(),
        digest: Hash(5),
        core: "0.1.0".to_owned(),
        on: "fast".to_owned(),
        promises_marks: true,
    };
    Summary::new(subject, Seeds { from: 0, to: 400 })
}

/// Returns a run whose every number follows from its seed.
fn run(seed: u64) -> Report {
    let verdict = match seed % 10 {
        3 => Verdict::Violation(violation()),
        7 => Verdict::Vacuous(vec![0]),
        _ => Verdict::Pass,
    };
    let mut told = Report { hash: u128::from(seed) * 31, marks: seed, ..ended(verdict) };
    told.margins.converge_us = seed * 1_000;
    told.effects = vec![seed.is_multiple_of(2), true];
    told
}

fn summary(seeds: std::ops::Range<u64>) -> Summary {
    let mut all = empty();
    seeds.for_each(|seed| all.add(seed, &plan(), &run(seed)));
    all.finish(1.0);
    all
}

/// Removes the fields that depend on the clock.
fn timeless(mut told: Summary) -> Summary {
    (told.seconds, told.seeds_per_s) = (0.0, 0.0);
    told
}

#[test]
fn shards_joined_in_any_order_are_the_whole() {
    let whole = summary(0..400);
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let parts = [summary(0..150), summary(150..151), summary(151..400)];
        let mut joined = parts[order[0]].clone();
        joined.join(&parts[order[1]]).unwrap();
        joined.join(&parts[order[2]]).unwrap();
        assert!((joined.seconds - 3.0).abs() < 1e-9);
        assert!(joined.complete && !parts[0].complete);
        assert_eq!(timeless(joined), timeless(whole.clone()));
    }
    assert_eq!(whole.first_violations.len(), KEPT);
    assert_eq!((whole.violations, whole.vacuous, whole.seeds), (40, 40, 400));
}

#[test]
fn a_report_reads_as_it_was_written() {
    let told = summary(5..300);
    let text = serde_json::to_string(&told).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), told);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["seeds"], 295);
    assert_eq!(value["hash"].as_str().unwrap().len(), 32);
    assert_eq!(value["violated"]["S2"], 29);
    assert_eq!(value["faults"]["hold"]["effective"], 147);
    assert!(value["marks"]["Joined"].as_u64().unwrap() > 0);
}

#[test]
fn the_hash_tells_one_run_from_another_and_one_seed_from_another() {
    let with = |seed: u64, hash: u128| {
        let mut all = empty();
        all.add(seed, &plan(), &Report { hash, ..report() });
        all.hash
    };
    assert_eq!(with(1, 9), with(1, 9));
    assert_ne!(with(1, 9), with(1, 8));
    assert_ne!(with(1, 9), with(2, 9));
}

#[test]
fn what_does_not_belong_together_is_not_joined() {
    let said = |change: fn(&mut Summary)| {
        let mut other = summary(400..410);
        change(&mut other);
        summary(0..400).join(&other).unwrap_err()
    };
    assert!(said(|other| other.subject.scenario = "storm".to_owned()).contains("another scenario: storm"));
    assert!(said(|other| other.subject.digest = Hash(6)).contains("text"));
    assert!(said(|other| other.subject.core = "0.2.0".to_owned()).contains("version of the core: 0.2.0"));
    assert!(said(|other| other.subject.on = "real".to_owned()).contains("substrate"));
    assert_eq!(said(|other| other.ranges = vec![(390, 410)]), "seeds 390..400 are in it a second time");
}

#[test]
fn a_named_fault_that_changed_nothing_is_told_by_its_first_seed() {
    let mut all = empty();
    all.add(4, &plan(), &ended(Verdict::Vacuous(vec![0])));
    assert_eq!((all.vacuous, all.inert.clone()), (1, None), "a drawn one may come to nothing");
    all.add(5, &plan(), &ended(Verdict::Vacuous(vec![0, 1])));
    all.add(6, &plan(), &ended(Verdict::Vacuous(vec![1])));
    let inert = all.inert.unwrap();
    assert_eq!(inert.seed, 5);
    assert!(inert.fault.starts_with("kill r1 at ") && inert.fault.contains("needs"), "{}", inert.fault);
}

#[test]
fn marks_count_from_two_thousand_seeds_on() {
    let mut few = empty();
    few.add(0, &plan(), &report());
    assert!(!few.enforces_marks(false) && few.enforces_marks(true));
    assert!(few.missed().count() > 0);
    few.seeds = 2_000;
    assert!(few.enforces_marks(false));
    few.subject.promises_marks = false;
    assert!(!few.enforces_marks(false), "one incident cannot hit every mark");
    for runs in few.marks.values_mut() {
        *runs = 1;
    }
    assert_eq!(few.missed().count(), 0);
}

#[test]
fn a_report_of_another_format_is_not_read() {
    let text = serde_json::to_string(&summary(0..2)).unwrap();
    assert!(serde_json::from_str::<Summary>(&text).is_ok());
    let old = serde_json::from_str::<Summary>(&text.replace("\"schema\":1", "\"schema\":0")).unwrap_err();
    assert!(old.to_string().contains("its schema is 0, this reads 1"), "{old}");
}
