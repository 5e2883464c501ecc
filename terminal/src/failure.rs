//! How a command ends when it does not end well: one line, and 1, 2, 3 or 4 as the exit code.

use std::fmt;
use std::process::ExitCode;

/// Why a command ended.
#[derive(Debug)]
pub enum Failure {
    /// Understood, and it did not work: exit code 1.
    Failed(anyhow::Error),
    /// Not understood, or never able to work: exit code 2.
    Usage(String),
    /// It went well and proved nothing: exit code 3. Only the simulator can tell.
    Vacuous(String),
    /// A server stopped in order, and not all that was answered is kept or received: exit code 4.
    LeftOver(String),
}

impl Failure {
    /// Returns a failure of what was understood.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::Failed(anyhow::Error::msg(text.into()))
    }

    /// Returns the exit code: 1 to 4.
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
            Self::Vacuous(_) => ExitCode::from(3),
            Self::LeftOver(_) => ExitCode::from(4),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(out, "{error:#}"),
            Self::Usage(text) | Self::Vacuous(text) | Self::LeftOver(text) => out.write_str(text),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}
