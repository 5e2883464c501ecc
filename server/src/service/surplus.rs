//! Clients beyond the limit: each gets an error with the reason, and may read the status first.
//!
//! The status of a node is needed most when it is full. So a client beyond the limit gets one of a few places, where it
//! may send the commands of [`LOOKS`] and nothing else: any other request is answered with the reason and the end of
//! the connection, and so is silence. A new client takes the place of the oldest, so that silent clients cannot keep
//! all places.
//!
//! Bounds: [`PLACES`] at a time, and those that are being closed; a request of [`REQUEST_BYTES`], [`PATIENCE`] for
//! each.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use towline_kv::{Parsed, RequestLimits, RequestReader};

use super::{Message, Service};
use towline_driver::application::Mailbox;
use towline_driver::transport::BoxTransport;

/// Clients served at the same time.
pub(crate) const PLACES: usize = 4;
/// The longest request.
const REQUEST_BYTES: usize = 512;
/// The longest wait for a request; `towline status --watch` sends one each second.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time for the reason to be sent, and for the other side to close.
const LINGER: Duration = Duration::from_secs(1);
/// The allowed commands, with their subcommands if they have any.
const LOOKS: [(&str, &[&str]); 3] = [("PING", &[]), ("INFO", &[]), ("TOWLINE", &["STATUS", "DIGEST"])];

/// The places.
pub(crate) struct Surplus {
    mailbox: Mailbox<Service>,
    /// A sender for each place, the oldest first; dropping it ends that client's time.
    places: VecDeque<oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

impl Surplus {
    pub(crate) fn new(mailbox: Mailbox<Service>) -> Self {
        Self { mailbox, places: VecDeque::new(), tasks: JoinSet::new() }
    }

    /// Serves a client beyond the limit; `why` is the error it gets.
    pub(crate) fn take(&mut self, mut transport: BoxTransport, why: Vec<u8>) {
        while self.tasks.try_join_next().is_some() {}
        self.places.retain(|place| !place.is_closed());
        if self.places.len() >= PLACES {
            self.places.pop_front();
        }
        let (place, mut ended) = oneshot::channel();
        self.places.push_back(place);
        let mailbox = self.mailbox.clone();
        self.tasks.spawn(async move {
            let displaced = tokio::select! {
                biased;
                // The place was given to another client.
                _ = &mut ended => true,
                gone = looks(&mut transport, mailbox) => if gone { return } else { false },
            };
            let words = async {
                transport.write_all(&why).await?;
                transport.shutdown().await
            };
            // A client that does not read the reason is not waited for.
            if !matches!(timeout(LINGER, words).await, Ok(Ok(()))) || displaced {
                return;
            }
            // Unread bytes would reset the connection before the error arrives.
            let mut scrap = [0; 512];
            let end = async { while matches!(transport.read(&mut scrap).await, Ok(1..)) {} };
            tokio::select! {
                biased;
                _ = &mut ended => {}
                _ = timeout(LINGER, end) => {}
            }
        });
    }

    /// Ends all of them.
    pub(crate) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}

/// Runs allowed commands and writes their replies, until another command or silence ends that. Returns whether the
/// client is gone.
async fn looks(transport: &mut BoxTransport, mailbox: Mailbox<Service>) -> bool {
    let mut bytes = Vec::new();
    loop {
        match request(&bytes) {
            Asked::Look(used) => {
                let rest = bytes.split_off(used);
                let request = std::mem::replace(&mut bytes, rest);
                let (reply, replied) = oneshot::channel();
                if !mailbox.send(Message::Glance { request, reply }).await {
                    return true;
                }
                let Ok(reply) = replied.await else { return true };
                if transport.write_all(&reply).await.is_err() {
                    return true;
                }
                continue;
            }
            Asked::Other => return false,
            Asked::Part if bytes.len() >= REQUEST_BYTES => return false,
            Asked::Part => {}
        }
        match timeout(PATIENCE, transport.read_buf(&mut bytes)).await {
            Ok(Ok(1..)) => {}
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
}

/// The beginning of a client's bytes.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// An allowed command, of so many bytes.
    Look(usize),
    /// Anything else.
    Other,
    /// Not yet a whole request.
    Part,
}

fn request(bytes: &[u8]) -> Asked {
    let mut reader = RequestReader::new(RequestLimits::REDIS);
    let used = match reader.read(bytes) {
        Ok(Parsed::Request { used }) => used,
        Ok(Parsed::Empty { used }) if used < bytes.len() => return Asked::Other,
        Ok(Parsed::Empty { .. } | Parsed::NeedBytes { .. }) => return Asked::Part,
        Err(_) => return Asked::Other,
    };
    let args = reader.args(bytes);
    let is =
        |at: usize, name: &str| args.get(at).is_some_and(|arg| arg.eq_ignore_ascii_case(name.as_bytes()));
    let look = LOOKS
        .iter()
        .any(|(command, subs)| is(0, command) && (subs.is_empty() || subs.iter().any(|sub| is(1, sub))));
    if look { Asked::Look(used) } else { Asked::Other }
}

#[cfg(test)]
mod tests {
    use super::{Asked, request};

    #[test]
    fn only_looks_are_answered() {
        for line in ["PING\r\n", "info replication\r\n", "towline status\r\n", "*1\r\n$4\r\nINFO\r\n"] {
            assert_eq!(request(line.as_bytes()), Asked::Look(line.len()), "{line}");
            assert_eq!(request(&line.as_bytes()[..line.len() - 2]), Asked::Part, "{line}");
        }
        for line in ["GET a\r\n", "SET a b\r\n", "TOWLINE REPLICATION\r\n", "TOWLINE\r\n", "*x\r\n"] {
            assert_eq!(request(line.as_bytes()), Asked::Other, "{line}");
        }
        assert_eq!(request(b""), Asked::Part);
    }
}
