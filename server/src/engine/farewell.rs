//! Last words: what is still to be said on a connection that is over, and time for the other side to hear it.
//!
//! A socket closed over unread bytes resets the connection, which takes back what was just sent. So the end is said
//! first, and then read until the other side ends too, or for [`LINGER`].
//!
//! Bounds: [`FAREWELLS`] at a time; further connections are simply closed. At a stop everybody who was connected gets
//! theirs.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::transport::BoxTransport;

/// Connections that linger at the same time.
pub(crate) const FAREWELLS: usize = 32;
/// For the words to leave.
const WORDS: Duration = Duration::from_secs(5);
/// For the other side to end.
const LINGER: Duration = Duration::from_secs(1);

/// Lets `words` leave and then ends the connection, on a task of its own.
pub(crate) fn see_off(farewells: &mut JoinSet<()>, mut transport: BoxTransport, words: Vec<u8>) {
    farewells.spawn(async move {
        let say = async {
            transport.write_all(&words).await?;
            transport.shutdown().await
        };
        if !matches!(timeout(WORDS, say).await, Ok(Ok(()))) {
            return;
        }
        let mut scrap = vec![0; 4096];
        let hear = async { while matches!(transport.read(&mut scrap).await, Ok(1..)) {} };
        timeout(LINGER, hear).await.ok();
    });
}
