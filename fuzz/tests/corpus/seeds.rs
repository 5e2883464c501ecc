//! Inputs written by hand, where arbitrary bytes would take long to find their shape.

use towline_core::Fault;
use towline_fuzz::{native_decode, node_script, roundtrip, snapshot_receive};

type Seed = (String, Vec<u8>);

/// Returns the seeds of a target.
pub fn of(target: &str) -> Vec<Seed> {
    match target {
        "native_decode" => native(),
        "roundtrip" => cuts(),
        "node_script" => scripts(),
        "snapshot_receive" => snapshots(),
        "record_abi" => hosts(),
        "server_resp" => clients(),
        "plan_file" => plans(),
        _ => Vec::new(),
    }
}

fn seed(name: &str, shape: u8, ops: &[[u8; 4]]) -> Seed {
    (name.to_owned(), [&[shape], ops.as_flattened()].concat())
}

/// Names of operations, in the order of their numbers in `node_script::op`.
const OPS: [&str; 16] = [
    "write", "flush", "run", "long", "cut", "sever", "heal", "stall", "restart", "promote", "capacity",
    "gulp", "damage", "mistake", "shutdown", "turns",
];

/// Returns a script from text like `run 232 3, cut 0 1`: operations with their bytes, which are 0 where none are named.
fn script(name: &str, shape: u8, text: &str) -> Seed {
    let op = |words: &str| {
        let mut words = words.split(' ');
        let name = words.next().unwrap();
        let mut op = [u8::try_from(OPS.iter().position(|known| *known == name).unwrap()).unwrap(), 0, 0, 0];
        words.zip(&mut op[1..]).for_each(|(word, byte)| *byte = word.parse().unwrap());
        op
    };
    seed(name, shape, &text.split(", ").map(op).collect::<Vec<_>>())
}

fn scripts() -> Vec<Seed> {
    const TWO: u8 = 1;
    const TWO_AND_RELAY: u8 = 3;
    const REWIND: u8 = 4;
    assert_eq!(OPS.len(), usize::from(node_script::op::COUNT));
    let parted = "write 9 20, flush, run 232 3, sever 1 0, sever 2 0, cut 0 1, cut 0 2, write 3 20, flush, promote 1, \
        write 4 30, run 232 3, heal, run 232 3";
    // Hosts take turns one by one, so that the wire breaks between two pieces.
    let turns = "turns 1 1, turns 0 1, ".repeat(20);
    let resumed =
        format!("write 59 100, flush, stall 1 2, run 10, stall 1, gulp 84, {turns}cut 0 1, run 232 3");
    let mistakes: Vec<_> = (0..18).map(|kind| format!("mistake {kind} {kind} {kind}")).collect();
    vec![
        script("stream", TWO_AND_RELAY, "write 20 50, run 232 3, cut 0 1, write 5 50, run 232 3"),
        script(
            "restarts",
            TWO_AND_RELAY,
            "write 20 50, run 232 3, restart 1, run 232 3, write 9 9, restart 0, run 232 3, shutdown 2, run 232 3",
        ),
        script(
            "overrun",
            TWO,
            "write 20 50, run 232 3, capacity, stall 1 1, write 50 200, run 232 3, heal, long 5",
        ),
        script("cut in a snapshot", TWO, &resumed),
        script("fork and rewind", TWO_AND_RELAY | REWIND, parted),
        script("fork and snapshot", TWO_AND_RELAY, parted),
        script("away", TWO, "write 5 5, run 232 3, sever 1 0, cut 0 1, long 12"),
        script(
            "damage",
            TWO,
            "write 30 50, capacity 200, gulp 16, stall 1 2, run 50, damage 0 3 4, damage 1 9 4, heal, run 232 3",
        ),
        script("mistakes", TWO_AND_RELAY, &mistakes.join(", ")),
        script(
            "outranked",
            TWO,
            "write 5 5, run 232 3, flush, sever 1 0, cut 0 1, restart 0, flush, restart 0, promote 1, heal, run 232 3",
        ),
    ]
}

