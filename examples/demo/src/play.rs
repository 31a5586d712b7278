//! The demo: the story is captured, sent, told, and every event accounted for.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use capture_server::{Fault, Options, Server};
use example_report::{Ink, Paper, Sum, is_watched};
use hoglet_native::{
    CaptureMode, Client, ClientOptions, Error, EvaluateFlagsOptions, FeatureFlagEvaluations,
    OutcomeKind, PostHogError, Stats, Uuid,
};

use crate::arguments::Demo;
use crate::narrator::{Narrator, Tally};
use crate::story::{self, Act, FLAG, Happening, Scene};

/// Between two events, when somebody watches.
const BEAT: Duration = Duration::from_millis(60);
/// How long the end waits for what a real server has not answered.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nothing is sent before the story says so.
const NEVER_MS: u32 = 3_600_000;

/// Plays the demo; whether everything adds up.
///
/// # Errors
/// When it cannot begin.
pub(crate) fn run(options: &Demo) -> Result<bool, String> {
    let server = if options.target.is_none() {
        let server = Server::start(Options {
            flags: story::flags(),
            ..Options::default()
        });
        Some(server.map_err(|why| format!("no local server: {why}"))?)
    } else {
        None
    };
    let narrator = Arc::new(Narrator::new(Paper::stdout(), server));
    narrator.print(|paper| introduce(paper, options, narrator.server()));
    let client = client(options, &narrator).map_err(|why| why.to_string())?;
    let mut play = Play {
        client,
        narrator: &narrator,
        before: None,
        flags: HashMap::new(),
        took: Vec::new(),
    };
    if let Some(server) = narrator.server() {
        server.play_flags([Fault::status(502)]);
    }
    for (number, scene) in (1..).zip(story::scenes()) {
        play.scene(number, &scene).map_err(|why| why.to_string())?;
    }
    play.client.shutdown_timeout(PATIENCE);
    let stats = play.client.stats();
    let took = median(play.took);
    let tally = narrator.tally();
    let is_good = narrator.print(|paper| {
        let is_good = report(paper, &tally, &stats, narrator.server());
        paper.plain(&figures(&stats, took));
        whats_next(paper, options, narrator.server());
        is_good
    });
    while options.keep && narrator.server().is_some() {
        thread::park();
    }
    Ok(is_good)
}

fn introduce(paper: &mut Paper, options: &Demo, server: Option<&Server>) {
    let place = match (server, &options.target) {
        (Some(server), _) => format!(
            "to a capture server on this machine, {}, that misbehaves now and then. Nothing leaves this machine.",
            server.url()
        ),
        (None, Some(target)) => format!("to {}.", target.host),
        (None, None) => String::new(),
    };
    paper.plain(&format!(
        "A small web shop sends its events through hoglet, {place}"
    ));
    paper.plain(
        "Every event is queued or refused; every queued event is delivered or lost, and hoglet says which and why.",
    );
    if let Some(note) = options.note {
        let text = format!("({note}: set POSTHOG_API_KEY and POSTHOG_HOST to send to a PostHog.)");
        paper.line(Ink::Aside, 0, &text);
    }
}

/// A client as an application makes one; only the times are those of a story.
fn client(options: &Demo, narrator: &Arc<Narrator>) -> Result<Client, Error> {
    let (on_receipt, on_error) = (Arc::clone(narrator), Arc::clone(narrator));
    let client = match (narrator.server(), &options.target) {
        // The story is about answers for each event, whatever the environment says.
        (Some(server), _) => ClientOptions::new("phc_demo")
            .host(server.url())
            .capture_mode(CaptureMode::V1)
            .retry_initial_backoff_ms(200),
        (None, Some(target)) => ClientOptions::new(&*target.api_key).host(&*target.host),
        (None, None) => ClientOptions::new(""),
    };
    let client = client
        .flush_interval_ms(NEVER_MS)
        .on_receipt(move |receipt| on_receipt.received(receipt))
        .on_error(move |error| match error {
            PostHogError::Capture(failure) => {
                if let Some(reason) = failure.reason() {
                    on_error.heard(reason);
                }
            }
            other => on_error.heard(&other.to_string()),
        });
    Client::new(client)
}

/// The story on its way.
struct Play<'a> {
    client: Client,
    narrator: &'a Narrator,
    /// The last event that was queued.
    before: Option<Uuid>,
    /// By whom they were asked for.
    flags: HashMap<&'static str, FeatureFlagEvaluations>,
    /// How long captures took.
    took: Vec<Duration>,
}

