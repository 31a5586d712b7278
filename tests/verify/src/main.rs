//! `cargo verify`: sets up what is missing, then runs every check and test, in the order CI runs
//! them, and stops at the first that fails.

use std::array;
use std::fs;
use std::io::{self, Write as _};
use std::process::{Command, ExitCode};
use std::time::Instant;

use hoglet_verify::{Outcome, Workspace, finish};

const HELP: &str = "\
Sets up what is missing, then runs every check and test.

cargo verify [--no-qemu] [WORD…]

  --no-qemu   skip what runs firmware
  WORD…       only the steps whose names hold one of the words";

/// What the steps need beside cargo and a C linker. The second column is a command that succeeds
/// where it is there, and then prints the third; the fourth installs it; the last is for a person,
/// where that fails. A tool that is there already is used as it is. Debian's own Node may be older
/// than the tests' JavaScript: npm has newer ones.
const NEEDS: &str = "
targets      | .ci/install-targets.sh --check |                        | .ci/install-targets.sh | rustup, https://rustup.rs
qemu         | qemu-system-arm --version      |                        | {apt} qemu-system-arm | qemu-system-arm of QEMU, https://www.qemu.org; or say --no-qemu
npm          | npm --version                  |                        | {apt} npm | Node 20.3 or newer with npm, https://nodejs.org
node         | node -e [AbortSignal.any.name].toSorted() |             | npm install --silent --global --prefix {target}/tools node@22.12.0 | Node 20.3 or newer, https://nodejs.org
wasm-pack    | wasm-pack --version            |                        | cargo install --quiet --debug --locked --root {target}/tools wasm-pack@0.15.1 | wasm-pack, https://github.com/wasm-bindgen/wasm-pack
wasm-bindgen | wasm-bindgen --version         | {version:wasm-bindgen} | cargo install --quiet --debug --no-default-features --root {target}/tools wasm-bindgen-cli@{version:wasm-bindgen} | wasm-bindgen-cli in the version that Cargo.lock names
";

/// What `{apt}` stands for.
const APT: &str =
    "{sudo} apt-get update -qq && {sudo} apt-get install -y -qq --no-install-recommends";

/// One line each, in order: a name, what it needs beside the targets, and commands. `{features}`
/// stands for each of [`FEATURES`] in turn, `{native}` for each of [`NATIVE_FEATURES`]. With
/// `--no-qemu` a step that needs it is told so by `{no-qemu}`, or else left out.
const STEPS: &str = r#"
format              |                             | cargo fmt --all --check
clippy              |                             | cargo clippy --workspace --all-targets -- -D warnings
core for the host   |                             | cargo clippy -p hoglet {features} -- -D warnings
native              |                             | cargo clippy -p hoglet-native {native} -- -D warnings
core elsewhere      |                             | cargo clippy -p hoglet {features} --target wasm32-unknown-unknown --target thumbv6m-none-eabi --target thumbv7em-none-eabi -- -D warnings
core's own tests    |                             | cargo test -p hoglet --lib {features}
clippy for wasm32   |                             | cargo clippy -p hoglet-wasm --target wasm32-unknown-unknown -- -D warnings
clippy for thumbv6m |                             | cargo clippy -p size-probe --features gzip --target thumbv6m-none-eabi -- -D warnings
clippy for firmware |                             | cargo clippy -p size-probe -p cortex-m-example --target thumbv7em-none-eabi -- -D warnings
docs                |                             | cargo doc --workspace --no-deps --config build.rustdocflags=["-D","warnings"]
tests               |                             | cargo test --workspace --no-fail-fast
simulation          |                             | cargo simulate --worlds 2000
fuzzing             |                             | tests/fuzz/run.sh 10
firmware            | qemu                        | cargo test -p sizes --test firmware -- --ignored
wasm by wasm-pack   | npm node wasm-pack wasm-bindgen | bindings/js/build.sh
Node                | npm node                    | cargo build --quiet --bin capture-server && env HOGLET_CAPTURE_SERVER={target}/debug/capture-server npm --prefix bindings/js test
sizes               | qemu npm node wasm-pack wasm-bindgen | cargo sizes {no-qemu}
demo                |                             | cargo demo
"#;

