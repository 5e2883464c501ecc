//! The ready file: while it exists, it names the addresses of the server.
//!
//! It appears whole or not at all, and it never ends the server. While it cannot be written, that is logged once and
//! tried again every [`AGAIN`].

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use towline_server::Server;

use crate::failure::Failure;

/// The pause between two attempts.
const AGAIN: Duration = Duration::from_secs(1);

/// The contents of the ready file.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    role: &'a str,
    pid: u32,
    node: String,
    client_addr: Option<&'a str>,
    replication_addr: Option<&'a str>,
    metrics_addr: Option<&'a str>,
    web_addr: Option<&'a str>,
}

/// The ready file, removed when it is dropped; or none.
#[derive(Debug)]
pub(crate) struct ReadyFile {
    path: Option<PathBuf>,
    /// The task that writes it as soon as it can be written.
    task: tokio::task::JoinSet<()>,
}

impl ReadyFile {
    /// Removes the file of an earlier run: it would mislead a program that waits for this one.
    ///
    /// # Errors
    /// If something of this name is no file.
    pub(crate) fn clear(path: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(path) = &path {
            if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
                let path = path.display();
                return Err(Failure::Usage(format!("--ready-file: {path} is no file: name one to be made")));
            }
            if let Err(error) = std::fs::remove_file(path)
                && error.kind() != io::ErrorKind::NotFound
            {
                let path = path.display();
                tracing::warn!("--ready-file: cannot remove {path} of an earlier run: {error}");
            }
        }
        Ok(Self { path, task: tokio::task::JoinSet::new() })
    }

    /// Writes it now, or, where it cannot be written, as soon as it can.
    pub(crate) fn write(&mut self, server: &Server, role: &str) {
        let Some(path) = self.path.clone() else { return };
        let text = text(server, role);
        let Err(error) = put(&path, &text) else { return };
        let shown = path.display().to_string();
        tracing::warn!("--ready-file: cannot write {shown}: {error}; serving without it and trying again");
        self.task.spawn(async move {
            loop {
                tokio::time::sleep(AGAIN).await;
                if put(&path, &text).is_ok() {
                    return tracing::info!("--ready-file: {shown} is written");
                }
            }
        });
    }
}

fn text(server: &Server, role: &str) -> String {
    let ready = Ready {
        role,
        pid: std::process::id(),
        node: server.node().to_string(),
        client_addr: server.client_addr(),
        replication_addr: server.replication_addr(),
        metrics_addr: server.metrics_addr(),
        web_addr: server.web_addr(),
    };
    let text = serde_json::to_string(&ready).expect("text and numbers are JSON");
    format!("{text}\n")
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.to_owned().into_os_string();
    beside.push(".new");
    std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path)).inspect_err(|_| {
        // The rest of a failed write serves nobody.
        std::fs::remove_file(&beside).ok();
    })
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // It may be gone already.
            std::fs::remove_file(path).ok();
        }
    }
}
