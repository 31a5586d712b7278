//! The firmware of `examples/cortex-m`, on an emulated board with an emulated network.

use std::time::{SystemTime, UNIX_EPOCH};

use capture_server::{Fault, Options, Server};
use hoglet_verify::Workspace;
use sizes::firmware::Firmware;

/// The board boots, retries and delivers in about two seconds; a busy machine needs longer.
const TOLERANCE_MS: i64 = 5_000;

fn unix_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(now.expect("it is after 1970").as_millis()).expect("64 bits hold it")
}

#[test]
#[ignore = "needs QEMU and the target thumbv7em-none-eabi: `cargo verify firmware` gets both"]
fn a_device_that_does_not_know_the_time_delivers_events_at_the_right_time() {
    let workspace = Workspace::find().expect("a workspace");
    let firmware = Firmware::build(&workspace).expect("the firmware builds");
    let server = Server::start(Options::default()).expect("a server");
    server.push(Fault::status(503));

    let start_ms = unix_ms();
    let run = firmware.run(&workspace, &server).expect("QEMU runs it");
    let end_ms = unix_ms();

    assert!(run.success, "{}", run.console);
    let answers: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.answer.status)
        .collect();
    assert_eq!(answers, [Some(503), Some(200)], "{}", run.console);
    let events = server.events();
    let readings: Vec<_> = events
        .iter()
        .map(|event| event.properties["reading"].as_u64())
        .collect();
    assert_eq!(readings, (0..10).map(Some).collect::<Vec<_>>());
    for event in &events {
        assert_eq!(event.stored, 1, "{event:?}");
        // It counts from the moment it is switched on.
        assert!(
            event.timestamp.starts_with("1970-01-01T00:00:"),
            "{event:?}"
        );
        let time_ms = event.time_ms.expect("the server knows when it was");
        assert!(
            (start_ms - TOLERANCE_MS..=end_ms + TOLERANCE_MS).contains(&time_ms),
            "{event:?}"
        );
    }
    let times: Vec<_> = events.iter().map(|event| event.time_ms).collect();
    assert!(times.is_sorted(), "{times:?}");
}
