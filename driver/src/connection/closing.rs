//! Connections that are being closed: their last bytes leave, and the other side gets the time to read them.
//!
//! A socket closed over unread bytes resets the connection, which takes back what was just sent. So the end is sent
//! first, and then read until the other side ends too, or for [`LINGER`].
//!
//! Bounds: [`Closing::COUNT_MAX`] at a time; further connections are dropped at once. During a stop the bound does not
//! count: everybody who was connected gets the time.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::transport::BoxTransport;

/// For the last bytes to leave.
const LAST_BYTES: Duration = Duration::from_secs(5);
/// For the other side to end.
const LINGER: Duration = Duration::from_secs(1);
/// How long they may take once everything else is done.
const AT_THE_END: Duration = Duration::from_secs(1);

/// The connections that are being closed, a task each.
#[derive(Debug, Default)]
pub struct Closing {
    tasks: JoinSet<()>,
}

impl Closing {
    /// Connections that linger at the same time.
    pub const COUNT_MAX: usize = 32;

    /// Returns whether another one finds room.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.tasks.len() < Self::COUNT_MAX
    }

    /// Lets `last` leave and then ends the connection, on a task of its own.
    pub fn close(&mut self, mut transport: BoxTransport, last: Vec<u8>) {
        self.tasks.spawn(async move {
            let leave = async {
                transport.write_all(&last).await?;
                transport.shutdown().await
            };
            if !matches!(timeout(LAST_BYTES, leave).await, Ok(Ok(()))) {
                return;
            }
            let mut scrap = vec![0; 4096];
            let end = async { while matches!(transport.read(&mut scrap).await, Ok(1..)) {} };
            timeout(LINGER, end).await.ok();
        });
    }

    /// Forgets those that are closed.
    pub fn reap(&mut self, task: &mut Context<'_>) {
        while let Poll::Ready(Some(_)) = self.tasks.poll_join_next(task) {}
    }

    /// Waits for all of them, but not for long.
    pub async fn finish(&mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        timeout(AT_THE_END, all).await.ok();
        self.tasks.shutdown().await;
    }
}
