//! A caller's own timestamp, against `chrono`: the same instants, and canonical form when sent.
#![no_main]

use hoglet::{CaptureError, Event, Ignore};
use hoglet_fuzz::{NOW, config, timestamp_sent, with_client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let event = Event::new("e", "u").timestamp(text);
    let accepted = with_client(config(), |client| {
        client.capture(&event, NOW, &mut Ignore).map(drop)
    });
    let instant = chrono::DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|read| read.timestamp_millis());
    match accepted {
        Ok(()) => {
            let sent = with_client(config(), |client| timestamp_sent(client, &event));
            let read = chrono::DateTime::parse_from_rfc3339(&sent).expect("canonical RFC 3339");
            assert!(sent.len() == 24 && sent.ends_with('Z'), "{sent}");
            assert_eq!(
                Some(read.timestamp_millis()),
                instant,
                "{text} became {sent}"
            );
            let again = Event::new("e", "u").timestamp(sent.as_str());
            assert_eq!(
                with_client(config(), |client| timestamp_sent(client, &again)),
                sent
            );
        }
        Err(CaptureError::TimestampInvalid) => {
            let years = -62_167_219_200_000..=253_402_300_799_999;
            let is_ours = instant.is_some_and(|ms| years.contains(&ms));
            assert!(!is_ours, "{text} is refused");
        }
        Err(other) => panic!("{other}"),
    }
});
