//! Logs on stderr: those of the server and the program while a server runs, through the queue of [`lines`].

use std::io;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::lines;

/// The words of a level alone. The filter takes any other word for the name of a crate, and would log nothing.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Reads the value of `--log`.
pub(crate) fn filter(text: &str) -> Result<EnvFilter, Failure> {
    let wrong = |why: String| {
        let example = "write a level (error, warn, info, debug), or a filter like towline_server=debug";
        Failure::Usage(format!("--log (or RUST_LOG) {text:?} is no filter: {why}; {example}"))
    };
    for part in text.split(',').map(str::trim).filter(|part| !part.contains(['=', '['])) {
        let known =
            LEVELS.iter().any(|level| part.eq_ignore_ascii_case(level)) || part.starts_with("towline");
        if !known {
            return Err(wrong(format!("{part:?} is no level")));
        }
    }
    EnvFilter::try_new(text).map_err(|error| wrong(error.to_string()))
}

/// Starts logging through the filter `text`; the queue holds the lines until [`lines::open`].
pub(crate) fn start(text: &str) -> Result<(), Failure> {
    let parsed = filter(text)?;
    let colours = io::IsTerminal::is_terminal(&io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    let queue = lines::queue(towline_server::count_lost_log_line);
    tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(move || queue.clone())
        .with_ansi(colours)
        .with_target(false)
        .log_internal_errors(false)
        .init();
    std::panic::set_hook(Box::new(|panic| {
        if lines::is_open() {
            tracing::error!("a bug in towline, please report it: {panic}");
        } else {
            // Damaged files make the database panic while it opens them; that is caught, and reported in one line.
            tracing::debug!("{panic}");
        }
    }));
    Ok(())
}
