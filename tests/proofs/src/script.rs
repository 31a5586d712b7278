//! Scripts: what a host is told, as text, and what came of it, as text.
//!
//! ```text
//! flush_at=1                          the configuration: `key=value` words, before the first step
//! 0     capture signup plan=pro       a step: virtual milliseconds, what happens, its arguments
//! 0     poll
//! 5     respond #1 503 retry-after=2
//! 6     poll
//! 2005  poll
//! ```
//! gives
//! ```text
//! 0 send #1 batch[signup]
//! 6 sleep 2005 (retry)
//! 2005 send #2 batch[signup]
//! ```
//! A step that leads to several things lists them in one line, ` | ` between them; one without a
//! time happens when the last one did.
//!
//! A [`Script`] knows nothing of the core: it drives any [`Host`], so that what one host proves the
//! others can prove with the same text. Requests are numbered in the order in which they are sent;
//! events are called by their names.
//!
//! Configuration: the fields of `hoglet::Config` by their names, `bytes` and `events` for the
//! storage, `park=<ms>` for what happens to an exhausted batch, `start=<ms>` for the clock at the
//! beginning. A value with spaces is quoted.
//!
//! | step | what happens |
//! | --- | --- |
//! | `capture NAME …` | captures; `id=`, `uuid=`, `at=`, `session=`, `window=`, `groups={…}`, `set={…}`, `set_once={…}`, the four event options by their names, `json={…}` or `serialize={…}` for the properties, `pad=N` for N bytes of them; any other `key=value` is a typed property |
//! | `poll` | asks what to do |
//! | `wake` | lets time pass until the last sleep ends, then polls; it takes no time of its own |
//! | `respond #N STATUS …` | answers; `retry-after=`, `date=`, and `results=ok,retry,drop:why,limited,-` (by position, `-` is absent, the rest is ok) or `body=…`, where `$uuid0`, `$UUID0` and `$hex0` stand for an event's uuid |
//! | `head #N STATUS …`, `body #N TEXT`, `end #N` | the same in three steps |
//! | `pieces N` | from here on bodies arrive in pieces of N bytes |
//! | `fail #N WHY` | `dns`, `connect`, `tls`, `timeout` or `interrupted` |
//! | `flush`, `close MS`, `wall ISO` | the commands; `flushed` and `closed` are told when they come true |
//! | `request` | prints the request under way, byte for byte; a compressed body in hexadecimal |
//! | `line`, `header NAME`, `root MEMBER…`, `show EVENT MEMBER…` | prints a part of it |
//! | `stats` | prints the counters that are not 0 |

mod core_config;
mod core_host;
mod host;
mod parse;
mod runner;
mod wire;

pub use host::{Answer, Capture, Ending, Given, Host, Next, Setup, Wire};
pub use parse::Script;

use core_host::CoreHost;

impl Script {
    /// Runs on the core itself, every law asserted at every call; returns the trace.
    pub fn run_on_core(&self) -> String {
        let mut memory = core_host::Memory::new(&self.setup);
        match CoreHost::new(&self.setup, &mut memory) {
            Ok(mut host) => self.run(&mut host),
            Err(error) => format!("refused: {error}"),
        }
    }
}
