//! Conversations, frame by frame, in words. Each is kept beside this file as it was last agreed on; a change of the
//! protocol shows as a change of these texts.
//!
//! A line is a frame on the wire (`A -> B`), or what a node told its host (`A  ...`). Time is in milliseconds; what
//! takes none happens in the order in which it stands there. After a change that is meant, run these tests with
//! `INSTA_UPDATE=always` and read the difference.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod common;

use common::{Host, World, small};
use towline_core::*;

/// Beats are far apart, so that they are no part of a short conversation.
fn calm() -> Options {
    Options {
        beat: Span::from_secs(10),
        idle: Span::from_secs(30),
        handshake: Span::from_secs(10),
        reconnect_window: Span::from_secs(60),
        ..small()
    }
}

/// A (primary) and B (replica), of which nothing was heard yet.
fn two(options: Options) -> World {
    World::star(1, options)
}

/// A and B, joined and quiet.
fn joined(options: Options, replicas: usize) -> World {
    let mut world = World::star(replicas, options);
    write(&mut world, 0, 5);
    world.run_ms(100);
    world
}

fn write(world: &mut World, host: usize, count: u8) {
    let name = world.name(host);
    let records = if count == 1 { "a record".to_owned() } else { format!("{count} records") };
    world.note(&format!("{name}'s host writes {records}"));
    for index in 0..count {
        let now = world.now;
        world.hosts[host].write(now, &[index; 20]);
    }
}

fn say(world: &mut World, host: usize, words: &str, input: Input<'_>) {
    let name = world.name(host);
    world.note(&format!("{name}'s host says: {words}"));
    let now = world.now;
    world.hosts[host].node.handle(now, input).unwrap();
}

fn cut(world: &mut World, a: usize, b: usize) {
    world.note("the link is cut");
    world.cut(a, b);
}

/// Forgets what was said so far, and listens from here on.
fn listen(world: &mut World) {
    world.log.clear();
    world.logging = true;
}

macro_rules! agreed {
    ($world:expr, $about:literal) => {
        insta::with_settings!({ description => $about, omit_expression => true }, {
            let text = std::mem::take(&mut $world.log);
            assert!(text.lines().count() <= 40, "too long to be read:\n{text}");
            insta::assert_snapshot!(text);
        });
    };
}

#[test]
fn first_join() {
    let mut world = two(calm());
    listen(&mut world);
    write(&mut world, 0, 5);
    world.run_ms(10);
    write(&mut world, 0, 2);
    world.run_ms(10);
    world.assert_equal();
    agreed!(world, "An empty replica B joins the primary A, gets a snapshot, then the stream.");
}

#[test]
fn resume_after_a_cut() {
    let mut world = joined(calm(), 1);
    listen(&mut world);
    cut(&mut world, 0, 1);
    write(&mut world, 0, 3);
    world.run_ms(300);
    world.assert_equal();
    agreed!(
        world,
        "The link of A and B is cut; B comes back and goes on where it stood, without a snapshot."
    );
}

#[test]
fn overrun() {
    let options = Options { piece_bytes_max: 4096, piece_window_bytes: 8192, ..calm() };
    let mut world = joined(options, 1);
    world.run_ms(3_000);
    listen(&mut world);
    world.note("B's host stops reading, and the network holds 300 bytes");
    world.hosts[1].reads = false;
    world.wires[0].capacity = 300;
    world.note("A's host writes 16 records of 400 bytes, more than A's ring of 4096 bytes holds");
    for index in 0..16 {
        let now = world.now;
        world.hosts[0].write(now, &[index; 400]);
        world.settle();
    }
    world.note("B's host reads again");
    world.hosts[1].reads = true;
    world.wires[0].capacity = 1 << 20;
    world.run_ms(10);
    world.assert_equal();
    agreed!(world, "B reads too slowly and A's ring overtakes it. It stays connected and gets a snapshot.");
}

