//! The address for browsers: files of a page, the node's state as JSON, replication over a WebSocket, and setting a
//! key.
//!
//! | path | answer |
//! |---|---|
//! | [`REPLICATE`] | the replication protocol in binary messages: a replica like any other |
//! | [`STANDING`] | this node's state, its upstream and its replicas |
//! | [`SET`], by POST | sets a key: see `post.rs` for what such a request must prove |
//! | a [`File`]'s | that file |
//!
//! There is no password, so only this machine may ask: the address must be a loopback one ([`check`]), requests must
//! name it as their host, and a page that asks must come from it. So another site in the same browser, or a name that
//! resolves to 127.0.0.1, gets nothing.
//!
//! Bounds: 32 requests at a time, a head of 8 KiB, 5 s for each. A replica's connection is the engine's as soon as it
//! is open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};

use self::post::Post;
use crate::command::status;
use crate::inspection::Inspection;
use crate::service::Service;
use towline_driver::application::Mailbox;
use towline_driver::transport::{BoxTransport, Listener, WebSocket, is_loopback};

mod post;
#[cfg(test)]
mod tests;

pub use post::SET;

/// The path where replicas connect.
pub const REPLICATE: &str = "/replicate";
/// The path of the node's state.
pub const STANDING: &str = "/standing.json";

/// The most requests served at the same time.
pub(crate) const VISITS: usize = 32;
/// The longest request head.
const HEAD_BYTES: usize = 8 << 10;
/// The time limit of one request.
const PATIENCE: Duration = Duration::from_secs(5);

/// The options for browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// A loopback address.
    pub addr: String,
    /// The page: the file whose path is `/`, and those it asks for.
    pub files: &'static [File],
}

/// One file of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its path: `/page.js`.
    pub path: &'static str,
    /// Its media type.
    pub media: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

/// Returns whether only this machine can reach an address.
#[must_use]
pub fn check(addr: &str) -> bool {
    is_loopback(addr)
}

