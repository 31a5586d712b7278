//! `cargo simulate`: lives through seeded worlds and reports the first that breaks a law.

use std::process::ExitCode;

use proofs::sim::{self, Options};

const HELP: &str = "\
Seeded worlds of client, network, server and clocks, all of them misbehaving.

cargo simulate [--worlds N] [--seed S] [--liveness] [--threads N] [--verbose]

  --worlds N    how many worlds (default 2000)
  --seed S      the first world's seed; the others follow it (default 0)
  --liveness    at the end of each world everything works, and the client must become empty
  --threads N   default: as many as the machine has
  --verbose     print every call of a world that breaks a law, not only the last ones";

/// Calls shown of a world that broke a law.
const SHOWN: usize = 25;

fn main() -> ExitCode {
    let (options, is_verbose) = match parse(std::env::args().skip(1)) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("{message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    // A world that panics is reported as a failure with its seed.
    std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
    match sim::run(options) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let skipped = if is_verbose {
                0
            } else {
                failure.trace.len().saturating_sub(SHOWN)
            };
            for line in failure.trace.iter().skip(skipped) {
                eprintln!("{line}");
            }
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// `None` asks for help.
fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<(Options, bool)>, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options {
        worlds: 2_000,
        seed: 0,
        liveness: false,
        threads,
    };
    let mut is_verbose = false;
    while let Some(arg) = args.next() {
        let mut number = || {
            let value = args.next().unwrap_or_default();
            let digits = value.replace('_', "");
            digits
                .parse::<u64>()
                .map_err(|_| format!("{arg} needs a number, not {value:?}"))
        };
        match arg.as_str() {
            "--worlds" => options.worlds = number()?,
            "--seed" => options.seed = number()?,
            "--threads" => {
                options.threads = usize::try_from(number()?)
                    .unwrap_or(usize::MAX)
                    .clamp(1, 256);
            }
            "--liveness" => options.liveness = true,
            "--verbose" => is_verbose = true,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown argument {arg:?}")),
        }
    }
    Ok(Some((options, is_verbose)))
}
