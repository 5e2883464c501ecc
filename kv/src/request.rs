//! Client requests, found in place: an array of bulk strings, or one line typed by a person.
//!
//! The reader looks at the bytes of one request from its first, as many as have come, and returns it, or how many
//! bytes it needs before it is worth looking again. It remembers how far it has read, so a large request that comes
//! in many small parts is read once. An array holds bulk strings and nothing else, so nothing nests and nothing
//! recurses.
//!
//! Bounds: every length is checked against [`RequestLimits`] when it is read, and nothing is reserved for it: memory
//! is 8 bytes per argument that *came*, and one copied line for inline requests. The request itself stays in the
//! caller's buffer.
//!
//! Stricter than redis on purpose: a line end is `\r\n` and a bulk string ends with one, both of which redis takes on
//! trust; and a line longer than the limit is refused however it is cut, where redis takes it if it comes whole.
//!
//! It knows no commands and writes no replies.

use crate::decimal::parse_i64;
use crate::inline;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

#[cfg(test)]
mod tests;

/// Arguments a reader keeps room for between requests; more is given back.
const ARGS_KEPT: usize = 1024;
/// Bytes of the longest number in a head line: `-9223372036854775808`.
const NUMBER_MAX: usize = 20;

/// The most a request may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Arguments of one request.
    pub args_max: u32,
    /// Bytes of one argument.
    pub bulk_max: u32,
    /// Bytes of an inline request before its line feed.
    pub inline_max: u32,
    /// Bytes of the whole request as it is sent.
    pub request_max: u32,
}

impl RequestLimits {
    /// The limits of redis: 1 Mi arguments, 512 MiB each, lines of 64 KiB, 1 GiB in all.
    pub const REDIS: Self =
        Self { args_max: 1 << 20, bulk_max: 512 << 20, inline_max: 64 << 10, request_max: 1 << 30 };
}

const _: () = assert!(RequestLimits::REDIS.bulk_max < RequestLimits::REDIS.request_max);
const _: () = assert!(RequestLimits::REDIS.inline_max < RequestLimits::REDIS.request_max);

/// The result of a look at the bytes. All counts are from the request's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A request of at least one argument, `used` bytes long: see [`RequestReader::args`].
    Request {
        /// Bytes of the request.
        used: usize,
    },
    /// `used` bytes that ask for nothing and get no reply: an empty line, `*0`, `*-1`.
    Empty {
        /// Bytes to pass over.
        used: usize,
    },
    /// Not there yet. Looking again with fewer than `need` bytes is cheap and gives the same.
    NeedBytes {
        /// Always more than were given, and at most `request_max` and the one head line that crosses it.
        need: usize,
    },
}

/// Why a client is sent away. The texts are redis's own, without their `ERR`, except the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The array's length is no number, or over the limit.
    MultibulkLength,
    /// A bulk string's length is no number, below zero, over the limit, or not where the string ends.
    BulkLength,
    /// An argument that is no bulk string, by its first byte.
    ExpectedBulk(u8),
    /// An inline request over the limit.
    InlineTooBig,
    /// Quotes that do not close, or close inside a word.
    UnbalancedQuotes,
    /// An inline request of too many words.
    TooManyArgs,
    /// A request whose parts are within their limits and whose sum is not.
    RequestTooBig,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::MultibulkLength => "invalid multibulk length",
            Self::BulkLength => "invalid bulk length",
            Self::ExpectedBulk(byte) => {
                // An error reply is one line, whatever was sent.
                let byte = if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
                return write!(out, "Protocol error: expected '$', got '{}'", char::from(byte));
            }
            Self::InlineTooBig => "too big inline request",
            Self::UnbalancedQuotes => "unbalanced quotes in request",
            Self::TooManyArgs => "too many arguments in inline request",
            Self::RequestTooBig => "too big request",
        };
        write!(out, "Protocol error: {what}")
    }
}

impl core::error::Error for ProtocolError {}

