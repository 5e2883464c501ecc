//! A table's keys: byte strings in byte order, compared a word at a time.
//!
//! A browser's module has no instruction that compares bytes and no library that does it well: there, `memcmp` under
//! `[u8]`'s own order is a loop over single bytes, and was a fifth of what applying a record took.

use alloc::boxed::Box;
use core::borrow::Borrow;
use core::cmp::Ordering;

#[cfg(test)]
mod tests;

/// A key that a table holds.
#[derive(Clone, Debug)]
pub(crate) struct Key(pub(crate) Box<[u8]>);

/// A key, held or only looked for: a sorted map finds the one by the other only in a form that both can be lent in.
pub(crate) trait Lent {
    fn bytes(&self) -> &[u8];
}

impl Lent for Key {
    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Lent for &[u8] {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl<'a> Borrow<dyn Lent + 'a> for Key {
    #[inline]
    fn borrow(&self) -> &(dyn Lent + 'a) {
        self
    }
}

impl Ord for dyn Lent + '_ {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        order(self.bytes(), other.bytes())
    }
}

impl PartialOrd for dyn Lent + '_ {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for dyn Lent + '_ {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for dyn Lent + '_ {}

impl Ord for Key {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0, &other.0)
    }
}

impl PartialOrd for Key {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

/// The order of `[u8]`.
#[inline]
fn order(one: &[u8], other: &[u8]) -> Ordering {
    let (mut left, mut right) = (one, other);
    while let (Some((a, left_rest)), Some((b, right_rest))) =
        (left.split_first_chunk(), right.split_first_chunk())
    {
        match u64::from_be_bytes(*a).cmp(&u64::from_be_bytes(*b)) {
            Ordering::Equal => (left, right) = (left_rest, right_rest),
            unequal @ (Ordering::Less | Ordering::Greater) => return unequal,
        }
    }
    left.cmp(right)
}
