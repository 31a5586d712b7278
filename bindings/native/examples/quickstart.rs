//! One event, sent. `POSTHOG_API_KEY=phc_… cargo run -p hoglet-native --example quickstart`

use std::time::Duration;

use hoglet_native::{Client, ClientOptions, EU_INGESTION_ENDPOINT, Event};

fn main() -> Result<(), hoglet_native::Error> {
    let api_key = std::env::var("POSTHOG_API_KEY").unwrap_or_default();
    let host = std::env::var("POSTHOG_HOST").unwrap_or_else(|_| EU_INGESTION_ENDPOINT.to_owned());
    let options = ClientOptions::new(api_key)
        .host(host)
        .on_error(|error| eprintln!("posthog: {error}"));
    let client = Client::new(options)?;

    let mut event = Event::new("signup", "user-1");
    event.insert_prop("plan", "pro")?;
    client.capture(event)?; // never waits for the network; an error says why an event is refused

    let summary = client.shutdown_timeout(Duration::from_secs(5));
    println!("{summary:?}"); // delivered, dropped and how, left
    Ok(())
}
