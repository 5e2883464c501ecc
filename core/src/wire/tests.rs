//! The codec against itself: what is written is read back, and what is damaged is refused, never more than refused.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::batch::BatchHead;
use super::control::{Ack, Beat, Begin, Goodbye, encode_piece, seal_piece};
use super::hello::Hello;
use super::join::{Admit, Join, Verdict};
use super::*;
use crate::epochs::EpochTable;
use crate::id::{Epoch, HistoryId, NodeId, Offset, Position, SnapshotId};
use crate::limits::{BATCH_HEAD_BYTES, SCRATCH_BYTES};
use crate::time::Span;

mod page;

/// Writes a frame, and reads its head back.
fn written(encode: impl FnOnce(&mut [u8]) -> usize, kind: FrameKind) -> Vec<u8> {
    let mut scratch = vec![0xaa; SCRATCH_BYTES];
    let length = encode(&mut scratch);
    scratch.truncate(length);
    let head = decode_head(&scratch).expect("our own head");
    assert_eq!((head.length as usize, head.kind, head.epoch_number), (length, Some(kind), 7));
    verify(&scratch, 0, head.check).expect("our own check");
    scratch
}

fn body(frame: &[u8]) -> &[u8] {
    &frame[HEAD_BYTES..]
}

fn epochs() -> impl Strategy<Value = EpochTable> {
    proptest::collection::vec((1u32..1000, any::<u32>(), 0u64..1000), 1..40).prop_map(|steps| {
        let mut table = EpochTable::EMPTY;
        let (mut number, mut start) = (0u32, 0u64);
        for (more, random, records) in steps {
            (number, start) = (number + more, start + records);
            assert!(table.open(Epoch::new(number, random), Offset(start)));
        }
        table
    })
}

fn position() -> impl Strategy<Value = Position> {
    (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(epoch, boundary, digest)| Position {
        epoch: Epoch(epoch),
        boundary: Offset(boundary),
        digest,
    })
}

fn hello() -> impl Strategy<Value = Hello> {
    let first = (0u16..=1, 1u16..9, any::<u64>(), any::<u32>(), any::<u32>());
    let second = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<u128>());
    (first, second).prop_map(
        |((min, max, offered, frames, pieces), (window, piece_window, node, random, history))| Hello {
            version_min: min,
            version_max: max,
            features_offered: offered,
            features_required: 0,
            frame_bytes_max: frames,
            piece_bytes_max: pieces,
            window_bytes: window,
            piece_window_bytes: piece_window,
            node: NodeId(node),
            incarnation: random,
            history: HistoryId(history),
        },
    )
}

fn join() -> impl Strategy<Value = Join> {
    let first = (any::<[bool; 5]>(), 1u128.., position(), any::<u64>(), any::<u64>());
    let second = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), epochs());
    (first, second).prop_map(
        |((flags, history, position, applied, persisted), (untaken, snapshot, next, chain, epochs))| Join {
            can_rewind: flags[0],
            adopt: flags[1],
            base: flags[2],
            volatile: flags[4],
            snapshot_complete: flags[3],
            history: HistoryId(history),
            position,
            applied: Offset(applied.min(position.boundary.0)),
            persisted: Offset(persisted.min(position.boundary.0)),
            untaken_bytes: untaken,
            snapshot: SnapshotId(snapshot),
            next_piece: next,
            chain,
            number: u32::from(flags[0]) + 7,
            epochs,
        },
    )
}

fn admit() -> impl Strategy<Value = Admit> {
    let verdicts =
        [Verdict::Continue, Verdict::Fork, Verdict::Snapshot, Verdict::SnapshotOnly, Verdict::Wait];
    let first = (any::<u32>(), 0usize..5, 1u128.., position());
    let second = (1u64.., any::<u64>(), any::<Option<u64>>(), epochs());
    (first, second).prop_map(move |((number, verdict, history, from), (snapshot, next, fork, epochs))| {
        Admit {
            number,
            verdict: verdicts[verdict],
            history: HistoryId(history),
            from,
            snapshot: SnapshotId(snapshot),
            next_piece: next,
            fork: fork.map(Offset),
            join: number,
            epochs,
        }
    })
}

