//! What every process of a comparison measures of itself.

pub mod usage;
