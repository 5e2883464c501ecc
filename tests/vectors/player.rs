//! Plays a file of vectors over flat records: the shortest player that keeps to the format, as a model for others.
//!
//! A line that does not hold panics with its place. [`Seen`] collects the kinds that the files show.

use std::collections::BTreeSet;
use std::path::Path;

use towline_core::*;

const INPUTS: [&str; 18] = [
    "Tick",
    "Opened",
    "Lost",
    "DialFailed",
    "Bytes",
    "Write",
    "Flush",
    "Taken",
    "Applied",
    "Persisted",
    "SnapshotReady",
    "SnapshotPiece",
    "SnapshotFailed",
    "Installed",
    "Rewound",
    "Promote",
    "Follow",
    "Shutdown",
];
const EVENTS: [&str; 12] = [
    "Dial",
    "Joined",
    "Close",
    "WantsWrite",
    "SnapshotWanted",
    "SnapshotRead",
    "SnapshotDone",
    "CaughtUp",
    "Acked",
    "SlotExpired",
    "Role",
    "Outranked",
];

/// Returns the name of a kind of input or event.
pub(crate) fn name(kind: u32) -> &'static str {
    let kind = usize::try_from(kind).unwrap();
    if kind > 0x100 { EVENTS[kind - 0x101] } else { INPUTS[kind - 1] }
}

/// Returns an option by its name, to be written and read.
pub(crate) fn option<'a>(options: &'a mut Options, name: &str) -> Option<Field<'a>> {
    Some(match name {
        "backlog_bytes" => Field::Long(&mut options.backlog_bytes),
        "batch_bytes" => Field::Word(&mut options.batch_bytes),
        "record_bytes_max" => Field::Word(&mut options.record_bytes_max),
        "window_bytes" => Field::Long(&mut options.window_bytes),
        "piece_bytes_max" => Field::Word(&mut options.piece_bytes_max),
        "piece_window_bytes" => Field::Long(&mut options.piece_window_bytes),
        "links_max" => Field::Word(&mut options.links_max),
        "slots_max" => Field::Word(&mut options.slots_max),
        "ships_max" => Field::Word(&mut options.ships_max),
        "beat" => Field::Long(&mut options.beat.0),
        "idle" => Field::Long(&mut options.idle.0),
        "handshake" => Field::Long(&mut options.handshake.0),
        "linger" => Field::Long(&mut options.linger.0),
        "reconnect_window" => Field::Long(&mut options.reconnect_window.0),
        "redial_min" => Field::Long(&mut options.redial_min.0),
        "redial_max" => Field::Long(&mut options.redial_max.0),
        "can_rewind" => Field::Switch(&mut options.can_rewind),
        "persists" => Field::Switch(&mut options.persists),
        _ => return None,
    })
}

/// The place of one option.
pub(crate) enum Field<'a> {
    Long(&'a mut u64),
    Word(&'a mut u32),
    Switch(&'a mut bool),
}

impl Field<'_> {
    pub(crate) fn get(&self) -> u64 {
        match self {
            Field::Long(place) => **place,
            Field::Word(place) => u64::from(**place),
            Field::Switch(place) => u64::from(**place),
        }
    }

    fn set(self, value: u64) {
        match self {
            Field::Long(place) => *place = value,
            Field::Word(place) => *place = u32::try_from(value).unwrap(),
            Field::Switch(place) => *place = value == 1,
        }
    }
}

/// The kinds and numbers that the files showed.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) inputs: BTreeSet<u32>,
    pub(crate) events: BTreeSet<u32>,
    pub(crate) payloads: BTreeSet<String>,
    pub(crate) misuses: BTreeSet<u64>,
    pub(crate) faults: BTreeSet<u64>,
    pub(crate) verdicts_sent: BTreeSet<u8>,
    pub(crate) verdicts_received: BTreeSet<u8>,
}

#[derive(Default)]
struct Player {
    options: Options,
    node: Option<Node>,
    now: Time,
    /// The parts of the last answer that no line has named yet.
    misuse: Option<Misuse>,
    step: Option<Step>,
    offset: Option<Offset>,
    position: Option<Position>,
    payload: Option<Payload>,
}

