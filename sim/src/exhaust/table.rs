//! A set of 128-bit keys in the order in which they came: open addressing, linear probing, at most half full.
//!
//! A key's place is its number; what belongs to it lies in a vector beside the table. Lookups follow from the keys
//! alone, so the order of everything is the same in every run. Bounds: 24 to 32 bytes a key.

const EMPTY: u32 = u32::MAX;

/// Keys by number, numbers by key.
#[derive(Debug, Clone)]
pub(super) struct Table {
    keys: Vec<u128>,
    slots: Vec<u32>,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { keys: Vec::new(), slots: vec![EMPTY; 1 << 10] }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key's number, and whether it is new.
    pub(super) fn insert(&mut self, key: u128) -> (u32, bool) {
        if 2 * self.keys.len() >= self.slots.len() {
            self.grow();
        }
        let slot = self.slot(key);
        if self.slots[slot] != EMPTY {
            return (self.slots[slot], false);
        }
        let number = u32::try_from(self.keys.len()).expect("memory ends before numbers do");
        self.slots[slot] = number;
        self.keys.push(key);
        (number, true)
    }

    /// Where the key is, or would be.
    #[expect(clippy::cast_possible_truncation, reason = "a place in the table")]
    fn slot(&self, key: u128) -> usize {
        let mask = self.slots.len() - 1;
        // Keys may be packed numbers: the product spreads them, its high half is the good one.
        let high = ((key >> 64) as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(31);
        let mixed = (key as u64 ^ high).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut slot = (mixed >> 32) as usize & mask;
        while self.slots[slot] != EMPTY && self.keys[self.slots[slot] as usize] != key {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        self.slots = vec![EMPTY; 2 * self.slots.len()];
        for number in 0..self.keys.len() {
            let slot = self.slot(self.keys[number]);
            self.slots[slot] = u32::try_from(number).expect("it had this number");
        }
    }
}
