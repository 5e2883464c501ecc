//! A snapshot that is already bytes: the simplest [`View`].

use super::View;

/// A view over bytes in memory, cut anywhere.
#[derive(Debug, Clone)]
pub struct SnapshotBytes {
    cursor: Vec<u8>,
    bytes: Vec<u8>,
}

impl SnapshotBytes {
    /// Makes a view of a state that was written into `bytes` when it lay at `cursor`.
    #[must_use]
    pub const fn new(cursor: Vec<u8>, bytes: Vec<u8>) -> Self {
        Self { cursor, bytes }
    }
}

impl View for SnapshotBytes {
    fn cursor(&self) -> &[u8] {
        &self.cursor
    }

    fn piece(&mut self, number: u64, bytes_max: usize, piece: &mut Vec<u8>) -> bool {
        let at = usize::try_from(number).unwrap_or(usize::MAX).saturating_mul(bytes_max);
        let rest = self.bytes.get(at..).unwrap_or_default();
        piece.clear();
        piece.extend_from_slice(&rest[..rest.len().min(bytes_max)]);
        rest.len() <= bytes_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_bytes_and_come_again() {
        for (bytes, pieces) in [(0, 1), (9, 1), (10, 1), (11, 2), (30, 3)] {
            let bytes: Vec<u8> = (0..bytes).collect();
            let mut view = SnapshotBytes::new(vec![1], bytes.clone());
            let (mut piece, mut all) = (vec![9; 3], Vec::new());
            for number in 0..pieces {
                assert_eq!(view.piece(number, 10, &mut piece), number + 1 == pieces);
                all.extend_from_slice(&piece);
            }
            assert_eq!(all, bytes);
            view.piece(0, 10, &mut piece);
            assert_eq!(piece, bytes[..bytes.len().min(10)]);
        }
    }
}
