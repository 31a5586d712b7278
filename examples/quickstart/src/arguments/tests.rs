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
        other => panic!("{other:?}"),
    }
}

const BOTH: [(&str, &str); 2] = [("POSTHOG_HOST", "http://h"), ("POSTHOG_API_KEY", "phc_e")];

#[test]
fn without_arguments_it_is_the_demo_on_a_local_server() {
    let demo = |target, keep, note| Ok(Job::Demo(Demo { target, keep, note }));
    assert_eq!(parsed("", &[]), demo(None, false, None));
    assert_eq!(parsed("--keep", &[]), demo(None, true, None));
    assert_eq!(parsed("-- --keep", &[]), demo(None, true, None));
    assert_eq!(
        parsed("", &BOTH),
        demo(Some(target("http://h", "phc_e")), false, None)
    );
}

#[test]
fn half_a_target_sends_nothing_to_anybody() {
    let key = [("POSTHOG_API_KEY", "phc_e"), ("POSTHOG_HOST", " ")];
    let Ok(Job::Demo(demo)) = parsed("", &key) else {
        panic!("no demo");
    };
    assert_eq!(
        (demo.target, demo.note),
        (None, Some("there is an API key, but no host"))
    );
    for (line, environment) in [
        ("--import f", &key[..1]),
        ("--import f --host http://h", &[]),
        ("--api-key k", &[]),
    ] {
        assert!(parsed(line, environment).is_err(), "{line}");
    }
}

#[test]
fn options_win_over_the_environment() {
    let import = import("--import f --api-key phc_o", &BOTH);
    assert_eq!(import.target, Some(target("http://h", "phc_o")));
}

#[test]
fn an_import_takes_its_options() {
    let given = import(
        "--import - --historical --stamp-missing --disable-geoip",
        &BOTH,
    );
    assert_eq!(given.file, PathBuf::from("-"));
    assert!(given.historical && given.stamp_missing && given.disable_geoip);
    let given = import("--import f --progress c", &BOTH);
    assert_eq!(given.progress, Some(PathBuf::from("c")));
    assert!(!given.historical && !given.stamp_missing && !given.disable_geoip);
}

#[test]
fn what_is_not_understood_is_named() {
    for (line, told) in [
        ("--imprt f", "--imprt"),
        ("--import", "--import needs a value"),
        ("--import /", "/ is no file"),
        ("--import f --max-errors 0", "--max-errors 0"),
        ("--import f --retries 4294967296", "--retries 4294967296"),
        ("--import f --progress p", "--progress needs --host"),
        ("--historical", "--historical needs --import"),
        ("--stamp-missing", "--stamp-missing needs --import"),
    ] {
        let error = parsed(line, &[]).expect_err(line);
        assert!(error.contains(told), "{line}: {error}");
    }
    assert_eq!(parsed("--import f --help", &[]), Ok(Job::Help));
}
