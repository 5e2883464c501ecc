use super::{Parsed, ProtocolError, RequestLimits, RequestReader};
use proptest::collection::vec;
use proptest::prelude::*;
use std::string::{String, ToString};
use std::vec::Vec;

const LIMITS: RequestLimits =
    RequestLimits { args_max: 100, bulk_max: 500, inline_max: 64, request_max: 2000 };

/// All that comes of a stream of bytes: the requests that ask for something, and how it ended.
type Outcome = (Vec<Vec<Vec<u8>>>, Result<usize, ProtocolError>);

/// Reads a stream that comes in parts of these lengths, then the rest.
fn read_all(bytes: &[u8], lengths: &[usize], limits: RequestLimits) -> Outcome {
    let mut reader = RequestReader::new(limits);
    let (mut requests, mut begin, mut came) = (Vec::new(), 0, 0);
    for len in lengths.iter().copied().chain([bytes.len()]) {
        came = (came + len).min(bytes.len());
        loop {
            let seen = &bytes[begin..came];
            match reader.read(seen) {
                Ok(Parsed::Request { used }) => {
                    assert!(!reader.args(seen).is_empty());
                    requests.push(reader.args(seen).iter().map(<[u8]>::to_vec).collect());
                    begin += used;
                }
                Ok(Parsed::Empty { used }) => begin += used,
                Ok(Parsed::NeedBytes { need }) => {
                    assert!(need > seen.len(), "needs more than it has");
                    assert!(need <= limits.request_max as usize + super::NUMBER_MAX + 4);
                    break;
                }
                Err(error) => return (requests, Err(error)),
            }
            assert!(reader.args.capacity() <= 2 * seen.len().max(4), "room follows what came");
        }
    }
    (requests, Ok(bytes.len() - begin))
}

