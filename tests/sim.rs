//! The simulator as a person uses it: `towline sim` from its binary, its exit codes, its files, its one line.
//!
//! The simulator's own claims are tested beside it; these tests are about the command line.

#[allow(dead_code, reason = "servers are for the other tests")]
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use support::{Place, eventually, program};

/// A small, quick scenario in which every invariant holds.
const CALM: &str = r#"scenario = 1
name = "calm"
duration = "3s"
heal = "2s"

[nodes]
p = { role = "primary" }
r1 = { upstream = "p" }

[workload]
rate = 50
value = { log = ["16B", "1KiB"] }

[[fault]]
at = { range = ["500ms", "1500ms"] }
kind = "cut"
node = "r1"
"#;

/// The same, expected to fail: a run that shows how a failure is reported.
fn canary() -> String {
    CALM.replace("name = \"calm\"", "name = \"canary\"\nexpect = \"violation:V3\"")
}

fn place() -> Place {
    let place = Place::new();
    fs::write(place.path("calm.toml"), CALM).expect("a temporary directory takes files");
    place
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

#[track_caller]
fn code(output: &Output, expected: i32) -> (String, String) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(expected), "{out}\n{err}");
    (out, err)
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a report was written");
    serde_json::from_str(&text).expect("a report is JSON")
}

/// Removes the fields that depend on the clock.
fn timeless(mut report: Value) -> Value {
    for key in ["seconds", "seeds_per_s"] {
        report.as_object_mut().and_then(|report| report.remove(key)).expect("a report says how long it took");
    }
    report
}

#[test]
fn a_run_that_holds_ends_with_0_and_is_the_same_again() {
    let place = place();
    let (first, err) = code(&place.run("sim run {calm.toml} --seed 5 --json"), 0);
    assert_eq!(err, "");
    let (again, _) = code(&place.run("sim run {calm.toml} --seed 5 --json"), 0);
    assert_eq!(first, again);
    let told: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(told["verdict"], "pass");
    let nodes = told["nodes"].as_array().unwrap();
    assert_eq!(nodes[0]["digest"], nodes[1]["digest"]);
    let (other, _) = code(&place.run("sim run {calm.toml} --seed 6 --json"), 0);
    assert_ne!(told["hash"], serde_json::from_str::<Value>(&other).unwrap()["hash"]);
}

#[test]
fn a_plan_is_the_same_run_as_its_scenario_and_seed() {
    let place = place();
    let (scenario, _) = code(&place.run("sim run {calm.toml} --seed 5 --json"), 0);
    code(&place.run("sim resolve {calm.toml} --seed 5 -o {calm.plan}"), 0);
    let (plan, _) = code(&place.run("sim run {calm.plan} --json"), 0);
    assert_eq!(scenario, plan);
    let told: Value = serde_json::from_str(&plan).unwrap();
    let hash = told["hash"].as_str().unwrap();
    let (page, _) = code(&place.run(&format!("sim replay {{calm.plan}} --expect-hash {hash}")), 0);
    assert!(page.contains("all invariants hold"), "{page}");
    let (page, _) = code(&place.run("sim replay {calm.plan} --until 400ms --node r1"), 0);
    assert!(page.contains("\nat 0.400000 s\n  r1    replica") && !page.contains("  p  "), "{page}");
    let (_, err) = code(&place.run("sim replay {calm.plan} --expect-hash 1234"), 1);
    assert!(err.contains("expected was 00000000000000000000000000001234"), "{err}");
    let (_, err) = code(&place.run("sim run {calm.plan} --seed 3"), 2);
    assert!(err.contains("has its own seed"), "{err}");
}

#[test]
fn a_plan_of_another_version_plays_but_its_hash_is_not_expected() {
    let place = place();
    let (plan, _) = code(&place.run("sim resolve {calm.toml}"), 0);
    let version = format!("core = {:?}", env!("CARGO_PKG_VERSION"));
    assert!(plan.contains(&version));
    fs::write(place.path("old.plan"), plan.replace(&version, "core = \"0.0.1\"")).unwrap();
    let (_, err) = code(&place.run("sim replay {old.plan}"), 0);
    assert!(err.contains("drawn for towline 0.0.1"), "{err}");
    code(&place.run("sim replay {old.plan} --expect-hash 1"), 2);
}

