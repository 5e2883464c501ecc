//! `docs/records.md` is the specification, so every example in it is taken out of it here and checked.
//!
//! An example is a fenced block whose info string says what it is: `effect`, `refused`, `digest`, `store`, `snapshot`.
//! The page says how they are written. Blocks of other kinds are text.

use std::iter::Peekable;
use std::str::Chars;

use towline_kv::{Digest, Effect, ExpiryMs, SnapshotReader, SnapshotWriter, Table, effects};

const PAGE: &str = include_str!("../../docs/records.md");

/// An entry as an example writes it: key, expiry, value.
type Held = (Vec<u8>, Option<ExpiryMs>, Vec<u8>);

/// The blocks of one kind: the lines of each, as first word and rest.
fn blocks(kind: &str) -> Vec<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let body = lines.by_ref().take_while(|line| *line != "```");
        let body: Vec<_> = body.map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
        if info == kind {
            found.push(body);
        }
    }
    assert!(!found.is_empty(), "no {kind} examples");
    found
}

/// Bytes as the page writes them, to the end of the line or to a closing quote.
fn bytes(text: &mut Peekable<Chars<'_>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(char) = text.next_if(|char| *char != '"') {
        bytes.push(match char {
            '\\' => match text.next().expect("something behind a backslash") {
                'r' => b'\r',
                'n' => b'\n',
                'x' => {
                    let digits: String = [text.next(), text.next()].into_iter().flatten().collect();
                    u8::from_str_radix(&digits, 16).expect("two hex digits")
                }
                quoted @ ('"' | '\\') => u8::try_from(quoted).expect("ASCII"),
                other => panic!("\\{other}"),
            },
            plain => u8::try_from(plain).expect("ASCII"),
        });
    }
    bytes
}

fn plain(text: &str) -> Vec<u8> {
    bytes(&mut text.chars().peekable())
}

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect()
}

/// Quoted strings, and bare words as they are.
fn words(text: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        match first {
            ' ' => {}
            '"' => {
                words.push(bytes(&mut chars));
                assert_eq!(chars.next(), Some('"'), "{text}");
            }
            other => {
                let mut word = vec![u8::try_from(other).expect("ASCII")];
                while let Some(char) = chars.next_if(|char| *char != ' ') {
                    word.push(u8::try_from(char).expect("ASCII"));
                }
                words.push(word);
            }
        }
    }
    words
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(word: &[u8]) -> T {
    str::from_utf8(word).expect("ASCII").parse().expect("a number")
}

fn expiry(word: &[u8]) -> Option<ExpiryMs> {
    (word != b"-").then(|| ExpiryMs::new(number(word)).expect("in range"))
}

/// `"key" expiry "value"`, or `"key" expiry "byte" * times`.
fn entry(text: &str) -> Held {
    let words = words(text);
    let value = match words.get(4) {
        Some(times) => words[2].repeat(number(times)),
        None => words[2].clone(),
    };
    (words[0].clone(), expiry(&words[1]), value)
}

fn encode(text: &str, out: &mut Vec<u8>) {
    let words = words(text);
    let word = |at: usize| &words[at][..];
    let effect = match word(0) {
        b"SET" => Effect::Set { key: word(1), value: word(2) },
        b"DEL" => Effect::Del { key: word(1) },
        b"PEXPIREAT" => Effect::PExpireAt { key: word(1), at: expiry(word(2)).expect("an expiry") },
        b"PERSIST" => Effect::Persist { key: word(1) },
        b"APPEND" => Effect::Append { key: word(1), value: word(2) },
        b"INCRBY" => Effect::IncrBy { key: word(1), by: number(word(2)) },
        b"FLUSHALL" => Effect::FlushAll,
        other => panic!("{}", other.escape_ascii()),
    };
    effect.encode(out);
}

fn all(table: &Table) -> Vec<Held> {
    table.iter().map(|(key, entry)| (key.to_vec(), entry.expiry, entry.value.to_vec())).collect()
}

