use super::*;

fn parsed(line: &str, environment: &[(&str, &str)]) -> Result<Job, String> {
    let variable = |name: &str| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    parse(line.split_whitespace().map(OsString::from), variable)
}

fn target(host: &str, api_key: &str) -> Target {
    Target {
        host: host.to_owned(),
        api_key: api_key.to_owned(),
    }
}

fn import(line: &str, environment: &[(&str, &str)]) -> Import {
    match parsed(line, environment) {
        Ok(Job::Import(import)) => import,
        other => panic!("{line}: {other:?}"),
    }
}

const BOTH: [(&str, &str); 2] = [("POSTHOG_HOST", "http://h"), ("POSTHOG_API_KEY", "phc_e")];

#[test]
fn half_a_target_sends_nothing_to_anybody() {
    let key = [("POSTHOG_API_KEY", "phc_e"), ("POSTHOG_HOST", " ")];
    for (line, environment) in [
        ("f", &key[..]),
        ("f --host http://h", &[]),
        ("f --api-key k", &[]),
    ] {
        assert!(parsed(line, environment).is_err(), "{line}");
    }
}

#[test]
fn options_win_over_the_environment() {
    let import = import("f --api-key phc_o", &BOTH);
    assert_eq!(import.target, Some(target("http://h", "phc_o")));
}

#[test]
fn an_import_takes_its_options() {
    let given = import("- --historical --stamp-missing --disable-geoip", &BOTH);
    assert_eq!(given.file, PathBuf::from("-"));
    assert!(given.historical && given.stamp_missing && given.disable_geoip);
    let given = import("f --progress c", &BOTH);
    assert_eq!(given.progress, Some(PathBuf::from("c")));
    assert!(!given.historical && !given.stamp_missing && !given.disable_geoip);
}

#[test]
fn what_is_not_understood_is_named() {
    for (line, told) in [
        ("--histrical f", "--histrical"),
        ("", "no file is named"),
        ("f g", "f and g: one file at a time"),
        ("f --retries", "--retries needs a value"),
        ("/", "/ is no file"),
        ("f --max-errors 0", "--max-errors 0"),
        ("f --retries 4294967296", "--retries 4294967296"),
        ("f --progress p", "--progress needs --host"),
    ] {
        let error = parsed(line, &[]).expect_err(line);
        assert!(error.contains(told), "{line}: {error}");
    }
    assert_eq!(parsed("f --help", &[]), Ok(Job::Help));
}
