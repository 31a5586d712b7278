//! `cargo demo`: events through [`hoglet_native`], and what becomes of every one of them.
//!
//! Two jobs. The demo (`demo.rs`) plays a web shop (`story.rs`) against a local capture server that
//! misbehaves, or against a real `PostHog`. The import (`import.rs`) sends a file of events: `input.rs` decodes it
//! and cuts it into records, `line.rs` makes events of them, `rules.rs` decides what they leave open, `window.rs`
//! knows which have been settled (`fate.rs`), `checkpoint.rs` keeps that count for a later run. `report.rs` and
//! `sum.rs` print for both.
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
mod demo;
mod fate;
mod fingerprint;
mod help;
mod import;
mod input;
mod line;
mod narrator;
mod place;
mod progress;
mod report;
mod rules;
mod settling;
mod shown;
mod story;
mod sum;
mod window;

/// The arguments, the file or the network is not what it should be: nothing was sent.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    let variable = |name: &str| std::env::var(name).ok();
    let done = arguments::parse(arguments, variable).and_then(|job| match job {
        Job::Help => {
            report::say(help::HELP.trim_end());
            Ok(true)
        }
        Job::Demo(demo) => demo::run(&demo),
        Job::Import(import) => import::run(&import),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            report::complain(&why);
            ExitCode::from(UNUSABLE)
        }
    }
}
