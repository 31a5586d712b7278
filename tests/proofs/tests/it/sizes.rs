//! Sizes and auto traits of the public types: what a device pays, and what a host may do with them.

use hoglet::{
    Accepted, Action, BodyEncoder, CaptureError, Client, Config, ConfigError, Event, FlushMark,
    Header, Instant, Receipt, Request, RequestId, ResponseHead, Slot, Stats, Storage, StorageArray,
    Value,
};

/// What is held for as long as there is a client; 64-bit machines pay more than the devices this is
/// for.
#[test]
fn a_client_is_small() {
    assert!(
        size_of::<Client<'_>>() <= 664,
        "{}",
        size_of::<Client<'_>>()
    );
    assert!(size_of::<Slot>() <= 32, "{}", size_of::<Slot>());
    let array = size_of::<StorageArray<4096, 16>>();
    assert_eq!(array, 4096 + 16 * size_of::<Slot>());
}

/// What is passed about by value.
#[test]
fn values_are_small() {
    assert_eq!(size_of::<Instant>(), 8);
    assert_eq!(size_of::<RequestId>(), 4);
    assert_eq!(size_of::<FlushMark>(), 4);
    assert!(size_of::<Action>() <= 16, "{}", size_of::<Action>());
    assert!(size_of::<Accepted>() <= 24, "{}", size_of::<Accepted>());
    assert!(
        size_of::<Receipt<'_>>() <= 48,
        "{}",
        size_of::<Receipt<'_>>()
    );
    assert!(
        size_of::<CaptureError>() <= 40,
        "{}",
        size_of::<CaptureError>()
    );
    assert!(
        size_of::<ConfigError>() <= 32,
        "{}",
        size_of::<ConfigError>()
    );
    assert!(size_of::<Value<'_>>() <= 24, "{}", size_of::<Value<'_>>());
    assert!(size_of::<Stats>() <= 72, "{}", size_of::<Stats>());
}

/// What lies on the stack while a request is written.
#[test]
fn a_request_is_small() {
    assert!(
        size_of::<Request<'_>>() <= 560,
        "{}",
        size_of::<Request<'_>>()
    );
    assert!(
        size_of::<BodyEncoder<'_>>() <= 192,
        "{}",
        size_of::<BodyEncoder<'_>>()
    );
}

/// A host may keep a client behind a lock and move it to a thread.
#[test]
fn a_client_can_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<Client<'static>>();
    check::<Config<'static>>();
    check::<Storage<'static>>();
    check::<Request<'static>>();
    check::<BodyEncoder<'static>>();
    check::<Header<'static>>();
    check::<ResponseHead>();
    check::<Receipt<'static>>();
    check::<CaptureError>();
}

/// An event is borrowed data, free to copy.
#[test]
fn what_describes_is_copy() {
    fn check<T: Copy>() {}
    check::<Event<'static>>();
    check::<Value<'static>>();
    check::<Config<'static>>();
    check::<Action>();
    check::<Accepted>();
    check::<Receipt<'static>>();
    check::<CaptureError>();
    check::<ConfigError>();
    check::<Stats>();
}

/// Errors are `core::error::Error`, to be passed on with `?`.
#[test]
fn errors_are_errors() {
    fn check<T: core::error::Error + Send + Sync + 'static>() {}
    check::<CaptureError>();
    check::<ConfigError>();
    check::<hoglet::JsonError>();
    check::<hoglet::SerializeError>();
    check::<hoglet::UnknownRequest>();
}
