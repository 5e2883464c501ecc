//! Logs on stderr, behind a gate: the first line a server prints is its addresses, so what is logged while it opens its
//! store waits until they are known, or until the start has failed.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::failure::Failure;

/// Holds lines back until it is opened.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Mutex<Option<Vec<u8>>>>);

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_open(&self) -> bool {
        self.lock().is_none()
    }

    /// Prints `first`, then what was held back; from now on lines pass.
    pub(crate) fn open(&self, first: &str) {
        let mut held = self.lock();
        let mut stderr = io::stderr().lock();
        // Where nobody reads, there is nobody to tell.
        stderr.write_all(first.as_bytes()).ok();
        stderr.write_all(&held.take().unwrap_or_default()).ok();
    }
}

impl Write for Gate {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut *self.lock() {
            Some(held) => held.extend_from_slice(line),
            None => io::stderr().lock().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Gate {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Starts logging what `filter` lets through.
pub(crate) fn start(filter: &str) -> Result<Gate, Failure> {
    let parsed = EnvFilter::try_new(filter).map_err(|error| {
        let example = "write a level like info, or a filter like towline_host=debug";
        Failure::Usage(format!("--log (or RUST_LOG) {filter:?} is no filter: {error}; {example}"))
    })?;
    let gate = Gate(Arc::new(Mutex::new(Some(Vec::new()))));
    let colours = io::IsTerminal::is_terminal(&io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(gate.clone())
        .with_ansi(colours)
        .with_target(false)
        .init();
    let door = gate.clone();
    std::panic::set_hook(Box::new(move |panic| {
        if door.is_open() {
            tracing::error!("a bug in towline, please report it: {panic}");
        } else {
            // Damaged files make the database panic while it opens them; that is caught, and told in one line.
            tracing::debug!("{panic}");
        }
    }));
    Ok(gate)
}
