//! The named scenarios, embedded: the program needs no files to run them.

macro_rules! named {
    ($($name:literal,)+) => {
        /// Returns every named scenario: its name and its file.
        #[must_use]
        pub const fn named() -> &'static [(&'static str, &'static str)] {
            &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml"))),)+]
        }
    };
}

named! {
    "mixed",
    "storm",
    "big-record",
    "cut-first-snapshot",
    "idle-snapshot",
    "late-joiners",
    "stalled-one",
    "slot-edge",
    "backlog-edge",
    "forked-primary",
    "same-offset-fork",
    "identity-clash",
    "resume-piece",
    "flapping",
    "asym-partition",
    "black-hole",
    "restart-loop",
    "power-loss",
    "wipe",
    "clock-jump",
    "version-skew",
    "twin-reigns",
    "relay-behind",
    "promotion-race",
    "silent-reign",
    "relay-rewinds",
    "overrun-in-view",
    "long-cuts",
    "spool-full",
    "spooled-tail",
    "half-readers",
    "mid-frame",
    "slow-store",
    "slow-joiner",
    "flipped-bit",
    "host-sleep",
    "foreign-primary",
    "crowd",
    "quiet-moments",
    "orderly-stop",
    "turned-away",
    "reign-returns",
}

#[cfg(test)]
mod tests;
