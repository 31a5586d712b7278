//! The caller's functions: `before_send`, `on_receipt`, `on_error`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use capture_server::Fault;
use hoglet_native::hoglet::{CaptureError, EventOptions, MemberSource, Properties, Value};
use hoglet_native::{Client, Error, Event, Outcome, OutcomeKind, PostHogError};
use serde_json::json;

use crate::{
    PATIENCE, capture, capture_all, client, event, options, owned, server, stored, with_errors,
    with_receipts,
};

#[test]
fn before_send_changes_events() {
    let server = server();
    let hooked = options(&server)
        .before_send(|mut event: Event| {
            event.remove_prop("password")?;
            event
                .insert_prop("seen", event.distinct_id().to_owned())
                .ok()?;
            Some(event)
        })
        .before_send(|mut event: Event| {
            event.insert_prop("order", event.prop("seen")?).ok()?;
            Some(event)
        });
    let client = client(hooked);
    let mut event = owned("changed");
    event.insert_prop("password", "secret").expect("a string");
    client.capture(event).expect("the hooks let it pass");
    client.flush();
    let expected = json!({"seen": "somebody", "order": "somebody"});
    assert_eq!(server.events()[0].properties, expected);
}

#[test]
fn before_send_sees_all_of_a_borrowed_event() {
    let server = server();
    let (seen, sees) = channel();
    let hooked = options(&server).before_send(move |event| {
        let _ = seen.send(event.clone());
        Some(event)
    });
    let (hooked, plain) = (client(hooked), client(options(&server)));
    let list = [Value::Null, Value::from(0.5)];
    let members = [
        ("text", Value::from("ä\"\n")),
        ("list", Value::Array(&list)),
        (
            "fixed",
            Value::Fixed {
                mantissa: 235,
                decimals: 1,
            },
        ),
        ("$set", Value::Object(&[("a", Value::from(1))])),
        ("$lib", Value::from("mine")),
    ];
    let set = [("a", Value::from(2)), ("b", Value::from(3))];
    let event = hoglet::Event::new("borrowed", "somebody")
        .properties(&members)
        .set(&set)
        .groups(&[("company", "c1")])
        .session_id("s1")
        .timestamp("2026-03-19T15:29:58.123+01:00")
        .options(EventOptions {
            process_person_profile: Some(false),
            ..EventOptions::NONE
        });
    for client in [&hooked, &plain] {
        client.capture(event).expect("a good event");
        client.flush();
    }
    let body = |at: usize| {
        let mut event = server.requests()[at].batch()[0].clone();
        event["uuid"].take();
        event
    };
    assert_eq!(
        body(0),
        body(1),
        "the hook makes no difference by being there"
    );
    let seen = sees.recv_timeout(PATIENCE).expect("the hook ran");
    assert_eq!(seen.event_name(), "borrowed");
    assert_eq!(seen.prop("$set"), Some(json!({"a": 1, "b": 3})));
    assert_eq!(seen.prop("$groups"), Some(json!({"company": "c1"})));
    assert_eq!(seen.prop("$process_person_profile"), Some(json!(false)));
}

#[test]
fn before_send_sees_large_events_and_refuses_broken_ones() {
    let server = server();
    let client = client(options(&server).before_send(Some));
    let text = format!("{{\"large\":\"{}\"}}", "x".repeat(500_000));
    client
        .capture(event("large").json(&text))
        .expect("it is below the limit");
    let error = client
        .capture(event("broken").json("[]"))
        .expect_err("no object");
    assert!(
        matches!(error, Error::Capture(CaptureError::Json(_))),
        "{error}"
    );
    client.flush();
    assert_eq!(
        server.requests()[0].batch()[0]["properties"]["large"]
            .as_str()
            .map(str::len),
        Some(500_000)
    );
    assert_eq!(client.stats().refused, 1);
}

