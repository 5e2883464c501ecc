//! A look at an address before it is followed: do replicas connect there, to another node than this?
//!
//! A guest, a node made for this one talk, says HELLO under this node's own name and never joins. A WELCOME is a yes,
//! and so is whatever may pass: nobody there, no room, silence. This node itself, another version and frames that do
//! not fit are a no. What does not speak Towline is asked as a client port, which names the address that is meant.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use towline_core::{
    Boot, Config, Event, Fault, Input, LinkId, Next, Node, NodeId, Options as CoreOptions, Role, Side, Time,
};

use towline_driver::transport::{BoxTransport, Net};

const QUESTION: &[u8] = b"*2\r\n$7\r\nTOWLINE\r\n$11\r\nREPLICATION\r\n";
/// For the connection.
const DIAL: Duration = Duration::from_secs(1);
/// For the answer.
const ANSWER: Duration = Duration::from_millis(300);
/// No answer worth reading is longer.
const ANSWER_BYTES: usize = 512;
/// The one link of a guest.
const LINK: LinkId = LinkId(0);

/// Looks at `addr`, as the node of this name and configuration.
///
/// # Errors
/// It is of no use to follow it; the text says why, and names the right address where one is known.
pub(crate) async fn look_at(
    net: Arc<dyn Net>,
    addr: &str,
    config: &Config,
    node: NodeId,
) -> Result<(), String> {
    let Ok(Ok(mut transport)) = timeout(DIAL, net.dial(addr)).await else {
        return Ok(());
    };
    let greeted = match guest(config, node) {
        Some(guest) => timeout(ANSWER, greet(guest, &mut transport)).await.ok().flatten(),
        None => None,
    };
    drop(transport);
    match greeted {
        Some(Ok(())) => Ok(()),
        Some(Err(Fault::SameNode)) => Err(format!("{addr} is this node itself")),
        Some(Err(fault @ (Fault::Version | Fault::Feature | Fault::FrameLimit))) => {
            Err(format!("{addr} cannot be followed: {fault}"))
        }
        Some(Err(Fault::BadMagic)) => {
            ask_as_client(&net, addr).await?;
            Err(format!("{addr} does not speak Towline: name an address where replicas connect"))
        }
        // It passes, or it is for the real link to find out.
        Some(Err(_)) => Ok(()),
        None => ask_as_client(&net, addr).await,
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

/// Asks a client port for the address that is meant.
///
/// # Errors
/// It is one.
async fn ask_as_client(net: &Arc<dyn Net>, addr: &str) -> Result<(), String> {
    let Ok(Ok(mut transport)) = timeout(DIAL, net.dial(addr)).await else {
        return Ok(());
    };
    let mut answer = Vec::new();
    // Silence, or whatever came before it.
    timeout(ANSWER, ask(&mut transport, &mut answer)).await.ok();
    judge(addr, &answer)
}

async fn ask(transport: &mut BoxTransport, answer: &mut Vec<u8>) -> std::io::Result<()> {
    transport.write_all(QUESTION).await?;
    transport.flush().await?;
    while answer.len() < ANSWER_BYTES && !answer.ends_with(b"\r\n") || answer.len() < 6 {
        if transport.read_buf(answer).await? == 0 {
            break;
        }
    }
    Ok(())
}

fn judge(addr: &str, answer: &[u8]) -> Result<(), String> {
    // A frame begins with its length, whose second byte is zero in one as short as a goodbye.
    let resp = matches!(answer, [b'$' | b'+' | b'-' | b'*' | b'_' | b':', second, ..] if *second != 0);
    if !resp {
        return Ok(());
    }
    let text = String::from_utf8_lossy(answer);
    let named = text.split("\r\n").nth(1).filter(|name| answer[0] == b'$' && name.contains(':'));
    Err(match named {
        Some(named) => format!("{addr} is where clients connect; its replication address is {named}"),
        None => format!("{addr} is where clients connect, and it has no replication address"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_address_is_told_from_a_replication_address() {
        assert_eq!(judge("a:1", b""), Ok(()));
        assert_eq!(judge("a:1", &[b'$', 0, 0, 0, 9, 9]), Ok(()), "a frame of 36 bytes");
        let named = judge("a:1", b"$3\r\nb:2\r\n").unwrap_err();
        assert!(named.ends_with("its replication address is b:2"), "{named}");
        assert!(judge("a:1", b"$-1\r\n").unwrap_err().contains("no replication address"));
        assert!(judge("a:1", b"-ERR unknown command\r\n").unwrap_err().contains("clients connect"));
    }
}
