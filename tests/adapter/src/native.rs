//! The native host under the harness.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hoglet::{Event, EventOptions, Uuid};
use hoglet_native::{Client, ClientOptions, Compression, Error, EvaluateFlagsOptions, FlagValue};
use serde_json::Value;

use super::{Capture, FlagCall, Host, Init, Run, Sdk, SdkState};

/// The native host, with what the command line chose.
#[derive(Clone, Copy, Debug)]
pub struct Native(pub Run);

impl Host for Native {
    fn sdk_info(&self) -> &'static str {
        concat!("hoglet-native/", env!("CARGO_PKG_VERSION"))
    }

    fn start(&self, init: &Init, header: Option<(&str, &str)>) -> Result<Arc<dyn Sdk>, String> {
        let compression = match init.enable_compression {
            Some(true) => self.0.compression,
            _ => Compression::None,
        };
        let last_error = Arc::new(Mutex::new(None));
        let told = Arc::clone(&last_error);
        let mut options = ClientOptions::new(&init.api_key)
            .host(&init.host)
            .capture_mode(self.0.mode)
            .capture_compression(compression)
            .disable_geoip(init.disable_geoip.unwrap_or(false))
            .historical_migration(init.historical_migration.unwrap_or(false))
            .on_error(move |error| {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            });
        if let Some(flush_at) = init.flush_at {
            options = options.flush_at(flush_at);
        }
        if let Some(ms) = init.flush_interval_ms {
            options = options.flush_interval_ms(ms);
        }
        if let Some(retries) = init.max_retries {
            options = options.max_retries(retries);
        }
        if let Some((name, value)) = header {
            options = options.extra_header(name, value);
        }
        let client = Client::new(options).map_err(|error| error.to_string())?;
        Ok(Arc::new(NativeSdk { client, last_error }))
    }
}

struct NativeSdk {
    client: Client,
    last_error: Arc<Mutex<Option<String>>>,
}

impl Sdk for NativeSdk {
    fn capture(&self, capture: &Capture, is_ai: bool) -> Result<String, String> {
        let mut event = Event::new(&capture.event, &capture.distinct_id).options(EventOptions {
            cookieless_mode: capture.options.cookieless_mode,
            disable_skew_correction: capture.options.disable_skew_correction,
            process_person_profile: capture.options.process_person_profile,
            product_tour_id: capture.options.product_tour_id.as_deref(),
        });
        if let Some(properties) = &capture.properties {
            event = event.json(properties.get());
        }
        if let Some(timestamp) = &capture.timestamp {
            event = event.timestamp(timestamp.as_str());
        }
        if let Some(uuid) = &capture.uuid {
            let uuid = uuid.parse::<Uuid>();
            event = event.uuid(uuid.map_err(|error| format!("uuid: {error}"))?);
        }
        let captured = if is_ai {
            self.client.capture_ai(event)
        } else {
            self.client.capture(event)
        };
        captured
            .map(|uuid| uuid.to_string())
            .map_err(|error: Error| error.to_string())
    }

    fn get_feature_flag(&self, call: FlagCall) -> Result<Value, String> {
        // There is no local evaluation: every call is remote, as `force_remote` wants it.
        let options = EvaluateFlagsOptions {
            groups: call.groups,
            person_properties: call.person_properties,
            group_properties: call.group_properties,
            disable_geoip: call.disable_geoip,
            flag_keys: Some(vec![call.key.clone()]),
            ..EvaluateFlagsOptions::default()
        };
        let flags = self.client.evaluate_flags(call.distinct_id, options);
        let flags = flags.map_err(|error| error.to_string())?;
        Ok(match flags.get_flag(&call.key) {
            None => Value::Null,
            Some(FlagValue::Boolean(value)) => value.into(),
            Some(FlagValue::String(variant)) => variant.into(),
        })
    }

    fn flush(&self) -> u64 {
        self.client.flush().delivered
    }

    fn state(&self) -> SdkState {
        let stats = self.client.stats();
        SdkState {
            pending_events: stats.queued + stats.in_flight,
            total_events_captured: stats.captured,
            total_events_sent: stats.delivered(),
            total_retries: stats.retries,
            last_error: self
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            requests_made: [],
        }
    }

    fn stop(&self) {
        self.client.shutdown_timeout(Duration::ZERO);
    }
}