/// A wrote two records that nobody received, and B was promoted meanwhile.
fn forked(options: Options) -> World {
    let mut world = joined(options, 1);
    world.severed.push((1, 0));
    world.cut(0, 1);
    write(&mut world, 0, 2);
    let now = world.now;
    world.hosts[0].flush(now);
    world.hosts[1].node.handle(now, Input::Promote).unwrap();
    world.hosts[1].upstream = None;
    world.hosts[1].write(now, b"what B wrote");
    world.settle();
    listen(&mut world);
    world.note("A holds records 0 to 6; B was promoted at 5 and holds record 5 of its own");
    world.hosts[0].upstream = Some(1);
    say(&mut world, 0, "follow B", Input::Follow { adopt: false });
    world.run_ms(10);
    world.assert_equal();
    world
}

#[test]
fn fork_with_rewind() {
    let mut world = forked(Options { can_rewind: true, ..calm() });
    agreed!(world, "The old primary A follows B. Their logs part at 5; A's store can go back there.");
}

#[test]
fn fork_with_snapshot() {
    let mut world = forked(calm());
    agreed!(
        world,
        "The old primary A follows B. Their logs part at 5; A's store cannot go back: a snapshot comes."
    );
}

#[test]
fn history_refused() {
    let mut world = joined(calm(), 1);
    world.cut(0, 1);
    world.severed.push((1, 0));
    world.hosts.push(Host::new(3, Role::Primary, calm()));
    let now = world.now;
    world.hosts[2].write(now, b"of another history");
    world.settle();
    world.hosts[1].upstream = Some(2);
    listen(&mut world);
    say(&mut world, 1, "follow C, whose history is another", Input::Follow { adopt: false });
    world.run_ms(10);
    say(&mut world, 1, "follow C, and adopt its history", Input::Follow { adopt: true });
    world.run_ms(10);
    agreed!(world, "B holds A's history and is told to follow C. It is refused, until its host consents.");
}

#[test]
fn promotion() {
    let mut world = joined(calm(), 2);
    listen(&mut world);
    world.hosts[2].upstream = Some(1);
    world.hosts[0].upstream = Some(1);
    say(&mut world, 1, "be primary", Input::Promote);
    say(&mut world, 2, "follow B", Input::Follow { adopt: false });
    world.run_ms(10);
    write(&mut world, 1, 1);
    world.run_ms(10);
    agreed!(world, "B is promoted. C, which followed A, follows B without a snapshot.");
}

#[test]
fn slot_expiry() {
    let mut world = joined(calm(), 1);
    listen(&mut world);
    world.severed.push((1, 0));
    world.hosts[1].upstream = None;
    say(&mut world, 1, "be primary", Input::Promote);
    world.run_ms(10);
    write(&mut world, 0, 3);
    world.run_ms(59_989);
    world.note("B was away for 60 s, not more");
    world.run_ms(2);
    agreed!(world, "B leaves A for good. A remembers it for the reconnect window of 60 s, and no longer.");
}

#[test]
fn identity_clash() {
    let mut world = joined(calm(), 1);
    listen(&mut world);
    world.note("another process is started with B's name and an empty store: B'");
    let mut twin = Host::new(2, Role::Replica, calm());
    twin.start_again(1);
    twin.upstream = Some(0);
    world.hosts.push(twin);
    world.run_ms(3_000);
    agreed!(
        world,
        "Two processes use the name B. The newer wins; the older is told, and does not come back by itself."
    );
}

#[test]
fn snapshot_resumed() {
    let mut world = two(calm());
    for index in 0..20 {
        let now = world.now;
        world.hosts[0].write(now, &[index; 20]);
    }
    listen(&mut world);
    world.note("A holds 20 records; the network holds 300 bytes, and B's host reads 100 at a time");
    (world.capacity, world.gulp) = (300, 100);
    while world.hosts[1].node.stats().receiving_pieces < Some(2) {
        for host in 0..2 {
            world.turn(host);
        }
        world.now = world.now + Span(u64::from(world.wires.is_empty()));
    }
    cut(&mut world, 0, 1);
    (world.capacity, world.gulp) = (1 << 20, 1 << 16);
    world.run_ms(500);
    world.assert_equal();
    agreed!(
        world,
        "The link is cut in the middle of a snapshot. B comes back and gets the pieces it lacks, no others."
    );
}
