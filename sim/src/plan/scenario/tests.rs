//! Mistakes in scenarios, and the one line that each gets.

use super::*;
use crate::plan::Plan;

/// A sound scenario of eleven lines; cases add a line or change one.
const SOUND: &str = r#"scenario = 1
name = "sound"
duration = "20s"
heal = "15s"
[nodes]
p = { role = "primary" }
r1 = { upstream = "p" }
[knobs]
backlog = "64KiB"
[workload]
rate = 100
value = "100B"
"#;

fn error(text: &str) -> String {
    Scenario::parse("x.toml", text).expect_err("not sound").to_string()
}

/// Returns the line that `SOUND` gives with `from` replaced by `to`.
fn changed(from: &str, to: &str) -> String {
    assert!(SOUND.contains(from), "{from}");
    error(&SOUND.replacen(from, to, 1))
}

fn added(lines: &str) -> String {
    error(&format!("{SOUND}{lines}\n"))
}

#[test]
fn the_sound_one_is_sound() {
    let plan = Scenario::parse("x.toml", SOUND).expect("sound").draw(1);
    assert_eq!(plan.trains.iter().map(|train| train.count).sum::<u64>(), 1624);
    assert!(plan.faults.is_empty());
}

#[test]
fn headers() {
    for (from, to, line) in [
        ("scenario = 1", "", "x.toml:1: a scenario begins with scenario = 1"),
        ("scenario = 1", "plan = 1", "x.toml:1: a scenario begins with scenario = 1; this is a plan"),
        (
            "scenario = 1",
            "scenario = 2",
            "x.toml:1: scenario = 2 is of another format; this reads scenario = 1",
        ),
        (
            "name = \"sound\"",
            "nmae = \"sound\"",
            "x.toml:2: unknown key \"nmae\" (do you mean \"name\"?); keys of a scenario are scenario, workload, \
             chaos, name, on, exact, duration, heal, expect, nodes, knobs, train, fault",
        ),
        ("\"sound\"", "\"a/b\"", "x.toml:2: a name is made of letters, digits, - and _; \"a/b\" is not"),
        ("heal = \"15s\"", "", "x.toml:1: \"heal\" is missing"),
        (
            "\"15s\"",
            "\"15sec\"",
            "x.toml:4: \"heal\" must be a time such as \"20s\", \"50ms\" or \"30us\", not \"15sec\"",
        ),
        ("\"15s\"", "15", "x.toml:4: \"heal\" must be a time such as \"20s\", \"50ms\" or \"30us\", not 15"),
        ("\"15s\"", "\"21s\"", "x.toml:4: \"heal\" must not be after \"duration\""),
        (
            "[nodes]",
            "on = [\"fast\", \"turmiol\"]\n[nodes]",
            "x.toml:5: unknown substrate \"turmiol\" (do you mean \"turmoil\"?); substrates are fast, turmoil, real",
        ),
        ("[nodes]", "exact = 1\n[nodes]", "x.toml:5: \"exact\" must be true or false, not 1"),
        (
            "[nodes]",
            "expect = \"violation:N66\"\n[nodes]",
            "x.toml:5: \"expect\" must be \"pass\" or \"violation:N6\", not \"violation:N66\"",
        ),
    ] {
        assert_eq!(changed(from, to), line);
    }
    assert!(changed("heal = ", "heal ").starts_with("x.toml:4: "), "TOML's own errors have a line too");
}

