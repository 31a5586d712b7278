//! What the demo and the importer print: lines for a terminal ([`Paper`]), sums that are checked
//! ([`Sum`]).
#![cfg_attr(
    not(any(test, feature = "testing")),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod paper;
mod sum;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use paper::{Ink, Paper, complain, is_watched, say};
pub use sum::{Reasons, Sum, grouped, row};
