//! Every rule of PROTOCOL sections 1 and 2, as a script.

mod ai;
mod batching;
mod body;
mod compression;
mod event;
mod headers;
mod outcomes;
mod results;
mod sentinels;
mod skew;
mod v0;
mod waiting;
