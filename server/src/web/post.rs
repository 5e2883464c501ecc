//! One thing that the page may ask for, not only look at: to set a key.
//!
//! A browser sends requests for whatever page it shows, so a request that changes something must prove that it comes
//! from this page: it names as its origin the very host it was sent to, which no other site's can, and its media type
//! is JSON, which no form has and no other site may send without asking first (nobody answers that here). Each of these
//! headers is there once. The command itself takes the way of every client's, through a pipe: what a client is refused
//! (on a replica, with a full disk, above the limit of clients), the page is refused in the same words.
//!
//! Bounds: a body of [`BODY_BYTES`], a reply of [`REPLY_BYTES`].

use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::mpsc;

use super::{HEAD_BYTES, Reply};
use crate::engine::arrival::Arrival;
use towline_driver::transport::BoxTransport;

/// Where a key is set: `{"key": .., "value": ..}`.
pub const SET: &str = "/set";

/// The longest body.
const BODY_BYTES: usize = 64 << 10;
/// The longest reply that is read of the command.
const REPLY_BYTES: usize = 1 << 10;
/// More headers than a browser sends.
const HEADERS: usize = 64;

/// A request that came whole.
pub(super) struct Post {
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The request of the page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    key: String,
    value: String,
}

impl Post {
    /// Whether what came so far is one.
    pub(super) fn is(bytes: &[u8]) -> bool {
        bytes.starts_with(b"POST ")
    }

    /// Reads one to its end; `bytes` is what came of it so far. Nothing if the other side left. One that is not
    /// admitted is refused by its head.
    pub(super) async fn read(
        transport: &mut BoxTransport,
        names: &[String],
        mut bytes: Vec<u8>,
    ) -> std::io::Result<Option<Result<Self, Reply>>> {
        let (mut post, used) = loop {
            match head(&bytes) {
                Ok(Some(parsed)) => break parsed,
                Ok(None) if bytes.len() <= HEAD_BYTES => {}
                Ok(None) | Err(()) => {
                    return Ok(Some(Err(Reply::plain("400 Bad Request", "this is no request of HTTP/1.1"))));
                }
            }
            if transport.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
        };
        if let Err(reply) = post.admit(names) {
            return Ok(Some(Err(reply)));
        }
        let Some(length) = post.only("content-length").and_then(|text| text.parse::<usize>().ok()) else {
            return Ok(Some(Err(Reply::plain("411 Length Required", "a body says its length here"))));
        };
        if length > BODY_BYTES {
            let text =
                format!("a body has {BODY_BYTES} bytes at most here: larger values go by the client port");
            return Ok(Some(Err(Reply::plain("413 Content Too Large", &text))));
        }
        while bytes.len() < used + length {
            if transport.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
        }
        post.body = bytes[used..used + length].to_vec();
        Ok(Some(Ok(post)))
    }

    /// A header that is there exactly once.
    fn only(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// Whether it comes from the page that this very address serves, and is nothing that another could send.
    fn admit(&self, names: &[String]) -> Result<(), Reply> {
        let host = self.only("host").filter(|host| names.iter().any(|name| name == host));
        let Some(host) = host else {
            return Err(Reply::plain("421 Misdirected Request", "this address is not called so"));
        };
        if self.only("origin").and_then(|origin| origin.strip_prefix("http://")) != Some(host) {
            return Err(Reply::plain("403 Forbidden", "only this address's own page may write"));
        }
        let media = self.only("content-type").unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        if media.eq_ignore_ascii_case("application/json") {
            Ok(())
        } else {
            Err(Reply::plain("415 Unsupported Media Type", "a write is application/json here"))
        }
    }

    /// Sets the key, and answers with the command's reply.
    pub(super) async fn answer(&self, engine: &mpsc::Sender<Arrival>, peer: &str) -> Reply {
        if self.path != SET {
            return Reply::plain("404 Not Found", "nothing else than /set is written to here");
        }
        let Ok(Set { key, value }) = serde_json::from_slice(&self.body) else {
            let text = "the body is a JSON object with the texts `key` and `value`, and nothing else";
            return Reply::plain("400 Bad Request", text);
        };
        match command(engine, peer, &["SET", &key, &value]).await {
            Ok(line) => match line.strip_prefix('-') {
                None => Reply::json("200 OK", &json!({ "reply": line.trim_start_matches('+') })),
                Some(error) => Reply::json("409 Conflict", &json!({ "error": error })),
            },
            Err(_) => Reply::plain("503 Service Unavailable", "the server is stopping"),
        }
    }
}

/// The head of a request and its length, if it is whole.
fn head(bytes: &[u8]) -> Result<Option<(Post, usize)>, ()> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(used)) => {
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let headers = request.headers.iter().map(|header| (header.name.to_owned(), text(header.value)));
            let path = request.path.unwrap_or_default().to_owned();
            Ok(Some((Post { path, headers: headers.collect(), body: Vec::new() }, used)))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(()),
    }
}

/// Runs a command as a client of its own, and answers the line of its reply.
async fn command(engine: &mpsc::Sender<Arrival>, peer: &str, words: &[&str]) -> std::io::Result<String> {
    let (mut ours, theirs) = duplex(BODY_BYTES);
    let arrival = Arrival::Client { transport: Box::new(theirs), peer: format!("web {peer}") };
    engine.send(arrival).await.map_err(|_| std::io::ErrorKind::BrokenPipe)?;
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request += &format!("${}\r\n{word}\r\n", word.len());
    }
    ours.write_all(request.as_bytes()).await?;
    let mut reply = Vec::new();
    while !reply.ends_with(b"\r\n") {
        if reply.len() > REPLY_BYTES || ours.read_buf(&mut reply).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8_lossy(&reply).trim_end().to_owned())
}
