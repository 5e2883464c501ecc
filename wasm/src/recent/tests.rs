//! The newest changes, in order, and bounded by any input.

use alloc::string::String;

use towline_core::limits::RECORD_HEAD_BYTES;

use super::*;

/// Returns a payload of records, one effect each.
fn payload(effects: &[Effect<'_>]) -> Vec<u8> {
    let mut payload = Vec::new();
    for effect in effects {
        let len = u32::try_from(effect.encoded_len()).unwrap();
        assert_eq!(len.to_le_bytes().len(), RECORD_HEAD_BYTES);
        payload.extend(len.to_le_bytes());
        effect.encode(&mut payload);
    }
    payload
}

/// Returns number, offset, kind, key and value of each, and both lengths.
fn shown(recent: &Recent) -> Vec<(u64, u64, u32, String, String, [u32; 2])> {
    let bytes = recent.bytes();
    let (mut rows, mut rest) = (Vec::new(), &bytes[..]);
    while !rest.is_empty() {
        let long = |at: usize| u64::from_le_bytes(rest[at..at + 8].try_into().unwrap());
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let key_end = 36 + word(28) as usize;
        let end = key_end + word(32) as usize;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (key, value) = (text(&rest[36..key_end]), text(&rest[key_end..end]));
        rows.push((long(0), long(8), word(24), key, value, [word(16), word(20)]));
        rest = &rest[end..];
    }
    rows
}

#[test]
fn each_kind_is_shown_and_the_newest_is_first() {
    let mut recent = Recent::default();
    let key: &[u8] = b"k";
    let at = towline_kv::ExpiryMs::new(1_700_000_000_000).unwrap();
    let effects = [
        Effect::Set { key, value: b"v" },
        Effect::Append { key, value: b"w" },
        Effect::IncrBy { key, by: -7 },
        Effect::PExpireAt { key, at },
        Effect::Persist { key },
        Effect::Del { key },
        Effect::FlushAll,
    ];
    recent.note(&payload(&effects), Offset(10));
    assert_eq!(shown(&recent), [], "nobody asked");
    recent.keep(10);
    recent.note(&payload(&effects), Offset(17));
    let told: Vec<_> = shown(&recent)
        .into_iter()
        .rev()
        .map(|(n, at, kind, key, value, _)| (n, at, kind, key, value))
        .collect();
    let row = |n: u64, key: &str, value: &str| {
        (n, 11 + n, u32::try_from(n + 1).unwrap(), key.to_string(), value.to_string())
    };
    let meant = [
        row(0, "k", "v"),
        row(1, "k", "w"),
        row(2, "k", "-7"),
        row(3, "k", "1700000000000"),
        row(4, "k", ""),
        row(5, "k", ""),
        row(6, "", ""),
    ];
    assert_eq!(told, meant);
}

#[test]
fn no_more_is_kept_than_was_asked_for() {
    let mut recent = Recent::default();
    recent.keep(3);
    let long = [b'x'; 1000];
    let effects = [Effect::Set { key: &long, value: &long }; 100];
    recent.note(&payload(&effects), Offset(100));
    recent.note(&payload(&effects[..2]), Offset(102));
    let rows = shown(&recent);
    assert_eq!(rows.iter().map(|row| row.1).collect::<Vec<_>>(), [102, 101, 100]);
    assert!(
        rows.iter().all(|row| row.3.len() == KEY_BYTES && row.4.len() == VALUE_BYTES && row.5 == [1000; 2])
    );
    recent.keep(1);
    assert_eq!(shown(&recent).len(), 1);
    recent.keep(0);
    recent.note(&payload(&effects), Offset(202));
    assert_eq!(shown(&recent), []);
}

#[test]
fn bytes_that_are_no_record_end_it() {
    let mut recent = Recent::default();
    recent.keep(3);
    recent.note(&[3, 0, 0, 0, 1, 2, 3, 9, 0, 0, 0], Offset(1));
    recent.note(&[], Offset(0));
    assert_eq!(shown(&recent), []);
}
