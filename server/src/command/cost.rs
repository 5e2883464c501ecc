//! The cost of a command, counted in steps: a clock that is the same on every machine.
//!
//! A run ends when its steps are spent, and so does a slice of a command that takes long; the engine adds up the steps
//! of all clients in a turn. So the time that others wait is bounded without reading a clock.

/// Steps of one slice: about a millisecond. A step compares one byte of a pattern, some 3 ns.
pub(super) const RUN_STEPS: u64 = 400_000;
/// Steps of a command that cannot be cut into slices, a transaction or one of many keys: some 40 ms.
pub(super) const WHOLE_STEPS: u64 = 12_000_000;
/// Steps to look up one key.
pub(super) const KEY_STEPS: u64 = 30;
/// Steps to read a request and to reply, beyond its keys.
const REQUEST_STEPS: u64 = 30;
/// Bytes that are copied or hashed in one step.
const STEP_BYTES: usize = 16;
/// The steps of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Steps spent in this run.
    pub(super) spent: u64,
    /// The steps at which the run stops.
    pub(super) limit: u64,
}

impl Cost {
    /// Begins a run.
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

    /// Returns the steps that are left.
    #[inline]
    pub(super) const fn left(&self) -> u64 {
        self.limit.saturating_sub(self.spent)
    }
}
