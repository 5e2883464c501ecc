use super::Digest;
use crate::expiry::ExpiryMs;
use proptest::collection::vec;
use proptest::prelude::*;
use std::vec::Vec;
use xxhash_rust::xxh3::xxh3_128;

/// The definition, word for word.
fn by_definition(key: &[u8], expiry: Option<ExpiryMs>, value: &[u8]) -> [u8; 16] {
    let mut layout = Vec::new();
    layout.extend(u32::try_from(key.len()).expect("short").to_le_bytes());
    layout.extend(key);
    layout.extend(expiry.map_or(0, ExpiryMs::get).to_le_bytes());
    layout.extend(value);
    xxh3_128(&layout).to_be_bytes()
}

#[test]
fn streamed_parts_agree_with_the_definition() {
    // Lengths on both sides of where XXH3 changes its way: 16, 128, 240, and each 64 and 1,024 after that.
    let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
    for key_len in [0, 1, 16, 250, 1025] {
        let key = &bytes[..key_len];
        for value_len in (0..1400).chain([2040, 4096, 5000]) {
            let value = &bytes[..value_len];
            for expiry in [None, Some(ExpiryMs::MAX)] {
                let digest = Digest::of_entry(key, expiry, value);
                assert_eq!(digest.to_bytes(), by_definition(key, expiry, value), "{key_len} {value_len}");
            }
        }
    }
}

#[test]
fn what_differs_in_one_part_differs() {
    let expiry = ExpiryMs::new(1);
    let all = [
        Digest::of_entry(b"ab", None, b"c"),
        Digest::of_entry(b"a", None, b"bc"),
        Digest::of_entry(b"ab", expiry, b"c"),
        Digest::of_entry(b"ab", None, b""),
        Digest::of_entry(b"", None, b""),
        Digest::EMPTY,
    ];
    for (index, one) in all.iter().enumerate() {
        assert!(!all[..index].contains(one));
    }
}

#[test]
fn text_and_bytes_begin_with_the_most_significant() {
    let mut bytes = [0; 16];
    (bytes[0], bytes[15]) = (0xab, 1);
    let digest = Digest::from_bytes(bytes);
    assert_eq!(&digest.hex(), b"ab000000000000000000000000000001");
    assert_eq!(std::format!("{digest}").as_bytes(), digest.hex());
    assert_eq!(std::format!("{digest:?}"), "Digest(ab000000000000000000000000000001)");
    assert_eq!(digest.to_bytes(), bytes);
    assert_eq!(Digest::EMPTY, Digest::default());
}

proptest! {
    #[test]
    fn a_sum_has_no_order(entries in vec((vec(any::<u8>(), 0..8), vec(any::<u8>(), 0..8)), 0..10)) {
        let hashes: Vec<_> = entries.iter().map(|(key, value)| Digest::of_entry(key, None, value)).collect();
        let (mut forth, mut back) = (Digest::EMPTY, Digest::EMPTY);
        hashes.iter().for_each(|hash| forth.add(*hash));
        hashes.iter().rev().for_each(|hash| back.add(*hash));
        prop_assert_eq!(forth, back);
        hashes.iter().for_each(|hash| forth.remove(*hash));
        prop_assert_eq!(forth, Digest::EMPTY);
    }
}
