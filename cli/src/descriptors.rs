//! The process's limit of file descriptors: raised at the start as far as it may be.

/// Raises the soft limit to the hard one and returns it; none where there is no limit or none is known.
#[cfg(unix)]
pub(crate) fn raise() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Where that is refused, the old limit stays: the server reports if it is too low.
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
    }
    getrlimit(Resource::Nofile).current
}

/// Returns nothing: no limit is known here.
#[cfg(not(unix))]
pub(crate) const fn raise() -> Option<u64> {
    None
}
