//! Vectors of the receiver: the scenes they are made from, and the player that holds them against the core.
//!
//! `README.md` beside this file defines the format. A scene drives a receiver and writes down each call; the player
//! reads the text alone, and goes through flat rows. Files: `receiver/*.txt`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use towline_core::receiver::{Receiver, ReceiverError, Standing};
use towline_core::{FlatCommand, FlatCompletion, FlatStep, Offset, SnapshotId};

use crate::player::integer;

#[path = "receiver/scenes.rs"]
mod scenes;

pub(crate) use scenes::FILES;

const PAYLOADS: [&str; 7] = ["None", "Batch", "Spool", "Fork", "Begin", "Piece", "LastPiece"];
/// The commands, from 0x201, and the inputs that a receiver has said to the node.
const COMMANDS: [&str; 11] = [
    "Keep",
    "Apply",
    "ApplySpooled",
    "LoadTail",
    "LoadTailSpooled",
    "DropSpooled",
    "Forked",
    "Begin",
    "Load",
    "Install",
    "Rewind",
];
const INPUTS: [(u32, &str); 5] =
    [(8, "Taken"), (9, "Applied"), (10, "Persisted"), (14, "Installed"), (15, "Rewound")];
/// The completions, from 0x301.
const COMPLETIONS: [&str; 9] =
    ["Answered", "Applied", "Persisted", "Tailed", "Loaded", "Installed", "Rewound", "Failed", "Taking"];
const MISTAKES: [(ReceiverError, &str); 4] = [
    (ReceiverError::Unpolled, "unpolled"),
    (ReceiverError::OutOfOrder, "order"),
    (ReceiverError::NotAsked, "not-asked"),
    (ReceiverError::Failed, "failed"),
];

/// The kinds that the files showed, by name.
#[derive(Default)]
pub(crate) struct Seen(BTreeSet<String>);

impl Seen {
    /// Asserts that every payload, command, input, completion and mistake is in one of the files.
    pub(crate) fn check(&self) {
        let mut all: BTreeSet<String> = PAYLOADS.iter().map(|name| format!("step {name}")).collect();
        all.extend(COMMANDS.iter().map(|name| format!("command {name}")));
        all.extend(INPUTS.iter().map(|(_, name)| format!("command {name}")));
        all.extend(COMPLETIONS.iter().map(|name| format!("done {name}")));
        all.extend(MISTAKES.iter().map(|(_, name)| format!("refused {name}")));
        assert_eq!(all.difference(&self.0).collect::<Vec<_>>(), Vec::<&String>::new(), "not shown");
    }
}

/// Returns a command as the words of its line.
fn words(command: &FlatCommand) -> String {
    let name = match command.kind.checked_sub(0x201) {
        Some(index) => COMMANDS[usize::try_from(index).unwrap()],
        None => INPUTS.iter().find(|(kind, _)| *kind == command.kind).expect("an input of a receiver").1,
    };
    let [a, b, c, d, e, f, _] = command.fields;
    format!("{name} {a} {b} {c} {d} {e} {f}")
}

fn mistake(error: ReceiverError) -> &'static str {
    MISTAKES.iter().find(|(other, _)| *other == error).expect("every mistake has a name").1
}

/// A receiver, and the last call if it was refused and no line has said so yet.
struct Player {
    receiver: Receiver,
    node: Standing,
    refused: Option<ReceiverError>,
}

/// Plays a file to its end.
pub(crate) fn play(path: &Path, seen: &mut Seen) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut player = Player { receiver: Receiver::new(false), node: Standing::default(), refused: None };
    for (index, line) in text.lines().enumerate() {
        if !line.is_empty() && !line.starts_with('#') {
            let words: Vec<&str> = line.split(' ').collect();
            player
                .line(&words, seen)
                .unwrap_or_else(|problem| panic!("{}:{}: {problem}\n  {line}", path.display(), index + 1));
            player.receiver.check();
        }
    }
    assert_eq!(player.refused, None, "{}: the last call was refused", path.display());
}

fn numbers<const N: usize>(words: &[&str]) -> Result<[u64; N], String> {
    let all: Option<Vec<u64>> = words.iter().map(|word| integer(word)).collect();
    all.and_then(|all| all.try_into().ok()).ok_or(format!("not {N} numbers"))
}

