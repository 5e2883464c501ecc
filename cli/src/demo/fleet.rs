//! The demo's nodes: servers in this process, on free loopback ports, asked over their own sockets.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use towline_core::Span;
use towline_server::command::Report;
use towline_server::{Options, Server, StoreKind};

use crate::args::StoreName;
use crate::client::{Client, Reply};

/// The size of every ring: small enough to be overrun on purpose, large enough not to be by accident.
const BACKLOG_BYTES: u64 = 16 << 20;
/// The longest pause between dials: nobody wants to watch one.
const REDIAL_MAX: Span = Span::from_millis(250);
/// The bound of every wait.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One node of the demo.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// The address for clients, from its first start on.
    pub(super) addr: String,
    /// The address for replicas.
    pub(super) replication: String,
    options: Options,
    /// The running server; none while it is stopped.
    server: Option<Server>,
}

/// All nodes; the first one begins as primary.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) members: Vec<Member>,
    store: StoreName,
    /// The folder of all data; removed at the end.
    folder: tempfile::TempDir,
    /// The counters of stopped nodes: bytes and snapshots sent.
    counted: (u64, u64),
    /// Open connections, by address.
    clients: BTreeMap<String, Client>,
}

impl Fleet {
    pub(super) fn new(store: StoreName) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("towline-demo-").tempdir();
        let folder = folder.context("no temporary directory for the demo")?;
        Ok(Self { members: Vec::new(), store, folder, counted: (0, 0), clients: BTreeMap::new() })
    }

    /// Starts one more node.
    pub(super) async fn add(&mut self, name: &str, upstream: Option<&str>) -> Result<()> {
        let any = "127.0.0.1:0";
        let number = self.members.len() as u64 + 1;
        let mut options = Options {
            listen: vec![any.to_owned()],
            store: match self.store {
                StoreName::Memory => StoreKind::Memory,
                StoreName::Disk => StoreKind::Disk(self.folder.path().join(name)),
            },
            ..Options::default()
        };
        options.driver.replication = Some(any.to_owned());
        options.driver.upstream = upstream.map(str::to_owned);
        options.driver.node = Some(number);
        options.driver.core.backlog_bytes = BACKLOG_BYTES;
        options.driver.core.redial_max = REDIAL_MAX;
        let server = Server::start(options.clone()).await.with_context(|| format!("cannot start {name}"))?;
        let addr = server.client_addr().context("a server without an address")?.to_owned();
        let replication = server.replication_addr().context("a server without an address")?.to_owned();
        // It starts again on the same addresses.
        options.listen = vec![addr.clone()];
        options.driver.replication = Some(replication.clone());
        self.members.push(Member { name: name.to_owned(), addr, replication, options, server: Some(server) });
        Ok(())
    }

    /// Stops a node as `kill -9` would: nothing is flushed, no peer is notified.
    pub(super) async fn kill(&mut self, index: usize) -> Result<()> {
        let report = self.report(index).await?;
        self.counted.0 += report.counters.bytes_sent;
        self.counted.1 += report.counters.full_syncs;
        let member = &mut self.members[index];
        self.clients.remove(&member.addr);
        if let Some(server) = member.server.take() {
            server.kill().await;
        }
        Ok(())
    }

    /// Starts it again: same directory, same addresses.
    pub(super) async fn restart(&mut self, index: usize) -> Result<()> {
        let member = &mut self.members[index];
        let server = Server::start(member.options.clone()).await;
        member.server = Some(server.with_context(|| format!("cannot start {} again", member.name))?);
        Ok(())
    }

    /// Makes one node primary; all that followed the old one, and the old one, follow it.
    pub(super) async fn promote(&mut self, index: usize, children: &[usize]) -> Result<()> {
        self.command(index, &["REPLICAOF", "NO", "ONE"]).await?;
        let addr = self.members[index].replication.clone();
        let (host, port) = addr.rsplit_once(':').context("an address without a port")?;
        for child in children {
            self.command(*child, &["REPLICAOF", host, port]).await?;
        }
        Ok(())
    }

    async fn command(&mut self, index: usize, words: &[&str]) -> Result<()> {
        match self.ask(index, words).await? {
            Reply::Error(text) => bail!("{} answers {}: {text}", self.members[index].name, words.join(" ")),
            Reply::Text(_) | Reply::Integer(_) | Reply::Null => Ok(()),
        }
    }

    /// Asks a node over its socket.
    async fn ask(&mut self, index: usize, words: &[&str]) -> Result<Reply> {
        let addr = self.members[index].addr.clone();
        let mut client = match self.clients.remove(&addr) {
            Some(client) => client,
            None => Client::connect(&addr).await?,
        };
        let reply = client.ask(words).await?;
        self.clients.insert(addr, client);
        Ok(reply)
    }

    /// Returns a node's report of its status.
    pub(super) async fn report(&mut self, index: usize) -> Result<Report> {
        match self.ask(index, &["TOWLINE", "STATUS"]).await? {
            Reply::Text(text) => serde_json::from_str(&text).context("a status that cannot be read"),
            other @ (Reply::Error(_) | Reply::Integer(_) | Reply::Null) => bail!("a status like {other:?}"),
        }
    }

    /// Returns a node's digest, from its own socket.
    pub(super) async fn digest(&mut self, index: usize) -> Result<String> {
        match self.ask(index, &["TOWLINE", "DIGEST"]).await? {
            Reply::Text(text) => Ok(text),
            other @ (Reply::Error(_) | Reply::Integer(_) | Reply::Null) => bail!("a digest like {other:?}"),
        }
    }

    /// Waits until a node's report is as wanted.
    pub(super) async fn until(
        &mut self,
        index: usize,
        what: &str,
        wanted: impl Fn(&Report) -> bool,
    ) -> Result<Report> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let report = self.report(index).await?;
            if wanted(&report) {
                return Ok(report);
            }
            if Instant::now() > deadline {
                let name = &self.members[index].name;
                bail!("{name} did not {what} within {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Returns the bytes and snapshots sent by all nodes, those of stopped ones included.
    pub(super) async fn sent(&mut self) -> Result<(u64, u64)> {
        let mut sent = self.counted;
        for index in 0..self.members.len() {
            let counters = self.report(index).await?.counters;
            sent = (sent.0 + counters.bytes_sent, sent.1 + counters.full_syncs);
        }
        Ok(sent)
    }
}
