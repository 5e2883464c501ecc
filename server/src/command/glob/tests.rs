use super::{Matcher, matches};

#[test]
fn patterns_mean_what_they_mean_in_redis() {
    let cases: [(&str, &str, bool); 40] = [
        ("", "", true),
        ("", "a", false),
        ("a", "", false),
        ("*", "", true),
        ("*", "abc", true),
        ("a*", "abc", true),
        ("*c", "abc", true),
        ("*b*", "abc", true),
        ("a*c", "abc", true),
        ("a*b", "abc", false),
        ("**a**", "bab", true),
        ("*a*a*", "ba", false),
        ("*ab", "aab", true),
        ("*aab", "aaab", true),
        ("?", "a", true),
        ("?", "", false),
        ("a?c", "abc", true),
        ("??", "a", false),
        ("[abc]", "b", true),
        ("[abc]", "d", false),
        ("[a-c]x", "bx", true),
        ("[c-a]", "b", true),
        ("[^a]", "b", true),
        ("[^a]", "a", false),
        ("[^a-c]", "b", false),
        ("[]", "a", false),
        ("[^]", "a", true),
        ("[a", "a", true),
        ("[a-", "-", true),
        ("[", "[", false),
        ("[\\]]", "]", true),
        ("[\\]x]", "x", true),
        ("a]", "a]", true),
        ("\\*", "*", true),
        ("\\*", "a", false),
        ("\\", "\\", true),
        ("a\\", "a\\", true),
        ("h[ae]llo*", "hello world", true),
        ("h[ae]llo*", "hillo", false),
        ("*[0-9]", "key7", true),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), false), expected, "{pattern:?} {text:?}");
    }
    assert!(matches(b"MAX*[M-P]", b"maxmemo", true));
    assert!(!matches(b"MAX*", b"maxmemo", false));
}

#[test]
fn a_hard_pattern_ends() {
    let text = vec![b'a'; 10_000];
    let pattern = b"a*".repeat(200);
    assert!(!matches(&[&pattern[..], b"b"].concat(), &text, false));
}

#[test]
fn a_match_goes_on_where_its_steps_were_spent() {
    let text = [&[b'a'; 300][..], b"x"].concat();
    for (pattern, fits) in [("*a*a*[b-z]", true), ("*a*a*[c-w]", false), ("a[a]?*x", true)] {
        let (mut matcher, mut slices) = (Matcher::default(), 0);
        let told = loop {
            slices += 1;
            let mut steps = 7;
            if let Some(told) = matcher.go_on(pattern.as_bytes(), &text, false, &mut steps) {
                break told;
            }
            assert_eq!(steps, 0, "it stops for want of steps alone");
        };
        assert_eq!(told, fits, "{pattern}");
        assert!(slices > 20, "{pattern}: {slices}");
    }
}
