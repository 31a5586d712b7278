//! The program as people run it.

use std::process::Command;

use capture_server::{Fault, Options, Server};
use example_report::testing::{program, run};

fn demo(arguments: &[&str]) -> Command {
    program(env!("CARGO_BIN_EXE_demo"), arguments)
}

fn server() -> Server {
    Server::start(Options::default()).expect("a port")
}

#[test]
fn the_demo_accounts_for_every_event() {
    // The story needs V1, whatever the environment says.
    let ran = run(demo(&[]).env("POSTHOG_CAPTURE_MODE", "v0"));
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    let [queued, refused] = ["queued", "refused"].map(|verb| ran.told(verb));
    let [delivered, dropped] = ["delivered", "dropped"].map(|verb| ran.told(verb));
    assert_eq!(
        ran.equation(),
        format!(
            "{} captured = {delivered} delivered + {dropped} dropped by the server + {refused} refused",
            queued + refused
        )
    );
    assert_eq!((queued, delivered, dropped, refused), (41, 39, 2, 4));
    for told in [
        "answers 503, Retry-After 1 s",
        "4 ok, 2 retry",
        "2 drop",
        "takes 1.5 s",
        "is cut off",
        "5 of them it has already",
        "one-page-checkout: on",
        "counters and the server's agree",
    ] {
        assert!(ran.out.contains(told), "{told}:\n{}", ran.out);
    }
}

#[test]
fn the_demo_tells_what_the_server_did_before_what_came_of_it() {
    let ran = run(&mut demo(&[]));
    let scenes = ran.out.split("\n\n").filter(|scene| scene.contains("  #"));
    let verbs = scenes.map(|scene| {
        let lines = scene.lines().filter(|line| line.starts_with("  "));
        let verbs = lines.filter_map(|line| {
            let mut words = line
                .split_whitespace()
                .map(|word| word.trim_start_matches('#'));
            words.find(|word| word.parse::<u32>().is_err())
        });
        let mut verbs: Vec<_> = verbs
            .filter(|verb| ["queued", "server", "delivered", "dropped"].contains(verb))
            .collect();
        verbs.dedup();
        verbs.join(" ")
    });
    let verbs: Vec<_> = verbs.collect();
    let expected = [
        "queued server delivered",
        "queued server delivered",
        "queued server delivered",
        "queued server delivered server delivered",
        "queued server delivered dropped delivered dropped delivered",
        "queued server queued delivered server delivered",
        "queued server delivered",
        "server queued server queued server delivered",
    ];
    assert_eq!(verbs, expected, "{}", ran.out);
}

#[test]
fn the_demo_is_plain_text_of_80_columns_where_nobody_watches() {
    let ran = run(&mut demo(&[]));
    let long = ran.out.lines().find(|line| line.chars().count() > 80);
    assert_eq!((long, ran.out.contains('\x1b')), (None, false));
}

#[test]
fn the_demo_sends_to_the_posthog_of_the_environment() {
    let server = server();
    let mut command = demo(&[]);
    command
        .env("POSTHOG_HOST", server.url())
        .env("POSTHOG_API_KEY", "phc_env");
    let ran = run(&mut command);
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(
        ran.equation(),
        "45 captured = 41 delivered + 0 dropped by the server + 4 refused"
    );
    let events = server.events();
    assert_eq!(events.len(), 41);
    assert!(events.iter().all(|event| event.token == "phc_env"));
}

#[test]
fn the_demo_fails_when_events_are_lost_and_says_why() {
    let server = server();
    server.play(Fault::status(401).with_body("no such project").times(50));
    let mut command = demo(&[]);
    command
        .env("POSTHOG_HOST", server.url())
        .env("POSTHOG_API_KEY", "phc_env");
    let ran = run(&mut command);
    assert_eq!((ran.status, ran.told("lost")), (Some(1), 41), "{}", ran.out);
    assert!(ran.out.contains("rejected (status 401)"), "{}", ran.out);
    assert!(ran.out.contains("no such project"), "{}", ran.out);
}

/// All requests of this program would go to a proxy that is not there.
#[test]
fn the_demo_talks_to_its_own_server_directly() {
    let mut command = demo(&[]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        let proxy = "http://127.0.0.1:9";
        command.env(name, proxy).env(name.to_lowercase(), proxy);
    }
    let ran = run(&mut command);
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(ran.told("delivered"), 39);
}
