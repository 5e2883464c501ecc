//! The command line of `towline sim`: every subcommand, flag and default, and the text of `--help`.

mod values;

use std::path::PathBuf;

use clap::{Args, Subcommand};

pub(super) use values::{Emit, Format, On, Seeds, Shard};

use crate::units::{Length, whole};

const EXAMPLES: &str = "\
Examples:
  towline sim scenarios                                    the built-in scenarios
  towline sim run mixed --seed 42                          one run, all invariants on
  towline sim explore mixed --seeds 0..10000               a campaign, on all cores
  towline sim resolve mixed --seed 42 -o mixed-42.plan     every draw of that run, as a file
  towline sim shrink mixed-42.plan                         the fewest faults that fail the same way
  towline sim trace mixed-42.plan --format svg -o 42.svg   a message diagram to look at

A SCENARIO is a built-in name or a file; a file that begins with `plan = ` is a plan, which has no draws left. A link
that `shrink --emit url` made stands for its plan, in quotes.

Exit codes: 0 all held, 1 an invariant did not, 2 the command line or a file is wrong, 3 vacuous: it proved nothing";

const EXIT_CODES: &str = "\
Exit codes: 0 all held, 1 an invariant did not, 2 the command line or a file is wrong, 3 vacuous: it proved nothing";

const SHARDS: &str = "\
Examples:
  towline sim explore mixed --seeds 0..10000
  towline sim explore mixed --seeds 0..1000000 --for 60s --json report.json
  towline sim explore mixed --seeds 0..1000000 --shard 3/100 --json shard-3.json     one part of a hundred
  towline sim merge shard-*.json                                                     what one explore would have said

A shard is a pure range of the seeds, so parts need no coordination: any batch engine runs them, in any order.

Exit codes: 0 all held, 1 an invariant did not, 2 the command line or a file is wrong, 3 vacuous: it proved nothing";

/// Arguments of `towline sim`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SimArgs {
    #[command(subcommand)]
    pub(super) command: SimCommand,
}

/// The subcommands of the simulator.
#[derive(Debug, Subcommand)]
pub(super) enum SimCommand {
    /// List the built-in scenarios
    #[command(after_help = EXIT_CODES)]
    Scenarios(ScenariosArgs),
    /// Make every draw of a scenario and write the plan
    #[command(after_help = EXIT_CODES)]
    Resolve(ResolveArgs),
    /// Play one run and judge it
    #[command(after_help = EXIT_CODES)]
    Run(RunArgs),
    /// Play a scenario with many seeds, on all cores
    #[command(after_help = SHARDS)]
    Explore(ExploreArgs),
    /// Join the reports of shards to the report that one explore would have made
    #[command(after_help = SHARDS)]
    Merge(MergeArgs),
    /// Play a plan again, step by step, and show how the nodes stand
    #[command(after_help = EXIT_CODES)]
    Replay(ReplayArgs),
    /// Find the fewest faults with which a plan still fails the same way
    #[command(after_help = EXIT_CODES)]
    Shrink(ShrinkArgs),
    /// Visit every state of the core within a small scope
    #[command(after_help = EXIT_CODES)]
    Exhaust(ExhaustArgs),
    /// Plant known bugs, one at a time, and show which invariant finds each
    #[command(after_help = EXIT_CODES)]
    Mutants(MutantsArgs),
    /// Play one plan on several substrates and compare how it ends
    #[command(after_help = EXIT_CODES)]
    Diff(DiffArgs),
    /// Play the same seeds in two processes and compare them fact by fact
    #[command(after_help = EXIT_CODES)]
    CheckDeterminism(DeterminismArgs),
    /// Write the events of a run: lines to search, a diagram to look at, a trace to open in a viewer
    #[command(after_help = EXIT_CODES)]
    Trace(TraceArgs),
    /// Play many seeds and show how lag, convergence, snapshots and margins are distributed
    #[command(after_help = EXIT_CODES)]
    Stats(StatsArgs),
}

