//! Resolves names to addresses. The system's resolver cannot be cancelled, so it runs on its own
//! thread, and callers wait for that with a deadline. Each sender has at most one such thread,
//! however often callers give up and ask again.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How long addresses stay usable that arrive after their caller has given up.
const LATE: Duration = Duration::from_secs(30);

type Found = io::Result<Vec<SocketAddr>>;

/// A result of the thread, for all who waited for it.
#[derive(Debug)]
struct Arrived {
    name: String,
    found: Found,
    at: Instant,
    /// How many came before.
    number: u64,
    is_used: bool,
}

impl Arrived {
    fn found(&mut self) -> Found {
        self.is_used = true;
        match &self.found {
            Ok(addresses) => Ok(addresses.clone()),
            Err(error) => Err(match error.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(error.kind(), error.to_string()),
            }),
        }
    }
}

/// The system's resolver, for `name:port`.
type LookUp = fn(&str) -> Found;

/// Resolves names, one at a time.
#[derive(Debug)]
pub(crate) struct Lookups {
    /// A forwarding proxy, whose name is resolved in place of the requested one.
    instead: Option<Uri>,
    shared: Arc<Shared>,
    look_up: LookUp,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The name that the thread is resolving.
    running: Option<String>,
    /// The thread's last result.
    arrived: Option<Arrived>,
    /// How many there were.
    count: u64,
}

impl Lookups {
    pub(crate) fn new(instead: Option<Uri>) -> Self {
        Self::with(instead, |name| Ok(name.to_socket_addrs()?.collect()))
    }

    fn with(instead: Option<Uri>, look_up: LookUp) -> Self {
        Self {
            instead,
            shared: Arc::default(),
            look_up,
        }
    }

    /// The addresses of `name`; `None` if they have not arrived by `deadline`.
    fn get(&self, name: &str, deadline: Option<Instant>) -> io::Result<Option<Vec<SocketAddr>>> {
        if let Ok(address) = name.parse() {
            return Ok(Some(vec![address]));
        }
        let mut state = lock(&self.shared);
        let before = state.count;
        loop {
            // A result is for all who were waiting for it, or for one who comes later.
            // The next request asks again, after an error too.
            if let Some(arrived) = state.arrived.as_mut().filter(|it| it.name == name) {
                let was_waited_for = arrived.number >= before;
                if was_waited_for || (!arrived.is_used && arrived.at.elapsed() < LATE) {
                    return arrived.found().map(Some);
                }
            }
            // While another name is being resolved, this caller waits for that first.
            if state.running.is_none() {
                state.running = Some(name.to_owned());
                let (shared, look_up, name) =
                    (Arc::clone(&self.shared), self.look_up, name.to_owned());
                let run = move || run(&shared, look_up, name);
                let thread = thread::Builder::new().name("posthog-dns".to_owned());
                if let Err(error) = thread.spawn(run) {
                    state.running = None;
                    return Err(error);
                }
            }
            let ended = &self.shared.ended;
            let Some(deadline) = deadline else {
                state = ended.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let woken = ended.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn run(shared: &Shared, look_up: LookUp, name: String) {
    let found = look_up(&name);
    let mut state = lock(shared);
    state.running = None;
    state.arrived = Some(Arrived {
        name,
        found,
        at: Instant::now(),
        number: state.count,
        is_used: false,
    });
    state.count += 1;
    drop(state);
    shared.ended.notify_all();
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, State> {
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Resolver for Lookups {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let uri = self.instead.as_ref().unwrap_or(uri);
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
            Some("https") => 443,
            Some("http") => 80,
            // All other schemes are SOCKS proxies.
            _ => 1080,
        });
        // A deadline beyond the clock's range means none.
        let deadline = Instant::now().checked_add(*timeout.after);
        let found = self.get(&format!("{host}:{port}"), deadline)?;
        let found = found.ok_or(ureq::Error::Timeout(timeout.reason))?;
        let mut addresses = self.empty();
        for address in found {
            // Surplus addresses are not tried.
            if addresses.try_push(address).is_err() {
                break;
            }
        }
        if addresses.is_empty() {
            return Err(ureq::Error::HostNotFound);
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn address() -> SocketAddr {
        ([10, 0, 0, 1], 80).into()
    }

    #[test]
    fn a_look_up_that_hangs_has_one_thread_however_often_it_is_asked() {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        static GATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
        let lookups = Lookups::with(None, |_| {
            STARTED.fetch_add(1, Ordering::SeqCst);
            let open = GATE.0.lock().expect("no panic");
            let _open = GATE.1.wait_while(open, |open| !*open).expect("no panic");
            Ok(vec![address()])
        });
        let soon = || Some(Instant::now() + Duration::from_millis(5));
        for _ in 0..20 {
            assert_eq!(lookups.get("hangs:80", soon()).expect("no error"), None);
        }
        assert_eq!(lookups.get("other:80", soon()).expect("no error"), None);
        assert_eq!(STARTED.load(Ordering::SeqCst), 1);
        *GATE.0.lock().expect("no panic") = true;
        GATE.1.notify_all();
        let found = lookups.get("hangs:80", None).expect("no error");
        assert_eq!(found, Some(vec![address()]), "what comes late is used");
        assert_eq!(STARTED.load(Ordering::SeqCst), 1);
        let found = lookups.get("other:80", None).expect("no error");
        assert_eq!(found, Some(vec![address()]));
    }

    #[test]
    fn an_address_is_looked_up_by_nobody() {
        let lookups = Lookups::with(None, |_| panic!("it was looked up"));
        for name in ["10.0.0.1:80", "[::1]:80"] {
            let found = lookups.get(name, Some(Instant::now())).expect("no error");
            assert_eq!(found, Some(vec![name.parse().expect("an address")]));
        }
    }

    #[test]
    fn an_error_is_returned_once_and_asked_again() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let lookups = Lookups::with(None, |_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            Err(io::Error::other("no such name"))
        });
        for _ in 0..3 {
            assert!(lookups.get("name:80", None).is_err());
        }
        assert_eq!(ASKED.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn a_look_up_is_for_all_who_wait_for_it() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static WAITING: AtomicUsize = AtomicUsize::new(0);
        let lookups = Lookups::with(None, |_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            while WAITING.load(Ordering::SeqCst) < 8 {
                thread::yield_now();
            }
            // They have said that they are about to ask.
            (0..10_000).for_each(|_| thread::yield_now());
            Ok(vec![address()])
        });
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    WAITING.fetch_add(1, Ordering::SeqCst);
                    let found = lookups.get("name:80", None).expect("no error");
                    assert_eq!(found, Some(vec![address()]));
                });
            }
        });
        // Those that were late by a moment may have asked again.
        assert!(ASKED.load(Ordering::SeqCst) < 8);
    }
}
