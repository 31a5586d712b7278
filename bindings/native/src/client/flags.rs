//! Feature flags: the calls that ask for them, and the snapshot that answers.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use hoglet::{CaptureError, Flag, FlagRead, Flags, Lane, Value as Typed};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Client, after};
use crate::flags::query::{Query, pairs};
use crate::log;
use crate::queue::engine::Engine;
use crate::types::error::{Error, Warning};
use crate::types::evaluate_flags_options::{EvaluateFlagsOptions, FlagValue};
use crate::types::event::Event;

/// What [`Client::evaluate_flags_async`] returns. It borrows nothing.
type EvaluateFlags = Pin<Box<dyn Future<Output = Result<FeatureFlagEvaluations, Error>> + Send>>;

/// Groups, or properties, as the single-flag calls take them.
type Map<V> = Option<HashMap<String, V>>;

/// Feature flags.
impl Client {
    /// Asks the server for the flags of one person, once, and waits for the answer. Everything else
    /// is read from the snapshot. Any number of threads may ask at once; connections are kept.
    ///
    /// With an empty `distinct_id`, an empty list of keys or a disabled client nobody is asked, and
    /// the snapshot is empty.
    ///
    /// ```no_run
    /// use hoglet_native::{Client, EvaluateFlagsOptions, Event};
    /// let client = Client::new("phc_…")?;
    /// let flags = client.evaluate_flags("user-1", EvaluateFlagsOptions::default())?;
    /// if flags.is_enabled("new-checkout") {
    ///     // …
    /// }
    /// let mut event = Event::new("paid", "user-1");
    /// event.with_flags(&flags);
    /// client.capture(event)?;
    /// # Ok::<(), hoglet_native::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::FlagQuery`] if this cannot be asked, [`Error::Flags`] if nobody answered in time or
    /// the answer has no flags: then use the defaults of your program.
    pub fn evaluate_flags(
        &self,
        distinct_id: impl Into<String>,
        options: EvaluateFlagsOptions,
    ) -> Result<FeatureFlagEvaluations, Error> {
        self.evaluate(distinct_id.into(), options, None)
    }

    /// [`Self::evaluate_flags`] with a timeout for all attempts together.
    ///
    /// # Errors
    /// Those of [`Self::evaluate_flags`].
    pub fn evaluate_flags_timeout(
        &self,
        distinct_id: impl Into<String>,
        options: EvaluateFlagsOptions,
        timeout: Duration,
    ) -> Result<FeatureFlagEvaluations, Error> {
        self.evaluate(distinct_id.into(), options, after(timeout))
    }

    /// [`Self::evaluate_flags`] as a future. This call begins the asking, on one of at most 64
    /// threads that the client starts for it; the future only waits. Dropping it before a thread
    /// has begun takes it back.
    ///
    /// # Errors
    /// Those of [`Self::evaluate_flags`].
    pub fn evaluate_flags_async(
        &self,
        distinct_id: impl Into<String>,
        options: EvaluateFlagsOptions,
    ) -> EvaluateFlags {
        let weak = self.engine.weak();
        let evaluator = Arc::clone(self.engine.evaluator());
        let query = self.query(distinct_id.into(), options);
        let is_for_nothing = query.as_ref().is_ok_and(|query| self.is_for_nothing(query));
        if is_for_nothing {
            let nothing =
                query.map(|query| FeatureFlagEvaluations::new(weak, query.0, Box::default()));
            return Box::pin(std::future::ready(nothing));
        }
        // The wait for a thread counts.
        let config = self.engine.settings.flags_config();
        let deadline = after(Duration::from_millis(config.deadline_ms.into()));
        let asked = query.map(|query| {
            evaluator.clone().pool.run(move || {
                let table = evaluator.evaluate(&query.0, deadline)?;
                Ok((query, table))
            })
        });
        Box::pin(async move {
            let (query, table) = asked?.await?;
            Ok(FeatureFlagEvaluations::new(weak, query.0, table))
        })
    }

