//! `cargo demo`: events through [`hoglet_native`], and what becomes of every one of them.
//!
//! `play.rs` sends what happens in a web shop (`story.rs`) to a local capture server that
//! misbehaves, or to a real `PostHog`; `narrator.rs` tells what the client and the server do.
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
mod narrator;
mod play;
mod story;

/// The arguments or the network are not what they should be: nothing was sent.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1);
    let variable = |name: &str| std::env::var(name).ok();
    let done = arguments::parse(arguments, variable).and_then(|job| match job {
        Job::Help => {
            example_report::say(arguments::HELP.trim_end());
            Ok(true)
        }
        Job::Demo(demo) => play::run(&demo),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            example_report::complain("demo", &why);
            ExitCode::from(UNUSABLE)
        }
    }
}
