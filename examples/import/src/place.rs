//! Where an import's events go, and what takes them there.

use std::path::PathBuf;
use std::sync::Arc;

use capture_server::{Options, Server};
use example_report::Paper;
use hoglet_native::{Client, ClientOptions, PostHogError, Unanswered};

use crate::arguments::{Import, Target};
use crate::checkpoint::Checkpoint;
use crate::input::Input;
use crate::settling::Settling;

/// Events that wait to be sent, at most: a request that is under way and another that is ready.
/// Each costs its JSON and 32 bytes, and a look at its uuid for every line that is read.
const QUEUE_EVENTS: u32 = 1_000;
/// Events of a request.
const BATCH_EVENTS: u32 = 500;
/// How long a server may take over a request, in milliseconds.
const REQUEST_TIMEOUT_MS: u32 = 30_000;

/// What takes the events.
pub(crate) enum Outlet {
    /// They are only checked.
    Check,
    Send(Client),
}

/// Where the events go.
pub(crate) enum Place {
    /// Nowhere: they are only checked.
    Nowhere,
    Local(Server),
    There(Target),
}

impl Place {
    pub(crate) fn find(options: &Import) -> Result<Self, String> {
        if options.dry_run {
            return Ok(Self::Nowhere);
        }
        if let Some(target) = &options.target {
            return Ok(Self::There(target.clone()));
        }
        let server = Server::start(Options {
            // Without somebody to look at the events, a count is enough.
            record: options.keep,
            keep_requests: 100,
            keep_events: 1_000,
            ..Options::default()
        });
        server
            .map(Self::Local)
            .map_err(|why| format!("no local server: {why}"))
    }

    pub(crate) fn introduction(&self) -> String {
        match self {
            Self::Nowhere => "checking only, nothing is sent.".to_owned(),
            Self::Local(server) => format!(
                "no host and no API key are given, so a fresh local capture server at {} takes the events; nothing leaves this machine.",
                server.url()
            ),
            Self::There(target) => format!("sending to {}", target.host),
        }
    }

    /// No count is kept of a server that is gone afterwards, nor of a pipe, unless a place for it
    /// is given: the next run may get another pipe.
    pub(crate) fn checkpoint(&self, options: &Import, input: &Input) -> Option<Checkpoint> {
        let Self::There(target) = self else {
            return None;
        };
        let beside = || {
            let mut name = options.file.clone().into_os_string();
            name.push(".hoglet");
            PathBuf::from(name)
        };
        let path = options.progress.clone();
        let path = path.or_else(|| input.bytes.is_some().then(beside))?;
        Some(Checkpoint::new(path, target))
    }

    pub(crate) fn outlet(
        &self,
        options: &Import,
        settling: &Arc<Settling>,
    ) -> Result<Outlet, String> {
        let (host, api_key) = match self {
            Self::Nowhere => return Ok(Outlet::Check),
            Self::Local(server) => (server.url(), "phc_local"),
            Self::There(target) => (target.host.clone(), target.api_key.as_str()),
        };
        let (on_receipt, on_error) = (Arc::clone(settling), Arc::clone(settling));
        let options = ClientOptions::new(api_key)
            .host(host)
            .historical_migration(options.historical)
            // The events happened elsewhere.
            .is_server(false)
            .os_properties(false)
            .max_queue_size(QUEUE_EVENTS)
            .max_batch_size(BATCH_EVENTS)
            .flush_at(BATCH_EVENTS)
            .request_timeout_ms(REQUEST_TIMEOUT_MS)
            .max_retries(options.retries)
            // Whoever waits at a terminal wants to know, and the next run continues.
            .unanswered(Unanswered::UseRetries)
            .on_receipt(move |receipt| on_receipt.receive(receipt))
            .on_error(move |error| {
                if let PostHogError::Capture(failure) = error
                    && let Some(reason) = failure.reason()
                {
                    on_error.with(|window| window.hear(reason));
                }
            });
        let client = Client::new(options).map_err(|why| why.to_string())?;
        Ok(Outlet::Send(client))
    }

    pub(crate) fn leave(self, paper: &mut Paper, keeps: bool) {
        if let Self::Local(server) = self
            && keeps
        {
            paper.plain("");
            paper.plain(&format!(
                "The server keeps running: open {} in a browser. Ctrl-C ends it.",
                server.url()
            ));
            loop {
                std::thread::park();
            }
        }
    }
}
