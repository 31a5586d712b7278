//! The settings of a client: its options, completed by the environment and checked.

use std::ffi::OsString;

use hoglet::{CaptureMode, Compression, Config, ConfigError, FlagsConfig, Lane, MAX_RETRY_WAIT_MS};

use crate::os;
use crate::transport::headers::{Header, headers};
use crate::transport::host;
use crate::transport::proxy::Route;
use crate::transport::roots::Roots;
use crate::types::error::{Error, Warning};
use crate::types::options::ClientOptions;

const MODE_VARIABLE: &str = "POSTHOG_CAPTURE_MODE";
const COMPRESSION_VARIABLE: &str = "POSTHOG_CAPTURE_COMPRESSION";

/// The largest event of the AI lane in bytes (PROTOCOL section 2).
const AI_MAX_EVENT_BYTES: u32 = 8 << 20;
/// The core's allowance for a body's envelope, as a `u32`.
#[expect(clippy::cast_possible_truncation, reason = "it is below 256")]
const ENVELOPE_BYTES: u32 = hoglet::ENVELOPE_BYTES as u32;
/// The minimum of the AI lane's queue: a batch in flight and another of the same size.
const AI_MIN_QUEUE_BYTES: u32 = 2 * (AI_MAX_EVENT_BYTES + ENVELOPE_BYTES);

/// Checked options, completed by the environment.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) options: ClientOptions,
    /// Without a trailing slash.
    pub(crate) host: String,
    pub(crate) capture_mode: CaptureMode,
    pub(crate) compression: Compression,
    pub(crate) disabled: bool,
    pub(crate) headers: Vec<Header>,
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "checked, and used by tls only")
    )]
    pub(crate) roots: Roots,
    pub(crate) route: Route,
}

impl Settings {
    /// Completes the options by environment variables, which `variable` reads, and checks them. An
    /// unusable variable is added to `warnings`.
    pub(crate) fn new(
        options: ClientOptions,
        variable: impl Fn(&'static str) -> Option<OsString>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, Error> {
        let disabled = options.disabled || options.api_key.trim().is_empty();
        if disabled && !options.disabled {
            warnings.push(Warning::BlankApiKey);
        }
        // Explicit options win: a mode from the environment is unusable if it lacks the compression
        // that the options choose.
        let usable = |name: &str| {
            CaptureMode::from_name(name).filter(|mode| {
                let given = options.capture_compression;
                given.is_none_or(|compression| can_use(compression, *mode))
            })
        };
        let capture_mode = options.capture_mode.unwrap_or_else(|| {
            read(&variable, MODE_VARIABLE, "v1", warnings, usable).unwrap_or_default()
        });
        let usable = |name: &str| {
            Compression::from_name(name).filter(|compression| can_use(*compression, capture_mode))
        };
        let compression = options.capture_compression.unwrap_or_else(|| {
            read(&variable, COMPRESSION_VARIABLE, "gzip", warnings, usable)
                .unwrap_or(Compression::Gzip)
        });
        if compression == Compression::Zstd && !cfg!(feature = "zstd") {
            return Err(Error::Feature("zstd"));
        }
        let host = host::normalize(&options.host)?;
        // `normalize` has parsed the host as a URI already.
        let uri = host.parse().map_err(|_| Error::Host(host.clone()))?;
        let settings = Self {
            route: Route::choose(&options.proxy, &uri, &variable, warnings)?,
            host,
            headers: headers(&options.extra_headers)?,
            roots: Roots::new(options.root_certificates.as_deref())?,
            capture_mode,
            compression,
            disabled,
            options,
        };
        if !disabled {
            settings.check(Lane::Analytics)?;
            settings.check(Lane::Ai)?;
            settings.flags_config().check().map_err(in_flags_options)?;
        }
        Ok(settings)
    }

    /// The settings of a disabled client.
    pub(crate) fn disabled() -> Self {
        Self {
            options: ClientOptions::new(""),
            host: host::DEFAULT_HOST.to_owned(),
            capture_mode: CaptureMode::default(),
            compression: Compression::None,
            disabled: true,
            headers: Vec::new(),
            roots: Roots::default(),
            route: Route::Direct,
        }
    }

    /// The project token.
    pub(crate) fn token(&self) -> &str {
        self.options.api_key.trim()
    }

    /// The core's configuration for `lane`, without the seed.
    pub(crate) fn config<'a>(&self, lane: Lane, token: &'a str, sdk_info: &'a str) -> Config<'a> {
        let options = &self.options;
        // Imported events happened on other machines, so this machine's system is wrong for them.
        let is_here = !options.core.historical_migration;
        let mut config = Config {
            token,
            sdk_info,
            lane,
            capture_mode: self.capture_mode,
            compression: self.compression,
            is_server: options.core.is_server && is_here,
            ..options.core
        };
        if options.os_properties && is_here {
            config.os = Some(os::this());
        }
        if lane == Lane::Ai {
            config.max_event_bytes = AI_MAX_EVENT_BYTES;
            config.max_batch_bytes = config
                .max_batch_bytes
                .max(AI_MAX_EVENT_BYTES + ENVELOPE_BYTES);
        }
        config
    }

    /// How flags are asked for.
    pub(crate) fn flags_config(&self) -> FlagsConfig<'_> {
        let options = &self.options;
        let retries = options.feature_flags_max_retries;
        let timeout_ms = options.feature_flags_timeout_ms;
        let mut config = FlagsConfig::new(self.token());
        config.user_agent = &options.sdk_info;
        config.version = options.flags_version;
        config.max_retries = retries;
        config.request_timeout_ms = timeout_ms;
        // Every attempt has its time; the waits between them are at most half a minute each.
        let attempt_ms = timeout_ms.saturating_add(MAX_RETRY_WAIT_MS);
        config.deadline_ms = attempt_ms.saturating_mul(u32::from(retries).saturating_add(1));
        config
    }