/// Reads the requests of one client.
///
/// ```
/// use towline_kv::{Parsed, RequestLimits, RequestReader};
///
/// let mut reader = RequestReader::new(RequestLimits::REDIS);
/// let bytes = b"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPING\r\n";
/// assert_eq!(reader.read(&bytes[..12])?, Parsed::NeedBytes { need: 14 });
/// assert_eq!(reader.read(bytes)?, Parsed::Request { used: 22 });
/// assert_eq!(reader.args(bytes).get(1), Some(&b"hi"[..]));
///
/// let bytes = &bytes[22..];
/// assert_eq!(reader.read(bytes)?, Parsed::Request { used: 6 });
/// assert_eq!(reader.args(bytes).get(0), Some(&b"PING"[..]));
/// # Ok::<(), towline_kv::ProtocolError>(())
/// ```
///
/// Invariants: bytes before `at` are read and never looked at again; `at <= need`; `left` arguments of the array are
/// to come; `args` lie in the bytes before `at` or, inline, in `text`.
#[derive(Clone, Debug)]
pub struct RequestReader {
    limits: RequestLimits,
    at: usize,
    need: usize,
    left: u32,
    ended: bool,
    inline: bool,
    args: Vec<Range<u32>>,
    text: Vec<u8>,
}

impl RequestReader {
    /// A reader at the first byte of a connection.
    #[must_use]
    pub const fn new(limits: RequestLimits) -> Self {
        Self {
            limits,
            at: 0,
            need: 1,
            left: 0,
            ended: false,
            inline: false,
            args: Vec::new(),
            text: Vec::new(),
        }
    }

    /// Looks at `bytes`, which begin with the request's first byte. After [`Parsed::NeedBytes`] come again with the
    /// same bytes and more; after the others, with the bytes behind `used`.
    ///
    /// # Errors
    ///
    /// The connection cannot be understood any more. Say why and close it.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Parsed, ProtocolError> {
        if self.ended {
            self.reset();
        }
        if bytes.len() < self.need {
            return Ok(Parsed::NeedBytes { need: self.need });
        }
        let parsed = if bytes[0] == b'*' { self.array(bytes)? } else { self.line(bytes)? };
        match parsed {
            Parsed::Request { .. } | Parsed::Empty { .. } => self.ended = true,
            Parsed::NeedBytes { need } => self.need = need,
        }
        Ok(parsed)
    }

    /// The arguments of the request that was found in `bytes`.
    #[must_use]
    pub fn args<'a>(&'a self, bytes: &'a [u8]) -> Args<'a> {
        Args { bytes: if self.inline { &self.text } else { bytes }, places: &self.args }
    }

    /// Returns whether the last request was a line and not an array.
    #[must_use]
    #[inline]
    pub const fn is_inline(&self) -> bool {
        self.inline
    }

    /// Forgets the last request.
    fn reset(&mut self) {
        self.args.clear();
        if self.args.capacity() > ARGS_KEPT {
            self.args.shrink_to(ARGS_KEPT);
        }
        if self.inline {
            self.text = Vec::new();
        }
        (self.at, self.need, self.left, self.ended, self.inline) = (0, 1, 0, false, false);
    }

    fn array(&mut self, bytes: &[u8]) -> Result<Parsed, ProtocolError> {
        if self.at == 0 {
            let Some((count, at)) = head(bytes, 1, ProtocolError::MultibulkLength)? else {
                return Ok(Parsed::NeedBytes { need: bytes.len() + 1 });
            };
            if count <= 0 {
                return Ok(Parsed::Empty { used: at });
            }
            self.left = u32::try_from(count).unwrap_or(u32::MAX);
            if self.left > self.limits.args_max {
                return Err(ProtocolError::MultibulkLength);
            }
            self.at = at;
        }
        while self.left > 0 {
            if let Some(need) = self.bulk(bytes)? {
                return Ok(Parsed::NeedBytes { need });
            }
            self.left -= 1;
        }
        Ok(Parsed::Request { used: self.at })
    }

    /// Reads one argument; or how many bytes that needs.
    #[inline]
    fn bulk(&mut self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        match bytes.get(self.at) {
            Some(b'$') => {}
            Some(&other) => return Err(ProtocolError::ExpectedBulk(other)),
            None => return Ok(Some(self.at + 1)),
        }
        let Some((len, begin)) = head(bytes, self.at + 1, ProtocolError::BulkLength)? else {
            return Ok(Some(bytes.len() + 1));
        };
        let len = u32::try_from(len).map_err(|_| ProtocolError::BulkLength)?;
        if len > self.limits.bulk_max {
            return Err(ProtocolError::BulkLength);
        }
        // Each step fits because the one before it was within request_max, a u32.
        let end = begin as u64 + u64::from(len);
        if end + 2 > u64::from(self.limits.request_max) {
            return Err(ProtocolError::RequestTooBig);
        }
        let (begin, end) = (place(begin), place(begin) + len);
        let next = end as usize + 2;
        match bytes.get(end as usize..next) {
            Some(b"\r\n") => {}
            Some(_) => return Err(ProtocolError::BulkLength),
            None => return Ok(Some(next)),
        }
        self.args.push(begin..end);
        self.at = next;
        Ok(None)
    }

    fn line(&mut self, bytes: &[u8]) -> Result<Parsed, ProtocolError> {
        let max = self.limits.inline_max as usize;
        let seen = bytes.len().min(max.saturating_add(1));
        let Some(found) = bytes[self.at..seen].iter().position(|&byte| byte == b'\n') else {
            if bytes.len() > max {
                return Err(ProtocolError::InlineTooBig);
            }
            self.at = seen;
            return Ok(Parsed::NeedBytes { need: seen + 1 });
        };
        let end = self.at + found;
        let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
        self.inline = true;
        self.text.clear();
        self.args.clear();
        inline::split(line, &mut self.text, &mut self.args).map_err(|_| ProtocolError::UnbalancedQuotes)?;
        if self.args.len() > self.limits.args_max as usize {
            return Err(ProtocolError::TooManyArgs);
        }
        Ok(if self.args.is_empty() {
            Parsed::Empty { used: end + 1 }
        } else {
            Parsed::Request { used: end + 1 }
        })
    }
}

