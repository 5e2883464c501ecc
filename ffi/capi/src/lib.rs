//! `libtowline.a` and `libtowline.so`: everything in `towline-ffi`, and nothing of their own.
//!
//! A crate apart, because a crate that is also an rlib loses link-time optimisation without a word. What leaves in the
//! static archive is narrowed to `tow_*` by `cargo xtask install`.

pub use towline_ffi::*;
