//! `cargo adapter HOST`: serves the public SDK compliance harness's adapter interface.

use std::process::{Command, ExitCode};

use adapter::{Native, Run, serve};
use hoglet::{CaptureMode, Compression};

const USAGE: &str = "\
usage: cargo adapter native|node|workerd [--port P] [--mode v0|v1] [--compression none|gzip|deflate|zstd]

Serves the public SDK compliance harness's adapter interface on 127.0.0.1 for a host of hoglet. Node and
workerd run the npm package, which bindings/js/build.sh builds first; it has no zstd.
  --port P         the port; 0, the default, lets the system choose
  --mode           capture protocol, v1 by default
  --compression    what the harness's enable_compression turns on, gzip by default
Then, beside the fetched harness:
  posthog-test-harness run --adapter-url http://127.0.0.1:P --mock-port M \\
      --mock-url http://127.0.0.1:M --sdk-type server --concurrency 8";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let [host, flags @ ..] = arguments else {
        return Err("no host was given".to_owned());
    };
    let mut port = 0;
    let mut run = Run {
        mode: CaptureMode::V1,
        compression: Compression::Gzip,
    };
    for flag in flags.chunks(2) {
        let [name, value] = flag else {
            return Err(format!("{flag:?} has no value"));
        };
        let bad = || format!("{name} cannot be {value:?}");
        match name.as_str() {
            "--port" => port = value.parse().map_err(|_| bad())?,
            "--mode" => run.mode = CaptureMode::from_name(value).ok_or_else(bad)?,
            "--compression" => run.compression = Compression::from_name(value).ok_or_else(bad)?,
            _ => return Err(format!("unknown flag {name}")),
        }
    }
    let host = match host.as_str() {
        "native" => Box::new(Native(run)),
        "node" | "workerd" => return node(host, flags, port),
        _ => return Err(format!("unknown host {host:?}")),
    };
    serve(host, run, port).map_err(|error| format!("port {port}: {error}"))
}

/// Runs the adapter of the npm package in `host`, which is JavaScript.
fn node(host: &str, flags: &[String], port: u16) -> Result<(), String> {
    let value = |name: &str, or: &str| {
        let pair = flags.chunks(2).find(|pair| pair[0] == name);
        pair.and_then(|pair| pair.get(1).cloned())
            .unwrap_or_else(|| or.to_owned())
    };
    let here = env!("CARGO_MANIFEST_DIR");
    let ended = Command::new("node")
        .arg(format!("{here}/js/{host}.mjs"))
        .args([value("--mode", "v1"), value("--compression", "gzip")])
        .arg(port.to_string())
        .status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("node: {status}")),
        Err(error) => Err(format!("node: {error}")),
    }
}
