//! Tells the demo's story while it happens: one line for each thing, whichever thread it is on.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use capture_server::{Cut, Lane, RecordedRequest, Server, State};
use example_report::{Ink, Paper, Reasons};
use hoglet_native::{CaptureError, Error, Outcome, Receipt, Uuid};

use crate::story::{FLAG, Happening};

/// Where what follows the columns begins.
const INDENT: usize = 18;
/// A look at the server that nothing interrupts.
const LONG: Duration = Duration::from_mins(1);

/// Prints what happens, and counts it.
pub(crate) struct Narrator {
    /// The local server, if the story has one.
    server: Option<Server>,
    page: Mutex<Page>,
    /// The last request that has been told of.
    seen: AtomicU64,
}

/// What the lock protects. It is never held while the client is called, and taken before the
/// server's.
struct Page {
    paper: Paper,
    events: HashMap<Uuid, Event>,
    /// Events that the client made of its own, of which only the receipts tell the uuids.
    reads: VecDeque<Event>,
    /// Per batch, the id of its requests and when the last of them came.
    batches: Vec<(String, i64)>,
    duplicates: u64,
    tally: Tally,
}

/// A captured event as it is printed.
#[derive(Clone, Copy)]
struct Event {
    number: u64,
    name: &'static str,
    who: &'static str,
}

/// What became of the events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) captured: u64,
    pub(crate) refused: Reasons,
    pub(crate) delivered: u64,
    pub(crate) dropped: Reasons,
    pub(crate) lost: Reasons,
}

impl Narrator {
    pub(crate) fn new(paper: Paper, server: Option<Server>) -> Self {
        let page = Page {
            paper,
            events: HashMap::new(),
            reads: VecDeque::new(),
            batches: Vec::new(),
            duplicates: 0,
            tally: Tally::default(),
        };
        Self {
            server,
            page: Mutex::new(page),
            seen: AtomicU64::new(0),
        }
    }

    pub(crate) const fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// What has been counted so far.
    pub(crate) fn tally(&self) -> Tally {
        self.page().tally.clone()
    }

    /// Prints something else.
    pub(crate) fn print<R>(&self, print: impl FnOnce(&mut Paper) -> R) -> R {
        print(&mut self.page().paper)
    }