    /// The value of one flag, by a request of its own; `None` if the server does not have it. It is
    /// reported as read. Prefer [`Self::evaluate_flags`], which asks once for all.
    ///
    /// # Errors
    /// Those of [`Self::evaluate_flags`].
    pub fn get_feature_flag(
        &self,
        key: impl Into<String>,
        distinct_id: impl Into<String>,
        groups: Map<String>,
        person_properties: Map<Value>,
        group_properties: Map<HashMap<String, Value>>,
    ) -> Result<Option<FlagValue>, Error> {
        let key = key.into();
        let options = EvaluateFlagsOptions {
            groups,
            person_properties,
            group_properties,
            flag_keys: Some(vec![key.clone()]),
            ..EvaluateFlagsOptions::default()
        };
        Ok(self.evaluate_flags(distinct_id, options)?.get_flag(&key))
    }

    /// Whether one flag is on, by a request of its own. It is reported as read. Prefer
    /// [`Self::evaluate_flags`].
    ///
    /// # Errors
    /// Those of [`Self::evaluate_flags`].
    pub fn is_feature_enabled(
        &self,
        key: impl Into<String>,
        distinct_id: impl Into<String>,
        groups: Map<String>,
        person_properties: Map<Value>,
        group_properties: Map<HashMap<String, Value>>,
    ) -> Result<bool, Error> {
        let value = self.get_feature_flag(
            key,
            distinct_id,
            groups,
            person_properties,
            group_properties,
        )?;
        Ok(value.is_some_and(|value| value.is_enabled()))
    }

    /// The payload of one flag, by a request of its own. It is not reported as read. Prefer
    /// [`Self::evaluate_flags`].
    ///
    /// # Errors
    /// Those of [`Self::evaluate_flags`].
    pub fn get_feature_flag_payload(
        &self,
        key: impl Into<String>,
        distinct_id: impl Into<String>,
    ) -> Result<Option<Value>, Error> {
        let key = key.into();
        let options = EvaluateFlagsOptions {
            flag_keys: Some(vec![key.clone()]),
            ..EvaluateFlagsOptions::default()
        };
        let flags = self.evaluate_flags(distinct_id, options)?;
        Ok(flags.get_flag_payload(&key))
    }

    /// The values and the payloads of all flags, by their keys. None is reported as read. Prefer
    /// [`Self::evaluate_flags`].
    ///
    /// # Errors
    /// Those of [`Self::evaluate_flags`].
    #[expect(clippy::type_complexity, reason = "the signature of posthog-rs")]
    pub fn get_feature_flags(
        &self,
        distinct_id: impl Into<String>,
        groups: Map<String>,
        person_properties: Map<Value>,
        group_properties: Map<HashMap<String, Value>>,
    ) -> Result<(HashMap<String, FlagValue>, HashMap<String, Value>), Error> {
        let options = EvaluateFlagsOptions {
            groups,
            person_properties,
            group_properties,
            ..EvaluateFlagsOptions::default()
        };
        let flags = self.evaluate_flags(distinct_id, options)?;
        let (mut values, mut payloads) = (HashMap::new(), HashMap::new());
        for flag in flags.flags().iter() {
            if let Some(value) = flag.value() {
                values.insert(flag.key().to_owned(), value.into());
            }
            if let Some(payload) = flag.payload() {
                payloads.insert(flag.key().to_owned(), json(payload));
            }
        }
        Ok((values, payloads))
    }

    fn evaluate(
        &self,
        distinct_id: String,
        options: EvaluateFlagsOptions,
        deadline: Option<Instant>,
    ) -> Result<FeatureFlagEvaluations, Error> {
        let query = self.query(distinct_id, options)?;
        let table = if self.is_for_nothing(&query) {
            Box::default()
        } else {
            self.engine.evaluator().evaluate(&query.0, deadline)?
        };
        let engine = self.engine.weak();
        Ok(FeatureFlagEvaluations::new(engine, query.0, table))
    }

    fn query(&self, distinct_id: String, options: EvaluateFlagsOptions) -> Result<Asked, Error> {
        let is_local = options.only_evaluate_locally;
        let disable_geoip = self.engine.settings.options.core.disable_geoip;
        Ok(Asked(
            Query::new(distinct_id, options, disable_geoip)?,
            is_local,
        ))
    }

    fn is_for_nothing(&self, Asked(query, is_local): &Asked) -> bool {
        *is_local || self.is_disabled() || query.is_for_nothing()
    }
}

/// A query, and whether no server may be asked.
struct Asked(Query, bool);

