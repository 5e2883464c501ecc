//! `cargo xtask load`: sends keys and values to a server, as fast as it accepts them or at a given rate.
//!
//! A run is a list of numbered commands, the same for the same flags and seed (`ops`). Connection `c` of `C` sends
//! those whose number is `c` modulo `C`, in order (`lane`). One that breaks is an error, or with `--reconnect` is
//! dialled again and goes on after the last command answered; one without an answer is sent again, with its value.

mod lane;
mod ops;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::value_parser;

use ops::Ops;

/// How often the progress line is repainted at a terminal, and written anew elsewhere.
const REPAINT_EVERY: Duration = Duration::from_millis(200);
const SAY_EVERY: Duration = Duration::from_secs(5);

/// The load to send, its target and its duration.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The server's client address, on this machine: 127.0.0.1:7000
    addr: String,
    /// How many keys, from key:0000000000 on; each is written once, in order
    #[arg(long, value_parser = value_parser!(u64).range(1..=ops::KEYS_MAX))]
    keys: u64,
    /// The size of each value
    #[arg(long, value_parser = value_parser!(u32).range(0..=1 << 29))]
    value_bytes: u32,
    /// After the last key, overwrite keys at random until --seconds are over
    #[arg(long, requires = "seconds")]
    overwrite: bool,
    /// At most so many commands a second, over all connections
    #[arg(long, value_parser = value_parser!(u64).range(1..=1_000_000_000))]
    rate: Option<u64>,
    /// Stop after so many seconds, done or not
    #[arg(long, value_parser = value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// Commands on their way on each connection
    #[arg(long, default_value_t = 1024, value_parser = value_parser!(u64).range(1..=1 << 20))]
    pipeline: u64,
    /// How many connections
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u64).range(1..=1000))]
    connections: u64,
    /// Dial again when the connection breaks, and go on
    #[arg(long)]
    reconnect: bool,
    /// Other seeds give other values, and other keys to overwrite
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A run, as all connections share it.
struct Plan {
    addr: SocketAddr,
    ops: Ops,
    /// Commands in the whole run; without end when overwriting.
    total: u64,
    lanes: u64,
    pipeline: u64,
    /// Time between two commands of one connection.
    gap: Option<Duration>,
    until: Option<Instant>,
    reconnect: bool,
}

impl Plan {
    /// How many commands connection `lane` has to send.
    fn share(&self, lane: u64) -> u64 {
        if self.total == u64::MAX { u64::MAX } else { (self.total - lane).div_ceil(self.lanes) }
    }

    fn over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// The counters of all connections.
#[derive(Default)]
struct Counters {
    answered: AtomicU64,
    /// Replies that are errors.
    refused: AtomicU64,
    /// Such replies, by their first word.
    words: Mutex<BTreeMap<String, u64>>,
    reconnects: AtomicU64,
}

/// Sends the whole load; the code is a failure if any reply was an error or a connection could not go on.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let addr = loopback(&args.addr)?;
    let lanes = args.connections.min(args.keys);
    let started = Instant::now();
    let plan = Plan {
        addr,
        ops: Ops::new(args.keys, args.value_bytes, args.seed),
        total: if args.overwrite { u64::MAX } else { args.keys },
        lanes,
        pipeline: args.pipeline,
        gap: args.rate.map(|rate| Duration::from_nanos((1_000_000_000 * lanes).div_ceil(rate))),
        until: args.seconds.map(|seconds| started + Duration::from_secs(seconds)),
        reconnect: args.reconnect,
    };
    let counters = Counters::default();
    let broken: Vec<String> = std::thread::scope(|scope| {
        let (plan, counters) = (&plan, &counters);
        let lanes: Vec<_> =
            (0..lanes).map(|lane| scope.spawn(move || lane::run(plan, lane, counters))).collect();
        show_progress(plan, counters, || lanes.iter().all(|lane| lane.is_finished()));
        lanes.into_iter().filter_map(|lane| lane.join().expect("a lane does not panic").err()).collect()
    });
    Ok(report(&plan, &counters, started.elapsed(), &broken))
}

/// Resolves an address and refuses one that is not on this machine, because the load floods it.
fn loopback(addr: &str) -> Result<SocketAddr> {
    let found = addr.to_socket_addrs();
    let all =
        found.with_context(|| format!("{addr:?} is no address: write HOST:PORT, like 127.0.0.1:7000"))?;
    match all.into_iter().find(|one| one.ip().is_loopback()) {
        Some(one) => Ok(one),
        None => bail!(
            "{addr} is not on this machine; load floods its target, so it only takes loopback: 127.0.0.1:PORT"
        ),
    }
}

fn show_progress(plan: &Plan, counters: &Counters, done: impl Fn() -> bool) {
    let mut stderr = std::io::stderr();
    let terminal = stderr.is_terminal();
    let (mut said, mut before) = (Instant::now(), 0);
    while !done() {
        std::thread::park_timeout(REPAINT_EVERY / 10);
        let past = said.elapsed();
        if past < if terminal { REPAINT_EVERY } else { SAY_EVERY } {
            continue;
        }
        let answered = counters.answered.load(Ordering::Relaxed);
        let rate = per_second(answered - before, past);
        let refused = counters.refused.load(Ordering::Relaxed);
        let of = if plan.total == u64::MAX { String::new() } else { format!(" of {}", plan.total) };
        let line = format!("{answered}{of} ops, {rate}/s, {refused} errors");
        if terminal {
            write!(stderr, "\r\x1b[2K{line}").and_then(|()| stderr.flush()).ok();
        } else {
            writeln!(stderr, "{line}").ok();
        }
        (said, before) = (Instant::now(), answered);
    }
    if terminal {
        write!(stderr, "\r\x1b[2K").ok();
    }
}

fn report(plan: &Plan, counters: &Counters, took: Duration, broken: &[String]) -> ExitCode {
    let answered = counters.answered.load(Ordering::Relaxed);
    let refused = counters.refused.load(Ordering::Relaxed);
    println!("ops         {answered}");
    println!("seconds     {:.3}", took.as_secs_f64());
    println!("rate        {}/s", per_second(answered, took));
    println!("errors      {refused}");
    for (word, count) in counters.words.lock().expect("no lane panicked").iter() {
        println!("  {word}  {count}");
    }
    if plan.reconnect {
        println!("reconnects  {}", counters.reconnects.load(Ordering::Relaxed));
    }
    if answered < plan.ops.keys {
        eprintln!("note: {} of {} keys were written before the end", answered - refused, plan.ops.keys);
    }
    for why in broken {
        eprintln!("error: {why}");
    }
    if refused == 0 && broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn per_second(count: u64, time: Duration) -> u128 {
    u128::from(count) * 1_000_000_000 / time.as_nanos().max(1)
}

#[cfg(test)]
mod tests;
