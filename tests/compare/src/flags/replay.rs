//! A server that costs next to nothing: whatever it is asked, it sends the same bytes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

/// Longer messages are refused.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// A running server; it has a thread of its own, and stops when dropped.
pub struct Replay {
    port: u16,
    counts: Arc<Counts>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What came and went, heads included.
#[derive(Default)]
pub struct Counts {
    pub requests: AtomicU64,
    pub received: AtomicU64,
    pub sent: AtomicU64,
}

impl Replay {
    /// Starts a server that sends `answer`, each time after `latency`.
    pub fn start(answer: Vec<u8>, latency: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let counts = Arc::new(Counts::default());
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&counts);
        let thread = std::thread::spawn(move || {
            runtime.spawn(accept(listener, answer.into(), latency, serving));
            // Whether it is told or its owner is gone makes no difference.
            let _ = runtime.block_on(stopped);
        });
        Ok(Self { port, counts, stop: Some(stop), thread: Some(thread) })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It can only have panicked, and has said so already.
            let _ = thread.join();
        }
    }
}

/// Asks a server once; gives its answer, head and body, as it came.
pub fn record(port: u16, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    tcp.write_all(request)?;
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let len = tcp.read(&mut piece)?;
        answer.extend_from_slice(&piece[..len]);
        if message_len(&answer)?.is_some_and(|len| len == answer.len()) {
            return Ok(answer);
        }
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn accept(
    listener: TcpListener,
    answer: Arc<[u8]>,
    latency: Duration,
    counts: Arc<Counts>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (tcp, _) = listener.accept().await?;
        // An error is a client that went away, and counts for nothing.
        tokio::spawn(serve(tcp, Arc::clone(&answer), latency, Arc::clone(&counts)));
    }
}

async fn serve(
    mut tcp: tokio::net::TcpStream,
    answer: Arc<[u8]>,
    latency: Duration,
    counts: Arc<Counts>,
) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let (mut buffer, mut filled) = (vec![0; MAX_MESSAGE_BYTES], 0);
    loop {
        let read = tcp.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        while let Some(len) = message_len(&buffer[..filled])? {
            buffer.copy_within(len..filled, 0);
            filled -= len;
            // A timer of no time would still be one.
            if latency > Duration::ZERO {
                tokio::time::sleep(latency).await;
            }
            tcp.write_all(&answer).await?;
            counts.requests.fetch_add(1, Ordering::Relaxed);
            counts.received.fetch_add(len as u64, Ordering::Relaxed);
            counts.sent.fetch_add(answer.len() as u64, Ordering::Relaxed);
        }
    }
}

/// The length of the message that `bytes` begin with, if all of it is there.
fn message_len(bytes: &[u8]) -> io::Result<Option<usize>> {
    const BLANK: &[u8] = b"\r\n\r\n";
    let Some(head) = bytes.windows(BLANK.len()).position(|window| window == BLANK) else {
        return Ok(None);
    };
    let lines = bytes[..head].split(|byte| *byte == b'\n');
    let body = lines.filter_map(|line| std::str::from_utf8(line).ok()?.split_once(':'));
    let mut body = body.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let body = body.next().and_then(|(_, value)| value.trim().parse::<usize>().ok());
    let len = head + BLANK.len() + body.ok_or(io::ErrorKind::InvalidData)?;
    Ok((len <= bytes.len()).then_some(len))
}
