//! What survives a server that is away, and an event that it cannot digest.

use expect_test::expect;
use hoglet::{
    Action, Client, Config, Event, Ignore, Instant, OnExhausted, OutcomeKind, RequestId, Response,
    ResponseHead, Slot, Stats, Storage, TransportError, Unanswered,
};

use crate::check;

/// Attempts that no server answered use up no retry: the batch rests, and is sent again.
#[test]
fn a_batch_that_no_server_answered_is_kept() {
    check(
        "flush_at=1 max_retries=1
         0      capture a
         0      poll
         1      fail #1 connect
         1      poll
                wake
         2000   fail #2 dns
         2000   poll
                wake
         40000  capture b
         40001  fail #3 tls
         40001  poll
                wake
         50000  respond #4 200
         50000  stats",
        expect![[r#"
            0 send #1 batch[a]
            1 sleep 126 (retry)
            126 send #2 batch[a]
            2000 sleep 12667 (park)
            12667 send #3 batch[a]
            40001 sleep 40352 (retry)
            40352 send #4 batch[a]
            50000 a delivered
            50000 captured 2, delivered 1, queued 1, requests 4, retries 2"#]],
    );
}

/// Not for command lines, which say so.
#[test]
fn a_command_line_gives_up() {
    check(
        "flush_at=1 max_retries=1 unanswered=use_retries
         0      capture a
         0      poll
         1      fail #1 connect
         1      poll
                wake
         2000   fail #2 dns
         2000   poll",
        expect![[r#"
            0 send #1 batch[a]
            1 sleep 126 (retry)
            126 send #2 batch[a]
            2000 a exhausted(dns)
            2000 idle"#]],
    );
}

/// What the server answered counts, what it did not does not.
#[test]
fn answers_and_silence_are_counted_apart() {
    check(
        "flush_at=1 max_retries=1
         0      capture a
         0      poll
         1      fail #1 connect
         1      poll
                wake
         2000   respond #2 503
         2000   poll
                wake
         9000   respond #3 503
         9000   poll",
        expect![[r#"
            0 send #1 batch[a]
            1 sleep 126 (retry)
            126 send #2 batch[a]
            2000 sleep 2771 (retry)
            2771 send #3 batch[a]
            9000 a exhausted(503)
            9000 idle"#]],
    );
}

/// Without room the oldest make way as before.
#[test]
fn a_full_storage_keeps_no_batch_that_nobody_answers() {
    check(
        "flush_at=1 max_retries=1 events=2
         0      capture a
         0      poll
         1      capture b
         1      fail #1 connect
         1      poll
                wake
         2000   fail #2 connect
         2000   poll",
        expect![[r#"
            0 send #1 batch[a]
            1 sleep 419 (retry)
            419 send #2 batch[a]
            2000 a exhausted(connect)
            2000 send #3 batch[b]"#]],
    );
}

/// A batch that keeps failing is halved until one event is alone; that one goes behind the others,
/// and ends when it fails alone again while the server takes others.
#[test]
fn park_finds_the_event_that_is_to_blame() {
    check(
        "flush_at=4 max_retries=0 park=100
         0    capture a
         0    capture poison
         0    capture c
         0    capture d
         0    poll
         1    respond #1 503
         1    poll
              wake
         200  respond #2 503
         200  poll
              wake
         400  respond #3 200
         400  poll
         401  respond #4 503
         401  poll
              wake
         600  respond #5 503
         600  poll
              wake
         800  respond #6 200
         800  poll
         801  respond #7 200
         801  poll
         802  respond #8 502
         802  stats",
        expect![[r#"
            0 send #1 batch[a,poison,c,d]
            1 sleep 101 (park)
            101 send #2 batch[a,poison]
            200 sleep 300 (park)
            300 send #3 batch[a]
            400 a delivered
            400 send #4 batch[poison,c]
            401 sleep 501 (park)
            501 send #5 batch[poison]
            600 sleep 700 (park)
            700 send #6 batch[c]
            800 c delivered
            800 send #7 batch[d]
            801 d delivered
            801 send #8 batch[poison]
            802 poison undeliverable(502)
            802 captured 4, delivered 3, undeliverable 1, requests 8"#]],
    );
}

/// While the server takes nothing at all, nobody is to blame: nothing ends.
#[test]
fn park_blames_nobody_while_the_server_takes_nothing() {
    let mut world = World::new(OnExhausted::Park { cooldown_ms: 1_000 });
    for _ in 0..8 {
        world.capture("good");
    }
    world.run(6 * HOUR_MS, |_, _| Answer::Status(503));
    assert_eq!(world.client.stats().ended(), 0);
    assert!(world.client.stats().requests < 20_000, "it is no busy loop");
    world.run(HOUR_MS, |_, _| Answer::Status(200));
    assert_eq!(world.client.stats().ended(), 8);
}

/// Finding 2: an event that the gateway cannot digest, and one other event a minute for a day.
#[test]
fn one_poisonous_event_holds_nothing_up() {
    let mut world = World::new(OnExhausted::Park { cooldown_ms: 1_000 });
    world.capture("poison");
    let is_poisonous = |body: &str| body.contains("poison");
    for _ in 0..24 * 60 {
        world.capture("good");
        world.run(60_000, |body, _| {
            Answer::Status(if is_poisonous(body) { 503 } else { 200 })
        });
    }
    let stats = world.client.stats();
    assert_eq!(
        (stats.refused, stats.ended_as(OutcomeKind::Undeliverable)),
        (0, 1),
        "{stats:?}"
    );
    assert!(stats.ended() >= 24 * 60, "{stats:?}");
    assert!(stats.requests < 24 * 60 + 50, "{stats:?}");
}

/// Finding 9: a minute without a server, ten events a second, the defaults.
#[test]
fn an_outage_of_a_minute_loses_nothing() {
    for (unanswered, lost) in [
        (Unanswered::KeepWhileRoom, 0..1),
        (Unanswered::UseRetries, 100..600),
    ] {
        let mut world = World::with(|config| config.unanswered = unanswered);
        for _ in 0..1_200 {
            world.capture("event");
            world.run(100, |_, now_ms| {
                if now_ms < 60_000 {
                    Answer::Refused
                } else {
                    Answer::Status(200)
                }
            });
        }
        world.run(HOUR_MS, |_, _| Answer::Status(200));
        let stats = world.client.stats();
        assert_eq!(stats.captured, stats.ended());
        assert!(
            lost.contains(&stats.ended_as(OutcomeKind::Exhausted)),
            "{stats:?}"
        );
        assert!(is_calm(&stats), "{stats:?}");
    }
}

/// An outage that nobody calls one: the connection stands, and nothing comes back.
#[test]
fn a_server_that_is_silent_for_an_hour_loses_nothing() {
    let mut world = World::with(|_| {});
    for _ in 0..600 {
        world.capture("event");
        world.run(6_000, |_, _| Answer::Silence);
    }
    assert_eq!(world.client.stats().ended(), 0);
    assert!(is_calm(&world.client.stats()));
    world.run(HOUR_MS, |_, _| Answer::Status(200));
    assert_eq!(world.client.stats().ended(), 600);
}

/// The 413 limit that worked is remembered: 64 events a time, of which the server takes 12 at once.
#[test]
fn a_limit_that_was_learned_is_kept_to() {
    let mut world = World::with(|config| config.flush_at = 64);
    let mut refused = Vec::new();
    for _ in 0..6 {
        let before = world.too_large;
        for _ in 0..64 {
            world.capture("event");
        }
        world.run(20_000, |body, _| {
            let too_large = body.matches("\"uuid\"").count() > 12;
            Answer::Status(if too_large { 413 } else { 200 })
        });
        refused.push(world.too_large - before);
    }
    assert_eq!(world.client.stats().ended(), 6 * 64);
    assert_eq!(refused.first(), Some(&3), "64, 32 and 16 are too many");
    let later: u32 = refused.iter().skip(1).sum();
    assert!(
        later <= 5,
        "one try of a larger batch now and then: {refused:?}"
    );
}

const HOUR_MS: u64 = 3_600_000;

/// Whether few enough requests were made.
fn is_calm(stats: &Stats) -> bool {
    stats.requests < 600
}

enum Answer {
    Status(u16),
    Refused,
    Silence,
}

/// A client with room for a thousand events, and virtual time.
struct World {
    client: Client<'static>,
    now_ms: u64,
    /// Requests that were answered by 413.
    too_large: u32,
}

impl World {
    fn new(on_exhausted: OnExhausted) -> Self {
        Self::with(|config| config.on_exhausted = on_exhausted)
    }

    fn with(set: impl FnOnce(&mut Config<'static>)) -> Self {
        let mut config = Config::new("phc_test", [7; 16]);
        set(&mut config);
        let storage = Storage::new(vec![0; 512 << 10].leak(), vec![Slot::EMPTY; 1_000].leak());
        let client = Client::new(config, storage, Instant::default());
        Self {
            client: client.expect("a good configuration"),
            now_ms: 0,
            too_large: 0,
        }
    }

    fn capture(&mut self, name: &str) {
        let now = Instant::from_millis(self.now_ms);
        // A refusal is counted.
        let _ = self
            .client
            .capture(&Event::new(name, "somebody"), now, &mut Ignore);
    }

    /// Lets time pass; `answer` is asked with each body, and the time.
    fn run(&mut self, ms: u64, answer: impl Fn(&str, u64) -> Answer) {
        let end_ms = self.now_ms + ms;
        while self.now_ms < end_ms {
            let now = Instant::from_millis(self.now_ms);
            match self.client.poll(now, &mut Ignore) {
                Action::Send(id) => self.answer(id, now, &answer),
                Action::SleepUntil(until, _) => self.now_ms = end_ms.min(until.as_millis()),
                Action::Idle => self.now_ms = end_ms,
            }
        }
    }

    fn answer(&mut self, id: RequestId, now: Instant, answer: &impl Fn(&str, u64) -> Answer) {
        let request = self.client.request(id).expect("just announced");
        let body = String::from_utf8(request.body().pieces().concat()).expect("JSON");
        let answered = match answer(&body, now.as_millis()) {
            Answer::Status(status) => {
                self.too_large += u32::from(status == 413);
                let head = ResponseHead::new(status);
                let body = br#"{"results":{}}"#;
                let response = Response { head, body };
                self.client.handle_response(id, response, now, &mut Ignore)
            }
            Answer::Refused => {
                let why = TransportError::Connect;
                self.client.handle_failure(id, why, now, &mut Ignore)
            }
            Answer::Silence => Ok(()),
        };
        answered.expect("it is under way");
    }
}
