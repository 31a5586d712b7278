//! The laws of [`hoglet::FlagEvaluation`], asserted at every call.

use hoglet::{
    BodyProgress, FlagEvaluation, FlagQuery, FlagQueryError, FlagsAction, FlagsConfig, FlagsError,
    Instant, MAX_RETRY_WAIT_MS, MonotonicClock, RequestId, ResponseHead, TransportError,
    UnknownRequest,
};

use super::client_time::ClientTime;
use super::law::{Law, broken, holds};

/// An evaluation that is watched, with a clock that its caller sets.
#[derive(Debug)]
pub struct CheckedEvaluation<'buf> {
    evaluation: FlagEvaluation<'buf>,
    config: FlagsConfig<'buf>,
    time: ClientTime,
    /// What the host's clock shows, whether the evaluation has been told or not.
    host_ms: u64,
    /// The body of every attempt.
    body: Vec<u8>,
    attempts: u32,
    phase: Phase,
}

/// What the second account expects.
#[derive(Debug)]
enum Phase {
    /// For the attempt that may begin at this time.
    Waiting(u64),
    /// A request is under way.
    Open {
        id: RequestId,
        sent_ms: u64,
        /// The status of the answer that has begun; 0 is none.
        status: Option<u16>,
        /// The answer's body so far was taken for whole, or for none.
        is_decided: bool,
    },
    /// It has ended, and these are its flags.
    Done(Result<Vec<u8>, FlagsError>),
}

impl<'buf> CheckedEvaluation<'buf> {
    /// [`FlagEvaluation::new`].
    ///
    /// # Errors
    /// Those of [`FlagEvaluation::new`].
    pub fn new(
        config: &FlagsConfig<'buf>,
        query: &FlagQuery<'buf>,
        body: &'buf mut [u8],
        table: &'buf mut [u8],
        host_ms: u64,
    ) -> Result<Self, FlagQueryError> {
        let now = Instant::from_millis(host_ms);
        let evaluation = FlagEvaluation::new(config, query, body, table, now)?;
        let mut checked = Self {
            evaluation,
            config: *config,
            time: ClientTime::new(host_ms, MonotonicClock::CountsSuspend, false),
            host_ms,
            body: Vec::new(),
            attempts: 0,
            phase: Phase::Waiting(0),
        };
        checked.look();
        Ok(checked)
    }

    /// Sets what the host's clock shows.
    pub fn set_host_clock(&mut self, host_ms: u64) {
        self.host_ms = host_ms;
    }

    /// How it has ended, if it has.
    pub fn ended(&self) -> Option<Result<&[u8], FlagsError>> {
        match &self.phase {
            Phase::Done(ended) => Some(ended.as_deref().map_err(|error| *error)),
            _ => None,
        }
    }

    /// The body of every attempt, once there was one.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// [`FlagEvaluation::poll`].
    pub fn poll(&mut self) -> FlagsAction {
        let now = self.tell();
        let action = self.evaluation.poll(now);
        self.pass_time();
        match action {
            FlagsAction::Send(id) => self.sends(id),
            FlagsAction::SleepUntil(until) => self.sleeps(until),
            FlagsAction::Done => {
                let is_done = matches!(self.phase, Phase::Done(_));
                holds(Law::Progress, is_done, "nothing but an end is Done");
            }
        }
        self.look();
        action
    }

    /// [`FlagEvaluation::handle_response_head`].
    ///
    /// # Errors
    /// When `id` is not the request under way.
    pub fn respond_head(&mut self, id: RequestId, status: u16) -> Result<(), UnknownRequest> {
        self.input(
            id,
            |evaluation, now| {
                let head = ResponseHead {
                    status,
                    ..ResponseHead::default()
                };
                evaluation.handle_response_head(id, head, now)
            },
            |checked| {
                if let Phase::Open {
                    status: known,
                    is_decided,
                    ..
                } = &mut checked.phase
                {
                    (*known, *is_decided) = (Some(status), false);
                }
            },
        )
    }

