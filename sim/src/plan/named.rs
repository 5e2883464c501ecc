//! The named scenarios, embedded: the program needs no files to run them.

macro_rules! named {
    ($($name:literal,)+) => {
        /// Every named scenario: its name and its file.
        #[must_use]
        pub const fn named() -> &'static [(&'static str, &'static str)] {
            &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml"))),)+]
        }
    };
}

named! {
    "mixed",
}

#[cfg(test)]
mod tests;
