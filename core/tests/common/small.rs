//! The options of most tests.

use towline_core::{Options, Span};

/// A small node: a ring of 4 KiB, pieces of 128 bytes, beats ten times a second.
pub fn small() -> Options {
    Options {
        backlog_bytes: 4096,
        batch_bytes: 256,
        record_bytes_max: 512,
        window_bytes: 1024,
        piece_bytes_max: 128,
        piece_window_bytes: 256,
        links_max: 6,
        slots_max: 4,
        ships_max: 2,
        beat: Span::from_millis(100),
        idle: Span::from_millis(1000),
        handshake: Span::from_millis(1000),
        reconnect_window: Span::from_secs(10),
        redial_max: Span::from_millis(400),
        ..Options::default()
    }
}
