use super::*;

fn small() -> Scope {
    Scope { ops: 3, resets: 1, crashes: 1, waits: 3, states_max: 20_000, ..Scope::default() }
}

fn tell(outcome: &Outcome) -> String {
    let moves = outcome.counterexample.iter().flatten().map(|step| format!("  {}\n", step.words));
    format!("{:?}\n{}", outcome.violated, moves.collect::<String>())
}

#[test]
fn a_choice_survives_its_number() {
    for number in 0..11_u16 << 8 {
        let choice = Choice::unpack(number);
        assert_eq!(Choice::unpack(choice.pack()), choice);
    }
}

#[test]
fn a_world_at_rest_is_the_same_world_again_and_the_next_one_begins_behind_it() {
    let scope = Scope { replicas: 2, ..small() };
    let (mut pool, start) = Pool::new(scope);
    let written = pool.after(&start, Choice::Write(0)).ok().expect("a primary writes");
    let frontier = [start.pack().bytes(), written.pack().bytes()].concat();
    let (first, rest) = World::unpack(&frontier).expect("two worlds");
    let (second, rest) = World::unpack(rest).expect("another world");
    assert!((first, second) == (start, written) && rest.is_empty() && World::unpack(rest).is_none());
}

#[test]
fn a_set_knows_what_it_was_given_however_it_grew() {
    let mut set = Set::new();
    let keys = || (0..5_000_u128).map(|number| number << 64);
    assert!(keys().all(|key| set.insert(key)));
    assert!(keys().all(|key| !set.insert(key)));
    assert_eq!(set.len(), 5_000);
}

#[test]
fn the_shipped_core_has_no_counterexample_in_a_small_scope() {
    let mut told = 0;
    let outcome = search(&small(), &mut |_| told += 1);
    assert!(outcome.violated.is_none(), "{}", tell(&outcome));
    assert!(outcome.states >= 20_000 && told > 0, "{outcome:?}");
}

#[test]
fn a_search_is_the_same_every_time() {
    let scope = Scope { states_max: 3_000, ..small() };
    assert_eq!(search(&scope, &mut |_| ()), search(&scope, &mut |_| ()));
}

#[test]
fn everything_within_a_smaller_scope_is_seen_and_sound_from_the_first_snapshot_on() {
    let scope =
        Scope { ops: 2, resets: 0, crashes: 1, promotions: 0, waits: 1, fresh: true, ..Scope::default() };
    let outcome = search(&scope, &mut |_| ());
    assert!(outcome.violated.is_none(), "{}", tell(&outcome));
    assert!(outcome.complete && outcome.cut_off == 0, "{outcome:?}");
}
