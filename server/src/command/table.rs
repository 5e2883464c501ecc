//! The commands: one row each (in `table/rows.rs`), read by dispatch, arity checks, COMMAND, its docs and HELP.
//!
//! A name is looked up in an index made at compile time: upper-case letters packed into one word, a multiplication, a
//! comparison. Invariants, checked at compile time: names are at most 15 bytes, each is unique, and there are fewer
//! than half as many as the index has places.

mod rows;

use super::call::{Answer, Call};
pub use rows::COMMANDS;

/// The properties of a command, as COMMAND reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// Neither reads nor writes keys.
    pub const NONE: Self = Self(0);
    /// Reads keys.
    pub const READ: Self = Self(1);
    /// May write; refused on a replica.
    pub const WRITE: Self = Self(2);
    /// Takes the same time however much is stored.
    pub const FAST: Self = Self(4);
    /// Is for operators of the server.
    pub const ADMIN: Self = Self(8);
    /// May wait for others.
    pub const BLOCKING: Self = Self(16);
    /// Runs on a replica that never was complete; without this flag a command gets LOADING there.
    pub const LOADING: Self = Self(32);

    /// Is refused between MULTI and EXEC.
    pub const NO_MULTI: Self = Self(64);
    /// Runs at once, between MULTI and EXEC too.
    pub const DIRECT: Self = Self(128);

    const NAMES: [(Self, &'static str); 7] = [
        (Self::READ, "readonly"),
        (Self::WRITE, "write"),
        (Self::FAST, "fast"),
        (Self::ADMIN, "admin"),
        (Self::BLOCKING, "blocking"),
        (Self::LOADING, "loading"),
        (Self::NO_MULTI, "no_multi"),
    ];

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether all of `flags` are among these.
    #[must_use]
    pub const fn has(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Returns redis's names for them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

/// One command of the table.
#[derive(Debug)]
pub struct Command {
    /// Its number: each command and subcommand has one of its own, below [`IDS`].
    pub(super) id: u16,
    /// The name in lower case; of a subcommand: `client|list`.
    pub name: &'static str,
    /// How many arguments, the name counted; below zero: at least so many.
    pub arity: i8,
    /// Its properties.
    pub flags: Flags,
    /// First and last argument that is a key (below zero: from the end), and the step between them.
    pub keys: (i8, i8, i8),
    /// The chapter of the manual.
    pub group: &'static str,
    /// The version of redis that introduced it (of Towline, for our own).
    pub since: &'static str,
    /// The arguments behind the name.
    pub syntax: &'static str,
    /// Its purpose, in a sentence.
    pub summary: &'static str,
    /// Its subcommands.
    pub subs: &'static [Self],
    pub(super) run: fn(&mut Call<'_>) -> Answer,
}

impl Command {
    /// Returns whether the command may have so many arguments.
    pub(super) fn takes(&self, args: usize) -> bool {
        let wanted = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { args >= wanted } else { args == wanted }
    }

    pub(super) const fn writes(&self) -> bool {
        self.flags.has(Flags::WRITE)
    }

    pub(super) fn sub(&self, name: &[u8]) -> Option<&'static Self> {
        self.subs.iter().find(|sub| sub.short_name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Returns the last word of the name.
    pub(super) fn short_name(&self) -> &'static str {
        self.name.rsplit_once('|').map_or(self.name, |(_, name)| name)
    }
}

/// The number of ids: first the commands, then room for each command's subcommands.
pub(super) const IDS: usize = PLACES / 2 + rows::FAMILIES * rows::FAMILY_MAX;

/// Places in the index.
const PLACES: usize = 256;

/// The packed name and the row of each command, at the first free place from its name's own.
static INDEX: [(u128, u8); PLACES] = {
    let mut index = [(0, 0); PLACES];
    let mut row = 0;
    while row < COMMANDS.len() {
        let name = pack(COMMANDS[row].name.as_bytes());
        assert!(name != 0, "a name is 1 to 15 bytes");
        let mut at = place(name);
        while index[at].0 != 0 {
            assert!(index[at].0 != name, "a name stands once");
            at = (at + 1) % PLACES;
        }
        #[expect(clippy::cast_possible_truncation, reason = "asserted below")]
        {
            index[at] = (name, row as u8);
        }
        row += 1;
    }
    index
};

const _: () = assert!(COMMANDS.len() < PLACES / 2);

/// Returns a name's letters in upper case, as one word; 0 for a name that no command can have.
#[inline]
const fn pack(name: &[u8]) -> u128 {
    if name.is_empty() || name.len() > 15 {
        return 0;
    }
    // The leading one keeps bytes of zero from vanishing.
    let (mut word, mut at) = (1, 0);
    while at < name.len() {
        word = word << 8 | name[at].to_ascii_uppercase() as u128;
        at += 1;
    }
    word
}

/// Returns the place at which a name's search begins.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves are mixed; the top eight bits are a place")]
const fn place(name: u128) -> usize {
    let mixed = (name as u64 ^ (name >> 64) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as usize
}

/// Returns the command of this name, in any case.
#[must_use]
#[inline]
pub fn find(name: &[u8]) -> Option<&'static Command> {
    let name = pack(name);
    if name == 0 {
        return None;
    }
    let mut at = place(name);
    loop {
        match INDEX[at] {
            (0, _) => return None,
            (found, row) if found == name => return COMMANDS.get(usize::from(row)),
            _ => at = (at + 1) % PLACES,
        }
    }
}
