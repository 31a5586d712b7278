//! The laws of [`hoglet::Client`], asserted at every call.
//!
//! A [`Checked`] is a client with a clock of its own that is set by hand, a record of every event,
//! and a copy of the request under way. It has the client's calls; each makes the call, then looks
//! at everything the laws promise about it. A law that does not hold is a panic whose text names
//! it. The scripts, the exhaustive orders and the simulation all drive a client through it.

mod call;
mod checked;
mod client_time;
mod evaluation;
mod event;
mod law;
mod leave;
mod ledger;
mod sent;
mod time;
mod watch;

pub use checked::Checked;
pub use evaluation::CheckedEvaluation;
pub use event::{Captured, Ended, Fate};
pub use law::Law;
pub use sent::Sent;
pub(crate) use time::{days_before, parse_canonical, unix_ms_of};