fn ack() -> impl Strategy<Value = Ack> {
    (any::<u32>(), any::<[bool; 2]>(), any::<[u64; 6]>()).prop_map(|(admit, [base, volatile], mut fields)| {
        fields[..3].sort_unstable();
        Ack {
            admit,
            base,
            volatile,
            persisted: Offset(fields[0]),
            applied: Offset(fields[1]),
            received: Offset(fields[2]),
            stream_released: fields[3],
            pieces_released: fields[4],
            echo: fields[5],
        }
    })
}

/// A sealed batch of these records, and its digest.
fn batch(head: BatchHead, records: &[Vec<u8>], cut: usize) -> (Vec<u8>, BatchHead, u64) {
    let mut body = Vec::new();
    for record in records {
        body.extend_from_slice(&u32::try_from(record.len()).expect("short").to_le_bytes());
        body.extend_from_slice(record);
    }
    let count = u32::try_from(records.len()).expect("few");
    let head = BatchHead { count, raw_length: u32::try_from(body.len()).expect("short"), ..head };
    let mut bytes = [0; BATCH_HEAD_BYTES];
    let cut = cut.min(body.len());
    let digest = head.seal(&mut bytes, (&body[..cut], &body[cut..]));
    ([&bytes[..], &body].concat(), head, digest)
}

fn batch_head() -> impl Strategy<Value = BatchHead> {
    (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>()).prop_map(
        |(first, epoch, byte_position, unix_ns, parent)| BatchHead {
            first: Offset(first),
            count: 0,
            epoch: Epoch(epoch),
            byte_position,
            unix_ns,
            parent,
            raw_length: 0,
        },
    )
}

fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..20)
}

