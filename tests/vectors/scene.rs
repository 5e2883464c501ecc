//! A node and a host that does at once what the node asks for; every call is written down as the lines of a vector.
//!
//! Peers may be scenes too, whose lines nobody keeps. The seed is the node's name, repeated: a scene is always the
//! same.

use std::fmt::Write as _;

use towline_core::*;

use crate::frames;
use crate::player;

/// The length from which a run of one byte is written as `HEX*N`.
const LONG_RUN: usize = 64;
/// Larger numbers are random more often than counts, and are written in hexadecimal.
const HEX_FROM: u64 = 1 << 40;

/// A node, its host, and the lines of all calls.
pub(crate) struct Scene {
    pub(crate) node: Node,
    pub(crate) now: Time,
    text: String,
    /// Bytes written on each link and not yet asked for.
    bytes: Vec<Vec<u8>>,
    /// Events not yet asked for, but those the host answers itself.
    pub(crate) events: Vec<Event>,
    writing: Vec<LinkId>,
    /// Pieces in each view, and bytes in each.
    pub(crate) view: (u64, usize),
    /// Set if the host applies and installs at once.
    pub(crate) applies: bool,
    /// Set if the host opens the views it is asked for.
    pub(crate) opens_views: bool,
}

impl Scene {
    pub(crate) fn new(about: &str, id: u64, role: Role, options: Options, cursor: Option<&[u8]>) -> Self {
        let mut text = format!("\nscene {about}\n");
        let (mut ours, mut default) = (options, Options::default());
        let names = [
            "backlog_bytes",
            "batch_bytes",
            "record_bytes_max",
            "window_bytes",
            "piece_bytes_max",
            "piece_window_bytes",
            "links_max",
            "slots_max",
            "ships_max",
            "beat",
            "idle",
            "handshake",
            "linger",
            "reconnect_window",
            "redial_min",
            "redial_max",
            "can_rewind",
            "persists",
        ];
        for name in names {
            let [ours, default] = [&mut ours, &mut default]
                .map(|options| player::option(options, name).expect("an option").get());
            if ours != default {
                let _ = writeln!(text, "option {name} {ours}");
            }
        }
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&id.to_le_bytes());
        let number = if role == Role::Primary { 1 } else { 2 };
        let _ = writeln!(text, "boot {id} {number} 0 {} {}", hex(&seed), hex(cursor.unwrap_or_default()));
        let config = options.check().expect("a scene's options work");
        let links = config.link_ids() as usize;
        let boot = Boot { node: NodeId(id), seed, role, unix_zero: 0, cursor };
        Self {
            node: Node::new(config, boot).expect("a sound cursor"),
            now: Time::ZERO,
            text,
            bytes: vec![Vec::new(); links],
            events: Vec::new(),
            writing: Vec::new(),
            view: (3, 50),
            applies: true,
            opens_views: true,
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, words: &str) {
        self.text.push_str(words);
        self.text.push('\n');
    }

    /// Handles an input; writes the answer down and does what the payload asks.
    pub(crate) fn try_input(&mut self, input: Input<'_>) -> Result<Step, Misuse> {
        let flat = FlatInput::from(input);
        let data = match input {
            Input::Bytes { data, .. }
            | Input::Write { data }
            | Input::SnapshotReady { cursor: data, .. }
            | Input::SnapshotPiece { data, .. } => data,
            Input::Tick | Input::Opened { .. } | Input::Lost { .. } | Input::DialFailed | Input::Flush => &[],
            Input::Taken { .. } | Input::Applied { .. } | Input::Persisted { .. } | Input::Rewound => &[],
            Input::SnapshotFailed { .. } | Input::Installed { .. } | Input::Promote => &[],
            Input::Follow { .. } | Input::Shutdown => &[],
        };
        let [a, b, c] = [0, 1, 2].map(|field| integer(flat.fields[field]));
        self.line(&format!("input {} {} {a} {b} {c} {}", player::name(flat.kind), flat.link, hex(data)));
        let answer = self.node.handle(self.now, input);
        match &answer {
            Ok(step) => self.step(step),
            Err(misuse) => self.line(&format!("misuse {}", misuse.number())),
        }
        answer
    }

    pub(crate) fn input(&mut self, input: Input<'_>) -> Step {
        self.try_input(input).expect("the scene plays as written")
    }

