//! `cargo verify`: sets up what is missing, then runs every check and test, in the order CI runs them, and stops at the
//! first that fails.

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

/// What the steps need beside cargo, gcc, node and npm. The second column is a command that succeeds where it is there, and
/// then prints the third; the last installs it. A tool that is there already is used as it is.
const NEEDS: &str = "
targets      | .ci/install-targets.sh --check |                        | .ci/install-targets.sh
qemu         | qemu-system-arm --version      |                        | {sudo} apt-get update -qq && {sudo} apt-get install -y -qq --no-install-recommends qemu-system-arm
wasm-pack    | wasm-pack --version            |                        | cargo install --quiet --debug --locked --root {target}/tools wasm-pack@0.15.1
wasm-bindgen | wasm-bindgen --version         | {version:wasm-bindgen} | cargo install --quiet --debug --no-default-features --root {target}/tools wasm-bindgen-cli@{version:wasm-bindgen}
";

/// One line each, in order: a name, what it needs beside the targets, and commands. `{features}` stands for each of
/// [`FEATURES`] in turn. With `--no-qemu` a step that needs it is told so by `{no-qemu}`, or else left out.
const STEPS: &str = r#"
format              |                             | cargo fmt --all --check
clippy              |                             | cargo clippy --workspace --all-targets -- -D warnings
core for the host   |                             | cargo clippy -p hoglet {features} -- -D warnings
core elsewhere      |                             | cargo clippy -p hoglet {features} --target wasm32-unknown-unknown --target thumbv6m-none-eabi --target thumbv7em-none-eabi -- -D warnings
clippy for wasm32   |                             | cargo clippy -p hoglet-wasm --target wasm32-unknown-unknown -- -D warnings
clippy for thumbv6m |                             | cargo clippy -p size-probe --features gzip --target thumbv6m-none-eabi -- -D warnings
clippy for firmware |                             | cargo clippy -p size-probe -p cortex-m-example --target thumbv7em-none-eabi -- -D warnings
docs                |                             | cargo doc --workspace --no-deps --config build.rustdocflags=["-D","warnings"]
tests               |                             | cargo test --workspace --no-fail-fast
simulation          |                             | cargo simulate --worlds 2000
fuzzing             |                             | tests/fuzz/run.sh 10
firmware            | qemu                        | cargo test --workspace --test it -- --ignored firmware
wasm by wasm-pack   | wasm-pack wasm-bindgen      | wasm/build.sh
Node                | wasm-pack wasm-bindgen      | cargo build --quiet --bin capture-server && env HOGLET_CAPTURE_SERVER={target}/debug/capture-server node --test bindings/js/test
sizes               | qemu wasm-pack wasm-bindgen | cargo sizes {no-qemu}
adapter             |                             | cargo build --release -p hoglet-tests --bin adapter
demo                |                             | cargo demo
"#;

/// The core with nothing, with each feature alone, and with all of them.
const FEATURES: &[&str] = &[
    "--no-default-features",
    "--no-default-features --features float",
    "--no-default-features --features gzip",
    "--no-default-features --features text",
    "--no-default-features --features serde",
    "--no-default-features --features miniz",
    "--all-features",
];

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
        runner.provide("targets")?;
        table(STEPS)
            .filter(|[name, _, _]| words.is_empty() || words.iter().any(|word| name.contains(word)))
            .try_for_each(|step| runner.check(step))
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

    /// What test runners said: `test result: ok. 4 passed; 0 failed; …` is cargo's, `# pass 4` and `# fail 0` are Node's.
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
        let row = table(NEEDS).find(|[name, _, _, _]| *name == need);
        let [_, probe, prints, install] = row.ok_or_else(|| format!("what is {need}?"))?;
        let prints = self.fill_in(prints)?;
        if self
            .run(probe)
            .is_ok_and(|seen| seen.success && seen.output.contains(&prints))
        {
            return Ok(());
        }
        let start = begin(&format!("setting up {need}"));
        for line in install.split("&&") {
            let outcome = self.run(line)?;
            if !outcome.success {
                return Err(failure(line, &outcome));
            }
        }
        end(start);
        Ok(())
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
        let variants = if line.contains("{features}") {
            FEATURES
        } else {
            &[""]
        };
        let start = begin(name);
        let mut own = Tally::default();
        for features in variants {
            let line = line.replace("{features}", features);
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

    /// Runs one command to its end. A line of its output that names a toolchain sets it for all that follow.
    fn run(&mut self, line: &str) -> Result<Outcome, String> {
        let line = self.fill_in(line)?;
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

    /// Puts in what is known only now: `{sudo}`, `{target}`, and `{version:NAME}` for the version in Cargo.lock.
    fn fill_in(&self, line: &str) -> Result<String, String> {
        let mut line = line.replace("{target}", &self.workspace.target().to_string_lossy());
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
    fn every_row_has_all_its_columns() {
        for [name, probe, _, install] in table(NEEDS) {
            assert!(
                !name.is_empty() && !probe.is_empty() && !install.is_empty(),
                "{name}"
            );
        }
        for [name, needs, line] in table(STEPS) {
            assert!(!name.is_empty() && !line.is_empty(), "{name}");
            for need in needs.split_whitespace() {
                assert!(
                    table(NEEDS).any(|[known, ..]: [&str; 4]| known == need),
                    "{name}: {need}"
                );
            }
        }
    }
}