/// The folder for plans of failed runs.
#[derive(Debug, Args)]
pub(super) struct FailuresArgs {
    /// Where the plans of runs that fail are written
    #[arg(long, value_name = "DIR", default_value = "sim-failures")]
    pub(super) failures: PathBuf,
}

/// Arguments of `scenarios`.
#[derive(Debug, Args)]
pub(super) struct ScenariosArgs {
    /// Print JSON, one object on one line for each scenario
    #[arg(long)]
    pub(super) json: bool,
}

/// Arguments of `resolve`.
#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    /// A built-in scenario or a file
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: String,
    /// The seed of all draws
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<u64>(0, u64::MAX))]
    pub(super) seed: u64,
    /// The file for the plan [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// A built-in scenario, or a file: a scenario or a plan
    #[arg(value_name = "SCENARIO|PLAN")]
    pub(super) source: String,
    /// The seed of a scenario's draws; a plan has its own
    #[arg(long, value_name = "N", value_parser = whole::<u64>(0, u64::MAX))]
    pub(super) seed: Option<u64>,
    /// The substrates, played one after the other
    #[arg(long, value_enum, value_delimiter = ',', default_value = "fast")]
    pub(super) on: Vec<On>,
    /// Print JSON, one object on one line for each substrate
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) failures: FailuresArgs,
}

/// Arguments of `explore`.
#[derive(Debug, Args)]
pub(super) struct ExploreArgs {
    /// A built-in scenario or a file
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: String,
    /// The seeds: A..B, without B; N is 0..N
    #[arg(long, value_name = "A..B", default_value = "0..1000")]
    pub(super) seeds: Seeds,
    /// How many runs at the same time [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = whole::<u16>(1, u16::MAX.into()))]
    pub(super) jobs: Option<u16>,
    /// Only part K of N of the seeds, K from 1 to N
    #[arg(long, value_name = "K/N", default_value = "1/1")]
    pub(super) shard: Shard,
    /// Begin no run after this time
    #[arg(long = "for", value_name = "TIME")]
    pub(super) length: Option<Length>,
    /// The substrate
    #[arg(long, value_enum, default_value = "fast")]
    pub(super) on: On,
    /// Fail when a mark was not hit; from 2000 seeds of a scenario with every kind of fault on, this is always so
    #[arg(long)]
    pub(super) require_marks: bool,
    /// Also write the report as JSON; - is stdout
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    #[command(flatten)]
    pub(super) failures: FailuresArgs,
}

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// Reports that `explore --json` wrote
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Fail when a mark was not hit; from 2000 seeds of a scenario with every kind of fault on, this is always so
    #[arg(long)]
    pub(super) require_marks: bool,
    /// Also write the joined report as JSON; - is stdout
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// A plan: a file, or a link that carries it
    #[arg(value_name = "PLAN")]
    pub(super) plan: String,
    /// Stop here, and show how every node stands: 12500ms
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<Length>,
    /// Show only the events at this node
    #[arg(long, value_name = "NAME")]
    pub(super) node: Option<String>,
    /// Fail unless the run has this hash; the plan must be of this version of the core
    #[arg(long, value_name = "HASH", value_parser = hash)]
    pub(super) expect_hash: Option<u128>,
    #[command(flatten)]
    pub(super) failures: FailuresArgs,
}

/// Arguments of `shrink`.
#[derive(Debug, Args)]
pub(super) struct ShrinkArgs {
    /// A plan: a file, or a link that carries it
    #[arg(value_name = "PLAN")]
    pub(super) plan: String,
    /// The files to write beside it: a plan, a Rust test, a link
    #[arg(long, value_enum, value_delimiter = ',', default_value = "plan")]
    pub(super) emit: Vec<Emit>,
    /// The folder and name of these files, without an ending [default: PLAN.shrunk]
    #[arg(short, long, value_name = "STEM")]
    pub(super) output: Option<PathBuf>,
}

