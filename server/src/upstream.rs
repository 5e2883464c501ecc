//! A check of an address before a server follows it: one that does not speak Towline may be the port where clients of a
//! server connect, and such a port names the right address.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use towline_core::{Config, NodeId};
use towline_driver::application::{self, Looked};
use towline_driver::transport::{BoxTransport, Net};

const QUESTION: &[u8] = b"*2\r\n$7\r\nTOWLINE\r\n$11\r\nREPLICATION\r\n";
/// The time to connect.
const DIAL: Duration = Duration::from_secs(1);
/// The time for an answer.
const ANSWER: Duration = Duration::from_millis(300);
/// The longest answer that is read.
const ANSWER_BYTES: usize = 512;

/// Checks `addr`, as the node of this id and configuration.
///
/// # Errors
/// It cannot be followed; the text says why, and names the right address where one is known.
pub(crate) async fn look_at(net: &dyn Net, addr: &str, config: &Config, node: NodeId) -> Result<(), String> {
    match application::look_at(net, addr, config, node).await {
        Looked::Fine => Ok(()),
        Looked::Useless(why) => Err(why),
        Looked::Silent => ask_as_client(net, addr).await,
        Looked::Foreign => {
            ask_as_client(net, addr).await?;
            Err(format!("{addr} does not speak Towline: name an address where replicas connect"))
        }
    }
}

/// Asks a client port for the right address.
///
/// # Errors
/// It is a client port.
async fn ask_as_client(net: &dyn Net, addr: &str) -> Result<(), String> {
    let Ok(Ok(mut transport)) = timeout(DIAL, net.dial(addr)).await else {
        return Ok(());
    };
    let mut answer = Vec::new();
    // On silence, the bytes that came before it are judged.
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
    // A frame begins with its length, whose second byte is zero in a frame as short as GOODBYE.
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
