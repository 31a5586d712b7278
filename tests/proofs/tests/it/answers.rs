//! What is read of an answer, and when enough of it has been read.

use hoglet::{
    Action, BodyProgress, Client, Config, Event, Ignore, Instant, Lane, Outcome, OutcomeKind,
    Receipt, RequestId, ResponseHead, Slot, Stats, Storage, UnknownRequest, Uuid,
};

const NOW: Instant = Instant::from_millis(0);

/// A client with a request of `events` events under way, their uuids 1, 2, 3, …
struct Sent {
    client: Client<'static>,
    id: RequestId,
}

impl Sent {
    fn new(events: u32, details: usize) -> Self {
        let mut config = Config::new("phc_token", [7; 16]);
        config.flush_at = events;
        let bytes = vec![0; 4_000_000].leak();
        let storage = Storage::new(bytes, vec![Slot::EMPTY; 20_000].leak())
            .with_details(vec![0; details].leak());
        config.max_batch_events = events;
        config.max_batch_bytes = 4_000_000;
        let mut client = Client::new(config, storage, NOW).expect("a valid configuration");
        for number in 1..=events {
            let event = Event::new("e", "u").uuid(Uuid::from_u128(number.into()));
            client.capture(&event, NOW, &mut Ignore).expect("room");
        }
        let Action::Send(id) = client.poll(NOW, &mut Ignore) else {
            panic!("nothing is due")
        };
        Self { client, id }
    }

    fn head(&mut self, status: u16) {
        let head = ResponseHead::new(status);
        let head = self.client.handle_response_head(self.id, head, NOW);
        assert_eq!(head, Ok(()));
    }

    fn body(&mut self, piece: &str) -> Result<BodyProgress, UnknownRequest> {
        let piece = piece.as_bytes();
        self.client
            .handle_response_body(self.id, piece, &mut Ignore)
    }

    fn end(&mut self) -> Stats {
        let end = self.client.handle_response_end(self.id, NOW, &mut Ignore);
        assert_eq!(end, Ok(()));
        self.client.stats()
    }
}

