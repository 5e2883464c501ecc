//! A primary on a stage with pretended replicas: the sending side of a host's turn, and nothing else.

use super::frames::u64_at;
use super::metered::Metered;
use super::puppet::Puppet;
use towline_core::*;

/// The most that goes to a socket at once.
pub const STEP_BYTES: usize = 64 << 10;

/// The verbs a stage needs, of a plain node or a watched one.
pub trait Verbs {
    fn handle(&mut self, now: Time, input: Input<'_>) -> Result<Step, Misuse>;
    fn poll_event(&mut self) -> Option<Event>;
    fn consume(&mut self, now: Time, link: LinkId, bytes: usize) -> Result<More, Misuse>;
    fn peek_transmit(&self, link: LinkId) -> Transmit<'_>;
    fn plain(&self) -> &Node;
}

macro_rules! verbs {
    ($type:ty) => {
        impl Verbs for $type {
            #[inline]
            fn handle(&mut self, now: Time, input: Input<'_>) -> Result<Step, Misuse> {
                <$type>::handle(self, now, input)
            }
            #[inline]
            fn poll_event(&mut self) -> Option<Event> {
                <$type>::poll_event(self)
            }
            #[inline]
            fn consume(&mut self, now: Time, link: LinkId, bytes: usize) -> Result<More, Misuse> {
                <$type>::consume(self, now, link, bytes)
            }
            #[inline]
            fn peek_transmit(&self, link: LinkId) -> Transmit<'_> {
                <$type>::peek_transmit(self, link)
            }
            fn plain(&self) -> &Node {
                self
            }
        }
    };
}
verbs!(Node);
verbs!(Metered);

/// A primary, and a puppet on each link.
pub struct Stage<N> {
    pub node: N,
    pub now: Time,
    pub puppets: Vec<Option<Puppet>>,
    /// Open views: what is left of each.
    pub views: Vec<SnapshotId>,
    /// Pieces in each view, and bytes in each piece.
    pub view_shape: (u64, usize),
    /// Links that were closed, and the fault their GOODBYE named.
    pub closed: Vec<(LinkId, Fault, Option<u16>)>,
    pub dialled: bool,
    /// Set if the host takes and applies what it is handed.
    pub applies: bool,
    writing: Vec<LinkId>,
}

impl<N: Verbs> Stage<N> {
    pub fn new(node: N) -> Self {
        let links = node.plain().config().link_ids() as usize;
        Self {
            node,
            now: Time::ZERO,
            puppets: (0..links).map(|_| None).collect(),
            views: Vec::new(),
            view_shape: (8, 1000),
            closed: Vec::new(),
            dialled: false,
            applies: true,
            writing: Vec::with_capacity(links),
        }
    }

    /// The bytes of a cursor at the log's end.
    pub fn cursor(&mut self) -> Vec<u8> {
        let step = self.node.handle(self.now, Input::Flush).expect("a primary flushes");
        let position = step.position.expect("a flush has a position");
        self.node.plain().cursor(position).as_bytes().to_vec()
    }

    /// Opens a link, on which a puppet says HELLO and joins.
    pub fn open(&mut self, link: u32, puppet: Puppet, cursor: Option<&[u8]>) {
        let opening = puppet.opening(cursor);
        self.attach(link, Side::Downstream, puppet);
        self.feed(link, &opening);
        self.turn();
    }

    /// Opens a link, on which nothing is said yet.
    pub fn attach(&mut self, link: u32, side: Side, puppet: Puppet) {
        let opened = Input::Opened { link: LinkId(link), side };
        self.node.handle(self.now, opened).expect("a free id");
        self.puppets[link as usize] = Some(puppet);
    }

    /// Cuts a link.
    pub fn cut(&mut self, link: u32) {
        self.writing.retain(|writing| writing.0 != link);
        if self.puppets[link as usize].take().is_some() {
            self.node.handle(self.now, Input::Lost { link: LinkId(link) }).expect("it was open");
        }
    }