/// The flags of one person as the server evaluated them once, with the names of `posthog-rs`. It
/// never changes, and reading it asks nobody.
///
/// [`is_enabled`](Self::is_enabled) and [`get_flag`](Self::get_flag) report the flag as read, by an
/// event `$feature_flag_called`: once for each person, flag, value and groups while the client
/// remembers it, which it does for the last 50,000. Everything else is silent.
pub struct FeatureFlagEvaluations {
    engine: Weak<Engine>,
    evaluated: Arc<Evaluated>,
    /// The flags that are left by a filter, a bit each; all of them if there is none.
    selected: Option<Bits>,
    /// The flags that were read.
    accessed: Bits,
}

/// What all filters of one evaluation share.
struct Evaluated {
    query: Query,
    table: Box<[u8]>,
}

/// A bit for each flag, in the answer's order.
struct Bits(Box<[AtomicU64]>);

impl Bits {
    fn new(len: usize) -> Self {
        Self((0..len.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    fn set(&self, index: usize) {
        if let Some(word) = self.0.get(index / 64) {
            word.fetch_or(1 << (index % 64), Ordering::Relaxed);
        }
    }

    fn has(&self, index: usize) -> bool {
        let word = self.0.get(index / 64);
        word.is_some_and(|word| word.load(Ordering::Relaxed) >> (index % 64) & 1 == 1)
    }
}

impl Clone for Bits {
    fn clone(&self) -> Self {
        let words = self.0.iter().map(|word| word.load(Ordering::Relaxed));
        Self(words.map(AtomicU64::new).collect())
    }
}

/// Reading.
impl FeatureFlagEvaluations {
    /// Whether the flag `key` is on, or has a variant. A flag that the answer does not have is off.
    #[must_use]
    pub fn is_enabled(&self, key: &str) -> bool {
        self.access(key).is_some_and(|value| value.is_enabled())
    }

    /// The value of the flag `key`; `None` if the answer does not have it, or the server failed to
    /// evaluate it.
    #[must_use]
    pub fn get_flag(&self, key: &str) -> Option<FlagValue> {
        self.access(key).map(FlagValue::from)
    }

    /// The payload of the flag `key`: its JSON, or a string if it is none.
    #[must_use]
    pub fn get_flag_payload(&self, key: &str) -> Option<Value> {
        self.find(key)?.1.payload().map(json)
    }

    /// The payload of the flag `key` as a `T`; `None` if it has none.
    ///
    /// # Errors
    /// [`Error::Serialization`] if the payload is of another type.
    pub fn get_flag_payload_as<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        let payload = self.find(key).and_then(|(_, flag)| flag.payload());
        payload
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| Error::Serialization(error.to_string()))
    }

    /// The keys of the flags that have a value.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.selected()
            .filter(|(_, flag)| flag.value().is_some())
            .map(|(_, flag)| flag.key().to_owned())
            .collect()
    }

