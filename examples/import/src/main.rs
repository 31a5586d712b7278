//! `cargo import FILE`: sends a file of events through [`hoglet_native`].
//!
//! `input.rs` decodes the file and cuts it into records, `line.rs` makes events of them, `rules.rs`
//! decides what they leave open, `place.rs` says where they go, `window.rs` knows which have been
//! settled (`fate.rs`), `checkpoint.rs` keeps that count for a later run, `closing.rs` tells how it
//! ended.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

use std::process::ExitCode;

use crate::arguments::Job;

mod arguments;
mod checker;
mod checkpoint;
mod closing;
mod fate;
mod fingerprint;
mod help;
mod import;
mod input;
mod line;
mod place;
mod progress;
mod rules;
mod settling;
mod shown;
mod window;

/// The arguments, the file or the network is not what it should be: nothing was sent.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    let variable = |name: &str| std::env::var(name).ok();
    let done = arguments::parse(arguments, variable).and_then(|job| match job {
        Job::Help => {
            example_report::say(help::HELP.trim_end());
            Ok(true)
        }
        Job::Import(import) => import::run(&import),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            example_report::complain("import", &why);
            ExitCode::from(UNUSABLE)
        }
    }
}
