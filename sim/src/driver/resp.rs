//! A client of the reference server: just enough RESP for SET, GET, WAIT, REPLICAOF, INFO and the like.
//!
//! Any error, and a server that is silent for [`PATIENCE_US`], ends the connection; the caller asks again on another.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use towline_driver::transport::BoxTransport;

use super::Environment;
use super::net::CLIENTS;
use super::weather::Weather;

/// The simulated time a reply may take.
const PATIENCE_US: u64 = 2_000_000;
/// No reply is longer than this and a value.
const CHUNK_BYTES: usize = 16 << 10;

/// A reply of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// `+OK`, a bulk string.
    Text(Vec<u8>),
    /// A number.
    Number(u64),
    /// An array of numbers.
    Numbers(Vec<u64>),
    /// No such key.
    Nil,
    /// An error reply.
    Error(String),
}

/// A connection to a server's client port.
pub(super) struct Client {
    transport: BoxTransport,
    environment: Arc<dyn Environment>,
    bytes: Vec<u8>,
    patience_us: u64,
}

/// Appends the bytes of a request.
pub(super) fn request(words: &[&[u8]], out: &mut Vec<u8>) {
    out.extend(format!("*{}\r\n", words.len()).bytes());
    for word in words {
        out.extend(format!("${}\r\n", word.len()).bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn number(digits: &str) -> io::Result<u64> {
    digits.parse().map_err(|_| io::ErrorKind::InvalidData.into())
}

fn silent<T>(_: T) -> io::Error {
    io::ErrorKind::TimedOut.into()
}

impl Client {
    /// Connects to a node.
    pub(super) async fn connect(
        environment: &Arc<dyn Environment>,
        weather: &Weather,
        node: usize,
    ) -> io::Result<Self> {
        let at = weather.address(node, CLIENTS).filter(|_| weather.is_alive(node));
        let at = at.ok_or(io::ErrorKind::ConnectionRefused)?;
        let limit = environment.lasts(PATIENCE_US);
        let (transport, _) = timeout(limit, environment.connect(at)).await.map_err(silent)??;
        Ok(Self {
            transport,
            environment: Arc::clone(environment),
            bytes: Vec::new(),
            patience_us: PATIENCE_US,
        })
    }

    /// The server may be silent for so much longer.
    pub(super) const fn wait_longer(&mut self, us: u64) {
        self.patience_us = PATIENCE_US + us;
    }

    /// Sends requests, in parts that every socket takes whole.
    pub(super) async fn say(&mut self, requests: &[u8]) -> io::Result<()> {
        for part in requests.chunks(CHUNK_BYTES) {
            let limit = self.environment.lasts(PATIENCE_US);
            timeout(limit, self.transport.write_all(part)).await.map_err(silent)??;
        }
        self.transport.flush().await
    }

    /// Sends one request and returns its reply.
    pub(super) async fn ask(&mut self, words: &[&[u8]]) -> io::Result<Reply> {
        let mut bytes = Vec::new();
        request(words, &mut bytes);
        self.say(&bytes).await?;
        self.reply().await
    }

    /// Reads the next reply.
    pub(super) async fn reply(&mut self) -> io::Result<Reply> {
        let line = self.line().await?;
        let rest = line.get(1..).unwrap_or_default().to_owned();
        match line.as_bytes().first() {
            Some(b'+') => Ok(Reply::Text(rest.into_bytes())),
            Some(b':') => Ok(Reply::Number(number(&rest)?)),
            Some(b'*') => {
                let mut numbers = Vec::new();
                for _ in 0..number(&rest)? {
                    let line = self.line().await?;
                    numbers.push(number(line.strip_prefix(':').unwrap_or_default())?);
                }
                Ok(Reply::Numbers(numbers))
            }
            Some(b'-') => Ok(Reply::Error(rest)),
            Some(b'$') if rest == "-1" => Ok(Reply::Nil),
            Some(b'$') => {
                let length: usize = rest.parse().map_err(|_| io::ErrorKind::InvalidData)?;
                while self.bytes.len() < length + 2 {
                    self.more().await?;
                }
                let mut bulk: Vec<u8> = self.bytes.drain(..length + 2).collect();
                bulk.truncate(length);
                Ok(Reply::Text(bulk))
            }
            Some(_) | None => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.bytes.windows(2).position(|end| end == b"\r\n") {
                let line: Vec<u8> = self.bytes.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData.into());
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        let limit = self.environment.lasts(self.patience_us);
        match timeout(limit, self.transport.read_buf(&mut self.bytes)).await.map_err(silent)?? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
