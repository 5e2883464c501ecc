//! Only this machine's own page gets an answer; its requests and their refusals.

use tokio::net::TcpStream;

use super::*;
use crate::{Options, Server};
use towline_driver::StartError;

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
    let reply = post(&server, "PUT / HTTP/1.1\r\nHost: a\r\n", "").await;
    assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
    let reply = post(&server, "POST / HTTP/1.1\r\nHost: a\r\n", "").await;
    assert!(reply.starts_with("HTTP/1.1 421 "), "{reply}");
    server.shutdown().await.unwrap();
}

/// Sends a POST as it is, and returns everything that came back.
async fn post(server: &Server, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(server.web_addr().unwrap()).await.unwrap();
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

const JSON: &str = "Content-Type: application/json";
const BODY: &str = r#"{"key": "greeting", "value": "hello\r\nthere"}"#;

/// Returns a request as the page sends it, with these lines in place of its own Host, Origin and Content-Type.
fn request(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("POST {SET} HTTP/1.1\r\n{lines}Content-Length: {}\r\n", BODY.len())
}

#[tokio::test]
async fn the_page_sets_a_key() {
    let server = Server::start(options("127.0.0.1:0")).await.unwrap();
    let addr = server.web_addr().unwrap().to_owned();
    let port = addr.rsplit(':').next().unwrap();
    let by_name = format!("localhost:{port}");
    for host in [&addr, &by_name] {
        let lines = [
            &*format!("Host: {host}"),
            &*format!("Origin: http://{host}"),
            "content-type: Application/JSON; x",
        ];
        let reply = post(&server, &request(&lines), BODY).await;
        assert!(reply.starts_with("HTTP/1.1 200 ") && reply.ends_with(r#"{"reply":"OK"}"#), "{reply}");
    }
    let standing = ask(&server, STANDING, "").await;
    assert!(standing.contains(r#""keys":1"#) && standing.contains(r#""end":"2""#), "{standing}");
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn nothing_that_another_site_can_send_writes() {
    let server = Server::start(options("127.0.0.1:0")).await.unwrap();
    let addr = server.web_addr().unwrap().to_owned();
    let port = addr.rsplit(':').next().unwrap();
    let (host, origin) = (format!("Host: {addr}"), format!("Origin: http://{addr}"));
    let (elsewhere, other_port) =
        (format!("Host: evil.example:{port}"), "Origin: http://127.0.0.1:1".to_owned());
    let (by_name, secure) = (format!("Origin: http://localhost:{port}"), format!("Origin: https://{addr}"));
    let form = "Content-Type: application/x-www-form-urlencoded";
    for (lines, status) in [
        (vec![&*host, "Origin: http://evil.example", JSON], "403"),
        (vec![&*host, "Origin: null", JSON], "403"),
        (vec![&*host, JSON], "403"),
        (vec![&*host, &*other_port, JSON], "403"),
        (vec![&*host, &*secure, JSON], "403"),
        (vec![&*host, &*by_name, JSON], "403"),
        (vec![&*host, &*origin, &*origin, JSON], "403"),
        (vec![&*host, &*origin, "Origin: http://evil.example", JSON], "403"),
        (vec![&*elsewhere, "Origin: http://evil.example", JSON], "421"),
        (vec![&*elsewhere, &*origin, JSON], "421"),
        (vec![&*origin, JSON], "421"),
        (vec![&*host, &*host, &*origin, JSON], "421"),
        (vec![&*host, &*origin, form], "415"),
        (vec![&*host, &*origin, "Content-Type: text/plain"], "415"),
        (vec![&*host, &*origin, "Content-Type: multipart/form-data; boundary=x"], "415"),
        (vec![&*host, &*origin, "Content-Type: text/plain; application/json"], "415"),
        (vec![&*host, &*origin, JSON, form], "415"),
        (vec![&*host, &*origin], "415"),
    ] {
        let reply = post(&server, &request(&lines), BODY).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{lines:?}: {reply}");
    }
    // A browser's preflight for JSON from another site gets no permission.
    let ask_first = format!("OPTIONS {SET} HTTP/1.1\r\n{host}\r\nOrigin: http://evil.example\r\n");
    let reply = post(&server, &ask_first, "").await;
    assert!(reply.starts_with("HTTP/1.1 400 ") && !reply.contains("Access-Control"), "{reply}");
    let standing = ask(&server, STANDING, "").await;
    assert!(standing.contains(r#""keys":0"#) && standing.contains(r#""end":"0""#), "{standing}");
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_write_that_makes_no_sense_is_refused_in_words() {
    let server = Server::start(options("127.0.0.1:0")).await.unwrap();
    let addr = server.web_addr().unwrap().to_owned();
    let head = |path: &str, length: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: {addr}\r\nOrigin: http://{addr}\r\n{JSON}\r\n{length}")
    };
    let length = |body: &str| format!("Content-Length: {}\r\n", body.len());
    for (path, lengths, body, status) in [
        ("/other", length(BODY), BODY, "404"),
        (SET, length("{}"), "{}", "400"),
        (SET, length("[1]"), "[1]", "400"),
        (SET, length(r#"{"key":"a","value":1}"#), r#"{"key":"a","value":1}"#, "400"),
        (SET, length(r#"{"key":"a","value":"1","nx":1}"#), r#"{"key":"a","value":"1","nx":1}"#, "400"),
        (SET, String::new(), "", "411"),
        (SET, "Transfer-Encoding: chunked\r\n".to_owned(), "0\r\n\r\n", "411"),
        (SET, "Content-Length: -1\r\n".to_owned(), "", "411"),
        (SET, "Content-Length: 99999999999999999999\r\n".to_owned(), "", "411"),
        (SET, "Content-Length: 65537\r\n".to_owned(), "", "413"),
        (SET, "Content-Length\r\n".to_owned(), "", "400"),
    ] {
        let reply = post(&server, &head(path, &lengths), body).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {lengths} {body}: {reply}");
    }
    server.shutdown().await.unwrap();
}
