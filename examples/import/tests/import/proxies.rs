//! Proxies that the environment names: nothing goes through them to this machine.

use std::process::Command;

use example_report::testing::run;

use crate::events::{Events, line};
use crate::{importer, server};

/// All requests of this program would go to a proxy that is not there.
fn behind_a_proxy(command: &mut Command) -> &mut Command {
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        let proxy = "http://127.0.0.1:9";
        command.env(name, proxy).env(name.to_lowercase(), proxy);
    }
    command
}

#[test]
fn an_import_talks_to_a_server_on_this_machine_directly() {
    let events = Events::new("proxied", (1..=10).map(line));
    let mut local = importer(&["--retries", "0"]);
    let server = server();
    let mut given = events.import(&server, &["--retries", "0"]);
    for command in [local.arg(&events.path), &mut given] {
        let ran = run(behind_a_proxy(command));
        assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
        assert_eq!(ran.equation(), "10 lines read = 10 delivered + 0 refused");
    }
}
