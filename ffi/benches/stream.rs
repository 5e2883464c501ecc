//! A primary and a replica in one program, a live stream of records between them: the same as `bench/stream.c`, without
//! the C ABI. The difference is the ABI's cost.

use std::hint::black_box;
use std::io::{IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use towline_core::*;

const RECORD_BYTES: usize = 100;
const RECORDS: usize = 16;
const ROOM: usize = 1 << 20;
const LINK: LinkId = LinkId(0);

struct End {
    node: Node,
    socket: TcpStream,
    unread: Vec<u8>,
    held: usize,
    sum: u64,
    records: u64,
}

impl End {
    fn new(role: Role, id: u8, cursor: Option<&[u8]>, socket: TcpStream) -> Self {
        let options = Options { backlog_bytes: 8 << 20, links_max: 1, ..Options::default() };
        let config = options.check().expect("the options work");
        let mut seed = [0; 32];
        seed[0] = id;
        let boot = Boot { node: NodeId(id.into()), seed, role, unix_zero: 0, cursor };
        let node = Node::new(config, boot).expect("a sound cursor");
        socket.set_nonblocking(true).expect("a socket");
        socket.set_nodelay(true).expect("a socket");
        Self { node, socket, unread: vec![0; ROOM], held: 0, sum: 0, records: 0 }
    }

    fn write(&mut self, now: Time) {
        loop {
            let shown = self.node.peek_transmit(LINK);
            let mut wrote = 0;
            if !shown.is_empty() {
                let parts = shown.slices().map(IoSlice::new);
                wrote = self.socket.write_vectored(&parts).expect("the socket has room");
            }
            if self.node.consume(now, LINK, wrote).expect("it was shown") == More::Idle {
                return;
            }
        }
    }

    /// Reads every byte of every record.
    fn apply(&mut self, payload: &[u8]) {
        for record in Records::new(payload) {
            for word in record.as_chunks::<8>().0 {
                self.sum = self.sum.wrapping_add(u64::from_le_bytes(*word));
            }
            self.records += 1;
        }
    }

    /// Calls poll(2), as a host's loop does.
    fn ready(&self) -> bool {
        let mut fds = [PollFd::new(&self.socket, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).expect("poll") == 1
    }

    fn read(&mut self, now: Time) {
        while self.ready() {
            self.held += self.socket.read(&mut self.unread[self.held..]).expect("it is ready");
            let unread = std::mem::take(&mut self.unread);
            let mut at = 0;
            loop {
                let data = &unread[at..self.held];
                let step =
                    self.node.handle(now, Input::Bytes { link: LINK, data }).expect("the link is open");
                if let (Some(payload), Some(position)) = (&step.payload, step.position) {
                    self.apply(&data[payload.range.clone()]);
                    self.node.handle(now, Input::Applied { upto: position.boundary }).expect("received");
                }
                at += step.used;
                if step.next != Next::Again {
                    break;
                }
            }
            self.unread = unread;
            self.unread.copy_within(at..self.held, 0);
            self.held -= at;
        }
    }

    fn turn(&mut self, now: Time, other: &mut Self) {
        while let Some(event) = self.node.poll_event() {
            if let Event::Dial { .. } = event {
                let opened = |side| Input::Opened { link: LINK, side };
                self.node.handle(now, opened(Side::Upstream)).expect("dialling");
                other.node.handle(now, opened(Side::Downstream)).expect("free");
            } else if let Event::WantsWrite { .. } = event {
                self.write(now);
            }
        }
        other.read(now);
    }
}

struct Pair {
    primary: End,
    replica: End,
    now: Time,
}

impl Pair {
    fn stream(&mut self, turns: usize) {
        let mut records = [[7_u8; RECORD_BYTES]; RECORDS];
        for _ in 0..turns {
            self.now = self.now + Span(50_000);
            for (number, record) in records.iter_mut().enumerate() {
                record[number] = record[number].wrapping_add(1);
                let write = Input::Write { data: black_box(&*record) };
                black_box(self.primary.node.handle(self.now, write).expect("a primary writes"));
            }
            self.primary.turn(self.now, &mut self.replica);
            self.replica.turn(self.now, &mut self.primary);
        }
    }
}

fn main() {
    // `cargo test --benches` only checks that it runs.
    let turns = if std::env::args().any(|arg| arg == "--bench") { 500 } else { 20 };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let near = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (far, _) = listener.accept().expect("connected");
    let mut primary = End::new(Role::Primary, 1, None, near);
    let position = primary.node.handle(Time::ZERO, Input::Flush).expect("flushes").position;
    let cursor = primary.node.cursor(position.expect("a position"));
    let replica = End::new(Role::Replica, 2, Some(cursor.as_bytes()), far);
    let mut pair = Pair { primary, replica, now: Time::ZERO };
    for _ in 0..8 {
        pair.replica.turn(pair.now, &mut pair.primary);
        pair.primary.turn(pair.now, &mut pair.replica);
    }
    pair.stream(turns / 10 + 1);
    let mut best = f64::MAX;
    for _ in 0..100 {
        let started = Instant::now();
        pair.stream(turns);
        best = best.min(started.elapsed().as_secs_f64() * 1e9 / (turns * RECORDS) as f64);
    }
    let all = ((turns / 10 + 1 + 100 * turns) * RECORDS) as u64;
    assert!(pair.replica.records == all && pair.replica.sum != 0, "every record arrived");
    println!("counted: rust_stream_ns = {best:.2}");
}
