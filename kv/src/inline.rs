//! Inline requests: a line typed by a person, split as redis splits it.
//!
//! Words are parted by white space. A word may hold parts in double quotes (`\n \r \t \b \a`, `\xHH`, and a
//! backslash before any other byte means that byte) or in single quotes (`\'` alone is special); a closing quote must
//! end the word. Zero bytes are bytes like any other: redis stops at them, because its lines are C strings.
//!
//! Bounds: the words take no more bytes than the line.

use alloc::vec::Vec;
use core::ops::Range;

#[cfg(test)]
mod tests;

/// Quotes that do not close, or close inside a word.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unbalanced;

/// Writes the words of `line` into `text`, without their quotes, and the place of each into `words`.
pub(crate) fn split(line: &[u8], text: &mut Vec<u8>, words: &mut Vec<Range<u32>>) -> Result<(), Unbalanced> {
    let mut rest = line;
    loop {
        while let [first, tail @ ..] = rest
            && is_space(*first)
        {
            rest = tail;
        }
        if rest.is_empty() {
            return Ok(());
        }
        let begin = place(text);
        rest = word(rest, text)?;
        words.push(begin..place(text));
    }
}

/// Copies one word and gives what follows it.
fn word<'a>(line: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    let mut rest = line;
    while let [byte, tail @ ..] = rest {
        rest = match byte {
            b' ' | b'\n' | b'\r' | b'\t' => return Ok(tail),
            b'"' => return double_quoted(tail, text),
            b'\'' => return single_quoted(tail, text),
            _ => {
                text.push(*byte);
                tail
            }
        };
    }
    Ok(rest)
}

fn double_quoted<'a>(line: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    let mut rest = line;
    loop {
        rest = match rest {
            [b'"', tail @ ..] => return closed(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                text.push(nibble(*high) << 4 | nibble(*low));
                tail
            }
            [b'\\', byte, tail @ ..] => {
                text.push(match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                tail
            }
            [byte, tail @ ..] => {
                text.push(*byte);
                tail
            }
            [] => return Err(Unbalanced),
        };
    }
}

fn single_quoted<'a>(line: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    let mut rest = line;
    loop {
        rest = match rest {
            [b'\'', tail @ ..] => return closed(tail),
            [b'\\', b'\'', tail @ ..] => {
                text.push(b'\'');
                tail
            }
            [byte, tail @ ..] => {
                text.push(*byte);
                tail
            }
            [] => return Err(Unbalanced),
        };
    }
}

/// Returns the rest after a closing quote, which must be white space or nothing.
fn closed(rest: &[u8]) -> Result<&[u8], Unbalanced> {
    match rest {
        [byte, ..] if !is_space(*byte) => Err(Unbalanced),
        [..] => Ok(rest),
    }
}

/// C's `isspace`.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The value of a hex digit.
const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 32) - b'a' + 10,
    }
}

/// The place of the next byte of `text`.
fn place(text: &[u8]) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}
