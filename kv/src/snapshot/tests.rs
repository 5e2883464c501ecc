use super::{SnapshotReader, SnapshotWriter};
use crate::effect::tests::{any_effect, encoded};
use crate::{Effect, ExpiryMs, RecordError, RecordErrorKind, Table, effects};
use proptest::collection::vec;
use proptest::prelude::*;
use std::vec::Vec;

const EFFECT_MAX: usize = 4096;

/// Reads pieces. Returns the effects, encoded again, and how it ended. Checks its bounds on the way.
fn read_all(pieces: &[&[u8]], effect_max: usize) -> (Vec<u8>, Result<(), RecordError>) {
    let mut reader = SnapshotReader::new(effect_max);
    let mut again = Vec::new();
    let mut came = 0;
    for piece in pieces {
        came += piece.len();
        let mut rest = *piece;
        loop {
            match reader.next(&mut rest) {
                Ok(Some(effect)) => effect.encode(&mut again),
                Ok(None) => break,
                Err(error) => return (again, Err(error)),
            }
        }
        assert!(rest.is_empty());
        let room = reader.partial.capacity();
        assert!(room <= effect_max.max(1) || room <= 2 * came, "{room} of {effect_max}");
        assert!(room <= (2 * came).max(super::PARTIAL_KEPT), "{room} for {came} bytes");
    }
    (again, reader.finish())
}

