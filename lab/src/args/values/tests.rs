use super::{Seeds, Shard};

fn seeds(text: &str) -> Seeds {
    text.parse().unwrap()
}

#[test]
fn seeds_are_read_as_written() {
    assert_eq!(seeds("5..8"), Seeds { from: 5, to: 8 });
    assert_eq!(seeds("100"), Seeds { from: 0, to: 100 });
    for bad in ["", "a..b", "1..", "-1..3", "1...3"] {
        assert!(bad.parse::<Seeds>().unwrap_err().contains("0..10000"), "{bad}");
    }
    for empty in ["3..3", "4..3", "0"] {
        assert!(empty.parse::<Seeds>().unwrap_err().contains("no seed"), "{empty}");
    }
}

#[test]
fn shards_are_the_whole_in_order_and_of_like_length() {
    for (count, parts) in [(10, 3), (2, 5), (1_000, 7), (1, 1)] {
        let whole = Seeds { from: 40, to: 40 + count };
        let mut next = whole.from;
        for part in 1..=parts {
            let shard = Shard { part, parts }.of(whole);
            assert_eq!(shard.from, next);
            assert!((count / parts..=count.div_ceil(parts)).contains(&(shard.to - shard.from)));
            next = shard.to;
        }
        assert_eq!(next, whole.to);
    }
    let last = Shard { part: 4, parts: 4 }.of(Seeds { from: 0, to: u64::MAX });
    assert_eq!(last.to, u64::MAX);
}

#[test]
fn what_is_no_shard_is_told_how_to_be_one() {
    for bad in ["0/3", "4/3", "3", "a/b", "1/0"] {
        assert!(bad.parse::<Shard>().unwrap_err().contains("3/100"), "{bad}");
    }
}
