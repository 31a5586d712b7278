//! The core's evaluation over HTTP.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hoglet::{
    BodyProgress, FlagEvaluation, FlagQuery, FlagQueryError, FlagsAction, FlagsError, RequestId,
    ResponseHead,
};

use crate::flags::pool::Pool;
use crate::flags::query::Query;
use crate::flags::tracker::Tracker;
use crate::settings::Settings;
use crate::transport::http::HttpSender;
use crate::types::error::Error;

/// Bytes of an answer's flags at most. Memory for as many is reserved, and used as far as flags
/// fill it.
pub(crate) const MAX_FLAGS_BYTES: usize = 1 << 20;
/// Bytes of a request that fit without another allocation.
const BODY_BYTES: usize = 1 << 10;
/// Memory for a longer request is not kept.
const MAX_SPARE_BODY: usize = 64 << 10;
/// Bytes of an answer that are read at once.
const PIECE_BYTES: usize = 16 << 10;
/// Bytes of an error's body that are kept as the reason.
const REASON_BYTES: usize = 300;
/// Memory that is kept for later evaluations.
const MAX_SPARE: usize = 64;

/// Asks for flags, many at once. It belongs to one process: connections and threads do.
pub(crate) struct Evaluator {
    settings: Arc<Settings>,
    sender: OnceLock<HttpSender>,
    spare: Mutex<Vec<Memory>>,
    tracker: Mutex<Tracker>,
    /// The client is closed: what is under way is not sent again.
    is_closed: AtomicBool,
    pub(crate) pool: Arc<Pool>,
}

/// What one evaluation works in.
struct Memory {
    body: Vec<u8>,
    table: Vec<u8>,
    piece: Vec<u8>,
}

impl Evaluator {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            sender: OnceLock::new(),
            spare: Mutex::default(),
            tracker: Mutex::default(),
            is_closed: AtomicBool::new(false),
            pool: Arc::default(),
        }
    }

    /// Asks, and waits for the answer. Returns the table of its flags.
    pub(crate) fn evaluate(
        &self,
        query: &Query,
        deadline: Option<Instant>,
    ) -> Result<Box<[u8]>, Error> {
        let mut memory = self.memory();
        let table = query.with(|query| self.ask(query, deadline, &mut memory));
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < MAX_SPARE && memory.body.len() <= MAX_SPARE_BODY {
            spare.push(memory);
        }
        table
    }

    /// Notes an access to a flag; returns whether it is new.
    pub(crate) fn note_call(&self, id: u64) -> bool {
        self.tracker().insert(id)
    }

    /// Forgets an access that could not be reported.
    pub(crate) fn forget_call(&self, id: u64) {
        self.tracker().remove(id);
    }

    /// Forgets all accesses: the client is closed.
    pub(crate) fn forget_calls(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.tracker().clear();
    }

    fn tracker(&self) -> MutexGuard<'_, Tracker> {
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> Memory {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.pop().unwrap_or_else(|| Memory {
            body: vec![0; BODY_BYTES],
            // The system gives zeroed pages when they are used.
            table: vec![0; MAX_FLAGS_BYTES],
            piece: vec![0; PIECE_BYTES],
        })
    }

    fn ask(
        &self,
        query: &FlagQuery<'_>,
        deadline: Option<Instant>,
        memory: &mut Memory,
    ) -> Result<Box<[u8]>, Error> {
        let mut config = self.settings.flags_config();
        let start = Instant::now();
        if let Some(deadline) = deadline {
            let left = deadline.saturating_duration_since(start);
            if left.is_zero() {
                let error = FlagsError::Deadline { deadline_ms: 0 };
                return Err(Error::Flags {
                    error,
                    reason: None,
                });
            }
            let left = u32::try_from(left.as_millis()).unwrap_or(u32::MAX).max(1);
            config.deadline_ms = config.deadline_ms.min(left);
        }
        let Memory { body, table, piece } = memory;
        let first = FlagEvaluation::new(&config, query, body, table, at(start)).map(drop);
        if let Err(FlagQueryError::BodyTooLarge { needed, .. }) = first {
            body.resize(needed, 0);
        }
        let evaluation = FlagEvaluation::new(&config, query, body, table, at(start));
        let mut evaluation = evaluation.map_err(Error::FlagQuery)?;
        let mut reason = None;
        while !self.is_closed.load(Ordering::SeqCst) || evaluation.attempts() == 0 {
            match evaluation.poll(at(start)) {
                FlagsAction::Send(id) => {
                    reason = self.exchange(&mut evaluation, id, start, piece);
                }
                FlagsAction::SleepUntil(then) => {
                    // Only for the next attempt: an answer is waited for by the transport.
                    let ms = at(start).ms_until(then);
                    thread::sleep(Duration::from_millis(ms));
                }
                FlagsAction::Done => break,
            }
        }
        match evaluation.flags() {
            Ok(flags) => Ok(flags.as_bytes().into()),
            Err(error) => Err(Error::Flags { error, reason }),
        }
    }

    /// Sends the request `id` and passes on what comes back. Returns the reason of a failure.
    fn exchange(
        &self,
        evaluation: &mut FlagEvaluation<'_>,
        id: RequestId,
        start: Instant,
        piece: &mut [u8],
    ) -> Option<String> {
        // As long as the evaluation waits for it.
        let left_ms = evaluation
            .deadline()?
            .as_millis()
            .saturating_sub(at(start).as_millis());
        let timeout = Duration::from_millis(left_ms.max(1));
        let request = evaluation.request(id)?;
        let headers = request.headers().into_iter();
        let answer = self
            .sender()
            .send_within(headers, request.body(), Some(timeout));
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                let _ = evaluation.handle_failure(id, failure.kind, at(start));
                return Some(failure.text);
            }
        };
        let head = ResponseHead {
            status: answer.status,
            ..ResponseHead::default()
        };
        let is_success = (200..300).contains(&answer.status);
        let _ = evaluation.handle_response_head(id, head, at(start));
        let mut text = Vec::new();
        let mut read_bytes = 0_u64;
        loop {
            let len = match answer.body.read(piece) {
                Ok(len) => len,
                // What has arrived of a refusal's words is its reason.
                Err(_) if !is_success && !text.is_empty() => 0,
                Err(error) => {
                    let failure = answer.failure(error);
                    let _ = evaluation.handle_failure(id, failure.kind, at(start));
                    return Some(failure.text);
                }
            };
            read_bytes = read_bytes.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
            let read = piece.get(..len).unwrap_or_default();
            if !is_success {
                let room = REASON_BYTES.saturating_sub(text.len());
                text.extend_from_slice(read.get(..room).unwrap_or(read));
            }
            // The rest of an error is read as far as its reason goes.
            let goes_on = evaluation.handle_response_body(id, read) == Ok(BodyProgress::NeedsMore)
                || (!is_success && text.len() < REASON_BYTES);
            if len == 0 || !goes_on {
                break;
            }
        }
        let _ = evaluation.handle_response_end(id, at(start));
        // The end of a whole body is read, so that the connection can be used again. One that is
        // longer than its flags is not waited for.
        if answer.length.is_none_or(|length| length == read_bytes) && answer.is_framed() {
            let _ = answer.body.read(piece);
        }
        answer.reason(&text)
    }

    fn sender(&self) -> &HttpSender {
        self.sender
            .get_or_init(|| HttpSender::for_flags(&self.settings))
    }
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        self.pool.close();
    }
}

/// The core's time since `start`.
fn at(start: Instant) -> hoglet::Instant {
    let ms = start.elapsed().as_millis();
    hoglet::Instant::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}