    /// Passes bytes that come on a link. Returns how many payloads they held for the host.
    pub fn feed(&mut self, link: u32, mut bytes: &[u8]) -> u32 {
        let mut payloads = 0;
        while !bytes.is_empty() {
            let input = Input::Bytes { link: LinkId(link), data: bytes };
            let step = self.node.handle(self.now, input).expect("an open link");
            if let Some(payload) = &step.payload {
                payloads += 1;
                self.apply(payload, bytes);
            }
            bytes = &bytes[step.used..];
            if step.next != Next::Again {
                break;
            }
        }
        payloads
    }

    fn apply(&mut self, payload: &Payload, frame: &[u8]) {
        if !self.applies {
            return;
        }
        let input = match payload.kind {
            PayloadKind::Batch => Input::Persisted { upto: Offset(payload.first + u64::from(payload.count)) },
            PayloadKind::Spool => {
                Input::Taken { upto: Offset(payload.first + u64::from(payload.count)), pieces: 0 }
            }
            PayloadKind::Piece => Input::Taken { upto: Offset(0), pieces: payload.first + 1 },
            PayloadKind::LastPiece => Input::Installed { snapshot: SnapshotId(u64_at(frame, 24)) },
            PayloadKind::Fork if payload.count == 1 => Input::Rewound,
            PayloadKind::Fork | PayloadKind::Begin => return,
        };
        self.node.handle(self.now, input).expect("it was handed out");
    }

    /// Polls, writes and feeds until nothing is left to do.
    pub fn turn(&mut self) {
        loop {
            while let Some(event) = self.node.poll_event() {
                self.on_event(event);
            }
            let Some(link) = self.writing.pop() else { break };
            self.write(link);
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::WantsWrite { link } => self.writing.push(link),
            Event::Close { link, fault, .. } => {
                let puppet = self.puppets[link.0 as usize].take();
                self.closed.push((link, fault, puppet.and_then(|puppet| puppet.goodbye)));
                self.writing.retain(|writing| *writing != link);
            }
            Event::SnapshotWanted { snapshot, .. } => {
                let cursor = self.cursor();
                self.views.push(snapshot);
                let ready = Input::SnapshotReady { snapshot, cursor: &cursor, bytes: None };
                self.node.handle(self.now, ready).expect("asked for");
            }
            Event::SnapshotRead { snapshot, piece } => {
                let data = [7; 4096];
                let (pieces, bytes) = self.view_shape;
                let (data, last) = (&data[..bytes], piece + 1 == pieces);
                let piece = Input::SnapshotPiece { snapshot, piece, data, last };
                self.node.handle(self.now, piece).expect("asked for");
            }
            Event::SnapshotDone { snapshot } => self.views.retain(|view| *view != snapshot),
            Event::Dial { .. } => self.dialled = true,
            Event::Joined { .. }
            | Event::CaughtUp
            | Event::Acked { .. }
            | Event::SlotExpired { .. }
            | Event::Role { .. }
            | Event::Outranked { .. } => {}
        }
    }

    fn write(&mut self, link: LinkId) {
        let mut ack = [0; 77];
        loop {
            let shown = self.node.peek_transmit(link);
            let mut room = STEP_BYTES;
            let puppet = self.puppets[link.0 as usize].as_mut().expect("an open link has a puppet");
            for slice in shown.slices() {
                let taken = slice.len().min(room);
                puppet.feed(&slice[..taken]);
                room -= taken;
            }
            let more = self.node.consume(self.now, link, STEP_BYTES - room).expect("it was shown");
            let puppet = self.puppets[link.0 as usize].as_mut().expect("consume closes nothing");
            if puppet.answer(&mut ack) {
                self.feed(link.0, &ack);
            }
            if more == More::Idle {
                return;
            }
        }
    }
}
