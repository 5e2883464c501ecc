//! Numbers, sizes and durations as people write them: `8`, `64MiB`, `5s`. A number without a unit is a size in bytes,
//! and no duration. A refusal quotes the text and names what is accepted.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use towline_core::Span;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length(pub Span);

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
];
const LENGTHS: &[(&str, u64)] = &[
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The reason why a text is no quantity.
enum Wrong {
    NotOne,
    TooLarge,
}

/// Reads `text` as a whole number times the unit behind it.
fn parse(text: &str, units: &[(&str, u64)]) -> Result<u64, Wrong> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = text[digits..].trim().to_ascii_lowercase();
    let (_, factor) = units.iter().find(|(name, _)| *name == unit).ok_or(Wrong::NotOne)?;
    if digits == 0 {
        return Err(Wrong::NotOne);
    }
    let number = text[..digits].parse::<u64>().ok().and_then(|number| number.checked_mul(*factor));
    number.ok_or(Wrong::TooLarge)
}

/// Reads whole numbers from `least` to `most`, for clap.
pub fn whole<T: TryFrom<u64>>(
    least: u64,
    most: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse::<u64>().ok().filter(|number| (least..=most).contains(number));
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| format!("{text:?} is not possible: write a whole number from {least} to {most}"))
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let what = "write a whole number with KiB, MiB or GiB, like 64MiB";
        parse(text, SIZES).map(Self).map_err(|wrong| match wrong {
            Wrong::NotOne => format!("{text:?} is no size: {what}"),
            Wrong::TooLarge => format!("{text:?} is too large for any machine: {what}"),
        })
    }
}

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let what = "write a whole number with ms, s, min or h, like 5s";
        let ns = if text.trim() == "0" { Ok(0) } else { parse(text, LENGTHS) };
        ns.map(|ns| Self(Span(ns))).map_err(|wrong| match wrong {
            Wrong::NotOne => format!("{text:?} is no duration: {what}"),
            Wrong::TooLarge => format!("{text:?} is longer than 500 years: {what}"),
        })
    }
}

/// A deserializer of all that [`FromStr`] reads, from a string or a bare number.
struct Text<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a number with its unit, in quotes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Text(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Text(std::marker::PhantomData))
    }
}

/// Formats bytes for people: `1.5 MiB`.
pub fn bytes(bytes: u64) -> String {
    let mut unit = 0;
    let names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut tenths = u128::from(bytes) * 10;
    while tenths >= 10_240 && unit + 1 < names.len() {
        tenths /= 1024;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ if tenths.is_multiple_of(10) => format!("{} {}", tenths / 10, names[unit]),
        _ => format!("{}.{} {}", tenths / 10, tenths % 10, names[unit]),
    }
}

/// Formats milliseconds for people: `250 ms`, `4.2 s`, `3 min 10 s`.
pub fn millis(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// Formats microseconds since a beginning, to the last digit: `3.250000 s`.
pub fn micros(us: u64) -> String {
    format!("{}.{:06} s", us / 1_000_000, us % 1_000_000)
}

/// Formats a count with its noun: `1 snapshot`, `1,200 snapshots`.
pub fn several(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Formats digits in groups of three: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_read_as_written() {
        let size = |text: &str| text.parse::<Size>().map(|size| size.0);
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("64 mib"), Ok(64 << 20));
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("1kB"), Ok(1000));
        let length = |text: &str| text.parse::<Length>().map(|length| length.0);
        assert_eq!(length("5s"), Ok(Span::from_secs(5)));
        assert_eq!(length("250ms"), Ok(Span::from_millis(250)));
        assert_eq!(length("2h"), Ok(Span::from_secs(7200)));
        assert_eq!(length("0"), Ok(Span(0)), "nothing needs no unit");
    }

    #[test]
    fn what_is_no_size_or_duration_is_told_how_to_be_one() {
        for text in ["64m", "", "-1", "1.5GiB", "MiB", "99999999999GiB", "64MiB please"] {
            let told = text.parse::<Size>().unwrap_err();
            assert!(told.contains("like 64MiB") && told.contains(text), "{told}");
        }
        for text in ["5", "s", "five", "5 parsecs"] {
            let told = text.parse::<Length>().unwrap_err();
            assert!(told.contains("like 5s") && told.contains(text), "{told}");
        }
    }

    #[test]
    fn quantities_are_shown_for_people() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(64 << 20), "64 MiB");
        assert_eq!(bytes(1_500_000), "1.4 MiB");
        assert_eq!(micros(3_250_007), "3.250007 s");
        assert_eq!(millis(999), "999 ms");
        assert_eq!(millis(4_250), "4.2 s");
        assert_eq!(millis(190_000), "3 min 10 s");
        assert_eq!(millis(7_260_000), "2 h 1 min");
        assert_eq!(several(1, "snapshot"), "1 snapshot");
        assert_eq!([several(0, "snapshot"), several(1_200, "snapshot")], ["0 snapshots", "1,200 snapshots"]);
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
