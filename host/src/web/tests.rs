//! Only this machine's own page gets an answer, and what it may ask for.

use tokio::net::TcpStream;

use super::*;
use crate::{Options, Server, StartError};

const FILES: &[File] = &[File { path: "/", media: "text/html", bytes: b"<p>hello" }];

fn options(addr: &str) -> Options {
    let web = Some(Web { addr: addr.to_owned(), files: FILES });
    Options { listen: Vec::new(), web, ..Options::default() }
}

async fn ask(server: &Server, path: &str, heads: &str) -> String {
    let addr = server.web_addr().unwrap();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let host = if heads.contains("Host:") { String::new() } else { format!("Host: {addr}\r\n") };
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{host}{heads}\r\n").as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

#[test]
fn only_a_loopback_address_is_taken() {
    for good in ["127.0.0.1:7080", "127.8.8.8:0", "[::1]:0", "localhost:0"] {
        assert!(options(good).check().is_ok(), "{good}");
    }
    for bad in ["0.0.0.0:7080", "[::]:7080", "192.168.1.1:80", "example.com:80", "127.0.0.1.example.com:80"] {
        let told = options(bad).check().unwrap_err();
        assert!(matches!(told, StartError::Exposed { .. }), "{bad}");
        assert!(told.to_string().contains("loopback"), "{told}");
    }
}

#[tokio::test]
async fn files_and_the_standing_are_served_to_our_own_page() {
    let server = Server::start(options("127.0.0.1:0")).await.unwrap();
    let addr = server.web_addr().unwrap().to_owned();
    let page = ask(&server, "/", "").await;
    assert!(page.starts_with("HTTP/1.1 200 OK") && page.ends_with("<p>hello"), "{page}");
    let standing = ask(&server, "/standing.json", &format!("Origin: http://{addr}\r\n")).await;
    let body = standing.split("\r\n\r\n").nth(1).unwrap();
    let told: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((told["role"].as_str(), told["end"].as_str()), (Some("primary"), Some("0")));
    assert!(ask(&server, "/etc/passwd", "").await.starts_with("HTTP/1.1 404"));
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn strangers_are_turned_away() {
    let server = Server::start(options("127.0.0.1:0")).await.unwrap();
    let port = server.web_addr().unwrap().rsplit(':').next().unwrap().to_owned();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (path, heads, status) in [
        ("/", "Host: example.com\r\n".to_owned(), "421"),
        ("/", format!("Host: example.com:{port}\r\n"), "421"),
        ("/replicate", format!("Origin: http://example.com\r\n{upgrade}"), "403"),
        ("/replicate", format!("Origin: http://example.com:{port}\r\n{upgrade}"), "403"),
        ("/replicate", format!("Origin: https://127.0.0.1:{port}\r\n{upgrade}"), "403"),
        ("/replicate", format!("Origin: null\r\n{upgrade}"), "403"),
        ("/standing.json", "Origin: http://localhost:1\r\n".to_owned(), "403"),
        ("/replicate", String::new(), "426"),
    ] {
        let reply = ask(&server, path, &heads).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {heads}: {reply}");
    }
    let posted = async {
        let mut stream = TcpStream::connect(server.web_addr().unwrap()).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        reply
    };
    assert!(posted.await.starts_with("HTTP/1.1 400 "));
    server.shutdown().await.unwrap();
}
