//! Two nodes in one program: a record is written on one, received and applied on the other, and acknowledged.
//!
//!     cargo run -p towline-core --example two_nodes

use std::error::Error;

use towline_core::{
    Boot, Event, Input, Level, LinkId, Node, NodeId, Offset, Options, PayloadKind, Records, Role, Side, Time,
};

/// Each node's name for its end of the connection; the two need not be the same.
const LINK: LinkId = LinkId(0);
/// A host passes the time of its clock; nothing takes any here.
const NOW: Time = Time::ZERO;

fn main() -> Result<(), Box<dyn Error>> {
    // The seed is fresh randomness at each start; here it is fixed, so that each run is the same.
    let boot =
        |id: u8, role| Boot { node: NodeId(id.into()), seed: [id; 32], role, unix_zero: 0, cursor: None };
    let config = Options::default().check()?;
    let mut primary = Node::new(config, boot(1, Role::Primary))?;
    let mut replica = Node::new(config, boot(2, Role::Replica))?;
    replica.handle(NOW, Input::Tick)?;
    // They join while there is nothing to replicate; then a record crosses.
    while turn(&mut primary, &mut replica)? | turn(&mut replica, &mut primary)? {}
    primary.handle(NOW, Input::Write { data: b"the first record" })?;
    while turn(&mut primary, &mut replica)? | turn(&mut replica, &mut primary)? {}
    // One replica has applied every record before offset 1.
    assert_eq!(primary.acked(Level::Applied, 1), Offset(1));
    Ok(())
}

/// Acts on the events of `node`, then passes the bytes it offers to `peer`. Returns whether it did anything.
fn turn(node: &mut Node, peer: &mut Node) -> Result<bool, Box<dyn Error>> {
    let mut busy = false;
    while let Some(event) = node.poll_event() {
        println!("{event:?}");
        busy = true;
        if let Event::Dial { .. } = event {
            node.handle(NOW, Input::Opened { link: LINK, side: Side::Upstream })?;
            peer.handle(NOW, Input::Opened { link: LINK, side: Side::Downstream })?;
        }
        // A replica without any history begins with a snapshot. This primary's store is empty: so is the one piece.
        if let Event::SnapshotWanted { snapshot, .. } = event {
            let position = node.handle(NOW, Input::Flush)?.position.ok_or("no position")?;
            let cursor = node.cursor(position);
            let ready = Input::SnapshotReady { snapshot, cursor: cursor.as_bytes(), bytes: Some(0) };
            node.handle(NOW, ready)?;
        }
        if let Event::SnapshotRead { snapshot, piece } = event {
            node.handle(NOW, Input::SnapshotPiece { snapshot, piece, data: &[], last: true })?;
        }
    }
    let bytes = node.peek_transmit(LINK).slices().concat();
    let mut unread = &bytes[..];
    while !unread.is_empty() {
        let step = peer.handle(NOW, Input::Bytes { link: LINK, data: unread })?;
        if let Some(payload) = step.payload {
            if payload.kind == PayloadKind::Batch {
                // A real store applies the records and keeps the cursor of `step.position` in one atomic step.
                for record in Records::new(&unread[payload.range]) {
                    println!("applied: {}", record.escape_ascii());
                }
                let upto = Offset(payload.first + u64::from(payload.count));
                peer.handle(NOW, Input::Applied { upto })?;
            } else if payload.kind == PayloadKind::LastPiece {
                peer.handle(NOW, Input::Installed { snapshot: payload.snapshot })?;
            }
        }
        unread = &unread[step.used..];
    }
    if !bytes.is_empty() {
        node.consume(NOW, LINK, bytes.len())?;
    }
    Ok(busy || !bytes.is_empty())
}
