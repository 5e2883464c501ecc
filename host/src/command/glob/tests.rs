use super::matches;

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