#[test]
fn a_hook_that_drops_or_panics_drops_the_event_and_says_so() {
    let server = server();
    let hooked = options(&server).before_send(|event| match event.event_name() {
        "drop" => None,
        "panic" => panic!("a hook's own mistake"),
        _ => Some(event),
    });
    let (hooked, errors) = with_errors(hooked);
    let client = client(hooked);
    assert_eq!(client.capture(event("drop")), Err(Error::DroppedByHook));
    assert_eq!(client.capture(event("panic")), Err(Error::HookPanicked));
    capture(&client, "pass");
    client.flush();
    assert_eq!(stored(&server), ["pass"]);
    assert_eq!(client.stats().dropped_by_hook, 2);
    let errors: Vec<String> = errors.try_iter().collect();
    assert_eq!(
        errors,
        [
            Error::DroppedByHook.to_string(),
            Error::HookPanicked.to_string()
        ]
    );
}

#[test]
fn on_error_gets_the_servers_reason() {
    let server = server();
    server.play([Fault::status(401).with_body(r#"{"error":"missing_authorization"}"#)]);
    let (sender, receiver) = channel();
    let options = options(&server).on_error(move |error| {
        if let PostHogError::Capture(failure) = error {
            let facts = (failure.status(), failure.attempt(), failure.event_count());
            let _ = sender.send((facts, failure.reason().map(str::to_owned)));
        }
    });
    let client = client(options);
    capture_all(&client, &["a", "b"]);
    client.flush();
    let (facts, reason) = receiver.recv_timeout(PATIENCE).expect("both were lost");
    assert_eq!(facts, (Some(401), 1, 2), "once for both");
    assert_eq!(
        reason.as_deref(),
        Some(r#"{"error":"missing_authorization"}"#)
    );
    assert!(receiver.try_recv().is_err());
}

#[test]
fn a_long_reason_is_cut() {
    let server = server();
    server.play([Fault::status(400).with_body(&"ä".repeat(1_000))]);
    let (options, errors) = with_errors(options(&server));
    let client = client(options);
    capture(&client, "refused");
    client.flush();
    let text = errors.recv_timeout(PATIENCE).expect("it was lost");
    assert_eq!(text.matches('ä').count(), 150);
}

/// A drop's reason, up to 300 bytes of UTF-8, arrives uncut.
#[test]
fn a_drops_reason_arrives_whole() {
    let uuid = "0193a5c2-1111-7abc-8def-00112233aaff";
    let reason = "événement refusé : la propriété « montant » 🐘 "
        .repeat(6)
        .chars()
        .take(242)
        .collect::<String>();
    assert!((290..=300).contains(&reason.len()), "{}", reason.len());
    let server = server();
    let body = format!(r#"{{"results":{{"{uuid}":{{"result":"drop","details":"{reason}"}}}}}}"#);
    server.play([Fault::status(200).with_body(&body)]);
    let (options, receipts) = with_receipts(options(&server));
    let client = client(options);
    let event = event("refused").uuid(uuid.parse().expect("a uuid"));
    client.capture(event).expect("there is room");
    client.flush();
    let receipt = receipts.recv_timeout(PATIENCE).expect("it has ended");
    assert_eq!(receipt.outcome, Outcome::Dropped(Some(reason)));
}

#[test]
fn a_callback_that_panics_stops_nothing() {
    let server = server();
    let options = options(&server).on_receipt(|_| panic!("a callback's own mistake"));
    let (options, errors) = with_errors(options);
    let client = client(options);
    for _ in 0..2 {
        capture(&client, "event");
        assert_eq!(client.flush().delivered, 1);
        assert_eq!(
            errors.recv_timeout(PATIENCE).as_deref(),
            Ok("on_receipt panicked")
        );
    }
}

#[test]
fn a_callback_cannot_wait_for_itself() {
    let server = server();
    let client: Arc<OnceLock<Client>> = Arc::default();
    let own = Arc::clone(&client);
    let (sender, receiver) = channel();
    let options = options(&server).on_receipt(move |_| {
        let client = own.get().expect("set below");
        let _ = sender.send(client.capture(event("again")));
        let _ = sender.send(
            client
                .capture_immediate(event("again"))
                .map(|_| client.capture(event("x")).unwrap_or_default()),
        );
        client.flush();
        client.shutdown_timeout(PATIENCE);
    });
    let client = client.get_or_init(|| crate::client(options));
    capture(client, "once");
    client.flush();
    let results: Vec<_> = receiver.try_iter().collect();
    assert_eq!(results, [Err(Error::InCallback), Err(Error::InCallback)]);
    assert_eq!(
        client.capture(event("late")),
        Err(Error::Capture(CaptureError::Closed))
    );
    assert_eq!(stored(&server), ["once"]);
}

#[test]
fn another_client_may_be_used_in_a_callback() {
    let server = server();
    let other = client(options(&server));
    let inner = other.clone();
    let options = options(&server).on_receipt(move |_| drop(inner.capture(event("about it"))));
    let client = client(options);
    capture(&client, "it");
    client.flush();
    other.flush();
    assert_eq!(stored(&server), ["it", "about it"]);
}

#[test]
fn a_callback_cannot_wait_for_itself_through_another_client() {
    let server = server();
    let first: Arc<OnceLock<Client>> = Arc::default();
    let outer = Arc::clone(&first);
    let (sender, receiver) = channel();
    let second = client(options(&server).before_send(move |event| {
        let first = outer.get().expect("set below");
        first.flush();
        let _ = sender.send(first.capture(crate::event("again")));
        Some(event)
    }));
    let options = options(&server)
        .shutdown_timeout_ms(1_000)
        .on_receipt(move |_| drop(second.capture(event("about it"))));
    let first = first.get_or_init(|| client(options));
    capture(first, "it");
    first.flush_timeout(PATIENCE);
    assert_eq!(receiver.try_recv(), Ok(Err(Error::InCallback)));
}

#[test]
fn receipts_come_from_one_thread() {
    let server = server();
    let (sender, receiver) = channel();
    let options = options(&server).on_receipt(move |_| {
        let thread = std::thread::current();
        let _ = sender.send((thread.id(), thread.name().map(str::to_owned)));
    });
    let client = client(options);
    for _ in 0..3 {
        capture(&client, "event");
        client.flush();
    }
    let threads: Vec<_> = receiver.try_iter().collect();
    assert_eq!(threads.len(), 3);
    assert!(threads.iter().all(|thread| *thread == threads[0]));
    assert_eq!(threads[0].1.as_deref(), Some("posthog"));
}

#[test]
fn events_pushed_out_have_receipts_too() {
    let server = server();
    let small = options(&server)
        .max_queue_size(4)
        .overflow(hoglet_native::Overflow::DropOldest);
    let (small, receipts) = with_receipts(small.flush_at(1));
    server.play([Fault::delay(PATIENCE)]);
    let client = client(small);
    capture(&client, "in flight");
    assert!(server.wait_until(|state| state.requests().len() == 1, PATIENCE));
    let uuids = ["1", "2", "3", "4", "5"].map(|name| capture(&client, name));
    assert_eq!(client.stats().unreported, 2, "the worker is busy");
    assert_eq!(
        client
            .shutdown_timeout(Duration::ZERO)
            .dropped
            .get(OutcomeKind::Evicted),
        2
    );
    // The shutdown aborts the request, so the worker reports.
    let evicted = [(); 2].map(|()| {
        let receipt = receipts.recv_timeout(PATIENCE).expect("it was evicted");
        (receipt.uuid, receipt.outcome.name())
    });
    assert_eq!(evicted, [(uuids[0], "evicted"), (uuids[1], "evicted")]);
}

/// A `MemberSource` that runs the test's code.
struct Asked<F>(F);

impl<F: Fn()> MemberSource for Asked<F> {
    fn member(&self, index: usize) -> Option<(&str, Value<'_>)> {
        (self.0)();
        (index == 0).then_some(("written", Value::Bool(true)))
    }
}

#[test]
fn a_member_source_may_use_the_client_from_another_thread() {
    let server = server();
    for options in [options(&server), options(&server).before_send(Some)] {
        server.clear();
        let client = client(options);
        let is_first = AtomicBool::new(true);
        let properties = Asked(|| {
            if !is_first.swap(false, Ordering::Relaxed) {
                return;
            }
            let (done, is_done) = channel();
            let other = client.clone();
            std::thread::spawn(move || done.send(other.capture(event("other"))));
            let captured = is_done.recv_timeout(PATIENCE);
            assert!(matches!(captured, Ok(Ok(_))), "nothing is locked");
        });
        let captured = client.capture(
            event("one")
                .properties(Properties::Source(&properties))
                .session_id("s1"),
        );
        assert!(captured.is_ok(), "{captured:?}");
        client.flush();
        assert_eq!(stored(&server).last().map(String::as_str), Some("one"));
        let one = server.events().pop().expect("it is stored");
        assert_eq!(one.properties, json!({"written": true}));
        assert_eq!(one.session_id.as_deref(), Some("s1"));
    }
}

#[test]
fn a_member_source_cannot_feed_on_itself() {
    let server = server();
    let client = client(options(&server));
    let (sender, receiver) = channel();
    let properties = Asked(|| {
        let again = client.capture(event("again"));
        let _ = sender.send(again);
    });
    let captured = client.capture(event("once").set(Properties::Source(&properties)));
    assert!(captured.is_ok(), "{captured:?}");
    assert_eq!(receiver.try_recv(), Ok(Err(Error::InCallback)));
}

#[test]
fn a_member_source_that_panics_is_refused() {
    let server = server();
    for options in [options(&server), options(&server).before_send(Some)] {
        server.clear();
        let client = client(options);
        let properties = Asked(|| panic!("a type's own mistake"));
        for _ in 0..2 {
            let captured =
                client.capture(event("broken").properties(Properties::Source(&properties)));
            assert_eq!(captured, Err(Error::SourcePanicked));
        }
        assert_eq!(client.stats().refused, 2);
        capture(&client, "whole");
        client.flush();
        assert_eq!(stored(&server), ["whole"]);
    }
}

struct Members(Vec<(&'static str, Value<'static>)>);

impl MemberSource for Members {
    fn member(&self, index: usize) -> Option<(&str, Value<'_>)> {
        self.0.get(index).copied()
    }
}

#[test]
fn a_member_source_is_written_as_in_the_core() {
    let server = server();
    for mode in [
        hoglet_native::CaptureMode::V1,
        hoglet_native::CaptureMode::V0,
    ] {
        server.clear();
        let options = options(&server)
            .capture_mode(mode)
            .sdk_info("wrapper/1.2")
            .disable_geoip(true);
        let client = client(options);
        let text = r#"{"a":[1,null],"$set":{"x":1},"$product_tour_id":"t1","$lib_version":7}"#;
        let members = Members(vec![
            ("a", Value::Array(&[Value::I64(1), Value::Null])),
            ("$set", Value::Object(&[("x", Value::I64(1))])),
            ("$product_tour_id", Value::Str("t1")),
            ("$lib_version", Value::I64(7)),
        ]);
        let set = [("x", Value::from(2)), ("y", Value::from(3))];
        let base = event("same")
            .set(&set)
            .groups(&[("company", "c1")])
            .window_id("w1");
        for event in [
            base.json(text),
            base.properties(Properties::Source(&members)),
        ] {
            client.capture(event).expect("a good event");
        }
        client.flush();
        let mut batch = server.requests()[0].batch().to_vec();
        for event in &mut batch {
            event["uuid"].take();
            event["timestamp"].take();
        }
        assert_eq!(batch[0], batch[1]);
    }
}

#[test]
fn a_capture_may_hold_a_lock_that_a_callback_takes() {
    let server = server();
    server.play([Fault::delay(PATIENCE)]);
    let lock = Arc::new(Mutex::new(()));
    let (its_lock, its_other) = (Arc::clone(&lock), Arc::clone(&lock));
    let (sender, receiver) = channel();
    let its_sender = sender.clone();
    let options = options(&server)
        .flush_at(1)
        .max_queue_size(3)
        .overflow(hoglet_native::Overflow::DropOldest)
        .before_send(|event| (event.event_name() != "dropped").then_some(event))
        .on_receipt(move |receipt| {
            drop(its_lock.lock());
            let _ = sender.send(receipt.outcome.name().to_owned());
        })
        .on_error(move |error| {
            if let PostHogError::Hook(error) = error {
                drop(its_other.lock());
                let _ = its_sender.send(error.to_string());
            }
        });
    let client = client(options);
    capture(&client, "in flight");
    assert!(server.wait_until(|state| state.requests().len() == 1, PATIENCE));
    let held = lock.lock();
    capture_all(&client, &["1", "2", "3"]);
    assert_eq!(client.capture(event("dropped")), Err(Error::DroppedByHook));
    let summary = client.shutdown_timeout(Duration::ZERO);
    assert_eq!(
        (summary.dropped.get(OutcomeKind::Evicted), summary.left),
        (1, 3)
    );
    assert_eq!(summary.unreported, 5);
    drop(held);
    let mut outcomes = [(); 5].map(|()| {
        receiver
            .recv_timeout(PATIENCE)
            .expect("reported in the end")
    });
    outcomes.sort_unstable();
    let hook = Error::DroppedByHook.to_string();
    let left = "abandoned".to_owned();
    let all = [&hook, &left, &left, &left, &"evicted".to_owned()];
    assert_eq!(outcomes.each_ref(), all);
}

#[test]
fn an_error_that_a_call_returns_does_not_go_to_on_error() {
    let server = server();
    server.play(Fault::status(401).times(2));
    let (options, errors) = with_errors(options(&server));
    let (options, receipts) = with_receipts(options);
    let client = client(options);
    let waited = client.capture_immediate(event("waited for"));
    assert_eq!(crate::lost(waited).name(), "rejected");
    client.flush();
    assert_eq!(receipts.try_iter().count(), 1, "a receipt there is");
    capture(&client, "not waited for");
    client.flush();
    assert_eq!(errors.try_iter().count(), 1, "of the second");
}

#[test]
fn on_error_gets_a_loss_that_no_call_waits_for() {
    let server = server();
    server.play([Fault::honest(), Fault::status(401)]);
    let (begun, begins) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let (options, errors) = with_errors(options(&server).flush_at(1).on_receipt(move |_| {
        let _ = begun.send(());
        let _ = released.lock().map(|released| released.recv());
    }));
    let client = client(options);
    // The callback blocks the worker, which could otherwise end the next event too early.
    capture(&client, "first");
    begins.recv_timeout(PATIENCE).expect("it is delivered");
    let waited = client.capture_immediate_timeout(event("given up"), Duration::ZERO);
    assert!(matches!(waited, Err(Error::StillQueued(_))), "{waited:?}");
    drop(release);
    client.flush();
    assert_eq!(errors.try_iter().count(), 1);
    server.play([Fault::status(401)]);
    let waiting = client.capture_immediate_async(event("ended"));
    client.flush();
    assert_eq!(errors.try_iter().count(), 0, "the future has it");
    drop(waiting);
    client.flush();
    assert_eq!(errors.try_iter().count(), 1, "nobody has taken it");
}

#[test]
fn a_callback_may_know_its_client_without_keeping_it() {
    let server = server();
    let own: Arc<OnceLock<hoglet_native::WeakClient>> = Arc::default();
    let its_own = Arc::clone(&own);
    let (sender, receiver) = channel();
    let options = options(&server).on_receipt(move |_| {
        let client = its_own.get().and_then(hoglet_native::WeakClient::upgrade);
        let _ = sender.send(client.is_some());
    });
    let client = client(options);
    let _ = own.set(client.downgrade());
    capture(&client, "first");
    client.flush();
    assert_eq!(receiver.try_recv(), Ok(true));
    capture(&client, "left");
    drop(client);
    assert_eq!(stored(&server), ["first", "left"], "dropping it sends");
    assert!(own.get().is_some_and(|own| own.upgrade().is_none()));
}
