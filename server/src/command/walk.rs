//! A walk over the keys, cut into slices: each ends when its steps are spent, and the next goes on from there.
//!
//! The session keeps it between two slices, while others have their turn. An entry that exists from begin to end is
//! shown exactly once, whatever is written meanwhile; inside a transaction nothing is written meanwhile.
//!
//! Bounds: a slice spends its steps, and at most one part of the store more ([`KeyValueStore::scan`] visits a part
//! whole). A part that is left in the middle has its remaining keys copied.

use std::collections::VecDeque;

use super::call::{Cost, KEY_STEPS};
use super::glob::Matcher;
use super::overlay::Overlay;
use crate::store::{Found, KeyValueStore};

/// The keys that a walk shows.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Keys that fit this pattern; all without it.
    pub(super) pattern: Option<&'a [u8]>,
    /// Keys that have not expired at this time.
    pub(super) now_ms: u64,
}

/// The progress of a walk.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The place in the store at which to go on.
    cursor: u64,
    /// Keys visited so far.
    pub(super) seen: u64,
    ended: bool,
    /// Remaining keys of the part that was left in the middle; the match of the first is under way.
    aside: VecDeque<Box<[u8]>>,
    matcher: Matcher,
    /// How many keys were shown, and as replies.
    pub(super) found: usize,
    pub(super) text: Vec<u8>,
}

impl Walk {
    /// Makes a walk that begins at this cursor of [`KeyValueStore::scan`].
    pub(super) fn from(cursor: u64) -> Self {
        Self { cursor, ..Self::default() }
    }

    /// Returns the cursor at which another walk goes on; 0 at the end. Only between two parts.
    pub(super) fn cursor(&self) -> u64 {
        if self.ended { 0 } else { self.cursor }
    }

    /// Returns whether it is between two parts of the store, or at the end.
    pub(super) fn is_between(&self) -> bool {
        self.aside.is_empty()
    }

    /// Returns whether everything was visited.
    pub(super) fn is_done(&self) -> bool {
        self.ended && self.aside.is_empty()
    }

    /// Returns the bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.aside.iter().map(|key| key.len()).sum::<usize>()
    }

    /// Visits one more part, or goes on with the one that was left. `show` gets each wanted key.
    pub(super) fn part(
        &mut self,
        store: &dyn KeyValueStore,
        overlay: Option<&Overlay>,
        wanted: Wanted<'_>,
        cost: &mut Cost,
        show: &mut dyn FnMut(&mut Vec<u8>, &[u8]),
    ) {
        while let Some(key) = self.aside.front() {
            match fits(wanted, &mut self.matcher, key, cost) {
                None => return,
                Some(true) => {
                    self.found += 1;
                    show(&mut self.text, key);
                }
                Some(false) => {}
            }
            self.aside.pop_front();
        }
        if self.ended {
            return;
        }
        if let (0, Some(overlay)) = (self.cursor, overlay) {
            for (key, found) in overlay.entries() {
                self.visit(key, found, wanted, cost, show);
            }
        }
        self.cursor = store.scan(self.cursor, 1, &mut |key, found| {
            if !overlay.is_some_and(|overlay| overlay.hides(key)) {
                self.visit(key, found, wanted, cost, show);
            }
        });
        self.ended = self.cursor == 0;
    }

    fn visit(
        &mut self,
        key: &[u8],
        found: &Found,
        wanted: Wanted<'_>,
        cost: &mut Cost,
        show: &mut dyn FnMut(&mut Vec<u8>, &[u8]),
    ) {
        self.seen += 1;
        cost.spend(KEY_STEPS);
        if found.expiry.is_some_and(|at| at.get() <= wanted.now_ms) {
            return;
        }
        let fits = if self.aside.is_empty() { fits(wanted, &mut self.matcher, key, cost) } else { None };
        match fits {
            None => self.aside.push_back(key.into()),
            Some(true) => {
                self.found += 1;
                show(&mut self.text, key);
            }
            Some(false) => {}
        }
    }
}

/// Returns whether a key is wanted; `None` when the steps are spent before that is known.
fn fits(wanted: Wanted<'_>, matcher: &mut Matcher, key: &[u8], cost: &mut Cost) -> Option<bool> {
    let Some(pattern) = wanted.pattern else { return Some(true) };
    let mut left = cost.left();
    let before = left;
    let fits = matcher.go_on(pattern, key, false, &mut left);
    cost.spend(before - left);
    if fits.is_some() {
        *matcher = Matcher::default();
    }
    fits
}