fn one(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ProtocolError> {
    let (mut requests, end) = read_all(bytes, &[], LIMITS);
    assert_eq!(end?, 0, "whole");
    Ok(requests.pop().unwrap_or_default())
}

#[test]
fn arrays_and_lines() {
    assert_eq!(one(b"*2\r\n$4\r\nECHO\r\n$2\r\n\r\n\r\n").expect("reads"), [&b"ECHO"[..], b"\r\n"]);
    assert_eq!(one(b"*1\r\n$0\r\n\r\n").expect("reads"), [b""]);
    assert_eq!(one(b"PING\r\n").expect("reads"), [b"PING"]);
    assert_eq!(one(b"SET k \"a b\"\n").expect("reads"), [&b"SET"[..], b"k", b"a b"]);
    assert_eq!(one(b"$4\r\n").expect("a line like any other"), [b"$4"]);
    for nothing in [&b"\r\n"[..], b"\n", b" \r\n", b"*0\r\n", b"*-1\r\n", b"*-10\r\n"] {
        assert_eq!(one(nothing).expect("reads"), Vec::<Vec<u8>>::new(), "{}", nothing.escape_ascii());
    }
}

#[test]
fn what_is_wrong_is_told_in_the_words_of_redis() {
    let long_line = [b'x'; 66];
    let cases: [(&[u8], &str); 25] = [
        (b"*x\r\n", "invalid multibulk length"),
        (b"*\r\n", "invalid multibulk length"),
        (b"*+1\r\n", "invalid multibulk length"),
        (b"*01\r\n", "invalid multibulk length"),
        (b"*-0\r\n", "invalid multibulk length"),
        (b"*1\rx", "invalid multibulk length"),
        (b"*101\r\n", "invalid multibulk length"),
        (b"*99999999999999999999\r\n", "invalid multibulk length"),
        (b"*111111111111111111111", "invalid multibulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (b"*1\r\n$\r\n", "invalid bulk length"),
        (b"*1\r\n$501\r\n", "invalid bulk length"),
        (b"*1\r\n$4294967297\r\n", "invalid bulk length"),
        (b"*1\r\n$1\r\nxyz", "invalid bulk length"),
        (b"*1\r\n$1\nx", "invalid bulk length"),
        (b"*1\r\n*", "expected '$', got '*'"),
        (b"*2\r\n$1\r\na\r\n:1\r\n", "expected '$', got ':'"),
        (b"*1\r\n\r\n", "expected '$', got ' '"),
        (&long_line, "too big inline request"),
        (b"say \"hi\r\n", "unbalanced quotes in request"),
        (b"\"a\"b\r\n", "unbalanced quotes in request"),
        (b"*5\r\n$490\r\n", "ok"),
        (b"*1", "ok"),
        (b"*1\r\n$4\r\nPI", "ok"),
    ];
    for (bytes, text) in cases {
        let end = read_all(bytes, &[], LIMITS).1;
        let said = end.map_or_else(|error| error.to_string(), |_| "Protocol error: ok".to_string());
        assert_eq!(said, ["Protocol error: ", text].concat(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn the_whole_request_has_a_limit() {
    let bulk = [&b"$500\r\n"[..], &[b'v'; 500], b"\r\n"].concat();
    let bytes = [b"*4\r\n", &bulk[..], &bulk, &bulk, b"$400\r\n"].concat();
    assert_eq!(read_all(&bytes, &[], LIMITS).1, Ok(bytes.len()));
    let bytes = [b"*4\r\n", &bulk[..], &bulk, &bulk, b"$500\r\n"].concat();
    assert_eq!(read_all(&bytes, &[], LIMITS).1, Err(ProtocolError::RequestTooBig));
    let few = RequestLimits { args_max: 2, ..LIMITS };
    assert_eq!(read_all(b"a b c\r\n", &[], few).1, Err(ProtocolError::TooManyArgs));
}

#[test]
fn a_claim_reserves_nothing() {
    let mut reader = RequestReader::new(RequestLimits::REDIS);
    let claim = b"*1048576\r\n$536870912\r\n";
    assert_eq!(reader.read(claim), Ok(Parsed::NeedBytes { need: claim.len() + (512 << 20) + 2 }));
    assert_eq!(reader.args.capacity(), 0);
    assert_eq!(reader.read(b"*1048577\r\n"), Ok(Parsed::NeedBytes { need: claim.len() + (512 << 20) + 2 }));
}

#[test]
fn nesting_is_refused_at_its_first_byte() {
    let nested = b"*1\r\n".repeat(200_000);
    assert_eq!(read_all(&nested, &[], LIMITS).1, Err(ProtocolError::ExpectedBulk(b'*')));
}

#[test]
fn a_request_in_many_parts_is_read_once() {
    let mut bytes = b"*20000\r\n".to_vec();
    bytes.extend(b"$1\r\nx\r\n".repeat(20_000));
    let mut reader = RequestReader::new(RequestLimits::REDIS);
    for len in 0..bytes.len() {
        assert!(matches!(reader.read(&bytes[..len]), Ok(Parsed::NeedBytes { .. })));
        assert!(reader.at + 16 > len, "at most one head line is read again");
    }
    assert_eq!(reader.read(&bytes), Ok(Parsed::Request { used: bytes.len() }));
    assert_eq!(reader.args(&bytes).len(), 20_000);
    assert_eq!(reader.read(b"PING\r\n"), Ok(Parsed::Request { used: 6 }));
    assert!(reader.args.capacity() <= super::ARGS_KEPT, "room for many arguments is given back");
}

/// Requests as clients send them: mostly arrays, some lines, some that ask for nothing.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let array = vec(prop_oneof![vec(any::<u8>(), 0..12), vec(any::<u8>(), 95..105)], 1..5).prop_map(|args| {
        let mut bytes = std::format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            bytes.extend(std::format!("${}\r\n", arg.len()).bytes());
            bytes.extend(arg);
            bytes.extend(b"\r\n");
        }
        bytes
    });
    let line = "[a-z\"' ]{0,12}\r?\n".prop_map(String::into_bytes);
    let empty = prop_oneof![Just(b"*0\r\n".to_vec()), Just(b"*-1\r\n".to_vec()), Just(b"\r\n".to_vec())];
    vec(prop_oneof![6 => array, 1 => line, 1 => empty], 0..6).prop_map(|parts| parts.concat())
}

/// A stream and a few bytes of it changed for others, mostly for those that mean something.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"*$\r\n0123456789-+\"' x".to_vec())];
    (stream(), vec((any::<prop::sample::Index>(), byte), 0..4)).prop_map(|(mut bytes, edits)| {
        for (place, byte) in edits {
            if !bytes.is_empty() {
                let at = place.index(bytes.len());
                bytes[at] = byte;
            }
        }
        bytes
    })
}

/// Returns whether redis's rules for this line are not simply "split at white space, end at `\r\n`", which is what
/// kevy-resp does: quotes, white space that only begins words, and lone line feeds.
fn beyond_kevy(request: &[u8]) -> bool {
    let line = request.strip_suffix(b"\r\n").unwrap_or(request);
    request[0] != b'*' && line.iter().any(|byte| matches!(byte, b'"' | b'\'' | 0x0b | 0x0c | b'\n'))
}

proptest! {
    #[test]
    fn any_split_gives_the_same(bytes in mutated(), lengths in vec(0..30_usize, 0..60)) {
        prop_assert_eq!(read_all(&bytes, &lengths, LIMITS), read_all(&bytes, &[], LIMITS));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..200), lengths in vec(0..30_usize, 0..8)) {
        prop_assert_eq!(read_all(&bytes, &lengths, LIMITS), read_all(&bytes, &[], LIMITS));
    }

    /// A second reader of the same protocol, written by others. Where both take a request they take the same;
    /// what only one takes is listed here. (kevy-resp takes `+` and leading zeros in lengths and ends a line at
    /// `\r\n` only; it has no limits.)
    #[test]
    fn kevy_resp_agrees(bytes in mutated()) {
        let mut rest = &bytes[..];
        let mut reader = RequestReader::new(LIMITS);
        while !rest.is_empty() {
            let ours = reader.read(rest);
            let theirs = kevy_resp::parse_command(rest);
            let used = match ours {
                Ok(Parsed::Request { used } | Parsed::Empty { used }) => used,
                Ok(Parsed::NeedBytes { .. }) => {
                    // Digits that cannot become a number are refused at the next byte here, there at the line end.
                    prop_assert!(!matches!(theirs, Ok(Some(_))), "they found one");
                    break;
                }
                Err(_) => break,
            };
            if beyond_kevy(&rest[..used]) || rest[..used].strip_suffix(b"\r\n").is_none() {
                rest = &rest[used..];
                continue;
            }
            let (argv, length) = theirs.expect("they take it").expect("they find it");
            prop_assert_eq!(length, used);
            let wanted: Vec<&[u8]> = argv.iter().collect();
            let found: Vec<&[u8]> = match ours {
                Ok(Parsed::Request { .. }) => reader.args(rest).iter().collect(),
                Ok(Parsed::Empty { .. } | Parsed::NeedBytes { .. }) | Err(_) => Vec::new(),
            };
            prop_assert_eq!(found, wanted);
            rest = &rest[used..];
        }
    }
}
