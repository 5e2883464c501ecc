//! Ends that are nobody's bad frame: time that runs out, room that runs out, a host that turns away.

use super::*;

fn run(stage: &mut Stage<Node>, span: Span) {
    let end = stage.now + span;
    while let Some(at) = stage.node.next_deadline().filter(|at| *at <= end) {
        stage.now = at;
        stage.node.handle(at, Input::Tick).unwrap();
        stage.turn();
    }
    stage.now = end;
    stage.node.handle(end, Input::Tick).unwrap();
    stage.turn();
}

#[test]
fn a_handshake_not_finished_in_time_is_closed() {
    for said in [Vec::new(), Hello::of(9).frame(frames::HELLO)] {
        let (mut stage, _) = primary();
        stage.cut(GOOD);
        stage.attach(BAD, Side::Downstream, Puppet::tap(9));
        stage.feed(BAD, &said);
        run(&mut stage, Span::from_millis(999));
        assert_eq!(stage.closed, []);
        run(&mut stage, Span::from_millis(1));
        closed(&stage, BAD, Fault::HandshakeTimeout, "after the second of small()");
    }
}

#[test]
fn silence_is_closed() {
    let (mut stage, cursor) = primary();
    stage.cut(GOOD);
    stage.attach(BAD, Side::Downstream, Puppet::tap(9));
    stage.feed(BAD, &joined(&cursor, &[]));
    run(&mut stage, Span::from_millis(999));
    assert_eq!(stage.closed, []);
    run(&mut stage, Span::from_millis(1));
    closed(&stage, BAD, Fault::Idle, "a replica that never says a word again");
}

/// A laptop closed for an hour, in a handshake and after it: what its peers said meanwhile waits to be read.
#[test]
fn a_host_that_was_away_takes_its_own_absence_for_a_beat_of_silence() {
    let (_, cursor) = primary();
    for said in [Hello::of(9).frame(frames::HELLO), joined(&cursor, &[])] {
        let (mut stage, _) = primary();
        stage.cut(GOOD);
        stage.attach(BAD, Side::Downstream, Puppet::tap(9));
        stage.feed(BAD, &said);
        stage.turn();
        stage.now = stage.now + Span::from_secs(3600);
        stage.node.handle(stage.now, Input::Tick).unwrap();
        stage.turn();
        assert_eq!(stage.closed, [], "nobody was asked while it was away");
        run(&mut stage, Span::from_millis(899));
        assert_eq!(stage.closed, [], "the hour counts as the tenth of a second between two beats");
        run(&mut stage, Span::from_millis(1));
        assert_eq!(stage.closed.len(), 1, "and real silence as what it is");
    }
}

/// Says that it lives, ten times a second, and takes no byte.
#[test]
fn a_replica_that_stops_reading_is_closed_and_a_slow_one_is_not() {
    for (byte_taken, expected) in [(false, Some(Fault::Stalled)), (true, None)] {
        let mut node = node(1, Role::Primary, small(), None);
        let link = LinkId(0);
        let mut now = Time::ZERO;
        let position = node.handle(now, Input::Flush).unwrap().position.unwrap();
        let opening = Puppet::new(9).opening(Some(node.cursor(position).as_bytes()));
        node.handle(now, Input::Opened { link, side: Side::Downstream }).unwrap();
        let used = node.handle(now, Input::Bytes { link, data: &opening }).unwrap().used;
        node.handle(now, Input::Bytes { link, data: &opening[used..] }).unwrap();
        let mut fault = None;
        for _ in 0..50 {
            let life = frame(0x80, 0, 0, 0, b"");
            let _ = node.handle(now, Input::Bytes { link, data: &life });
            while let Some(event) = node.poll_event() {
                if let Event::Close { fault: why, .. } = event {
                    fault = Some(why);
                }
            }
            if byte_taken && fault.is_none() && !node.peek_transmit(link).is_empty() {
                node.consume(now, link, 1).unwrap();
            }
            now = now + Span::from_millis(100);
            node.handle(now, Input::Tick).unwrap();
        }
        assert_eq!(fault, expected);
    }
}

