use super::{checked, read, unpack, write};

#[test]
fn what_is_dumped_is_read() {
    for len in [0, 1, 63, 64, 16383, 16384, 100_000] {
        let value: Vec<u8> = (0_u8..=255).cycle().take(len).collect();
        let dumped = write(&value);
        let body = checked(&dumped).expect("its check is right");
        assert_eq!(read(&body[1..], usize::MAX).as_deref(), Ok(&*value));
    }
}

#[test]
fn what_was_changed_is_refused() {
    let dumped = write(b"hello");
    for at in 0..dumped.len() {
        let mut other = dumped.clone();
        other[at] ^= 1;
        assert!(checked(&other).is_none(), "byte {at}");
        assert!(checked(&dumped[..at]).is_none(), "cut at {at}");
    }
}

#[test]
fn lengths_are_not_believed() {
    let none = [
        &b"\x05hell"[..],
        b"\x04hello",
        b"\x80\xff\xff\xff\xff",
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x82",
        b"\xc0",
        b"\xc0\x01\x02",
        b"\xc4",
        b"\xc3",
        b"\xc3\x02\x81\xff\xff\xff\xff\xff\xff\xff\xff\x00a",
        b"",
    ];
    for text in none {
        assert!(read(text, 1000).is_err(), "{text:?}");
    }
    // Behind the beginning, past the length, too short, cut off.
    for (packed, len) in
        [(&b"\x20\x00"[..], 3), (b"\x00a\xe0\xff\x00", 100), (b"\x00a", 2), (b"\x05a", 6), (b"\x20", 3)]
    {
        assert_eq!(unpack(packed, len), None, "{packed:?}");
    }
    assert_eq!(unpack(b"\x00a\x20\x00", 4).as_deref(), Some(&b"aaaa"[..]));
    assert_eq!(unpack(b"", usize::MAX), None);
}
