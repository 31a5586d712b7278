//! One evaluation: a request, its retries, its answer.

use core::fmt;

use crate::Instant;
use crate::client::clock::Clock;
use crate::client::timers::{Timer, Timers};
use crate::config::MAX_RETRY_WAIT_MS;
use crate::flags::answer::Parser;
use crate::flags::config::FlagsConfig;
use crate::flags::error::{FlagQueryError, FlagsError};
use crate::flags::query::FlagQuery;
use crate::flags::snapshot::Flags;
use crate::flags::table::TableWriter;
use crate::receipt::TransportError;
use crate::response::head::ResponseHead;
use crate::wire::request::{BodyProgress, RequestId, Response, UnknownRequest};

/// What the host should do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the evaluation waits for its host to do this"]
pub enum FlagsAction {
    /// Send [`FlagEvaluation::request`] of this id and report back with exactly one of
    /// [`FlagEvaluation::handle_response`] and [`FlagEvaluation::handle_failure`].
    Send(RequestId),
    /// Nothing to do before this instant. Call [`FlagEvaluation::poll`] then, and after every
    /// other call; calling it earlier is harmless.
    SleepUntil(Instant),
    /// It has ended: [`FlagEvaluation::flags`] says how.
    Done,
}

/// Asks the server for the flags of one person, once. A server has many under way at a time; each
/// is a few hundred bytes beside the memory that it is lent.
///
/// The host's loop is [`Client`](crate::Client)'s: [`poll`](Self::poll), then what the
/// [`FlagsAction`] says.
///
/// ```
/// use hoglet::{FlagEvaluation, FlagQuery, FlagsAction, FlagsConfig, FlagState, FlagValue};
/// use hoglet::{Instant, Response, ResponseHead};
///
/// let now = Instant::from_millis(0);
/// let config = FlagsConfig::new("phc_token");
/// let keys = ["new-nav"];
/// let mut query = FlagQuery::new("device-1");
/// query.keys = Some(&keys);
/// let (mut body, mut table) = ([0; 256], [0; 128]);
/// let mut evaluation = FlagEvaluation::new(&config, &query, &mut body, &mut table, now)?;
///
/// let FlagsAction::Send(id) = evaluation.poll(now) else { unreachable!() };
/// let request = evaluation.request(id).expect("it has not ended");
/// assert_eq!(request.path(), "/flags/?v=2");
/// let response = Response {
///     head: ResponseHead { status: 200, ..ResponseHead::default() },
///     body: br#"{"flags":{"new-nav":{"enabled":true,"variant":"b"}}}"#,
/// };
/// evaluation.handle_response(id, response, now).expect("it has not ended");
/// assert_eq!(evaluation.poll(now), FlagsAction::Done);
/// let flags = evaluation.flags().expect("the server answered");
/// assert_eq!(flags.state("new-nav"), FlagState::Value(FlagValue::Variant("b")));
/// assert_eq!(flags.state("other"), FlagState::Missing);
/// # Ok::<(), hoglet::FlagQueryError>(())
/// ```
///
/// # Laws
/// 1. **Any order.** Every call is legal at any moment; `poll` early, late or twice is harmless; a
///    reading of the clock that goes back takes no time.
/// 2. **Progress.** Never `SleepUntil(t)` with `t <= now`; a host that never answers is timed out;
///    after `deadline_ms` it has ended.
/// 3. **Stability.** From `Send(id)` to its end, `request(id)` gives the same bytes; so does every
///    attempt. What has ended stays as it is.
/// 4. **Bounded.** What does not fit is an error that names the limit, never a wrong value.
/// 5. **One ending.** A request ends once, and so does the evaluation; a stale id changes nothing.
pub struct FlagEvaluation<'buf> {
    config: FlagsConfig<'buf>,
    keys: Option<&'buf [&'buf str]>,
    body: &'buf [u8],
    table: TableWriter<'buf>,
    clock: Clock,
    timers: Timers,
    attempt: u16,
    phase: Phase,
}