    /// [`FlagEvaluation::handle_response_body`].
    ///
    /// # Errors
    /// When `id` is not the request under way.
    pub fn respond_body(
        &mut self,
        id: RequestId,
        piece: &[u8],
    ) -> Result<BodyProgress, UnknownRequest> {
        let is_open = self.is_open(id);
        let result = self.evaluation.handle_response_body(id, piece);
        let is_right = result.is_ok() == is_open;
        holds(
            Law::OneEnding,
            is_right,
            "only the request under way counts",
        );
        if let Phase::Open {
            is_decided, status, ..
        } = &mut self.phase
            && is_open
        {
            let decided = result == Ok(BodyProgress::Decided);
            let stays = decided || !*is_decided;
            holds(Law::Stability, stays, "what is decided stays so");
            let is_read = matches!(status, Some(200..=299));
            holds(Law::AnyOrder, is_read || decided, "no other body is read");
            *is_decided = decided;
        }
        self.look();
        result
    }

    /// [`FlagEvaluation::handle_response_end`].
    ///
    /// # Errors
    /// When `id` is not the request under way.
    pub fn respond_end(&mut self, id: RequestId) -> Result<(), UnknownRequest> {
        self.input(
            id,
            |evaluation, now| evaluation.handle_response_end(id, now),
            |checked| {
                // A success that ends without flags is an answer without them.
                let is_success = matches!(
                    checked.phase,
                    Phase::Open {
                        status: Some(200..=299),
                        ..
                    }
                );
                checked.concludes(if is_success {
                    TransportError::Unreadable
                } else {
                    TransportError::Interrupted
                });
            },
        )
    }

    /// [`FlagEvaluation::handle_failure`].
    ///
    /// # Errors
    /// When `id` is not the request under way.
    pub fn fail(&mut self, id: RequestId, why: TransportError) -> Result<(), UnknownRequest> {
        self.input(
            id,
            |evaluation, now| evaluation.handle_failure(id, why, now),
            |checked| checked.concludes(why),
        )
    }

