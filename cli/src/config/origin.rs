//! Where an option was said: a complaint names the flag, or the file with its line and key.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The options that a config file decides.
#[derive(Debug, Default, Clone)]
pub(crate) struct Origin {
    path: PathBuf,
    names: Vec<&'static str>,
}

impl Origin {
    pub(super) fn new(path: Option<&Path>) -> Self {
        Self { path: path.unwrap_or(Path::new("")).to_owned(), names: Vec::new() }
    }

    /// The file decides this one; its name is that of a field.
    pub(super) fn note_file(&mut self, name: &'static str) {
        self.names.push(name);
    }

    /// Puts a complaint that begins with `--NAME` to where that was said.
    pub(crate) fn place(&self, failure: Failure) -> Failure {
        let text = failure.to_string();
        let Some(rest) = text.strip_prefix("--") else { return failure };
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
        let name = &rest[..end];
        if !self.names.iter().any(|known| known.replace('_', "-") == name) {
            return failure;
        }
        let line = super::line_of(&self.path, name);
        let text = format!("{}:{line}: {rest}", self.path.display());
        match failure {
            Failure::Usage(_) => Failure::Usage(text),
            Failure::Failed(_) => Failure::failed(text),
            Failure::Vacuous(_) | Failure::LeftOver(_) => failure,
        }
    }
}
