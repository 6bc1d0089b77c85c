//! Hashing gives way to everything else that wants the processor.

/// How far hashing steps back; between "not at all" and 19, "only when idle".
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lowers the priority of the calling thread, where the system lets it.
///
/// A login may take a few milliseconds longer; a request for a protected route, answered in microseconds, may not wait
/// for one.
#[cfg(target_os = "linux")]
pub(crate) fn give_way() {
    // On Linux "the calling process" of setpriority(2) is the calling thread.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the hashing threads keep the usual priority");
    }
}

/// Elsewhere a priority belongs to the whole process, which must not be slowed.
#[cfg(not(target_os = "linux"))]
pub(crate) fn give_way() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn only_the_calling_thread_gives_way() {
        let before = getpriority_process(None).unwrap();
        let lowered = std::thread::spawn(|| {
            give_way();
            getpriority_process(None).unwrap()
        });
        assert_eq!(lowered.join().unwrap(), NICENESS.max(before));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
