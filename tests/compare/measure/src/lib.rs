//! What every process of a comparison measures of itself, and what all of them ask.

pub mod flags;
pub mod usage;
