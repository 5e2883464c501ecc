//! What a command costs, counted in steps: a clock that is the same on every machine.
//!
//! A run ends when its steps are spent, and so does a slice of a command that takes long; the engine adds up what all
//! clients spent in a turn. So how long others wait is bounded without a look at the time.

/// Steps of one slice: about a millisecond. A step is the comparing of one byte of a pattern, some 3 ns.
pub(super) const RUN_STEPS: u64 = 400_000;
/// Steps of what cannot be cut into slices, a transaction or one command of many keys: some 40 ms.
pub(super) const WHOLE_STEPS: u64 = 12_000_000;
/// Looking at one key.
pub(super) const KEY_STEPS: u64 = 30;
/// Reading and answering a request beyond its keys.
const REQUEST_STEPS: u64 = 30;
/// Bytes that are copied or hashed in one step.
const STEP_BYTES: usize = 16;
/// What was spent, counted in steps: a clock that is the same on every machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Steps spent in this run.
    pub(super) spent: u64,
    /// Where to stop.
    pub(super) limit: u64,
}

impl Cost {
    /// A run begins.
    pub(super) const fn new() -> Self {
        Self { spent: 0, limit: RUN_STEPS }
    }

    /// Counts steps.
    #[inline]
    pub(super) const fn spend(&mut self, steps: u64) {
        self.spent = self.spent.saturating_add(steps);
    }

    /// Counts bytes that are copied or hashed.
    #[inline]
    pub(super) const fn spend_bytes(&mut self, bytes: usize) {
        self.spend((bytes / STEP_BYTES) as u64);
    }

    /// Counts a request of so many arguments and bytes.
    #[inline]
    pub(super) const fn spend_request(&mut self, args: usize, bytes: usize) {
        self.spend(REQUEST_STEPS + KEY_STEPS * args as u64);
        self.spend_bytes(bytes);
    }

    /// Steps that are left.
    #[inline]
    pub(super) const fn left(&self) -> u64 {
        self.limit.saturating_sub(self.spent)
    }
}
