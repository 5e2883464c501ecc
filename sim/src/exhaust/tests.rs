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
