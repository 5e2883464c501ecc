//! Code on a page is the code of its source: the block between a page's marks equals the lines between a source's
//! marks.
//!
//! On a page the mark is `<!-- PATH -->`, a fenced block follows, and `<!-- end -->`. In a C source at PATH the code
//! lies between `/* loop begins */` and `/* loop ends */`; a Rust source is shown from its first `use` to its end. With
//! `UPDATE_DOCS=1` the page is written anew.

use std::path::Path;

const SHOWN: &[(&str, &str)] = &[
    ("docs/embedding-c.md", "ffi/examples/follow.c"),
    ("docs/embedding-c.md", "ffi/examples/host.c"),
    ("docs/embedding-c.md", "ffi/examples/waits.c"),
    ("docs/embedding-rust.md", "core/examples/follow.rs"),
    ("docs/embedding-rust.md", "driver/examples/store.rs"),
];

#[test]
fn pages_show_the_code_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace");
    let read =
        |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_else(|why| panic!("{path}: {why}"));
    for (page, source) in SHOWN {
        let text = read(page);
        let code = read(source);
        let (language, code) = match code.find("\nuse ") {
            Some(begin) if source.ends_with(".rs") => ("rust", &code[begin..]),
            Some(_) | None => ("c", between(&code, "/* loop begins */\n", "/* loop ends */", source)),
        };
        let block = format!("\n```{language}\n{}\n```\n\n", code.trim_matches('\n'));
        let mark = format!("<!-- {source} -->\n");
        let shown = between(&text, &mark, "<!-- end -->", page);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            let (old, new) = (format!("{mark}{shown}"), format!("{mark}{block}"));
            std::fs::write(root.join(page), text.replacen(&old, &new, 1)).expect("the page can be written");
        } else {
            assert!(shown == block, "{page} does not show {source} as it is: run with UPDATE_DOCS=1");
        }
    }
}

fn between<'a>(text: &'a str, begin: &str, end: &str, path: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{path} has no {begin:?}"));
    rest.split_once(end).unwrap_or_else(|| panic!("{path} has no {end:?} behind {begin:?}")).0
}