/// Cuts `bytes` into pieces of these lengths and a rest.
fn cut<'a>(bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut pieces = Vec::new();
    for &len in lengths {
        let (piece, after) = rest.split_at(len.min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// All pieces a writer gives for these entries.
fn write_all(entries: &[(Vec<u8>, Option<ExpiryMs>, Vec<u8>)], piece_max: usize) -> Vec<Vec<u8>> {
    let mut writer = SnapshotWriter::new(piece_max);
    let mut left = entries.iter();
    let mut pieces = Vec::new();
    loop {
        while writer.wants_more() {
            let Some((key, expiry, value)) = left.next() else { break };
            writer.push(key, *expiry, value);
        }
        let piece = writer.next_piece();
        pieces.push(piece.data.to_vec());
        if piece.held == 0 && left.len() == 0 {
            return pieces;
        }
    }
}

#[test]
fn an_empty_store_is_one_empty_piece() {
    assert_eq!(write_all(&[], 10), [Vec::<u8>::new()]);
    assert_eq!(read_all(&[&[]], EFFECT_MAX), (Vec::new(), Ok(())));
}

#[test]
fn a_claimed_length_over_the_limit_is_refused_before_room_is_made() {
    let claim = b"*3\r\n$3\r\nSET\r\n$4000000000\r\nk";
    let mut reader = SnapshotReader::new(1 << 20);
    let error = reader.next(&mut &claim[..]).expect_err("over the limit");
    assert_eq!(error, RecordError { at: 0, kind: RecordErrorKind::Length });
    assert_eq!(reader.partial.capacity(), 0);
    // Within the limit, room follows what came.
    let mut reader = SnapshotReader::new(usize::MAX);
    assert_eq!(reader.next(&mut &claim[..]), Ok(None));
    assert!(reader.partial.capacity() <= super::PARTIAL_KEPT);
}

#[test]
fn the_limit_is_the_same_for_whole_and_cut_effects() {
    let mut bytes = Vec::new();
    Effect::Set { key: b"key", value: &[7; 100] }.encode(&mut bytes);
    let len = bytes.len();
    for at in 0..=len {
        let pieces = [&bytes[..at], &bytes[at..]];
        assert_eq!(read_all(&pieces, len), (bytes.clone(), Ok(())));
        let refused = RecordError { at: 0, kind: RecordErrorKind::Length };
        assert_eq!(read_all(&pieces, len - 1), (Vec::new(), Err(refused)));
    }
}

#[test]
fn room_for_a_long_effect_is_given_back() {
    let mut bytes = Vec::new();
    Effect::Set { key: b"key", value: &[7; 100_000] }.encode(&mut bytes);
    let mut reader = SnapshotReader::new(1 << 20);
    for mut piece in bytes.chunks(1000) {
        while reader.next(&mut piece).expect("canonical").is_some() {}
    }
    assert_eq!(reader.next(&mut &[][..]), Ok(None));
    assert!(reader.partial.capacity() <= super::PARTIAL_KEPT);
    let mut writer = SnapshotWriter::new(1000);
    writer.push(b"key", None, &[7; 100_000]);
    while writer.next_piece().held > 0 {}
    writer.push(b"key", None, b"short");
    assert!(writer.bytes.capacity() <= 2000);
}

fn entries() -> impl Strategy<Value = Vec<(Vec<u8>, Option<ExpiryMs>, Vec<u8>)>> {
    let entry = (vec(any::<u8>(), 0..20), any::<u64>().prop_map(ExpiryMs::new), vec(any::<u8>(), 0..300));
    vec(entry, 0..30)
}

proptest! {
    #[test]
    fn pieces_hold_the_entries_and_keep_to_their_size(entries in entries(), piece_max in 1..400_usize) {
        let pieces = write_all(&entries, piece_max);
        let mut whole = Vec::new();
        let mut ends = std::vec![0];
        for (key, expiry, value) in &entries {
            Effect::Set { key, value }.encode(&mut whole);
            if let Some(at) = expiry { Effect::PExpireAt { key, at: *at }.encode(&mut whole); }
            ends.push(whole.len());
        }
        prop_assert_eq!(&pieces.concat(), &whole);
        let mut at = 0;
        for piece in &pieces {
            prop_assert!(piece.len() <= piece_max);
            let (begin, end) = (at, at + piece.len());
            at = end;
            // A cut inside an entry is one of an entry that is longer than a piece, or that began inside one.
            if !ends.contains(&end) {
                prop_assert_eq!(piece.len(), piece_max);
                prop_assert!(!ends.iter().any(|place| begin < *place && *place <= end));
            }
        }
    }

    #[test]
    fn any_cut_gives_the_same(owned in vec(any_effect(), 0..12), lengths in vec(0..40_usize, 0..60)) {
        let bytes = encoded(&owned);
        let pieces = cut(&bytes, &lengths);
        prop_assert_eq!(read_all(&pieces, EFFECT_MAX), (bytes, Ok(())));
    }

    #[test]
    fn any_cut_of_anything_gives_the_same_effects(
        owned in vec(any_effect(), 1..4),
        edit in (any::<prop::sample::Index>(), any::<u8>()),
        lengths in vec(0..40_usize, 0..30),
    ) {
        let mut bytes = encoded(&owned);
        let at = edit.0.index(bytes.len());
        bytes[at] = edit.1;
        let (whole, ended) = read_all(&[&bytes], EFFECT_MAX);
        let (pieced, pieced_ended) = read_all(&cut(&bytes, &lengths), EFFECT_MAX);
        prop_assert_eq!(whole, pieced);
        prop_assert_eq!(ended.is_ok(), pieced_ended.is_ok());
        prop_assert_eq!(ended.is_ok(), effects(&bytes).all(|effect| effect.is_ok()));
    }

    #[test]
    fn a_snapshot_makes_the_same_table(owned in vec(any_effect(), 0..40), piece_max in 1..200_usize) {
        let mut table = Table::new();
        for owned in &owned {
            // An INCRBY of what is no number changes nothing.
            let _ = table.apply_effect(&owned.effect());
        }
        let held = table.iter().map(|(key, entry)| (key.to_vec(), entry.expiry, entry.value.to_vec()));
        let held: Vec<_> = held.collect();
        let mut copy = Table::new();
        let mut reader = SnapshotReader::new(EFFECT_MAX);
        for piece in write_all(&held, piece_max) {
            let mut rest = &piece[..];
            while let Some(effect) = reader.next(&mut rest).expect("canonical") {
                copy.apply_effect(&effect).expect("SET and PEXPIREAT never fail");
            }
        }
        reader.finish().expect("whole");
        copy.check();
        prop_assert_eq!(copy.digest(), table.digest());
        prop_assert!(copy.iter().eq(table.iter()));
    }
}