/// | from | what happens | to |
/// | --- | --- | --- |
/// | `Waiting` | `poll`, the wait is over | `Sending` |
/// | `Sending`, `Reading` | an answer's head | `Reading` |
/// | `Sending`, `Reading` | an answer's end, a failure, a time-out | `Waiting`, `Done` |
/// | any but `Done` | the deadline | `Done` |
#[derive(Debug)]
enum Phase {
    /// For the next attempt.
    Waiting,
    /// A request is under way, and no answer has come.
    Sending,
    /// A request is under way, and its answer's head has arrived.
    Reading {
        status: u16,
        parser: Parser,
        /// Whether the answer is no answer to this, whatever follows.
        is_faulty: bool,
    },
    Done(Result<(), FlagsError>),
}

impl<'buf> FlagEvaluation<'buf> {
    /// An evaluation of `query`, whose request is written to `body` at once: 150 bytes and what the
    /// query says. Its answer's flags will be in `table`: 30 to 300 bytes a flag, its payload
    /// beside.
    ///
    /// # Errors
    /// When the query or the configuration breaks a limit, or `body` is too small.
    pub fn new(
        config: &FlagsConfig<'buf>,
        query: &FlagQuery<'buf>,
        body: &'buf mut [u8],
        table: &'buf mut [u8],
        now: Instant,
    ) -> Result<Self, FlagQueryError> {
        config.check()?;
        query.check()?;
        let needed = query.write(config.token, body)?;
        let capacity = body.len();
        let body: &[u8] = body;
        let body = body
            .get(..needed)
            .ok_or(FlagQueryError::BodyTooLarge { needed, capacity })?;
        let mut timers = Timers::new();
        timers.start(Timer::Close, config.deadline_ms);
        Ok(Self {
            config: *config,
            keys: query.keys,
            body,
            table: TableWriter::new(table),
            clock: Clock::new(now),
            timers,
            attempt: 0,
            phase: Phase::Waiting,
        })
    }

    /// Takes the time in and gives the next action out. An unanswered request times out here, and
    /// the deadline is kept here.
    pub fn poll(&mut self, now: Instant) -> FlagsAction {
        self.advance(now);
        if self.is_under_way() && self.timers.take_expired(Timer::Timeout) {
            self.try_again(FlagsError::Transport(TransportError::Timeout));
        }
        if self.timers.is_expired(Timer::Close) {
            self.end(Err(FlagsError::Deadline {
                deadline_ms: self.config.deadline_ms,
            }));
        }
        match self.phase {
            Phase::Done(_) => FlagsAction::Done,
            Phase::Waiting if self.timers.latest_pending(&[Timer::Retry]).is_none() => {
                self.attempt = self.attempt.saturating_add(1);
                self.phase = Phase::Sending;
                self.timers
                    .start(Timer::Timeout, self.config.request_timeout_ms);
                FlagsAction::Send(self.last_id())
            }
            Phase::Waiting => self.sleep(Timer::Retry),
            Phase::Sending | Phase::Reading { .. } => self.sleep(Timer::Timeout),
        }
    }

