//! A replica that connects through the web address is a replica like any other.

mod common;

use std::io;
use std::sync::Arc;

use common::{World, agree, options, until, with};
use towline_driver::transport::{BoxFuture, BoxTransport, Listener, MemoryNet, Net, Tcp, WebSocket};
use towline_server::web::{REPLICATE, Web};
use towline_server::{Options, Server};

static TCP: Tcp = Tcp::with_keepalive(None);

/// A net over TCP, except that it dials through a WebSocket.
struct ThroughTheWeb;

impl Net for ThroughTheWeb {
    fn listen<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        TCP.listen(addr)
    }

    fn dial<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<BoxTransport>> {
        Box::pin(async move {
            let transport = TCP.dial(addr).await?;
            let web = WebSocket::connect(transport, &format!("ws://{addr}{REPLICATE}")).await?;
            Ok(Box::new(web) as BoxTransport)
        })
    }
}

fn with_web(addr: &str) -> Options {
    Options { web: Some(Web { addr: addr.to_owned(), files: &[] }), ..options() }
}

fn following(server: &Server) -> Options {
    with(with_web("127.0.0.1:0"), |driver| driver.upstream = server.web_addr().map(str::to_owned))
}

#[tokio::test(flavor = "current_thread")]
async fn a_replica_through_a_websocket_joins_follows_and_feeds_another() {
    let tcp = World::tcp();
    let web = World { net: Arc::new(ThroughTheWeb), memory: MemoryNet::new() };
    let primary = tcp.start(with_web("127.0.0.1:0")).await;
    let mut client = tcp.client(&primary).await;
    // Far more than the ring holds: a snapshot first, then the stream.
    client.fill("old", 3000, 1000).await;
    let replica = web.start(following(&primary)).await;
    let leaf = web.start(following(&replica)).await;
    client.fill("new", 300, 1000).await;
    agree(&[&primary, &replica, &leaf]).await;
    let status = primary.inspect().await.unwrap().status;
    let (_, addr) = &status.driver.replicas[0];
    assert!(addr.as_deref().is_some_and(|addr| addr.starts_with("web 127.0.0.1:")), "{addr:?}");

    // Through a restart of the server behind the web address.
    let (addr, seen) = (primary.web_addr().unwrap().to_owned(), primary.inspect().await.unwrap().keys);
    primary.kill().await;
    let primary = tcp.start(with_web(&addr)).await;
    assert_eq!(seen, 3300);
    let mut client = tcp.client(&primary).await;
    client.fill("other", 10, 10).await;
    until("the replica sees another history and keeps its data", || async {
        let told = replica.inspect().await.unwrap();
        told.status.driver.upstream_fault.is_some_and(|fault| fault.contains("history differs"))
            && told.keys == seen
    })
    .await;
}
