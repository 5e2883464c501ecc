//! Parts for the connections that an engine or an application holds itself.
//!
//! | module | contents |
//! |---|---|
//! | `acceptor` | connections that come in, with a bound |
//! | `buffer` | unread bytes, with a bound |
//! | `closing` | the end of a connection, so that the last bytes arrive |
//! | `log_limit` | log lines that a stranger can cause |

mod acceptor;
mod buffer;
mod closing;
mod log_limit;

pub use acceptor::{Acceptor, Refusals};
pub use buffer::Buffer;
pub use closing::Closing;
pub use log_limit::{LogLimit, Repeats};
