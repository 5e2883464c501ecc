//! A look at an address before it is followed: do replicas connect there, to another node than this?
//!
//! A guest, a node made for this one talk, says HELLO under this node's own name and never joins. A WELCOME is a yes,
//! and so is whatever may pass: nobody there, no room, silence. This node itself, another version and frames that do
//! not fit are a no. Of an address that does not speak Towline a program may know more than this.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use towline_core::{
    Boot, Config, Event, Fault, Input, LinkId, Next, Node, NodeId, Options as CoreOptions, Role, Side, Time,
};

use crate::transport::{BoxTransport, Net};

/// For the connection.
const DIAL: Duration = Duration::from_secs(1);
/// For the answer.
const ANSWER: Duration = Duration::from_millis(300);
/// The one link of a guest.
const LINK: LinkId = LinkId(0);

/// The result of a look at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// It can be followed, or may be later.
    Fine,
    /// It can never be followed, for this reason.
    Useless(String),
    /// It does not speak Towline.
    Foreign,
    /// Somebody is there, and nothing was said.
    Silent,
}

/// Looks at `addr`, as the node of this name and configuration.
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
        // It passes, or it is for the real link to find out.
        Some(Err(_)) => Looked::Fine,
        None => Looked::Silent,
    }
}

/// A node for one HELLO, which claims what the real one would.
fn guest(config: &Config, node: NodeId) -> Option<Node> {
    let options = CoreOptions { links_max: 1, slots_max: 1, ships_max: 1, ..*config.options() };
    // It draws nothing that anybody could guess to harm: it never joins.
    let boot = Boot { node, seed: [0; 32], role: Role::Replica, unix_zero: 0, cursor: None };
    let mut guest = Node::new(options.check().ok()?, boot).ok()?;
    guest.handle(Time::ZERO, Input::Tick).ok()?;
    while guest.poll_event().is_some() {}
    guest.handle(Time::ZERO, Input::Opened { link: LINK, side: Side::Upstream }).ok()?;
    // Its HELLO is on offer once it was told of.
    while guest.poll_event().is_some() {}
    Some(guest)
}

/// Says HELLO; answers whether the other side welcomes it, and nothing if it says nothing at all.
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

/// Why the guest's link ended: told once its own goodbye has left, which here nobody hears.
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
