//! The native host against the local capture server, over loopback.

mod answers;
mod asynchronous;
mod delivery;
mod flags;
mod hooks;
mod limits;
mod proxies;
mod raw;
mod tiny;
#[cfg(feature = "tls")]
mod tls;
mod waiting;
mod wire;

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use capture_server::{Options, Server};
use hoglet_native::{Client, ClientOptions, Error, Event, Outcome, Receipt, Uuid, hoglet};

/// Longer than any step takes, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

fn server() -> Server {
    Server::start(Options::default()).expect("a port")
}

/// Options for `server` that send only when flushed, retry soon, and add no properties.
fn options(server: &Server) -> ClientOptions {
    ClientOptions::new("phc_test")
        .host(server.url())
        .is_server(false)
        .os_properties(false)
        .flush_interval_ms(600_000)
        .retry_initial_backoff_ms(100)
}

fn client(options: ClientOptions) -> Client {
    Client::new(options).expect("good options")
}

/// Adds a callback that passes receipts to the test.
fn with_receipts(options: ClientOptions) -> (ClientOptions, Receiver<Receipt>) {
    let (sender, receiver) = channel();
    // A send fails only if the test no longer listens.
    (
        options.on_receipt(move |receipt| drop(sender.send(receipt.clone()))),
        receiver,
    )
}

/// Adds a callback that passes the texts of errors to the test.
fn with_errors(options: ClientOptions) -> (ClientOptions, Receiver<String>) {
    let (sender, receiver) = channel();
    (
        options.on_error(move |error| drop(sender.send(error.to_string()))),
        receiver,
    )
}

fn event(name: &str) -> hoglet::Event<'_> {
    hoglet::Event::new(name, "somebody")
}

fn capture(client: &Client, name: &str) -> Uuid {
    client.capture(event(name)).expect("a good event")
}

fn capture_all(client: &Client, names: &[&str]) {
    for name in names {
        capture(client, name);
    }
}

fn owned(name: &str) -> Event {
    Event::new(name, "somebody")
}

/// The names of the events that the server has stored.
fn stored(server: &Server) -> Vec<String> {
    server
        .events()
        .into_iter()
        .map(|event| event.event)
        .collect()
}

/// The outcome of an event that was waited for and not stored.
fn lost(result: Result<Outcome, Error>) -> Outcome {
    match result {
        Err(Error::NotDelivered { outcome, .. }) => outcome,
        other => panic!("it was not stored, and yet: {other:?}"),
    }
}