#[test]
fn nodes() {
    let primary = "p = { role = \"primary\" }";
    let replica = "r1 = { upstream = \"p\" }";
    let ten: String = (2..12).map(|number| format!("r{number} = {{ upstream = \"p\" }}\n")).collect();
    for (from, to, line) in [
        (
            primary,
            "p = { role = \"leader\" }",
            "x.toml:6: \"role\" must be \"primary\" or \"replica\", not \"leader\"",
        ),
        (primary, "p = { upstream = \"r1\" }", "x.toml:6: \"p\" follows itself in the end"),
        (primary, "p = {}", "x.toml:6: \"p\" is a replica, so \"upstream\" is missing"),
        (replica, "r1 = { role = \"primary\" }", "x.toml:7: \"p\" and \"r1\" are both primary; there is one"),
        (
            replica,
            "r1 = { upstream = \"q\" }",
            "x.toml:7: unknown node \"q\" (do you mean \"p\"?); nodes are p, r1",
        ),
        (
            replica,
            "r1 = { upstraem = \"p\" }",
            "x.toml:7: unknown key \"upstraem\" (do you mean \"upstream\"?); keys of a node are id, role, upstream, \
             store, starts, core",
        ),
        (replica, "r1 = \"p\"", "x.toml:7: \"r1\" must be a table such as { upstream = \"p\" }, not \"p\""),
        (
            replica,
            "r1 = { upstream = \"p\", id = 1 }",
            "x.toml:7: \"p\" and \"r1\" have one id; use \"twin\"",
        ),
        (
            replica,
            "r1 = { upstream = \"p\", core = false }\nr2 = { upstream = \"r1\" }",
            "x.toml:8: \"r2\" must converge, but follows \"r1\", which need not",
        ),
        (replica, &format!("{replica}\n{ten}"), "x.toml:16: there are 12 nodes; at most 10 can be simulated"),
    ] {
        assert_eq!(changed(from, to), line);
    }
}

#[test]
fn knobs_and_draws() {
    let backlog = "backlog = \"64KiB\"";
    let knobs = Knobs::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let unknown = format!("x.toml:9: unknown key \"wndow\" (do you mean \"window\"?); knobs are {knobs}");
    for (to, line) in [
        ("wndow = \"4KiB\"", &*unknown),
        (
            "backlog = \"64kb\"",
            "x.toml:9: \"backlog\" must be a size such as \"4KiB\" or \"512B\", not \"64kb\"",
        ),
        ("links = \"8\"", "x.toml:9: \"links\" must be a number, not \"8\""),
        ("links = -8", "x.toml:9: \"links\" must be a number, not -8"),
        ("links = 8.5", "x.toml:9: \"links\" must be a number, not 8.5"),
        ("rewinds = 1", "x.toml:9: \"rewinds\" must be true or false, not 1"),
        (
            "links = { lgo = [1, 2] }",
            "x.toml:9: unknown key \"lgo\" (do you mean \"log\"?); draws are of, range, log",
        ),
        ("links = { log = [2, 1] }", "x.toml:9: \"log\" must be a list of two values, the lesser first"),
        ("links = { range = [1] }", "x.toml:9: \"range\" must be a list of two values, the lesser first"),
        ("links = { of = [] }", "x.toml:9: \"of\" must name at least one value"),
        ("links = { of = [1], log = [1, 2] }", "x.toml:9: a draw is one of \"of\", \"range\", \"log\""),
        (
            "window = \"1MiB\"",
            "x.toml:9: window = \"1MiB\" does not fit the other knobs; the nearest that does is \"16KiB\"",
        ),
    ] {
        assert_eq!(changed(backlog, to), line);
    }
}