    /// The size of `lane`'s queue in bytes.
    pub(crate) fn queue_bytes(&self, lane: Lane) -> usize {
        let bytes = match lane {
            Lane::Analytics => self.options.max_queue_bytes,
            Lane::Ai => self.options.max_queue_bytes.max(AI_MIN_QUEUE_BYTES),
        };
        // `usize` is 32 bits or more on every target with `std`, so this never saturates.
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// The number of events that a queue holds.
    pub(crate) fn queue_events(&self) -> usize {
        usize::try_from(self.options.max_queue_size).unwrap_or(usize::MAX)
    }

    /// Makes the core's checks now, so that errors appear when the client is made and not at the
    /// first capture.
    fn check(&self, lane: Lane) -> Result<(), Error> {
        let config = self.config(lane, self.token(), &self.options.sdk_info);
        config.check().map_err(in_options)?;
        for (field, is_zero) in [
            ("max_queue_size", self.queue_events() == 0),
            ("max_queue_bytes", self.queue_bytes(lane) == 0),
        ] {
            if is_zero {
                let (value, min) = (0, 1);
                return Err(ConfigError::TooSmall { field, value, min }.into());
            }
        }
        Ok(())
    }
}

/// Renames the core's fields to the options' names.
fn in_options(error: ConfigError) -> ConfigError {
    match error {
        ConfigError::TooSmall { field, value, min } => ConfigError::TooSmall {
            field: match field {
                "max_batch_events" => "max_batch_size",
                "retry_initial_ms" => "retry_initial_backoff_ms",
                // The minimum of this field is the largest event with its envelope.
                "max_batch_bytes" => "max_batch_bytes (beside max_event_bytes)",
                other => other,
            },
            value,
            min,
        },
        other => other,
    }
}

/// Likewise of the configuration for flags, whose other fields are those of events or follow from
/// this one.
fn in_flags_options(error: ConfigError) -> ConfigError {
    match error {
        ConfigError::TooSmall { value, min, .. } => ConfigError::TooSmall {
            field: "feature_flags_request_timeout_ms",
            value,
            min,
        },
        other => other,
    }
}

/// Reads a variable. A value that `parse` rejects is a warning.
fn read<T>(
    variable: impl Fn(&'static str) -> Option<OsString>,
    name: &'static str,
    used: &'static str,
    warnings: &mut Vec<Warning>,
    parse: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    // A value that is not UTF-8 matches no known name, so it gives the same warning.
    let value = variable(name)?.to_string_lossy().into_owned();
    let parsed = parse(&value.trim().to_ascii_lowercase());
    if parsed.is_none() && !value.trim().is_empty() {
        warnings.push(Warning::Environment {
            variable: name,
            value,
            used,
        });
    }
    parsed
}

/// Whether this build and this protocol support the compression.
fn can_use(compression: Compression, mode: CaptureMode) -> bool {
    match compression {
        Compression::None | Compression::Gzip => true,
        Compression::Deflate => mode == CaptureMode::V1,
        Compression::Zstd => mode == CaptureMode::V1 && cfg!(feature = "zstd"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mode and the compression that follow from the options and the environment, and the
    /// warnings.
    fn resolve(
        options: ClientOptions,
        mode: Option<&str>,
        compression: Option<&str>,
    ) -> (CaptureMode, Compression, Vec<String>) {
        let mut warnings = Vec::new();
        let variable = |name| match name {
            MODE_VARIABLE => mode.map(OsString::from),
            COMPRESSION_VARIABLE => compression.map(OsString::from),
            _ => None,
        };
        let settings = Settings::new(options, variable, &mut warnings).expect("good options");
        let warnings = warnings.iter().map(ToString::to_string).collect();
        (settings.capture_mode, settings.compression, warnings)
    }

    fn options() -> ClientOptions {
        ClientOptions::new("phc_test")
    }

    #[test]
    fn the_environment_chooses_what_the_options_leave_open() {
        for (name, mode) in [
            ("v0", CaptureMode::V0),
            ("legacy", CaptureMode::V0),
            ("v1", CaptureMode::V1),
            (" Analytics_V1 ", CaptureMode::V1),
            ("", CaptureMode::V1),
        ] {
            let settled = resolve(options(), Some(name), None);
            assert_eq!(settled, (mode, Compression::Gzip, vec![]), "{name:?}");
        }
        for (name, compression) in [
            ("none", Compression::None),
            ("identity", Compression::None),
            ("gzip", Compression::Gzip),
            ("deflate", Compression::Deflate),
            #[cfg(feature = "zstd")]
            ("zstd", Compression::Zstd),
        ] {
            let settled = resolve(options(), None, Some(name));
            assert_eq!(settled, (CaptureMode::V1, compression, vec![]), "{name:?}");
        }
    }

    #[test]
    fn the_options_win_over_the_environment() {
        let options = options()
            .capture_mode(CaptureMode::V1)
            .capture_compression(Compression::None);
        let settled = resolve(options, Some("v0"), Some("no such thing"));
        assert_eq!(settled, (CaptureMode::V1, Compression::None, vec![]));
    }

    #[test]
    fn an_unknown_value_warns_and_falls_back() {
        let (mode, compression, warnings) = resolve(options(), Some("v2"), Some("br"));
        assert_eq!((mode, compression), (CaptureMode::V1, Compression::Gzip));
        assert_eq!(
            warnings,
            [
                "POSTHOG_CAPTURE_MODE=v2 cannot be used, v1 is used instead",
                "POSTHOG_CAPTURE_COMPRESSION=br cannot be used, gzip is used instead",
            ]
        );
        let (_, compression, warnings) = resolve(options(), Some("v0"), Some("zstd"));
        assert_eq!(
            (compression, warnings.len()),
            (Compression::Gzip, 1),
            "V0 has no zstd"
        );
    }

    #[test]
    fn a_mode_of_the_environment_that_the_options_exclude_is_not_used() {
        let deflate = options().capture_compression(Compression::Deflate);
        let (mode, compression, warnings) = resolve(deflate, Some("v0"), None);
        assert_eq!((mode, compression), (CaptureMode::V1, Compression::Deflate));
        assert_eq!(
            warnings,
            ["POSTHOG_CAPTURE_MODE=v0 cannot be used, v1 is used instead"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_warns_too() {
        use std::os::unix::ffi::OsStringExt;
        let mut warnings = Vec::new();
        let variable = |name: &str| {
            let is_ours = name.starts_with("POSTHOG_");
            is_ours.then(|| OsString::from_vec(b"v0\xff".to_vec()))
        };
        let settings = Settings::new(options(), variable, &mut warnings).expect("good options");
        assert_eq!(settings.capture_mode, CaptureMode::V1);
        assert_eq!(warnings.len(), 2, "one for each variable");
    }

    #[test]
    fn errors_name_the_options() {
        for (options, text) in [
            (options().max_batch_size(0), "max_batch_size is 0,"),
            (options().flush_at(0), "flush_at is 0,"),
            (options().request_timeout_ms(0), "request_timeout_ms is 0,"),
            (
                options().retry_initial_backoff_ms(50),
                "retry_initial_backoff_ms is 50,",
            ),
            (options().max_queue_size(0), "max_queue_size is 0,"),
            (options().max_queue_bytes(0), "max_queue_bytes is 0,"),
            (
                options().max_event_bytes(2 << 20),
                "max_batch_bytes (beside max_event_bytes) is 1048576,",
            ),
        ] {
            let error = Settings::new(options, |_| None, &mut Vec::new()).expect_err(text);
            let error = error.to_string();
            assert!(error.starts_with(&format!("options: {text}")), "{error}");
        }
    }

    #[test]
    fn what_is_imported_does_not_come_from_this_machine() {
        let config = |options| {
            let settings = Settings::new(options, |_| None, &mut Vec::new()).expect("good options");
            let config = settings.config(Lane::Analytics, "phc_test", "a/1");
            (config.is_server, config.os.is_some())
        };
        let (is_server, os) = config(options());
        assert!(is_server && os);
        let nothing = (false, false);
        assert_eq!(config(options().historical_migration(true)), nothing);
        assert_eq!(
            config(options().is_server(false).os_properties(false)),
            nothing
        );
    }

    #[test]
    fn a_queued_event_costs_what_the_options_say() {
        assert_eq!(size_of::<hoglet::Slot>(), 28);
    }
}
