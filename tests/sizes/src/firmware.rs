//! The firmware of `examples/cortex-m`, built, and run on QEMU's mps2-an386 board.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use hoglet_verify::Workspace;

use capture_server::Server;

/// Where the build puts it, in the target directory.
const ELF: &str = "thumbv7em-none-eabi/small/cortex-m-example";
const BUILD: &str =
    "cargo build --quiet -p cortex-m-example --profile small --target thumbv7em-none-eabi";

/// The longest run. It takes two seconds of a machine that is not busy.
const LIMIT: Duration = Duration::from_mins(1);

/// What the board takes for randomness. Each run's server is a new one, so the same uuids come to
/// nobody twice.
const SEED: &str = "00112233445566778899aabbccddeeff";

/// A firmware image.
#[derive(Debug)]
pub struct Firmware {
    elf: PathBuf,
}

/// What a firmware did.
#[derive(Debug)]
pub struct Run {
    /// Whether it says that all its events were delivered.
    pub success: bool,
    /// What it printed.
    pub console: String,
}

impl Firmware {
    /// Builds it. An error holds what the build printed.
    pub fn build(workspace: &Workspace) -> Result<Self, String> {
        workspace.run_well(BUILD)?;
        Ok(Self {
            elf: workspace.target().join(ELF),
        })
    }

    /// The file.
    pub fn elf(&self) -> &Path {
        &self.elf
    }

    /// Switches the board on, with `server` in its network, and waits until it is done.
    pub fn run(&self, workspace: &Workspace, server: &Server) -> Result<Run, String> {
        let mut board = workspace.command("qemu-system-arm");
        board
            .args("-M mps2-an386 -display none -monitor none -serial none -nic user".split(' '))
            .arg("-semihosting-config")
            .arg(format!(
                "enable=on,target=native,arg=hoglet,arg={},arg={SEED}",
                server.port()
            ))
            .arg("-kernel")
            .arg(&self.elf);
        wait(board).map_err(|error| format!("qemu-system-arm: {error}"))
    }
}

impl Run {
    /// The most bytes of stack in use at once; `None` if it did not get as far as to say so.
    pub fn peak_stack(&self) -> Option<u64> {
        let (_, number) = self.console.split_once("peak stack ")?;
        number.split(' ').next()?.parse().ok()
    }
}

/// Runs the command to its end, or for as long as it may.
fn wait(mut command: Command) -> io::Result<Run> {
    let (mut reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // It holds the pipe's other end, without which reading would never end.
    drop(command);
    let (sender, receiver) = mpsc::channel();
    let console = thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = reader.read_to_end(&mut bytes);
        // There is nobody left to tell if the time is up.
        let _ = sender.send(());
        read.map(|_| String::from_utf8_lossy(&bytes).into_owned())
    });
    let is_over = receiver.recv_timeout(LIMIT).is_ok();
    let success = end(&mut child, is_over)?;
    let console = console
        .join()
        .map_err(|_| io::Error::other("its output could not be read"))??;
    if is_over {
        Ok(Run { success, console })
    } else {
        Err(io::Error::other(format!(
            "still running after {LIMIT:?}; it had printed:\n{console}"
        )))
    }
}

fn end(child: &mut Child, is_over: bool) -> io::Result<bool> {
    if !is_over {
        child.kill()?;
    }
    Ok(child.wait()?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_the_stack_is_read_from_the_console() {
        let mut run = Run {
            success: true,
            console: "a\n1924 bytes sent, peak stack 5116 bytes\n".to_owned(),
        };
        assert_eq!(run.peak_stack(), Some(5116));
        run.console.clear();
        assert_eq!(run.peak_stack(), None);
    }
}
