use super::{Change, Entry, IncrError, Value, change, incr};
use crate::decimal::Decimal;
use crate::effect::Effect;
use crate::expiry::ExpiryMs;

const AT: Option<ExpiryMs> = Some(ExpiryMs::MAX);
const PLAIN: Option<Entry<'_>> = Some(Entry { value: b"41", expiry: None });
const FADING: Option<Entry<'_>> = Some(Entry { value: b"41", expiry: AT });

fn number(value: i64, expiry: Option<ExpiryMs>) -> Result<Change<'static>, IncrError> {
    Ok(Change::Put { value: Value::Number(Decimal::of_i64(value)), expiry })
}

fn put(value: &[u8]) -> Result<Change<'_>, IncrError> {
    Ok(Change::Put { value: Value::Bytes(value), expiry: None })
}

/// The whole language: what each effect does to nothing, to an entry, and to one with an expiry.
#[test]
fn every_effect_on_every_kind_of_entry() {
    let key: &[u8] = b"k";
    let set = Effect::Set { key, value: b"v" };
    let append = Effect::Append { key, value: b"v" };
    let incr = Effect::IncrBy { key, by: 1 };
    let expire = Effect::PExpireAt { key, at: ExpiryMs::MIN };
    let begins_to_fade = Ok(Change::Expire { expiry: Some(ExpiryMs::MIN) });
    let cases = [
        (set, put(b"v"), put(b"v"), put(b"v")),
        (Effect::Del { key }, Ok(Change::Keep), Ok(Change::Remove), Ok(Change::Remove)),
        (expire, Ok(Change::Keep), begins_to_fade, begins_to_fade),
        (Effect::Persist { key }, Ok(Change::Keep), Ok(Change::Keep), Ok(Change::Expire { expiry: None })),
        (append, put(b"v"), Ok(Change::Extend { tail: b"v" }), Ok(Change::Extend { tail: b"v" })),
        (incr, number(1, None), number(42, None), number(42, AT)),
        (Effect::FlushAll, Ok(Change::Clear), Ok(Change::Clear), Ok(Change::Clear)),
    ];
    for (effect, on_nothing, on_plain, on_fading) in cases {
        assert_eq!(change(&effect, None), on_nothing, "{effect:?} on nothing");
        assert_eq!(change(&effect, PLAIN), on_plain, "{effect:?} on an entry");
        assert_eq!(change(&effect, FADING), on_fading, "{effect:?} on an entry with an expiry");
    }
}

#[test]
fn only_numbers_are_counted_and_only_as_far_as_they_go() {
    assert_eq!(incr(None, i64::MIN), Ok(i64::MIN));
    assert_eq!(incr(Some(b"-5"), 5), Ok(0));
    assert_eq!(incr(Some(b"9223372036854775807"), 1), Err(IncrError::Overflow));
    assert_eq!(incr(Some(b"-9223372036854775808"), -1), Err(IncrError::Overflow));
    for text in [&b""[..], b" 1", b"1 ", b"+1", b"01", b"-0", b"1.0", b"9223372036854775808", b"\xff"] {
        assert_eq!(incr(Some(text), 0), Err(IncrError::NotInteger), "{}", text.escape_ascii());
    }
    assert_eq!(std::format!("{}", IncrError::NotInteger), "value is not an integer or out of range");
    assert_eq!(std::format!("{}", IncrError::Overflow), "increment or decrement would overflow");
}
