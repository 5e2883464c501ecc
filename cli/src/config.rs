//! From flags and config file to the server's options.
//!
//! A flag wins over the file, the file over the default. Options that cannot work are refused here or by the server's
//! own check, under the name that the user wrote.

use std::path::{Path, PathBuf};
use std::time::Duration;

use towline_core::ConfigError;
use towline_driver::StartError;
use towline_driver::transport::Tcp;
use towline_server::web::Web;
use towline_server::{Options, StoreKind};

use crate::args::{FOLLOW_PORTS, FollowArgs, SERVE_LISTEN, SERVE_REPLICATION, Settings, StoreName, Switch};
use crate::failure::Failure;
use crate::units::Length;

mod origin;

pub(crate) use self::origin::Origin;

/// How many characters of a config file's value are repeated in an error.
const SHOWN_MAX: usize = 100;

/// The options of a server, and the program's own work around it.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) options: Options,
    pub(crate) ready_file: Option<PathBuf>,
    pub(crate) log: String,
    pub(crate) origin: Origin,
}

/// Returns the plan of `serve`.
pub(crate) fn serve(flags: Settings) -> Result<Plan, Failure> {
    let file = read(&flags)?;
    for (name, given) in [("primary", file.primary.is_some()), ("adopt", file.adopt.is_some())] {
        if given {
            let path = flags.config.as_deref().unwrap_or(Path::new(""));
            let text = format!("{name} is for `towline follow`: take it out, or follow", name = name);
            return Err(in_file(path, line_of(path, name), &text));
        }
    }
    let (mut settings, origin) = merge(flags, file);
    let listen = vec![settings.listen.take().unwrap_or_else(|| SERVE_LISTEN.to_owned())];
    let replication = settings.replication.take().or_else(|| Some(SERVE_REPLICATION.to_owned()));
    let driver = towline_driver::Options { replication, ..towline_driver::Options::default() };
    let options = Options { driver, listen, ..Options::default() };
    finish(settings, options, origin)
}

/// Returns the plan of `follow`.
pub(crate) fn follow(args: FollowArgs) -> Result<Plan, Failure> {
    let file = read(&args.settings)?;
    let adopt = args.adopt || file.adopt.unwrap_or(false);
    let primary = args.primary.or_else(|| file.primary.clone());
    let Some(primary) = primary else {
        let text = "the node to follow is missing: towline follow PRIMARY_REPLICATION_ADDR, or `primary` in the config";
        return Err(Failure::Usage(text.to_owned()));
    };
    let (mut settings, origin) = merge(args.settings, file);
    let listen = match settings.listen.take() {
        Some(addr) => vec![addr],
        None => FOLLOW_PORTS.map(|port| format!("127.0.0.1:{port}")).collect(),
    };
    let driver = towline_driver::Options {
        replication: settings.replication.take(),
        upstream: Some(primary),
        adopt,
        stop_if_foreign: !adopt,
        ..towline_driver::Options::default()
    };
    let options = Options { driver, listen, ..Options::default() };
    finish(settings, options, origin)
}

/// Reads the config file, if one is named.
fn read(flags: &Settings) -> Result<Settings, Failure> {
    let Some(path) = &flags.config else { return Ok(Settings::default()) };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::Usage(format!("--config: cannot read {}: {error}; name a TOML file", path.display()))
    })?;
    let settings: Settings = toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        in_file(path, line, &explain_line(&text, line, error.message()))
    })?;
    for (name, value) in [
        ("listen", &settings.listen),
        ("replication", &settings.replication),
        ("metrics", &settings.metrics),
        ("web", &settings.web),
        ("primary", &settings.primary),
    ] {
        let Some(value) = value else { continue };
        crate::args::address(value)
            .map_err(|why| in_file(path, line_of(path, name), &format!("{name}: {why}")))?;
    }
    Ok(settings)
}

