//! Tests beyond transcripts: bytes cut anywhere, pipelines, bounds, and the driver's part in between.

use super::fake::FakeBackend;
use super::transcript::client;
use crate::command::{OUT_BYTES_PER_RUN, Outcome, REQUESTS_PER_RUN, Session, Then, request_limits};

fn session() -> Session {
    Session::new(client(), request_limits(1 << 20))
}

fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Feeds `input` in two parts, as a driver would.
fn feed(input: &[u8], cut: usize) -> (Vec<u8>, Option<Outcome>) {
    let (mut backend, mut session, mut out) = (FakeBackend::new(), session(), Vec::new());
    backend.record_bytes_max = 1 << 20;
    let mut begin = 0;
    for end in [cut, input.len()] {
        loop {
            let ran = session.run(&input[begin..end], &mut backend, &mut out);
            begin += ran.used;
            match ran.then {
                Then::Again => {}
                Then::NeedBytes { need } => {
                    assert!(need > end - begin, "needs more than there is");
                    break;
                }
                Then::Do(outcome) => return (out, Some(outcome)),
            }
        }
    }
    (out, None)
}

#[test]
fn any_cut_gives_the_same() {
    let mut input = request(&[b"SET", b"k", b"va\r\nlue", b"EX", b"10"]);
    input.extend_from_slice(b"GET k\r\n\r\n*0\r\n");
    input.extend(request(&[b"TTL", b"k"]));
    input.extend(request(&[b"QUIT"]));
    input.extend(request(&[b"GET", b"k"]));
    let expected = feed(&input, input.len());
    assert_eq!(expected.0, b"+OK\r\n$7\r\nva\r\nlue\r\n:10\r\n+OK\r\n");
    assert_eq!(expected.1, Some(Outcome::Close));
    for cut in 0..input.len() {
        assert_eq!(feed(&input, cut), expected, "cut at {cut}");
    }
}

#[test]
fn what_is_no_request_closes() {
    let cases: [(&[u8], &str); 5] = [
        (b"PING\r\n*1\r\n$x\r\n", "+PONG\r\n-ERR Protocol error: invalid bulk length\r\n"),
        (b"*1\r\n:4\r\n", "-ERR Protocol error: expected '$', got ':'\r\n"),
        (b"*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"),
        (b"SET k \"v\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"),
        (b"*2\r\n$3\r\nGET\r\n$3000000\r\n", "-ERR Protocol error: invalid bulk length\r\n"),
    ];
    for (input, reply) in cases {
        let (out, outcome) = feed(input, input.len());
        assert_eq!(String::from_utf8_lossy(&out), reply);
        assert_eq!(outcome, Some(Outcome::Close));
    }
}

#[test]
fn a_browsers_request_ends_the_connection_before_anything_is_run() {
    let always = ["POST / HTTP/1.1", "post x", "Host: a", "host:a"];
    for line in always.into_iter().chain(["SET / HTTP/1.1", "GET / HTTP/1.0", "A http/2"]) {
        let input = format!("\r\n{line}\r\nSET pwned yes\r\n");
        assert_eq!(feed(input.as_bytes(), input.len()), (Vec::new(), Some(Outcome::Http)), "{line}");
    }
    for line in always {
        let input = format!("PING\r\n{line}\r\n");
        assert_eq!(feed(input.as_bytes(), 6), (b"+PONG\r\n".to_vec(), Some(Outcome::Http)), "{line}");
    }
    for line in ["GET /", "GET http", "ECHO HTTP", "PING\r\nECHO HTTP/1.1", "*1\r\n$4\r\nPING"] {
        let input = format!("{line}\r\n");
        assert_eq!(feed(input.as_bytes(), input.len()).1, None, "{line}");
    }
}

#[test]
fn a_run_is_bounded_by_requests() {
    let (mut backend, mut session, mut out) = (FakeBackend::new(), session(), Vec::new());
    let input = b"PING\r\n".repeat(REQUESTS_PER_RUN as usize + 1);
    let ran = session.run(&input, &mut backend, &mut out);
    assert_eq!((ran.used, ran.commands, ran.then), (input.len() - 6, REQUESTS_PER_RUN, Then::Again));
    let ran = session.run(&input[ran.used..], &mut backend, &mut out);
    assert_eq!((ran.used, ran.commands, ran.then), (6, 1, Then::NeedBytes { need: 1 }));
    assert_eq!(out.len(), "+PONG\r\n".len() * (REQUESTS_PER_RUN as usize + 1));
    // Empty requests count as well.
    let empty = b"\r\n".repeat(REQUESTS_PER_RUN as usize + 1);
    assert_eq!(session.run(&empty, &mut backend, &mut out).then, Then::Again);
}

