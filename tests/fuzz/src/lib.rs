//! What the fuzz targets share: a client in memory of its own, and one event's way through it.

use std::fmt::Write as _;

use hoglet::{
    Action, Client, Config, Event, Ignore, Instant, Receipt, RequestId, ResponseHead, Slot,
    Storage, Uuid,
};

/// The time at which everything happens, in milliseconds since the host was started.
pub const NOW: Instant = Instant::from_millis(1_000);

/// A configuration that sends every event at once.
pub fn config() -> Config<'static> {
    let mut config = Config::new("phc_fuzz", [7; 16]);
    config.flush_at = 1;
    config
}

/// Lends a client with ample memory.
///
/// # Panics
/// When the configuration is refused.
pub fn with_client<R>(config: Config<'_>, run: impl FnOnce(&mut Client<'_>) -> R) -> R {
    let (mut bytes, mut slots) = (vec![0; 1 << 14], [Slot::EMPTY; 4]);
    let storage = Storage::new(&mut bytes, &mut slots);
    let mut client = Client::new(config, storage, NOW).expect("a valid configuration");
    run(&mut client)
}

/// Polls for the request that must be due.
///
/// # Panics
/// When the client has nothing to send.
pub fn send(client: &mut Client<'_>) -> RequestId {
    match client.poll(NOW, &mut Ignore) {
        Action::Send(id) => id,
        other => panic!("{other:?} where a request is due"),
    }
}

/// The body of the request under way.
///
/// # Panics
/// When there is none, or when it is not the length it says.
pub fn body(client: &Client<'_>, id: RequestId) -> Vec<u8> {
    let request = client.request(id).expect("the request under way");
    let body = request.body().pieces().concat();
    assert_eq!(body.len(), request.body().len());
    body
}

/// Captures one event and returns its `timestamp`, as it is sent.
///
/// # Panics
/// When the event is refused or the body is not JSON.
pub fn timestamp_sent(client: &mut Client<'_>, event: &Event<'_>) -> String {
    client
        .capture(event, NOW, &mut Ignore)
        .expect("a valid event");
    let id = send(client);
    let body: serde_json::Value =
        serde_json::from_slice(&body(client, id)).expect("a body is JSON");
    body["batch"][0]["timestamp"]
        .as_str()
        .expect("a timestamp")
        .to_owned()
}

/// Gives an answer of 200 whose body comes in `pieces`, for events with the given uuids; returns
/// one line a receipt, in the order in which they came.
///
/// # Panics
/// When the client does not take the answer, or its counters are not balanced afterwards.
pub fn receipts<'a>(uuids: &[Uuid], pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut config = config();
    config.flush_at = u32::try_from(uuids.len()).expect("a few");
    with_client(config, |client| {
        for uuid in uuids {
            client
                .capture(&Event::new("e", "u").uuid(*uuid), NOW, &mut Ignore)
                .expect("a valid event");
        }
        let id = send(client);
        let mut lines = String::new();
        let mut sink = |receipt: Receipt<'_>| {
            writeln!(lines, "{} {:?}", receipt.uuid, receipt.outcome).expect("a String takes it");
        };
        let head = ResponseHead::new(200);
        client
            .handle_response_head(id, head, NOW)
            .expect("it is under way");
        for piece in pieces {
            client
                .handle_response_body(id, piece, &mut sink)
                .expect("it is under way");
        }
        client
            .handle_response_end(id, NOW, &mut sink)
            .expect("it is under way");
        assert!(client.stats().is_balanced(), "{:?}", client.stats());
        lines
    })
}

/// Cuts `data` into pieces whose lengths follow from its own bytes.
pub fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut state = data.iter().fold(17_u32, |state, byte| {
        state.wrapping_mul(31).wrapping_add(u32::from(*byte))
    });
    let mut rest = data;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let len = rest.len().min(1 + usize::from(state.to_le_bytes()[2] & 15));
        let (piece, after) = rest.split_at(len);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The most brackets open at once in `text`, which need not be JSON.
pub fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
