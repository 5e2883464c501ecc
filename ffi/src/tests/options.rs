//! The header's comments on the options, against the options: defaults, and the ends of their ranges.

use super::*;

/// Returns the fields of `tow_config` in the header: type, name, comment.
fn documented() -> Vec<(&'static str, &'static str, String)> {
    let header = include_str!("../../include/towline.h");
    let (_, rest) = header.split_once("Begin with `tow_config_init`").expect("the struct's comment");
    let (_, rest) = rest.split_once("typedef struct {").expect("the struct");
    let (fields, _) = rest.split_once("} tow_config;").expect("its end");
    let (mut found, mut comment) = (Vec::new(), String::new());
    for line in fields.lines().map(str::trim) {
        if let Some((kind, name)) = line.strip_suffix(';').and_then(|field| field.split_once(' ')) {
            found.push((kind, name, std::mem::take(&mut comment)));
        } else {
            comment += line.trim_start_matches(['/', '*']).trim_end_matches(['/', '*']);
        }
    }
    found
}

/// Reads the default, `Default 64 KiB.`, at a comment's end.
fn default_of(comment: &str) -> u64 {
    let (_, words) = comment.rsplit_once("Default ").unwrap_or_else(|| panic!("no default: {comment}"));
    let words = words.trim().strip_suffix('.').expect("a sentence");
    let (number, unit) = words.split_once(' ').unwrap_or((words, ""));
    let unit = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "h" => 3_600_000_000_000,
        other => panic!("what is {other}?"),
    };
    number.parse::<u64>().expect("a number") * unit
}

#[test]
fn the_header_says_each_default() {
    let mut config = tow_config::default();
    // SAFETY: `config` is a live local, and its own size is passed.
    assert_eq!(unsafe { tow_config_init(&raw mut config, size_of::<tow_config>()) }, TOW_OK);
    let start = (&raw const config).cast::<u8>();
    let mut at = 0;
    for (kind, name, comment) in documented() {
        let wide = kind == "uint64_t";
        at += if wide { at % 8 } else { 0 };
        let place = start.wrapping_add(at);
        // SAFETY: fields lie one behind the other, each where its own size divides the place.
        let value = unsafe { if wide { *place.cast::<u64>() } else { u64::from(*place.cast::<u32>()) } };
        at += if wide { 8 } else { 4 };
        if !["struct_size", "reserved"].contains(&name) {
            assert_eq!(default_of(&comment), value, "{name}");
        }
    }
    assert_eq!(at, size_of::<tow_config>(), "every field");
}

#[test]
fn ranges_end_where_the_header_says() {
    type Set = fn(&mut tow_config, u64);
    const MS: u64 = 1_000_000;
    const MOST: u64 = u64::MAX;
    // The ring has 4096 bytes, the longest record 948; a beat is 500 ms.
    let ranges: [(&str, Set, u64, u64); 15] = [
        ("batch_bytes", |config, to| config.batch_bytes = short(to), 1, u32::MAX.into()),
        ("backlog_bytes", |config, to| config.backlog_bytes = to, 512, 2 << 30),
        ("window_bytes", |config, to| config.window_bytes = to, 0, 2048 - 948 - 76),
        ("piece_window_bytes", |config, to| config.piece_window_bytes = to, 1, MOST),
        ("record_bytes_max", |config, to| config.record_bytes_max = short(to), 0, 1024 - 76),
        ("piece_bytes_max", |config, to| config.piece_bytes_max = short(to), 1, 64 << 20),
        ("links_max", |config, to| config.links_max = short(to), 1, 65536),
        ("slots_max", |config, to| config.slots_max = short(to), 1, 65536),
        ("ships_max", |config, to| config.ships_max = short(to), 1, u32::MAX.into()),
        ("can_rewind", |config, to| config.can_rewind = short(to), 0, 1),
        ("persists", |config, to| config.persists = short(to), 0, 1),
        ("beat_ns", |config, to| config.beat_ns = to, MS, 5000 * MS / 3),
        ("linger_ns", |config, to| config.linger_ns = to, 1, MOST),
        ("redial_min_ns", |config, to| config.redial_min_ns = to, MS, 5000 * MS),
        ("redial_max_ns", |config, to| config.redial_max_ns = to, 50 * MS, MOST),
    ];
    let works = |set: Set, to: u64| {
        let mut config = config();
        set(&mut config, to);
        // SAFETY: `config` is a live local; the other two may be NULL.
        unsafe { tow_config_check(&raw const config, null_mut(), null_mut()) == TOW_OK }
    };
    for (name, set, least, most) in ranges {
        assert!(works(set, least) && works(set, most), "{name} at its bounds");
        assert!(least == 0 || !works(set, least - 1), "{name} below");
        assert!(most >= u32::MAX.into() || !works(set, most + 1), "{name} above");
    }
    for (set, least) in [
        ((|config, to| config.idle_ns = to) as Set, 1500 * MS),
        (|config, to| config.handshake_ns = to, 500 * MS),
        (|config, to| config.reconnect_window_ns = to, 5000 * MS),
    ] {
        assert!(works(set, least) && !works(set, least - 1));
    }
}

fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap()
}
