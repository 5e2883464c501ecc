//! Requests of web browsers, which any web page can send here: they are no commands.
//!
//! A page cannot choose the first bytes of its request, so the first line shows it, whatever method it names; no line
//! of its head or body is ever read as a command. `GET /` alone is a legal inline command and stays one.

use towline_kv::Args;

/// Returns whether an inline request is a line of HTTP: `POST ..`, `Host: ..`, or as the `first` of a connection a line
/// whose last word is the protocol's version.
#[cold]
pub(super) fn is_http(args: Args<'_>, first: bool) -> bool {
    let word = |index| args.get(index).unwrap_or_default();
    let begins = |word: &[u8], with: &[u8]| {
        word.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with))
    };
    let last = word(args.len().saturating_sub(1));
    word(0).eq_ignore_ascii_case(b"post") || begins(word(0), b"host:") || (first && begins(last, b"HTTP/"))
}
