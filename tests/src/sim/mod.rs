//! The simulation: seeded worlds in which a client, its host, a network and a server misbehave in
//! virtual time, while every call is held against a second account of what must follow.
//!
//! [`world`] is the loop; [`calls`] and [`network`] make the calls; [`model`] is the second
//! account; [`sent`] and [`wire`] check what is sent; [`server`] answers. A [`Violation`] names
//! the law that was broken, and its seed replays it.

mod calls;
mod event;
mod expect;
mod invalid;
mod model;
mod network;
mod outcome;
mod rng;
mod runner;
mod sent;
mod server;
mod setup;
mod time;
mod twin;
mod violation;
mod wire;
mod world;

pub use runner::{Failure, Options, Summary, run};
pub use violation::{Law, Violation};
