//! Sets of the variants of a small enum, without allocating.

use core::marker::PhantomData;

/// An enum of at most sixteen variants without fields.
pub(crate) trait Member: Copy + 'static {
    /// Every variant, in the order of their declaration.
    const ALL: &'static [Self];

    /// The variant's place in [`ALL`](Self::ALL).
    fn place(self) -> u32;
}

/// A set of variants; the one declared first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EnumSet<T> {
    bits: u16,
    of: PhantomData<T>,
}

impl<T: Member> EnumSet<T> {
    pub(crate) const EMPTY: Self = Self { bits: 0, of: PhantomData };

    /// The set of one variant.
    pub(crate) fn only(member: T) -> Self {
        Self { bits: 1 << member.place(), of: PhantomData }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.bits == 0
    }

    pub(crate) fn contains(self, member: T) -> bool {
        self.bits & (1 << member.place()) != 0
    }

    pub(crate) fn insert(&mut self, member: T) {
        self.bits |= 1 << member.place();
    }

    /// Removes a variant. Returns whether it was there.
    pub(crate) fn remove(&mut self, member: T) -> bool {
        let was_there = self.contains(member);
        self.bits &= !(1 << member.place());
        was_there
    }

    /// The variant declared first of those in the set.
    pub(crate) fn first(self) -> Option<T> {
        T::ALL.get(self.bits.trailing_zeros() as usize).copied()
    }

    /// Removes and returns the first.
    pub(crate) fn pop_first(&mut self) -> Option<T> {
        let first = self.first()?;
        self.remove(first);
        Some(first)
    }
}

/// `members!(Name { A, B })`: makes an enum the member of a set; a variant that is left out does not compile.
macro_rules! members {
    ($name:ident { $($variant:ident),+ }) => {
        impl crate::set::Member for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn place(self) -> u32 {
                const { assert!(Self::ALL.len() <= 16, "a set has sixteen bits") };
                match self {
                    $(Self::$variant => Self::$variant as u32),+
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Letter {
        A,
        B,
        C,
    }

    members!(Letter { A, B, C });

    #[test]
    fn members_leave_in_the_order_of_their_declaration_once_each() {
        let mut set = EnumSet::only(Letter::C);
        set.insert(Letter::A);
        set.insert(Letter::A);
        assert!(set.contains(Letter::A) && !set.contains(Letter::B));
        assert_eq!(
            [set.pop_first(), set.pop_first(), set.pop_first()],
            [Some(Letter::A), Some(Letter::C), None]
        );
        set.insert(Letter::B);
        assert!(set.remove(Letter::B) && !set.remove(Letter::B) && set.is_empty());
    }
}