fn entry(number: u32, word: &str) -> String {
    let uuid = Uuid::from_u128(number.into());
    format!(r#""{uuid}":{{"result":"{word}"}},"#)
}

/// Whoever has every verdict need not read on: the request ends as if the rest had come.
#[test]
fn reading_may_stop_with_the_last_verdict() {
    let mut sent = Sent::new(3, 0);
    sent.head(200);
    assert_eq!(sent.body(r#"{"results":{"#), Ok(BodyProgress::NeedsMore));
    assert_eq!(sent.body(&entry(2, "ok")), Ok(BodyProgress::NeedsMore));
    assert_eq!(sent.body(&entry(1, "drop")), Ok(BodyProgress::NeedsMore));
    assert_eq!(sent.body(&entry(3, "ok")), Ok(BodyProgress::Decided));
    assert_eq!(sent.body("anything \"at{ all"), Ok(BodyProgress::Decided));
    let stats = sent.end();
    assert_eq!(
        (stats.delivered(), stats.ended_as(OutcomeKind::Dropped)),
        (2, 1)
    );
    assert_eq!(
        (
            stats.ended_as(OutcomeKind::Unconfirmed),
            stats.ended_as(OutcomeKind::Absent),
            stats.in_flight
        ),
        (0, 0, 0)
    );
    assert_eq!(sent.body(""), Err(UnknownRequest));
}

/// A verdict "again" is one.
#[test]
fn what_is_wanted_again_is_decided_too() {
    let mut sent = Sent::new(2, 0);
    sent.head(200);
    let body = format!(r#"{{"results":{{{}{}"#, entry(1, "retry"), entry(2, "ok"));
    assert_eq!(sent.body(&body), Ok(BodyProgress::Decided));
    let stats = sent.end();
    assert_eq!(
        (
            stats.delivered(),
            stats.in_flight,
            stats.ended_as(OutcomeKind::Unconfirmed)
        ),
        (1, 1, 0)
    );
}

/// An error status decides by itself, and so does any status in V0.
#[test]
fn nothing_of_an_error_page_is_needed() {
    for (status, rejected, in_flight) in [(400, 2, 0), (503, 0, 2), (302, 2, 0)] {
        let mut sent = Sent::new(2, 0);
        sent.head(status);
        assert_eq!(sent.body("<html>"), Ok(BodyProgress::Decided), "{status}");
        let stats = sent.end();
        let ends = (stats.ended_as(OutcomeKind::Rejected), stats.in_flight);
        assert_eq!(ends, (rejected, in_flight), "{status}");
    }
}

/// An answer with any number of entries for other events costs no pass over the batch for each.
#[test]
fn entries_for_others_hide_none_that_comes_in_order() {
    let mut sent = Sent::new(300, 0);
    sent.head(200);
    let others: String = (1..1_000)
        .map(|number| entry(1_000_000 + number, "ok"))
        .collect();
    let _ = sent.body(&format!(r#"{{"results":{{{others}"#));
    let own: String = (1..=300).map(|number| entry(number, "ok")).collect();
    assert_eq!(sent.body(&own), Ok(BodyProgress::Decided));
    assert_eq!(sent.end().delivered(), 300);
}

/// Structural, where a clock would do it badly: after 64 strangers nobody searches any more, so
/// what is out of order is not found.
#[test]
fn strangers_are_searched_for_64_times() {
    for (strangers, delivered) in [(63, 1), (64, 0), (1_000, 0)] {
        let mut sent = Sent::new(2, 0);
        sent.head(200);
        let others: String = (0..strangers).map(|_| entry(7, "ok")).collect();
        let body = format!(r#"{{"results":{{{others}{}"#, entry(2, "ok"));
        assert_eq!(sent.body(&body), Ok(BodyProgress::NeedsMore));
        assert_eq!(sent.end().delivered(), delivered, "{strangers}");
    }
}

/// The server's reason for one event, as much of it as there is memory for.
#[test]
fn a_reason_is_as_long_as_the_memory_lent_for_it() {
    let reason = "événement refusé : la propriété « montant » 🐘 ".repeat(6);
    for (memory, kept) in [(0, 40), (39, 40), (41, 41), (300, 300), (1_000, 1_000)] {
        let mut sent = Sent::new(1, memory);
        sent.head(200);
        let mut told = String::new();
        let mut sink = |receipt: Receipt<'_>| {
            if let Outcome::Dropped(Some(details)) = receipt.outcome {
                told.push_str(details);
            }
        };
        let uuid = Uuid::from_u128(1);
        let body = format!(r#"{{"results":{{"{uuid}":{{"result":"drop","details":"{reason}"}}"#);
        for piece in body.as_bytes().chunks(7) {
            let read = sent.client.handle_response_body(sent.id, piece, &mut sink);
            assert!(read.is_ok());
        }
        assert_eq!(told, reason[..reason.floor_char_boundary(kept)], "{memory}");
    }
}

/// No public type shows the token, the seed or what is stored.
#[test]
fn debug_shows_no_secret() {
    let (token, seed) = ("phc_SECRET", *b"seedseedseedseed");
    let mut bytes = vec![0; 4_096];
    let mut slots = vec![Slot::EMPTY; 8];
    let mut config = Config::new(token, seed);
    config.flush_at = 1;
    for mode in ["v0", "v1"] {
        config.capture_mode = hoglet::CaptureMode::from_name(mode).expect("a mode");
        config.lane = Lane::Analytics;
        let storage = Storage::new(&mut bytes, &mut slots);
        let mut shown = format!("{config:?} {storage:?}");
        let mut client = Client::new(config, storage, NOW).expect("a valid configuration");
        let event = Event::new("PRIVATE", "u");
        client.capture(&event, NOW, &mut Ignore).expect("room");
        let Action::Send(id) = client.poll(NOW, &mut Ignore) else {
            panic!("nothing is due")
        };
        let request = client.request(id).expect("it is under way");
        let headers: Vec<_> = request.headers(request.compression()).collect();
        let array = hoglet::StorageArray::<64, 2>::new();
        shown = format!("{shown} {client:?} {request:?} {headers:?} {array:?}");
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(!shown.contains("PRIVATE"), "{shown}");
        for list in ["115, 101, 101, 100", "80, 82, 73, 86", "0, 0, 0, 0"] {
            assert!(!shown.contains(list), "{shown}");
        }
        assert!(shown.len() < 4_000, "{}", shown.len());
        assert!(shown.contains("authorization") || mode == "v0", "{shown}");
    }
}