/// Serves requests until the listener's task is ended.
pub(crate) async fn serve(mut listener: Box<dyn Listener>, files: &'static [File], engine: Mailbox<Service>) {
    let room = Arc::new(Semaphore::new(VISITS));
    let door = Door { names: names(&listener.addr()), files, engine };
    loop {
        let Ok((transport, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
        let door = door.clone();
        tokio::spawn(async move {
            // A request that takes too long is dropped; the browser may ask again.
            timeout(PATIENCE, door.visit(transport, peer)).await.ok();
            drop(permit);
        });
    }
}

/// Returns the names that a browser may use for this address: the address, and `localhost`.
fn names(addr: &str) -> [String; 2] {
    let port = addr.parse().map_or(0, |addr: SocketAddr| addr.port());
    [addr.to_owned(), format!("localhost:{port}")]
}

/// A reply over HTTP.
struct Reply {
    status: &'static str,
    media: &'static str,
    body: Vec<u8>,
}

impl Reply {
    fn plain(status: &'static str, text: &str) -> Self {
        Self { status, media: "text/plain; charset=utf-8", body: format!("{text}\n").into_bytes() }
    }

    fn json(status: &'static str, value: &Value) -> Self {
        Self { status, media: "application/json", body: value.to_string().into_bytes() }
    }
}

#[derive(Clone)]
struct Door {
    names: [String; 2],
    files: &'static [File],
    engine: Mailbox<Service>,
}

impl Door {
    async fn visit(self, mut transport: BoxTransport, peer: String) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        let (used, request) = loop {
            if bytes.len() > HEAD_BYTES || transport.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            if Post::is(&bytes) {
                return self.posted(transport, peer, bytes).await;
            }
            match Request::try_parse(&bytes) {
                Ok(Some(parsed)) => break parsed,
                Ok(None) => {}
                Err(_) => {
                    let reply = Reply::plain(
                        "400 Bad Request",
                        "only GET and POST, in HTTP/1.1, are understood here",
                    );
                    return write(&mut transport, &reply).await;
                }
            }
        };
        if let Err(reply) = self.admit(&request) {
            return write(&mut transport, &reply).await;
        }
        if request.uri().path() == REPLICATE {
            return self.replicate(transport, peer, &request, bytes.split_off(used)).await;
        }
        let reply = self.answer(request.uri().path()).await;
        write(&mut transport, &reply).await
    }

    /// Checks that this request comes from this machine's own page, or from no page at all.
    fn admit(&self, request: &Request) -> Result<(), Reply> {
        let said = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
        let ours = |host: &str| self.names.iter().any(|name| name == host);
        if !said("host").is_some_and(ours) {
            return Err(Reply::plain("421 Misdirected Request", "this address has another name"));
        }
        match said("origin") {
            Some(origin) if !origin.strip_prefix("http://").is_some_and(ours) => {
                Err(Reply::plain("403 Forbidden", "only this address's own page may ask"))
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn posted(self, mut transport: BoxTransport, peer: String, bytes: Vec<u8>) -> std::io::Result<()> {
        let Some(post) = Post::read(&mut transport, &self.names, bytes).await? else { return Ok(()) };
        let reply = match post {
            Ok(post) => post.answer(&self.engine, &peer).await,
            Err(reply) => reply,
        };
        write(&mut transport, &reply).await
    }

    async fn replicate(
        self,
        mut transport: BoxTransport,
        peer: String,
        request: &Request,
        read: Vec<u8>,
    ) -> std::io::Result<()> {
        let Ok(response) = create_response(request) else {
            let reply = Reply::plain("426 Upgrade Required", "replicas connect here, with a WebSocket");
            return write(&mut transport, &reply).await;
        };
        let mut head = Vec::new();
        write_response(&mut head, &response).map_err(std::io::Error::other)?;
        transport.write_all(&head).await?;
        transport.flush().await?;
        let transport = Box::new(WebSocket::accepted(transport, read).await);
        // If the channel is closed, the server is stopping.
        self.engine.connect_replica(transport, format!("web {peer}")).await;
        Ok(())
    }

    async fn answer(&self, path: &str) -> Reply {
        if path == STANDING {
            return match self.engine.inspect().await {
                Some(inspection) => Reply::json("200 OK", &standing(&inspection)),
                None => Reply::plain("503 Service Unavailable", "the server is stopping"),
            };
        }
        match self.files.iter().find(|file| file.path == path) {
            Some(file) => Reply { status: "200 OK", media: file.media, body: file.bytes.to_vec() },
            None => Reply::plain("404 Not Found", "there is no such file"),
        }
    }
}

/// Returns the node's state: its upstream and its replicas, as in `TOWLINE STATUS`. Its own offsets are text, because
/// JSON's numbers end at 53 bits for JavaScript.
fn standing(inspection: &Inspection) -> Value {
    let (status, stats) = (&inspection.status, &inspection.status.driver.stats);
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "role": status::role(stats.role),
        "node": stats.node.to_string(),
        "end": stats.end.to_string(),
        "applied": stats.applied.to_string(),
        "keys": inspection.keys,
        "digest": inspection.digest.to_string(),
        "backlog_bytes": status.driver.backlog_bytes,
        "client_addr": status.client_addr,
        "replication_addr": status.driver.replication_addr,
        "upstream": status::upstream(status),
        "replicas": status::replicas(status),
    })
}

async fn write(transport: &mut BoxTransport, reply: &Reply) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-cache\r\n\
         X-Content-Type-Options: nosniff\r\nContent-Security-Policy: {POLICY}\r\nConnection: close\r\n\r\n",
        reply.status,
        reply.media,
        reply.body.len(),
    );
    transport.write_all(head.as_bytes()).await?;
    transport.write_all(&reply.body).await?;
    transport.shutdown().await
}

/// Allows the page's own files and connection, and nothing else.
const POLICY: &str = "default-src 'self'; img-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
