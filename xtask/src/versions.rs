//! Every tool and target that the project uses beside the Rust toolchain, with its version.

/// A chip without a system: `core` and `kv` must build for it.
pub(crate) const CHIP: &str = "thumbv7em-none-eabihf";
/// The browser: `core` and `kv` must build for it.
pub(crate) const BROWSER: &str = "wasm32-unknown-unknown";

/// Toolchain components; in rustup's default profile, missing from its minimal one.
pub(crate) const COMPONENTS: &[&str] = &["rustfmt", "clippy"];

/// Judges licences, sources and banned crates by `deny.toml`.
pub(crate) const CARGO_DENY: &str = "0.20.2";

/// The end-to-end tests' client. Any version will do: the commands used are older than all of them.
pub(crate) const REDIS_TOOLS: &str = "redis-tools";

/// Spreads a campaign over processes in an example of the docs, which is run as it stands. Any version will do.
pub(crate) const PARALLEL: &str = "parallel";

/// The nightly toolchain, for Miri and AddressSanitizer.
pub(crate) const NIGHTLY: &str = "nightly-2026-05-20";
/// The same, as an argument of cargo.
pub(crate) const ON_NIGHTLY: &str = "+nightly-2026-05-20";

/// A C programmer's tools, and the library from which the C examples take their digest. Any version will do.
pub(crate) const C_TOOLS: &str = "gcc g++ binutils clang valgrind pkg-config cmake doxygen libxxhash-dev";
/// Runs the npm tools and the package's tests: the oldest node the package supports, or a newer one. The versions of
/// npm packages are in wasm/package.json.
pub(crate) const NODE: &str = "20.19.5";

/// The browser of the page's tests. Any version of this year will do.
pub(crate) const CHROMIUM: &str = "chromium";

/// The redis whose test suite runs against our server, as the version of Debian 12's source package `redis`, and the
/// suite's language, of which any version will do.
pub(crate) const REDIS_SUITE: &str = "7.0.15";
pub(crate) const TCL: &str = "tcl";

/// The client libraries of `cargo xtask clients` that come from PyPI; those from npm are in tests/clients/package.json.
pub(crate) const REDIS_PY: &str = "8.1.0";
/// Packages of a nightly check.
pub(crate) const DJANGO: &str = "django==5.2.19 asgiref==3.13.0 sqlparse==0.6.1";

/// The Prometheus exporter for redis. Any version will do: the fields of INFO that it reads are older than all of them.
pub(crate) const EXPORTER: &str = "prometheus-redis-exporter";
