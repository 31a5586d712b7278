//! Names of members in which exporters put an event's time.

/// At a line's own level; small letters only, as [`is_one_of`] compares them.
const OWN: [&str; 14] = [
    "time",
    "timestamp",
    "ts",
    "eventtime",
    "clienteventtime",
    "originaltimestamp",
    "datetime",
    "date",
    "createdat",
    "occurredat",
    "sentat",
    "receivedat",
    "serverreceivedtime",
    "now",
];
/// Among properties, where other things have times too.
const OF_PROPERTIES: [&str; 6] = [
    "time",
    "timestamp",
    "ts",
    "eventtime",
    "originaltimestamp",
    "datetime",
];

/// Whether a line's member of this name, which is not `timestamp`, may be the event's time.
pub(super) fn is_time(name: &str) -> bool {
    is_one_of(name, &OWN)
}

/// Whether a property of this name may be.
pub(super) fn is_time_of_properties(name: &str) -> bool {
    is_one_of(name, &OF_PROPERTIES)
}

/// Whether a name is one of these, whatever the case and whatever stands between its words.
fn is_one_of(name: &str, times: &[&str]) -> bool {
    let letters = || {
        let letters = name
            .bytes()
            .filter(|byte| !matches!(byte, b'$' | b'_' | b'-' | b' '));
        letters.map(|byte| byte.to_ascii_lowercase())
    };
    times.iter().any(|time| letters().eq(time.bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_however_they_are_written() {
        for name in [
            "time",
            "$time",
            "Timestamp",
            "event_time",
            "eventTime",
            "originalTimestamp",
            "created_at",
            "ts",
        ] {
            assert!(is_time(name), "{name}");
        }
        for name in ["", "timed", "$ip", "uptime", "plan"] {
            assert!(!is_time(name), "{name}");
        }
        assert!(is_time_of_properties("$timestamp"));
        assert!(!is_time_of_properties("created_at"));
    }
}