/// Returns an error of the parser about this line, with the name that the line sets and in words for people.
fn explain_line(text: &str, line: usize, told: &str) -> String {
    let whole = format!("expected a whole number up to {}", u32::MAX);
    let told = [
        ("unknown field", "unknown name"),
        ("\n", " "),
        ("expected u32", &whole),
        ("expected path string", "expected a path in quotes"),
        ("expected a string", "expected a text in quotes"),
        ("wanted string or table", "expected a text in quotes"),
    ]
    .iter()
    .fold(told.to_owned(), |told, (of_serde, ours)| told.replace(of_serde, ours));
    let sets = text.lines().nth(line - 1).and_then(|line| line.split_once('='));
    match sets {
        Some((name, value)) if !told.contains("unknown name") => {
            let value: String = value.trim().chars().take(SHOWN_MAX).collect();
            format!("{} = {value}: {told}", name.trim())
        }
        Some(_) | None => told,
    }
}

fn in_file(path: &Path, line: usize, text: &str) -> Failure {
    Failure::Usage(format!("{}:{line}: {text}", path.display()))
}

/// Returns the line that sets `name`, for a message.
fn line_of(path: &Path, name: &str) -> usize {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let sets =
        |line: &str| line.trim_start().strip_prefix(name).is_some_and(|l| l.trim_start().starts_with('='));
    text.lines().position(sets).map_or(1, |index| index + 1)
}

/// Merges flags with the file, which decides the options that flags leave open; returns those too.
fn merge(flags: Settings, file: Settings) -> (Settings, Origin) {
    let mut origin = Origin::new(flags.config.as_deref());
    macro_rules! merged {
        ($($name:ident)*) => {
            Settings {
                $($name: flags.$name.or_else(|| file.$name.inspect(|_| origin.note_file(stringify!($name)))),)*
                config: flags.config,
                insecure: flags.insecure || file.insecure,
                primary: None,
                adopt: None,
            }
        };
    }
    let settings = merged! {
        listen replication store dir backlog metrics web ready_file spool clients_max client_memory timeout
        tcp_keepalive replicas_max join_hold idle reconnect_window redial_max stop_wait log
    };
    (settings, origin)
}

/// Fills in the options that both commands share.
fn finish(settings: Settings, options: Options, origin: Origin) -> Result<Plan, Failure> {
    let (log, ready_file) = (settings.log.clone(), settings.ready_file.clone());
    let options = filled(settings, options).map_err(|failure| origin.place(failure))?;
    // An empty RUST_LOG is none.
    let log = log.filter(|log| !log.is_empty()).unwrap_or_else(|| "info".to_owned());
    Ok(Plan { options, ready_file, log, origin })
}

fn filled(settings: Settings, mut options: Options) -> Result<Options, Failure> {
    let typed = Typed::of(&settings);
    options.store = store(&settings)?;
    options.driver.metrics = settings.metrics;
    options.driver.insecure = settings.insecure;
    options.web = settings.web.map(|addr| Web { addr, files: crate::page::files() });
    options.driver.join_hold = settings.join_hold != Some(Switch::Off);
    let size = |given: Option<crate::units::Size>, usual: u64| given.map_or(usual, |size| size.0);
    options.driver.spool_bytes = size(settings.spool, options.driver.spool_bytes);
    options.client_bytes = size(settings.client_memory, options.client_bytes);
    options.driver.stop_wait = settings.stop_wait.map_or(options.driver.stop_wait, |wait| wait.0);
    options.clients_max = settings.clients_max.unwrap_or(options.clients_max);
    let time = |given: Length| (given.0.0 > 0).then(|| Duration::from_nanos(given.0.0));
    options.timeout = settings.timeout.and_then(time);
    options.tcp_keepalive = settings.tcp_keepalive.map_or(options.tcp_keepalive, time);
    let core = &mut options.driver.core;
    core.backlog_bytes = size(settings.backlog, core.backlog_bytes);
    if let Some(replicas) = settings.replicas_max {
        // One more link, for the upstream.
        core.links_max = replicas.saturating_add(1);
        core.slots_max = replicas;
    }
    if let Some(idle) = settings.idle {
        core.idle = idle.0;
    }
    if let Some(window) = settings.reconnect_window {
        core.reconnect_window = window.0;
    }
    if let Some(longest) = settings.redial_max {
        core.redial_max = longest.0;
    }
    options.check_on(&Tcp::default()).map_err(|error| explain_with(error, &typed))?;
    Ok(options)
}