    /// Everything that the answer says, filters left aside: reasons, ids, versions, which flags
    /// failed, whether the quota is used up. Reading it reports nothing.
    pub fn flags(&self) -> Flags<'_> {
        Flags::from_bytes(&self.evaluated.table)
    }

    /// The person whose flags these are.
    pub fn distinct_id(&self) -> &str {
        &self.evaluated.query.distinct_id
    }

    /// The flags that were read, as a snapshot of their own: for
    /// [`Event::with_flags`](crate::Event::with_flags). Without any access it is empty.
    #[must_use]
    pub fn only_accessed(&self) -> Self {
        self.filter(|index, _| self.accessed.has(index))
    }

    /// The flags with these keys, as a snapshot of their own. Keys that are not there are written
    /// to the log, if a feature selects one.
    #[must_use]
    pub fn only(&self, keys: &[&str]) -> Self {
        let unknown: Vec<&str> = keys
            .iter()
            .copied()
            .filter(|key| self.find(key).is_none())
            .collect();
        if !unknown.is_empty() {
            // Not to `on_error`, which only the worker calls.
            log::warn(&Warning::UnknownFlags(unknown.join(", ")));
        }
        self.filter(|_, flag| keys.contains(&flag.key()))
    }

    fn new(engine: Weak<Engine>, query: Query, table: Box<[u8]>) -> Self {
        let len = Flags::from_bytes(&table).iter().count();
        Self {
            engine,
            evaluated: Arc::new(Evaluated { query, table }),
            selected: None,
            accessed: Bits::new(len),
        }
    }

    fn filter(&self, is_left: impl Fn(usize, Flag<'_>) -> bool) -> Self {
        let selected = Bits(self.accessed.0.iter().map(|_| AtomicU64::new(0)).collect());
        for (index, flag) in self.selected() {
            if is_left(index, flag) {
                selected.set(index);
            }
        }
        Self {
            engine: Weak::clone(&self.engine),
            evaluated: Arc::clone(&self.evaluated),
            selected: Some(selected),
            accessed: self.accessed.clone(),
        }
    }

    /// The flags that are left, each with its place in the answer.
    fn selected(&self) -> impl Iterator<Item = (usize, Flag<'_>)> {
        let is_left = |index| {
            self.selected
                .as_ref()
                .is_none_or(|selected| selected.has(index))
        };
        self.flags()
            .iter()
            .enumerate()
            .filter(move |(index, _)| is_left(*index))
    }

    fn find(&self, key: &str) -> Option<(usize, Flag<'_>)> {
        self.selected().find(|(_, flag)| flag.key() == key)
    }

    /// Reads a flag, and reports that.
    fn access(&self, key: &str) -> Option<hoglet::FlagValue<'_>> {
        let found = self.find(key);
        let is_hidden =
            || found.is_none() && self.selected.is_some() && self.flags().get(key).is_some();
        if let Some((index, _)) = found {
            self.accessed.set(index);
        }
        // That a filter hides a flag does not mean that the answer lacks it.
        if !is_hidden() && !self.distinct_id().is_empty() {
            self.report(key);
        }
        found?.1.value()
    }

    fn report(&self, key: &str) {
        let Some(engine) = self.engine.upgrade() else {
            return;
        };
        // In a callback nothing is captured: a later read is reported.
        if engine.settings.disabled || engine.callbacks.is_inside() {
            return;
        }
        let query = &self.evaluated.query;
        let groups = pairs(&query.groups);
        let read = FlagRead::new(self.flags(), key, &query.distinct_id, &groups);
        let evaluator = engine.evaluator();
        if evaluator.note_call(read.id()) {
            let geoip = [("$geoip_disable", Typed::Bool(true))];
            let mut event = read.event();
            if query.disable_geoip {
                event = event.properties(&geoip);
            }
            let captured = engine.capture_aside(Lane::Analytics, &event);
            // It is counted as refused; the next access tries again. What is refused for any other
            // reason would be so again.
            if let Err(Error::Capture(CaptureError::QueueFull { .. } | CaptureError::Closed)) =
                captured
            {
                evaluator.forget_call(read.id());
            }
        }
    }
}

impl Clone for FeatureFlagEvaluations {
    fn clone(&self) -> Self {
        Self {
            engine: Weak::clone(&self.engine),
            evaluated: Arc::clone(&self.evaluated),
            selected: self.selected.clone(),
            accessed: self.accessed.clone(),
        }
    }
}

impl fmt::Debug for FeatureFlagEvaluations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeatureFlagEvaluations")
            .field("distinct_id", &self.distinct_id())
            .field("flags", &self.flags())
            .finish_non_exhaustive()
    }
}

impl Event {
    /// Attaches the flags of `flags` that have a value: `$feature/<key>` for each, and
    /// `$active_feature_flags`, the sorted keys of those that are on. Properties of the same names
    /// are replaced.
    pub fn with_flags(&mut self, flags: &FeatureFlagEvaluations) -> &mut Self {
        let mut active = Vec::new();
        for (_, flag) in flags.selected() {
            if let Some(value) = flag.value() {
                let name = format!("$feature/{}", flag.key());
                match value {
                    hoglet::FlagValue::Variant(variant) => self.insert(&name, variant),
                    value => self.insert(&name, &value.is_enabled()),
                }
                if value.is_enabled() {
                    active.push(flag.key());
                }
            }
        }
        if active.is_empty() {
            self.remove_prop("$active_feature_flags");
        } else {
            active.sort_unstable();
            self.insert("$active_feature_flags", &active);
        }
        self
    }
}

/// A payload as its JSON, or as a string if it is none.
fn json(payload: &str) -> Value {
    serde_json::from_str(payload).unwrap_or_else(|_| payload.into())
}