#[test]
fn faults() {
    let kinds = Kind::ALL.iter().map(|kind| kind.shape().name).collect::<Vec<_>>().join(", ");
    let unknown =
        format!("x.toml:16: unknown kind of fault \"cutt\" (do you mean \"cut\"?); kinds are {kinds}");
    for (fault, line) in [
        ("kind = \"cutt\"\nnode = \"r1\"", &*unknown),
        (
            "kind = \"cut\"\nnode = \"r9\"",
            "x.toml:17: unknown node \"r9\" (do you mean \"r1\"?); nodes are p, r1",
        ),
        ("kind = \"cut\"", "x.toml:14: \"node\" is missing"),
        ("kind = \"cut\"\nnode = \"p\"", "x.toml:17: \"p\" follows nobody, so \"peer\" is missing"),
        (
            "kind = \"cut\"\nnode = \"r1\"\nfor = \"1s\"",
            "x.toml:18: unknown key \"for\"; keys of \"cut\" are at, kind, node, peer",
        ),
        ("kind = \"cut-after\"\nnode = \"r1\"", "x.toml:14: \"bytes\" is missing"),
        (
            "kind = \"cut-after\"\nnode = \"r1\"\nbytes = 10",
            "x.toml:18: \"bytes\" must be a size such as \"4KiB\" or \"512B\", not 10",
        ),
        (
            "kind = \"pause\"\nnode = \"r1\"\ncount = 3",
            "x.toml:18: unknown key \"count\"; keys of \"pause\" are at, kind, node, for",
        ),
    ] {
        assert_eq!(added(&format!("\n[[fault]]\nat = \"1s\"\n{fault}")), line);
    }
    let late = "[[fault]]\nat = \"16s\"\nkind = \"cut\"\nnode = \"r1\"";
    assert_eq!(added(late), "x.toml:14: a fault must not begin after \"heal\"");
    assert_eq!(added("[[train]]\nat = \"1s\""), "x.toml:13: \"value\" is missing");
    assert_eq!(
        added("[chaos]\nmax = 3\nkinds = \"most\""),
        "x.toml:15: \"kinds\" must be \"all\" or a list of kinds, not \"most\""
    );
    assert_eq!(added("[chaos]\nmax = 3\nkinds = []"), "x.toml:15: \"kinds\" must name at least one");
}

#[test]
fn a_number_far_too_large_is_a_line_and_not_the_end_of_memory() {
    for (rate, line) in [
        ("rate = 1000000", "x.toml:10: 16250000 operations are too many; at most 10000000 can be played"),
        (
            "rate = 100\nuntil = \"18446744073709551615us\"",
            "x.toml:10: 1844674407370956 operations are too many; at most 10000000 can be played",
        ),
        (
            "rate = 0\nbursts = { count = 4000000000, ops = { range = [1, 9000000000] }, value = \"1B\" }",
            "x.toml:10: 18446744073709551615 operations are too many; at most 10000000 can be played",
        ),
    ] {
        assert_eq!(changed("rate = 100", rate), line);
    }
    assert_eq!(
        added("[[train]]\nat = \"1s\"\ncount = 99999999999\nvalue = \"1B\""),
        "x.toml:13: 100000001624 operations are too many; at most 10000000 can be played"
    );
    assert_eq!(
        added("[chaos]\nmax = 4000000000\nkinds = \"all\""),
        "x.toml:14: \"max\" must be 1000 at most, not 4000000000"
    );
    let plan = Scenario::parse("x.toml", SOUND).expect("sound").draw(1).to_text();
    let text = plan.replacen("count = ", "count = 99999999", 1);
    let error = Plan::parse("x.plan", &text).expect_err("too many").to_string();
    assert!(error.starts_with("x.plan:") && error.contains("operations are too many"), "{error}");
}

#[test]
fn plans_leave_nothing_to_chance_and_nothing_to_defaults() {
    let text = Scenario::parse("x.toml", SOUND).expect("sound").draw(1).to_text();
    let error = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Plan::parse("x.toml", &text.replacen(from, to, 1)).expect_err("not sound").to_string()
    };
    assert!(error("links = 8", "links = { of = [8] }").ends_with("\"links\" must be a number, not a table"));
    assert!(error("links = 8\n", "").ends_with("knob \"links\" is missing; a plan names every knob"));
    assert!(error("idle = \"2s\"", "idle = \"1ms\"").contains("the knobs do not fit together: "));
    assert!(error("plan = 1", "plan = 7").ends_with("plan = 7 is of another format; this reads plan = 1"));
}
