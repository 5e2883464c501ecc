//! Runs one command and shows its progress: its output goes to a file, its last line to the screen.
//!
//! A file, not a pipe: a grandchild that outlives the command cannot keep us waiting. A command that runs past `limit`
//! is taken to hang and is stopped. Without a terminal its children are stopped too; at a terminal Ctrl-C must reach
//! them, so they stay in our process group.

use std::fs::File;
use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The pause between two looks at the child; small beside the shortest step.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The interval of progress lines where there is no terminal.
const SAY_EVERY: Duration = Duration::from_secs(30);
/// The part of a log's end that is searched for its last line.
const TAIL_BYTES: u64 = 4 << 10;

/// The end of a command.
pub(crate) enum End {
    Status(ExitStatus),
    Hung,
}

/// Runs `command` to its end or to `limit`, its output in the file `log`.
pub(crate) fn watch(command: &mut Command, log: &Path, limit: Duration) -> Result<End> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let same = file.try_clone().with_context(|| format!("cannot write {}", log.display()))?;
    let terminal = std::io::stderr().is_terminal();
    command.stdin(Stdio::null()).stdout(file).stderr(same);
    if !terminal {
        command.process_group(0);
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().with_context(|| format!("{program} did not start"))?;
    let started = Instant::now();
    let mut said = started;
    let end = loop {
        if let Some(status) = child.try_wait().with_context(|| format!("waiting for {program}"))? {
            break End::Status(status);
        }
        if started.elapsed() > limit {
            stop(&mut child, terminal);
            break End::Hung;
        }
        if terminal {
            eprint!("\r\x1b[2K    {:>4} s  {}", started.elapsed().as_secs(), clip(&last_line(log), 90));
            std::io::stderr().flush().ok();
        } else if said.elapsed() > SAY_EVERY {
            said = Instant::now();
            eprintln!("    {:>4} s  {}", started.elapsed().as_secs(), clip(&last_line(log), 90));
        }
        std::thread::sleep(LOOK_EVERY);
    };
    if terminal {
        eprint!("\r\x1b[2K");
    }
    Ok(end)
}

/// Ends the child, and in a group of its own all of its children. If either fails, there is nothing left to do.
fn stop(child: &mut Child, terminal: bool) {
    if !terminal {
        let group = format!("kill -9 -{}", child.id());
        Command::new("sh").args(["-c", &group]).stderr(Stdio::null()).status().ok();
    }
    child.kill().ok();
    child.wait().ok();
}

/// Returns the last line of a growing file that is not empty.
fn last_line(log: &Path) -> String {
    let mut tail = Vec::new();
    if let Ok(mut file) = File::open(log) {
        let length = file.metadata().map_or(0, |told| told.len());
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).ok();
        file.read_to_end(&mut tail).ok();
    }
    let text = String::from_utf8_lossy(&tail);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("").to_owned()
}

fn clip(line: &str, width: usize) -> String {
    line.chars().filter(|c| !c.is_control()).take(width).collect()
}

#[cfg(test)]
mod tests {
    use super::{End, watch};
    use std::process::Command;
    use std::time::Duration;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn keeps_output_and_status() {
        let log = std::env::temp_dir().join(format!("xtask-watch-{}", std::process::id()));
        let end = watch(&mut shell("echo out; echo err >&2; exit 3"), &log, Duration::from_secs(20)).unwrap();
        assert!(matches!(end, End::Status(status) if status.code() == Some(3)));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "out\nerr\n");
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn stops_what_hangs() {
        let log = std::env::temp_dir().join(format!("xtask-hang-{}", std::process::id()));
        let end = watch(&mut shell("sleep 60"), &log, Duration::from_millis(200)).unwrap();
        assert!(matches!(end, End::Hung));
        std::fs::remove_file(log).unwrap();
    }
}