    fn step(&mut self, step: &Step) {
        let next = match step.next {
            Next::Again => "again",
            Next::NeedBytes => "need",
            Next::Closed => "closed",
        };
        self.line(&format!("step {} {} {next}", step.used, step.need));
        if let Some(offset) = step.offset {
            self.line(&format!("offset {}", offset.0));
        }
        if let Some(position) = step.position {
            self.line(&format!("position {}", place(position)));
        }
        if let Some(Payload { range, first, count, kind, snapshot }) = &step.payload {
            let (start, length) = (range.start, range.len());
            let snapshot = integer(snapshot.0);
            self.line(&format!("payload {kind:?} {first} {count} {snapshot} {start} {length}"));
        }
    }

    // --- time -------------------------------------------------------------------------------------------------------

    pub(crate) fn at(&mut self, now: Time) {
        self.now = now;
        self.line(&format!("at {}", now.0));
    }

    /// Lets time pass, from deadline to deadline, with a turn at each.
    pub(crate) fn pass(&mut self, span: Span) {
        let end = self.now + span;
        while let Some(at) = self.node.next_deadline().filter(|at| *at < end) {
            self.at(at);
            self.input(Input::Tick);
            self.turn();
        }
        self.at(end);
        self.input(Input::Tick);
        self.turn();
    }

    // --- the host ---------------------------------------------------------------------------------------------------

    pub(crate) fn open(&mut self, link: u32, side: Side) {
        self.input(Input::Opened { link: LinkId(link), side });
    }

    pub(crate) fn lost(&mut self, link: u32) {
        self.writing.retain(|writing| writing.0 != link);
        self.bytes[link as usize].clear();
        self.input(Input::Lost { link: LinkId(link) });
    }

    pub(crate) fn write_records(&mut self, count: u8, bytes: usize) {
        for index in 0..count {
            self.input(Input::Write { data: &vec![index; bytes] });
        }
    }

    /// Returns the cursor at the log's end.
    pub(crate) fn cursor(&mut self) -> Vec<u8> {
        let position = self.input(Input::Flush).position.expect("a flush has a position");
        let cursor = self.node.cursor(position).as_bytes().to_vec();
        self.line(&format!("cursor {} {}", place(position), hex(&cursor)));
        cursor
    }

    /// Feeds bytes, frame by frame; the host does what each asks. Returns the last step.
    pub(crate) fn feed(&mut self, link: u32, bytes: &[u8]) -> Step {
        let (frames, used) = frames::split(bytes);
        let rest = (used < bytes.len()).then(|| bytes[used..].to_vec());
        let mut last = Step::default();
        for frame in frames.into_iter().chain(rest) {
            last = self.feed_once(link, &frame);
            if last.next == Next::Closed {
                break;
            }
        }
        last
    }

    /// Feeds bytes in one call.
    pub(crate) fn feed_once(&mut self, link: u32, bytes: &[u8]) -> Step {
        let step = self.input(Input::Bytes { link: LinkId(link), data: bytes });
        if let Some(payload) = step.payload.clone().filter(|_| self.applies) {
            self.apply(&payload);
        }
        step
    }

    fn apply(&mut self, payload: &Payload) {
        let upto = Offset(payload.first + u64::from(payload.count));
        match payload.kind {
            PayloadKind::Batch => {
                self.input(Input::Applied { upto });
                self.input(Input::Persisted { upto });
            }
            PayloadKind::Spool => {
                self.input(Input::Taken { upto, pieces: 0 });
            }
            PayloadKind::Fork if payload.count == 1 => {
                self.input(Input::Rewound);
            }
            PayloadKind::Fork | PayloadKind::Begin => {}
            PayloadKind::Piece => {
                self.input(Input::Taken { upto: Offset(0), pieces: payload.first + 1 });
            }
            PayloadKind::LastPiece => {
                self.input(Input::Taken { upto: Offset(0), pieces: payload.first + 1 });
                self.input(Input::Installed { snapshot: payload.snapshot });
                let upto = self.node.stats().end;
                self.input(Input::Applied { upto });
            }
        }
    }

