//! Stored worlds: as bytes, without places for missing frames.
//!
//! Equal worlds have equal bytes, and a world begins where the one before it ends. So the stored bytes are hashed, and
//! a frontier is one run of bytes. Bounds: a world takes 36 bytes and 4 a frame, at most [`PACKED_BYTES_MAX`].

use xxhash_rust::xxh3::xxh3_128;

use super::world::{FRAMES_MAX, NO_WIRE, NODES_MAX, World};

const PACKED_BYTES_MAX: usize = 4 * (NODES_MAX * (1 + 1 + 2 * FRAMES_MAX) + 3);

/// A stored world.
pub(super) struct Packed {
    bytes: [u8; PACKED_BYTES_MAX],
    len: usize,
}

impl Packed {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Returns the print of the world, in 128 bits.
    pub(super) fn print(&self) -> u128 {
        xxh3_128(self.bytes())
    }

    fn put(&mut self, word: [u8; 4]) {
        self.bytes[self.len..self.len + 4].copy_from_slice(&word);
        self.len += 4;
    }
}

impl World {
    pub(super) fn pack(&self) -> Packed {
        let mut packed = Packed { bytes: [0; PACKED_BYTES_MAX], len: 0 };
        self.agents.iter().for_each(|agent| packed.put(agent.to_le_bytes()));
        for wire in &self.wires {
            packed.put([wire.upstream, wire.closed, wire.queues[0].len, wire.queues[1].len]);
            for queue in &wire.queues {
                queue.frames[..usize::from(queue.len)]
                    .iter()
                    .for_each(|frame| packed.put(frame.to_le_bytes()));
            }
        }
        packed.put([self.targets[0], self.targets[1], self.targets[2], self.chief]);
        packed.put([self.ops, self.resets, self.crashes, self.promotions]);
        packed.put([self.waits, 0, 0, 0]);
        packed
    }

    /// Returns the world that begins here, and the rest; `None` at the end.
    pub(super) fn unpack(mut rest: &[u8]) -> Option<(Self, &[u8])> {
        let mut take = || {
            let (word, more) = rest.split_first_chunk::<4>()?;
            rest = more;
            Some(*word)
        };
        let mut agents = [0; NODES_MAX];
        for agent in &mut agents {
            *agent = u32::from_le_bytes(take()?);
        }
        let mut wires = [NO_WIRE; NODES_MAX];
        for wire in &mut wires {
            [wire.upstream, wire.closed, wire.queues[0].len, wire.queues[1].len] = take()?;
            for queue in &mut wire.queues {
                for frame in &mut queue.frames[..usize::from(queue.len)] {
                    *frame = u32::from_le_bytes(take()?);
                }
            }
        }
        let [first, second, third, chief] = take()?;
        let [ops, resets, crashes, promotions] = take()?;
        let [waits, ..] = take()?;
        let targets = [first, second, third];
        Some((Self { agents, wires, targets, chief, ops, resets, crashes, promotions, waits }, rest))
    }
}
