//! A server for tests that the capture server does not cover: it counts its connections, answers
//! slowly, speaks TLS.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Answers every request with 200 on a connection that stays open.
pub(crate) struct Tiny {
    pub(crate) url: String,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// The pause before an answer's head, and again before its body.
    pause: Duration,
    /// Each answer waits for a message from this receiver, or for the end of its sender.
    gate: Option<Mutex<Receiver<()>>>,
}

impl Tiny {
    pub(crate) fn start() -> Self {
        Self::slow(Duration::ZERO)
    }

    /// A server that pauses before an answer's head, and again before its body.
    pub(crate) fn slow(pause: Duration) -> Self {
        let counters = Counters {
            pause,
            ..Counters::default()
        };
        Self::listen("http", counters, serve)
    }

    /// A server that answers one request for each message of the sender, and every request once the
    /// sender is dropped.
    pub(crate) fn gated() -> (Self, Sender<()>) {
        let (open, gate) = channel();
        let counters = Counters {
            gate: Some(Mutex::new(gate)),
            ..Counters::default()
        };
        (Self::listen("http", counters, serve), open)
    }

    /// A server that speaks TLS with this certificate.
    #[cfg(feature = "tls")]
    pub(crate) fn start_tls(certificate: &str) -> Self {
        use rustls::pki_types::pem::PemObject;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/key.pem"));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("it has some")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.expect("PEM")], key.expect("PEM"))
            .expect("they belong together");
        let config = Arc::new(config);
        Self::listen("https", Counters::default(), move |stream, counters| {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).ok()?;
            serve(rustls::StreamOwned::new(connection, stream), counters)
        })
    }

    fn listen(
        scheme: &str,
        counters: Counters,
        serve: impl Fn(TcpStream, &Counters) -> Option<()> + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let counters = Arc::new(counters);
        let shared = Arc::clone(&counters);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (serve, shared) = (serve.clone(), Arc::clone(&shared));
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self {
            url: format!("{scheme}://{address}"),
            counters,
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.counters.connections.load(Ordering::SeqCst)
    }

    /// The number of requests that have arrived completely.
    pub(crate) fn requests(&self) -> usize {
        self.counters.requests.load(Ordering::SeqCst)
    }
}

fn serve(stream: impl Read + Write, counters: &Counters) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut len = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                len = value.trim().parse().ok()?;
            } else if line.is_empty() {
                break;
            }
        }
        reader.read_exact(&mut vec![0; len]).ok()?;
        counters.requests.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &counters.gate {
            // A dropped sender leaves the gate open.
            let _ = gate.lock().ok()?.recv();
        }
        for part in ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "{}"] {
            std::thread::sleep(counters.pause);
            reader.get_mut().write_all(part.as_bytes()).ok()?;
        }
    }
}
