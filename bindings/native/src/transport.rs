//! One request over HTTP: connections, proxies, compression.

pub(crate) mod compress;
pub(crate) mod early;
pub(crate) mod forward;
pub(crate) mod headers;
pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod lookup;
pub(crate) mod no_proxy;
pub(crate) mod proxy;
pub(crate) mod roots;
pub(crate) mod tunnel;