/// Plays a file to its end.
pub(crate) fn play(path: &Path, seen: &mut Seen) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut player = Player::default();
    for (index, line) in text.lines().enumerate() {
        if !line.is_empty() && !line.starts_with('#') {
            let words: Vec<&str> = line.split(' ').collect();
            player.line(&words, seen).unwrap_or_else(|problem| {
                panic!("{}:{}: {problem}\n  {line:.200}", path.display(), index + 1)
            });
        }
    }
    player.answered().unwrap();
}

/// Compares the words of an answer with a line's.
fn same(answer: &[String], words: &[&str]) -> Result<(), String> {
    let read = |word: &str| integer(word).map_or_else(|| word.to_owned(), |number| number.to_string());
    let expected: Vec<String> = words.iter().map(|word| read(word)).collect();
    if answer == expected { Ok(()) } else { Err(format!("the answer was: {}", answer.join(" "))) }
}

fn words<const N: usize>(numbers: [u64; N]) -> Vec<String> {
    numbers.iter().map(u64::to_string).collect()
}

pub(crate) fn integer(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

fn number(words: &[&str], index: usize) -> Result<u64, String> {
    words.get(index).and_then(|word| integer(word)).ok_or(format!("word {index} is no number"))
}

fn data(words: &[&str], index: usize) -> Result<Vec<u8>, String> {
    let word = *words.get(index).ok_or("no data")?;
    let (hex, times) = word.split_once('*').unwrap_or((word, "1"));
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).map_err(|error| error.to_string());
    let bytes: Vec<u8> = if hex == "-" {
        Vec::new()
    } else {
        (0..hex.len()).step_by(2).map(byte).collect::<Result<_, _>>()?
    };
    Ok(bytes.repeat(usize::try_from(integer(times).ok_or("no number of times")?).unwrap()))
}

impl Player {
    fn line(&mut self, line: &[&str], seen: &mut Seen) -> Result<(), String> {
        if !matches!(line[0], "step" | "offset" | "position" | "payload" | "misuse") {
            self.answered()?;
        }
        match line[0] {
            "scene" => *self = Self::default(),
            "option" => {
                let field = option(&mut self.options, line[1]).ok_or("no such option")?;
                field.set(number(line, 2)?);
            }
            "boot" => self.boot(line)?,
            "at" => self.now = Time(number(line, 1)?),
            "input" => self.input(line, seen)?,
            "event" | "quiet" => self.event(line, seen)?,
            "write" => self.write(line, seen)?,
            "consume" => {
                let (link, now) = (LinkId(u32::try_from(number(line, 1)?).unwrap()), self.now);
                let bytes = usize::try_from(number(line, 2)?).unwrap();
                let misuse = self.node().consume(now, link, bytes).expect_err("misuse").number();
                seen.misuses.insert(misuse.into());
                same(&words([misuse.into()]), &line[3..])?;
            }
            "deadline" => {
                let answer = self.node().next_deadline().map_or("never".to_owned(), |at| at.0.to_string());
                same(&[answer], &line[1..])?;
            }
            "cursor" => {
                let [epoch, boundary, digest] = [number(line, 1)?, number(line, 2)?, number(line, 3)?];
                let position = Position { epoch: Epoch(epoch), boundary: Offset(boundary), digest };
                if self.node().cursor(position).as_bytes() != data(line, 4)? {
                    return Err("another cursor".to_owned());
                }
            }
            _ => self.answer(line, seen)?,
        }
        Ok(())
    }

    fn node(&mut self) -> &mut Node {
        self.node.as_mut().expect("a boot comes first")
    }

    /// Checks that every part of the last answer was named.
    fn answered(&self) -> Result<(), String> {
        let Self { misuse, step, offset, position, payload, .. } = self;
        let all = misuse.is_none() && step.is_none() && offset.is_none() && position.is_none();
        if all && payload.is_none() {
            return Ok(());
        }
        Err(format!("the last answer had more: {misuse:?} {step:?} {offset:?} {position:?} {payload:?}"))
    }

    fn boot(&mut self, line: &[&str]) -> Result<(), String> {
        let cursor = data(line, 5)?;
        let boot = Boot {
            node: NodeId(number(line, 1)?),
            role: if number(line, 2)? == 1 { Role::Primary } else { Role::Replica },
            unix_zero: number(line, 3)?,
            seed: data(line, 4)?.try_into().map_err(|_| "a seed has 32 bytes")?,
            cursor: (!cursor.is_empty()).then_some(&cursor),
        };
        let config = self.options.check().map_err(|error| error.to_string())?;
        self.node = Some(Node::new(config, boot).map_err(|error| error.to_string())?);
        Ok(())
    }