/// Arguments of `exhaust`.
#[derive(Debug, Args)]
pub(super) struct ExhaustArgs {
    /// The most writes
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = whole::<u8>(0, u8::MAX.into()))]
    pub(super) ops: u8,
    /// The most reset connections
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = whole::<u8>(0, u8::MAX.into()))]
    pub(super) resets: u8,
    /// The most killed processes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = whole::<u8>(0, u8::MAX.into()))]
    pub(super) crashes: u8,
    /// End after so many states, some 130 bytes of memory each, even if there are more
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = whole::<u32>(0, u32::MAX.into()))]
    pub(super) states: u32,
    /// Accept a search that ends at --states: exit code 0, not 3
    #[arg(long)]
    pub(super) partial: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Arguments of `mutants`.
#[derive(Debug, Args)]
pub(super) struct MutantsArgs {
    /// Only these bugs, by number
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = whole::<u16>(0, u16::MAX.into()))]
    pub(super) only: Vec<u16>,
    /// How long each may survive in a scenario
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(super) budget: Length,
    /// Write the plan that killed each, shrunk, and a test that holds it, into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "replay")]
    pub(super) plans: Option<PathBuf>,
    /// Hunt nothing: play the plans that `--plans` wrote, in seconds
    #[arg(long, value_name = "DIR")]
    pub(super) replay: Option<PathBuf>,
    /// Also write the board as JSON; - is stdout
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// A built-in scenario, or a file: a scenario or a plan
    #[arg(value_name = "SCENARIO|PLAN")]
    pub(super) source: String,
    /// The seed of a scenario's draws; a plan has its own
    #[arg(long, value_name = "N", value_parser = whole::<u64>(0, u64::MAX))]
    pub(super) seed: Option<u64>,
    /// The substrates; all are compared with the first
    #[arg(long, value_enum, value_delimiter = ',', default_value = "fast,real")]
    pub(super) on: Vec<On>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Arguments of `check-determinism`.
#[derive(Debug, Args)]
pub(super) struct DeterminismArgs {
    /// A built-in scenario or a file
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: String,
    /// The seeds: A..B, without B; N is 0..N
    #[arg(long, value_name = "A..B", default_value = "100")]
    pub(super) seeds: Seeds,
    /// The substrate; not real, where no two runs are the same
    #[arg(long, value_enum, default_value = "fast")]
    pub(super) on: On,
    /// Print JSON
    #[arg(long, conflicts_with = "tell")]
    pub(super) json: bool,
    /// Print a hash for each seed and compare nothing: the task of the second process.
    #[arg(long, hide = true)]
    pub(super) tell: bool,
}

/// Arguments of `trace`.
#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    /// A built-in scenario, or a file: a scenario or a plan
    #[arg(value_name = "SCENARIO|PLAN")]
    pub(super) source: String,
    /// The seed of a scenario's draws; a plan has its own
    #[arg(long, value_name = "N", value_parser = whole::<u64>(0, u64::MAX))]
    pub(super) seed: Option<u64>,
    /// Lines of JSON, a message diagram, or a trace for a viewer (ui.perfetto.dev, chrome://tracing)
    #[arg(long, value_enum, default_value = "svg")]
    pub(super) format: Format,
    /// Leave out earlier events
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<Length>,
    /// Leave out later events
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<Length>,
    /// The file to write [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// Arguments of `stats`.
#[derive(Debug, Args)]
pub(super) struct StatsArgs {
    /// A built-in scenario or a file
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: String,
    /// The seeds: A..B, without B; N is 0..N
    #[arg(long, value_name = "A..B", default_value = "1000")]
    pub(super) seeds: Seeds,
    /// How many runs at the same time [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = whole::<u16>(1, u16::MAX.into()))]
    pub(super) jobs: Option<u16>,
    /// Also draw the distributions, as SVG
    #[arg(long, value_name = "FILE")]
    pub(super) plot: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) failures: FailuresArgs,
}

fn hash(text: &str) -> Result<u128, String> {
    u128::from_str_radix(text, 16).map_err(|_| format!("{text:?} is no hash: write 32 hexadecimal digits"))
}
