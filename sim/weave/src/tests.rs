use super::*;
use crate::record::parse;

const FILE: &str = "\
struct Counter {
    count: u64,
}

impl Counter {
    const fn new() -> Self {
        Self { count: 0 }
    }

    fn add(&mut self, more: u64) -> u64 {
        let before = self.count;
        self.count += more;
        before
    }
}
";

const ONE: &str = "\
it counts nothing

--- sim/src/counter.rs
@@
         let before = self.count;
-        self.count += more;
         before
";

const TWO: &str = "\
it forgets once

--- sim/src/counter.rs
@@ in every build
     count: u64,
+    forgot: bool,
 }
@@ in every build
-        Self { count: 0 }
+        Self { count: 0, forgot: false }
@@
     fn add(&mut self, more: u64) -> u64 {
+        self.forgot = true;
         let before = self.count;
";

fn planted(records: &[(u16, &str)]) -> Result<String, String> {
    let mut source = Source::new("sim/src/counter.rs", FILE.to_owned());
    for (number, text) in records {
        let record = parse(&format!("sim/mutants/{number}.diff"), &number.to_string(), text)?;
        for hunk in &record.hunks {
            source.plant(&record, hunk)?;
        }
    }
    source.weave()
}

#[test]
fn each_bug_has_a_body_of_its_own_and_what_it_keeps_is_in_every_build() {
    let woven = planted(&[(1, ONE), (2, TWO)]).unwrap();
    let expected = "\
struct Counter {
    count: u64,
    forgot: bool,
}

impl Counter {
    const fn new() -> Self {
        Self { count: 0, forgot: false }
    }

    fn add(&mut self, more: u64) -> u64 {
match towline_core::planted::number() {
// sim/mutants/1.diff
1 => {
        let before = self.count;
        before
}
// sim/mutants/2.diff
2 => {
        self.forgot = true;
        let before = self.count;
        self.count += more;
        before
}
_ => {
        let before = self.count;
        self.count += more;
        before
}
}
    }
}
";
    assert_eq!(woven, expected);
}

#[test]
fn a_record_that_no_longer_fits_says_where_and_what_to_do() {
    let moved = ONE.replace("let before = self.count;", "let before = self.total;");
    let told = planted(&[(1, &moved)]).unwrap_err();
    for part in [
        "sim/mutants/1.diff:4: the hunk for sim/src/counter.rs no longer fits (bug 1: it counts nothing)",
        "nearest is sim/src/counter.rs:11; `-` is the record, `+` the file:",
        "    -        let before = self.total;\n",
        "    +        let before = self.count;\n",
        "             self.count += more;\n",
        "edit sim/mutants/1.diff",
        "cargo xtask mutants --only 1`",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    let gone = planted(&[(1, &ONE.replace("self", "other").replace("before", "then"))]).unwrap_err();
    assert!(gone.contains("none of its lines is there any more"), "{gone}");
    let elsewhere = ONE.replace("counter", "gone");
    let record = parse("sim/mutants/1.diff", "1", &elsewhere).unwrap();
    let told = Source::new("sim/src/gone.rs", String::new()).plant(&record, &record.hunks[0]).unwrap_err();
    assert!(told.contains("sim/src/gone.rs is not there"), "{told}");
}

#[test]
fn comments_may_be_reworded() {
    let commented = ONE.replace("-        self.count", "         // It counts.\n-        self.count");
    assert_eq!(planted(&[(1, &commented)]), planted(&[(1, ONE)]));
    let text = FILE.replace(
        "        self.count += more;",
        "        // One more.\n        self.count += more; // Or several.",
    );
    let mut source = Source::new("sim/src/counter.rs", text);
    let record =
        parse("sim/mutants/1.diff", "1", &commented.replace("more;", "more; // Or several.")).unwrap();
    source.plant(&record, &record.hunks[0]).unwrap();
    assert!(
        source
            .weave()
            .unwrap()
            .contains("1 => {\n        let before = self.count;\n        // One more.\n        before\n")
    );
}

#[test]
fn a_record_fits_in_one_place_alone() {
    let vague = "vague\n\n--- sim/src/counter.rs\n@@\n     }\n+    // more\n";
    let told = planted(&[(1, vague)]).unwrap_err();
    assert!(told.contains("fits in 2 places (lines 8, 14): add lines around it"), "{told}");
}

#[test]
fn outside_of_a_function_a_bug_only_adds_to_every_build() {
    let told = planted(&[(2, &TWO.replace("@@ in every build", "@@"))]).unwrap_err();
    assert!(told.contains("outside of the body of a function"), "{told}");
    let overlapping =
        TWO.to_owned() + "@@ in every build\n-        let before = self.count;\n+        let before = 0;\n";
    let told = planted(&[(2, &overlapping)]);
    assert!(told.is_ok(), "beside it is another place: {told:?}");
    let told = planted(&[(1, &ONE.replace("         let", "-        let")), (2, &overlapping)]).unwrap_err();
    assert!(told.contains("sim/src/counter.rs:11: what is `in every build` overlaps another edit"), "{told}");
}

#[test]
fn what_is_no_record_is_named_with_its_line() {
    for (text, expected) in [
        ("words\n\n--- a.rs\n@@ always\n", "1.diff:4: a hunk begins with `@@` or `@@ in every build`"),
        ("words\n\n@@\n", "1.diff:3: a hunk comes after `--- FILE`"),
        ("words\n\n--- a.rs\n@@\n x\n*y\n", "1.diff:6: a line of a hunk begins with a space, `-` or `+`"),
    ] {
        let told = parse("sim/mutants/1.diff", "1", text).unwrap_err();
        assert!(told.contains(expected), "{told}");
    }
    assert!(parse("sim/mutants/one.diff", "one", "").unwrap_err().contains("named by no number"));
}