    /// Polls events until there is none, then does what they ask. Returns whether there was any.
    pub(crate) fn poll(&mut self) -> bool {
        let mut events = Vec::new();
        while let Some(event) = self.node.poll_event() {
            let flat = FlatEvent::from(event);
            let [a, b, c, d] = [0, 1, 2, 3].map(|field| integer(flat.fields[field]));
            self.line(&format!("event {} {} {a} {b} {c} {d}", player::name(flat.kind), flat.link));
            events.push(event);
        }
        self.line("quiet");
        let busy = !events.is_empty();
        events.into_iter().for_each(|event| self.on_event(event));
        busy
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::WantsWrite { link } => self.writing.push(link),
            Event::Close { link, .. } => {
                self.writing.retain(|writing| *writing != link);
                self.events.push(event);
            }
            Event::SnapshotWanted { snapshot, .. } if self.opens_views => {
                let cursor = self.cursor();
                self.input(Input::SnapshotReady { snapshot, cursor: &cursor, bytes: Some(150) });
            }
            Event::SnapshotRead { snapshot, piece } => {
                let (pieces, bytes) = self.view;
                let data = vec![u8::try_from(piece % 256).expect("a byte"); bytes];
                self.input(Input::SnapshotPiece { snapshot, piece, data: &data, last: piece + 1 == pieces });
            }
            Event::SnapshotWanted { .. }
            | Event::SnapshotDone { .. }
            | Event::Dial { .. }
            | Event::Joined { .. }
            | Event::CaughtUp
            | Event::Acked { .. }
            | Event::SlotExpired { .. }
            | Event::Role { .. }
            | Event::Outranked { .. } => self.events.push(event),
        }
    }

    /// Polls, writes, and so on until nothing is due; then asks for the next deadline.
    pub(crate) fn turn(&mut self) {
        while self.poll() || !self.writing.is_empty() {
            for link in std::mem::take(&mut self.writing) {
                while self.write(link.0, usize::MAX) == More::More {}
            }
        }
        let deadline = self.node.next_deadline().map_or("never".to_owned(), |at| at.0.to_string());
        self.line(&format!("deadline {deadline}"));
    }

    /// Writes at most so many bytes of those on offer on a link.
    pub(crate) fn write(&mut self, link: u32, most: usize) -> More {
        let shown = self.node.peek_transmit(LinkId(link)).slices().concat();
        let taken = &shown[..most.min(shown.len())];
        let more = self.node.consume(self.now, LinkId(link), taken.len()).expect("it was shown");
        let word = if more == More::Idle { "dry" } else { "more" };
        self.line(&format!("write {link} {} {} {word}", shown.len(), hex(taken)));
        self.bytes[link as usize].extend_from_slice(taken);
        more
    }

    /// Consumes more than is on offer, or on no link.
    pub(crate) fn consume_wrongly(&mut self, link: u32, bytes: usize) {
        let misuse = self.node.consume(self.now, LinkId(link), bytes).expect_err("it is wrong");
        self.line(&format!("consume {link} {bytes} {}", misuse.number()));
    }

    /// Runs a turn; returns the frames written on a link since the last call.
    pub(crate) fn written(&mut self, link: u32) -> Vec<Vec<u8>> {
        self.turn();
        let bytes = std::mem::take(&mut self.bytes[link as usize]);
        frames::split(&bytes).0
    }
}

/// Exchanges all that two nodes have to send on their links 0. The first dialled.
pub(crate) fn talk(replica: &mut Scene, sender: &mut Scene) {
    loop {
        let (up, down) = (replica.written(0).concat(), sender.written(0).concat());
        if up.is_empty() && down.is_empty() {
            return;
        }
        if !up.is_empty() {
            sender.feed(0, &up);
        }
        if !down.is_empty() {
            replica.feed(0, &down);
        }
    }
}

/// Connects the first, which was asked to dial, to the second.
pub(crate) fn connect(replica: &mut Scene, sender: &mut Scene) {
    replica.turn();
    assert!(replica.events.iter().any(|event| matches!(event, Event::Dial { .. })), "a replica dials");
    replica.events.clear();
    replica.open(0, Side::Upstream);
    sender.open(0, Side::Downstream);
}

/// The same as `connect`, until the sender has the JOIN: its answer is still unread.
pub(crate) fn join(replica: &mut Scene, sender: &mut Scene) {
    connect(replica, sender);
    let hello = replica.written(0).concat();
    sender.feed(0, &hello);
    let welcome = sender.written(0).concat();
    replica.feed(0, &welcome);
    let join = replica.written(0).concat();
    sender.feed(0, &join);
}

fn place(position: Position) -> String {
    let Position { epoch, boundary, digest } = position;
    format!("{:#x} {} {digest:#x}", epoch.0, boundary.0)
}

fn integer(value: u64) -> String {
    if value < HEX_FROM { value.to_string() } else { format!("{value:#x}") }
}

fn hex(bytes: &[u8]) -> String {
    let Some(first) = bytes.first() else { return "-".to_owned() };
    if bytes.len() >= LONG_RUN && bytes.iter().all(|byte| byte == first) {
        return format!("{first:02x}*{}", bytes.len());
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
