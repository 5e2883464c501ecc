use super::*;

#[test]
fn quantities_read_as_they_are_written() {
    for (unit, text, value) in [
        (Unit::Bytes, "\"4KiB\"", 4096),
        (Unit::Bytes, "\"4097B\"", 4097),
        (Unit::Bytes, "\"64MiB\"", 64 << 20),
        (Unit::Time, "\"30us\"", 30),
        (Unit::Time, "\"1500ms\"", 1_500_000),
        (Unit::Time, "\"20s\"", 20_000_000),
        (Unit::Count, "12", 12),
        (Unit::Switch, "true", 1),
    ] {
        assert_eq!(unit.write(value), text);
        if let Unit::Bytes | Unit::Time = unit {
            assert_eq!(unit.read(text.trim_matches('"')), Some(value));
        }
    }
    assert_eq!(Unit::Time.read(Unit::Time.write(u64::MAX).trim_matches('"')), Some(u64::MAX));
}

#[test]
fn what_is_not_a_quantity_is_none() {
    for text in
        ["", "4", "KiB", "4kb", "4 KiB", "-4KiB", "4.5KiB", "99999999999999999999B", "99999999999GiB", "4ms"]
    {
        assert_eq!(Unit::Bytes.read(text), None, "{text}");
    }
    assert_eq!(Unit::Time.read("4KiB"), None);
    assert_eq!(Unit::Count.read("4"), None, "counts are plain numbers, not texts");
}
