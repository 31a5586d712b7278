//! What the command line and the environment ask for.

use std::ffi::OsString;

/// The text of `--help`.
pub(crate) const HELP: &str = "\
hoglet's demo: events through the native client, every one accounted for.

cargo demo [-- --keep]
    A small web shop sends about 40 events to a capture server on this machine
    that misbehaves, then a summary shows what became of each. With both
    POSTHOG_API_KEY and POSTHOG_HOST set, they go to that PostHog instead.

    --keep              leave the server running, to look at its page
    --host URL          where to, and the project's API key, instead of
    --api-key phc_…     the variables

Exit status: 0 if every event that was queued was delivered or dropped by the
server, 1 if not, 2 if nothing could be done.

cargo import FILE sends a file of events; cargo import --help tells the form.
";

/// What to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Job {
    Help,
    Demo(Demo),
}

/// A `PostHog`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) api_key: String,
}

/// The demo.
#[derive(Debug, PartialEq)]
pub(crate) struct Demo {
    /// A local server if there is none.
    pub(crate) target: Option<Target>,
    pub(crate) keep: bool,
    /// Why a variable that is set is not used.
    pub(crate) note: Option<&'static str>,
}

/// The options as given.
#[derive(Default)]
struct Given {
    host: Option<String>,
    api_key: Option<String>,
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
    let has_options = given.host.is_some() || given.api_key.is_some();
    let set = |name| variable(name).filter(|value| !value.trim().is_empty());
    let host = given.host.or_else(|| set("POSTHOG_HOST"));
    let api_key = given.api_key.or_else(|| set("POSTHOG_API_KEY"));
    let (target, note) = match (host, api_key) {
        (Some(host), Some(api_key)) => (Some(Target { host, api_key }), None),
        (None, None) => (None, None),
        (Some(_), None) => (None, Some("there is a host, but no API key")),
        (None, Some(_)) => (None, Some("there is an API key, but no host")),
    };
    match note {
        Some(missing) if has_options => Err(format!(
            "{missing}: give --host and --api-key, or set POSTHOG_HOST and POSTHOG_API_KEY"
        )),
        note => Ok(Job::Demo(Demo {
            target,
            keep: given.keep,
            note,
        })),
    }
}

impl Given {
    /// `None` if help is asked for.
    fn read(mut arguments: impl Iterator<Item = OsString>) -> Result<Option<Self>, String> {
        let mut given = Self::default();
        while let Some(argument) = arguments.next() {
            let name = argument.to_string_lossy();
            let mut value = || {
                let value = arguments.next().ok_or(format!("{name} needs a value"))?;
                // What cannot be a host or a key anyway is refused later, by its own name.
                Ok::<_, String>(value.to_string_lossy().into_owned())
            };
            match &*name {
                // The alias `cargo demo` ends with one, and whoever calls it gives another.
                "--" => {}
                "--help" | "-h" => return Ok(None),
                "--keep" => given.keep = true,
                "--host" => given.host = Some(value()?),
                "--api-key" => given.api_key = Some(value()?),
                "--import" => {
                    return Err("--import is a command of its own: cargo import FILE".to_owned());
                }
                _ => return Err(format!("unknown argument {name}; see --help")),
            }
        }
        Ok(Some(given))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str, environment: &[(&str, &str)]) -> Result<Job, String> {
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        parse(line.split_whitespace().map(OsString::from), variable)
    }

    fn demo(target: Option<(&str, &str)>, keep: bool) -> Job {
        let target = target.map(|(host, api_key)| Target {
            host: host.to_owned(),
            api_key: api_key.to_owned(),
        });
        Job::Demo(Demo {
            target,
            keep,
            note: None,
        })
    }

    const BOTH: [(&str, &str); 2] = [("POSTHOG_HOST", "http://h"), ("POSTHOG_API_KEY", "phc_e")];

    #[test]
    fn without_arguments_it_plays_on_a_local_server() {
        assert_eq!(parsed("", &[]), Ok(demo(None, false)));
        assert_eq!(parsed("--keep", &[]), Ok(demo(None, true)));
        assert_eq!(parsed("-- --keep", &[]), Ok(demo(None, true)));
    }

    #[test]
    fn options_win_over_the_environment() {
        assert_eq!(
            parsed("", &BOTH),
            Ok(demo(Some(("http://h", "phc_e")), false))
        );
        let given = parsed("--api-key phc_o", &BOTH);
        assert_eq!(given, Ok(demo(Some(("http://h", "phc_o")), false)));
    }

    #[test]
    fn half_a_target_sends_nothing_to_anybody() {
        let key = [("POSTHOG_API_KEY", "phc_e"), ("POSTHOG_HOST", " ")];
        let Ok(Job::Demo(demo)) = parsed("", &key) else {
            panic!("no demo");
        };
        let note = Some("there is an API key, but no host");
        assert_eq!((demo.target, demo.note), (None, note));
        assert!(parsed("--api-key k", &[]).is_err());
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, told) in [
            ("--kep", "--kep"),
            ("--host", "--host needs a value"),
            ("--import f", "cargo import FILE"),
        ] {
            let error = parsed(line, &[]).expect_err(line);
            assert!(error.contains(told), "{line}: {error}");
        }
        assert_eq!(parsed("--keep --help", &[]), Ok(Job::Help));
    }

    #[test]
    fn the_help_fits_into_80_columns() {
        let long = HELP.lines().find(|line| line.chars().count() > 80);
        assert_eq!(long, None);
    }
}
