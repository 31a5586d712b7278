//! Waiting calls as futures, on tokio's single-threaded executor and on a bare one.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use capture_server::Fault;
use hoglet_native::{CaptureMode, Client, ClientOptions, Error, OnExhausted, Outcome, Uuid};

use crate::tiny::Tiny;
use crate::{PATIENCE, capture, client, event, lost, options, owned, server, stored};

/// Runs a future on this thread by the standard library alone.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(PATIENCE),
        }
    }
}

/// A client, and a server that answers only when the test says so.
fn gated() -> (Tiny, Sender<()>, Client) {
    let (tiny, open) = Tiny::gated();
    let options = ClientOptions::new("phc_test")
        .host(&tiny.url)
        .capture_mode(CaptureMode::V0)
        .request_timeout_ms(600_000)
        .flush_interval_ms(600_000);
    (tiny, open, client(options))
}

/// Runs `future` on a single-threaded executor, beside a task of the same thread that lets the
/// server answer. A future that blocked the thread would wait for ever.
fn beside_others<F>(tiny: &Tiny, open: Sender<()>, future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let waiting = tokio::spawn(future);
        while tiny.requests() == 0 {
            assert!(!waiting.is_finished(), "the server has not answered");
            tokio::task::yield_now().await;
        }
        for _ in 0..10 {
            assert!(!waiting.is_finished(), "the server has not answered");
            tokio::task::yield_now().await;
        }
        drop(open);
        waiting.await.expect("no panic")
    })
}

#[test]
fn other_tasks_run_while_a_flush_is_awaited() {
    let (tiny, open, client) = gated();
    capture(&client, "event");
    let summary = beside_others(&tiny, open, client.flush_async());
    assert_eq!((summary.delivered, summary.left), (1, 0));
}

#[test]
fn other_tasks_run_while_an_event_is_awaited() {
    let (tiny, open, client) = gated();
    let ended = beside_others(&tiny, open, client.capture_immediate_async(event("now")));
    assert_eq!(ended, Ok(Outcome::Delivered));
}

#[test]
fn other_tasks_run_while_a_batch_is_awaited() {
    let (tiny, open, client) = gated();
    let events = ["a", "", "b"].map(owned);
    let future = client.capture_batch_immediate_async(events);
    let summary = beside_others(&tiny, open, future);
    assert_eq!((summary.submitted(), summary.not_persisted()), (2, 0));
    assert_eq!(summary.refused().len(), 1);
    assert!(!summary.all_persisted());
}

#[test]
fn other_tasks_run_while_a_shutdown_is_awaited() {
    let (tiny, open, client) = gated();
    capture(&client, "event");
    let summary = beside_others(&tiny, open, client.shutdown_timeout_async(PATIENCE));
    assert_eq!((summary.delivered, summary.left), (1, 0));
    let closed = client.capture(event("late"));
    assert!(closed.is_err(), "{closed:?}");
}

#[test]
fn a_shutdown_that_is_awaited_keeps_its_deadline() {
    let (tiny, open, client) = gated();
    capture(&client, "event");
    let summary = block_on(client.shutdown_timeout_async(Duration::from_millis(50)));
    assert_eq!((summary.delivered, summary.left), (0, 1));
    drop((open, tiny));
    let again = block_on(client.shutdown_async());
    assert_eq!(again.left, 1, "it is over already");
}

#[test]
fn a_bare_executor_will_do() {
    let server = server();
    let client = client(options(&server).max_queue_size(10));
    capture(&client, "first");
    assert_eq!(block_on(client.flush_async()).delivered, 1);
    server.play([Fault::status(401)]);
    let refused = block_on(client.capture_immediate_async(event("refused")));
    assert_eq!(lost(refused), Outcome::Rejected(401));
    let refused = block_on(client.capture_ai_immediate_async(event("")));
    assert!(matches!(refused, Err(Error::Capture(_))), "{refused:?}");
    let text = String::from("borrowed");
    let events = (0..35).map(|_| event(&text));
    let summary = block_on(client.capture_batch_immediate_async(events));
    assert!(
        summary.all_persisted(),
        "in turns, for the queue is small: {summary:?}"
    );
    assert_eq!(summary.submitted(), 35);
    assert_eq!(block_on(client.shutdown_async()).left, 0);
    assert_eq!(stored(&server).len(), 36);
}

#[test]
fn dropping_a_future_ends_the_waiting_and_not_the_sending() {
    let (tiny, open, client) = gated();
    let uuid = Uuid::from_u128(7);
    let waiting = client.capture_immediate_async(event("event").uuid(uuid));
    drop(waiting);
    drop(client.flush_async());
    let batch = client.capture_batch_immediate_async([owned("batch")]);
    let mut batch = Box::pin(batch);
    let mut context = Context::from_waker(Waker::noop());
    assert!(batch.as_mut().poll(&mut context).is_pending());
    drop(batch);
    drop(open);
    while client.pending_events() > 0 {
        thread::yield_now();
    }
    assert_eq!(client.stats().delivered(), 2);
    assert!(tiny.requests() >= 1);
    let again = client.capture(event("again").uuid(uuid));
    assert_eq!(again, Ok(uuid), "nobody waits for the first any more");
    client.flush();
}

#[test]
fn a_future_does_not_keep_its_client() {
    let (_tiny, open, client) = gated();
    capture(&client, "event");
    let weak = client.downgrade();
    let flush = client.flush_async();
    drop(open);
    drop(client);
    assert!(weak.upgrade().is_none());
    assert_eq!(block_on(flush).delivered, 1);
}

#[test]
fn futures_can_be_sent() {
    fn can_be_sent<T: Send + 'static>(_: T) {}
    let client = client(ClientOptions::new("").disabled(true));
    can_be_sent(client.flush_async());
    can_be_sent(client.shutdown_async());
    can_be_sent(client.capture_immediate_async(event("borrowed")));
    can_be_sent(client.capture_batch_immediate_async(vec![owned("owned")]));
}

#[test]
fn an_outage_holds_no_future_up() {
    let server = server();
    server.play(Fault::status(503).times(2));
    let keep = OnExhausted::Park {
        cooldown_ms: 600_000,
    };
    let client = client(options(&server).max_retries(0).on_exhausted(keep));
    let kept = block_on(client.capture_immediate_async(event("kept")));
    assert!(matches!(kept, Err(Error::StillQueued(_))), "{kept:?}");
    assert_eq!(block_on(client.flush_async()).left, 1);
    assert_eq!(block_on(client.flush_async()).delivered, 1);
}
