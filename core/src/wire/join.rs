//! JOIN and ADMIT: the position of a replica, and how the sender goes on. Both carry a whole table of epochs.

use super::FrameKind;
use super::fields::{Reader, Writer};
use crate::epochs::{EpochTable, Opening};
use crate::error::Fault;
use crate::id::{Epoch, HistoryId, Offset, Position, SnapshotId};
use crate::limits::EPOCHS_MAX;

const CAN_REWIND: u8 = 1;
const ADOPT: u8 = 2;
const BASE: u8 = 4;
const SNAPSHOT_COMPLETE: u8 = 8;
const VOLATILE: u8 = 16;
const JOIN_FLAGS: u8 = 31;

/// The position of a replica.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Join {
    pub(crate) can_rewind: bool,
    /// The host consented to another history.
    pub(crate) adopt: bool,
    /// The state up to `applied` is complete.
    pub(crate) base: bool,
    /// The host keeps nothing through a power cut: `persisted` means nothing.
    pub(crate) volatile: bool,
    /// Every piece of `snapshot` is here; only the installing is left.
    pub(crate) snapshot_complete: bool,
    pub(crate) history: HistoryId,
    /// The end of what it received.
    pub(crate) position: Position,
    pub(crate) applied: Offset,
    pub(crate) persisted: Offset,
    /// Stream bytes an earlier link left untaken: they fill the window until they are released.
    pub(crate) untaken_bytes: u64,
    /// The snapshot it holds a part of; zero for none.
    pub(crate) snapshot: SnapshotId,
    /// The first piece it lacks.
    pub(crate) next_piece: u64,
    /// The chain before that piece.
    pub(crate) chain: u64,
    /// Counts the JOINs of this link; ADMITs echo it, so that none is read against a position that was left.
    pub(crate) number: u32,
    pub(crate) epochs: EpochTable,
}

impl Join {
    pub(crate) fn encode(&self, scratch: &mut [u8], epoch_number: u32) -> usize {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let mut writer = Writer::frame(scratch);
        writer.u8(flag(self.can_rewind, CAN_REWIND)
            | flag(self.adopt, ADOPT)
            | flag(self.base, BASE)
            | flag(self.volatile, VOLATILE)
            | flag(self.snapshot_complete, SNAPSHOT_COMPLETE));
        writer.u128(self.history.0);
        encode_position(&mut writer, self.position);
        writer.u64(self.applied.0).u64(self.persisted.0).u64(self.untaken_bytes);
        writer.u64(self.snapshot.0).u64(self.next_piece).u64(self.chain);
        writer.u32(self.number);
        encode_epochs(&mut writer, &self.epochs);
        writer.finish(FrameKind::Join, epoch_number)
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let flags = reader.u8()?;
        if flags & !JOIN_FLAGS != 0 {
            return Err(Fault::UnknownFlag);
        }
        let join = Self {
            can_rewind: flags & CAN_REWIND != 0,
            adopt: flags & ADOPT != 0,
            base: flags & BASE != 0,
            volatile: flags & VOLATILE != 0,
            snapshot_complete: flags & SNAPSHOT_COMPLETE != 0,
            history: HistoryId(reader.u128()?),
            position: decode_position(&mut reader)?,
            applied: Offset(reader.u64()?),
            persisted: Offset(reader.u64()?),
            untaken_bytes: reader.u64()?,
            snapshot: SnapshotId(reader.u64()?),
            next_piece: reader.u64()?,
            chain: reader.u64()?,
            number: reader.u32()?,
            epochs: decode_epochs(&mut reader)?,
        };
        let holds = !join.history.is_none();
        let sound = join.applied <= join.position.boundary && join.persisted <= join.position.boundary;
        if sound && (holds || (!join.base && join.position.boundary == Offset(0))) {
            Ok(join)
        } else {
            Err(Fault::Malformed)
        }
    }
}

