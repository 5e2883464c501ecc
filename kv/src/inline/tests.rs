use super::{Unbalanced, split};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample;
use std::vec::Vec;

fn words(line: &[u8]) -> Result<Vec<Vec<u8>>, Unbalanced> {
    let (mut text, mut places) = (Vec::new(), Vec::new());
    split(line, &mut text, &mut places)?;
    assert!(text.len() <= line.len());
    Ok(places.iter().map(|place| text[place.start as usize..place.end as usize].to_vec()).collect())
}

#[test]
fn lines_are_split_as_redis_splits_them() {
    let cases: [(&[u8], &[&[u8]]); 15] = [
        (b"", &[]),
        (b" \t\x0b\x0c ", &[]),
        (b"PING", &[b"PING"]),
        (b"  SET  k\tv ", &[b"SET", b"k", b"v"]),
        (b"a\x0bb", &[b"a\x0bb"]),
        (b"\"\" ''", &[b"", b""]),
        (b"\"a b\" 'c d'", &[b"a b", b"c d"]),
        (br#""\n\r\t\b\a\\\"\q""#, &[b"\n\r\t\x08\x07\\\"q"]),
        (br#""\x41\xfF\x4""#, &[b"A\xffx4"]),
        (br"'\n\'\\a'", &[br"\n'\\a"]),
        (b"a\"b c\"", &[b"ab c"]),
        (b"a'b c' d", &[b"ab c", b"d"]),
        (b"\"a\"\x0bb", &[b"a", b"b"]),
        (br"a\x41", &[br"a\x41"]),
        (b"\0 a\0", &[b"\0", b"a\0"]),
    ];
    for (line, expected) in cases {
        assert_eq!(words(line).expect("balanced"), expected, "{}", line.escape_ascii());
    }
    for line in [&b"\""[..], b"'", b"\"a", b"'a\\'", b"\"a\\", b"\"a\"b", b"'a'b", b"\"a\"\"b\"", b"a\"b\"c"]
    {
        assert_eq!(words(line), Err(Unbalanced), "{}", line.escape_ascii());
    }
}

proptest! {
    #[test]
    fn quoted_words_come_back(sent in vec(vec(any::<u8>(), 0..8), 0..6)) {
        let mut line = Vec::new();
        for word in &sent {
            line.extend(b" \"");
            word.iter().for_each(|byte| line.extend(std::format!("\\x{byte:02x}").bytes()));
            line.extend(b"\"");
        }
        prop_assert_eq!(words(&line).expect("balanced"), sent);
    }

    #[test]
    fn no_line_makes_it_panic(line in vec(prop_oneof![any::<u8>(), sample::select(b"\"'\\ x".to_vec())], 0..40)) {
        let _ = words(&line);
    }
}
