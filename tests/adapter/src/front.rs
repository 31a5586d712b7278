//! The adapter's HTTP side: routes, JSON in, JSON out.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Capture, FlagCall, Host, Init, Run, Tests};

/// Serves the adapter interface for `host` on 127.0.0.1 until the process ends; port 0 lets the
/// system choose. Prints the address once it can be connected to.
///
/// # Errors
/// When the port cannot be had.
pub fn serve(host: Box<dyn Host>, run: Run, port: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    println!("http://{}", listener.local_addr()?);
    io::stdout().flush()?;
    let tests = Arc::new(Tests {
        host,
        sdks: std::sync::Mutex::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (tcp, _) = listener.accept().await?;
            let tests = Arc::clone(&tests);
            let service = service_fn(move |request| answer(Arc::clone(&tests), run, request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
        }
    })
}

async fn answer(
    tests: Arc<Tests>,
    run: Run,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Ok(reply(Err(error.to_string()))),
    };
    // A flush waits through retries: other tests go on meanwhile.
    let answer = tokio::task::spawn_blocking(move || {
        let query = head.uri.query().unwrap_or_default();
        let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
        let test = parameters
            .find(|(name, _)| *name == "test_id")
            .map(|(_, id)| id);
        route(&tests, run, head.uri.path(), test, &body)
    });
    Ok(reply(
        answer.await.unwrap_or_else(|panic| Err(panic.to_string())),
    ))
}

fn route(
    tests: &Tests,
    run: Run,
    path: &str,
    test: Option<&str>,
    body: &[u8],
) -> Result<Value, String> {
    match path {
        "/health" => Ok(health(tests, run)),
        "/init" => {
            tests.init(test, &parse::<Init>(body)?)?;
            Ok(json!({ "success": true }))
        }
        "/capture" | "/capture_ai" => {
            let event = parse::<Capture>(body)?;
            let uuid = tests.get(test)?.capture(&event, path == "/capture_ai")?;
            Ok(json!({ "success": true, "uuid": uuid }))
        }
        "/get_feature_flag" => {
            let value = tests
                .get(test)?
                .get_feature_flag(parse::<FlagCall>(body)?)?;
            Ok(json!({ "success": true, "value": value }))
        }
        "/flush" => Ok(json!({ "success": true, "events_flushed": tests.get(test)?.flush() })),
        "/state" => serde_json::to_value(tests.get(test)?.state()).map_err(|e| e.to_string()),
        "/reset" => {
            tests.reset(test);
            Ok(json!({ "success": true }))
        }
        _ => Err(format!("no such endpoint: {path}")),
    }
}

fn health(tests: &Tests, run: Run) -> Value {
    let info = tests.host.sdk_info();
    let (name, version) = info.rsplit_once('/').unwrap_or((info, ""));
    json!({
        "sdk_name": name,
        "sdk_version": version,
        "adapter_version": env!("CARGO_PKG_VERSION"),
        "supports_parallel": true,
        "capabilities": run.capabilities(),
    })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn reply(answer: Result<Value, String>) -> Response<Full<Bytes>> {
    let (status, value) = match answer {
        Ok(value) => (StatusCode::OK, value),
        Err(error) => (
            StatusCode::BAD_REQUEST,
            json!({ "success": false, "error": error }),
        ),
    };
    let mut response = Response::new(Full::from(value.to_string()));
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, json);
    response
}
