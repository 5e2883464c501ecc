//! The result of the demo, as a page or as JSON.

use anyhow::{Context, Result};
use serde::Serialize;

use crate::units::{bytes, grouped};

/// One node at the end.
#[derive(Debug, Serialize)]
pub(super) struct Ended {
    pub(super) name: String,
    pub(super) role: String,
    pub(super) addr: String,
    /// The digest from its own socket.
    pub(super) digest: String,
    /// Records applied.
    pub(super) applied: u64,
    pub(super) keys: u64,
}

/// The result of the demo.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) nodes: Vec<Ended>,
    pub(super) identical: bool,
    pub(super) records: u64,
    pub(super) records_per_s: u64,
    /// Bytes sent to replicas.
    pub(super) bytes: u64,
    /// Snapshots sent to replicas.
    pub(super) snapshots: u64,
    pub(super) seconds: f64,
    /// The number of error replies to clients, and the last one.
    pub(super) refused: u64,
    pub(super) refusal: Option<String>,
}

impl Verdict {
    pub(super) fn json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).context("cannot write the result as JSON")?;
        Ok(text + "\n")
    }

    pub(super) fn page(&self) -> String {
        let width = self.nodes.iter().map(|node| node.name.len()).max().unwrap_or(0).max(4);
        let mut page =
            format!("{:<width$}  role     digest                            records applied\n", "node");
        for node in &self.nodes {
            let Ended { name, role, digest, applied, .. } = node;
            page.push_str(&format!("{name:<width$}  {role:<7}  {digest}  {}\n", grouped(*applied)));
        }
        let lines = [
            ("records/s", grouped(self.records_per_s)),
            ("bytes", format!("{} sent to replicas", bytes(self.bytes))),
            ("snapshots", format!("{} sent to replicas", self.snapshots)),
            ("seconds", format!("{:.1}", self.seconds)),
        ];
        page.push('\n');
        for (name, value) in lines {
            page.push_str(&format!("{name:<10} {value}\n"));
        }
        if let Some(refusal) = &self.refusal {
            page.push_str(&format!(
                "refused    {} commands, the last with: {refusal}\n",
                grouped(self.refused)
            ));
        }
        if self.identical {
            page.push_str(&format!("\nall {} nodes identical\n", self.nodes.len()));
        }
        page
    }

    /// Returns the difference between the nodes, if there is one.
    pub(super) fn difference(&self) -> Option<String> {
        if self.identical {
            return None;
        }
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for node in &self.nodes {
            match groups.iter_mut().find(|(digest, _)| *digest == node.digest) {
                Some((_, names)) => names.push(&node.name),
                None => groups.push((&node.digest, vec![&node.name])),
            }
        }
        let told: Vec<String> =
            groups.iter().map(|(digest, names)| format!("{} {digest}", names.join(", "))).collect();
        Some(format!("the nodes differ: {}", told.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(digests: [&str; 3]) -> Verdict {
        let ended = |(number, digest): (usize, &&str)| Ended {
            name: format!("node-{number}"),
            role: "replica".into(),
            addr: "127.0.0.1:1".into(),
            digest: (*digest).to_owned(),
            applied: 1000,
            keys: 10,
        };
        Verdict {
            nodes: digests.iter().enumerate().map(ended).collect(),
            identical: digests.iter().all(|digest| *digest == digests[0]),
            records: 1000,
            records_per_s: 100,
            bytes: 2048,
            snapshots: 3,
            seconds: 10.0,
            refused: 0,
            refusal: None,
        }
    }

    #[test]
    fn identical_nodes_are_counted() {
        let verdict = verdict(["a", "a", "a"]);
        assert!(verdict.page().ends_with("all 3 nodes identical\n"));
        assert_eq!(verdict.difference(), None);
    }

    #[test]
    fn different_nodes_are_named_with_their_digests() {
        let verdict = verdict(["a", "b", "a"]);
        assert!(!verdict.page().contains("identical"));
        assert_eq!(verdict.difference().as_deref(), Some("the nodes differ: node-0, node-2 a; node-1 b"));
    }
}
