//! The C side: the header, the libraries, how they are installed, and what is checked of them.

mod header;

pub(crate) use header::{Args as HeaderArgs, run as header};