#[test]
fn what_is_wrong_with_a_file_is_one_line_with_its_place() {
    let place = place();
    let wrong = [
        (CALM.replace("\"cut\"", "\"cot\""), ":16: unknown kind of fault \"cot\" (do you mean \"cut\"?)"),
        (CALM.replace("\"3s\"", "3"), ":3: \"duration\" must be a time"),
        (CALM.replace("p = {", "p = {{"), ":7: "),
        (String::new(), ":1: a scenario begins with scenario = 1"),
    ];
    for (text, expected) in wrong {
        fs::write(place.path("wrong.toml"), text).unwrap();
        for command in ["run", "resolve", "explore", "stats", "check-determinism", "trace"] {
            let (out, err) = code(&place.run(&format!("sim {command} {{wrong.toml}}")), 2);
            assert!(err.contains(&format!("wrong.toml{expected}")), "{command}: {err}");
            assert_eq!((out.as_str(), err.lines().count()), ("", 1), "{command}");
        }
    }
    let (_, err) = code(&place.run("sim run no-such-thing"), 2);
    assert!(err.contains("neither a file nor a built-in scenario") && err.contains("mixed"), "{err}");
    let (_, err) = code(&place.run("sim replay {calm.toml}"), 2);
    assert!(err.contains("is no plan"), "{err}");
    let (_, err) = code(&place.run("sim replay storm"), 2);
    assert!(err.contains("`towline sim resolve storm --seed N -o FILE`"), "{err}");
    code(&place.run("sim explore {calm.toml} --seeds 5..5"), 2);
    code(&place.run("sim explore {calm.toml} --shard 3/2"), 2);
}

#[test]
fn a_run_that_fails_says_all_that_is_needed_to_see_it_again() {
    let place = place();
    fs::write(place.path("canary.toml"), canary()).unwrap();
    let (page, err) = code(&place.run("sim run {canary.toml} --seed 9 --failures {failures}"), 1);
    assert!(err.contains("canary, seed 9, on fast violates"), "{err}");
    for part in
        ["violated", "where", "seen", "seed        9", "canary-9.plan", "again       towline sim replay"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    let (_, err) = code(&place.run("sim replay {failures/canary-9.plan}"), 1);
    assert!(err.contains("violated at"), "{err}");
    let (told, _) = code(&place.run("sim shrink {failures/canary-9.plan} --emit url"), 0);
    let link = told.lines().last().unwrap();
    for source in [link, &format!("https://example.org/play{link}")] {
        let (_, err) = code(&place.run(&format!("sim replay {source}")), 1);
        assert!(err.contains("violated at"), "{err}");
    }
}

#[test]
fn a_named_fault_that_changes_nothing_is_vacuous() {
    let place = place();
    let never = CALM
        .replace("at = { range = [\"500ms\", \"1500ms\"] }\nkind = \"cut\"", "at = \"0us\"\nkind = \"cut\"");
    fs::write(place.path("never.toml"), never).unwrap();
    let (_, err) = code(&place.run("sim run {never.toml}"), 3);
    assert!(err.contains("nothing changed by: cut r1-p"), "{err}");
    let (_, err) = code(&place.run("sim explore {never.toml} --seeds 3"), 3);
    assert!(err.contains("seed 0: ") && err.contains("cut r1-p at 0.000000 s, which needs"), "{err}");
}

#[test]
fn a_campaign_does_not_depend_on_jobs_and_shards_are_the_whole() {
    let place = place();
    let explore = "sim explore {calm.toml} --seeds 10..70";
    for (file, flags) in [
        ("one", "--jobs 1"),
        ("three", "--jobs 3"),
        ("a", "--shard 1/3"),
        ("b", "--shard 2/3"),
        ("c", "--shard 3/3 --jobs 2"),
    ] {
        code(&place.run(&format!("{explore} {flags} --json {{{file}.json}}")), 0);
    }
    let whole = json(&place.path("one.json"));
    assert_eq!(whole["seeds"], 60);
    assert_eq!(whole["complete"], true);
    assert_eq!(timeless(whole.clone()), timeless(json(&place.path("three.json"))));
    assert_eq!(json(&place.path("b.json"))["complete"], false);
    code(&place.run("sim merge {c.json} {a.json} {b.json} --json {merged.json}"), 0);
    assert_eq!(timeless(whole.clone()), timeless(json(&place.path("merged.json"))));
    let (_, err) = code(&place.run("sim merge {a.json} {one.json}"), 2);
    assert!(err.contains("one.json cannot be joined") && err.contains("a second time"), "{err}");
    let (_, err) = code(&place.run("sim merge {calm.toml}"), 2);
    assert!(err.contains("calm.toml:1: no report"), "{err}");
    let (out, _) = code(&place.run(&format!("{explore} --json -")), 0);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["hash"], whole["hash"]);
}

