//! The browser's page, if it was built before this program: see `build.rs`.

use towline_server::web::File;

const BUILT: &[File] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The page that `--web` shows in its place.
const MISSING: &[File] = &[File {
    path: "/",
    media: "text/plain; charset=utf-8",
    bytes: b"This towline was built without its page. In its sources, type\n\n    cargo xtask wasm\n\n\
             and build it again. Replicas connect at /replicate all the same.\n",
}];

/// Returns the files that `--web` serves.
pub(crate) const fn files() -> &'static [File] {
    if BUILT.is_empty() { MISSING } else { BUILT }
}
