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
        let bad = begin_elsewhere(&frames[1], 0);
        (frames[..2].concat(), bad)
    }),
    ("a BEGIN that the stream beside it does not fit", Fault::SnapshotDiffers, |frames| {
        (frames[0].clone(), begin_elsewhere(&frames[1], 0))
    }),
    ("a BEGIN from before the stream beside it", Fault::SnapshotDiffers, |frames| {
        (frames[0].clone(), begin_elsewhere(&frames[1], -1))
    }),
];

/// A BEGIN whose cursor has another digest, lies so many records further, and has sound checks.
fn begin_elsewhere(begin: &[u8], further: i64) -> Vec<u8> {
    changed(begin.to_vec(), |begin| {
        let cursor = &mut begin[40..];
        let body = cursor.len() - 8;
        let boundary = frames::u64_at(cursor, 32).checked_add_signed(further).unwrap();
        cursor[32..40].copy_from_slice(&boundary.to_le_bytes());
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

/// Done on the loading snapshot, such a batch could not be undone: the store would be lost with the link.
#[test]
fn a_batch_that_does_not_fit_the_snapshot_it_comes_beside_is_refused() {
    for (about, records) in [("another digest at its offset", 1), ("records on both sides of it", 2)] {
        let (mut middle, frames) = snapshot_frames();
        let begin = begin_elsewhere(&frames[1], 1);
        middle.replica.feed(UP, &[frames[0].clone(), begin].concat());
        middle.replica.turn();
        for _ in 0..records {
            let written = middle.primary.node.handle(middle.primary.now, Input::Write { data: b"more" });
            written.expect("a primary writes");
        }
        middle.primary.node.handle(middle.primary.now, Input::Flush).expect("a primary flushes");
        let batch = middle.primary_says().pop().expect("it was written");
        assert_eq!(batch[4], frames::BATCH);
        refuses(&mut middle, &batch, Fault::SnapshotDiffers, about);
    }
}
