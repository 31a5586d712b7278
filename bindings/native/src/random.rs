//! Randomness from the system.

use hoglet::Uuid;

use crate::types::error::Error;

/// 128 random bits.
pub(crate) fn seed() -> Result<[u8; 16], Error> {
    let mut seed = [0; 16];
    getrandom::fill(&mut seed).map_err(|_| Error::Entropy)?;
    Ok(seed)
}

/// A version 4 uuid.
pub(crate) fn uuid_v4() -> Uuid {
    // A system without randomness has no client either, so this is never sent.
    let bits = seed().unwrap_or_default();
    uuid::Builder::from_random_bytes(bits).into_uuid()
}