/// The core with nothing, with each feature alone, and with all of them.
const FEATURES: &[&str] = &[
    "--no-default-features",
    "--no-default-features --features details",
    "--no-default-features --features drop-oldest",
    "--no-default-features --features flags",
    "--no-default-features --features flag-payloads",
    "--no-default-features --features float",
    "--no-default-features --features gzip",
    "--no-default-features --features http-date",
    "--no-default-features --features leave",
    "--no-default-features --features nested",
    "--no-default-features --features os",
    "--no-default-features --features park",
    "--no-default-features --features persons",
    "--no-default-features --features placeholders",
    "--no-default-features --features text",
    "--no-default-features --features v0",
    "--no-default-features --features serde",
    "--all-features",
];

/// The same of the native host.
const NATIVE_FEATURES: &[&str] = &[
    "--no-default-features",
    "--no-default-features --features tls",
    "--no-default-features --features zstd",
    "--no-default-features --features log",
    "--no-default-features --features tracing",
    "--all-features",
];

/// What stands for several commands in a step.
const VARIANTS: [(&str, &[&str]); 2] = [("{features}", FEATURES), ("{native}", NATIVE_FEATURES)];

const NO_QEMU: &str = "--no-qemu";

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let count = words.len();
    words.retain(|word| word != NO_QEMU);
    let mut tally = Tally::default();
    let result = Workspace::find().and_then(|workspace| {
        let mut runner = Runner {
            workspace,
            toolchain: None,
            no_qemu: words.len() < count,
            tally: &mut tally,
        };
        let steps = chosen(&words)?;
        runner.provide("targets")?;
        steps.into_iter().try_for_each(|step| runner.check(step))
    });
    if let Err(failure) = result {
        println!("{}", failure.trim_end());
        tally.failed = tally.failed.max(1);
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    ExitCode::from(u8::from(tally.failed > 0))
}

/// The rows of a table above, each with its `N` columns.
fn table<const N: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    text.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut columns = line.splitn(N, '|').map(str::trim);
        array::from_fn(|_| columns.next().unwrap_or_default())
    })
}

/// The steps whose names hold one of the words; all of them without a word.
fn chosen(words: &[String]) -> Result<Vec<[&'static str; 3]>, String> {
    let has = |[name, _, _]: &[&str; 3], word: &String| name.contains(word.as_str());
    if let Some(word) = words
        .iter()
        .find(|word| !table(STEPS).any(|step| has(&step, word)))
    {
        let names: Vec<_> = table(STEPS).map(|[name, _, _]| name).collect();
        return Err(format!(
            "no step's name holds {word:?}; the steps are:\n{}",
            names.join("\n")
        ));
    }
    let is_chosen = |step: &[&str; 3]| words.is_empty() || words.iter().any(|word| has(step, word));
    Ok(table(STEPS).filter(is_chosen).collect())
}

/// Tests and checks so far.
#[derive(Clone, Copy, Default)]
struct Tally {
    passed: u32,
    failed: u32,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// What test runners said: `test result: ok. 4 passed; 0 failed; …` is cargo's, `# pass 4` and
    /// `# fail 0` are Node's.
    fn of(output: &str) -> Self {
        let mut sum = Self::default();
        for line in output.lines().map(str::trim_start) {
            let words = line.split_whitespace();
            let pairs = words.clone().zip(words.skip(1));
            let is_cargo = line.starts_with("test result:");
            let is_node = line.starts_with("# ") || line.starts_with("ℹ ");
            for (first, second) in pairs {
                match (first, second) {
                    (number, "passed;") if is_cargo => sum.passed += number.parse().unwrap_or(0),
                    (number, "failed;") if is_cargo => sum.failed += number.parse().unwrap_or(0),
                    ("pass", number) if is_node => sum.passed += number.parse().unwrap_or(0),
                    ("fail", number) if is_node => sum.failed += number.parse().unwrap_or(0),
                    _ => {}
                }
            }
        }
        sum
    }
}

/// Runs the commands of the tables.
struct Runner<'a> {
    workspace: Workspace,
    /// The toolchain that has the targets, if it is not the one in use.
    toolchain: Option<String>,
    no_qemu: bool,
    tally: &'a mut Tally,
}

/// Prints the beginning of a line, so that a terminal shows what is being waited for.
fn begin(name: &str) -> Instant {
    print!("{name:<40}");
    // Only the look of it is lost.
    let _ = io::stdout().flush();
    Instant::now()
}

