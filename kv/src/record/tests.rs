use super::{RecordError, RecordErrorKind, Stop, effects, parse_effect};
use crate::effect::tests::{any_effect, encoded};
use proptest::collection::vec;
use proptest::prelude::*;
use std::vec::Vec;

fn kind(record: &[u8]) -> (u64, RecordErrorKind) {
    let error = effects(record).find_map(Result::err).expect("refused");
    (error.at, error.kind)
}

#[test]
fn one_spelling_is_read() {
    use RecordErrorKind::{Empty, End, Length, Number, Truncated, Verb};
    let cases: [(&[u8], u64, RecordErrorKind); 34] = [
        (b"", 0, Empty),
        (b"*", 1, Truncated),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r", 26, Truncated),
        (b"x", 0, Verb),
        (b"*3\r\n$3\r\nset\r\n$1\r\nk\r\n$1\r\nv\r\n", 0, Verb),
        (b"*3\r\n$3\r\nGET\r\n$1\r\nk\r\n$1\r\nv\r\n", 0, Verb),
        (b"*03\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", 0, Verb),
        (b"*2\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", 0, Verb),
        (b"*3\n$3\nSET\n$1\nk\n$1\nv\n", 0, Verb),
        (b"*3\r\n$3\r\nDEL\r\n$1\r\nk\r\n$1\r\nv\r\n", 0, Verb),
        (b"\r\n*1\r\n$8\r\nFLUSHALL\r\n", 0, Verb),
        (b"*1\r\n$8\r\nFLUSHALL\r\n\r\n", 18, Verb),
        (b"*2\r\n$3\r\nDEL\r\n$01\r\nk\r\n", 14, Length),
        (b"*2\r\n$3\r\nDEL\r\n$00\r\n\r\n", 14, Length),
        (b"*2\r\n$3\r\nDEL\r\n$+1\r\nk\r\n", 14, Length),
        (b"*2\r\n$3\r\nDEL\r\n$-1\r\n", 14, Length),
        (b"*2\r\n$3\r\nDEL\r\n$\r\n", 14, Length),
        (b"*2\r\n$3\r\nDEL\r\n$1 \r\nk\r\n", 15, Length),
        (b"*2\r\n$3\r\nDEL\r\n$1\rk\r\n", 16, Length),
        (b"*2\r\n$3\r\nDEL\r\n$4294967296\r\n", 14, Length),
        (b"*2\r\n$3\r\nDEL\r\n$99999999999999999999999\r\n", 14, Length),
        (b"*2\r\n$3\r\nDEL\r\n$4294967295\r\n", 26, Truncated),
        (b"*2\r\n$3\r\nDEL\r\n$1\r\nkk\r\n", 18, End),
        (b"*2\r\n$3\r\nDEL\r\n$2\r\nk\r\n*1\r\n", 19, End),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n:1\r\n", 18, End),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n*1\r\n$1\r\nv\r\n", 18, End),
        (b"*3\r\n$6\r\nINCRBY\r\n$1\r\nk\r\n$2\r\n01\r\n", 24, Number),
        (b"*3\r\n$6\r\nINCRBY\r\n$1\r\nk\r\n$2\r\n-0\r\n", 24, Number),
        (b"*3\r\n$6\r\nINCRBY\r\n$1\r\nk\r\n$0\r\n\r\n", 24, Number),
        (b"*3\r\n$6\r\nINCRBY\r\n$1\r\nk\r\n$19\r\n9223372036854775808\r\n", 24, Number),
        (b"*3\r\n$9\r\nPEXPIREAT\r\n$1\r\nk\r\n$1\r\n0\r\n", 27, Number),
        (b"*3\r\n$9\r\nPEXPIREAT\r\n$1\r\nk\r\n$2\r\n-1\r\n", 27, Number),
        (b"*3\r\n$9\r\nPEXPIREAT\r\n$1\r\nk\r\n$19\r\n9223372036854775808\r\n", 27, Number),
        (b"*3\r\n$9\r\nPEXPIREAT\r\n$1\r\nk\r\n$3\r\n1.5\r\n", 27, Number),
    ];
    for (record, at, expected) in cases {
        assert_eq!(kind(record), (at, expected), "{}", record.escape_ascii());
    }
}

#[test]
fn a_record_ends_at_its_first_bad_byte() {
    let mut record = b"*1\r\n$8\r\nFLUSHALL\r\nnonsense".to_vec();
    let read: Vec<_> = effects(&record).collect();
    assert_eq!(read.len(), 2);
    assert_eq!(read[1], Err(RecordError { at: 18, kind: RecordErrorKind::Verb }));
    assert_eq!(
        std::format!("{}", read[1].expect_err("bad")),
        "bad record: not one of the seven effects, at byte 18"
    );
    record.truncate(18);
    assert_eq!(effects(&record).count(), 1);
}

proptest! {
    #[test]
    fn effects_come_back_as_they_went(owned in vec(any_effect(), 1..12)) {
        let record = encoded(&owned);
        let read: Result<Vec<_>, _> = effects(&record).collect();
        let sent: Vec<_> = owned.iter().map(super::super::effect::tests::Owned::effect).collect();
        prop_assert_eq!(read.expect("canonical"), sent);
    }

    #[test]
    fn a_beginning_only_lacks_its_end(owned in any_effect()) {
        let bytes = encoded(&[owned]);
        for len in 0..bytes.len() {
            match parse_effect(&bytes[..len]) {
                Err(Stop::Need(need)) => prop_assert!(len < need && need <= bytes.len()),
                other => prop_assert!(false, "{len}: {other:?}"),
            }
        }
    }

    /// A record that is read is the only spelling of its effects.
    #[test]
    fn what_is_read_encodes_to_the_same_bytes(
        owned in vec(any_effect(), 1..4),
        edits in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..4),
    ) {
        let mut record = encoded(&owned);
        for (place, byte, how) in edits {
            let at = place.index(record.len());
            match how {
                0 => record[at] = byte,
                1 => record[at] = b"0123456789-+\r\n$* "[usize::from(byte) % 17],
                _ => { record.remove(at); }
            }
            if record.is_empty() { break; }
        }
        let mut again = Vec::new();
        let mut bad = false;
        for effect in effects(&record) {
            match effect {
                Ok(effect) => effect.encode(&mut again),
                Err(error) => { prop_assert!(error.at <= record.len() as u64); bad = true; }
            }
        }
        prop_assert!(record.starts_with(&again));
        prop_assert_eq!(bad, again.len() < record.len() || record.is_empty());
    }

    #[test]
    fn no_bytes_make_it_panic(record in vec(any::<u8>(), 0..200)) {
        prop_assert!(effects(&record).count() <= record.len() + 1);
    }
}
