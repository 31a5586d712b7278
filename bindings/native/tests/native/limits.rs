//! Limits, sharing, and calls that must not fail.

use std::time::Duration;

use capture_server::Fault;
use hoglet_native::hoglet::CaptureError;
use hoglet_native::{
    AsEvent, Client, ClientOptions, Compression, ConfigError, Error, Outcome, Uuid,
};

use crate::{PATIENCE, capture, capture_all, client, event, options, owned, server, with_errors};

#[test]
fn a_client_is_shared_between_threads() {
    fn can_be_shared<T: Clone + Send + Sync + 'static>() {}
    can_be_shared::<Client>();
    let server = server();
    let client = client(options(&server).flush_at(20));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let client = client.clone();
            scope.spawn(move || {
                for n in 0..250 {
                    capture(&client, &format!("event {thread} {n}"));
                }
                client.flush();
            });
        }
    });
    assert_eq!(server.events().len(), 1_000);
    assert!(client.stats().is_balanced());
}

#[test]
fn capture_does_not_wait_for_the_server() {
    let server = server();
    server.play([Fault::delay(PATIENCE)]);
    let client = client(options(&server).flush_at(1));
    for n in 0..5_000 {
        capture(&client, &format!("event {n}"));
    }
    let stats = client.stats();
    assert_eq!((stats.captured, stats.delivered()), (5_000, 0));
    client.shutdown_timeout(Duration::ZERO);
}

#[test]
fn nothing_a_caller_says_panics() {
    let server = server();
    let client = client(options(&server));
    let long = "x".repeat(1_000);
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(2_000_000));
    let nested = "[".repeat(10_000);
    for bad in [
        event(""),
        event(&long),
        event("$performance_event"),
        event("e").json("{"),
        event("e").json(b"{\"\xff\":1}"),
        event("e").json(&nested),
        event("e").json(&huge),
        event("e").timestamp("yesterday"),
        event("e").timestamp(i64::MIN),
    ] {
        assert!(client.capture(bad).is_err());
        assert!(client.capture_immediate(bad).is_err());
        assert!(client.capture_ai(bad).is_err() || bad.as_event().name == "e");
    }
    let repeated = event("e").uuid(Uuid::from_u128(1));
    assert_eq!(client.capture(repeated), Ok(Uuid::from_u128(1)));
    assert_eq!(
        client.capture(repeated),
        Err(Error::Capture(CaptureError::UuidQueued))
    );
}

#[test]
fn a_full_queue_refuses_and_says_so() {
    let server = server();
    server.play([Fault::delay(PATIENCE)]);
    let client = client(options(&server).max_queue_size(3).flush_at(1));
    capture(&client, "in flight");
    assert!(server.wait_until(|state| state.requests().len() == 1, PATIENCE));
    capture_all(&client, &["1", "2"]);
    let error = client
        .capture(event("too many"))
        .expect_err("there are three slots");
    assert!(
        matches!(
            error,
            Error::Capture(CaptureError::QueueFull { events: 3, .. })
        ),
        "{error}"
    );
    assert_eq!(client.stats().refused, 1);
    let summary = client.capture_batch_immediate([event("nor can this wait for others")]);
    assert_eq!((summary.submitted(), summary.refused().len()), (0, 1));
    assert!(!summary.all_persisted(), "a refused event is not stored");
    client.shutdown_timeout(Duration::ZERO);
}

#[test]
fn a_disabled_client_does_nothing() {
    let server = server();
    let (blank, warnings) = with_errors(ClientOptions::new(" \n").host(server.url()));
    for options in [options(&server).disabled(true), blank] {
        let client = client(options.before_send(|_| panic!("it is not called")));
        assert!(client.is_disabled());
        assert_eq!(client.capture(event("e")), Ok(Uuid::nil()));
        assert_eq!(client.capture_ai(owned("e")), Ok(Uuid::nil()));
        assert_eq!(
            client.capture(event("e").uuid(Uuid::max())),
            Ok(Uuid::max())
        );
        assert_eq!(client.capture_immediate(event("e")), Ok(Outcome::Disabled));
        let summary = client.capture_batch_immediate([event("e")]);
        assert_eq!((summary.submitted(), summary.refused().len()), (0, 0));
        assert_eq!(client.flush(), client.shutdown_timeout(PATIENCE));
        assert_eq!(client.stats().captured, 0);
    }
    assert_eq!(server.stats().requests, 0);
    let warning = warnings
        .recv_timeout(PATIENCE)
        .expect("a blank key is a mistake");
    assert_eq!(warning, "the API key is blank, the client is disabled");
}

