//! The simulation: seeded worlds in which a client, its host, a network and a server misbehave in
//! virtual time. The client is a [`Checked`](crate::laws::Checked) one, which asserts the laws at
//! every call; beside it a second account says what must follow.
//!
//! `world.rs` is the loop; `capture.rs`, `calls.rs` and `network.rs` make the calls; `model.rs` is
//! the second account, `account.rs` holds the client against it; `sent.rs` and `wire.rs` check what
//! is sent; `server.rs` answers. A [`Failure`] names what is broken, and its seed replays it.

mod account;
mod answer;
mod calls;
mod capture;
mod check;
mod clocks;
mod encoded;
mod event;
mod expect;
mod flight;
mod generate;
mod invalid;
mod leave;
mod members;
mod model;
mod network;
mod outage;
mod outcome;
mod rng;
mod runner;
mod sent;
mod server;
mod setup;
mod time;
mod truth;
mod wire;
mod world;

pub use runner::{Failure, Options, Summary, run};
