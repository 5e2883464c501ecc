//! A TCP proxy in front of one replication address, which cuts or stalls its connections on demand.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use anyhow::{Context, Result};

/// The treatment of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Bytes pass.
    Open,
    /// Connections stay open, and nothing passes.
    Stalled,
    /// Connections are closed, and new ones too.
    Cut,
}

/// The proxy; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Proxy {
    addr: String,
    mode: watch::Sender<Mode>,
    _task: JoinSet<()>,
}

impl Proxy {
    /// Starts a proxy on a free loopback port.
    pub(super) async fn start(target: &str) -> Result<Self> {
        let listener =
            TcpListener::bind("127.0.0.1:0").await.context("no free loopback port for the proxy")?;
        let addr = listener.local_addr().context("the proxy has no address")?.to_string();
        let (mode, modes) = watch::channel(Mode::Open);
        let mut task = JoinSet::new();
        task.spawn(accept(listener, target.to_owned(), modes));
        Ok(Self { addr, mode, _task: task })
    }

    pub(super) fn addr(&self) -> &str {
        &self.addr
    }

    pub(super) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn accept(listener: TcpListener, target: String, modes: watch::Receiver<Mode>) {
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(_) = links.join_next() => {}
            accepted = listener.accept() => {
                // A connection that is not served is closed when it is dropped.
                if let Ok((near, _)) = accepted && *modes.borrow() != Mode::Cut {
                    links.spawn(link(near, target.clone(), modes.clone()));
                }
            }
        }
    }
}

/// Serves one connection, until either side or the mode ends it.
async fn link(near: TcpStream, target: String, modes: watch::Receiver<Mode>) {
    let Ok(far) = TcpStream::connect(target).await else { return };
    // A socket without TCP_NODELAY is only slower.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        biased;
        () = pass(near_read, far_write, modes.clone()) => {}
        () = pass(far_read, near_write, modes) => {}
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut modes: watch::Receiver<Mode>,
) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let mode = *modes.borrow_and_update();
        let read = match mode {
            Mode::Cut => return,
            Mode::Stalled => match modes.changed().await {
                Ok(()) => continue,
                Err(_) => return,
            },
            Mode::Open => tokio::select! {
                biased;
                changed = modes.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                read = from.read(&mut bytes) => read,
            },
        };
        match read {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                if to.write_all(&bytes[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
