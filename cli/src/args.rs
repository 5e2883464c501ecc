//! The command line: every command, flag and default, and the text of `--help`.
//!
//! The flags of `serve` and `follow` are one struct, [`Settings`], into which a config file is read too: so their names
//! are the same by construction.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde::Deserialize;
use towline_lab::SimArgs;

use crate::units::{Length, Size, whole};

/// The default address of `serve` for clients.
pub(crate) const SERVE_LISTEN: &str = "127.0.0.1:7000";
/// The default address of `serve` for replicas.
pub(crate) const SERVE_REPLICATION: &str = "127.0.0.1:7001";
/// The ports of which `follow` takes the first free one.
pub(crate) const FOLLOW_PORTS: std::ops::RangeInclusive<u16> = 7010..=7019;

const EXIT_CODES: &str =
    "Exit codes: 0 all went well, 1 it failed, 2 the command line or config file is wrong";

const EXAMPLES: &str = "\
Examples:
  towline demo                                   see all of it work, in ten seconds
  towline serve                                  a primary: clients on 7000, replicas on 7001
  towline follow 127.0.0.1:7001                  a replica of it, clients on 7010
  redis-cli -p 7000 set greeting hello           any redis client speaks to either
  towline status 127.0.0.1:7000 --watch          who is how far behind
  towline sim explore mixed --seeds 0..2000      thousands of simulated disasters, all invariants on

Exit codes: 0 all went well, 1 it failed, 2 the command line or config file is wrong, 3 a simulation proved nothing,
4 a server stopped and something it had answered is left over";

const SERVE_EXAMPLES: &str = "\
Examples:
  towline serve
  towline serve --store disk --dir data
  towline serve --listen 10.0.0.5:7000 --replication 10.0.0.5:7001 --insecure     # other machines may connect
  towline serve --web 127.0.0.1:7080             # a replica in a browser tab: http://127.0.0.1:7080
  towline serve --listen 127.0.0.1:0 --replication 127.0.0.1:0 --ready-file ready.json
  towline serve --config towline.toml

On a directory that was a replica's, serve promotes it: a new epoch begins where its data ends.
A config file holds the same names as the flags, and flags win over it:
  store = \"disk\"
  dir = \"data\"
  backlog = \"256MiB\"

Exit codes: 0 stopped in order (SIGINT, SIGTERM, SHUTDOWN), 1 it failed, 2 the command line or config file is wrong,
4 stopped, but not all that was answered is kept here and received by the replicas";

const FOLLOW_EXAMPLES: &str = "\
Examples:
  towline follow 127.0.0.1:7001
  towline follow 127.0.0.1:7001 --store disk --dir replica-1
  towline follow 127.0.0.1:7001 --replication 127.0.0.1:7011    # serves replicas of its own, may be promoted
  redis-cli -p 7010 replicaof no one                            # promotes it

A primary that cannot be reached is dialled again and again. Data of another history is never replaced unless
--adopt says so.

Exit codes: 0 stopped in order (SIGINT, SIGTERM, SHUTDOWN), 1 it failed, 2 the command line or config file is wrong,
4 stopped, but not all that was answered is kept here and received by the replicas";

const STATUS_EXAMPLES: &str = "\
Examples:
  towline status 127.0.0.1:7000
  towline status 127.0.0.1:7010 --watch
  towline status 127.0.0.1:7000 --json | jq .replicas

What is not known is shown as \"unknown\", and is null in JSON; it is never 0.

Exit codes: 0 all went well, 1 no answer, 2 the command line is wrong";

const DEMO_EXAMPLES: &str = "\
Examples:
  towline demo
  towline demo --store disk --seconds 30 --replicas 5
  towline demo --json

Everything runs in this process, on free loopback ports, in a temporary directory that is removed at the end.

Exit codes: 0 all nodes ended identical, 1 they did not, 2 the command line is wrong";

/// A key-value store that is replicated by Towline and speaks to every redis client.
#[derive(Debug, Parser)]
#[command(name = "towline", version, after_help = EXAMPLES, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a primary: it takes writes, and replicas follow it
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArgs),
    /// Run a replica of another node
    #[command(after_help = FOLLOW_EXAMPLES)]
    Follow(FollowArgs),
    /// Show how a node stands, and how far behind each of its replicas is
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Watch a primary and its replicas live through cut links, stalls, kills and a promotion
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),
    /// Run the replication core under seeded faults, and prove what holds
    Sim(SimArgs),
    /// Print a completion script for a shell
    #[command(after_help = EXIT_CODES)]
    Completions {
        /// The shell; `towline completions bash > /etc/bash_completion.d/towline` installs it for all
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Args)]
pub(crate) struct FollowArgs {
    /// The replication address of the node to follow: 127.0.0.1:7001 (in the config file: `primary`)
    #[arg(value_name = "PRIMARY_REPLICATION_ADDR", value_parser = address)]
    pub(crate) primary: Option<String>,
    /// Take over the primary's history, even where the data here has another: the data here is replaced
    #[arg(long)]
    pub(crate) adopt: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The node's address for clients: 127.0.0.1:7000
    #[arg(value_name = "CLIENT_ADDR", value_parser = address)]
    pub(crate) addr: String,
    /// Show it again every second, until interrupted
    #[arg(long)]
    pub(crate) watch: bool,
    /// Print JSON, one object on one line each time
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many replicas; the last one follows the first
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = whole::<u8>(1, 16))]
    pub(crate) replicas: u8,
    /// How long the load lasts; every act is played in order even if that takes longer
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = whole::<u64>(1, 86_400))]
    pub(crate) seconds: u64,
    /// The store that keeps the data
    #[arg(long, value_enum, default_value_t = StoreName::Memory)]
    pub(crate) store: StoreName,
    /// Print the result as JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,
    /// The log on stderr: error, warn, info, debug, or a filter like towline_server=debug [default: error]
    #[arg(long, value_name = "FILTER", env = "RUST_LOG")]
    pub(crate) log: Option<String>,
}

