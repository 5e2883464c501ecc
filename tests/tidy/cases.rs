//! The findings of each rule, on files made up for it.

use super::*;

/// Returns the problems of one planted file.
fn problems_of(path: &str, text: &str) -> Vec<String> {
    let mut tidy = Tidy::new(&[], &[], &[]);
    tidy.file(path, text, |link| link == Path::new("docs/here.md"));
    tidy.finish()
}

fn function(name: &str, lines: usize) -> String {
    format!("fn {name}() {{\n{}}}\n", "    let _ = 0;\n".repeat(lines - 2))
}

#[test]
fn a_tidy_file_passes() {
    let at_the_bound = format!("//! A head.\n\n{}", function("f", FUNCTION_LINES));
    assert_eq!(problems_of("core/src/a.rs", &at_the_bound), [""; 0]);
    assert_eq!(problems_of("core/src/a/tests.rs", "use super::a;\n"), [""; 0]);
    assert_eq!(problems_of("core/src/a.rs", &format!("//!\n{}", "// a\n".repeat(FILE_LINES - 1))), [""; 0]);
    assert_eq!(problems_of("tests/a.rs", &format!("//!\n{}", "// a\n".repeat(TEST_FILE_LINES - 1))), [""; 0]);
    assert_eq!(
        problems_of("docs/a.md", "[a](here.md#b), [c](https://x.y), [d](#e), `[f](g)`\n\n    [h](i)\n"),
        [""; 0]
    );
    assert_eq!(problems_of("docs/a.md", &format!("| {} |\n", "a".repeat(COLUMNS))), [""; 0]);
    assert_eq!(problems_of("docs/a.md", concat!("src/wo", "rk/mod.rs\n")), [""; 0]);
}

#[test]
fn each_problem_is_named() {
    let long_file = format!("//!\n{}", "// a\n".repeat(FILE_LINES));
    let long_test = format!("//!\n{}", "// a\n".repeat(TEST_FILE_LINES));
    let long_function = format!("//!\nstruct S;\nimpl S {{\n{}}}\n", function("slow", FUNCTION_LINES + 1));
    let wide = format!("// {}\n", "ä".repeat(COLUMNS));
    let planted: &[(&str, &str, &str)] = &[
        ("core/src/a.rs", &long_file, "401 lines, at most 400"),
        ("tests/a.rs", &long_test, "801 lines, at most 800"),
        ("core/src/a.rs", &long_function, "core/src/a.rs: slow: 61 lines, at most 60"),
        ("core/src/a/tests.rs", &function("f", 99), "99 lines, at most 60"),
        ("core/src/a.rs", "fn a() {}\n", "has no head"),
        ("core/src/a.rs", "//!\nfn {\n", "does not parse"),
        ("core/src/a.rs", "//!\n// a \n", "a.rs:2: trailing whitespace"),
        ("a.toml", "\ta = 1\n", "a.toml:1: a tab"),
        ("a.toml", "a = 1", "newline"),
        ("a.toml", "a = 1\n\n", "newline"),
        ("a.c", &wide, "123 columns, at most 120"),
        ("docs/a.md", "see [a](gone.md)\n", "\"gone.md\" leads nowhere"),
        ("a.md", "see [a](here.md)\n", "\"here.md\" leads nowhere"),
        ("a.md", "see [a](../docs/here.md)\n", "leads nowhere"),
        ("docs/a.md", concat!("run `/ro", "ot/b`\n"), "a place on one machine"),
        ("a.sh", concat!("cd /wo", "rk/b\n"), "a place on one machine"),
        ("x/Cargo.toml", "[package]\nname = \"x\"\n", "[lints] workspace = true"),
    ];
    for (path, text, expected) in planted {
        let problems = problems_of(path, text);
        assert!(problems.len() == 1 && problems[0].contains(expected), "{path} {expected:?}: {problems:?}");
    }
    for (word, why) in BANNED {
        let problems = problems_of("a.md", &format!("a {word}) b\n"));
        assert!(problems.len() == 1 && problems[0].contains(why), "{word}: {problems:?}");
    }
}

#[test]
fn exceptions_only_shrink() {
    let lines = |allowed: &'static [(&str, usize)], lines: usize| {
        let mut tidy = Tidy::new(allowed, &[], &[]);
        tidy.file("core/src/a.rs", &format!("//!\n{}", "// a\n".repeat(lines - 1)), |_| false);
        tidy.finish().join("; ")
    };
    assert_eq!(lines(&[("core/src/a.rs", 500)], 500), "");
    assert!(lines(&[("core/src/a.rs", 500)], 501).contains("grew to 501"));
    assert!(lines(&[("core/src/a.rs", 500)], 450).contains("to 450"));
    assert!(lines(&[("core/src/a.rs", 500)], 400).contains("take it off"));
    assert!(lines(&[("core/src/b.rs", 500)], 10).contains("gone"));
}

#[test]
fn comments_are_in_plain_words() {
    let found =
        |text: &str| words::findings("a.rs", text).into_iter().map(|(line, _)| line).collect::<Vec<_>>();
    let good =
        "//! Returns what it holds.\n\n/// A name. See `a.b`: v1.What holds.\n/// Two words.\nfn a() {}\n";
    assert_eq!(found(good), [0; 0]);
    assert_eq!(found("/// Reads.\n///\n/// # Errors\n/// If it is not there.\n"), [0; 0]);
    assert_eq!(found("// SAFETY: `a` is a live local, and the call reads one of it.\n"), [0; 0]);
    assert_eq!(found("let a = \"// What a string\";\n"), [0; 0]);
    assert_eq!(words::findings("a.md", "What a page says.\n"), []);
    for bad in [
        "/// What it holds.\n",
        "    // A name. Whoever\n    // reads it.\n",
        "/** Whether it is there. */\n",
        "/// Answers its name.\n",
        "/// Reads it; answers its name.\n",
        "/// Narrowed.\nfn a() {}\n",
        "// SAFETY: room for one.\n",
        "// It rolls dice.\n",
    ] {
        assert_eq!(found(bad), [1], "{bad}");
    }
    assert_eq!(found("/**\n * Whose it is.\n */\n"), [2]);
    let counts = |allowed: Allowed| {
        let mut tidy = Tidy::new(&[], &[], allowed);
        tidy.file("core/src/a.rs", "//! What a file is.\n", |_| false);
        tidy.finish().join("; ")
    };
    assert_eq!(counts(&[("core", 1)]), "");
    assert!(counts(&[]).contains("a.rs:1: a sentence opens") && counts(&[]).contains("1 findings"));
}
