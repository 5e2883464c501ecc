//! Mistakes of a replica: bytes after a good HELLO, or instead of one.

use super::*;
use crate::common::frames::Ack;

type Mistake = (&'static str, Fault, fn(&[u8]) -> Vec<u8>);

fn good_ack(cursor: &[u8]) -> Ack {
    let received = frames::u64_at(cursor, 32);
    Ack { admit: 1, base: true, received, applied: received, persisted: received, ..Ack::default() }
}

/// A good ACK, changed and sealed again.
fn ack_with(cursor: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let ack = changed(good_ack(cursor).frame(), |ack| {
        change(ack);
        frames::seal(ack, 0);
    });
    joined(cursor, &ack)
}

pub(crate) const TABLE: &[Mistake] = &[
    ("wrong magic", Fault::BadMagic, |_| {
        Hello { magic: *b"TOWLINE\x02", ..Hello::of(9) }.frame(frames::HELLO)
    }),
    ("another protocol", Fault::BadMagic, |_| b"GET / HTTP/1.1\r\nHost: example\r\n\r\n".to_vec()),
    ("a version of the future", Fault::Version, |_| {
        Hello { version_min: 2, version_max: 9, ..Hello::of(9) }.frame(frames::HELLO)
    }),
    ("a version of the past", Fault::Version, |_| {
        Hello { version_min: 0, version_max: 0, ..Hello::of(9) }.frame(frames::HELLO)
    }),
    ("a feature we lack", Fault::Feature, |_| Hello { required: 4, ..Hello::of(9) }.frame(frames::HELLO)),
    ("takes only short frames", Fault::FrameLimit, |_| {
        Hello { frame_bytes_max: 100, ..Hello::of(9) }.frame(frames::HELLO)
    }),
    ("a window of nothing", Fault::FrameLimit, |_| {
        Hello { window_bytes: 0, ..Hello::of(9) }.frame(frames::HELLO)
    }),
    ("follows itself", Fault::SameNode, |_| Hello::of(1).frame(frames::HELLO)),
    ("a short HELLO", Fault::Malformed, |_| {
        changed(Hello::of(9).frame(frames::HELLO), |hello| {
            hello.truncate(60);
            hello[0] = 60;
            frames::seal(hello, 0);
        })
    }),
    ("an ACK before the handshake", Fault::NotShaken, |_| Ack::default().frame()),
    ("a JOIN before the handshake", Fault::NotShaken, |cursor| frames::join(Some(cursor), 0, 0)),
    ("a skippable frame before the handshake", Fault::NotShaken, |_| frame(0x80, 0, 0, 0, b"hi")),
    ("a second HELLO", Fault::SecondHello, |cursor| joined(cursor, &Hello::of(9).frame(frames::HELLO))),
    ("a HELLO instead of a JOIN", Fault::SecondHello, |_| {
        [Hello::of(9).frame(frames::HELLO), Hello::of(9).frame(frames::HELLO)].concat()
    }),
    ("an unknown kind", Fault::UnknownKind, |cursor| joined(cursor, &frame(0x7f, 0, 0, 0, b"?"))),
    ("an unknown flag", Fault::UnknownFlag, |cursor| ack_with(cursor, |ack| ack[5] = 1)),
    ("an unknown stream", Fault::UnknownFlag, |cursor| ack_with(cursor, |ack| ack[6] = 1)),
    ("an unknown JOIN flag", Fault::UnknownFlag, |cursor| {
        [Hello::of(9).frame(frames::HELLO), frames::join(Some(cursor), 0x20, 0)].concat()
    }),
    ("a damaged head", Fault::HeadCheck, |cursor| {
        joined(cursor, &changed(good_ack(cursor).frame(), |ack| ack[9] ^= 4))
    }),
    ("a damaged length", Fault::HeadCheck, |cursor| {
        joined(cursor, &changed(good_ack(cursor).frame(), |ack| ack[3] ^= 64))
    }),
    ("longer than the limit", Fault::FrameLength, |cursor| {
        joined(
            cursor,
            &changed(good_ack(cursor).frame(), |ack| {
                ack[2] = 1;
                frames::seal_head(ack);
            }),
        )
    }),
    ("shorter than a head", Fault::FrameLength, |cursor| {
        joined(
            cursor,
            &changed(good_ack(cursor).frame(), |ack| {
                ack[0] = 23;
                frames::seal_head(ack);
            }),
        )
    }),
    ("a damaged body", Fault::BodyCheck, |cursor| {
        joined(cursor, &changed(good_ack(cursor).frame(), |ack| ack[76] ^= 1))
    }),
    ("a short ACK", Fault::Malformed, |cursor| joined(cursor, &frame(frames::ACK, 0, 0, 0, &[1; 20]))),
    ("applied more than it received", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { applied: 6, ..good_ack(cursor) }.frame())
    }),
    ("received what was not sent", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { received: 6, ..good_ack(cursor) }.frame())
    }),
    ("released what was not sent", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { stream_released: 1, ..good_ack(cursor) }.frame())
    }),
    ("released pieces that were not sent", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { pieces_released: 1, ..good_ack(cursor) }.frame())
    }),
    ("echoes a beat that did not beat", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { echo: 1, ..good_ack(cursor) }.frame())
    }),
    ("under a verdict that was not given", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { admit: 2, ..good_ack(cursor) }.frame())
    }),
    ("received less than before", Fault::AckBackwards, |cursor| {
        joined(cursor, &Ack { received: 4, applied: 4, persisted: 4, ..good_ack(cursor) }.frame())
    }),
    ("applied less than before", Fault::AckBackwards, |cursor| {
        joined(cursor, &Ack { applied: 4, persisted: 4, ..good_ack(cursor) }.frame())
    }),
    ("persisted less than before", Fault::AckBackwards, |cursor| {
        joined(cursor, &Ack { persisted: 4, ..good_ack(cursor) }.frame())
    }),
    ("lost its base", Fault::AckBackwards, |cursor| {
        joined(cursor, &Ack { base: false, ..good_ack(cursor) }.frame())
    }),
    ("an ADMIT from a replica", Fault::Unexpected, |cursor| {
        joined(cursor, &frame(frames::ADMIT, 0, 0, 0, &[0; 80]))
    }),
    ("a BATCH from a replica", Fault::Unexpected, |cursor| {
        joined(cursor, &frame(frames::BATCH, 0, 0, 0, &[0; 60]))
    }),
    ("an ACK before the JOIN", Fault::Unexpected, |cursor| {
        [Hello::of(9).frame(frames::HELLO), good_ack(cursor).frame()].concat()
    }),
    ("holds more untaken than any window", Fault::Window, |cursor| {
        [Hello::of(9).frame(frames::HELLO), frames::join(Some(cursor), 0, 1 << 30)].concat()
    }),
    ("another history", Fault::HistoryDiffers, |_| {
        let mut other = Stage::new(node(8, Role::Primary, small(), None));
        Puppet::new(9).opening(Some(&other.cursor()))
    }),
    ("records of a newer epoch", Fault::Stale, |cursor| {
        let mut newer = Stage::new(node(8, Role::Primary, small(), Some(cursor)));
        newer.node.handle(Time::ZERO, Input::Write { data: b"newer" }).unwrap();
        Puppet::new(9).opening(Some(&newer.cursor()))
    }),
];

#[test]
fn a_replicas_mistake_closes_its_link_alone() {
    for (about, fault, bytes) in TABLE {
        let (mut stage, cursor) = primary();
        let before = stage.node.stats();
        stage.attach(BAD, Side::Downstream, Puppet::tap(9));
        stage.feed(BAD, &bytes(&cursor));
        stage.turn();
        closed(&stage, BAD, *fault, about);
        let after = stage.node.stats();
        assert_eq!(
            (before.end, before.epoch, before.history),
            (after.end, after.epoch, after.history),
            "{about}: the log is as it was"
        );
        stage.node.check();
        others_never_notice(&mut stage, GOOD);
    }
}

#[test]
fn what_may_be_skipped_is_skipped() {
    let (mut stage, cursor) = primary();
    stage.attach(BAD, Side::Downstream, Puppet::tap(9));
    stage.feed(BAD, &joined(&cursor, &frame(0x80, 0xff, 0, 0, b"from the future")));
    stage.feed(BAD, &good_ack(&cursor).frame());
    stage.turn();
    assert_eq!(stage.closed, [], "a kind from 0x80 on is no mistake");
}