fn snapshots() -> Vec<Seed> {
    use snapshot_receive::op::*;
    const SHAPE: u8 = 5 | 20 << 3;
    let arrive = [ARRIVE, 0, 0, 0];
    let mut all = vec![
        seed("whole", SHAPE, &[arrive; 20]),
        seed(
            "cut",
            SHAPE,
            &[arrive, arrive, arrive, arrive, [CUT, 0, 0, 0], [PASS, 20, 0, 0], arrive, arrive, arrive],
        ),
        seed(
            "beside",
            SHAPE,
            &[arrive, arrive, [WRITE, 4, 30, 7], [PASS, 1, 0, 0], arrive, arrive, arrive, arrive],
        ),
        seed(
            "sender again",
            SHAPE,
            &[arrive, arrive, arrive, [SENDER_AGAIN, 0, 0, 0], [PASS, 30, 0, 0], arrive],
        ),
        seed(
            "replica again",
            SHAPE,
            &[arrive, arrive, arrive, [REPLICA_AGAIN, 0, 0, 0], [PASS, 30, 0, 0], arrive],
        ),
        seed("view fails", SHAPE, &[[VIEWS, 3, 0, 0], arrive, [PASS, 10, 0, 0], [VIEWS, 1, 0, 0], arrive]),
        seed(
            "overtaken",
            SHAPE,
            &[arrive, arrive, [WRITE, 31, 250, 7], [WRITE, 31, 250, 7], arrive, arrive, arrive],
        ),
    ];
    for (name, kind) in
        [("damage", DAMAGE), ("forge", FORGE), ("lose", LOSE), ("twice", TWICE), ("swap", SWAP)]
    {
        for at in 1..5 {
            let mut ops = vec![arrive; at];
            ops.extend([[kind, 60, 0, 1], arrive, arrive, [PASS, 40, 0, 0], arrive, arrive]);
            all.push(seed(&format!("{name} {at}"), SHAPE, &ops));
        }
    }
    all.push(seed("portions", SHAPE, &[[PORTION, 30, 0, 0]; 60]));
    all
}

fn cuts() -> Vec<Seed> {
    use roundtrip::op::*;
    let mut ops = Vec::new();
    for index in 0..12 {
        ops.extend([
            [WRITE, index * 7, 0, index],
            [FLUSH, 0, 0, 0],
            [TAKE, index * 5, 0, 0],
            [READ, index * 3, 0, 0],
        ]);
    }
    let mut large = Vec::new();
    for index in 0..9 {
        large.extend([[WRITE, 200, 1, index], [TAKE, 0, 2, 0], [READ, 100, 0, 0], [READ, 0, 1, 0]]);
    }
    let mut record = [0; 64];
    record[0] = 8;
    record[8] = 5;
    let effects = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n";
    vec![
        ("small records".to_owned(), ops.into_flattened()),
        ("large records".to_owned(), large.into_flattened()),
        ("flat".to_owned(), record.to_vec()),
        ("effects".to_owned(), effects.to_vec()),
    ]
}

/// Returns seeds written in numbers: the target's names exist only where the C ABI is.
fn hosts() -> Vec<Seed> {
    let [turn, carry, write, flush, pass, cut, record, damage, consume] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    // Both take a turn, then both carry.
    let talk = [[turn, 0, 1, 0], [turn, 1, 2, 0], [carry, 1, 0, 4], [carry, 0, 0, 4]];
    let of = |name: &str, ops: &[[u8; 4]]| (name.to_owned(), ops.as_flattened().to_vec());
    let start = [[pass, 0, 0, 0], [write, 30, 0, 1]];
    let mut records: Vec<[u8; 4]> = (0..20).map(|kind| [record, kind, kind, kind * 13]).collect();
    records.extend([[record, 0, 201, 3], [record, 1, 250, 200], [consume, 0, 0, 0], [consume, 1, 3, 0]]);
    records.extend((241..250).flat_map(|kind| [[record, 1, kind, 0], [record, 1, kind, 5]]));
    vec![
        of(
            "snapshot-and-stream",
            &[&start[..], &talk.repeat(8), &[[write, 40, 1, 2], [flush, 0, 0, 0]], &talk.repeat(3)].concat(),
        ),
        of(
            "in-parts",
            &[
                &start[..],
                &[[turn, 0, 0, 0], [turn, 1, 0, 0], [carry, 1, 50, 0], [carry, 0, 70, 0]].repeat(28),
            ]
            .concat(),
        ),
        of(
            "cut",
            &[&start[..], &talk.repeat(3), &[[cut, 0, 0, 0], [pass, 20, 0, 0]], &talk.repeat(6)].concat(),
        ),
        of("records", &[&start[..], &talk.repeat(5), &records].concat()),
        of(
            "damage",
            &[
                &start[..],
                &talk,
                &[[turn, 1, 0, 0], [carry, 1, 90, 0], [damage, 0, 40, 1]],
                &talk.repeat(2),
                &[[pass, 100, 0, 0]],
                &talk,
            ]
            .concat(),
        ),
    ]
}