#[test]
fn options_that_cannot_work_are_refused() {
    let new = |options| Client::new(options).expect_err("it cannot work");
    let options = || ClientOptions::new("phc_test");
    assert_eq!(
        new("phx_personal".into()),
        Error::Config(ConfigError::PersonalToken)
    );
    assert_eq!(
        new(options().host("example.com")),
        Error::Host("example.com".to_owned())
    );
    assert_eq!(
        new(options().extra_header("a b", "c")),
        Error::Header("a b".to_owned())
    );
    assert_eq!(
        new(options().extra_header("a", "b\nc")),
        Error::Header("a".to_owned())
    );
    let own = "Authorization".to_owned();
    assert_eq!(new(options().extra_header(&own, "c")), Error::Header(own));
    for (options, field) in [
        (options().flush_at(0), "flush_at"),
        (options().max_queue_size(0), "max_queue_size"),
        (options().max_queue_bytes(0), "max_queue_bytes"),
        (options().max_batch_size(0), "max_batch_size"),
        (
            options().max_batch_bytes(1),
            "max_batch_bytes (beside max_event_bytes)",
        ),
        (
            options().retry_initial_backoff_ms(99),
            "retry_initial_backoff_ms",
        ),
        (options().request_timeout_ms(0), "request_timeout_ms"),
    ] {
        let error = new(options);
        assert!(
            matches!(error, Error::Config(ConfigError::TooSmall { field: found, .. }) if found == field),
            "{error}"
        );
    }
    let v0 = options().capture_mode(hoglet_native::CaptureMode::V0);
    let error = new(v0.capture_compression(Compression::Deflate));
    assert_eq!(error, Error::Config(ConfigError::CompressionNeedsV1));
}

#[test]
fn a_secret_is_not_in_debug_output() {
    let options = ClientOptions::new("phc_secret").extra_header("x-key", "secret");
    let client = client(options.clone());
    for text in [format!("{options:?}"), format!("{client:?}")] {
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn bad_options_disable_the_infallible_client() {
    let (options, warnings) = with_errors(ClientOptions::new("phc_test").host("example.com"));
    let client = hoglet_native::client(options);
    assert!(client.is_disabled());
    assert_eq!(client.capture(event("e")), Ok(Uuid::nil()));
    let warning = warnings.recv_timeout(PATIENCE).expect("it is a mistake");
    assert!(
        warning.starts_with("the client is disabled: host must be"),
        "{warning}"
    );
}

#[test]
fn pending_events_are_those_that_have_not_ended() {
    let server = server();
    server.play([Fault::delay(PATIENCE)]);
    let client = hoglet_native::client(options(&server).flush_at(1));
    capture(&client, "in flight");
    assert!(server.wait_until(|state| state.requests().len() == 1, PATIENCE));
    capture(&client, "queued");
    assert_eq!(client.pending_events(), 2);
    client.shutdown_timeout(Duration::ZERO);
    assert_eq!(client.pending_events(), 0);
}

#[test]
fn a_disabled_client_never_fails() {
    let options = ClientOptions::new("phx_personal")
        .host("no host")
        .flush_at(0)
        .disabled(true);
    assert!(client(options).is_disabled());
}

/// Users of posthog-rs may pass `usize::MAX` for no limit.
#[test]
fn a_queue_of_any_number_of_events_works() {
    let server = server();
    let mut builder = hoglet_native::ClientOptionsBuilder::default();
    let options = builder
        .api_key("phc_test")
        .host(server.url())
        .max_queue_size(usize::MAX)
        .build()
        .expect("good options");
    let client = client(options);
    for n in 0..1_000 {
        capture(&client, &format!("event {n}"));
    }
    assert_eq!(client.flush().delivered, 1_000);
}
