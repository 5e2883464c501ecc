//! Logs on stderr: what the host and the program say while a server runs, through the queue of [`lines`].

use std::io;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::lines;

/// Starts logging what `filter` lets through; the queue holds it back until [`lines::open`].
pub(crate) fn start(filter: &str) -> Result<(), Failure> {
    let parsed = EnvFilter::try_new(filter).map_err(|error| {
        let example = "write a level like info, or a filter like towline_host=debug";
        Failure::Usage(format!("--log (or RUST_LOG) {filter:?} is no filter: {error}; {example}"))
    })?;
    let colours = io::IsTerminal::is_terminal(&io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(lines::queue())
        .with_ansi(colours)
        .with_target(false)
        .log_internal_errors(false)
        .init();
    std::panic::set_hook(Box::new(|panic| {
        if lines::is_open() {
            tracing::error!("a bug in towline, please report it: {panic}");
        } else {
            // Damaged files make the database panic while it opens them; that is caught, and told in one line.
            tracing::debug!("{panic}");
        }
    }));
    Ok(())
}
