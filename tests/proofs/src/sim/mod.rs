//! The simulation: seeded worlds in which a client, its host, a network and a server misbehave in
//! virtual time. The client is a [`Checked`](crate::laws::Checked) one, which asserts the laws at
//! every call; beside it a second account says what must follow.
//!
//! `world.rs` reads as the story of one world. The files, by what they stand for:
//!
//! * **The world.** `world.rs`: its loop and its end. `setup.rs`: configuration and faults, chosen
//!   by the seed. `rng.rs`: chance. `clocks.rs`: the host's clocks, which lag, leap and stop.
//!   `outage.rs`: nothing gets through for a while. `runner.rs`: many worlds, on several threads.
//! * **The host.** `capture.rs`: events, and what must become of each. `calls.rs`: everything else
//!   that a host calls on its own account. `leave.rs`: it is about to go. `evaluations.rs`: it asks
//!   for flags, several people's at once. `flags.rs`: what the server knows of them.
//! * **Events.** `event.rs`: as a caller has them. `generate.rs`: valid ones. `invalid.rs`: each to
//!   be refused for one reason. `members.rs`: a JSON object without duplicate keys.
//! * **The network and the server.** `network.rs`: delays, losses, repetitions, cuts. `answer.rs`:
//!   an answer on its way. `server.rs`: stores and answers, honestly or not.
//! * **The second account.** `model.rs`: how each event must end. `flight.rs`: what waits and what
//!   is in flight. `outcome.rs`: PROTOCOL's outcomes as a table. `account.rs` holds the client
//!   against it after every call.
//! * **What is sent.** `sent.rs`: checks at every `Send`. `wire.rs`: reads a request as strictly as
//!   the server. `expect.rs`: what an event must look like. `encoded.rs`: the compressor.
//!   `truth.rs`: when every event really happened. `time.rs`: wall time as text.
//!
//! `check.rs` says what is wrong. A [`Failure`] names what is broken, and its seed replays it.

mod account;
mod answer;
mod calls;
mod capture;
mod check;
mod clocks;
mod encoded;
mod evaluations;
mod event;
mod expect;
mod flags;
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