#[test]
fn a_campaign_of_few_seeds_fails_for_its_marks_only_when_asked() {
    let place = place();
    let (page, err) = code(&place.run("sim explore {calm.toml} --seeds 2 --require-marks"), 3);
    assert!(err.contains("marks were never hit") && page.contains("never: "), "{page}{err}");
}

/// A long campaign must not end without a place for its report; and that is no violation of an invariant.
#[test]
fn what_cannot_be_written_is_said_before_the_work() {
    let place = place();
    for command in ["explore {calm.toml} --json", "stats {calm.toml} --plot"] {
        let (out, err) = code(&place.run(&format!("sim {command} {{no/such/file}} --seeds 2")), 2);
        assert!(out.is_empty() && err.contains("cannot write"), "{out}{err}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_the_report_of_what_was_played() {
    let place = place();
    let mut child = place
        .command("sim explore {calm.toml} --seeds 0..100000000 --json {partial.json}")
        .stdout(std::process::Stdio::null())
        .stderr(fs::File::create(place.path("log")).unwrap())
        .spawn()
        .unwrap();
    // The first line about progress comes after some seconds: by then runs are done and signals are handled.
    eventually("the campaign to be under way", || {
        let log = fs::read_to_string(place.path("log")).unwrap();
        log.contains("seeds/s").then_some(())
    });
    let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    let status = child.wait().unwrap();
    assert_eq!(
        status.code(),
        Some(0),
        "what was played held: {}",
        fs::read_to_string(place.path("log")).unwrap()
    );
    let report = json(&place.path("partial.json"));
    assert_eq!(report["complete"], false);
    assert!(report["seeds"].as_u64().unwrap() > 0);
    assert_eq!(report["ranges"][0][1], report["seeds"]);
}

#[test]
fn a_time_limit_ends_a_campaign_with_what_was_played() {
    let place = place();
    let limited = "sim explore {calm.toml} --seeds 0..100000000 --for 300ms --json {limited.json}";
    code(&place.run(limited), 0);
    let report = json(&place.path("limited.json"));
    assert!(report["seeds"].as_u64().unwrap() > 0 && report["complete"] == false);
}

#[test]
fn what_happened_can_be_looked_at() {
    let place = place();
    code(&place.run("sim trace {calm.toml} --seed 4 -o {run.svg}"), 0);
    let svg = fs::read_to_string(place.path("run.svg")).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    let texts: Vec<&str> = document.descendants().filter_map(|node| node.text()).collect();
    for text in ["calm, seed 4: all invariants hold", "r1", "follows p", "cut r1-p"] {
        assert!(texts.contains(&text), "{text}");
    }
    let (lines, _) =
        code(&place.run("sim trace {calm.toml} --seed 4 --format jsonl --from 100ms --until 1s"), 0);
    for line in lines.lines() {
        let fact: Value = serde_json::from_str(line).unwrap();
        assert!((100_000..=1_000_000).contains(&fact["t_us"].as_u64().unwrap()));
    }
    assert!(lines.lines().count() > 10);
    let (trace, _) = code(&place.run("sim trace {calm.toml} --seed 4 --format perfetto"), 0);
    let trace: Value = serde_json::from_str(&trace).unwrap();
    assert!(trace["traceEvents"].as_array().unwrap().len() > 10);
}

#[test]
fn distributions_are_a_table_and_a_picture() {
    let place = place();
    let (table, _) = code(&place.run("sim stats {calm.toml} --seeds 40 --plot {plot.svg}"), 0);
    assert!(table.contains("p99") && table.contains("time to converge"), "{table}");
    let svg = fs::read_to_string(place.path("plot.svg")).unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    assert!(document.descendants().any(|node| node.has_tag_name("rect")));
}

#[test]
fn two_processes_play_the_same_runs() {
    let place = place();
    let (told, _) = code(&place.run("sim check-determinism {calm.toml} --seeds 20"), 0);
    assert_eq!(told, "20 seeds, 2 processes, the same hashes\n");
    code(&place.run("sim check-determinism {calm.toml} --on real"), 2);
}

#[test]
fn what_a_machine_might_read_is_json() {
    let place = place();
    let read = |command: &str| {
        let (told, _) = code(&place.run(command), 0);
        serde_json::from_str::<Value>(told.lines().next().expect("a line")).expect("it is JSON")
    };
    assert_eq!(read("sim scenarios --json")["name"], "mixed");
    assert_eq!(read("sim run {calm.toml} --json")["verdict"], "pass");
    assert_eq!(read("sim check-determinism {calm.toml} --seeds 3 --json")["same"], true);
    let told = read("sim diff {calm.toml} --on fast,fast --json");
    assert_eq!((&told["alike"], &told["played"][1]["nodes"][0]["node"]), (&true.into(), &"p".into()));
    let told = read("sim exhaust --states 100 --partial --json");
    assert!(told["complete"] == false && told["states"].as_u64().unwrap() < 200, "{told}");
}

#[test]
fn a_small_scope_is_searched_whole() {
    let place = place();
    let (page, _) = code(&place.run("sim exhaust --ops 0 --resets 0 --crashes 0"), 0);
    assert!(page.contains("violated    nothing") && page.contains("states/s"), "{page}");
}

#[test]
fn what_needs_another_build_says_which() {
    let place = place();
    let (_, err) = code(&place.run("sim run {calm.toml} --on turmoil"), 2);
    assert!(err.contains("cargo xtask sim run"), "{err}");
    let (_, err) = code(&place.run("sim mutants --only 13"), 2);
    assert!(err.contains("cargo xtask mutants"), "{err}");
}

/// The examples in docs/sim, run as they stand.
mod spread {
    use super::{Command, Place, Value, code, fs, json, place, program, timeless};

    /// Runs a campaign in one piece, into `whole.json`.
    fn whole(place: &Place) -> Value {
        code(&place.run("sim explore {calm.toml} --seeds 0..40 --json {whole.json}"), 0);
        timeless(json(&place.path("whole.json")))
    }

    fn example(name: &str) -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sim").join(name)
    }

    fn merged(place: &Place, parts: std::ops::RangeInclusive<u32>) -> Value {
        let files: Vec<String> = parts.map(|part| format!("{{reports/shard-{part}.json}}")).collect();
        code(&place.run(&format!("sim merge {} --json {{merged.json}}", files.join(" "))), 0);
        timeless(json(&place.path("merged.json")))
    }

    #[test]
    fn with_gnu_parallel() {
        let place = place();
        let mut parallel = Command::new(example("parallel.sh"));
        parallel.arg(place.path("calm.toml")).args(["0..40", "2"]);
        parallel.env("TOWLINE", program()).env("REPORTS", place.path("reports"));
        code(&parallel.output().expect("a shell"), 0);
        assert_eq!(timeless(json(&place.path("reports/report.json"))), whole(&place));
    }

    #[test]
    fn with_slurm() {
        let place = place();
        for task in 1..=3 {
            let mut slurm = Command::new("bash");
            slurm.arg(example("slurm.sh"));
            slurm.env("TOWLINE", program()).env("REPORTS", place.path("reports")).env("PARTS", "3");
            slurm.env("SCENARIO", place.path("calm.toml")).env("SEEDS", "0..40");
            slurm.env("SLURM_ARRAY_TASK_ID", task.to_string());
            code(&slurm.output().expect("bash"), 0);
        }
        assert_eq!(merged(&place, 1..=3), whole(&place));
    }

    #[test]
    fn with_kubernetes() {
        let place = place();
        let text = fs::read_to_string(example("kubernetes.yml")).unwrap();
        let job: Value = serde_yaml_ng::from_str(&text).unwrap();
        assert_eq!(job["spec"]["completionMode"], "Indexed");
        let container = &job["spec"]["template"]["spec"]["containers"][0];
        let parts = container["env"].as_array().unwrap().iter().find(|env| env["name"] == "PARTS").unwrap();
        let parts: u64 = parts["value"].as_str().unwrap().parse().unwrap();
        assert_eq!(job["spec"]["completions"], parts, "every part has a worker");
        let command: Vec<&str> =
            container["command"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let folder = program().parent().unwrap().display().to_string();
        fs::create_dir(place.path("reports")).unwrap();
        for index in 0..2 {
            let mut pod = Command::new(command[0]);
            pod.args(&command[1..]);
            pod.env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap()));
            pod.env("JOB_COMPLETION_INDEX", index.to_string()).env("PARTS", "2").env("SEEDS", "0..40");
            pod.env("SCENARIO", place.path("calm.toml")).env("REPORTS", place.path("reports"));
            code(&pod.output().expect("a shell"), 0);
        }
        assert_eq!(merged(&place, 1..=2), whole(&place));
    }
}
