use super::Number;

fn sum(one: &str, other: &str) -> Option<String> {
    let (one, other) = (Number::read(one.as_bytes())?, Number::read(other.as_bytes())?);
    one.plus(&other).map(|sum| sum.to_string())
}

/// Results of a redis-server 7.0.15 on x86-64.
#[test]
fn sums_are_those_of_redis() {
    let cases = [
        ("10.5", "0.1", "10.6"),
        ("1", "-1.1", "-0.1"),
        ("3", "1.1", "4.1"),
        ("17179869184", "1.5", "17179869185.5"),
        ("5.0e3", "2.0e2", "5200"),
        ("0.1", "0.2", "0.3"),
        ("0", "1e-17", "0.00000000000000001"),
        ("0", "4e-18", "0"),
        ("-0.5", "0.5", "0"),
        ("-0", "0", "0"),
        (".5", "5.", "5.5"),
        ("1e20", "1", "100000000000000000000"),
        ("18446744073709551615", "1", "18446744073709551616"),
        ("18446744073709551616", "1", "18446744073709551616"),
    ];
    for (one, other, expected) in cases {
        assert_eq!(sum(one, other).as_deref(), Some(expected), "{one} + {other}");
    }
}

#[test]
fn the_largest_has_its_digits() {
    let all = sum("1.18973149535723176502e4932", "0").expect("a number");
    assert_eq!(all.len(), 4933);
    assert!(all.starts_with("118973149535723176502126385303"));
    assert!(Number::read(b"1.2e4932").is_none());
    assert_eq!(sum("1.1e4932", "1.1e4932"), None);
    assert_eq!(sum("inf", "1"), None);
}

#[test]
fn what_is_no_number() {
    for text in ["", " 1", "1 ", "abc", "1e", "1e+", "--1", "1.2.3", ".", "-", "0x10", "nan", "1\0"] {
        assert_eq!(Number::read(text.as_bytes()), None, "{text}");
    }
    assert!(Number::read(&[b'1'; 5120]).is_none());
    assert_eq!(sum("1e-99999999999999999999", "0").as_deref(), Some("0"));
}
