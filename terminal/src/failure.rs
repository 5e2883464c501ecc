//! The failures of a command: one line, and 1, 2, 3 or 4 as the exit code.

use std::fmt;
use std::process::ExitCode;

/// The reason why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// The command was understood, and failed: exit code 1.
    Failed(anyhow::Error),
    /// The command was not understood, or could never work: exit code 2.
    Usage(String),
    /// The run succeeded and proved nothing: exit code 3. Only the simulator can tell.
    Vacuous(String),
    /// A server stopped in order, but not all that was answered is kept or received: exit code 4.
    LeftOver(String),
}

impl Failure {
    /// Returns the failure of a command that was understood.
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
