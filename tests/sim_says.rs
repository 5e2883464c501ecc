//! The reports of `towline sim` where nothing failed but the user must know something: vacuous runs, searches that were
//! cut short, plans that differ from the request, tables in a pipe.

#[allow(dead_code, reason = "servers are for the other tests")]
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use support::{Place, program};

const SHORT: &str = r#"scenario = 1
name = "short"
duration = "2s"
heal = "1s"

[nodes]
p = { role = "primary" }
r1 = { upstream = "p" }

[workload]
rate = 20
value = "16B"
"#;

fn place(faults: &str) -> Place {
    let place = Place::new();
    fs::write(place.path("short.toml"), format!("{SHORT}{faults}"))
        .expect("a temporary directory takes files");
    place
}

#[track_caller]
fn code(output: &Output, expected: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(expected), "{out}\n{err}");
    (out, err)
}

#[test]
fn a_vacuous_run_says_what_its_fault_would_have_taken() {
    let place = place("[[fault]]\nat = \"500ms\"\nkind = \"hang\"\nnode = \"r1\"\nfor = \"100ms\"\n");
    let (_, err) = code(&place.run("sim run {short.toml}"), 3);
    assert!(err.contains("hang r1-p at 0.500000 s, which needs a dial"), "{err}");
    let (_, err) = code(&place.run("sim explore {short.toml} --seeds 0..3"), 3);
    assert!(err.contains("seed 0") && err.contains("which needs a dial"), "{err}");
}

#[test]
fn a_search_that_was_cut_short_proves_nothing_unless_a_part_was_asked_for() {
    let place = Place::new();
    let (page, err) = code(&place.run("sim exhaust --states 100"), 3);
    assert!(
        page.contains("violated    nothing") && err.contains("--states 100 ended the search"),
        "{page}{err}"
    );
    code(&place.run("sim exhaust --states 100 --partial"), 0);
}

#[test]
fn a_plan_whose_duration_was_changed_says_so() {
    let place = place("");
    let (plan, _) = code(&place.run("sim resolve {short.toml}"), 0);
    assert!(plan.starts_with("# duration: the scenario says 2.000000 s"), "{plan}");
    fs::write(place.path("whole.plan"), &plan).unwrap();
    let (page, _) = code(&place.run("sim run {whole.plan}"), 0);
    assert!(!page.contains("written by hand"), "{page}");
    let line = plan.lines().find(|line| line.starts_with("duration = ")).expect("a plan has a duration");
    fs::write(place.path("cut.plan"), plan.replace(line, "duration = \"1200ms\"")).unwrap();
    let (page, _) = code(&place.run("sim run {cut.plan} --failures {failures}"), 1);
    assert!(page.contains("duration    1.200000 s") && page.contains("written by hand"), "{page}");
}

#[test]
fn what_to_run_for_planted_bugs_is_said_whole() {
    let place = Place::new();
    let (_, err) = code(&place.run("sim mutants --only 13 --budget 5s"), 2);
    assert!(err.contains("`cargo xtask mutants --only 13 --budget 5s`"), "{err}");
}

#[test]
fn a_table_is_whole_in_a_pipe_and_ends_quietly_with_its_reader() {
    let place = Place::new();
    let (told, _) = code(&place.run("sim scenarios"), 0);
    assert!(!told.contains("..."), "{told}");
    let mut child = Command::new(program())
        .args(["sim", "scenarios"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(first.starts_with("mixed") && output.stderr.is_empty() && output.status.success(), "{output:?}");
}
