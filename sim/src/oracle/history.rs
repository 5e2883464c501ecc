//! The shadow history: every state any primary ever wrote, as a tree.
//!
//! A *branch* is a run of states, one record after another; it leaves its parent at a state of it. A [`State`] is a
//! place on a branch. Only writers add states, so a store at any other place holds records that nobody wrote.
//!
//! Bounds: one word for each record ever written; a lookup visits each branch once, and there are as many branches as
//! writers that parted.

use crate::trace::At;

/// A place in the tree of histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State {
    branch: usize,
    pub(crate) offset: u64,
}

#[derive(Debug, Clone)]
struct Branch {
    /// The branch that this one leaves, at `base`. The root leaves itself, at 0.
    parent: usize,
    base: u64,
    /// Chains after the records at `base`, `base + 1` ...
    chains: Vec<u64>,
    /// The number of its history: another than its parent's only if an empty store began to write.
    history: u32,
}

/// The tree of histories.
#[derive(Debug, Clone)]
pub(crate) struct History {
    branches: Vec<Branch>,
    histories: u32,
}

impl History {
    pub(crate) fn new() -> Self {
        let root = Branch { parent: 0, base: 0, chains: Vec::new(), history: 0 };
        Self { branches: vec![root], histories: 0 }
    }

    /// The empty state: before every record of every history.
    pub(crate) const EMPTY: State = State { branch: 0, offset: 0 };

    /// Returns the state of a store, if anyone ever wrote that.
    pub(crate) fn find(&self, at: At) -> Option<State> {
        if at.offset == 0 {
            return (at.chain == 0).then_some(Self::EMPTY);
        }
        let holds = |branch: &Branch| {
            let index = at.offset.checked_sub(branch.base + 1)?;
            branch.chains.get(usize::try_from(index).ok()?).copied()
        };
        let branch = self.branches.iter().position(|branch| holds(branch) == Some(at.chain))?;
        Some(State { branch, offset: at.offset })
    }

    /// Adds a record that a writer at `from` wrote; `begins` says that its store was empty and its history new.
    pub(crate) fn write(&mut self, from: State, chain: u64, begins: bool) -> State {
        let tip = self.tip(from.branch);
        let branch = if from.offset == tip && !(begins && tip > 0) {
            from.branch
        } else {
            let history = if begins {
                self.histories += 1;
                self.histories
            } else {
                self.branches[from.branch].history
            };
            self.branches.push(Branch {
                parent: from.branch,
                base: from.offset,
                chains: Vec::new(),
                history,
            });
            self.branches.len() - 1
        };
        self.branches[branch].chains.push(chain);
        State { branch, offset: from.offset + 1 }
    }

    fn tip(&self, branch: usize) -> u64 {
        self.branches[branch].base + self.branches[branch].chains.len() as u64
    }

    /// Returns the most records that any branch holds.
    pub(crate) fn tip_max(&self) -> u64 {
        (0..self.branches.len()).map(|branch| self.tip(branch)).max().unwrap_or(0)
    }

    /// Returns whether all writes lie on one line.
    pub(crate) fn is_one_line(&self) -> bool {
        self.branches.len() == 1
    }

    /// Returns the history that a state belongs to; the empty state belongs to none.
    pub(crate) fn history_of(&self, state: State) -> Option<u32> {
        (state.offset > 0).then(|| self.branches[state.branch].history)
    }

    /// Returns the last state that both lines hold.
    pub(crate) fn parting(&self, a: State, b: State) -> State {
        let (mut a, mut b) = (a, b);
        while a.branch != b.branch {
            // A branch is always younger than its parent: step down from the younger.
            let younger = if a.branch > b.branch { &mut a } else { &mut b };
            let branch = &self.branches[younger.branch];
            *younger = State { branch: branch.parent, offset: younger.offset.min(branch.base) };
        }
        State { branch: a.branch, offset: a.offset.min(b.offset) }
    }

    /// Returns how much of a line a state holds; all of it where the state goes on from the line's end.
    pub(crate) fn along(&self, state: State, line: State) -> u64 {
        let parting = self.parting(state, line).offset;
        if parting == line.offset { state.offset } else { parting }
    }

    /// Returns whether `old` lies on the line that leads to `new`, or is `new`.
    pub(crate) fn leads_to(&self, old: State, new: State) -> bool {
        old.offset <= new.offset && self.parting(old, new).offset == old.offset
    }
}