fn place(names: &[&str], word: &str) -> Result<u32, String> {
    let at = names.iter().position(|name| *name == word).ok_or(format!("no such name: {word}"))?;
    Ok(u32::try_from(at).unwrap())
}

impl Player {
    fn line(&mut self, line: &[&str], seen: &mut Seen) -> Result<(), String> {
        if let Some(error) = self.refused.take_if(|_| line[0] != "refused") {
            return Err(format!("the call before was refused: {error}"));
        }
        if matches!(line[0], "step" | "command" | "done" | "refused" | "work") {
            // Work is a command too.
            seen.0.insert(format!("{} {}", if line[0] == "work" { "command" } else { line[0] }, line[1]));
        }
        let (receiver, node) = (&mut self.receiver, &mut self.node);
        match line[0] {
            "scene" => {}
            "receiver" => *receiver = Receiver::new(numbers::<1>(&line[1..])? == [1]),
            "node" => {
                let [base, end, snapshot, pieces] = numbers(&line[1..])?;
                let snapshot = (snapshot != 0).then_some(SnapshotId(snapshot));
                *node = Standing { base: base == 1, end: Offset(end), snapshot, pieces };
            }
            "step" => {
                let [first, count, snapshot, range_start, range_length, epoch, boundary, digest, ready] =
                    numbers(&line[2..])?;
                let kind = place(&PAYLOADS, line[1])?;
                let flags = if epoch | boundary | digest == 0 { 0 } else { FlatStep::POSITION };
                let count = u32::try_from(count).unwrap();
                let flat = FlatStep { first, snapshot, range_start, range_length, ..FlatStep::default() };
                let flat = FlatStep { epoch, boundary, digest, count, kind, flags, ..flat };
                let step = flat.step().ok_or("no step")?;
                self.refused = receiver.receive(&step, *node, ready == 1).err();
            }
            "done" => {
                let [a, b, epoch, boundary, digest] = numbers(&line[2..])?;
                let (kind, fields) =
                    (0x301 + place(&COMPLETIONS, line[1])?, [a, b, 0, epoch, boundary, digest, 0]);
                let completion = FlatCompletion { kind, link: 0, fields };
                self.refused = completion.complete(receiver).ok_or("no completion")?.err();
            }
            "refused" => {
                let error = self.refused.take().ok_or("the call before was not refused")?;
                same(mistake(error), line[1])?;
            }
            "command" => {
                let command = receiver.poll().ok_or("nothing is to be done")?;
                same(&words(&FlatCommand::from(&command)), &line[1..].join(" "))?;
            }
            "end" if receiver.poll().is_none() => {}
            "work" => {
                let command = receiver.work().ok_or("nothing waits")?;
                same(&words(&FlatCommand::from(&command)), &line[1..].join(" "))?;
            }
            "idle" if receiver.work().is_none() => {}
            _ => return Err("no such line, or there is a command".to_owned()),
        }
        Ok(())
    }
}

fn same(told: &str, line: &str) -> Result<(), String> {
    if told == line { Ok(()) } else { Err(format!("the answer was: {told}")) }
}

/// A receiver that is driven, and the lines of all calls.
pub(crate) struct Scene {
    receiver: Receiver,
    node: Standing,
    text: String,
}

impl Scene {
    fn new(about: &str, loads_tail: bool) -> Self {
        let text = format!("\nscene {about}\nreceiver {}\n", u8::from(loads_tail));
        let mut scene = Self { receiver: Receiver::new(loads_tail), node: Standing::default(), text };
        scene.node(true, 5, 0, 0);
        scene
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").unwrap();
    }

    fn node(&mut self, base: bool, end: u64, snapshot: u64, pieces: u64) {
        let named = (snapshot != 0).then_some(SnapshotId(snapshot));
        self.node = Standing { base, end: Offset(end), snapshot: named, pieces };
        self.line(&format!("node {} {end} {snapshot} {pieces}", u8::from(base)));
    }

    /// Writes down the mistake, or all the commands that follow.
    fn follow(&mut self, done: Result<(), ReceiverError>) {
        match done {
            Ok(()) => self.poll(),
            Err(error) => self.line(&format!("refused {}", mistake(error))),
        }
    }

