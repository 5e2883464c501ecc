//! The part of a host that every target needs: it feeds, polls and writes, and checks the node's promises.

use arbitrary::Unstructured;
use towline_core::*;

/// The most unread bytes a node of core's small test options may ask for: its longest frame of any kind.
const NEED_MAX: usize = 2048;

/// Returns the next operation of a script: four bytes, so that a corpus can be written by hand and survives insertions.
pub(crate) fn next_op(script: &mut Unstructured<'_>) -> Option<[u8; 4]> {
    if script.len() < 4 {
        return None;
    }
    script.arbitrary().ok()
}

pub(crate) fn wide(low: u8, high: u8) -> usize {
    usize::from(u16::from_le_bytes([low, high]))
}

/// One end of a link: bytes that came and are unread, bytes that were written and are not delivered.
#[derive(Clone, Default)]
pub(crate) struct End {
    pub(crate) link: LinkId,
    pub(crate) unread: Vec<u8>,
    pub(crate) said: Vec<u8>,
    pub(crate) writing: bool,
    pub(crate) closed: Option<Fault>,
}

/// The payload of a frame, with its bytes.
pub(crate) struct Brought<'a> {
    pub(crate) payload: Payload,
    pub(crate) data: &'a [u8],
    pub(crate) position: Option<Position>,
}

impl End {
    pub(crate) fn of(link: u32) -> Self {
        Self { link: LinkId(link), ..Self::default() }
    }

    /// Feeds the unread bytes, frame by frame, until the node wants more bytes or the link ends.
    pub(crate) fn feed(&mut self, node: &mut Node, now: Time, mut on: impl FnMut(&mut Node, &Brought<'_>)) {
        if self.closed.is_some() {
            self.unread.clear();
            return;
        }
        let mut at = 0;
        loop {
            let data = &self.unread[at..];
            let step = node.handle(now, Input::Bytes { link: self.link, data }).expect("an open link");
            node.check();
            assert!(step.used <= data.len(), "used what was not there");
            match step.next {
                Next::Again => assert!(step.used > 0, "`Again` without a used byte"),
                Next::NeedBytes => {
                    let left = data.len() - step.used;
                    assert!(left < step.need && step.need <= NEED_MAX, "need {} with {left}", step.need);
                }
                Next::Closed => {}
            }
            if let Some(payload) = step.payload {
                assert!(payload.range.start <= payload.range.end && payload.range.end <= step.used);
                let brought = &data[payload.range.clone()];
                on(node, &Brought { payload, data: brought, position: step.position });
                node.check();
            }
            at += step.used;
            if step.next != Next::Again {
                break;
            }
        }
        self.unread.drain(..at);
    }

    /// Writes the bytes on offer, at most so many. Returns whether there were any.
    pub(crate) fn write(&mut self, node: &mut Node, now: Time, most: usize) -> bool {
        if !self.writing || self.closed.is_some() {
            return false;
        }
        let shown = node.peek_transmit(self.link).slices().concat();
        let taken = shown.len().min(most);
        self.said.extend_from_slice(&shown[..taken]);
        let more = node.consume(now, self.link, taken).expect("it was shown");
        node.check();
        self.writing = more == More::More;
        true
    }

    /// Applies an event to this end, if it is about it.
    pub(crate) fn on_event(&mut self, event: Event) {
        match event {
            Event::WantsWrite { link } if link == self.link => self.writing = true,
            Event::Close { link, fault, .. } if link == self.link => {
                (self.closed, self.writing) = (Some(fault), false);
            }
            Event::WantsWrite { .. } | Event::Close { .. } => {}
            Event::Dial { .. } | Event::Joined { .. } | Event::SnapshotWanted { .. } => {}
            Event::SnapshotRead { .. } | Event::SnapshotDone { .. } | Event::CaughtUp => {}
            Event::Acked { .. } | Event::SlotExpired { .. } => {}
            Event::Role { .. } | Event::Outranked { .. } => {}
        }
    }
}

/// Makes a node with core's small test options.
pub(crate) fn small_node(id: u64, boot: u8, role: Role, cursor: Option<&[u8]>, options: Options) -> Node {
    let config = options.check().expect("the options work");
    let seed = crate::common::seed(id, boot);
    Node::new(config, Boot { node: NodeId(id), seed, role, unix_zero: 0, cursor }).expect("a sound cursor")
}
