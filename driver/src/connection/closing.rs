//! Connections that are being closed: their last bytes leave, and the other side gets time to read them.
//!
//! A socket that is closed over unread bytes resets the connection, and the bytes just sent are lost. So this side ends
//! its half first, then reads until the other side closes too, or for [`LINGER`].
//!
//! Bounds: [`Closing::COUNT_MAX`] at a time; further connections are dropped at once. During a stop the bound does not
//! count: every connection gets the time.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::transport::BoxTransport;

/// The time for the last bytes to leave.
const LAST_BYTES: Duration = Duration::from_secs(5);
/// The time for the other side to close.
const LINGER: Duration = Duration::from_secs(1);
/// The time for all of them once everything else is done.
const AT_THE_END: Duration = Duration::from_secs(1);

/// The connections that are being closed, a task each.
#[derive(Debug, Default)]
pub struct Closing {
    tasks: JoinSet<()>,
}

impl Closing {
    /// Connections that linger at the same time.
    pub const COUNT_MAX: usize = 32;

    /// Returns true if another one finds room.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.tasks.len() < Self::COUNT_MAX
    }

    /// Sends `last` and then ends the connection, on a task of its own.
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

    /// Drops those that are closed.
    pub fn reap(&mut self, task: &mut Context<'_>) {
        while let Poll::Ready(Some(_)) = self.tasks.poll_join_next(task) {}
    }

    /// Waits for all of them, for a limited time.
    pub async fn finish(&mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        timeout(AT_THE_END, all).await.ok();
        self.tasks.shutdown().await;
    }
}
