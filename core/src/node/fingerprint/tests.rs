use std::vec::Vec;

use crate::*;

fn options() -> Options {
    Options {
        backlog_bytes: 512,
        piece_bytes_max: 8,
        links_max: 1,
        slots_max: 1,
        ships_max: 1,
        ..Options::default()
    }
}

fn node(id: u64, role: Role) -> Node {
    let boot = Boot { node: NodeId(id), seed: [7; 32], role, unix_zero: 0, cursor: None };
    Node::new(options().check().expect("sound"), boot).expect("no cursor")
}

fn settle(node: &mut Node) {
    while node.poll_event().is_some() {}
}

#[test]
fn a_clone_is_equal_and_so_is_the_same_life_lived_again() {
    let live = || {
        let mut node = node(1, Role::Primary);
        for record in [&b"a"[..], b"bc", b""] {
            node.handle(Time(5), Input::Write { data: record }).expect("a primary writes");
        }
        node.handle(Time(6), Input::Flush).expect("a primary flushes");
        node
    };
    let one = live();
    assert_eq!(one.fingerprint(), one.clone().fingerprint());
    assert_eq!(one.fingerprint(), live().fingerprint());
}

#[test]
fn a_clone_over_another_node_is_that_node_in_all_it_shows_and_does() {
    let opened = || {
        let mut node = node(1, Role::Primary);
        node.handle(Time(3), Input::Opened { link: LinkId(0), side: Side::Downstream }).expect("a free link");
        node.handle(Time(3), Input::Write { data: b"abc" }).expect("a primary writes");
        node
    };
    let dialling = || {
        let mut node = node(2, Role::Replica);
        settle(&mut node);
        node.handle(Time(9), Input::Opened { link: LinkId(1), side: Side::Upstream }).expect("a free link");
        node
    };
    let ends = |mut node: Node| {
        let shown = |node: &Node| node.peek_transmit(LinkId(1)).slices().concat();
        let before = shown(&node);
        node.handle(Time(u64::MAX >> 1), Input::Tick).expect("ticks");
        let events: Vec<Event> = core::iter::from_fn(|| node.poll_event()).collect();
        node.check();
        (before, events, shown(&node), node.fingerprint())
    };
    let mut over = opened();
    over.clone_from(&dialling());
    assert_eq!(over.fingerprint(), dialling().fingerprint());
    assert_eq!(ends(over), ends(dialling()));
    let mut over = dialling();
    over.clone_from(&opened());
    assert_eq!(over.fingerprint(), opened().fingerprint());
    assert_eq!(ends(over), ends(opened()));
}

#[test]
fn a_tick_with_nothing_due_keeps_it_and_every_write_changes_it() {
    let mut node = node(1, Role::Primary);
    settle(&mut node);
    let mut prints = Vec::from([node.fingerprint()]);
    node.handle(Time(1_000), Input::Tick).expect("ticks");
    assert_eq!(node.fingerprint(), prints[0], "no deadline came nearer");
    for _ in 0..20 {
        // The ring wraps three times; the same record each time.
        node.handle(Time(1_000), Input::Write { data: b"same" }).expect("a primary writes");
        prints.push(node.fingerprint());
        node.handle(Time(1_000), Input::Flush).expect("a primary flushes");
        prints.push(node.fingerprint());
    }
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), 41);
}

#[test]
fn counters_and_rows_once_used_do_not_show() {
    let mut node = node(1, Role::Primary);
    settle(&mut node);
    let before = node.fingerprint();
    let link = LinkId(0);
    node.handle(Time(0), Input::Opened { link, side: Side::Downstream }).expect("a free link");
    assert_ne!(node.fingerprint(), before, "a peer is awaited");
    node.handle(Time(0), Input::Bytes { link, data: b"nonsense" }).expect("an open link");
    node.handle(Time(0), Input::Lost { link }).expect("an open link");
    settle(&mut node);
    let at = node.next_deadline();
    node.handle(at.expect("the link's timer looks once more"), Input::Tick).expect("ticks");
    assert_eq!(node.fingerprint(), before);
    assert!(node.stats().counters.bytes_received == 0 && node.stats().clamped == 0);
}

#[test]
fn time_that_comes_nearer_to_a_deadline_shows() {
    let mut node = node(2, Role::Replica);
    settle(&mut node);
    node.handle(Time(0), Input::DialFailed).expect("it asked");
    settle(&mut node);
    let before = node.fingerprint();
    node.handle(Time(1), Input::Tick).expect("ticks");
    assert_ne!(node.fingerprint(), before, "the redial is one nanosecond nearer");
}
