//! What proves hoglet.

pub mod adapter;
pub mod firmware;
pub mod laws;
pub mod script;
pub mod server;
pub mod sim;
pub mod sizes;