fn clients() -> Vec<Seed> {
    let of = |name: &str, sent: &str| (name.to_owned(), [&[8, 8, 60, 5], sent.as_bytes()].concat());
    vec![
        of("array", "*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n*1\r\n$4\r\nPING\r\n"),
        of("inline", "SET k \"a \\x41 b\"\r\nPING\n\r\n"),
        of("empty", "*0\r\n*-1\r\n\r\n*1\r\n$4\r\nPI"),
        of("array length", "*9\r\n"),
        of("bulk length", "*1\r\n$-1\r\n"),
        of("no bulk", "*1\r\n:1\r\n"),
        of("inline too big", &"a".repeat(70)),
        of("quotes", "SET k \"a\r\n"),
        of("too many", "a b c d e f g h i j\r\n"),
        ("too big".to_owned(), [&[8, 255, 60, 5], &b"*2\r\n$2000\r\n"[..]].concat()),
    ]
}

/// Returns inputs that people wrote: scenarios, and plans that once failed.
fn plans() -> Vec<Seed> {
    let sim = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim");
    let mut all = vec![("damaged".to_owned(), b"plan = 1\nname = 7\n".to_vec())];
    for (folder, names) in [
        (
            "scenarios",
            &["mixed.toml", "crowd.toml", "clock-jump.toml", "promotion-race.toml", "flipped-bit.toml"][..],
        ),
        ("killers", &["1.plan", "15.plan", "28.plan"][..]),
    ] {
        for name in names {
            all.push(((*name).to_owned(), std::fs::read(sim.join(folder).join(name)).unwrap()));
        }
    }
    all
}

fn native() -> Vec<Seed> {
    use native_decode::op::*;
    const PRIMARY: u8 = 0;
    const EMPTY: u8 = 1;
    const HOLDS: u8 = 2;
    const RELAY: u8 = 3;
    const FORKED: u8 = 4;
    let good = [GOOD, 0, 0, 0];
    let mut all = Vec::new();
    for (name, stage) in
        [("primary", PRIMARY), ("empty", EMPTY), ("holds", HOLDS), ("relay", RELAY), ("forked", FORKED)]
    {
        all.push(seed(name, stage, &[good; 40]));
        let passing = [good, good, good, [PASS, 10, 0, 0]];
        all.push(seed(&format!("{name} in time"), stage, &[passing; 8].concat()));
    }
    // A byte of the frame after so many good ones is changed, with sound checks: only its meaning is wrong.
    let changed: &[(&str, u8, usize, u8, u8, Fault)] = &[
        ("magic", PRIMARY, 0, 31, 3, Fault::BadMagic),
        ("version", PRIMARY, 0, 32, 8, Fault::Version),
        ("feature", PRIMARY, 0, 44, 1, Fault::Feature),
        ("frame limit", PRIMARY, 0, 55, 0x10, Fault::FrameLimit),
        ("same node", PRIMARY, 0, 76, 8, Fault::SameNode),
        ("kind", PRIMARY, 2, 4, 0x78, Fault::UnknownKind),
        ("flag", PRIMARY, 2, 5, 1, Fault::UnknownFlag),
        ("length", PRIMARY, 2, 2, 1, Fault::FrameLength),
        ("ack ahead", PRIMARY, 2, 30, 1, Fault::AckAhead),
        ("ack backwards", PRIMARY, 2, 45, 4, Fault::AckBackwards),
        ("second hello", PRIMARY, 2, 4, 6, Fault::SecondHello),
        ("gap", HOLDS, 2, 24, 8, Fault::Gap),
        ("parent", HOLDS, 2, 60, 1, Fault::Parent),
        ("epoch order", HOLDS, 2, 36, 1, Fault::EpochOrder),
        ("count", HOLDS, 2, 32, 3, Fault::Malformed),
    ];
    for (name, stage, before, at, mask, _) in changed {
        let mut ops = vec![good; *before];
        ops.push([RESEALED, *at, 0, *mask]);
        all.push(seed(name, *stage, &ops));
    }
    all.push(seed("piece order", EMPTY, &[good, good, [SKIP, 0, 0, 0], good, good, good]));
    all.push(seed("head", HOLDS, &[good, good, [DAMAGED, 1, 0, 1]]));
    all.push(seed("body", HOLDS, &[good, good, [DAMAGED, 80, 0, 1]]));
    all.push(seed("unshaken", PRIMARY, &[[SKIP, 0, 0, 0], good]));
    all.push(seed("unexpected", PRIMARY, &[good, good, [SEALED, 4, 0, 0]]));
    all.push(seed("skipped", PRIMARY, &[good, good, [SEALED, 0x80, 0, 0], good]));
    all.push(seed("again", HOLDS, &[good, good, good, [AGAIN, 0, 0, 0]]));
    let mut goodbye = seed("goodbye", PRIMARY, &[good, good, [SEALED, 5, 0, 10]]);
    goodbye.1.extend([231, 3, 0, 0, 0, 0, 0, 0, 0, 0]);
    all.push(goodbye);
    let mut raw = seed("raw", PRIMARY, &[[RAW, 16, 0, 0]]);
    raw.1.extend(*b"GET / HTTP/1.1\r\n");
    all.push(raw);
    all
}
