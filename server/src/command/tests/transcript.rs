//! Plays a transcript: a text of requests, of events around them, and of all results.
//!
//! - `# text` and empty lines are for the reader.
//! - `> request` is sent as a line, as a person would type it; `{x*900}` in it is 900 times x.
//! - `@ event` changes the node: see [`Player::event`].
//! - Below a request is its reply, a line for a line, then `= record` for each record it wrote and `! outcome` if it
//!   ended in more than a reply.
//!
//! `TRANSCRIPTS=write cargo test -p towline-server` writes the results into the files; review the difference before you
//! keep it.

use std::path::Path;

use towline_core::Epoch;
use towline_kv::{Effect, effects};

use super::fake::FakeBackend;
use crate::command::{Client, Outcome, Session, Then, request_limits};
use towline_driver::Refusal;

/// The most bytes of a key or value that are shown in full.
const SHOWN_MAX: usize = 100;

/// A client and its node.
struct Player {
    backend: FakeBackend,
    session: Session,
    told: String,
}

/// Plays the transcript in `tests/<name>.txt` and compares.
pub(crate) fn play(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/command/tests").join(format!("{name}.txt"));
    let expected = std::fs::read_to_string(&path).expect("the transcript is there");
    let told = Player::new().play(&expected);
    if std::env::var_os("TRANSCRIPTS").is_some_and(|what| what == "write") {
        std::fs::write(&path, &told).expect("the transcript can be written");
        return;
    }
    for (number, (was, now)) in expected.lines().zip(told.lines()).enumerate() {
        assert_eq!(now, was, "{name}.txt:{}", number + 1);
    }
    assert_eq!(told.lines().count(), expected.lines().count(), "{name}.txt: lines");
}

pub(crate) fn client() -> Client {
    let now_ms = super::fake::BEGIN_MS;
    Client::new(7, "127.0.0.1:50000".to_owned(), "127.0.0.1:7000".to_owned(), now_ms)
}

impl Player {
    fn new() -> Self {
        let session = Session::new(client(), request_limits(1000));
        Self { backend: FakeBackend::new(), session, told: String::new() }
    }

    fn play(mut self, transcript: &str) -> String {
        for line in transcript.lines() {
            let kept = line.is_empty() || line.starts_with(['#', '@', '>']);
            // No reply looks like these lines: see `shown`.
            if kept {
                self.told.push_str(line);
                self.told.push('\n');
            }
            if let Some(event) = line.strip_prefix("@ ") {
                self.event(event);
            } else if let Some(request) = line.strip_prefix("> ") {
                self.request(request);
            }
        }
        self.told
    }

    /// Plays `clock +n` (milliseconds), `replica`, `primary`, `promoted`, `broken`, `disk`, `kept n` (so much is on
    /// it), `replicas a b ..` (the offsets that they applied), `forked n m` (the history of now parts at n from ours
    /// and ends at m), `loading` and `loaded`, `others` (another client connects), `other request` (another client's
    /// request), `replies n` (the longest reply).
    fn event(&mut self, event: &str) {
        let words: Vec<&str> = event.split(' ').collect();
        match words.as_slice() {
            ["clock", by] => self.backend.now_ms += by.parse::<u64>().expect("milliseconds"),
            ["replica"] => self.backend.refusal = Some(Refusal::ReadOnly),
            ["primary"] => self.backend.refusal = None,
            ["promoted"] => self.backend.refusal = Some(Refusal::NotNow),
            ["broken"] => self.backend.refusal = Some(Refusal::Store("disk full\r\nreally".to_owned())),
            ["other", ..] => {
                let mut other = Session::new(client(), request_limits(1000));
                let request = event.strip_prefix("other ").expect("a request");
                other.run(format!("{request}\r\n").as_bytes(), &mut self.backend, &mut Vec::new());
                self.backend.records.clear();
            }
            ["replies", max] => self.backend.reply_bytes_max = max.parse().expect("bytes"),
            ["disk"] => (self.backend.disk, self.backend.kept) = (true, self.backend.offset),
            ["kept", upto] => self.backend.kept = upto.parse().expect("an offset"),
            ["forked", at, end] => {
                let at = at.parse().expect("an offset");
                self.backend.epochs.push((Epoch::new(4, 0xd1ce), at));
                self.backend.offset = end.parse().expect("an offset");
            }
            ["loading"] => self.backend.loading = true,
            ["loaded"] => self.backend.loading = false,
            ["others"] => self.backend.others.push(Client { id: 8, name: "other".to_owned(), ..client() }),
            ["replicas", applied @ ..] => {
                self.backend.replicas = applied.iter().map(|at| at.parse().expect("an offset")).collect();
            }
            _ => panic!("no such event: {event}"),
        }
    }

