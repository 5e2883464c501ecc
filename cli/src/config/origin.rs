//! The origin of an option: an error names the flag, or the file with its line and key.

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

    /// Notes that the file decides an option; its name is that of a field.
    pub(super) fn note_file(&mut self, name: &'static str) {
        self.names.push(name);
    }

    /// Replaces the `--NAME` at the beginning of a failure by the option's place in the file.
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
