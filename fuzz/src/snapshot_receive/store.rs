//! The replica's store, and its host's work for each command of the receiver.

use std::collections::VecDeque;

use towline_core::receiver::{Batch, Command, Receiver, Standing};
use towline_core::*;

use crate::Marks;
use crate::host::Brought;

/// The installed view and its position; the received part of another, and the ends of the batches beside that.
pub(super) struct Kept {
    pub(super) cursor: Option<Vec<u8>>,
    receiver: Receiver,
    spool: VecDeque<(Offset, Vec<u8>)>,
    loading: Option<Loading>,
}

/// A snapshot that is partly received.
struct Loading {
    snapshot: SnapshotId,
    cursor: Vec<u8>,
    bytes: Vec<u8>,
}

/// Returns the content of a piece: nothing else has these bytes.
pub(super) fn piece_bytes(snapshot: SnapshotId, piece: u64, bytes: usize) -> Vec<u8> {
    let seed = snapshot.0 ^ piece.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    seed.to_le_bytes().into_iter().cycle().take(bytes).collect()
}

/// The view that is sent: so many pieces of so many bytes, forged or not.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) pieces: u64,
    pub(super) bytes: usize,
    pub(super) forged: bool,
}

impl Kept {
    /// The store of a process that starts: nothing is on its way.
    pub(super) fn standing_at(cursor: Option<Vec<u8>>) -> Self {
        Self { cursor, receiver: Receiver::new(false), spool: VecDeque::new(), loading: None }
    }

    pub(super) fn receive(
        &mut self,
        node: &mut Node,
        now: Time,
        brought: &Brought<'_>,
        view: View,
        marks: &mut Marks,
    ) {
        match brought.payload.kind {
            PayloadKind::Spool => marks.hit("spooled"),
            PayloadKind::Begin => marks.hit("begun"),
            PayloadKind::Piece | PayloadKind::LastPiece => marks.hit("piece"),
            PayloadKind::Batch | PayloadKind::Fork => {}
        }
        let payload = Payload { range: 0..brought.data.len(), ..brought.payload.clone() };
        let step = Step { payload: Some(payload), position: brought.position, ..Step::default() };
        self.receiver.receive(&step, Standing::of(node), true).expect("in order");
        while let Some(command) = self.receiver.poll().or_else(|| self.receiver.work()) {
            self.execute(node, now, command, brought.data, view);
            self.receiver.check();
        }
    }

    fn execute(&mut self, node: &mut Node, now: Time, command: Command, data: &[u8], view: View) {
        let cursor_of = |position| node.cursor(position).as_bytes().to_vec();
        match command {
            Command::Say(input) => {
                let position = node.handle(now, input).expect("as the receiver says").position;
                self.receiver.answered(position).expect("the tail fits the snapshot, forged or not");
            }
            Command::Keep(Batch { position, .. }) => {
                self.spool.push_back((position.boundary, cursor_of(position)));
            }
            Command::Apply(Batch { position, .. }) => {
                self.cursor = Some(cursor_of(position));
                self.applied(position.boundary);
            }
            Command::ApplySpooled { .. } => {
                let (upto, cursor) = self.spool.pop_front().expect("one waits");
                self.cursor = Some(cursor);
                self.applied(upto);
            }
            Command::DropSpooled { upto } => {
                self.spool.retain(|(end, _)| upto.is_some_and(|upto| *end > upto));
            }
            Command::Forked { .. } => {}
            Command::Begin { range, snapshot, .. } => {
                self.loading = Some(Loading { snapshot, cursor: data[range].to_vec(), bytes: Vec::new() });
            }
            Command::Load { range, piece, .. } => {
                self.loading.as_mut().expect("BEGIN came first").bytes.extend_from_slice(&data[range]);
                self.receiver.loaded(piece + 1).expect("handed out");
            }
            Command::Install { .. } => self.install(view),
            Command::Rewind { position } => {
                self.cursor = Some(cursor_of(position));
                self.receiver.rewound().expect("asked for");
            }
            Command::LoadTail(_) | Command::LoadTailSpooled { .. } => {
                panic!("{command:?} for a store that cannot")
            }
        }
    }

    fn applied(&mut self, upto: Offset) {
        self.receiver.applied(upto).expect("asked for");
        self.receiver.persisted(upto);
    }

    fn install(&mut self, view: View) {
        let Loading { snapshot, cursor, bytes } = self.loading.take().expect("its last piece came");
        let sent = (0..view.pieces).flat_map(|piece| piece_bytes(snapshot, piece, view.bytes));
        assert!(view.forged || bytes.into_iter().eq(sent), "what is installed is what was sent");
        self.cursor = Some(cursor);
        self.receiver.installed().expect("asked for");
    }
}
