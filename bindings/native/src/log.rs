//! The default for `on_error`, if a feature selects one: a WARN record of `log`, of `tracing`, or
//! of both.

use std::fmt::Display;

/// Whether this build has a default for `on_error`.
pub(crate) const IS_ON: bool = cfg!(any(feature = "log", feature = "tracing"));

/// Writes an error as a WARN record.
pub(crate) fn warn(error: &dyn Display) {
    #[cfg(feature = "log")]
    ::log::warn!(target: "posthog", "{error}");
    #[cfg(feature = "tracing")]
    ::tracing::warn!(target: "posthog", "{error}");
    let _ = error;
}

#[cfg(all(test, feature = "log"))]
mod tests {
    use std::sync::Mutex;

    use crate::queue::callbacks::Callbacks;
    use crate::types::error::Warning;

    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

    struct Keep;

    impl log::Log for Keep {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &log::Record<'_>) {
            let line = format!("{} {} {}", record.level(), record.target(), record.args());
            SEEN.lock().expect("no panic").push(line);
        }

        fn flush(&self) {}
    }

    #[test]
    fn without_on_error_a_warning_is_a_log_record() {
        log::set_logger(&Keep).expect("the only logger");
        log::set_max_level(log::LevelFilter::Warn);
        Callbacks::default().warn(&Warning::BlankApiKey, &mut std::io::stderr());
        let seen = SEEN.lock().expect("no panic");
        let line = "WARN posthog the API key is blank, the client is disabled";
        assert!(seen.iter().any(|seen| seen == line), "{seen:?}");
    }
}