fn end(start: Instant) {
    println!("{:6.1} s", start.elapsed().as_secs_f32());
}

impl Runner<'_> {
    /// Installs what is not there, and says so.
    fn provide(&mut self, need: &str) -> Result<(), String> {
        let row = table(NEEDS).find(|[name, ..]: &[&str; 5]| *name == need);
        let [_, probe, prints, install, by_hand] = row.ok_or_else(|| format!("what is {need}?"))?;
        if self.is_there(probe, prints)? {
            return Ok(());
        }
        let start = begin(&format!("setting up {need}"));
        let left = |why: String| {
            format!(
                "{}\n{need} could not be set up; install by hand: {by_hand}",
                why.trim_end()
            )
        };
        let install = self.fill_in(install)?;
        for line in install.split("&&") {
            let outcome = self
                .run(line)
                .map_err(|why| left(format!("FAILED\n$ {}\n{why}", line.trim())))?;
            if !outcome.success {
                return Err(left(failure(line, &outcome)));
            }
        }
        if !self.is_there(probe, prints)? {
            return Err(left(format!("FAILED\n$ {probe}\nfails still")));
        }
        end(start);
        Ok(())
    }

    /// Whether a command can be run, succeeds, and prints what it must.
    fn is_there(&mut self, probe: &str, prints: &str) -> Result<bool, String> {
        let prints = self.fill_in(prints)?;
        let seen = self.run(probe);
        Ok(seen.is_ok_and(|seen| seen.success && seen.output.contains(&prints)))
    }

    /// Runs one step and prints its line.
    fn check(&mut self, [name, needs, line]: [&str; 3]) -> Result<(), String> {
        let needs = needs.split_whitespace();
        let without = self.no_qemu && needs.clone().any(|need| need == "qemu");
        if without && !line.contains("{no-qemu}") {
            println!("{name:<40} skipped: {NO_QEMU}");
            return Ok(());
        }
        for need in needs.filter(|need| !(without && *need == "qemu")) {
            self.provide(need)?;
        }
        let line = line.replace("{no-qemu}", if without { NO_QEMU } else { "" });
        let (mark, variants) = VARIANTS
            .into_iter()
            .find(|(mark, _)| line.contains(mark))
            .unwrap_or(("", &[""]));
        let start = begin(name);
        let mut own = Tally::default();
        for features in variants {
            let line = match mark {
                "" => line.clone(),
                mark => line.replace(mark, features),
            };
            let line = self.fill_in(&line)?;
            for command in line.split("&&") {
                let outcome = self.run(command)?;
                own.add(Tally::of(&outcome.output));
                if !outcome.success {
                    own.failed = own.failed.max(1);
                    self.tally.add(own);
                    return Err(failure(command, &outcome));
                }
            }
        }
        end(start);
        // What prints no count is one check.
        own.passed = own.passed.max(1);
        self.tally.add(own);
        Ok(())
    }

    /// Runs one command to its end. A line of its output that names a toolchain sets it for all
    /// that follow.
    fn run(&mut self, line: &str) -> Result<Outcome, String> {
        let mut words = line.split_whitespace();
        let mut command = self
            .workspace
            .command(words.next().ok_or("an empty command")?);
        command.args(words);
        if let Some(toolchain) = &self.toolchain {
            command.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        let outcome = finish(command)?;
        let mut lines = outcome.output.lines();
        if let Some(toolchain) = lines.find_map(|line| line.strip_prefix("RUSTUP_TOOLCHAIN=")) {
            self.toolchain = Some(toolchain.to_owned()).filter(|toolchain| !toolchain.is_empty());
        }
        Ok(outcome)
    }

    /// Puts in what is known only now: `{apt}`, `{sudo}`, `{target}`, and `{version:NAME}` for the
    /// version in Cargo.lock.
    fn fill_in(&self, line: &str) -> Result<String, String> {
        let target = self.workspace.target().to_string_lossy();
        let mut line = line.replace("{apt}", APT).replace("{target}", &target);
        if line.contains("{sudo}") {
            let root = Command::new("id")
                .arg("-u")
                .output()
                .is_ok_and(|id| id.stdout.trim_ascii() == b"0");
            line = line.replace("{sudo}", if root { "" } else { "sudo" });
        }
        while let Some((before, rest)) = line.split_once("{version:") {
            let (name, after) = rest.split_once('}').ok_or("an open brace")?;
            line = [before, &self.locked_version(name)?, after].concat();
        }
        Ok(line)
    }

    fn locked_version(&self, package: &str) -> Result<String, String> {
        let lock = fs::read_to_string(self.workspace.file("Cargo.lock"))
            .map_err(|error| format!("Cargo.lock: {error}"))?;
        let name = format!("name = \"{package}\"");
        let mut lines = lock.lines().skip_while(|line| *line != name);
        let version = lines
            .nth(1)
            .and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
        version
            .map(str::to_owned)
            .ok_or_else(|| format!("Cargo.lock has no {package}"))
    }
}

