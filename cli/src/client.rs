//! A small redis client: requests out, replies in, over one connection, with a time limit on each reply.
//!
//! It knows the four replies it asks for (simple string, error, integer, bulk string) and refuses all others. A reply
//! is at most [`REPLY_MAX`].

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The time limit of a connection, and of each reply.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of a reply: a status of hundreds of replicas is shorter.
const REPLY_MAX: usize = 16 << 20;

/// The beginning of an HTTP server's reply to a request it does not understand.
const HTTP: &[u8] = b"HTTP/";

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A simple or a bulk string.
    Text(String),
    /// An error's text.
    Error(String),
    Integer(i64),
    Null,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    addr: String,
    stream: TcpStream,
    read: Vec<u8>,
    /// Bytes of `read` that are handled.
    used: usize,
}

impl Client {
    pub(crate) async fn connect(addr: &str) -> Result<Self> {
        let dialled = timeout(PATIENCE, TcpStream::connect(addr)).await;
        let stream = match dialled {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => bail!("cannot reach {addr}: {error}: is a server running there?"),
            Err(_) => bail!("cannot reach {addr}: no answer for {} s", PATIENCE.as_secs()),
        };
        stream.set_nodelay(true).with_context(|| format!("{addr} refused a socket option"))?;
        Ok(Self { addr: addr.to_owned(), stream, read: Vec::new(), used: 0 })
    }

    /// Sends one request and returns its reply.
    pub(crate) async fn ask(&mut self, words: &[&str]) -> Result<Reply> {
        let mut request = Vec::new();
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        encode(&words, &mut request);
        self.send(&request).await?;
        self.reply().await
    }

    /// Sends one request and returns its reply, which must be text.
    pub(crate) async fn ask_text(&mut self, words: &[&str]) -> Result<String> {
        let addr = self.addr.clone();
        match self.ask(words).await? {
            Reply::Text(text) => Ok(text),
            Reply::Error(text) => bail!("{addr} answers {:?} with: {text}", words.join(" ")),
            Reply::Integer(_) | Reply::Null => bail!("{addr} answers {:?} with no text", words.join(" ")),
        }
    }

    /// Sends encoded requests.
    pub(crate) async fn send(&mut self, requests: &[u8]) -> Result<()> {
        let sent = timeout(PATIENCE, self.stream.write_all(requests)).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => bail!("lost the connection to {}: {error}", self.addr),
            Err(_) => bail!("{} takes nothing for {} s", self.addr, PATIENCE.as_secs()),
        }
    }

    /// Returns the next reply.
    pub(crate) async fn reply(&mut self) -> Result<Reply> {
        loop {
            match decode(&self.read[self.used..]) {
                Ok(Some((reply, used))) => {
                    self.used += used;
                    if self.used == self.read.len() {
                        self.read.clear();
                        self.used = 0;
                    }
                    return Ok(reply);
                }
                Ok(None) if self.read.len() - self.used <= REPLY_MAX => {}
                Ok(None) | Err(()) if self.read[self.used..].starts_with(HTTP) => bail!(
                    "{} speaks HTTP: it is for metrics or for browsers; \
                     name the address for clients, which the server's --listen gives",
                    self.addr
                ),
                Ok(None) | Err(()) => bail!(
                    "{} does not answer as a redis server does: \
                     is it the replication address? name the one for clients",
                    self.addr
                ),
            }
            self.read.drain(..self.used);
            self.used = 0;
            match timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await {
                Ok(Ok(0)) => bail!("{} closed the connection", self.addr),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => bail!("lost the connection to {}: {error}", self.addr),
                Err(_) => bail!("{} gave no answer for {} s", self.addr, PATIENCE.as_secs()),
            }
        }
    }
}

/// Encodes a request as an array of bulk strings.
pub(crate) fn encode(words: &[&[u8]], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Returns the first reply in `bytes` and its length; none while it is not whole; an error for bytes that are no reply.
fn decode(bytes: &[u8]) -> Result<Option<(Reply, usize)>, ()> {
    let Some((kind, rest)) = bytes.split_first() else { return Ok(None) };
    if !b"+-:$".contains(kind) {
        return Err(());
    }
    let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
        return Ok(None);
    };
    let line = String::from_utf8_lossy(&rest[..end]).into_owned();
    let used = 1 + end + 2;
    let number = || line.parse::<i64>().map_err(drop);
    let reply = match kind {
        b'+' => Reply::Text(line),
        b'-' => Reply::Error(line),
        b':' => Reply::Integer(number()?),
        _ => match usize::try_from(number()?) {
            Ok(length) if length <= REPLY_MAX => {
                let Some(text) = bytes.get(used..used + length + 2) else { return Ok(None) };
                let text = String::from_utf8_lossy(&text[..length]).into_owned();
                return Ok(Some((Reply::Text(text), used + length + 2)));
            }
            Ok(_) => return Err(()),
            Err(_) => Reply::Null,
        },
    };
    Ok(Some((reply, used)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_whole_or_not_at_all() {
        let all = b"+OK\r\n-ERR no\r\n:42\r\n$5\r\nhe\r\no\r\n$-1\r\n$0\r\n\r\n";
        let wanted = [
            Reply::Text("OK".into()),
            Reply::Error("ERR no".into()),
            Reply::Integer(42),
            Reply::Text("he\r\no".into()),
            Reply::Null,
            Reply::Text(String::new()),
        ];
        let mut at = 0;
        for reply in wanted {
            let (found, used) = decode(&all[at..]).unwrap().unwrap();
            assert_eq!(found, reply);
            for part in 0..used {
                assert_eq!(decode(&all[at..at + part]), Ok(None));
            }
            at += used;
        }
        assert_eq!(at, all.len());
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for bytes in [&b"HTTP/1.1"[..], b":x\r\n", b"$99999999999\r\n", b"*1\r\n"] {
            assert_eq!(decode(bytes), Err(()));
        }
    }
}
