//! Replies, written behind the content of the caller's buffer.
//!
//! The bytes are kevy-resp's; this file adds that a line stays one line whatever it quotes, and the shapes that differ
//! between the two versions of the protocol. Nothing is kept and nothing fails.

use kevy_resp as resp;

/// The version of a client's protocol. It begins with 2; HELLO changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resp {
    /// RESP2: arrays, strings, numbers.
    #[default]
    V2,
    /// RESP3: maps, sets, nulls and verbatim strings too.
    V3,
}

/// Writes OK, the reply of nearly every write.
pub fn ok(out: &mut Vec<u8>) {
    out.extend_from_slice(b"+OK\r\n");
}

/// Writes a simple string of one line.
pub fn simple(out: &mut Vec<u8>, text: &str) {
    resp::encode_simple_string(out, &one_line(text));
}

/// Writes an error. The text begins with its code, in upper case.
pub fn error(out: &mut Vec<u8>, text: &str) {
    resp::encode_error(out, &one_line(text));
}

/// Writes a number. One that does not fit is shown as the largest that does.
pub fn integer(out: &mut Vec<u8>, number: impl TryInto<i64>) {
    resp::encode_integer(out, number.try_into().unwrap_or(i64::MAX));
}

/// Writes a bulk string of any bytes.
#[inline]
pub fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    resp::encode_bulk(out, bytes);
}

/// Returns how many bytes [`bulk`] needs for so many, or a few more.
#[must_use]
pub const fn bulk_len(bytes: usize) -> usize {
    bytes.saturating_add(16)
}

/// Writes null in place of a list.
pub fn null_array(out: &mut Vec<u8>, version: Resp) {
    match version {
        Resp::V2 => out.extend_from_slice(b"*-1\r\n"),
        Resp::V3 => resp::encode_null(out),
    }
}

/// Writes null.
pub fn null(out: &mut Vec<u8>, version: Resp) {
    match version {
        Resp::V2 => resp::encode_null_bulk(out),
        Resp::V3 => resp::encode_null(out),
    }
}

/// Writes the head of a list of `len` replies.
pub fn array(out: &mut Vec<u8>, len: usize) {
    resp::encode_array_len(out, count(len));
}

/// Writes the head of a map of `len` names and values.
pub fn map(out: &mut Vec<u8>, version: Resp, len: usize) {
    match version {
        Resp::V2 => resp::encode_array_len(out, count(len.saturating_mul(2))),
        Resp::V3 => resp::encode_map_header(out, count(len)),
    }
}

/// Writes the head of a list without an order.
pub fn set(out: &mut Vec<u8>, version: Resp, len: usize) {
    match version {
        Resp::V2 => resp::encode_array_len(out, count(len)),
        Resp::V3 => resp::encode_set_header(out, count(len)),
    }
}

/// Writes a page of text.
pub fn text(out: &mut Vec<u8>, version: Resp, text: &str) {
    match version {
        Resp::V2 => resp::encode_bulk(out, text.as_bytes()),
        Resp::V3 => resp::encode_verbatim(out, *b"txt", text.as_bytes()),
    }
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Removes line ends, which would begin another reply.
fn one_line(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains(['\r', '\n']) { text.replace(['\r', '\n'], " ").into() } else { text.into() }
}
