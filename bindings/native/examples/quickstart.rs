//! A flag, asked for, and one event, sent.
//!
//! `POSTHOG_API_KEY=phc_… cargo run -p hoglet-native --example quickstart`

use std::time::Duration;

use hoglet_native::{Client, ClientOptions, EU_INGESTION_ENDPOINT, EvaluateFlagsOptions, Event};

fn main() -> Result<(), hoglet_native::Error> {
    let api_key = std::env::var("POSTHOG_API_KEY").unwrap_or_default();
    let host = std::env::var("POSTHOG_HOST").unwrap_or_else(|_| EU_INGESTION_ENDPOINT.to_owned());
    let options = ClientOptions::new(api_key)
        .host(host)
        .on_error(|error| eprintln!("posthog: {error}"));
    let client = Client::new(options)?;

    // One request; everything after it is read from the snapshot. An error means your own default.
    let flags = client.evaluate_flags("user-1", EvaluateFlagsOptions::default());
    let is_new = flags
        .as_ref()
        .is_ok_and(|flags| flags.is_enabled("new-signup"));

    let mut event = Event::new("signup", "user-1");
    event.insert_prop("form", if is_new { "new" } else { "old" })?;
    if let Ok(flags) = &flags {
        event.with_flags(flags);
    }
    client.capture(event)?; // never waits for the network; an error says why an event is refused

    let summary = client.shutdown_timeout(Duration::from_secs(5));
    println!("{summary:?}"); // delivered, dropped and how, left
    Ok(())
}
