//! What a script needs of a host.

/// The configuration, as words: `flush_at` is `20`.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Keys and values in the order of the script.
    pub words: Vec<(String, String)>,
}

impl Setup {
    /// The last value given for `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.words.iter().rev().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }

    /// A value as a number.
    ///
    /// # Panics
    /// When it is none: the script is wrong.
    pub fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        let parse = |value: &str| {
            let number = value.parse();
            number.unwrap_or_else(|_| panic!("{key}={value} is not a number that fits"))
        };
        self.get(key).map(parse)
    }
}

/// An event to capture.
#[derive(Clone, Debug, Default)]
#[expect(
    missing_docs,
    reason = "each is the field of hoglet::Event of the same name"
)]
pub struct Capture {
    pub name: String,
    pub distinct_id: String,
    pub properties: Given,
    /// JSON text.
    pub set: Option<String>,
    /// JSON text.
    pub set_once: Option<String>,
    pub groups: Vec<(String, String)>,
    pub session_id: Option<String>,
    pub window_id: Option<String>,
    pub uuid: Option<String>,
    /// Milliseconds since 1970, or anything else as RFC 3339 text.
    pub timestamp: Option<String>,
    pub cookieless_mode: Option<bool>,
    pub disable_skew_correction: Option<bool>,
    pub process_person_profile: Option<bool>,
    pub product_tour_id: Option<String>,
}

/// How the properties are handed over.
#[derive(Clone, Debug, Default)]
pub enum Given {
    /// Not at all.
    #[default]
    None,
    /// Member by member.
    Typed(Vec<(String, serde_json::Value)>),
    /// As JSON text.
    Json(String),
    /// As something to serialise.
    Serialize(serde_json::Value),
}

/// What a host should do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send the request of this id.
    Send(u32),
    /// Nothing before this time, for this reason.
    Sleep {
        /// When to poll again.
        until_ms: u64,
        /// The timer's name in lower case.
        why: String,
    },
    /// Nothing before the next capture.
    Idle,
}

/// A request as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, compressed if `content-encoding` says so.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The header `Date`.
    pub date: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// The end of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its uuid, in lower case.
    pub uuid: String,
    /// What became of it, as a receipt's name and, in brackets, its details.
    pub fate: String,
}

/// The host's own error for an id that names no request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

/// What a script drives. Time is what the script says, and nothing else.
pub trait Host {
    /// Captures an event; gives its uuid, or the error's text.
    ///
    /// # Errors
    /// Those of the host, as text.
    fn capture(&mut self, now_ms: u64, event: &Capture) -> Result<String, String>;
    /// Asks what to do.
    fn poll(&mut self, now_ms: u64) -> Next;
    /// The request of this id, while it is under way.
    fn request(&mut self, id: u32) -> Option<Wire>;
    /// A whole answer; its body arrives in pieces of so many bytes, or at once.
    ///
    /// # Errors
    /// When the id names no request under way.
    fn respond(
        &mut self,
        now_ms: u64,
        id: u32,
        answer: &Answer,
        pieces: Option<usize>,
    ) -> Result<(), Unknown>;
    /// Status and headers of an answer.
    ///
    /// # Errors
    /// When the id names no request under way.
    fn respond_head(&mut self, now_ms: u64, id: u32, answer: &Answer) -> Result<(), Unknown>;
    /// More of an answer's body.
    ///
    /// # Errors
    /// When the id names no request under way.
    fn respond_body(&mut self, id: u32, piece: &[u8]) -> Result<(), Unknown>;
    /// The end of an answer's body.
    ///
    /// # Errors
    /// When the id names no request under way.
    fn respond_end(&mut self, now_ms: u64, id: u32) -> Result<(), Unknown>;
    /// No answer, for this reason.
    ///
    /// # Errors
    /// When the id names no request under way.
    fn fail(&mut self, now_ms: u64, id: u32, why: &str) -> Result<(), Unknown>;
    /// Makes everything due; [`Self::is_flushed`] counts from here.
    fn flush(&mut self, now_ms: u64);

    /// Everything is handed out, in bodies of at most `limit` bytes.
    fn leave(&mut self, now_ms: u64, limit: u32);
    /// Whether everything captured before the last flush has ended.
    fn is_flushed(&mut self) -> bool;
    /// Refuses further events and gives the others until the deadline.
    fn close(&mut self, now_ms: u64, deadline_ms: u64);
    /// Whether it was closed and every event has ended.
    fn is_closed(&mut self) -> bool;
    /// Tells the wall time.
    fn set_wall_clock(&mut self, now_ms: u64, unix_ms: u64);
    /// The counters, by name.
    fn stats(&mut self) -> Vec<(&'static str, u64)>;
    /// The events that have ended since the last time, in order.
    fn endings(&mut self) -> Vec<Ending>;
}
