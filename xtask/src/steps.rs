//! The checks of every change, in the order they run: those that fail most often and fastest come first. Checks that
//! take longer are in `nightly.rs`.

use crate::versions::{BROWSER, CHIP, ON_NIGHTLY};

/// One check: a command from the root of the workspace.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// Seconds from cold, on two cores. A step over its budget is marked; at four times its budget it is stopped.
    pub(crate) budget_s: u64,
    pub(crate) mode: Mode,
    pub(crate) argv: &'static [&'static str],
    pub(crate) env: &'static [(&'static str, &'static str)],
    /// A gap of the check, printed each time.
    pub(crate) note: &'static str,
}

/// The runs that include a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Always,
    /// A part of a full run's step, quick enough for `--quick`.
    Quick,
    Full,
}

/// A step without environment and note.
pub(crate) const fn step(
    name: &'static str,
    budget_s: u64,
    mode: Mode,
    argv: &'static [&'static str],
) -> Step {
    Step { name, budget_s, mode, argv, env: &[], note: "" }
}

pub(crate) const STEPS: &[Step] = &[
    step("fmt", 20, Mode::Always, &["cargo", "fmt", "--all", "--check"]),
    step(
        "tidy",
        60,
        Mode::Always,
        &["cargo", "test", "-p", "towline-tests", "--test", "tidy", "--test", "pages"],
    ),
    step(
        "clippy",
        300,
        Mode::Always,
        &["cargo", "clippy", "--workspace", "--all-targets", "--keep-going", "--", "-D", "warnings"],
    ),
    step("unit tests", 120, Mode::Quick, &["cargo", "test", "--workspace", "--lib", "--bins"]),
    // All of core's own tests: the transcripts are among them, and the rest is as quick.
    step("transcripts", 60, Mode::Quick, &["cargo", "test", "-p", "towline-core", "--tests"]),
    Step {
        env: &[("RUSTDOCFLAGS", "-D warnings")],
        ..step("docs", 180, Mode::Full, &["cargo", "doc", "--workspace", "--no-deps"])
    },
    step(
        "chip",
        60,
        Mode::Full,
        &["cargo", "build", "-p", "towline-core", "-p", "towline-kv", "--target", CHIP],
    ),
    step(
        "browser",
        60,
        Mode::Full,
        &[
            "cargo",
            "build",
            "-p",
            "towline-core",
            "-p",
            "towline-kv",
            "-p",
            "towline-sim",
            "--target",
            BROWSER,
        ],
    ),
    // Every verb in one module, which must import nothing.
    step("imports", 60, Mode::Full, &["cargo", "xtask", "imports"]),
    Step {
        // The database of advisories is on the network; a check must give the same result without one.
        note: "advisories: not checked",
        ..step("deny", 30, Mode::Full, &["cargo", "deny", "check", "bans", "licenses", "sources"])
    },
    // The npm package and the page: before the programs, because the page is in one of them.
    step("wasm", 240, Mode::Full, &["cargo", "xtask", "wasm"]),
    // The end-to-end tests start the program; `cargo test` alone builds it only for its own package.
    step("programs", 240, Mode::Full, &["cargo", "build", "--workspace", "--bins"]),
    step("tests", 900, Mode::Full, &["cargo", "test", "--workspace", "--no-fail-fast"]),
    step(
        "examples",
        30,
        Mode::Full,
        &["cargo", "run", "--quiet", "-p", "towline-core", "--example", "two_nodes"],
    ),
    // As a registry would take them; `cargo xtask nightly` also builds what is in them.
    step(
        "packages",
        30,
        Mode::Full,
        &[
            "cargo",
            "package",
            "--quiet",
            "--offline",
            "--allow-dirty",
            "--no-verify",
            // A library brings none, and to make one asks the registry for what is not there yet.
            "--exclude-lockfile",
            "-p",
            "towline-core",
            "-p",
            "towline-kv",
            "-p",
            "towline-driver",
        ],
    ),
    // Real client libraries against the program built above; what they need is installed once.
    step("clients", 60, Mode::Full, &["cargo", "xtask", "clients"]),
    // Headers, libraries, ABI, tests in C under valgrind and sanitizers, examples against the program built above.
    step("C", 180, Mode::Full, &["cargo", "xtask", "c-test"]),
    Step {
        env: &[("MIRIFLAGS", "-Zmiri-strict-provenance"), ("CARGO_TARGET_DIR", "target/towline-miri")],
        ..step(
            "C: Miri",
            120,
            Mode::Full,
            &["cargo", ON_NIGHTLY, "miri", "test", "-p", "towline-ffi", "--lib"],
        )
    },
    // With every substrate. The named scenarios, the corpus and the command line are among the tests above.
    step("sim: build", 240, Mode::Full, &["cargo", "xtask", "sim", "scenarios"]),
    step(
        "sim: explore",
        30,
        Mode::Full,
        &["cargo", "xtask", "sim", "explore", "mixed", "--seeds", "0..1000"],
    ),
    step(
        "sim: determinism",
        20,
        Mode::Full,
        &["cargo", "xtask", "sim", "check-determinism", "mixed", "--seeds", "100"],
    ),
    step("sim: exhaust", 60, Mode::Full, &["cargo", "xtask", "sim", "exhaust", "--partial"]),
    // Replays for each planted bug the plan that kills it. The search for such plans is `cargo xtask mutants`.
    step("sim: killers", 120, Mode::Full, &["cargo", "xtask", "mutants", "--killers"]),
    step(
        "sim: turmoil",
        30,
        Mode::Full,
        &["cargo", "xtask", "sim", "explore", "mixed", "--seeds", "0..20", "--on", "turmoil"],
    ),
    // Every named scenario once, a planted panic, power failures; the folder and flags of `cargo xtask sim`.
    Step {
        env: &[("RUSTFLAGS", "--cfg tokio_unstable"), ("CARGO_TARGET_DIR", "target/towline-sim")],
        ..step(
            "sim: turmoil tests",
            120,
            Mode::Full,
            &[
                "cargo",
                "test",
                "--profile",
                "sim",
                "-p",
                "towline-sim",
                "--features",
                "turmoil",
                "--test",
                "turmoil",
            ],
        )
    },
    // Inputs that once failed, and the code that each target must still reach.
    Step {
        env: &[("CARGO_TARGET_DIR", "target")],
        ..step(
            "fuzz: corpora",
            120,
            Mode::Full,
            &["cargo", "test", "--locked", "--manifest-path", "fuzz/Cargo.toml"],
        )
    },
    step("fuzz", 120, Mode::Full, &["cargo", "xtask", "fuzz", "--plain", "--short"]),
    step("fuzz: record_abi", 120, Mode::Full, &["cargo", "xtask", "fuzz", "--short", "record_abi"]),
    // A replica in node, the tarball where a user has it, the page in a browser; and the simulator's hashes in both.
    step("wasm: tests", 240, Mode::Full, &["cargo", "xtask", "wasm", "--test"]),
    // Outside `cargo bench` criterion runs each bench once: enough to show that it still works.
    step("benches run", 240, Mode::Full, &["cargo", "test", "--workspace", "--bench", "*"]),
];