    /// The request to send for [`FlagsAction::Send`]; `None` once it has ended.
    pub fn request(&self, id: RequestId) -> Option<FlagRequest<'_>> {
        self.is_open(id).then_some(FlagRequest {
            config: &self.config,
            body: self.body,
        })
    }

    /// Copies the body of the request `id` from `offset` on into `out`; returns how many bytes,
    /// fewer than `out` has only at the end; `None` once the request has ended.
    pub fn request_read(&self, id: RequestId, offset: usize, out: &mut [u8]) -> Option<usize> {
        let body = self.request(id)?.body();
        let rest = body.get(offset..).unwrap_or_default();
        let len = rest.len().min(out.len());
        if let (Some(out), Some(rest)) = (out.get_mut(..len), rest.get(..len)) {
            out.copy_from_slice(rest);
        }
        Some(len)
    }

    /// Takes a whole answer.
    ///
    /// # Errors
    /// [`UnknownRequest`] if `id` has ended already: timed out, answered.
    pub fn handle_response(
        &mut self,
        id: RequestId,
        response: Response<'_>,
        now: Instant,
    ) -> Result<(), UnknownRequest> {
        self.handle_response_head(id, response.head, now)?;
        self.handle_response_body(id, response.body)?;
        self.handle_response_end(id, now)
    }

    /// Takes an answer's status. Its body follows in pieces, then its end; or a
    /// [failure](Self::handle_failure), if the connection breaks first.
    ///
    /// # Errors
    /// [`UnknownRequest`] if `id` has ended already.
    pub fn handle_response_head(
        &mut self,
        id: RequestId,
        head: ResponseHead,
        now: Instant,
    ) -> Result<(), UnknownRequest> {
        self.check_open(id)?;
        self.advance(now);
        self.table.clear();
        self.phase = Phase::Reading {
            status: head.status,
            parser: Parser::new(),
            is_faulty: false,
        };
        Ok(())
    }

    /// Takes the next piece of an answer's body, of any size. Once it says
    /// [`BodyProgress::Decided`], the host may stop reading and call
    /// [`handle_response_end`](Self::handle_response_end).
    ///
    /// # Errors
    /// [`UnknownRequest`] if `id` has ended already.
    pub fn handle_response_body(
        &mut self,
        id: RequestId,
        piece: &[u8],
    ) -> Result<BodyProgress, UnknownRequest> {
        self.check_open(id)?;
        let Phase::Reading {
            status: 200..=299,
            parser,
            is_faulty,
        } = &mut self.phase
        else {
            return Ok(BodyProgress::Decided);
        };
        *is_faulty = *is_faulty || parser.read(piece, &mut self.table, self.keys).is_err();
        Ok(if *is_faulty || parser.is_complete() {
            BodyProgress::Decided
        } else {
            BodyProgress::NeedsMore
        })
    }

    /// Takes the end of an answer.
    ///
    /// # Errors
    /// [`UnknownRequest`] if `id` has ended already.
    pub fn handle_response_end(
        &mut self,
        id: RequestId,
        now: Instant,
    ) -> Result<(), UnknownRequest> {
        // A success that ends without flags is an answer without them; an end without a head is a
        // connection that broke.
        let why = match self.phase {
            Phase::Reading {
                status: 200..=299, ..
            } => TransportError::Unreadable,
            _ => TransportError::Interrupted,
        };
        self.conclude(id, why, now)
    }

    /// Takes the news that there will be no answer, or no more of it.
    ///
    /// # Errors
    /// [`UnknownRequest`] if `id` has ended already.
    pub fn handle_failure(
        &mut self,
        id: RequestId,
        why: TransportError,
        now: Instant,
    ) -> Result<(), UnknownRequest> {
        self.conclude(id, why, now)
    }

    /// The flags, once the evaluation has ended and the server has answered.
    ///
    /// # Errors
    /// Why there are none.
    pub fn flags(&self) -> Result<Flags<'_>, FlagsError> {
        match self.phase {
            Phase::Done(ended) => ended?,
            _ => return Err(FlagsError::NotLoaded),
        }
        Ok(Flags::from_bytes(self.table.bytes().unwrap_or_default()))
    }

    /// [`Self::flags`], for as long as the table is lent.
    ///
    /// # Errors
    /// Why there are none.
    pub fn into_flags(self) -> Result<Flags<'buf>, FlagsError> {
        self.flags()?;
        Ok(Flags::from_bytes(
            self.table.into_bytes().unwrap_or_default(),
        ))
    }

    /// Until when the answer to the request under way is waited for; `None` if there is none.
    pub fn deadline(&self) -> Option<Instant> {
        match self.sleep(Timer::Timeout) {
            FlagsAction::SleepUntil(then) if self.is_under_way() => Some(then),
            _ => None,
        }
    }

    /// Attempts that were made, or are under way.
    pub const fn attempts(&self) -> u16 {
        self.attempt
    }

    fn advance(&mut self, now: Instant) {
        let passed_ms = self.clock.advance(now);
        self.timers.advance(passed_ms);
    }

    const fn last_id(&self) -> RequestId {
        RequestId(self.attempt as u32)
    }

    const fn is_under_way(&self) -> bool {
        matches!(self.phase, Phase::Sending | Phase::Reading { .. })
    }

    fn is_open(&self, id: RequestId) -> bool {
        self.is_under_way() && id == self.last_id()
    }

    fn check_open(&self, id: RequestId) -> Result<(), UnknownRequest> {
        if self.is_open(id) {
            Ok(())
        } else {
            Err(UnknownRequest)
        }
    }

    /// Until `timer`'s deadline or that of the evaluation.
    fn sleep(&self, timer: Timer) -> FlagsAction {
        match self.timers.earlier(timer, Timer::Close) {
            Some((left_ms, _)) => FlagsAction::SleepUntil(self.clock.host().plus_ms(left_ms)),
            None => FlagsAction::Done,
        }
    }

    /// Ends an attempt: its answer has ended, or broke off with `why`, or never came.
    fn conclude(
        &mut self,
        id: RequestId,
        why: TransportError,
        now: Instant,
    ) -> Result<(), UnknownRequest> {
        self.check_open(id)?;
        self.advance(now);
        let no_answer = FlagsError::Transport(why);
        match &self.phase {
            Phase::Reading {
                status: 200..=299,
                is_faulty: true,
                ..
            } => self.end(Err(FlagsError::Malformed)),
            Phase::Reading {
                status: 200..=299,
                parser,
                ..
            } if parser.is_complete() => {
                let has_flags = parser.finish(&mut self.table);
                self.end(if !has_flags {
                    Err(FlagsError::Malformed)
                } else if self.table.bytes().is_none() {
                    Err(FlagsError::TableTooSmall {
                        needed: self.table.len(),
                        capacity: self.table.capacity(),
                    })
                } else {
                    Ok(())
                });
            }
            Phase::Reading {
                status: 0 | 200..=299,
                ..
            }
            | Phase::Sending => match why {
                TransportError::Unreadable => self.end(Err(FlagsError::Malformed)),
                _ => self.try_again(no_answer),
            },
            // A gateway did not reach the server (PROTOCOL section 3).
            Phase::Reading {
                status: status @ (502 | 504),
                ..
            } => {
                self.try_again(FlagsError::Status(*status));
            }
            Phase::Reading { status, .. } => self.end(Err(FlagsError::Status(*status))),
            Phase::Waiting | Phase::Done(_) => {}
        }
        Ok(())
    }

    /// Waits for the next attempt, unless this was the last, or the deadline comes before it.
    fn try_again(&mut self, error: FlagsError) {
        let retries = self.attempt.saturating_sub(1);
        let doubled = self
            .config
            .retry_initial_ms
            .saturating_mul(1_u32.checked_shl(retries.into()).unwrap_or(u32::MAX));
        self.timers
            .start(Timer::Retry, doubled.min(MAX_RETRY_WAIT_MS));
        let wait = self.timers.earlier(Timer::Retry, Timer::Close);
        if retries >= self.config.max_retries.into()
            || wait.is_some_and(|(_, first)| first == Timer::Close)
        {
            self.end(Err(error));
        } else {
            self.phase = Phase::Waiting;
        }
    }

    fn end(&mut self, how: Result<(), FlagsError>) {
        if !matches!(self.phase, Phase::Done(_)) {
            self.phase = Phase::Done(how);
            self.timers = Timers::new();
        }
    }
}

impl fmt::Debug for FlagEvaluation<'_> {
    /// Without the request and the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlagEvaluation")
            .field("config", &self.config)
            .field("attempt", &self.attempt)
            .field("flags", &self.flags())
            .finish_non_exhaustive()
    }
}

/// A request for flags. There is no `Authorization`: the token is in the body.
#[derive(Clone, Copy)]
pub struct FlagRequest<'a> {
    config: &'a FlagsConfig<'a>,
    body: &'a [u8],
}

impl<'a> FlagRequest<'a> {
    /// Always `POST`. A redirect must not turn it into anything else.
    pub const fn method(&self) -> &'static str {
        "POST"
    }

    /// The path and the query, from the host's root.
    pub const fn path(&self) -> &'a str {
        self.config.path()
    }

    /// The headers, but for `Host` and `Content-Length`. A browser sets its own `user-agent`.
    pub const fn headers(&self) -> [(&'static str, &'a str); 2] {
        [
            ("content-type", "application/json"),
            ("user-agent", self.config.user_agent),
        ]
    }

    /// The JSON body.
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
}

impl fmt::Debug for FlagRequest<'_> {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlagRequest")
            .field("path", &self.path())
            .field("body", &self.body.len())
            .finish()
    }
}
