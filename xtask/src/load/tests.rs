use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::lane::{Pace, Replies, count_replies};
use super::ops::Ops;
use super::{Counters, Plan, lane, loopback};

#[test]
fn a_command_is_the_same_each_time_and_valid() {
    let ops = Ops::new(3, 10, 7);
    let text = |n| {
        let mut out = Vec::new();
        ops.write(n, &mut out);
        assert_eq!(out.len(), ops.command_bytes());
        String::from_utf8(out).unwrap()
    };
    assert_eq!(text(1), text(1));
    assert!(text(2).starts_with("*3\r\n$3\r\nSET\r\n$14\r\nkey:0000000002\r\n$10\r\n"), "{}", text(2));
    let value = |n| text(n).lines().nth(6).unwrap().to_owned();
    assert_ne!(value(0), value(1));
    assert!(value(9).bytes().all(|byte| (b'A'..=b'P').contains(&byte)), "{}", value(9));
    assert_eq!((0..3).map(|n| ops.key(n)).collect::<Vec<_>>(), [0, 1, 2]);
    assert!((3..100).all(|n| ops.key(n) < 3));
}

#[test]
fn replies_may_be_cut_anywhere() {
    let bytes = b"+OK\r\n-READONLY no\r\n+PONG\r\n-ERR x\r\n+OK\r\n";
    for cut in 0..=bytes.len() {
        let counters = Counters::default();
        let first = count_replies(&bytes[..cut], &counters).unwrap();
        let second = count_replies(&bytes[first.used..], &counters).unwrap();
        assert_eq!((first.count + second.count, first.used + second.used), (5, bytes.len()), "cut at {cut}");
        assert_eq!(counters.refused.load(Ordering::Relaxed), 2);
        let words = counters.words.lock().unwrap();
        assert_eq!(
            words.iter().map(|(word, n)| (word.as_str(), *n)).collect::<Vec<_>>(),
            [("ERR", 1), ("READONLY", 1)]
        );
    }
    assert_eq!(count_replies(b"", &Counters::default()), Ok(Replies { count: 0, used: 0 }));
    assert!(
        count_replies(b"HTTP/1.1 400 Bad Request\r\n", &Counters::default()).unwrap_err().contains("RESP")
    );
}

#[test]
fn only_this_machine() {
    assert!(loopback("127.0.0.1:7000").is_ok());
    assert!(loopback("[::1]:7000").is_ok());
    assert!(loopback("192.0.2.1:7000").unwrap_err().to_string().contains("not on this machine"));
    assert!(loopback("7000").unwrap_err().to_string().contains("HOST:PORT"));
}

#[test]
fn a_rate_is_a_ceiling() {
    let mut pace = Pace::new(Duration::from_millis(1));
    let start = Instant::now() + Duration::from_secs(1);
    let mut taken = 0;
    for micros in 0..100_000 {
        taken += pace.take_at(start + Duration::from_micros(micros), 100);
    }
    // 100 ms at one each ms, and the commands that a late start may catch up on.
    assert!((100..=121).contains(&taken), "{taken}");
}

/// Replies `+OK` to so many commands of each connection, then hangs up; returns how many it received in all.
fn serve(listener: &TcpListener, command_bytes: usize, lives: &[usize]) -> usize {
    let mut seen = 0;
    for life in lives {
        let (mut stream, _) = listener.accept().unwrap();
        let mut command = vec![0; command_bytes];
        for _ in 0..*life {
            if stream.read_exact(&mut command).is_err() {
                break;
            }
            seen += 1;
            if stream.write_all(b"+OK\r\n").is_err() {
                break;
            }
        }
    }
    seen
}

fn plan(addr: SocketAddr, reconnect: bool) -> Plan {
    Plan {
        addr,
        ops: Ops::new(100, 20, 1),
        total: 100,
        lanes: 1,
        pipeline: 8,
        gap: None,
        until: None,
        reconnect,
    }
}

#[test]
fn goes_on_after_the_last_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plan = plan(listener.local_addr().unwrap(), true);
    let bytes = plan.ops.command_bytes();
    let counters = Counters::default();
    let server = std::thread::spawn(move || serve(&listener, bytes, &[30, 10, 100]));
    lane::run(&plan, 0, &counters).unwrap();
    assert_eq!(counters.answered.load(Ordering::Relaxed), 100);
    assert_eq!(counters.reconnects.load(Ordering::Relaxed), 2);
    assert!(server.join().unwrap() >= 100);
}

#[test]
fn a_dying_server_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let plan = plan(addr, false);
    let bytes = plan.ops.command_bytes();
    let server = std::thread::spawn(move || serve(&listener, bytes, &[30]));
    let why = lane::run(&plan, 0, &Counters::default()).unwrap_err();
    assert!(why.starts_with(&addr.to_string()) && why.contains("connection"), "{why}");
    server.join().unwrap();
    assert!(TcpStream::connect(addr).is_err());
    assert!(lane::run(&plan, 0, &Counters::default()).unwrap_err().contains("is the server running"));
}

#[test]
fn lanes_share_out_every_command() {
    let mut plan = plan("127.0.0.1:1".parse().unwrap(), false);
    plan.lanes = 7;
    assert_eq!((0..7).map(|lane| plan.share(lane)).sum::<u64>(), 100);
}