/// The two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StoreName {
    /// In memory: gone with the process
    Memory,
    /// In a directory: survives the process
    Disk,
}

/// On or off, as a flag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Switch {
    /// Switch it on
    On,
    /// Switch it off
    Off,
}

/// The options of `serve` and `follow`, from flags or from a config file of the same names. Nothing has a default here,
/// so that a flag can be told from its absence.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// A TOML file with the same names as these flags; flags win
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// The address for clients [default: 127.0.0.1:7000 to serve; to follow the first free port from 7010 to 7019]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) listen: Option<String>,
    /// The address for replicas [default: 127.0.0.1:7001 to serve; to follow none, and no replica can connect]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) replication: Option<String>,
    /// Let other machines reach the addresses for clients and replicas: they ask for no password
    #[arg(long)]
    #[serde(default)]
    pub(crate) insecure: bool,
    /// The store that keeps the data [default: disk with --dir, else memory]
    #[arg(long, value_enum)]
    pub(crate) store: Option<StoreName>,
    /// The directory of the disk store; one process at a time may use it
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How much of the stream is kept for replicas that fall behind; a record may be a quarter of it [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) backlog: Option<Size>,
    /// The address for Prometheus [default: none]
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) metrics: Option<String>,
    /// The address for browsers of this machine: a page that is a live replica [default: none]
    #[arg(long, value_name = "LOOPBACK_ADDR", value_parser = address)]
    pub(crate) web: Option<String>,
    /// A file to write the real addresses to, as JSON, once it serves
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// How much of the stream is kept while a snapshot is coming in [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) spool: Option<Size>,
    /// Clients at the same time [default: 1000]
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1, u32::MAX.into()))]
    pub(crate) clients_max: Option<u32>,
    /// The most memory of all clients' unread requests and untaken replies together [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) client_memory: Option<Size>,
    /// Close a client that sends nothing for longer, 0 for never [default: 0]
    #[arg(long, value_name = "TIME")]
    pub(crate) timeout: Option<Length>,
    /// Silence after which a TCP connection gets keepalive probes, 0 for never [default: 300s]
    #[arg(long, value_name = "TIME")]
    pub(crate) tcp_keepalive: Option<Length>,
    /// Replicas at the same time [default: 63]
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1, 65_000))]
    pub(crate) replicas_max: Option<u32>,
    /// Let clients write no faster than a joining replica takes, so that it keeps its stream [default: on]
    #[arg(long, value_enum, value_name = "ON_OFF")]
    pub(crate) join_hold: Option<Switch>,
    /// Silence for longer than this ends a replication link [default: 5s]
    #[arg(long, value_name = "TIME")]
    pub(crate) idle: Option<Length>,
    /// A replica that is away for longer than this is forgotten [default: 1h]
    #[arg(long, value_name = "TIME")]
    pub(crate) reconnect_window: Option<Length>,
    /// The longest pause before the primary is dialled again [default: 5s]
    #[arg(long, value_name = "TIME")]
    pub(crate) redial_max: Option<Length>,
    /// How long a stop waits for connected replicas to receive everything [default: 10s]
    #[arg(long, value_name = "TIME")]
    pub(crate) stop_wait: Option<Length>,
    /// The log on stderr: error, warn, info, debug, or a filter like towline_server=debug [default: info]
    #[arg(long, value_name = "FILTER", env = "RUST_LOG")]
    pub(crate) log: Option<String>,
    /// The address of the primary: `follow` has an argument of its own for it.
    #[arg(skip)]
    pub(crate) primary: Option<String>,
    /// Consent to another history: `follow` has a flag of its own for it.
    #[arg(skip)]
    pub(crate) adopt: Option<bool>,
}

/// Reads `HOST:PORT`, as text: names are looked up when they are used.
pub(crate) fn address(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains(' '));
    let bare_v6 = parts.is_some_and(|(host, _)| host.contains(':') && !host.starts_with('['));
    match parts.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(_)) if !bare_v6 => Ok(text.to_owned()),
        Some(_) | None => {
            Err(format!("{text:?} is no address: write HOST:PORT, like 127.0.0.1:7000 or [::1]:7000"))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for good in ["127.0.0.1:0", "localhost:7000", "[::1]:7000"] {
            assert_eq!(address(good), Ok(good.to_owned()));
        }
        for bad in ["7000", ":7000", "localhost", "a:b", "a:70000", "::1:7000"] {
            assert!(address(bad).unwrap_err().contains("HOST:PORT"), "{bad}");
        }
    }
}
