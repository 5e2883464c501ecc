//! The cost of the stream, on one core and without syscalls: a replica that receives, a primary that sends to one link
//! and to nine; and figures that are counted rather than timed, on lines of their own: allocations of the verbs in
//! steady state, and memory beyond what the configuration promised.
#![allow(missing_docs, reason = "criterion's macros document nothing")]

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use towline_core::*;

#[path = "../tests/common/mod.rs"]
mod common;

use common::frames;
use common::puppet::Puppet;
use common::stage::Stage;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const RECORD_BYTES: usize = 100;
/// Records of one host's turn: a batch of 64 KiB.
const TURN: usize = 630;
const LINK: LinkId = LinkId(0);

/// Random records: 100 bytes each.
fn records(count: usize) -> Vec<[u8; RECORD_BYTES]> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()[7]
    };
    (0..count).map(|_| std::array::from_fn(|_| byte())).collect()
}

fn node(id: u64, role: Role, options: Options, cursor: Option<&[u8]>) -> Node {
    let config = options.check().expect("the options work");
    let boot = Boot { node: NodeId(id), seed: common::seed(id, 0), role, unix_zero: 0, cursor };
    Node::new(config, boot).expect("a sound cursor")
}

/// A replica that was admitted, and the frames that come next.
struct Recording {
    replica: Node,
    wire: Vec<u8>,
    records: u64,
}

impl Recording {
    fn new() -> Self {
        let options = Options { backlog_bytes: 8 << 20, ..Options::default() };
        let mut primary = node(1, Role::Primary, options, None);
        let position = primary.handle(Time::ZERO, Input::Flush).expect("flushes").position;
        let cursor = primary.cursor(position.expect("a position"));
        let mut replica = node(2, Role::Replica, options, Some(cursor.as_bytes()));
        let mut nodes = [&mut replica, &mut primary];
        for _ in 0..6 {
            shake(&mut nodes);
        }
        let mut wire = Vec::new();
        let records = records(TURN);
        let turns = 16 * 16;
        for _ in 0..turns {
            for record in &records {
                primary.handle(Time::ZERO, Input::Write { data: record }).expect("writes");
            }
            while primary.poll_event().is_some() {}
            loop {
                let shown = primary.peek_transmit(LINK).slices().concat();
                wire.extend_from_slice(&shown);
                if primary.consume(Time::ZERO, LINK, shown.len()) == Ok(More::Idle) {
                    break;
                }
            }
            let (boundary, sent) = (primary.stats().end.0, wire.len() as u64);
            let ack = frames::Ack {
                admit: 1,
                base: true,
                received: boundary,
                stream_released: sent,
                ..frames::Ack::default()
            };
            primary.handle(Time::ZERO, Input::Bytes { link: LINK, data: &ack.frame() }).expect("open");
        }
        assert!(replica.stats().streaming, "the replica was admitted");
        Self { replica, wire, records: (turns * TURN) as u64 }
    }
}

/// One turn of a handshake between a replica and its primary.
fn shake(nodes: &mut [&mut Node; 2]) {
    for side in 0..2 {
        while let Some(event) = nodes[side].poll_event() {
            if let Event::Dial { .. } = event {
                let opened = |side| Input::Opened { link: LINK, side };
                nodes[0].handle(Time::ZERO, opened(Side::Upstream)).expect("dialling");
                nodes[1].handle(Time::ZERO, opened(Side::Downstream)).expect("free");
            } else if let Event::WantsWrite { .. } = event {
                let bytes = nodes[side].peek_transmit(LINK).slices().concat();
                nodes[side].consume(Time::ZERO, LINK, bytes.len()).expect("shown");
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let input = Input::Bytes { link: LINK, data: rest };
                    rest = &rest[nodes[1 - side].handle(Time::ZERO, input).expect("open").used..];
                }
            }
        }
    }
}

/// The receiving side of a host: every frame, every record, every byte; and its acknowledgements.
fn receive(replica: &mut Node, wire: &[u8]) -> u64 {
    let mut sum = 0u64;
    let mut at = 0;
    let mut since_write = 0;
    while at < wire.len() {
        let data = &wire[at..];
        let step = replica.handle(Time::ZERO, Input::Bytes { link: LINK, data }).expect("open");
        if let Some(payload) = &step.payload {
            let mut count = 0;
            for record in Records::new(&data[payload.range.clone()]) {
                sum = sum.wrapping_add(read(record));
                count += 1;
            }
            let upto = Offset(payload.first + count);
            replica.handle(Time::ZERO, Input::Applied { upto }).expect("received");
        }
        at += step.used;
        since_write += step.used;
        if since_write >= common::stage::STEP_BYTES {
            since_write = 0;
            while let Some(event) = replica.poll_event() {
                if let Event::WantsWrite { link } = event {
                    loop {
                        let shown = black_box(replica.peek_transmit(link)).len();
                        if replica.consume(Time::ZERO, link, shown) == Ok(More::Idle) {
                            break;
                        }
                    }
                }
            }
        }
    }
    sum
}

/// Every byte of a record.
fn read(record: &[u8]) -> u64 {
    let (words, rest) = record.as_chunks::<8>();
    let words = words.iter().fold(0u64, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)));
    rest.iter().fold(words, |sum, byte| sum.wrapping_add(u64::from(*byte)))
}

fn stream(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream");
    let recording = Recording::new();
    group.throughput(Throughput::Elements(recording.records));
    group.bench_function("receive", |bench| {
        bench.iter_batched_ref(
            || recording.replica.clone(),
            |replica| receive(replica, black_box(&recording.wire)),
            BatchSize::PerIteration,
        );
    });
    drop(recording);

    let records = records(TURN);
    group.throughput(Throughput::Elements(16 * TURN as u64));
    for links in [1, 9] {
        let mut stage = Stage::new(node(1, Role::Primary, Options::default(), None));
        let cursor = stage.cursor();
        for link in 0..links {
            stage.open(link, Puppet::new(10 + u64::from(link)), Some(&cursor));
        }
        group.bench_function(BenchmarkId::new("primary", links), |bench| {
            bench.iter(|| {
                for _ in 0..16 {
                    // A host's clock moves once a turn.
                    stage.now = stage.now + Span(50_000);
                    for record in &records {
                        let write = Input::Write { data: black_box(record) };
                        black_box(stage.node.handle(stage.now, write).expect("a primary writes"));
                    }
                    stage.turn();
                }
            });
        });
        let end = stage.node.stats().end;
        let at_the_end = stage.node.replicas().filter(|replica| replica.acked.received == Some(end)).count();
        assert_eq!(at_the_end, links as usize, "every replica was sent every record");
    }
    group.finish();
}

fn counted(_: &mut Criterion) {
    println!("counted: allocations = {}", common::counted::allocations_in_steady_state());
    println!("counted: memory_percent_over = {:.2}", common::counted::memory_percent_over());
}

criterion_group!(benches, stream, counted);
criterion_main!(benches);
