//! Mistakes of an upstream in a snapshot: what came before them stays.

use super::*;

/// ADMIT, BEGIN and three pieces: what an empty replica is sent. Good frames, and the bad one after them.
pub(crate) const TABLE: &[Twist] = &[
    ("a piece before BEGIN", Fault::PieceOrder, |frames| (frames[..1].concat(), frames[2].clone())),
    ("a piece left out", Fault::PieceOrder, |frames| (frames[..3].concat(), frames[4].clone())),
    ("a piece again", Fault::PieceOrder, |frames| (frames[..3].concat(), frames[2].clone())),
    ("a piece of another snapshot", Fault::PieceOrder, |frames| {
        let bad = changed(frames[2].clone(), |piece| {
            piece[24] ^= 1;
            frames::seal(piece, 0);
        });
        (frames[..2].concat(), bad)
    }),
    ("a damaged piece", Fault::BodyCheck, |frames| {
        (frames[..2].concat(), changed(frames[2].clone(), |piece| piece[60] ^= 1))
    }),
    ("a piece chained to nothing", Fault::BodyCheck, |frames| {
        (frames[..3].concat(), changed(frames[3].clone(), |piece| frames::seal(piece, 0)))
    }),
    ("a piece without its numbers", Fault::FrameLength, |frames| {
        (frames[..2].concat(), frame(frames::PIECE, 0, 0, 0, &[0; 8]))
    }),
    ("a BEGIN of another snapshot", Fault::PieceOrder, |frames| {
        let bad = changed(frames[1].clone(), |begin| {
            begin[24] ^= 1;
            frames::seal(begin, 0);
        });
        (frames[0].clone(), bad)
    }),
    ("a BEGIN with a damaged cursor", Fault::Malformed, |frames| {
        let bad = changed(frames[1].clone(), |begin| {
            begin[50] ^= 1;
            frames::seal(begin, 0);
        });
        (frames[0].clone(), bad)
    }),
    ("another BEGIN", Fault::SnapshotDiffers, |frames| {
        let bad = begin_elsewhere(&frames[1]);
        (frames[..2].concat(), bad)
    }),
];

/// A BEGIN whose cursor has another digest, and sound checks.
fn begin_elsewhere(begin: &[u8]) -> Vec<u8> {
    changed(begin.to_vec(), |begin| {
        let cursor = &mut begin[40..];
        let body = cursor.len() - 8;
        cursor[40] ^= 1;
        let check = xxhash_rust::xxh3::xxh3_64(&cursor[..body]);
        cursor[body..].copy_from_slice(&check.to_le_bytes());
        frames::seal(begin, 0);
    })
}

fn snapshot_frames() -> (Middle, Vec<Vec<u8>>) {
    let mut middle = Middle::new(false, small());
    middle.connect();
    middle.shake();
    let frames = middle.primary_says();
    let kinds: Vec<u8> = frames.iter().map(|frame| frame[4]).collect();
    use frames::{ADMIT, BEGIN, PIECE};
    assert_eq!(kinds, [ADMIT, BEGIN, PIECE, PIECE, PIECE], "the scene plays as written");
    (middle, frames)
}

#[test]
fn a_mistake_in_a_snapshot_closes_the_link_and_what_came_before_it_stays() {
    for (about, fault, twist) in TABLE {
        let (mut middle, frames) = snapshot_frames();
        let (good, bad) = twist(&frames);
        middle.replica.feed(UP, &good);
        middle.replica.turn();
        let pieces = middle.replica.node.stats().receiving_pieces;
        refuses(&mut middle, &bad, *fault, about);
        assert_eq!(middle.replica.node.stats().receiving_pieces, pieces, "{about}: the pieces stay");
    }
}

#[test]
fn a_snapshot_that_does_not_fit_its_tail_is_refused_and_replaced() {
    let (mut middle, frames) = snapshot_frames();
    let begin = begin_elsewhere(&frames[1]);
    middle.replica.feed(UP, &[frames[0].clone(), begin, frames[2..].concat()].concat());
    middle.replica.turn();
    closed(&middle.replica, UP, Fault::SnapshotDiffers, "a snapshot of somewhere else");
}
