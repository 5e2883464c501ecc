//! `demo`: a primary and its replicas in one process, real load over real sockets, and the failures of a replicated
//! store's life, in order. It ends with each node's digest, from its own socket.
//!
//! | file | contents |
//! |---|---|
//! | `fleet` | the nodes: start, kill, start again, ask |
//! | `proxy` | a TCP proxy in front of one link, which cuts or stalls it |
//! | `load` | clients that write |
//! | `story` | the acts, in order |
//! | `view` | the display: a live picture at a terminal, lines elsewhere |
//! | `verdict` | the result |

mod fleet;
mod load;
mod proxy;
mod story;
mod verdict;
mod view;

use crate::args::DemoArgs;
use crate::failure::Failure;
use crate::signals::Signals;
use crate::{lines, logs};

/// Runs the demo; fails if the nodes do not end identical.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    logs::start(args.log.as_deref().filter(|log| !log.is_empty()).unwrap_or("error"))?;
    lines::open("");
    let runtime = crate::runtime()?;
    let verdict = runtime.block_on(async {
        let mut signals = Signals::for_terminal()?;
        tokio::select! {
            biased;
            signal = signals.next() => Err(Failure::failed(format!("{signal} before the end"))),
            verdict = story::play(args) => verdict.map_err(Failure::from),
        }
    });
    runtime.shutdown_background();
    let verdict = verdict?;
    let text = if args.json { verdict.json()? } else { verdict.page() };
    crate::print(text.as_bytes())?;
    match verdict.difference() {
        None => Ok(()),
        Some(difference) => Err(Failure::failed(difference)),
    }
}