fn failure(line: &str, outcome: &Outcome) -> String {
    format!("FAILED\n$ {}\n{}", line.trim(), outcome.output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_all_packages_are_summed() {
        let output = "running 4 tests\n\
                      test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                      test result: FAILED. 30 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s\n\
                      # tests 4\n# pass 3\n# fail 1\nℹ pass 10\nhopes that they pass 99 times\n";
        let sum = Tally::of(output);
        assert_eq!((sum.passed, sum.failed), (47, 3));
    }

    #[test]
    fn a_word_that_names_no_step_is_an_error_that_lists_them() {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let error = chosen(&words(&["docs", "typo"])).unwrap_err();
        assert!(
            error.starts_with("no step's name holds \"typo\""),
            "{error}"
        );
        assert!(
            error.contains("\nwasm by wasm-pack\n") && error.ends_with("\ndemo"),
            "{error}"
        );
        let names = |steps: Vec<[&'static str; 3]>| {
            steps.into_iter().map(|[name, ..]| name).collect::<Vec<_>>()
        };
        assert_eq!(
            chosen(&words(&["docs", "fuzz"])).map(names),
            Ok(vec!["docs", "fuzzing"])
        );
        assert_eq!(
            chosen(&[]).map(names),
            Ok(table(STEPS).map(|[name, _, _]: [_; 3]| name).collect())
        );
    }

    #[test]
    fn agents_md_lists_the_steps_in_order_and_is_short() {
        let workspace = Workspace::find().expect("tests are run by cargo");
        let text = fs::read_to_string(workspace.file("AGENTS.md")).expect("a text");
        assert!(text.chars().count() <= 8_000);
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        let listed = lines
            .map(|(name, _)| name)
            .filter(|name| table(STEPS).any(|[step, _, _]| step == *name));
        assert!(listed.eq(table(STEPS).map(|[name, _, _]| name)), "{text}");
    }

    #[test]
    fn every_feature_is_linted_alone() {
        let workspace = Workspace::find().expect("tests are run by cargo");
        for (manifest, listed) in [
            ("core/Cargo.toml", FEATURES),
            ("bindings/native/Cargo.toml", NATIVE_FEATURES),
        ] {
            let text = fs::read_to_string(workspace.file(manifest)).expect("a manifest");
            let (_, features) = text.split_once("[features]\n").expect("features");
            let features = features.lines().take_while(|line| !line.starts_with('['));
            let mut features: Vec<_> = features
                .filter_map(|line| line.split_once(" = "))
                .map(|(name, _)| name)
                .filter(|name| *name != "default")
                .collect();
            features.sort_unstable();
            let alone = listed
                .iter()
                .filter_map(|row| row.strip_prefix("--no-default-features --features "));
            let mut alone: Vec<_> = alone.collect();
            alone.sort_unstable();
            assert_eq!(alone, features, "{manifest}");
            for all in ["--no-default-features", "--all-features"] {
                assert!(listed.contains(&all), "{manifest}");
            }
        }
    }

    #[test]
    fn every_row_has_all_its_columns() {
        for [name, probe, _, install, by_hand] in table(NEEDS) {
            let columns = [name, probe, install, by_hand];
            assert!(columns.iter().all(|column| !column.is_empty()), "{name}");
        }
        for [name, needs, line] in table(STEPS) {
            assert!(!name.is_empty() && !line.is_empty(), "{name}");
            for need in needs.split_whitespace() {
                assert!(
                    table(NEEDS).any(|[known, ..]: [&str; 5]| known == need),
                    "{name}: {need}"
                );
            }
        }
    }
}