proptest! {
    #[test]
    fn hello_and_welcome_are_read_back(hello in hello()) {
        for kind in [FrameKind::Hello, FrameKind::Welcome] {
            let frame = written(|scratch| hello.encode(scratch, kind, 7), kind);
            prop_assert_eq!(Hello::decode(body(&frame)), Ok(hello));
        }
    }

    #[test]
    fn join_is_read_back(join in join()) {
        let frame = written(|scratch| join.encode(scratch, 7), FrameKind::Join);
        prop_assert_eq!(Join::decode(body(&frame)), Ok(join));
    }

    #[test]
    fn admit_is_read_back(admit in admit()) {
        let frame = written(|scratch| admit.encode(scratch, 7), FrameKind::Admit);
        prop_assert_eq!(Admit::decode(body(&frame)), Ok(admit));
    }

    #[test]
    fn ack_and_beat_are_read_back(ack in ack(), fields in any::<[u64; 4]>()) {
        let frame = written(|scratch| ack.encode(scratch, 7), FrameKind::Ack);
        prop_assert_eq!(Ack::decode(body(&frame)), Ok(ack));
        let [number, origin_unix_ns, origin_end, end] = fields;
        let beat = Beat { number, origin_unix_ns, origin_end: Offset(origin_end), end: Offset(end) };
        let frame = written(|scratch| beat.encode(scratch, 7), FrameKind::Beat);
        prop_assert_eq!(Beat::decode(body(&frame)), Ok(beat));
    }

    #[test]
    fn goodbye_is_read_back_and_a_number_of_the_future_is_other(number in any::<u16>(), after in any::<u64>()) {
        let fault = Fault::from_number(number).unwrap_or(Fault::Other);
        let goodbye = Goodbye { fault, retry_after: Span(after) };
        let mut frame = written(|scratch| goodbye.encode(scratch, 7), FrameKind::Goodbye);
        prop_assert_eq!(Goodbye::decode(body(&frame)), Ok(goodbye));
        frame[HEAD_BYTES..HEAD_BYTES + 2].copy_from_slice(&number.to_le_bytes());
        prop_assert_eq!(Goodbye::decode(body(&frame)), Ok(goodbye));
    }

    #[test]
    fn begin_and_pieces_are_read_back_and_chained(
        snapshot in any::<u64>(),
        bytes in any::<u64>(),
        data in proptest::collection::vec(any::<u8>(), 0..200),
        chain in any::<u64>(),
        last in any::<bool>(),
    ) {
        let begin = Begin { snapshot: SnapshotId(snapshot), bytes, cursor: &data };
        let frame = written(|scratch| begin.encode(scratch, 7), FrameKind::Begin);
        prop_assert_eq!(Begin::decode(body(&frame)), Ok(begin));
        prop_assert_eq!(&frame[Begin::CURSOR_AT..], &data[..]);

        let mut frame = vec![0; 300];
        let length = encode_piece(&mut frame, SnapshotId(snapshot), 5, &data);
        frame.truncate(length);
        let after = seal_piece(&mut frame, last, 7, chain);
        let head = decode_head(&frame).expect("our own head");
        prop_assert_eq!((head.kind, head.flags, head.check), (Some(FrameKind::Piece), u8::from(last), after));
        prop_assert_eq!(verify(&frame, chain, head.check), Ok(()));
        prop_assert_eq!(verify(&frame, chain ^ 1, head.check), Err(Fault::BodyCheck));
        prop_assert_eq!(&frame[HEAD_BYTES + PIECE_BODY_BYTES..], &data[..]);
    }

    #[test]
    fn a_batch_is_read_back_wherever_the_ring_ends(head in batch_head(), records in records(), cut in 0usize..900) {
        let (frame, sealed, digest) = batch(head, &records, cut);
        let (whole, _, digest_whole) = batch(head, &records, usize::MAX);
        prop_assert_eq!((&frame, digest), (&whole, digest_whole));
        let read = decode_head(&frame).expect("our own head");
        prop_assert_eq!((read.kind, read.check), (Some(FrameKind::Batch), digest));
        prop_assert_eq!(BatchHead::decode(&frame), sealed);
        prop_assert_eq!(batch::verify(&frame, &sealed, digest), Ok(()));
        let seen: Vec<Vec<u8>> = crate::Records::new(&frame[BATCH_HEAD_BYTES..]).map(<[u8]>::to_vec).collect();
        prop_assert_eq!(seen, records);
    }

    #[test]
    fn one_changed_bit_is_noticed(head in batch_head(), records in records(), at in any::<usize>(), bit in 0u8..8) {
        let (mut frame, _, _) = batch(head, &records, 0);
        let at = at % frame.len();
        frame[at] ^= 1 << bit;
        let noticed = match decode_head(&frame) {
            Err(_) => true,
            Ok(read) => batch::verify(&frame, &BatchHead::decode(&frame), read.check).is_err(),
        };
        prop_assert!(noticed, "bit {} of byte {} of {}", bit, at, frame.len());
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
        let _ = (Hello::decode(&bytes), Join::decode(&bytes), Admit::decode(&bytes), Ack::decode(&bytes));
        let _ = (Beat::decode(&bytes), Goodbye::decode(&bytes), Begin::decode(&bytes));
        let _ = crate::Cursor::describe(&bytes);
        prop_assert!(crate::Records::new(&bytes).map(<[u8]>::len).sum::<usize>() <= bytes.len());
        if bytes.len() >= BATCH_HEAD_BYTES {
            let _ = decode_head(&bytes);
            let _ = batch::verify(&bytes, &BatchHead::decode(&bytes), 0);
        }
    }

    #[test]
    fn a_part_of_a_body_is_refused_and_a_longer_one_is_read(join in join(), admit in admit(), ack in ack()) {
        let frames = [
            written(|scratch| join.encode(scratch, 7), FrameKind::Join),
            written(|scratch| admit.encode(scratch, 7), FrameKind::Admit),
            written(|scratch| ack.encode(scratch, 7), FrameKind::Ack),
        ];
        for cut in 0..body(&frames[0]).len() {
            prop_assert!(Join::decode(&body(&frames[0])[..cut]).is_err());
        }
        for cut in 0..body(&frames[1]).len() {
            prop_assert!(Admit::decode(&body(&frames[1])[..cut]).is_err());
        }
        for cut in 0..body(&frames[2]).len() {
            prop_assert!(Ack::decode(&body(&frames[2])[..cut]).is_err());
        }
        // Frames may grow fields at their end; old readers leave them.
        let longer = |frame: &[u8]| [body(frame), &[1, 2, 3]].concat();
        prop_assert_eq!(Join::decode(&longer(&frames[0])), Ok(join));
        prop_assert_eq!(Admit::decode(&longer(&frames[1])), Ok(admit));
        prop_assert_eq!(Ack::decode(&longer(&frames[2])), Ok(ack));
    }
}
