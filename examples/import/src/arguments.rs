//! What the command line and the environment ask for.

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

/// How often a batch is sent again: with the waits between, half a minute.
const DEFAULT_RETRIES: u32 = 5;

/// What to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Job {
    Help,
    Import(Import),
}

/// A `PostHog`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) api_key: String,
}

/// An import.
#[derive(Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that is given or not"
)]
pub(crate) struct Import {
    pub(crate) file: PathBuf,
    /// A local server if there is none.
    pub(crate) target: Option<Target>,
    pub(crate) historical: bool,
    /// Whether a historical line without a time is sent with that of the import.
    pub(crate) stamp_missing: bool,
    /// Whether no event is looked up on the map.
    pub(crate) disable_geoip: bool,
    pub(crate) dry_run: bool,
    /// Bad lines at which to stop.
    pub(crate) max_errors: u64,
    pub(crate) retries: u32,
    /// Where the count of settled lines is kept; beside the file by default.
    pub(crate) progress: Option<PathBuf>,
    pub(crate) restart: bool,
    pub(crate) keep: bool,
}

/// The options as given.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that is given or not"
)]
struct Given {
    file: Option<PathBuf>,
    host: Option<String>,
    api_key: Option<String>,
    historical: bool,
    stamp_missing: bool,
    disable_geoip: bool,
    dry_run: bool,
    max_errors: Option<u64>,
    retries: Option<u32>,
    progress: Option<PathBuf>,
    restart: bool,
    keep: bool,
}

/// Reads the arguments; `variable` reads the environment.
///
/// # Errors
/// A sentence for whoever typed them.
pub(crate) fn parse(
    arguments: impl Iterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Job, String> {
    let Some(given) = Given::read(arguments)? else {
        return Ok(Job::Help);
    };
    let set = |name| variable(name).filter(|value| !value.trim().is_empty());
    let host = given.host.clone().or_else(|| set("POSTHOG_HOST"));
    let api_key = given.api_key.clone().or_else(|| set("POSTHOG_API_KEY"));
    let (target, missing) = match (host, api_key) {
        (Some(host), Some(api_key)) => (Some(Target { host, api_key }), None),
        (None, None) => (None, None),
        (Some(_), None) => (None, Some("there is a host, but no API key")),
        (None, Some(_)) => (None, Some("there is an API key, but no host")),
    };
    match missing {
        Some(missing) => Err(format!(
            "{missing}: give --host and --api-key, or set POSTHOG_HOST and POSTHOG_API_KEY"
        )),
        None => given.import(target).map(Job::Import),
    }
}

impl Given {
    /// `None` if help is asked for.
    fn read(mut arguments: impl Iterator<Item = OsString>) -> Result<Option<Self>, String> {
        let mut given = Self::default();
        while let Some(argument) = arguments.next() {
            let name = argument.to_string_lossy();
            let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
            match &*name {
                // The alias `cargo import` ends with one, and whoever calls it may give another.
                "--" => {}
                "--help" | "-h" => return Ok(None),
                "--keep" => given.keep = true,
                "--host" => given.host = Some(text(value()?)),
                "--api-key" => given.api_key = Some(text(value()?)),
                "--historical" => given.historical = true,
                "--stamp-missing" => given.stamp_missing = true,
                "--disable-geoip" => given.disable_geoip = true,
                "--dry-run" => given.dry_run = true,
                "--restart" => given.restart = true,
                "--progress" => given.progress = Some(value()?.into()),
                "--max-errors" => given.max_errors = Some(number(&name, &value()?, 1)?),
                "--retries" => given.retries = Some(number(&name, &value()?, 0)?),
                "-" => given.take_file(argument)?,
                _ if name.starts_with('-') => {
                    return Err(format!("unknown argument {name}; see --help"));
                }
                _ => given.take_file(argument)?,
            }
        }
        Ok(Some(given))
    }

    fn take_file(&mut self, file: OsString) -> Result<(), String> {
        if let Some(first) = &self.file {
            return Err(format!(
                "{} and {}: one file at a time",
                first.display(),
                file.display()
            ));
        }
        self.file = Some(file.into());
        Ok(())
    }

    fn import(self, target: Option<Target>) -> Result<Import, String> {
        let Some(file) = self.file else {
            return Err("no file is named: cargo import FILE, or - for standard input".to_owned());
        };
        if file.file_name().is_none() {
            return Err(format!("{} is no file", file.display()));
        }
        if target.is_none() && self.progress.is_some() {
            return Err(
                "a local server is a fresh one each time, so --progress needs --host and --api-key"
                    .to_owned(),
            );
        }
        Ok(Import {
            progress: self.progress,
            file,
            target,
            historical: self.historical,
            stamp_missing: self.stamp_missing,
            disable_geoip: self.disable_geoip,
            dry_run: self.dry_run,
            max_errors: self.max_errors.unwrap_or(u64::MAX),
            retries: self.retries.unwrap_or(DEFAULT_RETRIES),
            restart: self.restart,
            keep: self.keep,
        })
    }
}

/// What cannot be a host or a key anyway is refused later, by its own name.
fn text(value: OsString) -> String {
    value
        .into_string()
        .unwrap_or_else(|value| value.to_string_lossy().into_owned())
}

fn number<T: TryFrom<u64>>(name: &str, value: &OsString, min: u64) -> Result<T, String> {
    let value = value.to_string_lossy();
    let read = value.parse().ok().filter(|number| *number >= min);
    let read = read.and_then(|number| T::try_from(number).ok());
    read.ok_or(format!(
        "{name} {value}: give a whole number of at least {min}"
    ))
}