#[test]
fn a_walk_over_all_keys_is_cut_into_slices_that_cost_the_same() {
    let (mut backend, mut session, mut out) = (FakeBackend::new(), session(), Vec::new());
    backend.record_bytes_max = 1 << 20;
    for number in 0..300 {
        let key = format!("{}{number}", "a".repeat(2000));
        session.run(&request(&[b"SET", key.as_bytes(), b"v"]), &mut backend, &mut out);
    }
    let costly = [&b"*a".repeat(20)[..], b"*[0-9]?b"].concat();
    for input in
        [request(&[b"KEYS", &costly]), request(&[b"SCAN", b"0", b"MATCH", &costly, b"COUNT", b"1000"])]
    {
        out.clear();
        let mut slices = 0;
        loop {
            let ran = session.run(&input, &mut backend, &mut out);
            // One key may exceed the bound: the length of the pattern bounds its cost.
            assert!(ran.steps < 500_000, "{}", ran.steps);
            slices += 1;
            if ran.used > 0 {
                break;
            }
            assert_eq!((ran.then, out.len()), (Then::Again, 0), "nothing is said before the end");
            // Another client has its turn.
            let mut other = self::session();
            other.run(b"PING\r\nSET other 1\r\nDEL other\r\n", &mut backend, &mut Vec::new());
        }
        assert!(slices > 3, "{slices}");
        assert!(out.ends_with(b"*0\r\n"), "{}", String::from_utf8_lossy(&out));
    }
    let long = [b'a'; 70_000];
    out.clear();
    session.run(&request(&[b"KEYS", &long]), &mut backend, &mut out);
    assert_eq!(out, b"-ERR the pattern is 70000 bytes long, the limit is 65536 bytes\r\n");
    out.clear();
    backend.reply_bytes_max = 10_000;
    while session.run(b"KEYS *\r\n", &mut backend, &mut out).used == 0 {}
    assert!(out.starts_with(b"-ERR the reply would be 1"), "{}", String::from_utf8_lossy(&out));
}

#[test]
fn a_command_of_too_many_arguments_is_refused_whole() {
    let (mut backend, mut session, mut out) = (FakeBackend::new(), session(), Vec::new());
    let mut args: Vec<&[u8]> = vec![b"k"; 140_000];
    args[0] = b"DEL";
    session.run(&request(&args), &mut backend, &mut out);
    assert_eq!(out, b"-ERR 140000 arguments for 'del' at once, the limit is 131072: ask in parts\r\n");
}

#[test]
fn a_transaction_that_would_take_too_long_does_nothing() {
    let (mut backend, mut session, mut out) = (FakeBackend::new(), session(), Vec::new());
    backend.record_bytes_max = 8 << 20;
    session.run(&request(&[b"SET", b"big", &[b'v'; 500_000]]), &mut backend, &mut out);
    session.run(b"MULTI\r\nSET small 1\r\n", &mut backend, &mut out);
    // Each of them copies the whole value.
    let appends = b"APPEND big x\r\n".repeat(400);
    session.run(&appends, &mut backend, &mut out);
    out.clear();
    let input = b"EXEC\r\nEXISTS small\r\n";
    let ran = session.run(input, &mut backend, &mut out);
    assert_eq!((ran.used, ran.then), (6, Then::Again), "others have their turn after that");
    session.run(&input[6..], &mut backend, &mut out);
    let told = String::from_utf8_lossy(&out);
    assert!(
        told.starts_with("-EXECABORT Transaction discarded because: ERR the command would take"),
        "{told}"
    );
    assert!(told.ends_with("\r\n:0\r\n"), "{told}");
}

#[test]
fn replies_are_turned_off_and_skipped() {
    let (mut backend, mut session, mut out) = (FakeBackend::new(), session(), Vec::new());
    let input = b"CLIENT REPLY SKIP\r\nSET a 1\r\nGET a\r\nCLIENT REPLY OFF\r\nGET a\r\nNOSUCH\r\n\
                  CLIENT REPLY SKIP\r\nGET a\r\nCLIENT REPLY ON\r\nGET a\r\n";
    session.run(input, &mut backend, &mut out);
    assert_eq!(String::from_utf8_lossy(&out), "$1\r\n1\r\n+OK\r\n$1\r\n1\r\n");
}