impl Play<'_> {
    fn scene(&mut self, number: u32, scene: &Scene) -> Result<(), Error> {
        let server = self.narrator.server();
        self.narrator.print(|paper| {
            paper.plain("");
            paper.line(Ink::Title, 3, &format!("{number}. {}", scene.title));
            if server.is_some() {
                paper.line(Ink::Aside, 3, &format!("   {}", scene.about));
            }
        });
        if let Some(server) = server {
            server.push(scene.fault.clone());
        }
        let mut acted = Ok(());
        self.narrator.watching(|| {
            acted = scene.acts.iter().try_for_each(|act| self.act(act));
            self.client.flush();
        });
        acted
    }

    fn act(&mut self, act: &Act) -> Result<(), Error> {
        match act {
            Act::Capture(happening) => self.capture(happening),
            Act::Ask { who, plan } => {
                self.ask(who, plan);
                Ok(())
            }
            Act::Send => {
                self.narrator.await_request(|| {
                    self.client.flush_timeout(Duration::ZERO);
                });
                Ok(())
            }
        }
    }

    /// Reads a flag, which is an event of its own. Without an answer the old checkout does.
    fn ask(&mut self, who: &'static str, plan: &str) {
        let options = EvaluateFlagsOptions {
            person_properties: Some(HashMap::from([("plan".to_owned(), plan.into())])),
            ..EvaluateFlagsOptions::default()
        };
        match self.client.evaluate_flags(who, options) {
            Ok(flags) => {
                let before = self.client.stats().captured;
                let is_on = flags.is_enabled(FLAG);
                if self.client.stats().captured > before {
                    self.narrator.read(who, is_on);
                }
                self.flags.insert(who, flags);
            }
            Err(error) => self.narrator.heard(&error.to_string()),
        }
    }

    fn capture(&mut self, happening: &Happening) -> Result<(), Error> {
        let mut event = happening.event(self.before)?;
        if let Some(flags) = self.flags.get(happening.who)
            && happening.has_flags
        {
            event.with_flags(flags);
        }
        let begin = Instant::now();
        let result = self.client.capture(&event);
        self.took.push(begin.elapsed());
        self.before = result.as_ref().ok().copied().or(self.before);
        self.narrator.captured(happening, &result);
        if is_watched() {
            thread::sleep(BEAT);
        }
        Ok(())
    }
}

/// Prints the sum; whether it adds up, for the story, the client and the server.
fn report(paper: &mut Paper, tally: &Tally, stats: &Stats, server: Option<&Server>) -> bool {
    paper.plain("");
    paper.line(Ink::Title, 0, "What became of the events");
    let sum = Sum::new("captured", tally.captured)
        .part("delivered", tally.delivered, Ink::Good)
        .why("dropped by the server", &tally.dropped, Ink::Bad)
        .why("refused", &tally.refused, Ink::Refused)
        .why("lost", &tally.lost, Ink::Bad)
        .if_any();
    let adds_up = sum.print(paper);
    let queued = tally.captured - tally.refused.total();
    let client = stats.is_balanced()
        && stats.captured == queued
        && stats.refused == tally.refused.total()
        && stats.delivered() == tally.delivered
        && stats.ended_as(OutcomeKind::Dropped) == tally.dropped.total();
    let mut agree = client;
    let mut who = "the client's own counters";
    if let Some(server) = server {
        let seen = server.stats();
        agree &= seen.stored == tally.delivered && seen.dropped == tally.dropped.total();
        who = "the client's own counters and the server's";
    }
    let (ink, verb) = if agree {
        (Ink::Good, "agree")
    } else {
        (Ink::Bad, "DO NOT AGREE")
    };
    paper.line(ink, 2, &format!("  With this, {who} {verb}."));
    adds_up && agree && tally.lost.total() == 0
}

fn figures(stats: &Stats, took: Duration) -> String {
    let (requests, retries) = (stats.requests, stats.retries);
    let us = took.as_nanos() / 1_000;
    let tenths = took.as_nanos() % 1_000 / 100;
    format!(
        "  {requests} requests, {retries} of them retries. A capture took {us}.{tenths} µs (the median)."
    )
}

fn whats_next(paper: &mut Paper, options: &Demo, server: Option<&Server>) {
    paper.plain("");
    paper.line(Ink::Title, 0, "What next");
    match server {
        Some(server) if options.keep => paper.plain(&format!(
            "  The server keeps running: open {} in a browser and see the events. Ctrl-C ends it.",
            server.url()
        )),
        Some(_) => {
            paper.plain("  See the events on the server's page:");
            paper.plain("    cargo demo -- --keep");
            paper.plain("  Send them to a PostHog of yours:");
            paper.plain("    POSTHOG_API_KEY=phc_… POSTHOG_HOST=https://eu.i.posthog.com cargo demo");
        }
        None => paper.plain("  Look for events with the property source = \"hoglet demo\" in the project's activity."),
    }
    paper.plain("  Send a file of events of your own (cargo import --help tells the form):");
    paper.plain("    cargo import FILE.ndjson --dry-run");
    paper.plain("  Put it into your program: the README's quick start has the lines.");
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or_default()
}
