//! The bytes of a client to a server: cut in any way, they are the same requests and the same end.
//!
//! The first four bytes choose limits and how the rest is cut; the rest is the client's bytes. Each request that is
//! found is written again as clients write it, and must read as the same arguments.

use towline_kv::{Parsed, ProtocolError, RequestLimits, RequestReader};

use crate::Marks;

/// The situations that the corpus must reach.
pub const MUST_SEE: &[&str] = &[
    "array",
    "inline",
    "empty",
    "unfinished",
    "refused: length of an array",
    "refused: length of a bulk",
    "refused: no bulk",
    "refused: inline too big",
    "refused: quotes",
    "refused: too many arguments",
    "refused: too big",
];

/// The requests of a connection, and its end.
#[derive(Debug, PartialEq, Eq, Default)]
struct Said {
    requests: Vec<Vec<Vec<u8>>>,
    empties: usize,
    error: Option<ProtocolError>,
    rest: usize,
}

/// Reads `sent` whole and cut.
pub fn run(data: &[u8]) -> Marks {
    let mut marks = Marks::default();
    let Some(([args, bulk, inline, cuts], sent)) = data.split_first_chunk() else { return marks };
    let limits = RequestLimits {
        args_max: u32::from(*args),
        bulk_max: u32::from(*bulk) * 8,
        inline_max: u32::from(*inline),
        request_max: 1024,
    };
    let whole = read(limits, sent, sent.len().max(1));
    let cut = read(limits, sent, 1 + usize::from(cuts % 64));
    assert_eq!(whole, cut, "however it is cut");
    assert_eq!(whole, read(limits, sent, 1), "byte by byte");
    for request in &whole.requests {
        again(request);
    }
    note(&whole, sent, &mut marks);
    marks
}

/// Reads as a server does: from the first byte of an unread request, with more bytes each time.
fn read(limits: RequestLimits, sent: &[u8], portion: usize) -> Said {
    let mut reader = RequestReader::new(limits);
    let (mut said, mut at, mut come) = (Said::default(), 0, 0);
    while come < sent.len() {
        come = (come + portion).min(sent.len());
        while at < come {
            let bytes = &sent[at..come];
            match reader.read(bytes) {
                Ok(Parsed::Request { used }) => {
                    assert!(0 < used && used <= bytes.len());
                    let args: Vec<Vec<u8>> = reader.args(bytes).iter().map(<[u8]>::to_vec).collect();
                    assert!(!args.is_empty() && args.len() <= limits.args_max as usize);
                    said.requests.push(args);
                    at += used;
                }
                Ok(Parsed::Empty { used }) => {
                    assert!(0 < used && used <= bytes.len());
                    said.empties += 1;
                    at += used;
                }
                Ok(Parsed::NeedBytes { need }) => {
                    assert!(need > bytes.len(), "it has what it needs");
                    assert!(need <= limits.request_max as usize + 64, "nothing is believed beyond the limit");
                    break;
                }
                Err(error) => {
                    said.error = Some(error);
                    return said;
                }
            }
        }
    }
    said.rest = sent.len() - at;
    said
}

/// Checks that a request, written as clients write it, reads as itself.
fn again(request: &[Vec<u8>]) {
    let mut bytes = format!("*{}\r\n", request.len()).into_bytes();
    for arg in request {
        bytes.extend(format!("${}\r\n", arg.len()).bytes());
        bytes.extend_from_slice(arg);
        bytes.extend(b"\r\n");
    }
    let mut reader = RequestReader::new(RequestLimits::REDIS);
    assert_eq!(reader.read(&bytes), Ok(Parsed::Request { used: bytes.len() }));
    assert!(reader.args(&bytes).iter().eq(request.iter().map(Vec::as_slice)));
}

fn note(said: &Said, sent: &[u8], marks: &mut Marks) {
    marks.hit_if(said.empties > 0, "empty");
    marks.hit_if(said.rest > 0, "unfinished");
    if !said.requests.is_empty() {
        marks.hit(if sent[0] == b'*' { "array" } else { "inline" });
    }
    if let Some(error) = said.error {
        marks.hit(match error {
            ProtocolError::MultibulkLength => "refused: length of an array",
            ProtocolError::BulkLength => "refused: length of a bulk",
            ProtocolError::ExpectedBulk(_) => "refused: no bulk",
            ProtocolError::InlineTooBig => "refused: inline too big",
            ProtocolError::UnbalancedQuotes => "refused: quotes",
            ProtocolError::TooManyArgs => "refused: too many arguments",
            ProtocolError::RequestTooBig => "refused: too big",
        });
    }
}
