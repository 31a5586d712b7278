//! How every event ended: by its receipt, by waiting for it, by the counters.
//!
//! `POSTHOG_API_KEY=phc_… cargo run -p hoglet-native --example receipts`; with
//! `POSTHOG_HOST=http://127.0.0.1:8080`, it talks to `cargo capture-server --port 8080`.

use hoglet_native::{Client, ClientOptions, EU_INGESTION_ENDPOINT, Error, Event};

fn main() -> Result<(), Error> {
    let api_key = std::env::var("POSTHOG_API_KEY").unwrap_or_default();
    let host = std::env::var("POSTHOG_HOST").unwrap_or_else(|_| EU_INGESTION_ENDPOINT.to_owned());
    let options = ClientOptions::new(api_key)
        .host(host)
        // Every captured event gets exactly one receipt, in the order in which events end.
        .on_receipt(|receipt| {
            let (uuid, outcome, attempts) = (receipt.uuid, &receipt.outcome, receipt.attempts);
            println!("{uuid}: {outcome}, attempts: {attempts}");
        })
        // Lost events with the server's reason, events dropped by a hook, unusable configuration.
        .on_error(|error| eprintln!("{error}"));
    let client = Client::new(options)?;

    for step in 1..=3 {
        let mut event = Event::new("step", "user-1");
        event.insert_prop("number", step)?;
        client.capture(event)?;
    }
    // An event that no server would accept is refused at once; the error names the rule.
    if let Err(why) = client.capture(Event::new("", "user-1")) {
        println!("refused: {why}");
    }
    // The call waits for this event.
    match client.capture_immediate(Event::new("signup", "user-1")) {
        Ok(outcome) => println!("signup: {outcome}"),
        Err(Error::NotDelivered {
            outcome, reason, ..
        }) => println!("signup: {outcome} {reason:?}"),
        Err(why) => println!("signup: {why}"),
    }

    let summary = client.shutdown();
    println!("{} delivered, {} left", summary.delivered, summary.left);
    for (kind, count) in summary.dropped.iter() {
        println!("{} lost: {}", count, kind.name());
    }
    assert!(client.stats().is_balanced());
    Ok(())
}
