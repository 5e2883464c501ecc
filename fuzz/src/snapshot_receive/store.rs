//! The replica's store, and its host's work for each payload.

use towline_core::*;

use crate::Marks;
use crate::host::Brought;

/// The installed view and its position; and the received part of another.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) cursor: Option<Vec<u8>>,
    pub(super) loading: Option<Loading>,
}

/// A snapshot that is partly received.
pub(super) struct Loading {
    snapshot: SnapshotId,
    cursor: Vec<u8>,
    pieces: u64,
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
    pub(super) fn receive(
        &mut self,
        node: &mut Node,
        now: Time,
        brought: &Brought<'_>,
        view: View,
        marks: &mut Marks,
    ) {
        let payload = &brought.payload;
        let upto = Offset(payload.first + u64::from(payload.count));
        let done = match payload.kind {
            PayloadKind::Batch => Input::Persisted { upto },
            PayloadKind::Spool => {
                marks.hit("spooled");
                Input::Taken { upto, pieces: 0 }
            }
            PayloadKind::Begin => {
                marks.hit("begun");
                return self.begin(payload.snapshot, brought.data);
            }
            PayloadKind::Piece | PayloadKind::LastPiece => {
                marks.hit("piece");
                Input::Taken { upto: Offset(0), pieces: self.piece(payload, brought.data) }
            }
            PayloadKind::Fork if payload.count == 1 => Input::Rewound,
            PayloadKind::Fork => return,
        };
        node.handle(now, done).expect("it was handed out");
        if payload.kind == PayloadKind::Batch {
            self.cursor = brought.position.map(|position| node.cursor(position).as_bytes().to_vec());
        }
        if payload.kind == PayloadKind::LastPiece {
            self.install(node, now, view);
        }
    }

    /// Begins a snapshot and drops an earlier one: a snapshot that goes on has no second BEGIN.
    fn begin(&mut self, snapshot: SnapshotId, cursor: &[u8]) {
        self.loading = Some(Loading { snapshot, cursor: cursor.to_vec(), pieces: 0, bytes: Vec::new() });
    }

    fn piece(&mut self, payload: &Payload, data: &[u8]) -> u64 {
        let loading = self.loading.as_mut().expect("BEGIN came first");
        let due = (loading.snapshot, loading.pieces);
        assert_eq!(due, (payload.snapshot, payload.first), "pieces come in order");
        loading.bytes.extend_from_slice(data);
        loading.pieces += 1;
        loading.pieces
    }

    fn install(&mut self, node: &mut Node, now: Time, view: View) {
        let Loading { snapshot, cursor, bytes, .. } = self.loading.take().expect("its last piece came");
        let sent = (0..view.pieces).flat_map(|piece| piece_bytes(snapshot, piece, view.bytes));
        assert!(view.forged || bytes.into_iter().eq(sent), "what is installed is what was sent");
        self.cursor = Some(cursor);
        node.handle(now, Input::Installed { snapshot }).expect("it is complete");
        let upto = node.stats().end;
        node.handle(now, Input::Applied { upto }).expect("it was handed out");
    }
}