/// The number from `at` to the line's end, and the place after that; `None` if the line has not ended yet.
#[inline]
fn head(bytes: &[u8], at: usize, error: ProtocolError) -> Result<Option<(i64, usize)>, ProtocolError> {
    // One to four digits are nearly all there is; the long way decides about everything else.
    let mut number = 0;
    for (pos, &byte) in bytes.iter().enumerate().skip(at).take(5) {
        match byte {
            b'0'..=b'9' if number > 0 || pos == at => number = number * 10 + i64::from(byte - b'0'),
            b'\r' if pos > at && bytes.get(pos + 1) == Some(&b'\n') => return Ok(Some((number, pos + 2))),
            _ => break,
        }
    }
    long_head(bytes, at, error)
}

fn long_head(bytes: &[u8], at: usize, error: ProtocolError) -> Result<Option<(i64, usize)>, ProtocolError> {
    let rest = &bytes[at..];
    let line = &rest[..rest.len().min(NUMBER_MAX + 2)];
    let Some(len) = line.iter().position(|&byte| byte == b'\r') else {
        let hopeless = line.len() > NUMBER_MAX || line.iter().any(|byte| !matches!(byte, b'-' | b'0'..=b'9'));
        return if hopeless { Err(error) } else { Ok(None) };
    };
    let number = parse_i64(&rest[..len]).ok_or(error)?;
    match rest.get(len + 1) {
        Some(b'\n') => Ok(Some((number, at + len + 2))),
        Some(_) => Err(error),
        None => Ok(None),
    }
}

/// A place within `request_max`.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The arguments of one request, in the caller's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    bytes: &'a [u8],
    places: &'a [Range<u32>],
}

impl<'a> Args<'a> {
    /// Arguments kept elsewhere: each place is a range of `bytes`, as a queue of requests keeps them.
    #[must_use]
    pub const fn new(bytes: &'a [u8], places: &'a [Range<u32>]) -> Self {
        Self { bytes, places }
    }

    /// How many there are; the command's name is one of them.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns whether there is none, which no request has.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// One of them, by its place.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let place = self.places.get(index)?;
        Some(&self.bytes[place.start as usize..place.end as usize])
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.bytes;
        self.places.iter().map(move |place| &bytes[place.start as usize..place.end as usize])
    }
}
