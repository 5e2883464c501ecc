//! Shared by the server's tests: servers on a net inside the process, and clients that connect to them.
//!
//! Nothing here measures time: an awaited event happens, or the test's own limit ends it with a picture of the state.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use towline_driver::transport::{BoxTransport, MemoryNet, Net, Tcp};
use towline_server::{Options, Server, StoreKind};

/// The bound of every wait.
const LIMIT: Duration = Duration::from_secs(60);

/// A net to start servers on.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) net: Arc<dyn Net>,
    pub(crate) memory: MemoryNet,
}

impl World {
    /// Returns a net inside the process.
    pub(crate) fn memory() -> Self {
        let memory = MemoryNet::new();
        Self { net: Arc::new(memory.clone()), memory }
    }

    /// Returns the machine's own loopback.
    pub(crate) fn tcp() -> Self {
        Self { net: Arc::new(Tcp::default()), memory: MemoryNet::new() }
    }

    pub(crate) async fn start(&self, options: Options) -> Server {
        Server::start_on(options, Arc::clone(&self.net)).await.expect("the server starts")
    }

    /// Connects a client to this server.
    pub(crate) async fn client(&self, server: &Server) -> Client {
        let addr = server.client_addr().expect("it takes clients");
        Client { transport: self.net.dial(addr).await.expect("it listens"), bytes: Vec::new() }
    }
}

/// Returns the options of a node that takes clients and replicas, with a small ring and short times.
pub(crate) fn options() -> Options {
    let mut options =
        Options { listen: vec!["127.0.0.1:0".to_owned()], store: StoreKind::Memory, ..Options::default() };
    options.driver.replication = Some("127.0.0.1:0".to_owned());
    options.driver.spool_bytes = 8 << 20;
    options.driver.core.backlog_bytes = 1 << 20;
    options.driver.core.piece_bytes_max = 16 << 10;
    options.driver.core.redial_min = towline_core::Span::from_millis(5);
    options.driver.core.redial_max = towline_core::Span::from_millis(50);
    options
}

/// Returns the same options, following this server.
pub(crate) fn following(server: &Server) -> Options {
    with(options(), |driver| driver.upstream = server.replication_addr().map(str::to_owned))
}

/// The same, with some of the driver's options changed.
pub(crate) fn with(mut options: Options, change: impl FnOnce(&mut towline_driver::Options)) -> Options {
    change(&mut options.driver);
    options
}

/// A client that sends one request at a time.
pub(crate) struct Client {
    transport: BoxTransport,
    bytes: Vec<u8>,
}

impl Client {
    /// Sends a request and reads its reply: one line, or the bulk string behind it.
    pub(crate) async fn ask(&mut self, words: &[&str]) -> String {
        self.send(words).await;
        self.reply().await
    }

    pub(crate) async fn send(&mut self, words: &[&str]) {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request += &format!("${}\r\n{word}\r\n", word.len());
        }
        self.transport.write_all(request.as_bytes()).await.expect("the server reads");
        self.transport.flush().await.expect("the server reads");
    }

    pub(crate) async fn reply(&mut self) -> String {
        let line = self.line().await;
        let Some(length) = line.strip_prefix('$') else { return line };
        let Ok(length) = length.parse::<usize>() else { return "(nil)".to_owned() };
        while self.bytes.len() < length + 2 {
            self.read().await;
        }
        let bulk = self.bytes.drain(..length + 2).take(length).collect();
        String::from_utf8(bulk).expect("tests speak text")
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.bytes.windows(2).position(|end| end == b"\r\n") {
                let line = self.bytes.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).expect("a line is text");
            }
            self.read().await;
        }
    }

    async fn read(&mut self) {
        let read = self.transport.read_buf(&mut self.bytes);
        let read = tokio::time::timeout(LIMIT, read).await.expect("an answer").expect("a connection");
        assert!(read > 0, "the server closed the connection");
    }

    /// Sends bytes as they are. Bytes that a closing server does not take are lost.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.transport.write_all(bytes).await.ok();
        self.transport.flush().await.ok();
    }

    /// Returns everything that the server sends until it closes the connection, or has nothing more to send.
    pub(crate) async fn said_so_far(&mut self) -> String {
        let mut said = std::mem::take(&mut self.bytes);
        while let Ok(Ok(1..)) =
            tokio::time::timeout(Duration::from_millis(300), self.transport.read_buf(&mut said)).await
        {
        }
        String::from_utf8(said).expect("tests speak text")
    }

    /// Returns whether the server has closed the connection, after everything it sent.
    pub(crate) async fn closed(&mut self) -> bool {
        let mut scrap = Vec::new();
        let end = tokio::time::timeout(LIMIT, self.transport.read_to_end(&mut scrap)).await;
        end.is_ok()
    }

    /// Writes `count` keys in one go, each with a value of so many bytes.
    pub(crate) async fn fill(&mut self, name: &str, count: usize, bytes: usize) {
        let value = "v".repeat(bytes);
        for part in (0..count).collect::<Vec<_>>().chunks(64) {
            for number in part {
                self.send(&["SET", &format!("{name}:{number}"), &value]).await;
            }
            for _ in part {
                assert_eq!(self.reply().await, "+OK");
            }
        }
    }
}

/// Waits until all of these hold the same as the first, at the same offset.
pub(crate) async fn agree(servers: &[&Server]) {
    let same = async {
        loop {
            let mut seen = Vec::new();
            for server in servers {
                let inspection = server.inspect().await.expect("it runs");
                seen.push((inspection.digest, inspection.keys, inspection.status.driver.stats.applied));
            }
            if seen.iter().all(|one| *one == seen[0]) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    if tokio::time::timeout(LIMIT, same).await.is_err() {
        for server in servers {
            let inspection = server.inspect().await.expect("it runs");
            eprintln!("{} {:#?}", inspection.keys, inspection.status);
        }
        panic!("they never agreed");
    }
}

/// Waits until `holds` returns true.
pub(crate) async fn until<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(LIMIT, wait).await.is_ok(), "never: {what}");
}
