//! Plays an input of `node_script` and prints each operation, each frame in words, and what each node asked for.
//!
//! ```sh
//! cargo run --manifest-path fuzz/Cargo.toml --example story -- target/fuzz-failures/node_script-crash-...
//! ```

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!(
            "name an input; those that failed are in target/fuzz-failures, others in fuzz/corpus/node_script"
        );
        return ExitCode::from(2);
    };
    match std::fs::read(&path) {
        Ok(bytes) => {
            towline_fuzz::node_script::story(&bytes);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cannot read {}: {error}", path.display());
            ExitCode::from(2)
        }
    }
}
