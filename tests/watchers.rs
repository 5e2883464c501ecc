//! Programs that only watch: a reader of the log, one behind a pipe, the file that says where the server is. None of
//! them can end the program, or delay a server, by reading nothing, leaving, or having no room.

#[allow(dead_code, reason = "what the end-to-end tests share; this one needs a part of it")]
mod support;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{ChildStderr, Stdio};

use support::{Node, Place, eventually};

const SERVE: &str = "serve --replication 127.0.0.1:0";

/// Returns a device on which every write fails, because the disk is full.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("a full device").into()
}

/// Makes a server log so many lines: each promotion opens an epoch and logs it.
fn provoke(node: &Node, lines: usize) {
    let mut client = TcpStream::connect(&node.client).expect("it listens");
    client.write_all("REPLICAOF NO ONE\r\n".repeat(lines).as_bytes()).expect("it reads");
    client.read_exact(&mut vec![0; lines * "+OK\r\n".len()]).expect("a reply to each");
}

fn lost(node: &Node) -> u64 {
    let told = node.ask(&["INFO", "stats"]);
    let count = told.lines().find_map(|line| line.strip_prefix("log_lines_lost:"));
    count.expect("INFO counts lost lines").trim().parse().expect("a number")
}

/// Checks that a node serves, loses lines, counts them, and stops in order.
#[track_caller]
fn serves_without_a_log(mut node: Node) {
    provoke(&node, 3);
    assert_eq!(node.ask(&["SET", "a", "1"]), "OK");
    eventually("lost lines to be counted", || (lost(&node) >= 3).then_some(()));
    assert_eq!(node.signal("TERM").code(), Some(0));
}

#[test]
fn a_full_disk_under_the_log_ends_nothing() {
    let place = Place::new();
    serves_without_a_log(place.start_with("primary", SERVE, full()));
}

#[test]
fn a_log_whose_reader_left_ends_nothing() {
    let place = Place::new();
    let mut node = place.start_with("primary", SERVE, Stdio::piped());
    // The reader takes the first line, as a supervisor might, and closes the pipe.
    let mut log = BufReader::new(node.stderr());
    let mut first = String::new();
    log.read_line(&mut first).expect("a first line");
    assert!(first.starts_with("towline"), "{first}");
    drop(log);
    serves_without_a_log(node);
}

#[test]
fn a_log_that_nobody_reads_holds_up_nobody() {
    let place = Place::new();
    let mut node = place.start_with("primary", &format!("{SERVE} --log trace"), Stdio::piped());
    let log: ChildStderr = node.stderr();
    // The pipe and the queue hold some thousand lines; then lines are lost, and counted.
    eventually("lines to be lost", || {
        provoke(&node, 100);
        (lost(&node) > 0).then_some(())
    });
    assert_eq!(node.ask(&["SET", "a", "1"]), "OK");
    // A reader that comes back gets a line about them.
    let mut lines = BufReader::new(log).lines().map_while(Result::ok);
    let told = lines.find(|line| line.ends_with("lost: stderr could not be written"));
    let told = told.expect("a line about lost lines");
    assert!(told.contains(" log lines were lost: "), "{told}");
    let rest = std::thread::spawn(move || lines.count());
    assert_eq!(node.signal("TERM").code(), Some(0));
    rest.join().expect("it reads to the end");
}

#[test]
fn a_program_whose_reader_left_ends_quietly() {
    let place = Place::new();
    let node = place.start("primary", SERVE);
    let status = format!("status {}", node.client);
    for line in [
        "--help".to_owned(),
        "completions bash".to_owned(),
        "sim scenarios".to_owned(),
        "sim explore forked-primary --seeds 0..2".to_owned(),
        "sim trace forked-primary --format jsonl".to_owned(),
        status.clone(),
        format!("{status} --json"),
        format!("{status} --watch"),
    ] {
        let child = place.command(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the program starts");
        // Like `| head -1`.
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("text");
        let ended = eventually(&format!("`{line}` to end"), || child.try_wait().expect("our child"));
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        assert_eq!((ended.code(), said.as_str()), (Some(0), ""), "{line}: {first}");
    }
}

#[test]
fn a_full_disk_under_the_output_is_told_in_one_line() {
    let place = Place::new();
    let node = place.start("primary", SERVE);
    for line in [format!("status {}", node.client), "sim scenarios".to_owned()] {
        let output = place.command(&line).stdout(full()).output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        assert!(said.starts_with("error: cannot write to stdout: ") && said.lines().count() == 1, "{said}");
    }
    // Where even that cannot be written, the exit code alone reports the error.
    for (line, code) in [("status 127.0.0.1:1", 1), ("serve --clients-max 0", 2), ("nonsense", 2)] {
        let status = place.command(line).stdout(full()).stderr(full()).status().expect("the program starts");
        assert_eq!(status.code(), Some(code), "{line}");
    }
}

#[test]
fn a_ready_file_that_cannot_be_written_is_written_when_it_can() {
    let place = Place::new();
    let log = place.path("log");
    let mut command = place.command("serve --listen 127.0.0.1:0 --replication 127.0.0.1:0");
    let ready = place.path("late").join("ready");
    command.arg("--ready-file").arg(&ready).stderr(File::create(&log).expect("a log file"));
    let mut child = command.spawn().expect("it starts");
    let said = |what: &str| {
        eventually(what, || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            log.lines().find(|line| line.contains(what)).map(str::to_owned)
        })
    };
    let told = said("cannot write");
    assert!(told.contains("--ready-file") && told.contains("late/ready"), "{told}");
    fs::create_dir(place.path("late")).expect("a folder");
    let written = eventually("the ready file", || fs::read_to_string(&ready).ok());
    assert!(written.contains("\"role\":\"primary\""), "{written}");
    said("is written");
    child.kill().expect("our child");
    child.wait().expect("our child");
}

#[test]
fn a_ready_file_that_is_no_file_is_refused_and_left_alone() {
    let place = Place::new();
    let told = place.refused(2, "serve --listen 127.0.0.1:0 --ready-file /dev/null");
    assert!(told.contains("--ready-file") && told.contains("/dev/null"), "{told}");
    assert!(fs::metadata("/dev/null").is_ok());
}
