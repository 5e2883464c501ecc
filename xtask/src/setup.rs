//! The needs of the checks beside the Rust toolchain: each is looked for first, then fetched, so that a second run
//! costs nothing.
//!
//! As root, packages come through apt. Otherwise nothing is installed without the user: the message names the command
//! to type.

use std::process::{Command, Stdio};

use crate::versions::{
    BROWSER, C_TOOLS, CARGO_DENY, CHIP, CHROMIUM, COMPONENTS, EXPORTER, NIGHTLY, NODE, PARALLEL, REDIS_TOOLS,
};

/// One thing a machine must have.
pub(crate) struct Need {
    pub(crate) name: &'static str,
    /// Seconds for a fetch and a build, on two cores.
    pub(crate) budget_s: u64,
    /// Set if `--quick` needs it.
    pub(crate) quick: bool,
    there: fn() -> bool,
    /// Returns the line for `sh`, which is printed as it is run.
    fetch: fn() -> String,
    root: bool,
}

pub(crate) const NEEDS: &[Need] = &[
    Need {
        name: "set-up: components",
        budget_s: 120,
        quick: true,
        there: || answers("cargo", &["fmt", "--version"]) && answers("cargo", &["clippy", "--version"]),
        fetch: || format!("rustup component add {}", COMPONENTS.join(" ")),
        root: false,
    },
    Need {
        name: "set-up: targets",
        budget_s: 120,
        quick: false,
        there: || {
            let installed = said("rustup", &["target", "list", "--installed"]);
            [CHIP, BROWSER].iter().all(|target| installed.lines().any(|line| line == *target))
        },
        fetch: || format!("rustup target add {CHIP} {BROWSER}"),
        root: false,
    },
    Need {
        name: "set-up: packages",
        budget_s: 180,
        quick: false,
        there: || {
            ["redis-cli", "redis-benchmark", "parallel"].iter().all(|tool| answers(tool, &["--version"]))
        },
        // A fresh machine has no package lists, an old one stale ones.
        fetch: || {
            format!(
                "apt-get update && apt-get install --yes --no-install-recommends {REDIS_TOOLS} {PARALLEL}"
            )
        },
        root: true,
    },
    Need {
        name: "set-up: C",
        budget_s: 240,
        quick: false,
        there: || {
            let tools =
                ["gcc", "g++", "ld", "clang", "clang++", "valgrind", "pkg-config", "cmake", "doxygen"];
            tools.iter().all(|tool| answers(tool, &["--version"]))
                && answers("pkg-config", &["--exists", "libxxhash"])
        },
        fetch: || format!("apt-get update && apt-get install --yes --no-install-recommends {C_TOOLS}"),
        root: true,
    },
    Need {
        name: "set-up: nightly",
        budget_s: 180,
        quick: false,
        there: || {
            let listed = said("rustup", &["component", "list", "--toolchain", NIGHTLY, "--installed"]);
            ["miri", "rust-src"].iter().all(|part| listed.lines().any(|line| line.starts_with(part)))
        },
        fetch: || format!("rustup toolchain install {NIGHTLY} --profile minimal --component miri,rust-src"),
        root: false,
    },
    Need {
        name: "set-up: cargo-deny",
        budget_s: 420,
        quick: false,
        there: || said("cargo", &["deny", "--version"]).trim() == format!("cargo-deny {CARGO_DENY}"),
        fetch: || format!("cargo install cargo-deny --version {CARGO_DENY} --locked"),
        root: false,
    },
    Need {
        name: "set-up: node",
        budget_s: 180,
        quick: false,
        there: || node_is_new_enough(&said("node", &["--version"])) && answers("npm", &["--version"]),
        // The system's own node may be older; npm installs the right one.
        fetch: || format!("apt-get update && apt-get install --yes npm && npm install --global node@{NODE}"),
        root: true,
    },
    Need {
        name: "set-up: python",
        budget_s: 120,
        quick: false,
        there: || answers("python3", &["-c", "import ensurepip, venv"]),
        fetch: || "apt-get update && apt-get install --yes --no-install-recommends python3-venv".to_owned(),
        root: true,
    },
    Need {
        name: "set-up: browser",
        budget_s: 180,
        quick: false,
        there: || answers("chromium", &["--version"]),
        fetch: || format!("apt-get update && apt-get install --yes --no-install-recommends {CHROMIUM}"),
        root: true,
    },
];

/// Needs of the steps of [`crate::nightly`] that name them, and of no other check.
pub(crate) const BY_NIGHT: &[Need] = &[Need {
    name: "set-up: exporter",
    budget_s: 120,
    quick: false,
    there: || answers(EXPORTER, &["--version"]),
    fetch: || format!("apt-get update && apt-get install --yes --no-install-recommends {EXPORTER}"),
    root: true,
}];

/// How to meet a need.
pub(crate) enum Plan {
    Nothing,
    Run(Command),
    /// The user must act: the message says how.
    Ask(String),
}

impl Need {
    pub(crate) fn plan(&self) -> Plan {
        if (self.there)() {
            return Plan::Nothing;
        }
        let line = (self.fetch)();
        if self.root && said("id", &["-u"]).trim() != "0" {
            return Plan::Ask(format!("missing, and only root can install it; type: sudo sh -c '{line}'"));
        }
        let mut command = crate::workspace::command("sh");
        command.args(["-c", &line]).env("DEBIAN_FRONTEND", "noninteractive");
        Plan::Run(command)
    }

    /// Returns the line that [`Need::plan`] runs, for a failure's message.
    pub(crate) fn line(&self) -> String {
        (self.fetch)()
    }
}

/// Returns whether `node --version` printed `v20.19.5` or more.
fn node_is_new_enough(said: &str) -> bool {
    let numbers = |text: &str| {
        text.trim()
            .trim_start_matches('v')
            .split('.')
            .map(|part| part.parse::<u32>().ok())
            .collect::<Option<Vec<_>>>()
    };
    numbers(said).is_some_and(|said| numbers(NODE).is_some_and(|least| said >= least))
}

fn answers(program: &str, args: &[&str]) -> bool {
    let quiet = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    quiet.is_ok_and(|status| status.success())
}

fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::node_is_new_enough;

    #[test]
    fn a_node_is_as_old_as_it_says() {
        assert!(
            node_is_new_enough("v20.19.5\n")
                && node_is_new_enough("v20.20.0")
                && node_is_new_enough("v24.1.0")
        );
        assert!(!node_is_new_enough("v18.20.4") && !node_is_new_enough("v20.9.0") && !node_is_new_enough(""));
    }
}
