//! Random bits from the system.

use hoglet::Uuid;

use crate::types::error::Error;

/// Draws 128 random bits.
pub(crate) fn seed() -> Result<[u8; 16], Error> {
    let mut seed = [0; 16];
    getrandom::fill(&mut seed).map_err(|_| Error::Entropy)?;
    Ok(seed)
}

/// Makes a version 4 uuid.
pub(crate) fn uuid_v4() -> Uuid {
    // The nil uuid is never sent: a system without randomness gets no client.
    let bits = seed().unwrap_or_default();
    uuid::Builder::from_random_bytes(bits).into_uuid()
}
