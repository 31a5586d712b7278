//! From steps to a trace.

use std::collections::HashMap;
use std::fmt::Write;

use super::host::{Host, Next, Unknown};
use super::parse::{Body, Script, Step, Verb};
use super::wire;

/// A script in progress.
struct Runner<'h> {
    host: &'h mut dyn Host,
    now_ms: u64,
    /// The host's ids of the requests sent so far; `#1` is the first.
    requests: Vec<u32>,
    /// The uuids in each of them, by position.
    batches: Vec<Vec<String>>,
    names: HashMap<String, String>,
    pieces: Option<usize>,
    sleep_until_ms: Option<u64>,
    is_flushing: bool,
    is_closing: bool,
    /// What the current step has led to.
    news: Vec<String>,
}

impl Script {
    /// Runs on `host`; returns one line for every step that led to something.
    pub fn run(&self, host: &mut dyn Host) -> String {
        let mut runner = Runner {
            host,
            now_ms: 0,
            requests: Vec::new(),
            batches: Vec::new(),
            names: HashMap::new(),
            pieces: self.setup.number("pieces"),
            sleep_until_ms: None,
            is_flushing: false,
            is_closing: false,
            news: Vec::new(),
        };
        let mut trace = String::new();
        for step in &self.steps {
            runner.step(step);
            let news = std::mem::take(&mut runner.news);
            if !news.is_empty() {
                // Writing to a string cannot fail.
                let _ = writeln!(trace, "{} {}", runner.now_ms, news.join(" | "));
            }
        }
        trace.truncate(trace.trim_end().len());
        trace
    }
}

impl Runner<'_> {
    fn step(&mut self, step: &Step) {
        self.now_ms = step.at_ms.unwrap_or(self.now_ms);
        let now_ms = self.now_ms;
        match &step.verb {
            Verb::Capture(event) => {
                let refused = match self.host.capture(now_ms, event) {
                    Ok(uuid) => {
                        self.names.insert(uuid, event.name.clone());
                        None
                    }
                    Err(error) => Some(format!("{} refused: {error}", event.name)),
                };
                self.endings();
                self.news.extend(refused);
            }
            Verb::Poll => self.poll(),
            Verb::Wake => {
                let Some(until_ms) = self.sleep_until_ms else {
                    panic!("nobody sleeps")
                };
                self.now_ms = self.now_ms.max(until_ms);
                self.poll();
            }
            Verb::Respond(number, answer, body) => {
                let mut answer = answer.clone();
                answer.body = wire::body(body, self.batch(*number));
                let pieces = self.pieces;
                let result = self.host.respond(now_ms, self.id(*number), &answer, pieces);
                self.answered(*number, result);
            }
            Verb::Head(number, answer) => {
                let result = self.host.respond_head(now_ms, self.id(*number), answer);
                self.answered(*number, result);
            }
            Verb::Body(number, text) => {
                let text = wire::body(&Body::Text(text.clone()), self.batch(*number));
                let result = self.host.respond_body(self.id(*number), &text);
                self.answered(*number, result);
            }
            Verb::End(number) => {
                let result = self.host.respond_end(now_ms, self.id(*number));
                self.answered(*number, result);
            }
            Verb::Pieces(len) => self.pieces = Some(*len),
            Verb::Fail(number, why) => {
                let result = self.host.fail(now_ms, self.id(*number), why);
                self.answered(*number, result);
            }
            Verb::Flush => {
                self.host.flush(now_ms);
                self.is_flushing = true;
            }
            Verb::Leave(limit) => self.host.leave(now_ms, *limit),
            Verb::Close(deadline_ms) => {
                self.host.close(now_ms, *deadline_ms);
                self.is_closing = true;
            }
            Verb::Wall(unix_ms) => self.host.set_wall_clock(now_ms, *unix_ms),
            print => self.print(print),
        }
        if self.is_flushing && self.host.is_flushed() {
            self.is_flushing = false;
            self.news.push("flushed".to_owned());
        }
        if self.is_closing && self.host.is_closed() {
            self.is_closing = false;
            self.news.push("closed".to_owned());
        }
    }

    fn print(&mut self, verb: &Verb) {
        if let Verb::Stats = verb {
            let stats = self.host.stats();
            let counted = stats.into_iter().filter(|(_, count)| *count != 0);
            let counted: Vec<_> = counted
                .map(|(name, count)| format!("{name} {count}"))
                .collect();
            let none = counted.is_empty().then(|| "all counters 0".to_owned());
            self.news.push(none.unwrap_or_else(|| counted.join(", ")));
            return;
        }
        let open = self.requests.last().and_then(|id| self.host.request(*id));
        let Some(open) = open else {
            self.news.push("no request".to_owned());
            return;
        };
        self.news.push(match verb {
            Verb::Line => format!("{} {}", open.method, open.path),
            Verb::Header(name) => open.show_header(name),
            Verb::Root(members) => open.show_root(members),
            Verb::Show(event, members) => open.show_event(event, members),
            _ => open.to_string(),
        });
    }

    /// What the host calls request `#number`; an id nobody has for one that was never sent.
    fn id(&self, number: usize) -> u32 {
        let sent = number.checked_sub(1).and_then(|at| self.requests.get(at));
        sent.copied().unwrap_or(u32::MAX)
    }

    /// The uuids in request `#number`.
    fn batch(&self, number: usize) -> &[String] {
        let sent = number.checked_sub(1).and_then(|at| self.batches.get(at));
        sent.map_or(&[], Vec::as_slice)
    }

    fn poll(&mut self) {
        let next = self.host.poll(self.now_ms);
        self.endings();
        self.sleep_until_ms = None;
        match next {
            Next::Send(id) => {
                self.requests.push(id);
                let Some(request) = self.host.request(id) else {
                    panic!("Send without a request")
                };
                let (names, uuids): (Vec<_>, Vec<_>) = request.events().into_iter().unzip();
                self.batches.push(uuids);
                let number = self.requests.len();
                self.news
                    .push(format!("send #{number} batch[{}]", names.join(",")));
            }
            Next::Sleep { until_ms, why } => {
                self.sleep_until_ms = Some(until_ms);
                self.news.push(format!("sleep {until_ms} ({why})"));
            }
            Next::Idle => self.news.push("idle".to_owned()),
        }
    }

    fn answered(&mut self, number: usize, result: Result<(), Unknown>) {
        self.endings();
        if result == Err(Unknown) {
            self.news.push(format!("#{number} is unknown"));
        }
    }

    fn endings(&mut self) {
        for ending in self.host.endings() {
            let name = self.names.get(&ending.uuid).map_or("?", String::as_str);
            self.news.push(format!("{name} {}", ending.fate));
        }
    }
}
