//! The cost of the language, on one core: reading records, digests, requests and snapshots of 100-byte values.
//!
//! Does not measure stores or sockets.

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use towline_kv::{
    Digest, Effect, Parsed, RequestLimits, RequestReader, SnapshotReader, SnapshotWriter, Table, effects,
};

const COUNT: usize = 1000;
const VALUE: &[u8] = &[b'v'; 100];

fn keys() -> Vec<String> {
    (0..COUNT).map(|number| format!("key:{:012}", number * 7919)).collect()
}

/// A thousand `SET`s: each a record, and together what a client sends in one go.
fn records() -> Vec<Vec<u8>> {
    let record = |key: &String| {
        let mut record = Vec::new();
        Effect::Set { key: key.as_bytes(), value: VALUE }.encode(&mut record);
        record
    };
    keys().iter().map(record).collect()
}

fn language(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("language");
    group.throughput(Throughput::Elements(COUNT as u64));
    let (keys, records) = (keys(), records());
    let pipeline = records.concat();

    group.bench_function("encode", |bench| {
        let mut out = Vec::new();
        bench.iter(|| {
            out.clear();
            for key in &keys {
                Effect::Set { key: black_box(key.as_bytes()), value: VALUE }.encode(&mut out);
            }
            out.len()
        });
    });
    group.bench_function("effects", |bench| {
        bench.iter(|| {
            for record in &records {
                for effect in effects(black_box(record)) {
                    black_box(effect.expect("canonical"));
                }
            }
        });
    });
    digest(&mut group, "digest", &keys, VALUE);
    digest(&mut group, "digest, 300-byte values", &keys, &[b'v'; 300]);
    group.bench_function("requests", |bench| {
        let mut reader = RequestReader::new(RequestLimits::REDIS);
        bench.iter(|| requests(&mut reader, &pipeline));
    });
    group.bench_function("snapshot, written and read", |bench| {
        bench.iter(|| snapshot(&keys));
    });
    group.bench_function("table overwrites", |bench| {
        let mut table = Table::new();
        records.iter().for_each(|record| table.apply(record).expect("canonical"));
        bench.iter_batched_ref(
            || table.clone(),
            |table| records.iter().for_each(|record| table.apply(record).expect("canonical")),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn digest(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, keys: &[String], value: &[u8]) {
    group.bench_function(name, |bench| {
        bench.iter(|| {
            let mut sum = Digest::EMPTY;
            for key in keys {
                sum.add(Digest::of_entry(black_box(key.as_bytes()), None, black_box(value)));
            }
            sum
        });
    });
}

fn requests(reader: &mut RequestReader, pipeline: &[u8]) {
    let mut rest = pipeline;
    while let Parsed::Request { used } = reader.read(rest).expect("a request") {
        for arg in reader.args(rest).iter() {
            black_box(arg);
        }
        rest = &rest[used..];
    }
    assert!(rest.is_empty());
}

fn snapshot(keys: &[String]) {
    let mut writer = SnapshotWriter::new(64 << 10);
    let mut reader = SnapshotReader::new(1 << 20);
    let mut left = keys.iter();
    loop {
        while writer.wants_more() {
            let Some(key) = left.next() else { break };
            writer.push(key.as_bytes(), None, VALUE);
        }
        let piece = writer.next_piece();
        let mut rest = piece.data;
        while let Some(effect) = reader.next(&mut rest).expect("canonical") {
            black_box(effect);
        }
        if piece.held == 0 && left.len() == 0 {
            return;
        }
    }
}

criterion_group!(benches, language);
criterion_main!(benches);