    /// Prints what the server does while `act` runs.
    pub(crate) fn watching(&self, act: impl FnOnce()) {
        let Some(server) = &self.server else {
            act();
            return;
        };
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let has_news = |state: &State| {
                        is_over.load(Ordering::SeqCst) || self.unseen(state).next().is_some()
                    };
                    server.wait_until(has_news, LONG);
                    self.catch_up();
                }
            });
            act();
            is_over.store(true, Ordering::SeqCst);
            // Nothing to play, but who waits looks again.
            server.play([]);
        });
    }

    /// Waits until the server has a request that it did not have when `send` began, and tells of
    /// it.
    pub(crate) fn await_request(&self, send: impl FnOnce()) {
        let Some(server) = &self.server else {
            send();
            return;
        };
        let before = server.stats().requests;
        send();
        server.wait_until(|state| state.stats().requests > before, LONG);
        self.catch_up();
    }

    /// Tells that an event was captured, or refused.
    pub(crate) fn captured(&self, happening: &Happening, result: &Result<Uuid, Error>) {
        let mut page = self.page();
        page.tally.captured += 1;
        let event = Event {
            number: page.tally.captured,
            name: happening.name,
            who: happening.who,
        };
        match result {
            Ok(uuid) => {
                page.events.insert(*uuid, event);
                page.tell(event, Ink::Plain, "queued", happening.note);
            }
            Err(error) => {
                let (name, why) = match error {
                    Error::Capture(error) => (CaptureError::name(error), error.to_string()),
                    other => ("other", other.to_string()),
                };
                page.tally.refused.count(name);
                page.tell(event, Ink::Refused, "refused", &why);
            }
        }
    }

    /// Tells that a flag was read, which the client reports.
    pub(crate) fn read(&self, who: &'static str, is_on: bool) {
        self.catch_up();
        let mut page = self.page();
        page.tally.captured += 1;
        let event = Event {
            number: page.tally.captured,
            name: "$feature_flag_called",
            who,
        };
        page.reads.push_back(event);
        let note = format!("{FLAG}: {}", if is_on { "on" } else { "off" });
        page.tell(event, Ink::Plain, "queued", &note);
    }

    /// Tells how an event ended; first what the server did before.
    pub(crate) fn received(&self, receipt: &Receipt) {
        self.catch_up();
        self.page().received(receipt);
    }

    /// Tells what the server or the network said to events that were lost.
    pub(crate) fn heard(&self, reason: &str) {
        let text = format!("{:7}{:<11}{reason}", "", "reason");
        self.page().paper.line(Ink::Bad, INDENT, &text);
    }

    /// Tells of the requests that have come since this was last done.
    fn catch_up(&self) {
        let Some(server) = &self.server else { return };
        let mut page = self.page();
        let look = |state: &State| {
            for request in self.unseen(state) {
                page.answered(request);
            }
            page.recognised(state.stats().duplicates);
            let last = state.requests().map(|request| request.id).max();
            self.seen.fetch_max(last.unwrap_or(0), Ordering::SeqCst);
            true
        };
        server.wait_until(look, Duration::ZERO);
    }

    fn unseen<'a>(&self, state: &'a State) -> impl Iterator<Item = &'a RecordedRequest> {
        let seen = self.seen.load(Ordering::SeqCst);
        state.requests().filter(move |request| request.id > seen)
    }

    /// A panic elsewhere leaves a page that can be written on.
    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    /// `  #12  delivered  $pageview            ada   at attempt 2`
    fn tell(&mut self, event: Event, ink: Ink, verb: &str, note: &str) {
        let Event { number, name, who } = event;
        let name = if name.is_empty() { "(no name)" } else { name };
        let number = format!("#{number}");
        let line = format!("  {number:<4} {verb:<11}{name:<21}{who:<6}{note}");
        self.paper.line(ink, INDENT, line.trim_end());
    }

    fn received(&mut self, receipt: &Receipt) {
        let unknown = Event {
            number: 0,
            name: "?",
            who: "?",
        };
        let event = self.events.remove(&receipt.uuid);
        let event = event.or_else(|| self.reads.pop_front()).unwrap_or(unknown);
        let outcome = &receipt.outcome;
        let text = outcome.to_string();
        let why = outcome.details().unwrap_or(&text);
        match outcome {
            Outcome::Delivered | Outcome::Warning(_) => {
                self.tally.delivered += 1;
                let attempt = match receipt.attempts {
                    0 | 1 => String::new(),
                    attempts => format!("at attempt {attempts}"),
                };
                let details = outcome.details().unwrap_or(&attempt);
                self.tell(event, Ink::Good, "delivered", details);
            }
            Outcome::Dropped(_) => {
                self.tally.dropped.count(why);
                self.tell(event, Ink::Bad, "dropped", why);
            }
            _ => {
                self.tally.lost.count(&text);
                self.tell(event, Ink::Bad, "lost", &text);
            }
        }
    }

    /// `       server     batch 2, attempt 2, 1.0 s later: 6 events, answers 200: 6 ok`
    fn answered(&mut self, request: &RecordedRequest) {
        if request.lane == Lane::Flags {
            let who = request.body.get("distinct_id");
            let who = who.and_then(|who| who.as_str()).unwrap_or("?");
            let answer = answer(request);
            let line = format!("{:7}{:<11}the flags of {who}: {answer}", "", "server");
            return self.paper.line(Ink::Server, INDENT, &line);
        }
        let id = request.header("posthog-request-id").unwrap_or_default();
        let at = self.batches.iter().position(|(known, _)| known == id);
        let at = at.unwrap_or(self.batches.len());
        let mut what = format!("batch {}", at + 1);
        if let Some((_, came_ms)) = self.batches.get_mut(at) {
            let later_ms = request.received_ms.saturating_sub(*came_ms);
            *came_ms = request.received_ms;
            let attempt = request.attempt().unwrap_or_default();
            let later = seconds(u64::try_from(later_ms).unwrap_or_default());
            what = format!("{what}, attempt {attempt}, {later} later");
        } else {
            self.batches.push((id.to_owned(), request.received_ms));
        }
        let events = match request.batch().len() {
            1 => "1 event".to_owned(),
            count => format!("{count} events"),
        };
        let answer = answer(request);
        let line = format!("{:7}{:<11}{what}: {events}, {answer}", "", "server");
        self.paper.line(Ink::Server, INDENT, &line);
    }

    /// The server has come to know of this many events that it had already.
    fn recognised(&mut self, duplicates: u64) {
        let new = duplicates - self.duplicates;
        self.duplicates = duplicates;
        if new > 0 {
            let line = format!(
                "{:18}{new} of them it has already, and knows them by uuid",
                ""
            );
            self.paper.line(Ink::Server, INDENT, &line);
        }
    }
}

/// What the server does with a request.
fn answer(request: &RecordedRequest) -> String {
    let answer = &request.answer;
    let delay_ms = request.fault.as_ref().map_or(0, |fault| fault.delay_ms);
    let takes = match delay_ms {
        0 => String::new(),
        delay_ms => format!("takes {} and ", seconds(delay_ms)),
    };
    match (answer.cut, answer.status) {
        (Some(Cut::BeforeAnswer), _) => "stores them, and is cut off".to_owned(),
        (Some(_), _) | (None, None) => "is cut off".to_owned(),
        (None, Some(status)) => {
            let mut text = format!("{takes}answers {status}");
            let mut sign = ':';
            for word in ["ok", "warning", "retry", "drop"] {
                let count = request.count(word);
                if count > 0 {
                    text = format!("{text}{sign} {count} {word}");
                    sign = ',';
                }
            }
            if let Some(wait) = &answer.retry_after {
                text = format!("{text}, Retry-After {wait} s");
            }
            text
        }
    }
}

/// `1.5 s`
fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}
