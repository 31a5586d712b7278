//! Feature flags over real sockets.

mod asking;
mod calls;
mod single;
mod snapshot;

use capture_server::{Lane, RecordedRequest, Server};
use hoglet_native::{Client, EvaluateFlagsOptions};
use serde_json::{Value, json};

use crate::server;

/// A server with flags of every kind.
fn flagged() -> Server {
    with_flags(&json!({
        "off": false,
        "on": true,
        "split": {"variant": "b", "metadata": {"id": 77, "version": 3, "payload": "{\"n\":1}"}},
    }))
}

fn with_flags(table: &Value) -> Server {
    let server = server();
    set_flags(&server, table);
    server
}

fn set_flags(server: &Server, table: &Value) {
    server.set_flags(table.as_object().expect("an object").clone());
}

fn asked(server: &Server) -> Vec<RecordedRequest> {
    let requests = server.requests().into_iter();
    requests
        .filter(|request| request.lane == Lane::Flags)
        .collect()
}

fn keys(keys: &[&str]) -> EvaluateFlagsOptions {
    EvaluateFlagsOptions {
        flag_keys: Some(keys.iter().map(|key| (*key).to_owned()).collect()),
        ..EvaluateFlagsOptions::default()
    }
}

fn all() -> EvaluateFlagsOptions {
    EvaluateFlagsOptions::default()
}

/// The properties of the `$feature_flag_called` events that the server has stored, in order.
fn calls(client: &Client, server: &Server) -> Vec<Value> {
    client.flush();
    let events = server.events().into_iter();
    events
        .filter(|event| event.event == "$feature_flag_called")
        .map(|event| event.properties)
        .collect()
}
