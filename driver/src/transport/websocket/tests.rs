//! Bytes survive any cut into messages, both ways, and an end is an end.

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;

async fn pair() -> (WebSocket, WebSocket) {
    let (near, far) = duplex(1000);
    let end = |transport: tokio::io::DuplexStream, role| async move {
        let transport: BoxTransport = Box::new(transport);
        let stream = WebSocketStream::from_raw_socket(transport, role, Some(config())).await;
        WebSocket { stream, unread: Bytes::new() }
    };
    (end(near, Role::Client).await, end(far, Role::Server).await)
}

#[tokio::test]
async fn bytes_come_out_as_they_went_in() {
    let (mut client, mut server) = pair().await;
    let sent: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[usize::from(n % 3 == 0)]).collect();
    let echo = tokio::spawn(async move {
        let mut room = [0; 777];
        loop {
            let count = server.read(&mut room).await.unwrap();
            if count == 0 {
                return server.shutdown().await.unwrap();
            }
            server.write_all(&room[..count]).await.unwrap();
            server.flush().await.unwrap();
        }
    });
    let (mut reader, mut writer) = tokio::io::split(&mut client);
    let mut came = vec![0; sent.len()];
    let (wrote, read) = tokio::join!(
        async {
            writer.write_all(&sent).await?;
            writer.flush().await
        },
        reader.read_exact(&mut came)
    );
    wrote.unwrap();
    read.unwrap();
    assert!(came == sent);
    client.shutdown().await.unwrap();
    assert_eq!(client.read(&mut [0; 9]).await.unwrap(), 0);
    echo.await.unwrap();
}

#[tokio::test]
async fn text_and_a_message_without_end_are_refused() {
    for message in [Message::text("hello"), Message::Binary(vec![0; MESSAGE_BYTES_MAX + 1].into())] {
        let (mut client, mut server) = pair().await;
        let talk = tokio::spawn(async move {
            Pin::new(&mut client.stream).start_send(message).ok();
            // It ends when the other side does.
            client.flush().await.ok();
        });
        let mut came = Vec::new();
        assert_eq!(server.read_to_end(&mut came).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        drop(server);
        talk.await.unwrap();
    }
}
