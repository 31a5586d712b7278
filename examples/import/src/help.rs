//! The text of `--help`.

/// The text of `--help`.
pub(crate) const HELP: &str = "\
hoglet's importer: a file of events through the native client.

cargo import FILE [options]
    Sends a file of events, JSON objects like
      {\"event\": \"signup\", \"distinct_id\": \"user-1\", \"properties\": {},
       \"timestamp\": \"2026-11-24T10:00:00Z\", \"uuid\": \"…\"}
    one a line, in an array, over several lines each, or in the body of /batch/;
    in UTF-8 or UTF-16; plain, or compressed by gzip, zstd or brotli (.br).
    - reads standard input.

    event and distinct_id are needed. A distinct_id may be in properties
    instead; a number is sent as text. $set and $set_once may stand beside them.
    Other members are not sent, and counted.

    --host URL          where to, and the project's API key; without these
    --api-key phc_…     options POSTHOG_HOST and POSTHOG_API_KEY. With neither,
                        events go into a fresh local capture server, and nothing
                        is kept.
    --historical        mark the events as a historical migration; a line
                        without a timestamp is refused, and an event without an
                        $ip is sent with $geoip_disable
    --stamp-missing     send these lines too, as of the time the import began
    --disable-geoip     send all events with $geoip_disable: nobody gets a place
    --dry-run           check the lines, send nothing
    --max-errors N      stop at the Nth bad line
    --retries N         send a batch again up to N times (default 5)
    --progress FILE     where the count of settled lines is kept (default: the
                        file's name with .hoglet behind it; for - nowhere)
    --restart           begin at the first line, whatever was settled before
    --keep              leave the local server running, to look at its page

    Timestamps are RFC 3339 and stored as they stand: PostHog does not correct
    them by this machine's clock. A line without one gets the time at which the
    import first began, the same in every run until the file is done.

    The same command again reads the settled lines without sending them and
    continues behind them: those that the server has stored or dropped, and
    those that were bad. If one of them has changed, it stops and says so. Lines
    behind them may be sent twice; PostHog recognises them by uuid and time. An
    event without a uuid gets one made from the file's name, the line's number
    and the line (version 8).

    Positions in errors count bytes, the line's first is 1; where an event takes
    several lines or shares one, the event's first.

    Exit status: 0 if every event of the file was delivered, 1 if not, 2 if
    nothing could be done.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_fits_into_80_columns() {
        let long = HELP.lines().find(|line| line.chars().count() > 80);
        assert_eq!(long, None);
    }
}