    fn input(&mut self, line: &[&str], seen: &mut Seen) -> Result<(), String> {
        let index = INPUTS.iter().position(|name| *name == line[1]).ok_or("no such input")?;
        let (link, bytes, now) = (number(line, 2)?, data(line, 6)?, self.now);
        let kind = u32::try_from(index + 1).unwrap();
        let mut row = FlatInput { kind, link: u32::try_from(link).unwrap(), fields: [0; 7] };
        for field in 0..3 {
            row.fields[field] = number(line, 3 + field)?;
        }
        seen.inputs.insert(kind);
        if line[1] == "Bytes" && bytes.len() > 28 && bytes[4] == crate::frames::ADMIT {
            seen.verdicts_received.insert(bytes[28]);
        }
        let input = row.input(&bytes).ok_or("no input")?;
        match self.node().handle(now, input) {
            Ok(mut step) => {
                (self.offset, self.position) = (step.offset.take(), step.position.take());
                self.payload = step.payload.take();
                self.step = Some(step);
            }
            Err(misuse) => self.misuse = Some(misuse),
        }
        self.node().check();
        Ok(())
    }

    /// Checks one part of the last input's answer.
    fn answer(&mut self, line: &[&str], seen: &mut Seen) -> Result<(), String> {
        let answer = match line[0] {
            "step" => self.step.take().map(|step| {
                let next = match step.next {
                    Next::Again => "again",
                    Next::NeedBytes => "need",
                    Next::Closed => "closed",
                };
                [words([step.used as u64, step.need as u64]), vec![next.to_owned()]].concat()
            }),
            "offset" => self.offset.take().map(|offset| words([offset.0])),
            "position" => self.position.take().map(|at| words([at.epoch.0, at.boundary.0, at.digest])),
            "payload" => self.payload.take().map(|payload| {
                let Payload { range, first, count, kind, snapshot } = payload;
                seen.payloads.insert(format!("{kind:?}"));
                let numbers = [first, count.into(), snapshot.0, range.start as u64, range.len() as u64];
                [vec![format!("{kind:?}")], words(numbers)].concat()
            }),
            "misuse" => self.misuse.take().map(|misuse| {
                seen.misuses.insert(misuse.number().into());
                words([misuse.number().into()])
            }),
            other => return Err(format!("no such line: {other}")),
        };
        same(&answer.ok_or("no such answer")?, &line[1..])
    }

    fn event(&mut self, line: &[&str], seen: &mut Seen) -> Result<(), String> {
        let answer = self.node().poll_event().map(FlatEvent::from);
        let Some(event) = answer else {
            return if line == ["quiet"] { Ok(()) } else { Err("there is no event".to_owned()) };
        };
        let [a, b, c, d, ..] = event.fields;
        seen.events.insert(event.kind);
        if name(event.kind) == "Close" {
            seen.faults.insert(a);
        }
        let answer = [vec![name(event.kind).to_owned()], words([event.link.into(), a, b, c, d])].concat();
        same(&answer, &line[1..])
    }

    fn write(&mut self, line: &[&str], seen: &mut Seen) -> Result<(), String> {
        let (link, bytes, now) = (LinkId(u32::try_from(number(line, 1)?).unwrap()), data(line, 3)?, self.now);
        let shown = self.node().peek_transmit(link).slices().concat();
        if shown.len() as u64 != number(line, 2)? || !shown.starts_with(&bytes) {
            return Err(format!("{} bytes are shown: {shown:02x?}", shown.len()));
        }
        for frame in crate::frames::split(&bytes).0 {
            if frame[4] == crate::frames::ADMIT {
                seen.verdicts_sent.insert(frame[28]);
            }
        }
        let more = self.node().consume(now, link, bytes.len()).map_err(|misuse| misuse.to_string())?;
        self.node().check();
        let more = match more {
            More::Idle => "dry",
            More::More => "more",
        };
        same(&[more.to_owned()], &line[4..])
    }
}
