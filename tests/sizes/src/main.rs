//! `cargo sizes`: measures what hoglet costs in bytes, and fails if that is more than it may.

use std::process::ExitCode;

const HELP: &str = "\
What hoglet costs, in bytes, beside what it may cost; fails if that is less.

cargo sizes [--json] [--no-qemu]
cargo sizes --functions

  --json      one JSON object a line instead of the table
  --no-qemu   do not run the firmware, and do not say what it takes of its stack
  --functions what a device's code consists of, function by function";

fn main() -> ExitCode {
    let mut json = false;
    let mut with_qemu = true;
    let mut functions = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => json = true,
            "--no-qemu" => with_qemu = false,
            "--functions" => functions = true,
            "--help" | "-h" => {
                println!("{HELP}");
                return ExitCode::SUCCESS;
            }
            _ => {
                eprintln!("unknown argument {argument:?}\n\n{HELP}");
                return ExitCode::from(2);
            }
        }
    }
    if functions {
        return match sizes::functions() {
            Ok(functions) => {
                print!("{functions}");
                ExitCode::SUCCESS
            }
            Err(why) => failed(&why),
        };
    }
    let report = match sizes::measure(with_qemu) {
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
