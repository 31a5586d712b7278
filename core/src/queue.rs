//! The queue in the caller's memory. It knows neither JSON nor the time.

pub(crate) mod arena;
pub(crate) mod batch_limit;
pub(crate) mod storage;
