//! HELLO, WELCOME and GOODBYE: the frames of a connection itself.

use crate::config::Config;
use crate::error::Fault;
use crate::id::HistoryId;
use crate::limits::RETRY_AFTER_MAX_NS;
use crate::links::{Control, Down, Links, Peer, Phase, Up};
use crate::shared::Shared;
use crate::time::Span;
use crate::wire::FrameKind;
use crate::wire::control::Goodbye;
use crate::wire::hello::{FEATURES, Hello, VERSION_MAX, VERSION_MIN};

impl Links {
    /// Reads the HELLO of a replica, which must take all that we may send.
    pub(crate) fn on_hello(&mut self, shared: &mut Shared, row: usize, body: &[u8]) -> Result<(), Fault> {
        assert!(self.rows[row].phase == Phase::Downstream(Down::Hello), "HELLO comes first, and once");
        let hello = Hello::decode(body)?;
        if hello.node == self.node {
            return Err(Fault::SameNode);
        }
        let frames = hello.frame_bytes_max >= shared.config.frame_bytes_max();
        let pieces = hello.piece_bytes_max >= shared.config.options().piece_bytes_max;
        if !frames || !pieces || hello.window_bytes == 0 || hello.piece_window_bytes == 0 {
            return Err(Fault::FrameLimit);
        }
        self.rows[row].peer = peer_of(&hello);
        self.rows[row].phase = Phase::Downstream(Down::Join);
        self.add_pending(shared, row, Control::Welcome);
        Ok(())
    }

    /// Reads the WELCOME of the upstream, which must send no more than we take. Returns its history.
    pub(crate) fn on_welcome(
        &mut self,
        config: &Config,
        row: usize,
        body: &[u8],
    ) -> Result<HistoryId, Fault> {
        assert!(self.rows[row].phase == Phase::Upstream(Up::Welcome), "WELCOME answers HELLO, once");
        let hello = Hello::decode(body)?;
        if hello.node == self.node {
            return Err(Fault::SameNode);
        }
        if hello.frame_bytes_max > config.frame_bytes_max()
            || hello.piece_bytes_max > config.options().piece_bytes_max
        {
            return Err(Fault::FrameLimit);
        }
        self.rows[row].peer = peer_of(&hello);
        Ok(hello.history)
    }

    /// Encodes HELLO or WELCOME at a place of the link's room.
    pub(crate) fn encode_hello(
        &mut self,
        config: &Config,
        row: usize,
        at: usize,
        kind: FrameKind,
        (history, seen): (HistoryId, u32),
    ) -> usize {
        let hello = Hello {
            version_min: VERSION_MIN,
            version_max: VERSION_MAX,
            features_offered: FEATURES,
            features_required: 0,
            frame_bytes_max: config.frame_bytes_max(),
            piece_bytes_max: config.options().piece_bytes_max,
            window_bytes: config.options().window_bytes,
            piece_window_bytes: config.options().piece_window_bytes,
            node: self.node,
            incarnation: self.incarnation,
            history,
        };
        hello.encode(&mut self.rows[row].outbox.room()[at..], kind, seen)
    }

    /// Encodes GOODBYE at a place of the link's room.
    pub(crate) fn encode_goodbye(&mut self, row: usize, at: usize, seen: u32) -> usize {
        let Phase::Closing(closing) = self.rows[row].phase else {
            unreachable!("only a closing link says goodbye")
        };
        let goodbye = Goodbye { fault: closing.fault, retry_after: closing.retry_after };
        goodbye.encode(&mut self.rows[row].outbox.room()[at..], seen)
    }
}

/// Reads a GOODBYE. Returns the reason, and the part of the requested pause that we honour.
pub(crate) fn read_goodbye(body: &[u8]) -> Result<(Fault, Span), Fault> {
    let goodbye = Goodbye::decode(body)?;
    Ok((goodbye.fault, Span(goodbye.retry_after.0.min(RETRY_AFTER_MAX_NS))))
}

fn peer_of(hello: &Hello) -> Peer {
    Peer {
        node: hello.node,
        incarnation: hello.incarnation,
        window_bytes: hello.window_bytes,
        piece_window_bytes: hello.piece_window_bytes,
    }
}
