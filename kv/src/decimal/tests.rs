use super::{Decimal, digits, parse_i64};
use proptest::prelude::*;
use std::string::ToString;

#[test]
fn only_the_shortest_spelling_is_read() {
    for (text, number) in [
        ("0", 0),
        ("7", 7),
        ("-1", -1),
        ("100", 100),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
    ] {
        assert_eq!(parse_i64(text.as_bytes()), Some(number), "{text}");
    }
    for text in [
        "",
        "-",
        "+1",
        "-0",
        "00",
        "01",
        "-01",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x1",
        "a",
        "--1",
        "-+1",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999",
        "111111111111111111111",
    ] {
        assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn debug_shows_the_text() {
    assert_eq!(std::format!("{:?}", Decimal::of_i64(-12)), "Decimal(-12)");
}

proptest! {
    #[test]
    fn numbers_are_spelled_as_rust_spells_them(signed: i64, unsigned: u64, shift in 0..64_u32) {
        let (signed, unsigned) = (signed >> shift, unsigned >> shift);
        prop_assert_eq!(Decimal::of_i64(signed).as_bytes().to_vec(), signed.to_string().into_bytes());
        prop_assert_eq!(Decimal::of_u64(unsigned).as_bytes().to_vec(), unsigned.to_string().into_bytes());
        prop_assert_eq!(digits(unsigned), unsigned.to_string().len());
        prop_assert_eq!(parse_i64(Decimal::of_i64(signed).as_bytes()), Some(signed));
    }

    #[test]
    fn what_is_read_was_spelled_that_way(text in "[-+ 0-9]{0,22}") {
        if let Some(number) = parse_i64(text.as_bytes()) {
            prop_assert_eq!(number.to_string(), text);
        }
    }
}
