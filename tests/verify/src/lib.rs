//! This repository on this machine: where it lies, where its builds go, and which tools they are to
//! find.

use std::env;
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// For programs that build more of the repository than themselves.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
    path: OsString,
}

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    /// Whether it says that it did what it should.
    pub success: bool,
    /// What it printed, to both streams, in order.
    pub output: String,
}

impl Workspace {
    /// The workspace that the running program was built in. An error says why it cannot be told.
    pub fn find() -> Result<Self, String> {
        let package = env::var_os("CARGO_MANIFEST_DIR").ok_or("run this by cargo")?;
        let root = Path::new(&package)
            .ancestors()
            .find(|folder| folder.join("Cargo.lock").is_file())
            .ok_or("no folder above the package has a Cargo.lock")?
            .to_owned();
        // What this program builds goes to where it was built, wherever that is. Cargo marks the
        // place.
        let program =
            env::current_exe().map_err(|error| format!("where is this program? {error}"))?;
        let target = program
            .ancestors()
            .find(|folder| folder.join("CACHEDIR.TAG").is_file())
            .ok_or("this program lies in no target directory")?
            .to_owned();
        let own = [target.join("tools/bin")];
        let old = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(own.into_iter().chain(env::split_paths(&old)))
            .map_err(|error| format!("the folder's name cannot be in PATH: {error}"))?;
        Ok(Self { root, target, path })
    }

    /// A file of the repository.
    pub fn file(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Where cargo puts what it builds. Programs that only the checks need are installed into
    /// `tools` there.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// A command that runs in the root, with the target directory and the tools. A program named by
    /// a path is one of the repository's, another is looked for in the PATH.
    pub fn command(&self, program: &str) -> Command {
        let found = if program.contains('/') {
            Some(self.file(program))
        } else {
            // `Command` looks into the PATH of this process, not into the one it gives to the
            // child.
            env::split_paths(&self.path)
                .map(|folder| folder.join(program))
                .find(|file| file.is_file())
        };
        let mut command = Command::new(found.unwrap_or_else(|| program.into()));
        command
            .current_dir(&self.root)
            .env("PATH", &self.path)
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command made of words to its end. An error says that it could not be started.
    pub fn run(&self, line: &str) -> Result<Outcome, String> {
        let mut words = line.split_whitespace();
        let mut command = self.command(words.next().ok_or("an empty command")?);
        command.args(words);
        finish(command)
    }

    /// Runs a command made of words that must succeed. An error holds what it printed.
    pub fn run_well(&self, line: &str) -> Result<String, String> {
        let outcome = self.run(line)?;
        if outcome.success {
            Ok(outcome.output)
        } else {
            Err(format!("$ {line}\n{}", outcome.output))
        }
    }
}

/// Runs a command to its end, and keeps what it prints.
pub fn finish(mut command: Command) -> Result<Outcome, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let broken = |error: io::Error| format!("cannot run {program}: {error}");
    let (mut reader, writer) = io::pipe().map_err(broken)?;
    command
        .stdout(writer.try_clone().map_err(broken)?)
        .stderr(writer);
    let mut child = command.spawn().map_err(broken)?;
    // It holds the pipe's other end, without which reading would never end.
    drop(command);
    let mut output = Vec::new();
    reader.read_to_end(&mut output).map_err(broken)?;
    let success = child.wait().map_err(broken)?.success();
    let output = String::from_utf8_lossy(&output).into_owned();
    Ok(Outcome { success, output })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_shows_both_streams() {
        let workspace = Workspace::find().expect("tests are run by cargo");
        let outcome = workspace
            .run("cargo no-such-command")
            .expect("there is cargo");
        assert!(!outcome.success);
        assert!(
            outcome.output.contains("no-such-command"),
            "{}",
            outcome.output
        );
        let error = workspace.run_well("cargo no-such-command").unwrap_err();
        assert!(error.starts_with("$ cargo no-such-command\n"), "{error}");
    }

    #[test]
    fn builds_go_to_where_this_was_built() {
        let workspace = Workspace::find().expect("tests are run by cargo");
        assert!(workspace.target().join("debug").is_dir());
        assert!(workspace.file("Cargo.lock").is_file());
    }
}
