//! Ctrl-C in a campaign: the first one ends it in order, with the report of what was played; a second one at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Runtime;

use crate::failure::Failure;
use crate::signals::Signals;

/// The exit code after a signal, as shells count it: 128 and SIGINT.
const INTERRUPTED: i32 = 130;

/// Listens for Ctrl-C until it is dropped.
pub(crate) struct Interrupt {
    told: Arc<AtomicBool>,
    runtime: Option<Runtime>,
}

impl Interrupt {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
        let mut signals = runtime.block_on(async { Signals::for_terminal() })?;
        let told = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&told);
        runtime.spawn(async move {
            let signal = signals.next().await;
            flag.store(true, Ordering::Relaxed);
            crate::lines::say(&format!("{signal}: ends with the runs under way; again to end at once"));
            signals.next().await;
            std::process::exit(INTERRUPTED);
        });
        Ok(Self { told, runtime: Some(runtime) })
    }

    /// Returns the flag that the first signal sets.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.told
    }

    /// Returns whether a signal came.
    pub(crate) fn is_set(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