    fn poll(&mut self) {
        while let Some(command) = self.receiver.poll() {
            self.line(&format!("command {}", words(&FlatCommand::from(&command))));
        }
        self.line("end");
    }

    /// Shows a step with this payload; the position is that of `boundary`, 0 for none.
    fn step(&mut self, kind: &str, [first, count, boundary]: [u64; 3], ready: bool) {
        let done = self.show(kind, [first, count, boundary], ready);
        self.follow(done);
    }

    fn show(
        &mut self,
        kind: &str,
        [first, count, boundary]: [u64; 3],
        ready: bool,
    ) -> Result<(), ReceiverError> {
        let (start, length) = if kind == "None" || kind == "Fork" { (0, 0) } else { (40, 20) };
        let (epoch, digest) = if boundary == 0 { (0, 0) } else { (7, 1000 + boundary) };
        let snapshot = match (kind, self.node.snapshot) {
            ("Begin" | "Piece" | "LastPiece", Some(SnapshotId(named))) => named,
            _ => 0,
        };
        let (at, ready_flag) = (format!("{epoch} {boundary} {digest}"), u8::from(ready));
        self.line(&format!("step {kind} {first} {count} {snapshot} {start} {length} {at} {ready_flag}"));
        let flat =
            FlatStep { first, snapshot, range_start: start, range_length: length, ..FlatStep::default() };
        let (kind, count) = (place(&PAYLOADS, kind).unwrap(), u32::try_from(count).unwrap());
        let flags = if boundary == 0 { 0 } else { FlatStep::POSITION };
        let step = FlatStep { epoch, boundary, digest, kind, count, flags, ..flat }.step().unwrap();
        self.receiver.receive(&step, self.node, ready)
    }

    fn done(&mut self, name: &str, a: u64, b: u64) {
        self.complete(name, [a, b, 0, 0, 0]);
    }

    /// The node takes what it was told, and its log ends at `end`; 0: it refuses.
    fn answered(&mut self, end: u64) {
        let taken = u64::from(end != 0);
        self.complete("Answered", [taken, 0, 7 * taken, end, if end == 0 { 0 } else { 1000 + end }]);
    }

    fn complete(&mut self, name: &str, [a, b, epoch, boundary, digest]: [u64; 5]) {
        self.line(&format!("done {name} {a} {b} {epoch} {boundary} {digest}"));
        let kind = 0x301 + place(&COMPLETIONS, name).unwrap();
        let fields = [a, b, 0, epoch, boundary, digest, 0];
        let done = FlatCompletion { kind, link: 0, fields }.complete(&mut self.receiver).unwrap();
        self.follow(done);
    }

    fn work(&mut self) {
        match self.receiver.work() {
            Some(command) => self.line(&format!("work {}", words(&FlatCommand::from(&command)))),
            None => self.line("idle"),
        }
    }

    // --- steps as they come ----------------------------------------------------------------------------------------

    fn batch(&mut self, first: u64, end: u64, ready: bool) {
        let Standing { base, snapshot, pieces, .. } = self.node;
        self.node(base, end, snapshot.map_or(0, |SnapshotId(named)| named), pieces);
        self.step(if base { "Batch" } else { "Spool" }, [first, end - first, end], ready);
    }

    /// The node is told to load this snapshot, whose stream begins at `from`.
    fn named(&mut self, snapshot: u64, from: u64) {
        self.node(false, from, snapshot, 0);
        self.step("None", [0; 3], true);
    }

    fn begin(&mut self, offset: u64) {
        self.step("Begin", [offset, 0, offset], true);
    }

    /// A piece comes, and is loaded.
    fn piece(&mut self, piece: u64, last: bool) {
        let Standing { end: Offset(end), snapshot, .. } = self.node;
        self.node(false, end, snapshot.map_or(0, |SnapshotId(named)| named), piece + 1);
        self.step(if last { "LastPiece" } else { "Piece" }, [piece, 0, 0], true);
        self.done("Loaded", piece + 1, 0);
    }

    /// The install that was asked for ends, and the node's log ends at `end` then.
    fn installed(&mut self, end: u64) {
        self.done("Installed", 0, 0);
        self.answered(end);
        self.node(true, end, 0, 0);
    }
}
