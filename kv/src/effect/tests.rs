use super::{Effect, head};
use crate::effects;
use crate::expiry::ExpiryMs;
use proptest::collection::vec;
use proptest::prelude::*;
use std::vec::Vec;

/// An effect that owns its bytes, so that proptest can make and shrink it.
#[derive(Clone, Debug)]
pub(crate) enum Owned {
    Set(Vec<u8>, Vec<u8>),
    Del(Vec<u8>),
    PExpireAt(Vec<u8>, u64),
    Persist(Vec<u8>),
    Append(Vec<u8>, Vec<u8>),
    IncrBy(Vec<u8>, i64),
    FlushAll,
}

impl Owned {
    pub(crate) fn effect(&self) -> Effect<'_> {
        match self {
            Self::Set(key, value) => Effect::Set { key, value },
            Self::Del(key) => Effect::Del { key },
            Self::PExpireAt(key, ms) => {
                Effect::PExpireAt { key, at: ExpiryMs::new(*ms).expect("made in range") }
            }
            Self::Persist(key) => Effect::Persist { key },
            Self::Append(key, value) => Effect::Append { key, value },
            Self::IncrBy(key, by) => Effect::IncrBy { key, by: *by },
            Self::FlushAll => Effect::FlushAll,
        }
    }
}

/// Any effect. Few keys, so that effects meet; lengths around one, two and three digits; `FLUSHALL` is rare.
pub(crate) fn any_effect() -> impl Strategy<Value = Owned> {
    let key = || prop_oneof![4 => vec(0..3_u8, 0..2), 1 => vec(any::<u8>(), 0..120)];
    let value = || {
        prop_oneof![
            vec(any::<u8>(), 0..12),
            vec(any::<u8>(), 95..105),
            any::<i64>().prop_map(|number| std::format!("{number}").into_bytes()),
        ]
    };
    let number = || (any::<i64>(), 0..64_u32).prop_map(|(number, shift)| number >> shift);
    let ms =
        prop_oneof![1..2000_u64, Just(i64::MAX.unsigned_abs()), 1_700_000_000_000..1_800_000_000_000_u64];
    prop_oneof![
        8 => (key(), value()).prop_map(|(key, value)| Owned::Set(key, value)),
        4 => key().prop_map(Owned::Del),
        4 => (key(), ms).prop_map(|(key, ms)| Owned::PExpireAt(key, ms)),
        2 => key().prop_map(Owned::Persist),
        4 => (key(), value()).prop_map(|(key, value)| Owned::Append(key, value)),
        4 => (key(), number()).prop_map(|(key, by)| Owned::IncrBy(key, by)),
        1 => Just(Owned::FlushAll),
    ]
}

pub(crate) fn encoded(effects: &[Owned]) -> Vec<u8> {
    let mut record = Vec::new();
    effects.iter().for_each(|owned| owned.effect().encode(&mut record));
    record
}

#[test]
fn each_effect_has_its_bytes() {
    let at = ExpiryMs::new(1_700_000_000_000).expect("in range");
    let cases: [(Effect<'_>, &[u8]); 7] = [
        (Effect::Set { key: b"k", value: b"" }, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n"),
        (Effect::Del { key: b"" }, b"*2\r\n$3\r\nDEL\r\n$0\r\n\r\n"),
        (
            Effect::PExpireAt { key: b"k", at },
            b"*3\r\n$9\r\nPEXPIREAT\r\n$1\r\nk\r\n$13\r\n1700000000000\r\n",
        ),
        (Effect::Persist { key: b"k" }, b"*2\r\n$7\r\nPERSIST\r\n$1\r\nk\r\n"),
        (Effect::Append { key: b"k", value: b"\r\n" }, b"*3\r\n$6\r\nAPPEND\r\n$1\r\nk\r\n$2\r\n\r\n\r\n"),
        (Effect::IncrBy { key: b"k", by: -10 }, b"*3\r\n$6\r\nINCRBY\r\n$1\r\nk\r\n$3\r\n-10\r\n"),
        (Effect::FlushAll, b"*1\r\n$8\r\nFLUSHALL\r\n"),
    ];
    for (effect, bytes) in cases {
        let mut out = Vec::new();
        effect.encode(&mut out);
        assert_eq!(out, bytes, "{effect:?}");
        assert_eq!(effects(bytes).collect::<Vec<_>>(), [Ok(effect)]);
    }
}

#[test]
fn no_head_begins_another() {
    for (index, one) in head::ALL.iter().enumerate() {
        for (other_index, other) in head::ALL.iter().enumerate() {
            assert!(index == other_index || !other.starts_with(one));
        }
    }
}

proptest! {
    #[test]
    fn the_length_is_told_before(owned in any_effect()) {
        let effect = owned.effect();
        let mut out = Vec::new();
        effect.encode(&mut out);
        prop_assert_eq!(out.len(), effect.encoded_len());
        prop_assert!(out.capacity() < 2 * out.len().max(64), "no second growth");
    }
}
