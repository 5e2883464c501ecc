//! A check of an address before it is followed: do replicas connect there, to another node than this?
//!
//! A guest, which is a node made for this check alone, sends HELLO under this node's own id and never joins. The
//! address passes on a WELCOME, and on anything that may pass by itself: no listener, no room, silence. It fails on
//! this node itself, another version, and frames that do not fit. The caller may know more of an address that does not
//! speak Towline.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use towline_core::{
    Boot, Config, Event, Fault, Input, LinkId, Next, Node, NodeId, Options as CoreOptions, Role, Side, Time,
};

use crate::transport::{BoxTransport, Net};

/// The time to connect.
const DIAL: Duration = Duration::from_secs(1);
/// The time for an answer.
const ANSWER: Duration = Duration::from_millis(300);
/// The one link of a guest.
const LINK: LinkId = LinkId(0);

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// It can be followed now, or perhaps later.
    Fine,
    /// It can never be followed, for this reason.
    Useless(String),
    /// It does not speak Towline.
    Foreign,
    /// The connection stands, and no answer came.
    Silent,
}

/// Checks `addr`, as the node of this id and configuration.
pub async fn look_at(net: &dyn Net, addr: &str, config: &Config, node: NodeId) -> Looked {
    let Ok(Ok(mut transport)) = timeout(DIAL, net.dial(addr)).await else {
        return Looked::Fine;
    };
    let greeted = match guest(config, node) {
        Some(guest) => timeout(ANSWER, greet(guest, &mut transport)).await.ok().flatten(),
        None => None,
    };
    drop(transport);
    match greeted {
        Some(Ok(())) => Looked::Fine,
        Some(Err(Fault::SameNode)) => Looked::Useless(format!("{addr} is this node itself")),
        Some(Err(fault @ (Fault::Version | Fault::Feature | Fault::FrameLimit))) => {
            Looked::Useless(format!("{addr} cannot be followed: {fault}"))
        }
        Some(Err(Fault::BadMagic)) => Looked::Foreign,
        // The fault may pass, or the real link finds it.
        Some(Err(_)) => Looked::Fine,
        None => Looked::Silent,
    }
}

/// Makes a node for one HELLO, with the real node's claims.
fn guest(config: &Config, node: NodeId) -> Option<Node> {
    let options = CoreOptions { links_max: 1, slots_max: 1, ships_max: 1, ..*config.options() };
    // A predictable seed does no harm: this node never joins.
    let boot = Boot { node, seed: [0; 32], role: Role::Replica, unix_zero: 0, cursor: None };
    let mut guest = Node::new(options.check().ok()?, boot).ok()?;
    guest.handle(Time::ZERO, Input::Tick).ok()?;
    while guest.poll_event().is_some() {}
    guest.handle(Time::ZERO, Input::Opened { link: LINK, side: Side::Upstream }).ok()?;
    // Its HELLO is ready after its events.
    while guest.poll_event().is_some() {}
    Some(guest)
}

/// Sends HELLO; returns whether the other side welcomes it, or nothing if it does not answer.
async fn greet(mut guest: Node, transport: &mut BoxTransport) -> Option<Result<(), Fault>> {
    let hello = guest.peek_transmit(LINK).slices().concat();
    guest.consume(Time::ZERO, LINK, hello.len()).ok()?;
    transport.write_all(&hello).await.ok()?;
    transport.flush().await.ok()?;
    let mut answer = Vec::new();
    loop {
        if transport.read_buf(&mut answer).await.ok()? == 0 {
            return None;
        }
        let step = guest.handle(Time::ZERO, Input::Bytes { link: LINK, data: &answer }).ok()?;
        if step.next == Next::Closed {
            return ended(&mut guest).map(Err);
        }
        if step.used > 0 {
            return Some(Ok(()));
        }
    }
}

/// Returns why the guest's link ended: an event that comes after its own goodbye, which nobody reads here.
fn ended(guest: &mut Node) -> Option<Fault> {
    loop {
        while let Some(event) = guest.poll_event() {
            if let Event::Close { fault, .. } = event {
                return Some(fault);
            }
        }
        let bytes = guest.peek_transmit(LINK).slices().concat().len();
        guest.consume(Time::ZERO, LINK, bytes).ok().filter(|_| bytes > 0)?;
    }
}
