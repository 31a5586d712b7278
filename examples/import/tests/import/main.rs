//! The program as people run it, against local capture servers.

use std::process::Command;

use capture_server::{Options, Server};
use example_report::testing::program;

mod events;
mod forms;
mod import;
mod odd;
mod proxies;
mod resumed;

fn importer(arguments: &[&str]) -> Command {
    program(env!("CARGO_BIN_EXE_hoglet-import"), arguments)
}

fn server() -> Server {
    Server::start(Options::default()).expect("a port")
}
