//! The built-in compressor against `flate2`: what it writes reads back, in as many bytes as it
//! says, however it is read and whatever its table held.
#![no_main]

use std::io::Read;

use flate2::read::{GzDecoder, ZlibDecoder};
use hoglet::deflate::{Encoder, Format, TABLE_LEN, Table};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The first two bytes say where the three pieces are cut.
    let Some((&[first, second], data)) = data.split_first_chunk() else {
        return;
    };
    let cut = |at: u8, len: usize| len * usize::from(at) / 255;
    let (head, rest) = data.split_at(cut(first, data.len()));
    let (middle, tail) = rest.split_at(cut(second, rest.len()));
    let pieces = [head, middle, tail];
    for format in [Format::Gzip, Format::Zlib] {
        let mut table: Table = [u16::from(first) * 257; TABLE_LEN];
        let len = Encoder::new(format, &mut table).measure(pieces);
        let whole = read(format, pieces, &mut table, usize::MAX);
        assert_eq!(whole.len(), len, "as announced");
        assert_eq!(
            whole,
            read(
                format,
                pieces,
                &mut [u16::MAX; TABLE_LEN],
                1 + usize::from(second)
            )
        );
        assert!(
            len <= data.len() + data.len() / 8 + 21,
            "{len} for {}",
            data.len()
        );
        let mut decoded = Vec::new();
        let result = match format {
            Format::Gzip => GzDecoder::new(&whole[..]).read_to_end(&mut decoded),
            Format::Zlib => ZlibDecoder::new(&whole[..]).read_to_end(&mut decoded),
        };
        assert!(
            result.is_ok() && decoded == data,
            "{format:?} reads back as something else"
        );
    }
});

/// Reads all of it, `step` bytes at a time.
fn read(format: Format, pieces: [&[u8]; 3], table: &mut Table, step: usize) -> Vec<u8> {
    let mut encoder = Encoder::new(format, table);
    let (mut out, mut piece) = (Vec::new(), vec![0; step.min(16_384)]);
    loop {
        let len = encoder.read(pieces, &mut piece);
        out.extend_from_slice(&piece[..len]);
        if len < piece.len() {
            assert!(encoder.is_done());
            return out;
        }
    }
}