#[test]
fn effects_and_records() {
    let examples = blocks("effect");
    for block in &examples {
        let (mut record, mut given, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for (what, text) in block {
            match *what {
                "effect" => encode(text, &mut record),
                "bytes" => given = plain(text),
                "hex" => again.extend(hex(text)),
                other => panic!("{other}"),
            }
        }
        assert_eq!(record, given, "{block:?}");
        assert!(again.is_empty() || again == given, "{block:?}");
        assert!(effects(&given).all(|effect| effect.is_ok()), "{block:?}");
    }
    for verb in ["SET", "DEL", "PEXPIREAT", "PERSIST", "APPEND", "INCRBY", "FLUSHALL"] {
        assert!(examples.iter().any(|block| block[0].1.split(' ').next() == Some(verb)), "{verb}");
    }
}

#[test]
fn what_is_not_a_record() {
    for (what, text) in blocks("refused").concat() {
        match what {
            "#" => {}
            "bytes" => assert!(effects(&plain(text)).any(|effect| effect.is_err()), "{text}"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn known_digests() {
    for block in blocks("digest") {
        let mut sum = Digest::EMPTY;
        let mut held = None;
        for (what, text) in &block {
            match *what {
                "entry" => {
                    let (key, expiry, value) = entry(text);
                    sum.add(Digest::of_entry(&key, expiry, &value));
                    held = Some((key, expiry, value));
                }
                "layout" => {
                    let (key, expiry, value) = held.clone().expect("an entry before its layout");
                    let key_len = u32::try_from(key.len()).expect("short").to_le_bytes();
                    let expiry = ExpiryMs::word(expiry).to_le_bytes();
                    assert_eq!([&key_len, &key[..], &expiry, &value].concat(), hex(text), "{block:?}");
                }
                "digest" => assert_eq!(sum.to_string(), *text, "{block:?}"),
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn records_and_what_they_leave() {
    for block in blocks("store") {
        let mut table = Table::new();
        let mut told: Vec<Held> = Vec::new();
        for (at, (what, text)) in block.iter().enumerate() {
            match *what {
                "record" => {
                    table.apply(&plain(text)).expect("a record");
                    told.clear();
                }
                "entry" => told.push(entry(text)),
                "digest" => assert_eq!(table.digest().to_string(), *text),
                other => panic!("{other}"),
            }
            // The entries behind a record are all that it leaves.
            if block.get(at + 1).is_none_or(|(next, _)| *next == "record") {
                assert_eq!(all(&table), told, "line {at}");
            }
        }
    }
}

#[test]
fn snapshots() {
    let mut ours = 0;
    for block in blocks("snapshot") {
        let lines = |what| block.iter().filter(move |line| line.0 == what).map(|line| line.1);
        let entries: Vec<Held> = lines("entry").map(entry).collect();
        let pieces: Vec<Vec<u8>> = lines("piece").map(plain).collect();
        let (mut reader, mut table) = (SnapshotReader::new(1 << 20), Table::new());
        for piece in &pieces {
            let mut rest = &piece[..];
            while let Some(effect) = reader.next(&mut rest).expect("canonical") {
                table.apply_effect(&effect).expect("SET and PEXPIREAT never fail");
            }
        }
        reader.finish().expect("whole");
        assert_eq!(all(&table), entries);

        let mut writer = SnapshotWriter::new(64);
        let (mut left, mut written) = (entries.iter(), Vec::new());
        loop {
            while writer.wants_more() {
                let Some((key, expiry, value)) = left.next() else { break };
                writer.push(key, *expiry, value);
            }
            let piece = writer.next_piece();
            written.push(piece.data.to_vec());
            if piece.held == 0 && left.len() == 0 {
                break;
            }
        }
        assert_eq!(written.concat(), pieces.concat());
        ours += usize::from(written == pieces);
    }
    assert_eq!(ours, 1, "one example is cut at 64 bytes as the writer cuts");
}
