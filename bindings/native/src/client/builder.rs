//! The builder of `posthog-rs`, so that a program moves over by changing its imports.

use std::sync::{Mutex, PoisonError};

use hoglet::Compression;

use crate::settings::Settings;
use crate::types::error::{Error, PostHogError};
use crate::types::event::Event;
use crate::types::options::ClientOptions;

/// [`ClientOptions`] under the names of `posthog-rs`. The defaults are those of [`ClientOptions`],
/// which has more options. [`build`](Self::build) checks them.
///
/// ```no_run
/// use hoglet_native::{ClientOptionsBuilder, client};
/// let options = ClientOptionsBuilder::default()
///     .api_key("phc_…")
///     .host("https://eu.i.posthog.com")
///     .request_timeout_seconds(5)
///     .build()?;
/// let client = client(options);
/// # Ok::<(), hoglet_native::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientOptionsBuilder {
    options: ClientOptions,
}

impl Default for ClientOptionsBuilder {
    /// Without an API key, the client is disabled.
    fn default() -> Self {
        Self {
            options: ClientOptions::new(""),
        }
    }
}

impl ClientOptionsBuilder {
    /// Sets the project's API key (`phc_…`).
    pub fn api_key(&mut self, api_key: impl Into<String>) -> &mut Self {
        self.options.api_key = api_key.into();
        self
    }

    /// [`ClientOptions::host`].
    pub fn host(&mut self, host: impl Into<String>) -> &mut Self {
        self.options.host = host.into();
        self
    }

    /// [`ClientOptions::disabled`].
    pub fn disabled(&mut self, disabled: bool) -> &mut Self {
        self.options.disabled = disabled;
        self
    }

    /// [`ClientOptions::disable_geoip`].
    pub fn disable_geoip(&mut self, disable: bool) -> &mut Self {
        self.options.core.disable_geoip = disable;
        self
    }

    /// [`ClientOptions::is_server`].
    pub fn is_server(&mut self, is_server: bool) -> &mut Self {
        self.options.core.is_server = is_server;
        self
    }

    /// [`ClientOptions::capture_compression`].
    pub fn capture_compression(&mut self, compression: Compression) -> &mut Self {
        self.options.capture_compression = Some(compression);
        self
    }

    /// [`ClientOptions::request_timeout_ms`], in seconds.
    pub fn request_timeout_seconds(&mut self, seconds: u64) -> &mut Self {
        self.options.core.request_timeout_ms = saturate(seconds.saturating_mul(1_000));
        self
    }

    /// [`ClientOptions::feature_flags_request_timeout_ms`], in seconds.
    pub fn feature_flags_request_timeout_seconds(&mut self, seconds: u64) -> &mut Self {
        self.options.feature_flags_timeout_ms = saturate(seconds.saturating_mul(1_000));
        self
    }

    /// [`ClientOptions::feature_flags_request_max_retries`], at most 255.
    pub fn feature_flags_request_max_retries(&mut self, retries: u32) -> &mut Self {
        self.options.feature_flags_max_retries = u8::try_from(retries).unwrap_or(u8::MAX);
        self
    }

    /// One more than [`ClientOptions::max_retries`], because the first attempt counts; 0 means 1.
    pub fn max_capture_attempts(&mut self, attempts: u32) -> &mut Self {
        self.options.core.max_retries = attempts.saturating_sub(1);
        self
    }

    /// [`ClientOptions::retry_initial_backoff_ms`].
    pub fn retry_initial_backoff_ms(&mut self, ms: u64) -> &mut Self {
        self.options.core.retry_initial_ms = saturate(ms);
        self
    }

    /// [`ClientOptions::flush_at`].
    pub fn flush_at(&mut self, events: usize) -> &mut Self {
        self.options.core.flush_at = saturate(events);
        self
    }

    /// [`ClientOptions::flush_interval_ms`].
    pub fn flush_interval_ms(&mut self, ms: u64) -> &mut Self {
        self.options.core.flush_interval_ms = saturate(ms);
        self
    }

    /// [`ClientOptions::max_batch_size`].
    pub fn max_batch_size(&mut self, events: usize) -> &mut Self {
        self.options.core.max_batch_events = saturate(events);
        self
    }

    /// [`ClientOptions::max_queue_size`].
    pub fn max_queue_size(&mut self, events: usize) -> &mut Self {
        self.options.max_queue_size = saturate(events);
        self
    }

    /// [`ClientOptions::shutdown_timeout_ms`].
    pub fn shutdown_timeout_ms(&mut self, ms: u64) -> &mut Self {
        self.options.shutdown_timeout_ms = saturate(ms);
        self
    }

    /// [`ClientOptions::before_send`] for a function that one thread calls at a time.
    pub fn before_send<F>(&mut self, hook: F) -> &mut Self
    where
        F: FnMut(Event) -> Option<Event> + Send + 'static,
    {
        let hook = Mutex::new(hook);
        // A panic of the hook poisons the lock, but only the hook's own state is behind it.
        let hook = move |event| (hook.lock().unwrap_or_else(PoisonError::into_inner))(event);
        self.options = self.options.clone().before_send(hook);
        self
    }

    /// [`ClientOptions::on_error`].
    pub fn on_error<F>(&mut self, on_error: F) -> &mut Self
    where
        F: Fn(&PostHogError<'_>) + Send + Sync + 'static,
    {
        self.options = self.options.clone().on_error(on_error);
        self
    }

    /// Checks the options and returns them.
    ///
    /// # Errors
    /// Those of [`Client::new`](crate::Client::new).
    pub fn build(&self) -> Result<ClientOptions, Error> {
        Settings::new(self.options.clone(), |_| None, &mut Vec::new())?;
        Ok(self.options.clone())
    }
}

/// Saturates to `u32::MAX`, which is beyond every limit.
fn saturate(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_builder_can_be_used_in_one_go_or_step_by_step() {
        let mut builder = ClientOptionsBuilder::default();
        builder.api_key("phc_test".to_owned());
        builder.max_capture_attempts(3).request_timeout_seconds(5);
        builder.flush_at(usize::MAX);
        let options = builder.build().expect("good options");
        assert_eq!(
            (options.core.max_retries, options.core.request_timeout_ms),
            (2, 5_000)
        );
        assert_eq!(options.core.flush_at, u32::MAX);
        let one_go = ClientOptionsBuilder::default().host("no host").build();
        assert_eq!(one_go.map(drop), Err(Error::Host("no host".to_owned())));
    }

    #[test]
    fn a_hook_may_keep_count() {
        let mut seen = 0;
        let options = ClientOptionsBuilder::default()
            .before_send(move |event| {
                seen += 1;
                (seen < 2).then_some(event)
            })
            .build()
            .expect("good options");
        let event = || {
            options
                .callbacks
                .before_send(&Event::new("event", "somebody"))
        };
        assert!(matches!(event(), Ok(Some(_))));
        assert_eq!(event().map(drop), Err(Error::DroppedByHook));
    }
}