fn store(settings: &Settings) -> Result<StoreKind, Failure> {
    match (settings.store, &settings.dir) {
        (Some(StoreName::Disk) | None, Some(dir)) => {
            crate::paths::folder("--dir", dir)?;
            Ok(StoreKind::Disk(dir.clone()))
        }
        (Some(StoreName::Memory) | None, None) => Ok(StoreKind::Memory),
        (Some(StoreName::Disk), None) => {
            Err(Failure::Usage("--store disk needs a directory: add --dir DIR".to_owned()))
        }
        (Some(StoreName::Memory), Some(dir)) => {
            let dir = dir.display();
            Err(Failure::Usage(format!(
                "--dir {dir} is for --store disk: name that store, or leave --dir out"
            )))
        }
    }
}

/// Returns the failure of a start, under the names of the command line.
pub(crate) fn explain(error: StartError) -> Failure {
    match error {
        StartError::Config(error) => Failure::Usage(out_of_bounds(&error)),
        StartError::Exposed { option: "web", .. } => Failure::Usage(format!("--{error}")),
        StartError::Exposed { option, addr } => {
            let port = addr.rsplit_once(':').map_or("0", |(_, port)| port);
            Failure::Usage(format!(
                "--{option} {addr} can be reached from other machines, and nobody is asked for a password: \
                 use 127.0.0.1:{port}, or add --insecure if all who can reach it may read and write"
            ))
        }
        StartError::Listen { option, addr, source } if is_of_no_machine(&source) => Failure::Usage(format!(
            "--{option} {addr} is no address of this machine ({}): name one that is, like 127.0.0.1:7000",
            plain(&source)
        )),
        StartError::Listen { option, .. } => {
            Failure::failed(format!("--{error}; name another with --{option}"))
        }
        StartError::Store(why) => Failure::failed(format!("--dir: {why}")),
        StartError::Random(_) => Failure::Failed(error.into()),
    }
}

/// The options with a relation to another that the user set.
#[derive(Debug, Default, Clone, Copy)]
struct Typed {
    spool: bool,
    client_memory: bool,
    reconnect_window: bool,
}

impl Typed {
    fn of(settings: &Settings) -> Self {
        Self {
            spool: settings.spool.is_some(),
            client_memory: settings.client_memory.is_some(),
            reconnect_window: settings.reconnect_window.is_some(),
        }
    }
}

/// As [`explain`]; for a default that does not fit a typed option, the failure names that option too.
fn explain_with(error: StartError, typed: &Typed) -> Failure {
    let StartError::Config(wrong) = &error else { return explain(error) };
    let asks = match wrong.option {
        "spool_bytes" if !typed.spool => Some(("backlog", "spool")),
        "client_bytes" if !typed.client_memory => Some(("backlog", "client-memory")),
        "reconnect_window" if !typed.reconnect_window => Some(("idle", "reconnect-window")),
        _ => None,
    };
    let text = out_of_bounds(wrong);
    Failure::Usage(match asks {
        Some((asks, flag)) => {
            format!("{text}; that is its default, and --{asks} asks for more: name --{flag} too")
        }
        None => text,
    })
}

/// Returns whether no process of this machine can listen on an address.
fn is_of_no_machine(error: &std::io::Error) -> bool {
    // A name that cannot be looked up has no kind and no number.
    error.kind() == std::io::ErrorKind::AddrNotAvailable || error.raw_os_error().is_none()
}

/// Returns an error without the number that the system gave it.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn out_of_bounds(error: &ConfigError) -> String {
    let ConfigError { option, value, bound, relation } = *error;
    let size = |flag: &str| format!("--{flag} is {value} bytes, {relation} {bound} bytes");
    let time = |flag: &str| {
        format!("--{flag} is {} ms, {relation} {} ms", value / 1_000_000, bound.div_ceil(1_000_000))
    };
    match option {
        "backlog_bytes" => size("backlog"),
        "spool_bytes" => format!("{}: it must hold one record of the largest size", size("spool")),
        "client_bytes" => format!("{}: four records of the largest size", size("client-memory")),
        "clients_max" => format!("--clients-max is {value}, {relation} {bound}"),
        "slots_max" => format!("--replicas-max is {value}, {relation} {bound}"),
        // One of the links is for the upstream.
        "links_max" => format!("--replicas-max is {}, {relation} {}", value - 1, bound - 1),
        "idle" => time("idle"),
        "reconnect_window" => time("reconnect-window"),
        "redial_max" => time("redial-max"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