/// How the sender goes on with a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Verdict {
    /// The stream goes on from the replica's position.
    Continue = 1,
    /// Our logs part at `from`: rewind there and join again.
    Fork = 2,
    /// A snapshot comes; its tail begins at `from`.
    Snapshot = 3,
    /// A snapshot goes on, but the stream beside it has stopped.
    SnapshotOnly = 4,
    /// Neither is possible now: an ADMIT will come again.
    Wait = 5,
}

/// How the sender goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admit {
    /// Counts the ADMITs of this link; acks echo it, so that none is read against another verdict.
    pub(crate) number: u32,
    pub(crate) verdict: Verdict,
    pub(crate) history: HistoryId,
    /// Where the stream begins (and the digest there), or where the logs part.
    pub(crate) from: Position,
    pub(crate) snapshot: SnapshotId,
    /// The first piece that will come.
    pub(crate) next_piece: u64,
    /// The point where the logs part, for a snapshot that follows a fork.
    pub(crate) fork: Option<Offset>,
    /// The number of the JOIN that is answered.
    pub(crate) join: u32,
    pub(crate) epochs: EpochTable,
}

impl Admit {
    pub(crate) fn encode(&self, scratch: &mut [u8], epoch_number: u32) -> usize {
        let mut writer = Writer::frame(scratch);
        writer.u32(self.number).u8(self.verdict as u8).u8(u8::from(self.fork.is_some()));
        writer.u128(self.history.0);
        encode_position(&mut writer, self.from);
        writer.u64(self.snapshot.0).u64(self.next_piece);
        writer.u64(self.fork.unwrap_or_default().0).u32(self.join);
        encode_epochs(&mut writer, &self.epochs);
        writer.finish(FrameKind::Admit, epoch_number)
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let number = reader.u32()?;
        let verdict = match reader.u8()? {
            1 => Verdict::Continue,
            2 => Verdict::Fork,
            3 => Verdict::Snapshot,
            4 => Verdict::SnapshotOnly,
            5 => Verdict::Wait,
            _ => return Err(Fault::Malformed),
        };
        let forked = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Fault::UnknownFlag),
        };
        let history = HistoryId(reader.u128()?);
        let from = decode_position(&mut reader)?;
        let snapshot = SnapshotId(reader.u64()?);
        let next_piece = reader.u64()?;
        let fork = Offset(reader.u64()?);
        let join = reader.u32()?;
        let epochs = decode_epochs(&mut reader)?;
        let snapshot_comes = matches!(verdict, Verdict::Snapshot | Verdict::SnapshotOnly);
        if verdict != Verdict::Wait && (history.is_none() || epochs.is_empty())
            || snapshot_comes && snapshot.0 == 0
        {
            return Err(Fault::Malformed);
        }
        Ok(Self {
            number,
            verdict,
            history,
            from,
            snapshot,
            next_piece,
            fork: forked.then_some(fork),
            join,
            epochs,
        })
    }
}

pub(crate) fn encode_position(writer: &mut Writer<'_>, position: Position) {
    writer.u64(position.epoch.0).u64(position.boundary.0).u64(position.digest);
}

pub(crate) fn decode_position(reader: &mut Reader<'_>) -> Result<Position, Fault> {
    Ok(Position { epoch: Epoch(reader.u64()?), boundary: Offset(reader.u64()?), digest: reader.u64()? })
}

fn encode_epochs(writer: &mut Writer<'_>, epochs: &EpochTable) {
    writer.u8(u8::try_from(epochs.entries().len()).expect("EPOCHS_MAX fits"));
    for Opening { epoch, start } in epochs.entries() {
        writer.u64(epoch.0).u64(start.0);
    }
}

fn decode_epochs(reader: &mut Reader<'_>) -> Result<EpochTable, Fault> {
    let count = usize::from(reader.u8()?);
    if count > EPOCHS_MAX {
        return Err(Fault::Malformed);
    }
    let mut table = EpochTable::EMPTY;
    for _ in 0..count {
        let (epoch, start) = (Epoch(reader.u64()?), Offset(reader.u64()?));
        if epoch.number() == 0 || !table.append(epoch, start) {
            return Err(Fault::EpochOrder);
        }
    }
    Ok(table)
}

const _: () = assert!(EPOCHS_MAX <= u8::MAX as usize);
