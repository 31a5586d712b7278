//! CPU time and memory, of a thread and of the process.

/// CPU nanoseconds of this thread. On two cores the caller, the sender and the sink take turns: by
/// the clock on the wall it is their number that would be measured.
pub fn thread_cpu_ns() -> f64 {
    // SAFETY: `clock_gettime` fills the struct it is given, which is plain numbers.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
        time
    };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// CPU seconds and peak memory in MB of this process.
pub fn usage() -> (f64, f64) {
    // SAFETY: `getrusage` fills the whole struct it is given, which is plain numbers.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss as f64 / 1000.0)
}
