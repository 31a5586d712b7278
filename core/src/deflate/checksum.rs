//! The checksums of the two frames.

use super::Format;

/// Over the concatenation of `pieces`; its lowest byte comes first.
pub(super) fn checksum(format: Format, pieces: &[&[u8]; 3]) -> u32 {
    // One loop over the pieces for both, as code counts.
    let mut sum = match format {
        Format::Gzip => u32::MAX,
        Format::Zlib => 1,
    };
    for piece in pieces {
        sum = match format {
            Format::Gzip => crc(sum, piece),
            Format::Zlib => adler(sum, piece),
        };
    }
    match format {
        Format::Gzip => !sum,
        Format::Zlib => sum.swap_bytes(),
    }
}

/// `CRC[n][v]` is the CRC-32 register after the nibble `v` and then `n` nibbles of zero. The first
/// table suffices; with sixteen, a step takes eight bytes, where 1 KiB of tables is nothing.
static CRC: [[u32; 16]; CRC_TABLES] = crc_tables();
const CRC_TABLES: usize = if cfg!(target_pointer_width = "64") {
    16
} else {
    1
};
const CRC_POLYNOMIAL: u32 = 0xedb8_8320;

#[expect(clippy::indexing_slicing, reason = "only ever run by the compiler")]
const fn crc_tables() -> [[u32; 16]; CRC_TABLES] {
    let mut tables = [[0; 16]; CRC_TABLES];
    let mut value: u8 = 0;
    while value < 16 {
        // A cast that widens: `from` is not `const`.
        let mut register = value as u32;
        let mut zeros = 0;
        while zeros < CRC_TABLES {
            let mut bit = 0;
            while bit < 4 {
                let carry = register & 1;
                register = (register >> 1) ^ (carry * CRC_POLYNOMIAL);
                bit += 1;
            }
            tables[zeros][value as usize] = register;
            zeros += 1;
        }
        value += 1;
    }
    tables
}

/// Takes `piece` into the register.
#[expect(clippy::indexing_slicing, reason = "a nibble is an index below 16")]
fn crc(mut crc: u32, piece: &[u8]) -> u32 {
    let mut bytes = piece;
    if CRC_TABLES == 16 {
        let (words, rest) = piece.as_chunks();
        for &word in words {
            let mut word = u64::from(crc) ^ u64::from_le_bytes(word);
            crc = 0;
            // The lowest nibble comes first, so it has the most zeros after it.
            for table in CRC.iter().rev() {
                crc ^= table[nibble(word)];
                word >>= 4;
            }
        }
        bytes = rest;
    }
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..2 {
            crc = (crc >> 4) ^ CRC[0][nibble(u64::from(crc))];
        }
    }
    crc
}

/// The lowest nibble, as an index that is in range of 16 entries by construction.
fn nibble(value: u64) -> usize {
    usize::try_from(value & 15).unwrap_or_default()
}

/// Takes `piece` into the two sums.
fn adler(sums: u32, piece: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    /// As many bytes as fit the sums between two reductions.
    const RUN: usize = 5_552;
    let (mut low, mut high) = (sums & 0xffff, sums >> 16);
    for run in piece.chunks(RUN) {
        for &byte in run {
            low += u32::from(byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}
