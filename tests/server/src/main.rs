//! The local capture server as a program: what a developer runs beside an app.

use std::io::Write;
use std::process::ExitCode;

use capture_server::{Options, Server, read_flags, read_script};

const HELP: &str = "\
A local PostHog: takes events and flag requests, shows them, plays faults.

Usage: capture-server [--port N] [--faults FILE.json] [--flags FILE.json] [--quiet]

  --port N            listen on 127.0.0.1:N (default 8000; 0 lets the system choose)
  --faults FILE.json  a script: a list such as [{\"status\": 503, \"retry_after\": \"2\"}, {\"cut\": \"in_body\"}]
  --flags FILE.json   the flag table, such as {\"beta\": true, \"colour\": \"blue\", \"nav\": {\"rollout_percentage\": 50}};
                      tests/server/README.md has all of it, tests/server/flags.json is an example
  --quiet             do not print a line per request

Open its URL in a browser to watch events arrive. For programs: GET /_/events, /_/evaluations, /_/requests and /_/stats;
POST /_/faults adds to the script, PUT /_/flags sets the flag table, DELETE /_/ forgets everything.
";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("capture-server: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let mut options = Options {
        port: 8000,
        log: true,
        ..Options::default()
    };
    let mut script = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--port" => {
                let port = value()?;
                options.port = port.parse().map_err(|_| format!("{port} is no port"))?;
            }
            "--faults" => {
                let file = value()?;
                script = read_script(&read(&file)?).map_err(|why| format!("{file}: {why}"))?;
            }
            "--flags" => {
                let file = value()?;
                options.flags =
                    read_flags(&read(&file)?).map_err(|why| format!("{file}: {why}"))?;
            }
            "--quiet" => options.log = false,
            "--help" | "-h" => {
                print!("{HELP}");
                return Ok(());
            }
            other => return Err(format!("unknown argument {other}; see --help")),
        }
    }
    let port = options.port;
    let server = Server::start(options).map_err(|why| format!("port {port}: {why}"))?;
    server.play(script);
    println!("{}", server.url());
    // Whoever reads this through a pipe waits for the URL. A reader that has gone is no reason to
    // stop.
    let _ = std::io::stdout().flush();
    loop {
        std::thread::park();
    }
}

fn read(file: &str) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|why| format!("{file}: {why}"))
}
