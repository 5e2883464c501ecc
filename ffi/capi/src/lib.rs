//! `libtowline.a` and `libtowline.so`: everything in `towline-ffi`, and nothing of their own.
//!
//! A crate of its own, because a crate that is also an rlib loses link-time optimisation without a warning.
//! `cargo xtask install` narrows the static archive to the names `tow_*`.

pub use towline_ffi::*;