#[test]
fn a_pause_for_all_holds_everything_but_its_end() {
    let (mut backend, mut session, mut out) = (FakeBackend::new(), session(), Vec::new());
    session.run(b"CLIENT PAUSE 1000\r\n", &mut backend, &mut out);
    assert_eq!(session.run(b"PING\r\n", &mut backend, &mut out).then, Then::Do(Outcome::Retry));
    session.run(b"CLIENT UNPAUSE\r\nPING\r\n", &mut backend, &mut out);
    assert_eq!(out, b"+OK\r\n+OK\r\n+PONG\r\n");
    session.run(b"CLIENT PAUSE 1000 WRITE\r\n", &mut backend, &mut out);
    let ran = session.run(b"GET a\r\nSET a 1\r\n", &mut backend, &mut out);
    assert_eq!((ran.commands, ran.then), (1, Then::Do(Outcome::Retry)));
    backend.now_ms += 1000;
    assert_eq!(session.run(b"SET a 1\r\n", &mut backend, &mut out).commands, 1);
}

#[test]
fn a_run_is_bounded_by_replies() {
    let (mut backend, mut session, mut out) = (FakeBackend::new(), session(), vec![0; 10]);
    backend.record_bytes_max = 1 << 20;
    let value = vec![b'v'; OUT_BYTES_PER_RUN / 2];
    session.run(&request(&[b"SET", b"k", &value]), &mut backend, &mut out);
    let input = request(&[b"GET", b"k"]).repeat(5);
    let ran = session.run(&input, &mut backend, &mut out);
    assert_eq!((ran.commands, ran.then), (2, Then::Again));
    assert_eq!(ran.used, input.len() / 5 * 2);
}

#[test]
fn a_wait_is_ended_in_its_own_shape() {
    let (mut backend, mut session, mut out) = (FakeBackend::new(), session(), Vec::new());
    let input = b"SET k v\r\nWAIT 1 0\r\nPING\r\n";
    let ran = session.run(input, &mut backend, &mut out);
    assert_eq!(&input[ran.used..], b"PING\r\n");
    assert!(matches!(ran.then, Then::Do(Outcome::Wait { .. })));
    out.clear();
    session.waited(false, 2, &mut out);
    assert_eq!(out, b":2\r\n");
    session.run(b"WAITAOF 0 1 0\r\n", &mut backend, &mut out);
    out.clear();
    session.waited(true, 2, &mut out);
    assert_eq!(out, b"*2\r\n:1\r\n:2\r\n");
}

#[test]
fn a_write_that_must_wait_comes_again_whole() {
    let (mut backend, mut session, mut out) = (FakeBackend::new(), session(), Vec::new());
    backend.refusal = Some(towline_driver::Refusal::NotNow);
    let input = b"PING\r\nSET k v\r\nGET k\r\n";
    let ran = session.run(input, &mut backend, &mut out);
    assert_eq!((ran.used, ran.commands, ran.then), (6, 1, Then::Do(Outcome::Retry)));
    backend.refusal = None;
    let ran = session.run(&input[6..], &mut backend, &mut out);
    assert_eq!(ran.commands, 2);
    assert_eq!(out, b"+PONG\r\n+OK\r\n$1\r\nv\r\n");
}

#[test]
fn names_lead_to_commands() {
    for command in crate::command::COMMANDS {
        for name in [command.name.to_owned(), command.name.to_ascii_uppercase()] {
            let found = crate::command::find(name.as_bytes()).expect("every command is found");
            assert_eq!(found.name, command.name);
        }
        assert_eq!(command.name, command.name.to_ascii_lowercase());
    }
    for name in [&b""[..], b"ge", b"gett", b"\0get", &[b'a'; 16], &[b'a'; 300], b"\xff"] {
        assert!(crate::command::find(name).is_none());
    }
}

#[test]
fn every_command_has_a_number_of_its_own() {
    let all =
        crate::command::COMMANDS.iter().flat_map(|command| std::iter::once(command).chain(command.subs));
    let mut numbers: Vec<u16> = all.map(|command| command.id).collect();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count);
}

#[test]
fn status_reads_back() {
    let (mut backend, mut session, mut out) = (FakeBackend::new(), session(), Vec::new());
    backend.replicas = vec![1, 2];
    session.run(b"TOWLINE STATUS\r\n", &mut backend, &mut out);
    let text = String::from_utf8(out).expect("text");
    let json = text.split_once("\r\n").expect("a head").1.trim_end();
    let report: crate::command::Report = serde_json::from_str(json).expect("a report");
    assert_eq!((report.role.as_str(), report.replicas.len()), ("primary", 2));
    assert_eq!(report.replicas[0].persisted.offset, None);
}
