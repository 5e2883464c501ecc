use super::{Match, Table};

#[test]
fn pieces_are_those_of_redis() {
    let (one, other) = (b"ohmytext", b"mynewtext");
    let table = Table::of(one, other);
    assert_eq!(table.at(one.len(), other.len()), 6);
    let pieces = [Match { one: 4, other: 5, len: 4 }, Match { one: 2, other: 0, len: 2 }];
    assert_eq!(table.matches(one, other), pieces);
}

#[test]
fn nothing_in_common() {
    for (one, other) in [(&b""[..], &b""[..]), (b"abc", b""), (b"", b"abc"), (b"abc", b"def")] {
        let table = Table::of(one, other);
        assert_eq!(table.at(one.len(), other.len()), 0);
        assert_eq!(table.matches(one, other), []);
    }
}
