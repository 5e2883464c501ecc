//! `cargo xtask bench`: runs the benches of the core, the simulator, the C ABI and the browser's module, and prints the
//! measurements beside their targets.
//!
//! Times come from criterion's own files. A bench prints each number that is counted, not timed, on a line of its own:
//! `counted: NAME = NUMBER`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::table::{Align, render};
use crate::workspace::{Workspace, command};

/// Options of a measurement.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Fewer samples: a look, not a claim
    #[arg(long)]
    quick: bool,
    /// Also write the table as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The source of a row's number. Ids are criterion's: `group/function` or `group/function/parameter`.
enum From {
    /// Nanoseconds for one element of a bench's throughput.
    Nanos(&'static str),
    /// Millions of elements a second.
    Millions(&'static str),
    /// The nanoseconds an element that each of `more` further links adds: the difference of two benches.
    Each { one: &'static str, many: &'static str, more: f64 },
    /// A number that the bench counted.
    Counted(&'static str),
    /// One counted number as a percentage of another.
    Part { of: &'static str, is: &'static str },
}

enum Target {
    AtLeast(f64),
    AtMost(f64),
}

struct Row {
    what: &'static str,
    from: From,
    unit: &'static str,
    target: Target,
}

const ROWS: &[Row] = &[
    Row {
        what: "replica receives 100 B records",
        from: From::Millions("stream/receive"),
        unit: "M records/s",
        target: Target::AtLeast(8.0),
    },
    Row {
        what: "primary, one link",
        from: From::Nanos("stream/primary/1"),
        unit: "ns/record",
        target: Target::AtMost(100.0),
    },
    Row {
        what: "each further link",
        from: From::Each { one: "stream/primary/1", many: "stream/primary/9", more: 8.0 },
        unit: "ns/record",
        target: Target::AtMost(20.0),
    },
    Row {
        what: "allocations in steady state",
        from: From::Counted("allocations"),
        unit: "per run",
        target: Target::AtMost(0.0),
    },
    Row {
        what: "memory beyond Config::memory_bytes()",
        from: From::Counted("memory_percent_over"),
        unit: "%",
        target: Target::AtMost(5.0),
    },
    Row {
        what: "simulator: 1 + 3 replicas for a minute",
        from: From::Counted("seeds_a_second"),
        unit: "seeds/s a core",
        target: Target::AtLeast(50.0),
    },
    Row {
        what: "simulator: exhaustive search",
        from: From::Counted("million_states_a_second"),
        unit: "M states/s",
        target: Target::AtLeast(0.3),
    },
    Row {
        what: "the cheapest call from C",
        from: From::Counted("c_next_deadline_ns"),
        unit: "ns",
        target: Target::AtMost(10.0),
    },
    Row {
        what: "a live stream driven from C, against Rust",
        from: From::Part { of: "rust_stream_ns", is: "c_stream_ns" },
        unit: "%",
        target: Target::AtLeast(97.0),
    },
];

/// Rows of the browser's module: see wasm/bench and wasm/benches.
const WASM_ROWS: &[Row] = &[
    Row {
        what: "module, started in node",
        from: From::Counted("node_start_ms"),
        unit: "ms",
        target: Target::AtMost(10.0),
    },
    Row {
        what: "module, started in a tab",
        from: From::Counted("tab_start_ms"),
        unit: "ms",
        target: Target::AtMost(30.0),
    },
    Row {
        what: "an input said from JavaScript, and answered",
        from: From::Counted("wasm_tick_ns"),
        unit: "ns",
        target: Target::AtMost(150.0),
    },
    Row {
        what: "a replica in WebAssembly, against native",
        from: From::Part { of: "native_apply_ns", is: "wasm_apply_ns" },
        unit: "%",
        target: Target::AtLeast(75.0),
    },
    Row {
        what: "a tab applies new keys",
        from: From::Counted("tab_new_keys_records_a_second"),
        unit: "records/s",
        target: Target::AtLeast(100_000.0),
    },
    Row {
        what: "a tab applies overwrites",
        from: From::Counted("tab_overwrites_records_a_second"),
        unit: "records/s",
        target: Target::AtLeast(100_000.0),
    },
    Row {
        what: "the page's longest task meanwhile",
        from: From::Counted("tab_longest_task_ms"),
        unit: "ms",
        target: Target::AtMost(8.0),
    },
];

/// Each bench: its package, its name, and whether criterion runs it.
const BENCHES: [(&str, &str, bool); 3] =
    [("towline-core", "stream", true), ("towline-sim", "pace", false), ("towline-ffi", "stream", false)];

/// Measures; the code is a failure if a target is missed.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mut counted = BTreeMap::new();
    for bench in BENCHES {
        counted.extend(measure(&workspace, bench, args.quick)?);
    }
    counted.extend(listen(crate::c::stream_program(&workspace)?)?);
    for bench in crate::wasm::benches()? {
        counted.extend(listen(bench)?);
    }
    let told = laid_out(ROWS.iter().chain(WASM_ROWS), &workspace, &counted, args.quick)?;
    let met = told.iter().all(|row| row["met"] == true);
    if let Some(file) = &args.json {
        let text = json!({ "cores": cores(), "quick": args.quick, "rows": told });
        std::fs::write(file, format!("{text:#}\n"))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures the browser's module alone.
pub(crate) fn wasm(workspace: &Workspace, benches: Vec<Command>) -> Result<ExitCode> {
    let mut counted = BTreeMap::new();
    for bench in benches {
        counted.extend(listen(bench)?);
    }
    let told = laid_out(WASM_ROWS.iter(), workspace, &counted, false)?;
    Ok(if told.iter().all(|row| row["met"] == true) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the table and returns its rows.
fn laid_out<'a>(
    rows: impl Iterator<Item = &'a Row>,
    workspace: &Workspace,
    counted: &BTreeMap<String, f64>,
    quick: bool,
) -> Result<Vec<Value>> {
    let home = workspace.target.join("criterion");
    let mut lines = vec![["what", "measured", "target", "unit", ""].map(str::to_owned).to_vec()];
    let mut told = Vec::new();
    for row in rows {
        let value = row.from.value(&home, counted).with_context(|| format!("row {:?}", row.what))?;
        let met = row.target.met(value);
        let word = if met { "ok" } else { "MISSED" };
        let cell = |text: &str| text.to_owned();
        lines.push(vec![
            cell(row.what),
            format!("{value:.1}"),
            row.target.text(),
            cell(row.unit),
            cell(word),
        ]);
        told.push(json!({
            "what": row.what, "measured": value, "unit": row.unit, "target": row.target.text(), "met": met,
        }));
    }
    let quick = if quick { ", quick: a look, not a claim" } else { "" };
    let aligns = [Align::Left, Align::Right, Align::Right, Align::Left, Align::Left];
    print!("\n{}\nmeasured on {} cores{quick}\n", render(&aligns, &lines), cores());
    Ok(told)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs a bench, shows its output, and keeps the numbers that it counted.
fn measure(
    workspace: &Workspace,
    (package, name, criterion): (&str, &str, bool),
    quick: bool,
) -> Result<BTreeMap<String, f64>> {
    let mut bench = command("cargo");
    bench.args(["bench", "-p", package, "--bench", name]).current_dir(&workspace.root);
    if quick && criterion {
        bench.args(["--", "--quick"]);
    }
    listen(bench)
}

fn listen(mut bench: Command) -> Result<BTreeMap<String, f64>> {
    let child = bench.stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("cannot start {bench:?}"))?;
    let output = child.stdout.take().context("its output was asked for")?;
    let mut counted = BTreeMap::new();
    for line in BufReader::new(output).lines() {
        let line = line.context("reading what the bench says")?;
        println!("{line}");
        counted.extend(parse_counted(&line));
    }
    let status = child.wait().context("waiting for the bench")?;
    if !status.success() {
        bail!("a bench failed ({status}): see its message above");
    }
    Ok(counted)
}

fn parse_counted(line: &str) -> Option<(String, f64)> {
    let (name, number) = line.strip_prefix("counted: ")?.split_once(" = ")?;
    Some((name.to_owned(), number.trim().parse().ok()?))
}

impl From {
    fn value(&self, home: &Path, counted: &BTreeMap<String, f64>) -> Result<f64> {
        match self {
            Self::Nanos(id) => nanos(home, id),
            Self::Millions(id) => Ok(1_000.0 / nanos(home, id)?),
            Self::Each { one, many, more } => Ok((nanos(home, many)? - nanos(home, one)?) / more),
            Self::Counted(name) => counted
                .get(*name)
                .copied()
                .with_context(|| format!("the bench printed no line `counted: {name} = N`")),
            Self::Part { of, is } => {
                let [of, is] = [of, is].map(|name| Self::Counted(name).value(home, counted));
                Ok(of? / is? * 100.0)
            }
        }
    }
}

impl Target {
    fn met(&self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= *bound,
            Self::AtMost(bound) => value <= *bound,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::AtLeast(bound) => format!(">= {bound}"),
            Self::AtMost(bound) => format!("<= {bound}"),
        }
    }
}

/// Returns the mean time of one element: criterion's estimate for an iteration, divided by its number of elements.
fn nanos(home: &Path, id: &str) -> Result<f64> {
    let folder = home.join(id).join("new");
    let estimate = load(&folder.join("estimates.json"))?["mean"]["point_estimate"]
        .as_f64()
        .with_context(|| format!("{}: no mean in estimates.json", folder.display()))?;
    let elements = load(&folder.join("benchmark.json"))?["throughput"]["Elements"]
        .as_f64()
        .with_context(|| format!("bench {id} says no Throughput::Elements"))?;
    Ok(estimate / elements)
}

fn load(path: &Path) -> Result<Value> {
    let text = std::fs::read(path).with_context(|| format!("{}: was the bench renamed?", path.display()))?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::{From, Target, parse_counted};
    use std::collections::BTreeMap;

    #[test]
    fn reads_criterion_and_counts() {
        let home = std::env::temp_dir().join(format!("xtask-bench-{}", std::process::id()));
        for (id, mean) in [("g/one", 50_000.0), ("g/many", 90_000.0)] {
            let folder = home.join(id).join("new");
            std::fs::create_dir_all(&folder).unwrap();
            let estimates = format!(r#"{{"mean":{{"point_estimate":{mean}}}}}"#);
            std::fs::write(folder.join("estimates.json"), estimates).unwrap();
            std::fs::write(folder.join("benchmark.json"), r#"{"throughput":{"Elements":1000}}"#).unwrap();
        }
        let counted = BTreeMap::from_iter(parse_counted("counted: allocations = 3"));
        let value = |from: From| from.value(&home, &counted).unwrap();
        assert!((value(From::Nanos("g/one")) - 50.0).abs() < 1e-9);
        assert!((value(From::Millions("g/one")) - 20.0).abs() < 1e-9);
        assert!((value(From::Each { one: "g/one", many: "g/many", more: 4.0 }) - 10.0).abs() < 1e-9);
        assert!((value(From::Counted("allocations")) - 3.0).abs() < 1e-9);
        assert!((value(From::Part { of: "allocations", is: "allocations" }) - 100.0).abs() < 1e-9);
        let missing = From::Nanos("g/none").value(&home, &counted).unwrap_err();
        assert!(missing.to_string().contains("renamed"), "{missing}");
        std::fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn a_bound_is_met_at_the_bound() {
        assert!(Target::AtLeast(8.0).met(8.0) && !Target::AtLeast(8.0).met(7.9));
        assert!(Target::AtMost(0.0).met(0.0) && !Target::AtMost(0.0).met(1.0));
    }
}
