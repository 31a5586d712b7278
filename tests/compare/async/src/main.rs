//! `compare-async NAME URL EVALUATIONS`: a contender of `cargo compare flags` by its futures, on
//! the runtime that most servers have. Prints one line of JSON.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compare_measure::flags::{
    AT_ONCE, Measured, READ, check, distinct_id, person_properties, share,
};
use tokio::runtime;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [name, url, evaluations] => run(name, url, evaluations),
        _ => Err("usage: compare-async NAME URL EVALUATIONS".to_owned()),
    };
    match outcome {
        Ok(measured) => {
            println!("{measured}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, url: &str, evaluations: &str) -> Result<String, String> {
    let evaluations = evaluations.parse().map_err(|_| format!("{evaluations:?} is no number"))?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let elapsed = runtime.block_on(async {
        match name {
            "hoglet async" => ask_all(Arc::new(hoglet(url)?), evaluations, ask_hoglet).await,
            "posthog-rs async" => {
                let client = posthog_rs::client(posthog_options(url)?).await;
                ask_all(Arc::new(client), evaluations, ask_posthog_rs).await
            }
            _ => Err(format!("unknown contender {name:?}")),
        }
    })?;
    let measured = Measured::new(elapsed, evaluations);
    serde_json::to_string(&measured).map_err(|error| error.to_string())
}

/// Gives how long it took.
async fn ask_all<C, F>(
    client: Arc<C>,
    evaluations: u32,
    ask: fn(Arc<C>, u32) -> F,
) -> Result<Duration, String>
where
    C: Send + Sync + 'static,
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let start = Instant::now();
    let askers: Vec<_> = (0..AT_ONCE)
        .map(|asker| {
            let client = Arc::clone(&client);
            tokio::spawn(async move {
                for n in share(asker, evaluations) {
                    ask(Arc::clone(&client), n).await?;
                }
                Ok::<(), String>(())
            })
        })
        .collect();
    for asker in askers {
        asker.await.map_err(|error| error.to_string())??;
    }
    Ok(start.elapsed())
}

fn hoglet(url: &str) -> Result<hoglet_native::Client, String> {
    let options = hoglet_native::ClientOptions::new("phc_compare").host(url);
    hoglet_native::Client::new(options).map_err(|error| error.to_string())
}

async fn ask_hoglet(client: Arc<hoglet_native::Client>, n: u32) -> Result<(), String> {
    let options = hoglet_native::EvaluateFlagsOptions {
        person_properties: Some(person_properties()),
        ..Default::default()
    };
    let flags = client.evaluate_flags_async(distinct_id(n), options).await;
    check(flags.map_err(|error| error.to_string())?.get_flag_payload(READ))
}

fn posthog_options(url: &str) -> Result<posthog_rs::ClientOptions, String> {
    let mut options = posthog_rs::ClientOptionsBuilder::default();
    options.api_key("phc_compare".to_owned()).host(url);
    options.build().map_err(|error| error.to_string())
}

async fn ask_posthog_rs(client: Arc<posthog_rs::Client>, n: u32) -> Result<(), String> {
    let options = posthog_rs::EvaluateFlagsOptions {
        person_properties: Some(person_properties()),
        ..Default::default()
    };
    let flags = client.evaluate_flags(distinct_id(n), options).await;
    check(flags.map_err(|error| error.to_string())?.get_flag_payload(READ))
}
