//! Replies, written behind what already stands in the caller's buffer.
//!
//! The bytes are kevy-resp's; what is added here is that a line stays one line whatever it quotes, and the shapes that
//! differ between the two versions of the protocol. Nothing is kept and nothing fails.

use kevy_resp as resp;

/// The version of the protocol a client speaks. It begins with 2; HELLO changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resp {
    /// Arrays, strings, numbers.
    #[default]
    V2,
    /// Maps, sets, nulls and verbatim strings too.
    V3,
}

/// The reply nearly every write gets.
pub fn ok(out: &mut Vec<u8>) {
    out.extend_from_slice(b"+OK\r\n");
}

/// A word or a line.
pub fn simple(out: &mut Vec<u8>, text: &str) {
    resp::encode_simple_string(out, &one_line(text));
}

/// An error. The text begins with its code, in upper case.
pub fn error(out: &mut Vec<u8>, text: &str) {
    resp::encode_error(out, &one_line(text));
}

/// A number. What does not fit is shown as the largest that does.
pub fn integer(out: &mut Vec<u8>, number: impl TryInto<i64>) {
    resp::encode_integer(out, number.try_into().unwrap_or(i64::MAX));
}

/// Any bytes.
#[inline]
pub fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    resp::encode_bulk(out, bytes);
}

/// Bytes that [`bulk`] takes for so many, or a few more.
#[must_use]
pub const fn bulk_len(bytes: usize) -> usize {
    bytes.saturating_add(16)
}

/// Nothing where a list would be.
pub fn null_array(out: &mut Vec<u8>, version: Resp) {
    match version {
        Resp::V2 => out.extend_from_slice(b"*-1\r\n"),
        Resp::V3 => resp::encode_null(out),
    }
}

/// Nothing there.
pub fn null(out: &mut Vec<u8>, version: Resp) {
    match version {
        Resp::V2 => resp::encode_null_bulk(out),
        Resp::V3 => resp::encode_null(out),
    }
}

/// The head of a list of `len` replies.
pub fn array(out: &mut Vec<u8>, len: usize) {
    resp::encode_array_len(out, count(len));
}

/// The head of a list of `len` names and values.
pub fn map(out: &mut Vec<u8>, version: Resp, len: usize) {
    match version {
        Resp::V2 => resp::encode_array_len(out, count(len.saturating_mul(2))),
        Resp::V3 => resp::encode_map_header(out, count(len)),
    }
}

/// The head of a list without an order.
pub fn set(out: &mut Vec<u8>, version: Resp, len: usize) {
    match version {
        Resp::V2 => resp::encode_array_len(out, count(len)),
        Resp::V3 => resp::encode_set_header(out, count(len)),
    }
}

/// A page of text.
pub fn text(out: &mut Vec<u8>, version: Resp, text: &str) {
    match version {
        Resp::V2 => resp::encode_bulk(out, text.as_bytes()),
        Resp::V3 => resp::encode_verbatim(out, *b"txt", text.as_bytes()),
    }
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// A line end inside a line would be the beginning of another reply.
fn one_line(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains(['\r', '\n']) { text.replace(['\r', '\n'], " ").into() } else { text.into() }
}