#[test]
fn a_full_node_says_so() {
    let (mut stage, cursor) = primary();
    for link in 1..6 {
        stage.open(link, Puppet::new(10 + u64::from(link)), None);
    }
    // Five replicas for four slots: the last one finds none.
    assert_eq!(stage.closed, [(LinkId(4), Fault::Full, Some(25)), (LinkId(5), Fault::Full, Some(25))]);
    stage.closed.clear();
    for link in 4..6 {
        stage.attach(link, Side::Downstream, Puppet::tap(9));
    }
    // Six connections for six links: the seventh is told on a spare one.
    stage.attach(6, Side::Downstream, Puppet::tap(9));
    stage.turn();
    closed(&stage, 6, Fault::Full, "no room for another link");
    let _ = cursor;
    others_never_notice(&mut stage, GOOD);
}

#[test]
fn the_newer_of_two_links_of_one_node_wins() {
    for (incarnation, fault) in [(1, Fault::Replaced), (2, Fault::IdentityClash)] {
        let (mut stage, cursor) = primary();
        let mut newer = Puppet::new(2);
        newer.hello.incarnation = incarnation;
        stage.open(BAD, newer, Some(&cursor));
        closed(&stage, GOOD, fault, "the older link of node 2");
        others_never_notice(&mut stage, BAD);
    }
}

#[test]
fn a_host_that_turns_away_says_goodbye() {
    let (mut stage, _) = primary();
    stage.node.handle(stage.now, Input::Shutdown).unwrap();
    stage.turn();
    closed(&stage, GOOD, Fault::Shutdown, "a shutdown");
    let mut middle = Middle::streaming();
    middle.replica.node.handle(Time::ZERO, Input::Follow { adopt: false }).unwrap();
    middle.replica.turn();
    closed(&middle.replica, UP, Fault::Left, "another upstream");
}

#[test]
fn a_broken_view_closes_the_links_that_began_with_it() {
    let (mut stage, _) = primary();
    stage.view_shape = (1000, 50);
    stage.open(BAD, Puppet::tap(9), None);
    let snapshot = stage.views[0];
    stage.node.handle(stage.now, Input::SnapshotFailed { snapshot, retry: false }).unwrap();
    stage.turn();
    closed(&stage, BAD, Fault::SnapshotFailed, "a view that broke");
    others_never_notice(&mut stage, GOOD);
}

#[test]
fn a_node_that_changes_its_base_sends_its_replicas_away_for_a_moment() {
    let mut middle = Middle::streaming();
    middle.replica.cut(UP);
    middle.primary.cut(UP);
    // Far more than the ring holds.
    let _ = middle.batches(50, 400);
    run(&mut middle.replica, Span::from_millis(60));
    middle.connect();
    middle.settle();
    assert!(middle.replica.closed.contains(&(LinkId(DOWN), Fault::Rebased, Some(31))));
}

#[test]
fn a_giant_overtaken_halfway_ends_the_link_at_once() {
    let (mut stage, cursor) = primary();
    stage.open(BAD, Puppet::tap(9), Some(&cursor));
    stage.node.handle(stage.now, Input::Write { data: &[7; 512] }).unwrap();
    let event = std::iter::from_fn(|| stage.node.poll_event())
        .find(|event| matches!(event, Event::WantsWrite { link: LinkId(BAD) }));
    assert!(event.is_some());
    stage.node.consume(stage.now, LinkId(BAD), 100).unwrap();
    for _ in 0..20 {
        stage.node.handle(stage.now, Input::Write { data: &[8; 400] }).unwrap();
    }
    let faults: Vec<Event> = std::iter::from_fn(|| stage.node.poll_event())
        .filter(|event| matches!(event, Event::Close { .. }))
        .collect();
    let close = |fault| Event::Close { link: LinkId(BAD), fault, by_peer: false, retry_after: Span::ZERO };
    assert_eq!(faults, [close(Fault::Overrun)], "neither the rest nor a goodbye can follow half a giant");
}
