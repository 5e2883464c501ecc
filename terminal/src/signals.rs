//! The signals that ask the process to stop: every one that would end it and can be caught. On other systems than Unix,
//! Ctrl-C alone.
//!
//! A server ignores SIGHUP, which asks it to read its configuration again: there is nothing to read again, and the end
//! of a terminal should not end a server. It ignores SIGXFSZ, which reports a file that grew too long: the failed write
//! reports that too.

use crate::failure::Failure;

/// The signals that ask the process to stop.
pub struct Signals {
    #[cfg(unix)]
    heard: tokio::sync::mpsc::Receiver<Heard>,
}

/// A signal, and the reaction to it.
#[cfg(unix)]
#[derive(Debug, Clone, Copy)]
enum Heard {
    Stop(&'static str),
    /// Its name, and the reason why it is ignored.
    Ignored(&'static str, &'static str),
}

#[cfg(unix)]
impl Signals {
    /// Listens from now on, as a server does.
    pub fn for_server() -> Result<Self, Failure> {
        let why = "there is nothing to read again; SIGTERM stops";
        Self::listen(Heard::Ignored("SIGHUP", why))
    }

    /// Listens from now on, as a program at a terminal does.
    pub fn for_terminal() -> Result<Self, Failure> {
        Self::listen(Heard::Stop("SIGHUP"))
    }

    fn listen(hangup: Heard) -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        // The first few signals are enough.
        let (sender, heard) = tokio::sync::mpsc::channel(4);
        for (number, means) in every(hangup) {
            let kind = SignalKind::from_raw(number);
            let mut signals = signal(kind)
                .map_err(|error| Failure::failed(format!("cannot listen for signal {number}: {error}")))?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() && sender.send(means).await.is_ok() {}
            });
        }
        Ok(Self { heard })
    }

    /// Returns the next signal's name.
    pub async fn next(&mut self) -> &'static str {
        loop {
            match self.heard.recv().await {
                Some(Heard::Stop(name)) => return name,
                Some(Heard::Ignored(name, why)) => tracing::info!("{name}: {why}"),
                // Not reached: the tasks that listen live as long as the runtime.
                None => std::future::pending::<()>().await,
            }
        }
    }
}

/// Returns the numbers of the signals that would end the process and can be caught.
#[cfg(unix)]
fn every(hangup: Heard) -> Vec<(i32, Heard)> {
    let mut every = vec![
        (libc::SIGTERM, Heard::Stop("SIGTERM")),
        (libc::SIGINT, Heard::Stop("SIGINT")),
        (libc::SIGQUIT, Heard::Stop("SIGQUIT")),
        (libc::SIGUSR1, Heard::Stop("SIGUSR1")),
        (libc::SIGUSR2, Heard::Stop("SIGUSR2")),
        (libc::SIGALRM, Heard::Stop("SIGALRM")),
        (libc::SIGVTALRM, Heard::Stop("SIGVTALRM")),
        (libc::SIGPROF, Heard::Stop("SIGPROF")),
        (libc::SIGXCPU, Heard::Stop("SIGXCPU")),
        (libc::SIGHUP, hangup),
        (libc::SIGXFSZ, Heard::Ignored("SIGXFSZ", "a file may not grow any more")),
    ];
    #[cfg(target_os = "linux")]
    {
        every.push((libc::SIGPWR, Heard::Stop("SIGPWR")));
        every.push((libc::SIGIO, Heard::Stop("SIGIO")));
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        every.push((libc::SIGSTKFLT, Heard::Stop("SIGSTKFLT")));
        let named = |number| (number, Heard::Stop("a real-time signal"));
        every.extend((libc::SIGRTMIN()..=libc::SIGRTMAX()).map(named));
    }
    every
}

#[cfg(not(unix))]
impl Signals {
    pub fn for_server() -> Result<Self, Failure> {
        Ok(Self {})
    }

    pub fn for_terminal() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// Returns the next signal's name.
    pub async fn next(&mut self) -> &'static str {
        // A system that cannot listen for it never returns it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}