    /// A call that names a request: it counts only for the one under way.
    fn input(
        &mut self,
        id: RequestId,
        call: impl FnOnce(&mut FlagEvaluation<'buf>, Instant) -> Result<(), UnknownRequest>,
        counts: impl FnOnce(&mut Self),
    ) -> Result<(), UnknownRequest> {
        let is_open = self.is_open(id);
        let now = Instant::from_millis(self.host_ms);
        let result = call(&mut self.evaluation, now);
        let is_right = result.is_ok() == is_open;
        holds(
            Law::OneEnding,
            is_right,
            "only the request under way counts",
        );
        if is_open {
            self.tell();
            counts(self);
        }
        self.look();
        result
    }

    fn is_open(&self, asked: RequestId) -> bool {
        matches!(self.phase, Phase::Open { id, .. } if id == asked)
    }

    /// The evaluation is told the time.
    fn tell(&mut self) -> Instant {
        self.time.advance(self.host_ms);
        Instant::from_millis(self.host_ms)
    }

    /// What the passing of time alone ends: the attempt, then everything.
    fn pass_time(&mut self) {
        let now_ms = self.time.elapsed_ms();
        if let Phase::Open { sent_ms, .. } = self.phase
            && sent_ms + u64::from(self.config.request_timeout_ms) <= now_ms
        {
            self.waits(FlagsError::Transport(TransportError::Timeout));
        }
        let is_done = matches!(self.phase, Phase::Done(_));
        if !is_done && u64::from(self.config.deadline_ms) <= now_ms {
            self.phase = Phase::Done(Err(FlagsError::Deadline {
                deadline_ms: self.config.deadline_ms,
            }));
        }
    }

    /// An attempt has ended without an answer that says anything.
    fn waits(&mut self, error: FlagsError) {
        let doubled = u64::from(self.config.retry_initial_ms)
            .saturating_mul(1 << self.attempts.saturating_sub(1).min(32));
        let wait_ms = doubled.min(u64::from(MAX_RETRY_WAIT_MS));
        let now_ms = self.time.elapsed_ms();
        let is_last = self.attempts > u32::from(self.config.max_retries);
        let is_late = wait_ms > u64::from(self.config.deadline_ms).saturating_sub(now_ms);
        self.phase = if is_last || is_late {
            Phase::Done(Err(error))
        } else {
            Phase::Waiting(now_ms + wait_ms)
        };
    }

    /// The request under way has ended; `why`, unless its answer is enough.
    fn concludes(&mut self, why: TransportError) {
        let Phase::Open {
            status, is_decided, ..
        } = self.phase
        else {
            return;
        };
        let unread = match why {
            TransportError::Unreadable => None,
            why => Some(FlagsError::Transport(why)),
        };
        match (status, unread) {
            (Some(200..=299), _) if is_decided => {
                // What is in the body is for the caller to judge; it is an end.
                let ended = self.evaluation.flags();
                let is_judged = matches!(
                    ended,
                    Ok(_) | Err(FlagsError::Malformed | FlagsError::TableTooSmall { .. })
                );
                holds(Law::OneEnding, is_judged, "a whole answer is an end");
                self.phase = Phase::Done(ended.map(|flags| flags.as_bytes().to_vec()));
            }
            (None | Some(0 | 200..=299), Some(error)) => self.waits(error),
            (None | Some(0 | 200..=299), None) => {
                self.phase = Phase::Done(Err(FlagsError::Malformed));
            }
            (Some(status @ (502 | 504)), _) => self.waits(FlagsError::Status(status)),
            (Some(status), _) => self.phase = Phase::Done(Err(FlagsError::Status(status))),
        }
    }

    fn sends(&mut self, id: RequestId) {
        let now_ms = self.time.elapsed_ms();
        let Phase::Waiting(again_ms) = self.phase else {
            broken(Law::OneEnding, "one request is under way at a time")
        };
        holds(Law::Progress, again_ms <= now_ms, "the backoff is kept");
        self.attempts += 1;
        let bound = u32::from(self.config.max_retries) + 1;
        holds(Law::Bounded, self.attempts <= bound, "max_retries is kept");
        let Some(request) = self.evaluation.request(id) else {
            broken(Law::Stability, "Send names a request that is not there")
        };
        let is_same = self.attempts == 1 || request.body() == self.body;
        holds(Law::Stability, is_same, "every attempt asks the same");
        self.body = request.body().to_vec();
        self.phase = Phase::Open {
            id,
            sent_ms: now_ms,
            status: None,
            is_decided: false,
        };
    }

    fn sleeps(&self, until: Instant) {
        let (until_ms, host_ms) = (until.as_millis(), self.time.host_ms());
        holds(Law::Progress, until_ms > host_ms, "a sleep ends later");
        let deadline_ms = u64::from(self.config.deadline_ms);
        let expected_ms = match self.phase {
            Phase::Waiting(again_ms) => again_ms,
            Phase::Open { sent_ms, .. } => sent_ms + u64::from(self.config.request_timeout_ms),
            Phase::Done(_) => broken(Law::Progress, "what has ended waits for nothing"),
        };
        let left_ms = expected_ms.min(deadline_ms) - self.time.elapsed_ms();
        holds(
            Law::Progress,
            until_ms - host_ms == left_ms,
            "a sleep ends with its reason",
        );
    }

    /// What holds after every call.
    fn look(&mut self) {
        let flags = self.evaluation.flags().map(hoglet::Flags::as_bytes);
        let expected = match &self.phase {
            Phase::Done(ended) => ended.as_deref().map_err(|error| *error),
            _ => Err(FlagsError::NotLoaded),
        };
        holds(Law::Stability, flags == expected, "flags are frozen");
        let attempts = self.evaluation.attempts();
        let is_counted = u32::from(attempts) == self.attempts;
        holds(Law::Bounded, is_counted, "attempts are counted");
        for number in 0..=self.attempts.saturating_add(1) {
            let id = RequestId::from_u32(number);
            let request = self.evaluation.request(id);
            let is_right = request.is_some() == self.is_open(id);
            holds(Law::OneEnding, is_right, "a request ends once");
            if let Some(request) = request {
                let is_same = request.body() == self.body;
                holds(Law::Stability, is_same, "a request keeps its bytes");
                let mut copy = vec![0; self.body.len() + 1];
                let half = self.body.len() / 2;
                let read = self.evaluation.request_read(id, half, &mut copy);
                let is_read = read == Some(self.body.len() - half);
                let is_same = is_read && copy.starts_with(&self.body[half..]);
                holds(Law::Stability, is_same, "a piece is a piece of the body");
            }
        }
        let is_waited_for = self.evaluation.deadline().is_some();
        let is_open = matches!(self.phase, Phase::Open { .. });
        holds(
            Law::Progress,
            is_waited_for == is_open,
            "an answer that is waited for has a deadline",
        );
    }
}
