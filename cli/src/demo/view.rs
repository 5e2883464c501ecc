//! The display of the demo while it runs, on stderr: one line for each node and a bar at a terminal; elsewhere a line
//! for each event, and one a second about the nodes.
//!
//! A task of its own asks every node over its socket; it ends when the view is dropped.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::task::JoinSet;
use towline_server::command::Report;

use crate::client::Client;
use crate::units::grouped;

const LOOK_EVERY: Duration = Duration::from_millis(100);
const SAY_EVERY: Duration = Duration::from_secs(1);

/// A node as the view knows it.
#[derive(Debug, Clone)]
pub(super) struct Face {
    pub(super) name: String,
    pub(super) addr: String,
}

/// The display.
#[derive(Debug)]
pub(super) struct View {
    picture: Arc<Picture>,
    _task: JoinSet<()>,
}

#[derive(Debug)]
struct Picture {
    started: Instant,
    length: Duration,
    faces: Vec<Face>,
    live: Option<Live>,
}

#[derive(Debug)]
struct Live {
    all: MultiProgress,
    nodes: Vec<ProgressBar>,
    clock: ProgressBar,
}

impl View {
    /// Starts the display. `plain` keeps it to lines, whatever stderr is.
    pub(super) fn start(faces: Vec<Face>, length: Duration, plain: bool) -> Self {
        let live = (!plain && std::io::stderr().is_terminal()).then(|| Live::new(&faces, length));
        let picture = Arc::new(Picture { started: Instant::now(), length, faces, live });
        let mut task = JoinSet::new();
        task.spawn(look(Arc::clone(&picture)));
        Self { picture, _task: task }
    }

    /// Shows an event.
    pub(super) fn say(&self, what: &str) {
        let line = format!("{:>6.1} s  {what}", self.picture.started.elapsed().as_secs_f64());
        match &self.picture.live {
            // A terminal that is gone shows nothing.
            Some(live) => drop(live.all.println(line)),
            None => crate::lines::say(&line),
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if let Some(live) = &self.picture.live {
            live.nodes.iter().for_each(ProgressBar::finish_and_clear);
            live.clock.finish_and_clear();
        }
    }
}

impl Live {
    fn new(faces: &[Face], length: Duration) -> Self {
        let all = MultiProgress::new();
        let style = |template: &str| {
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
        };
        let nodes = faces.iter().map(|face| {
            let bar = all.add(ProgressBar::new_spinner());
            bar.set_style(style("  {prefix:<11} {msg}"));
            bar.set_prefix(face.name.clone());
            bar
        });
        let nodes = nodes.collect();
        let clock = all.add(ProgressBar::new(length.as_millis().try_into().unwrap_or(u64::MAX)));
        clock.set_style(style("  [{bar:40}] {msg}"));
        Self { all, nodes, clock }
    }
}

/// Asks every node, again and again.
async fn look(picture: Arc<Picture>) {
    let mut clients: Vec<Option<Client>> = picture.faces.iter().map(|_| None).collect();
    let mut before = (Instant::now(), None);
    loop {
        let mut reports = Vec::with_capacity(clients.len());
        for (face, client) in picture.faces.iter().zip(&mut clients) {
            reports.push(ask(&face.addr, client).await);
        }
        let writer = reports.iter().flatten().find(|report| report.upstream.is_none());
        // While no node is primary, the end of the first one counts.
        let end = writer.or_else(|| reports.iter().flatten().next()).map_or(0, |report| report.end);
        let past = before.0.elapsed().as_millis().max(1);
        let rate = before.1.map(|old: u64| u128::from(end.saturating_sub(old)) * 1000 / past);
        before = (Instant::now(), Some(end));
        picture.show(&reports, end, rate.and_then(|rate| u64::try_from(rate).ok()));
        tokio::time::sleep(if picture.live.is_some() { LOOK_EVERY } else { SAY_EVERY }).await;
    }
}

/// Returns a node's report, if it answers. A connection from before a restart is made again.
async fn ask(addr: &str, client: &mut Option<Client>) -> Option<Report> {
    const QUESTION: &[&str] = &["TOWLINE", "STATUS"];
    let text = match client {
        Some(open) => open.ask_text(QUESTION).await.ok(),
        None => None,
    };
    let text = match text {
        Some(text) => text,
        None => client.insert(Client::connect(addr).await.ok()?).ask_text(QUESTION).await.ok()?,
    };
    serde_json::from_str(&text).ok()
}

impl Picture {
    fn show(&self, reports: &[Option<Report>], end: u64, rate: Option<u64>) {
        let rate = rate.map_or_else(String::new, |rate| format!("{} records/s", grouped(rate)));
        let Some(live) = &self.live else {
            let short = |(face, report): (&Face, &Option<Report>)| match report {
                Some(report) => format!("{} {}", face.name, brief(report, end)),
                None => format!("{} down", face.name),
            };
            let nodes: Vec<String> = self.faces.iter().zip(reports).map(short).collect();
            let time = self.started.elapsed().as_secs_f64();
            return crate::lines::say(&format!("{time:>6.1} s  | {} | {rate}", nodes.join(" | ")));
        };
        for (bar, report) in live.nodes.iter().zip(reports) {
            bar.set_message(report.as_ref().map_or_else(|| "down".to_owned(), |report| full(report, end)));
        }
        let elapsed = self.started.elapsed();
        live.clock.set_position(elapsed.as_millis().try_into().unwrap_or(u64::MAX));
        let (now, all) = (elapsed.as_secs_f64(), self.length.as_secs());
        live.clock.set_message(format!("{now:.0} of {all} s, {rate}"));
    }
}

/// Returns a node's state in one or two words.
fn state(report: &Report) -> &str {
    report.upstream.as_ref().map_or("writing", |upstream| &upstream.state)
}

fn full(report: &Report, end: u64) -> String {
    let behind = grouped(end.saturating_sub(report.applied));
    let applied = grouped(report.applied);
    format!("{:<8} {:<12} {applied:>12} records {behind:>10} behind", report.role, state(report))
}

fn brief(report: &Report, end: u64) -> String {
    match report.upstream {
        None => grouped(report.applied),
        Some(_) => match end.saturating_sub(report.applied) {
            0 => state(report).to_owned(),
            behind => format!("{} -{}", state(report), grouped(behind)),
        },
    }
}
