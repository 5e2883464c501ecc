//! The one change that the page may ask for: setting a key.
//!
//! A browser sends requests for whatever page it shows, so a request that changes something must prove that it comes
//! from this page: its origin is the very host it was sent to, which no other site's can be, and its media type is
//! JSON, which no form has and no other site may send without asking first (which is never allowed here). Each of these
//! headers must be there once. The command itself goes the way of every client's, through a pipe: where a client is
//! refused (on a replica, with a full disk, above the limit of clients), the page is refused with the same text.
//!
//! Bounds: a body of [`BODY_BYTES`], a reply of [`REPLY_BYTES`].

use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::{HEAD_BYTES, Reply};
use crate::service::{Message, Service};
use towline_driver::application::Mailbox;
use towline_driver::transport::BoxTransport;

/// The path where a key is set: `{"key": .., "value": ..}`.
pub const SET: &str = "/set";

/// The longest body of a request.
const BODY_BYTES: usize = 64 << 10;
/// The longest reply that is read from the command.
const REPLY_BYTES: usize = 1 << 10;
/// The most headers; a browser sends fewer.
const HEADERS: usize = 64;

/// A request that came whole.
pub(super) struct Post {
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    key: String,
    value: String,
}

impl Post {
    /// Returns whether the bytes so far begin such a request.
    pub(super) fn is(bytes: &[u8]) -> bool {
        bytes.starts_with(b"POST ")
    }

    /// Reads a request to its end; `bytes` are those that came so far. Nothing if the other side left. One that is not
    /// admitted is refused after its head.
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
            return Ok(Some(Err(Reply::plain("411 Length Required", "a body needs a Content-Length"))));
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

    /// Returns a header that is there exactly once.
    fn only(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// Checks that it comes from the page at this very address, and is nothing that another page could send.
    fn admit(&self, names: &[String]) -> Result<(), Reply> {
        let host = self.only("host").filter(|host| names.iter().any(|name| name == host));
        let Some(host) = host else {
            return Err(Reply::plain("421 Misdirected Request", "this address has another name"));
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

    /// Sets the key. Returns the command's reply.
    pub(super) async fn answer(&self, engine: &Mailbox<Service>, peer: &str) -> Reply {
        if self.path != SET {
            return Reply::plain("404 Not Found", "only /set accepts a POST");
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

/// Returns the head of a request and its length, if it is whole.
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

/// Runs a command as a client of its own. Returns the line of its reply.
async fn command(engine: &Mailbox<Service>, peer: &str, words: &[&str]) -> std::io::Result<String> {
    let (mut ours, theirs) = duplex(BODY_BYTES);
    let message = Message::Client { transport: Box::new(theirs), peer: format!("web {peer}") };
    if !engine.send(message).await {
        return Err(std::io::ErrorKind::BrokenPipe.into());
    }
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
