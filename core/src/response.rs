//! What a server's answer means: its status, its `Date`, its results. It knows no client.

pub(crate) mod head;
pub(crate) mod http_date;
pub(crate) mod results;
pub(crate) mod retry;
