//! From text to steps.

use super::host::{Answer, Capture, Given, Setup};
use crate::laws::unix_ms_of;

/// A script, read.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) setup: Setup,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    /// `None` for a step that takes its time from what came before.
    pub(super) at_ms: Option<u64>,
    pub(super) verb: Verb,
}

#[derive(Clone, Debug)]
pub(super) enum Verb {
    Capture(Box<Capture>),
    Poll,
    Wake,
    Respond(usize, Answer, Body),
    Head(usize, Answer),
    Body(usize, String),
    End(usize),
    Pieces(usize),
    Fail(usize, String),
    Flush,
    /// At most so many bytes a body.
    Leave(u32),
    Close(u64),
    Wall(u64),
    Request,
    Line,
    Header(String),
    Root(Vec<String>),
    Show(String, Vec<String>),
    Stats,
}

/// An answer's body.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// A word for each event, by position.
    Results(Vec<String>),
    /// Text with placeholders.
    Text(String),
}

impl Script {
    /// Reads a script.
    ///
    /// # Panics
    /// When it is not one: scripts are part of a test, and a test that says nothing must fail.
    pub fn new(text: &str) -> Self {
        let mut script = Self {
            setup: Setup::default(),
            steps: Vec::new(),
        };
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with("//")) {
            let words = words(line);
            if script.steps.is_empty() && words.iter().all(|word| word.contains('=')) {
                let pairs = words.iter().map(|word| pair(word));
                script
                    .setup
                    .words
                    .extend(pairs.map(|(key, value)| (key.to_owned(), value)));
            } else {
                script.steps.push(step(line, &words));
            }
        }
        script
    }

    /// The same script with one more word of configuration.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.setup.words.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// Splits at spaces that are not within quotes or brackets.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    for char in line.chars() {
        match char {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '{' | '[' if !in_string => depth += 1,
            '}' | ']' if !in_string => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && !in_string => {
                words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                continue;
            }
            _ => {}
        }
        word.push(char);
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// A word as `key=value`, the value without its quotes.
fn pair(word: &str) -> (&str, String) {
    let Some((key, value)) = word.split_once('=') else {
        panic!("`{word}` is not key=value")
    };
    (key, plain(value))
}

/// A word without its quotes, if it has any.
fn plain(word: &str) -> String {
    serde_json::from_str::<String>(word).unwrap_or_else(|_| word.to_owned())
}

fn step(line: &str, words: &[String]) -> Step {
    let wrong = || -> ! { panic!("`{line}` is not a step") };
    let (at_ms, words) = match words {
        [first, rest @ ..] if first.parse::<u64>().is_ok() => (first.parse().ok(), rest),
        _ => (None, words),
    };
    let Some((verb, args)) = words.split_first() else {
        wrong()
    };
    let request = || match args
        .first()
        .and_then(|word| word.strip_prefix('#')?.parse().ok())
    {
        Some(number) => number,
        None => wrong(),
    };
    let number = || match args.first().and_then(|word| word.parse().ok()) {
        Some(number) => number,
        None => wrong(),
    };
    let text = |at: usize| args.get(at).map_or_else(|| wrong(), |word| plain(word));
    let verb = match verb.as_str() {
        "capture" => Verb::Capture(Box::new(capture(args))),
        "poll" => Verb::Poll,
        "wake" => Verb::Wake,
        "respond" => {
            let (answer, body) = answer(args);
            Verb::Respond(request(), answer, body)
        }
        "head" => Verb::Head(request(), answer(args).0),
        "body" => Verb::Body(request(), args.get(1).cloned().unwrap_or_default()),
        "end" => Verb::End(request()),
        "pieces" => Verb::Pieces(usize::try_from(number()).unwrap_or_else(|_| wrong())),
        "fail" => Verb::Fail(request(), text(1)),
        "flush" => Verb::Flush,
        "leave" => Verb::Leave(u32::try_from(number()).unwrap_or_else(|_| wrong())),
        "close" => Verb::Close(number()),
        "wall" => match unix_ms_of(&text(0)) {
            Some(unix_ms) => Verb::Wall(unix_ms),
            None => wrong(),
        },
        "request" => Verb::Request,
        "line" => Verb::Line,
        "header" => Verb::Header(text(0)),
        "root" => Verb::Root(args.to_vec()),
        "show" => Verb::Show(text(0), args.iter().skip(1).cloned().collect()),
        "stats" => Verb::Stats,
        _ => wrong(),
    };
    Step { at_ms, verb }
}

fn capture(args: &[String]) -> Capture {
    let Some((name, args)) = args.split_first() else {
        panic!("capture needs a name")
    };
    let mut event = Capture {
        name: plain(name),
        distinct_id: "user-1".to_owned(),
        ..Capture::default()
    };
    let mut members = Vec::new();
    for word in args {
        let (key, value) = pair(word);
        let flag = || {
            value
                .parse()
                .unwrap_or_else(|_| panic!("`{word}` is not true or false"))
        };
        match key {
            "id" => event.distinct_id = value,
            "uuid" => event.uuid = Some(value),
            "at" => event.timestamp = Some(value),
            "session" => event.session_id = Some(value),
            "window" => event.window_id = Some(value),
            "set" => event.set = Some(value),
            "set_once" => event.set_once = Some(value),
            "groups" => event.groups = groups(&value),
            "cookieless_mode" => event.cookieless_mode = Some(flag()),
            "disable_skew_correction" => event.disable_skew_correction = Some(flag()),
            "process_person_profile" => event.process_person_profile = Some(flag()),
            "product_tour_id" => event.product_tour_id = Some(value),
            "json" => event.properties = Given::Json(value),
            "serialize" => {
                let value = serde_json::from_str(&value);
                event.properties =
                    Given::Serialize(value.unwrap_or_else(|_| panic!("`{word}` is not JSON")));
            }
            "pad" => {
                let len = value
                    .parse()
                    .unwrap_or_else(|_| panic!("`{word}` is not a length"));
                members.push((key.to_owned(), "x".repeat(len).into()));
            }
            _ => {
                let (_, raw) = word.split_once('=').unwrap_or_default();
                let typed = serde_json::from_str(raw).unwrap_or_else(|_| value.into());
                members.push((key.to_owned(), typed));
            }
        }
    }
    if !members.is_empty() {
        assert!(
            matches!(event.properties, Given::None),
            "properties in two forms"
        );
        event.properties = Given::Typed(members);
    }
    event
}

fn groups(text: &str) -> Vec<(String, String)> {
    let groups: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).unwrap_or_else(|_| panic!("`{text}` is not an object"));
    let key = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    groups
        .into_iter()
        .map(|(kind, value)| (kind, key(value)))
        .collect()
}

fn answer(args: &[String]) -> (Answer, Body) {
    let status = args.get(1).and_then(|word| word.parse().ok());
    let mut answer = Answer {
        status: status.unwrap_or_else(|| panic!("an answer needs a status")),
        ..Answer::default()
    };
    let mut body = match answer.status {
        200..=299 => Body::Results(Vec::new()),
        _ => Body::Text(String::new()),
    };
    for word in args.iter().skip(2) {
        let (key, value) = pair(word);
        match key {
            "retry-after" => answer.retry_after = Some(value),
            "date" => answer.date = Some(value),
            "results" => body = Body::Results(value.split(',').map(str::to_owned).collect()),
            "body" => body = Body::Text(value),
            _ => panic!("`{word}` is not part of an answer"),
        }
    }
    (answer, body)
}
