//! Sets of 128-bit keys: open addressing, linear probing. Lookups follow from the keys alone, so the order of
//! everything is the same in every run.
//!
//! [`Table`] numbers its keys in the order in which they came: a key's place is its number, and its data is in a vector
//! beside the table. A slot holds the number and 32 bits of the mixed key, so that a key is compared only where it
//! almost surely matches. At most half full: 32 to 48 bytes a key.
//!
//! [`Set`] holds keys alone: each question costs one access to memory. At most three quarters full: 21 to 43 bytes a
//! key.

const EMPTY: u64 = u64::MAX;

/// Keys by number, numbers by key.
#[derive(Debug, Clone)]
pub(super) struct Table {
    keys: Vec<u128>,
    /// The low half of a slot is the number, the high half the tag.
    slots: Vec<u64>,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { keys: Vec::new(), slots: vec![EMPTY; 1 << 10] }
    }

    /// Returns the key's number, and whether it is new.
    pub(super) fn insert(&mut self, key: u128) -> (u32, bool) {
        if 2 * self.keys.len() >= self.slots.len() {
            self.grow();
        }
        let mixed = mix(key);
        let mask = self.slots.len() - 1;
        let mut slot = place(mixed, mask);
        while self.slots[slot] != EMPTY {
            let number = number_of(self.slots[slot]);
            if tag(self.slots[slot]) == tag(mixed) && self.keys[number as usize] == key {
                return (number, false);
            }
            slot = (slot + 1) & mask;
        }
        let number = u32::try_from(self.keys.len()).ok().filter(|number| *number < u32::MAX);
        let number = number.expect("memory ends before numbers do");
        self.slots[slot] = tag(mixed) << 32 | u64::from(number);
        self.keys.push(key);
        (number, true)
    }

    fn grow(&mut self) {
        let mask = 2 * self.slots.len() - 1;
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; mask + 1]);
        for entry in old.into_iter().filter(|entry| *entry != EMPTY) {
            let mut slot = place(mix(self.keys[number_of(entry) as usize]), mask);
            while self.slots[slot] != EMPTY {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = entry;
        }
    }
}

/// A set of keys without numbers. 0 marks an empty slot, and counts as 1: one more pair of prints that may collide.
#[derive(Debug, Clone)]
pub(super) struct Set {
    slots: Vec<u128>,
    len: usize,
}

impl Set {
    pub(super) fn new() -> Self {
        Self { slots: vec![0; 1 << 10], len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Prefetches the places of keys: the accesses to memory overlap.
    pub(super) fn fetch(&self, keys: impl Iterator<Item = u128>) {
        let mask = self.slots.len() - 1;
        std::hint::black_box(keys.fold(0, |seen, key| seen ^ self.slots[place(mix(key), mask)]));
    }

    /// Adds a key; returns whether it is new.
    pub(super) fn insert(&mut self, key: u128) -> bool {
        if 4 * self.len >= 3 * self.slots.len() {
            self.grow();
        }
        let key = key.max(1);
        let slot = self.find(key);
        let new = self.slots[slot] != key;
        self.slots[slot] = key;
        self.len += usize::from(new);
        new
    }

    /// Returns the place of a key, or where it would be.
    fn find(&self, key: u128) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = place(mix(key), mask);
        while self.slots[slot] != 0 && self.slots[slot] != key {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        let twice = vec![0; 2 * self.slots.len()];
        for key in std::mem::replace(&mut self.slots, twice).into_iter().filter(|key| *key != 0) {
            let slot = self.find(key);
            self.slots[slot] = key;
        }
    }
}

/// Mixes a key, because keys may be packed numbers: products spread them.
#[expect(clippy::cast_possible_truncation, reason = "one half, then the other")]
const fn mix(key: u128) -> u64 {
    let high = ((key >> 64) as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(31);
    let mixed = (key as u64 ^ high).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

/// Returns the first place of a key: the low bits, which are the best of the product.
#[expect(clippy::cast_possible_truncation, reason = "a place in the table")]
const fn place(mixed: u64, mask: usize) -> usize {
    mixed as usize & mask
}

/// Returns the high half, of a slot or of a mixed key.
const fn tag(mixed: u64) -> u64 {
    mixed >> 32
}

#[expect(clippy::cast_possible_truncation, reason = "the low half")]
const fn number_of(slot: u64) -> u32 {
    slot as u32
}
