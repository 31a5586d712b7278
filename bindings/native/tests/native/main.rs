//! The native host against the local capture server, over loopback.

mod answers;
mod asynchronous;
mod delivery;
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

/// Longer than anything here takes, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

fn server() -> Server {
    Server::start(Options::default()).expect("a port")
}

/// Options that send to `server` when they are told to, and soon again, and add nothing.
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

/// The options with a callback for receipts, and where they arrive.
fn with_receipts(options: ClientOptions) -> (ClientOptions, Receiver<Receipt>) {
    let (sender, receiver) = channel();
    // Whoever no longer listens does not want to know.
    (
        options.on_receipt(move |receipt| drop(sender.send(receipt.clone()))),
        receiver,
    )
}

/// The options with a callback for errors, and where their texts arrive.
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

/// The names of the events the server has accepted.
fn stored(server: &Server) -> Vec<String> {
    server
        .events()
        .into_iter()
        .map(|event| event.event)
        .collect()
}

/// How an event ended that was waited for and not stored.
fn lost(result: Result<Outcome, Error>) -> Outcome {
    match result {
        Err(Error::NotDelivered { outcome, .. }) => outcome,
        other => panic!("it was not stored, and yet: {other:?}"),
    }
}
