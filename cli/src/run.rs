//! `serve` and `follow`: a server from its start to its end.
//!
//! The first line on stderr gives the real addresses; then the ready file is written. A signal stops the server in
//! order; a second one ends the waiting of that stop, and a third one ends the process.

use std::path::{Path, PathBuf};

use towline_driver::{LeftOver, RunError, StartError};
use towline_server::{Options, Server, StoreKind};

use crate::config::{Plan, explain};
use crate::failure::Failure;
use crate::ready_file::ReadyFile;
use crate::signals::Signals;
use crate::{lines, logs, units};

/// Runs a server until it is stopped.
pub(crate) fn run(plan: Plan) -> Result<(), Failure> {
    let origin = plan.origin.clone();
    run_as_typed(plan).map_err(|failure| origin.place(failure))
}

/// Does the work of [`run`]; failures name flags, even for options of the file.
fn run_as_typed(plan: Plan) -> Result<(), Failure> {
    logs::start(&plan.log)?;
    let runtime = crate::runtime()?;
    let done = runtime.block_on(async {
        // A task of its own, so that a panic becomes a failure with a message.
        let ended = tokio::spawn(live(plan)).await;
        ended.unwrap_or_else(|bug| Err(Failure::failed(format!("a bug in towline, please report it: {bug}"))))
    });
    lines::open("");
    // A dial or a look-up under way must not delay the end.
    runtime.shutdown_background();
    done
}

async fn live(plan: Plan) -> Result<(), Failure> {
    let Plan { mut options, ready_file, .. } = plan;
    options.descriptors = crate::descriptors::raise();
    // Registered first: a user who sees an address may already send a signal.
    let mut signals = Signals::for_server()?;
    let dir = match &options.store {
        StoreKind::Disk(dir) => Some(dir.clone()),
        StoreKind::Memory => None,
    };
    let role = if options.driver.upstream.is_some() { "replica" } else { "primary" };
    let (mut server, mut ready) = open(options, ready_file).await?;
    lines::open(&first_line(&server, role));
    ready.write(&server, role);
    let ended = until_it_ends(&mut server, &mut signals).await?;
    drop(ready);
    ended.map_err(|error| told(error, dir.as_deref()))
}

/// Waits until the server has stopped, and has signals stop it.
async fn until_it_ends(server: &mut Server, signals: &mut Signals) -> Result<Result<(), RunError>, Failure> {
    for asked in 0_u32.. {
        let signal = tokio::select! {
            biased;
            signal = signals.next() => signal,
            ended = server.wait() => return Ok(ended),
        };
        match asked {
            0 => {
                tracing::info!("{signal}: stopping; once more stops at once");
                server.stop().await;
            }
            1 => {
                tracing::warn!("{signal} again: stopping at once");
                server.give_up().await;
            }
            _ => break,
        }
    }
    let text = "stopped by the third signal: data that is left over was not checked";
    Err(Failure::LeftOver(text.to_owned()))
}

/// Returns a server that listens, and its ready file.
pub(crate) async fn open(options: Options, ready: Option<PathBuf>) -> Result<(Server, ReadyFile), Failure> {
    let ready = ReadyFile::clear(ready)?;
    Ok((start(options).await?, ready))
}

async fn start(options: Options) -> Result<Server, Failure> {
    // Checked first: following a client port by mistake is reported at once.
    Server::look_at_upstream(&options).await.map_err(Failure::failed)?;
    let (listen, choice) = (options.listen.first().cloned(), options.listen.len());
    Server::start(options).await.map_err(|error| match &error {
        StartError::Listen { option: "listen", addr, .. } if choice > 1 => {
            let first = listen.unwrap_or_default();
            Failure::failed(format!("--listen: no free port from {first} to {addr}: name one with --listen"))
        }
        StartError::Listen { .. }
        | StartError::Config(_)
        | StartError::Exposed { .. }
        | StartError::Store(_)
        | StartError::Random(_) => explain(error),
    })
}

fn first_line(server: &Server, role: &str) -> String {
    let mut line = format!("towline {} {role}", env!("CARGO_PKG_VERSION"));
    for (what, addr) in [
        ("clients", server.client_addr()),
        ("replicas", server.replication_addr()),
        ("metrics", server.metrics_addr()),
        ("page", server.web_addr()),
    ] {
        if let Some(addr) = addr {
            line.push_str(&format!(", {what} on {addr}"));
        }
    }
    let bound = units::bytes(server.memory_bound_bytes());
    format!("{line}, node {}, memory bound {bound} with the data of now\n", server.node())
}

/// Why a server stopped, with what to do about it.
fn told(error: RunError, dir: Option<&Path>) -> Failure {
    match &error {
        RunError::HistoryDiffers { upstream, ours, theirs } => {
            let place = dir.map_or_else(|| "this node".to_owned(), |dir| dir.display().to_string());
            Failure::failed(format!(
                "{upstream} has history {theirs}, {place} has history {ours}: nothing was changed; \
                 --adopt replaces the data in {place} by that of {upstream}"
            ))
        }
        RunError::IdentityClash { node } => Failure::failed(format!(
            "another process uses node id {node}: was {} copied? remove the file `node` from the copy",
            dir.map_or_else(|| "its directory".to_owned(), |dir| dir.display().to_string())
        )),
        RunError::LeftOver(left) => left_over(left, dir),
        RunError::FollowsItself { .. } | RunError::Gone => Failure::Failed(error.into()),
    }
}

/// Describes the data that a stop left over, and where it still is.
fn left_over(left: &LeftOver, dir: Option<&Path>) -> Failure {
    let advice = match (&left.unkept, dir) {
        (Some(_), _) => {
            "a replica that was connected may have it: promote one that has more before this is started"
        }
        (None, Some(_)) => "the data is whole here: start this again before a replica is promoted",
        (None, None) => "this store kept nothing: promote the replica that has most",
    };
    Failure::LeftOver(format!("stopped, but {left}; {advice}"))
}
