//! docs/protocol.md against the codec: its examples are read by the codec, and its tables hold every number there is.
//!
//! A block of the page stands between `<!-- NAME -->` and `<!-- end -->`. After a change that is meant, run this test
//! with `UPDATE_DOCS=1`: it writes the blocks anew, and the difference is to be read.

use std::format;
use std::path::PathBuf;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::*;
use crate::cursor::Cursor;
use crate::error::Misuse;

const HISTORY: HistoryId = HistoryId(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100);
const FIRST: Epoch = Epoch::new(1, 0x1111_1111);
const SECOND: Epoch = Epoch::new(2, 0x2222_2222);
const SNAPSHOT: SnapshotId = SnapshotId(0x5eed_5eed_0000_0001);

/// How a field is shown beside its bytes.
#[derive(Clone, Copy)]
enum Shown {
    Number,
    Bytes,
}
use Shown::{Bytes, Number};

type Field = (&'static str, usize, Shown);

const HEAD: &[Field] = &[
    ("length", 4, Number),
    ("kind", 1, Number),
    ("flags", 1, Number),
    ("stream", 2, Number),
    ("epoch number", 4, Number),
    ("head check", 4, Bytes),
    ("check", 8, Bytes),
];
const HELLO: &[Field] = &[
    ("magic", 8, Bytes),
    ("version, least", 2, Number),
    ("version, most", 2, Number),
    ("features offered", 8, Number),
    ("features required", 8, Number),
    ("longest batch frame", 4, Number),
    ("longest piece", 4, Number),
    ("stream window", 8, Number),
    ("piece window", 8, Number),
    ("node", 8, Number),
    ("incarnation", 8, Bytes),
    ("history", 16, Bytes),
];
const POSITION: &[Field] = &[("position: epoch", 8, Bytes), ("boundary", 8, Number), ("digest", 8, Bytes)];
const JOIN: &[Field] = &[
    ("applied", 8, Number),
    ("persisted", 8, Number),
    ("untaken bytes", 8, Number),
    ("snapshot", 8, Bytes),
    ("next piece", 8, Number),
    ("chain", 8, Bytes),
    ("number", 4, Number),
];
const EPOCHS: &[Field] =
    &[("epoch", 8, Bytes), ("from offset", 8, Number), ("epoch", 8, Bytes), ("from offset", 8, Number)];
const ACK: &[Field] = &[
    ("number of the ADMIT", 4, Number),
    ("flags", 1, Number),
    ("received", 8, Number),
    ("applied", 8, Number),
    ("persisted", 8, Number),
    ("stream bytes released", 8, Number),
    ("piece bytes released", 8, Number),
    ("echo", 8, Number),
];
const BATCH: &[Field] = &[
    ("first offset", 8, Number),
    ("count", 4, Number),
    ("epoch", 8, Bytes),
    ("byte position", 8, Number),
    ("Unix time, ns", 8, Number),
    ("parent digest", 8, Bytes),
    ("raw length", 4, Number),
    ("record: length, flags", 4, Number),
    ("its bytes", 5, Bytes),
    ("record: length, flags", 4, Number),
    ("its bytes", 3, Bytes),
];
const CURSOR: &[Field] =
    &[("version", 2, Number), ("epochs", 2, Number), ("zero", 4, Number), ("history", 16, Bytes)];

struct Example {
    name: &'static str,
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

fn position() -> Position {
    Position { epoch: SECOND, boundary: Offset(42), digest: 0x8899_aabb_ccdd_eeff }
}

fn table() -> EpochTable {
    let mut table = EpochTable::EMPTY;
    assert!(table.open(FIRST, Offset(0)) && table.open(SECOND, Offset(40)));
    table
}

fn cursor() -> Cursor {
    Cursor::new(HISTORY, position(), table().entries())
}

fn hello(node: u64, history: HistoryId) -> Hello {
    Hello {
        version_min: 1,
        version_max: 1,
        features_offered: 0,
        features_required: 0,
        frame_bytes_max: 16 << 20,
        piece_bytes_max: 256 << 10,
        window_bytes: 16 << 20,
        piece_window_bytes: 1 << 20,
        node: NodeId(node),
        incarnation: 0x0123_4567_89ab_cdef,
        history,
    }
}

fn join() -> Join {
    Join {
        can_rewind: false,
        adopt: false,
        base: true,
        volatile: false,
        snapshot_complete: false,
        history: HISTORY,
        position: position(),
        applied: Offset(42),
        persisted: Offset(41),
        untaken_bytes: 0,
        snapshot: SnapshotId(0),
        next_piece: 0,
        chain: 0,
        number: 1,
        epochs: table(),
    }
}

fn admit() -> Admit {
    Admit {
        number: 1,
        verdict: Verdict::Continue,
        history: HISTORY,
        from: position(),
        snapshot: SnapshotId(0),
        next_piece: 0,
        fork: None,
        join: 1,
        epochs: table(),
    }
}

fn ack() -> Ack {
    Ack {
        admit: 1,
        base: true,
        volatile: false,
        received: Offset(44),
        applied: Offset(43),
        persisted: Offset(42),
        stream_released: 88,
        pieces_released: 0,
        echo: 3,
    }
}

fn beat() -> Beat {
    Beat { number: 3, origin_unix_ns: 1_790_000_000_000_000_000, origin_end: Offset(44), end: Offset(44) }
}

fn goodbye() -> Goodbye {
    Goodbye { fault: Fault::HistoryDiffers, retry_after: Span::from_secs(5) }
}

fn batch() -> (Vec<u8>, BatchHead) {
    let head = BatchHead {
        first: Offset(42),
        count: 0,
        epoch: SECOND,
        byte_position: 176,
        unix_ns: 1_790_000_000_000_000_000,
        parent: position().digest,
        raw_length: 0,
    };
    let (frame, head, _) = super::batch(head, &[b"hello".to_vec(), b"you".to_vec()], 0);
    (frame, head)
}

fn framed(encode: impl FnOnce(&mut [u8]) -> usize) -> Vec<u8> {
    let mut scratch = vec![0; SCRATCH_BYTES];
    let length = encode(&mut scratch);
    scratch.truncate(length);
    scratch
}

fn example(name: &'static str, bytes: Vec<u8>, parts: &[&[Field]]) -> Example {
    let fields = parts.concat();
    assert_eq!(
        fields.iter().map(|field| field.1).sum::<usize>(),
        bytes.len(),
        "{name}: every byte has a name"
    );
    Example { name, bytes, fields }
}

fn piece() -> Vec<u8> {
    let mut frame = framed(|scratch| encode_piece(scratch, SNAPSHOT, 0, b"the whole view"));
    seal_piece(&mut frame, true, 2, 0);
    frame
}

fn examples() -> Vec<Example> {
    let view = cursor();
    let begin = Begin { snapshot: SNAPSHOT, bytes: u64::MAX, cursor: view.as_bytes() };
    let begin = framed(|scratch| begin.encode(scratch, 2));
    let history = |name| [(name, 16, Bytes)];
    let cursor_fields = [CURSOR, POSITION, EPOCHS, &[("check", 8, Bytes)]].concat();
    let count = &[("epochs", 1, Number)][..];
    let admit_head = &[("number", 4, Number), ("verdict", 1, Number), ("forked", 1, Number)][..];
    let admit_rest = &[
        ("snapshot", 8, Bytes),
        ("next piece", 8, Number),
        ("fork", 8, Number),
        ("number of the JOIN", 4, Number),
    ][..];
    let goodbye_fields = &[("fault", 2, Number), ("retry after, ns", 8, Number)][..];
    let beat_fields = &[
        ("number", 8, Number),
        ("origin's Unix time, ns", 8, Number),
        ("origin's end", 8, Number),
        ("own end", 8, Number),
    ][..];
    let begin_fields = &[("snapshot", 8, Bytes), ("bytes, all ones: unknown", 8, Bytes)][..];
    let piece_fields = &[("snapshot", 8, Bytes), ("piece", 8, Number), ("data", 14, Bytes)][..];
    let at = &history("history")[..];
    let welcome = |scratch: &mut [u8]| hello(1, HISTORY).encode(scratch, FrameKind::Welcome, 2);
    let hello = |scratch: &mut [u8]| hello(2, HISTORY).encode(scratch, FrameKind::Hello, 2);
    let join_flags = &[("flags", 1, Number)][..];
    let join = framed(|scratch| join().encode(scratch, 2));
    let admit = framed(|scratch| admit().encode(scratch, 2));
    vec![
        example("hello", framed(hello), &[HEAD, HELLO]),
        example("welcome", framed(welcome), &[HEAD, HELLO]),
        example("join", join, &[HEAD, join_flags, at, POSITION, JOIN, count, EPOCHS]),
        example("admit", admit, &[HEAD, admit_head, at, POSITION, admit_rest, count, EPOCHS]),
        example("goodbye", framed(|scratch| goodbye().encode(scratch, 2)), &[HEAD, goodbye_fields]),
        example("beat", framed(|scratch| beat().encode(scratch, 2)), &[HEAD, beat_fields]),
        example("ack", framed(|scratch| ack().encode(scratch, 2)), &[HEAD, ACK]),
        example("batch", batch().0, &[HEAD, BATCH]),
        example("begin", begin, &[HEAD, begin_fields, &cursor_fields]),
        example("piece", piece(), &[HEAD, piece_fields]),
        example("cursor", cursor().as_bytes().to_vec(), &[&cursor_fields]),
    ]
}

impl Example {
    /// A line for each field: its bytes, its name, its value where it is a number.
    fn block(&self) -> String {
        let mut text = String::from("```text\n");
        let mut at = 0;
        for (name, length, shown) in &self.fields {
            let bytes = &self.bytes[at..at + length];
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let value = match shown {
                Number => {
                    let number = bytes.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
                    format!(" {number}")
                }
                Bytes => String::new(),
            };
            text += &format!("{at:>4}  {hex:<32}  {name}{value}\n");
            at += length;
        }
        text + "```\n"
    }
}

fn numbers<T: Copy + ToString>(all: &[T], number: impl Fn(T) -> u16, name: impl Fn(T) -> String) -> String {
    let mut text = String::from("| number | name | meaning |\n|---|---|---|\n");
    for one in all {
        text += &format!("| {} | {} | {} |\n", number(*one), name(*one), one.to_string());
    }
    text
}

fn blocks() -> Vec<(&'static str, String)> {
    let mut blocks: Vec<(&str, String)> =
        examples().iter().map(|example| (example.name, example.block())).collect();
    blocks.push(("faults", numbers(Fault::ALL, Fault::number, |fault| format!("{fault:?}"))));
    blocks.push(("misuses", numbers(Misuse::ALL, Misuse::number, |misuse| format!("{misuse:?}"))));
    blocks
}

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md")
}

/// The block of a name in the page: where its text begins and ends.
fn place(text: &str, name: &str) -> (usize, usize) {
    let mark = format!("<!-- {name} -->\n\n");
    let begin = text.find(&mark).unwrap_or_else(|| panic!("the page has no block {name}")) + mark.len();
    let length = text[begin..].find("\n<!-- end -->").expect("a block has an end");
    (begin, begin + length)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the one who runs the test says whether the page may change")]
fn the_pages_blocks_are_what_the_codec_says() {
    let mut text = std::fs::read_to_string(page()).expect("docs/protocol.md");
    let update = std::env::var("UPDATE_DOCS").is_ok();
    for (name, block) in blocks() {
        let (begin, end) = place(&text, name);
        if update {
            text.replace_range(begin..end, &block);
        } else {
            assert_eq!(
                &text[begin..end],
                block,
                "block {name}: run with UPDATE_DOCS=1 if the change is meant"
            );
        }
    }
    if update {
        std::fs::write(page(), text).expect("docs/protocol.md can be written");
    }
}

/// The bytes in a block: the second column of its lines.
fn bytes_in(name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(page()).expect("docs/protocol.md");
    let (begin, end) = place(&text, name);
    let mut bytes = Vec::new();
    for line in text[begin..end].lines().filter(|line| !line.starts_with("```")) {
        let hex = line.split_whitespace().nth(1).expect("a line has an offset and bytes");
        let pairs = hex.as_bytes().chunks(2);
        let pair = |pair| u8::from_str_radix(str::from_utf8(pair).expect("hex"), 16).expect("hex");
        bytes.extend(pairs.map(pair));
    }
    bytes
}

#[test]
fn the_pages_examples_are_read_by_the_codec() {
    let read = |name, kind| {
        let frame = bytes_in(name);
        let head = decode_head(&frame).expect("a sound head");
        assert_eq!((head.kind, head.length as usize, head.epoch_number), (Some(kind), frame.len(), 2));
        if kind != FrameKind::Batch {
            assert_eq!(verify(&frame, 0, head.check), Ok(()), "{name}");
        }
        frame
    };
    assert_eq!(Hello::decode(body(&read("hello", FrameKind::Hello))), Ok(hello(2, HISTORY)));
    assert_eq!(Hello::decode(body(&read("welcome", FrameKind::Welcome))), Ok(hello(1, HISTORY)));
    assert_eq!(Join::decode(body(&read("join", FrameKind::Join))), Ok(join()));
    assert_eq!(Admit::decode(body(&read("admit", FrameKind::Admit))), Ok(admit()));
    assert_eq!(Goodbye::decode(body(&read("goodbye", FrameKind::Goodbye))), Ok(goodbye()));
    assert_eq!(Beat::decode(body(&read("beat", FrameKind::Beat))), Ok(beat()));
    assert_eq!(Ack::decode(body(&read("ack", FrameKind::Ack))), Ok(ack()));
    let frame = read("batch", FrameKind::Batch);
    let head = BatchHead::decode(&frame);
    assert_eq!(head, batch().1);
    assert_eq!(batch::verify(&frame, &head, decode_head(&frame).expect("sound").check), Ok(()));
    let records: Vec<&[u8]> = crate::Records::new(&frame[BATCH_HEAD_BYTES..]).collect();
    assert_eq!(records, [&b"hello"[..], b"you"]);
    let begin = read("begin", FrameKind::Begin);
    let begin = Begin::decode(body(&begin)).expect("a BEGIN");
    assert_eq!((begin.snapshot, begin.cursor), (SNAPSHOT, cursor().as_bytes()));
    assert_eq!(bytes_in("piece"), piece());
    read("piece", FrameKind::Piece);
    assert_eq!(Cursor::describe(&bytes_in("cursor")), Some((HISTORY, super::page::position())));
}
