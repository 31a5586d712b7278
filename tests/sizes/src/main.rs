//! `cargo sizes`: measures what hoglet costs in bytes, and fails if that is more than it may.

use std::process::ExitCode;

const HELP: &str = "\
What hoglet costs, in bytes, beside what it may cost; fails if that is less.

cargo sizes [--json] [--no-qemu | --device]
cargo sizes --functions[=FEATURES]

  --json      one JSON object a line instead of the table
  --no-qemu   do not run the firmware, and do not say what it takes of its stack
  --device    only the device's code with all of its API, in the device profile and with gzip
  --functions what a device's code consists of, function by function: with all of its API, or with
              the FEATURES given (--functions= is the device profile)";

fn main() -> ExitCode {
    let mut json = false;
    let mut with_qemu = true;
    let mut device = false;
    let mut functions = None;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => json = true,
            "--no-qemu" => with_qemu = false,
            "--device" => device = true,
            "--functions" => functions = Some(sizes::FULL.to_owned()),
            "--help" | "-h" => {
                println!("{HELP}");
                return ExitCode::SUCCESS;
            }
            _ => {
                let Some(features) = argument.strip_prefix("--functions=") else {
                    eprintln!("unknown argument {argument:?}\n\n{HELP}");
                    return ExitCode::from(2);
                };
                functions = Some(features.to_owned());
            }
        }
    }
    if let Some(features) = functions {
        return match sizes::functions(&features) {
            Ok(functions) => {
                print!("{functions}");
                ExitCode::SUCCESS
            }
            Err(why) => failed(&why),
        };
    }
    let report = if device {
        sizes::measure_device()
    } else {
        sizes::measure(with_qemu)
    };
    let report = match report {
        Ok(report) => report,
        Err(why) => return failed(&why),
    };
    if json {
        print!("{}", report.to_json_lines());
    } else {
        print!("{report}");
    }
    match report.over_budget() {
        0 => ExitCode::SUCCESS,
        count => {
            eprintln!("{count} over budget (tests/sizes/src/budget.rs)");
            ExitCode::FAILURE
        }
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("{}", why.trim_end());
    ExitCode::FAILURE
}
