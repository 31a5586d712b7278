//! What proves the core.

pub mod laws;
pub mod script;
pub mod sim;