    fn request(&mut self, request: &str) {
        let mut out = Vec::new();
        let line = format!("{}\r\n", expanded(request));
        let mut ran = self.session.run(line.as_bytes(), &mut self.backend, &mut out);
        while ran.then == Then::Again {
            ran = self.session.run(&line.as_bytes()[ran.used..], &mut self.backend, &mut out);
        }
        let text = String::from_utf8_lossy(&out);
        for line in text.strip_suffix("\r\n").unwrap_or(&text).split("\r\n").filter(|_| !text.is_empty()) {
            self.told.push_str(&shown(line));
        }
        for record in self.backend.records.drain(..) {
            let effects: Vec<String> =
                effects(&record).map(|effect| word(&effect.expect("an effect"))).collect();
            self.told.push_str(&format!("= {}\n", effects.join("; ")));
        }
        if let Then::Do(outcome) = ran.then {
            let used = if outcome == Outcome::Retry { 0 } else { line.len() };
            assert_eq!(ran.used, used, "{request}");
            self.told.push_str(&format!("! {outcome:?}\n"));
        }
    }
}

/// Expands `{x*3}` to `xxx`.
fn expanded(request: &str) -> String {
    let Some((before, rest)) = request.split_once('{') else { return request.to_owned() };
    let (inside, after) = rest.split_once('}').expect("a brace that closes");
    let (what, times) = inside.split_once('*').expect("what*times");
    let times = times.parse().expect("how many times");
    format!("{before}{}{}", what.repeat(times), expanded(after))
}

/// Returns a reply's line as a transcript shows it.
fn shown(line: &str) -> String {
    let text = line.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'");
    let text = match text.strip_suffix(' ') {
        Some(text) => format!("{text}\\x20"),
        None => text,
    };
    match text.split(':').next() {
        Some("") if text.is_empty() => ".\n".to_owned(),
        Some(machine @ ("process_id" | "os" | "arch_bits")) => format!("{machine}:..\n"),
        _ if text.starts_with(['#', '>', '@', '=', '!']) => format!("\\{text}\n"),
        _ => text + "\n",
    }
}

fn word(effect: &Effect<'_>) -> String {
    let text = |bytes: &[u8]| match bytes {
        b"" => "\"\"".to_owned(),
        [byte, ..] if bytes.len() > SHOWN_MAX => format!("{{{}*{}}}", char::from(*byte), bytes.len()),
        _ => bytes.escape_ascii().to_string(),
    };
    match *effect {
        Effect::Set { key, value } => format!("SET {} {}", text(key), text(value)),
        Effect::Del { key } => format!("DEL {}", text(key)),
        Effect::PExpireAt { key, at } => format!("PEXPIREAT {} {}", text(key), at.get()),
        Effect::Persist { key } => format!("PERSIST {}", text(key)),
        Effect::Append { key, value } => format!("APPEND {} {}", text(key), text(value)),
        Effect::IncrBy { key, by } => format!("INCRBY {} {by}", text(key)),
        Effect::FlushAll => "FLUSHALL".to_owned(),
    }
}
