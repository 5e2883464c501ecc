use super::moves::{Move, moves};
use super::*;
use crate::plan::Scenario;

fn plan(faults: &str) -> Plan {
    let star = "
        scenario = 1
        name = \"star\"
        duration = \"9s\"
        heal = \"4s\"
        [nodes]
        p = { role = \"primary\" }
        r = { upstream = \"p\" }
        [workload]
        rate = 10
        value = \"16B\"
    ";
    Scenario::parse("star", &format!("{star}{faults}")).unwrap().draw(1)
}

fn of_faults(plan: &Plan) -> Vec<(u64, Move)> {
    moves(plan).into_iter().filter(|(_, next)| !matches!(next, Move::Start(_) | Move::Heal)).collect()
}

#[test]
fn a_run_starts_every_node_and_heals_last() {
    let moves = moves(&plan("[[fault]]\nat = \"1s\"\nkind = \"hold\"\nnode = \"r\"\nfor = \"3s\"\n"));
    assert_eq!(moves[..2], [(0, Move::Start(0)), (0, Move::Start(1))]);
    assert_eq!(
        moves[2..],
        [(1_000_000, Move::Begin(0)), (4_000_000, Move::End(0)), (4_000_000, Move::Heal),]
    );
}

#[test]
fn a_kill_is_down_and_up_and_ends_with_the_heal_at_the_latest() {
    let plan = plan("[[fault]]\nat = \"3s\"\nkind = \"kill\"\nnode = \"r\"\nfor = \"9s\"\n");
    assert_eq!(
        of_faults(&plan),
        [
            (3_000_000, Move::Begin(0)),
            (3_000_000, Move::Down(0)),
            (4_000_000, Move::Up(0)),
            (4_000_000, Move::End(0)),
        ]
    );
    let mut abandoned = plan;
    (abandoned.nodes[1].core, abandoned.faults[0].for_us) = (false, 9_000_000);
    assert_eq!(of_faults(&abandoned), [(3_000_000, Move::Begin(0)), (3_000_000, Move::Down(0))]);
}

#[test]
fn what_happens_several_times_is_spread_over_the_span() {
    let plan = plan("[[fault]]\nat = \"1s\"\nkind = \"flap\"\nnode = \"r\"\nfor = \"1s\"\ncount = 4\n");
    let cuts: Vec<u64> =
        moves(&plan).iter().filter(|(_, next)| *next == Move::Cut(0)).map(|(at_us, _)| *at_us).collect();
    assert_eq!(cuts, [1_000_000, 1_250_000, 1_500_000, 1_750_000]);
}

#[test]
fn a_named_fault_is_played_or_refused_by_its_name_and_a_drawn_one_left_out() {
    let mut plan = plan("[[fault]]\nat = \"1s\"\nkind = \"pause\"\nnode = \"r\"\nfor = \"1s\"\n");
    let refused = check(&plan, Substrate::Turmoil).unwrap_err();
    assert_eq!(refused, Refused::Unsupported { on: Substrate::Turmoil, kinds: vec!["pause"] });
    plan.faults[0].explicit = false;
    assert_eq!((check(&plan, Substrate::Turmoil), of_faults(&plan)), (Ok(()), Vec::new()));
    plan.faults[0].kind = Kind::PowerLoss;
    plan.faults[0].explicit = true;
    assert_eq!((check(&plan, Substrate::Turmoil), of_faults(&plan).len()), (Ok(()), 4));
}

#[test]
fn a_real_disk_is_used_where_the_plan_lets_it_be() {
    let plan = plan("[[fault]]\nat = \"1s\"\nkind = \"power-loss\"\nnode = \"r\"\nfor = \"1s\"\n");
    let simulated = |on| [0, 1].map(|node| simulates_store(&plan, on, node));
    assert_eq!(simulated(Substrate::Turmoil), [true, true]);
    assert_eq!(simulated(Substrate::Real), [false, true]);
}

#[test]
fn a_panic_is_told_in_its_own_words() {
    let said = |panic: Box<dyn std::any::Any + Send>| words_of(&*panic);
    assert_eq!(said(Box::new("a slice")), "a slice");
    assert_eq!(said(Box::new("a string".to_owned())), "a string");
    assert_eq!(said(Box::new(7)), "a panic without a message");
}

#[test]
fn a_pause_that_is_too_long_and_too_much_in_all_show() {
    use super::desk::View;
    use super::operator::overheld;
    let view = |t_us, held_ms: u64, longest_ms: u64| View {
        t_us,
        role: towline_core::Role::Primary,
        offset: 0,
        digest: 0,
        epoch: 0,
        link: String::new(),
        installed: 0,
        held_ms,
        longest_ms,
    };
    let before = view(1_000_000, 60, 50);
    let in_all = |held_ms: u64| overheld(Some(&before), &view(1_250_000, 60 + held_ms, 50), true);
    assert_eq!(in_all(250), None);
    assert!(in_all(400).is_some());
    let at_a_time = |longest_ms: u64, exact: bool| overheld(None, &view(1_250_000, 60, longest_ms), exact);
    assert_eq!(at_a_time(51, true), None, "a timer of a millisecond ends it");
    assert!(at_a_time(52, true).is_some(), "whatever passed between two looks");
    assert_eq!(at_a_time(52, false), None, "a real machine may be late by itself");
}
