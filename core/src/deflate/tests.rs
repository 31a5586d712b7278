use std::format;
use std::io::Read;
use std::string::String;
use std::vec;
use std::vec::Vec;

use super::checksum::checksum;
use super::matches::MAX_DISTANCE;
use super::*;

const BOTH: [Format; 2] = [Format::Gzip, Format::Zlib];

/// A small generator of repeatable numbers (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("at most 64 bits");
        usize::try_from(self.next() % limit).expect("below a usize")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }

    fn letters(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| b'0' + self.byte() % 64).collect()
    }
}

/// `count` similar events of about 330 bytes, as they lie in a batch.
fn events(count: usize) -> Vec<u8> {
    let mut numbers = Numbers(7);
    let mut unix_ms = 1_795_000_000_000;
    let events: Vec<String> = (0..count)
        .map(|index| {
            unix_ms += numbers.next() % 4_000;
            let uuid = format!(
                "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
                unix_ms >> 16,
                unix_ms & 0xffff,
                numbers.next() & 0xfff,
                0x8000 | (numbers.next() & 0x3fff),
                numbers.next() & 0xffff_ffff_ffff,
            );
            let (minute, second) = (unix_ms / 60_000 % 60, unix_ms / 1_000 % 60);
            let device = numbers.below(200);
            let mode = ["idle", "active", "sleep"][numbers.below(3)];
            let (temperature, humidity) = (2_000 + numbers.below(500), numbers.below(100));
            let (battery, uptime) = (3_300 + numbers.below(800), unix_ms - 1_794_990_000_000);
            format!(
                "{{\"event\":\"sensor_reading\",\"uuid\":\"{uuid}\",\
                 \"distinct_id\":\"device-{device:04}\",\
                 \"timestamp\":\"2026-11-18T11:{minute:02}:{second:02}.{:03}Z\",\
                 \"options\":{{}},\"properties\":{{\"firmware\":\"1.4.2\",\
                 \"board\":\"nrf52840-dk\",\"temperature_centi\":{temperature},\
                 \"humidity\":{humidity},\"battery_mv\":{battery},\"uptime_ms\":{uptime},\
                 \"ok\":true,\"mode\":\"{mode}\",\"sequence\":{index}}}}}",
                unix_ms % 1_000,
            )
        })
        .collect();
    events.join(",").into_bytes()
}

const HEAD: &[u8] = br#"{"created_at":"2026-11-18T11:06:40.123Z","batch":["#;

fn read_all(
    mut encoder: Encoder<'_>,
    pieces: [&[u8]; 3],
    mut next_size: impl FnMut() -> usize,
) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let mut out = vec![0xaa; next_size()];
        let written = encoder.read(pieces, &mut out);
        all.extend_from_slice(&out[..written]);
        assert!(out[written..].iter().all(|&byte| byte == 0xaa));
        if written < out.len() {
            assert!(encoder.is_done());
            assert_eq!(encoder.read(pieces, &mut [0; 3]), 0);
            return all;
        }
    }
}

fn encode(format: Format, pieces: [&[u8]; 3]) -> Vec<u8> {
    let mut table = [0; TABLE_LEN];
    read_all(Encoder::new(format, &mut table), pieces, || 4_096)
}

fn decode(format: Format, encoded: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let read = match format {
        Format::Gzip => flate2::read::GzDecoder::new(encoded).read_to_end(&mut decoded),
        Format::Zlib => flate2::read::ZlibDecoder::new(encoded).read_to_end(&mut decoded),
    };
    read.expect("a valid stream");
    decoded
}

/// Both formats, the length told before and the bound; returns gzip's length.
fn check(pieces: [&[u8]; 3]) -> usize {
    let raw = pieces.concat();
    let lens = BOTH.map(|format| {
        let encoded = encode(format, pieces);
        assert!(decode(format, &encoded) == raw, "{format:?} of {raw:?}");
        // The table's former content must not matter.
        let mut table = [0x55; TABLE_LEN];
        let mut encoder = Encoder::new(format, &mut table);
        assert_eq!(encoder.measure(pieces), encoded.len());
        assert_eq!(
            read_all(encoder, pieces, || 7),
            encoded,
            "measured, then read"
        );
        assert!(encoded.len() <= raw.len() + raw.len() / 8 + 21);
        encoded.len()
    });
    lens[0]
}

#[test]
fn nothing_and_one_byte_round_trip() {
    assert_eq!(check([b"", b"", b""]), 20);
    for byte in 0..=255 {
        check([b"", &[byte], b""]);
        check([&[byte], b"", b""]);
    }
}

#[test]
fn frames_are_as_documented() {
    let pieces: [&[u8]; 3] = [b"12345", b"6789", b""];
    let gzip = encode(Format::Gzip, pieces);
    assert_eq!(gzip[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    let (_, trailer) = gzip.split_at(gzip.len() - 8);
    assert_eq!(trailer, [0x26, 0x39, 0xf4, 0xcb, 9, 0, 0, 0]);
    let zlib = encode(Format::Zlib, pieces);
    assert_eq!(zlib[0], 0x78);
    assert_eq!(u16::from_be_bytes([zlib[0], zlib[1]]) % 31, 0);
    let (_, trailer) = zlib.split_at(zlib.len() - 4);
    assert_eq!(trailer, [0x09, 0x1e, 0x01, 0xde]);
}

#[test]
fn twenty_events_shrink_to_thirty_percent() {
    let batch = events(20);
    let raw = HEAD.len() + batch.len() + 2;
    assert!(check([HEAD, &batch, b"]}"]) * 100 <= 30 * raw);
}

/// A change here is one in what every host sends: better or worse, but not by accident.
#[test]
fn batches_of_every_size_have_known_lengths() {
    let lens = [1, 5, 10, 20, 50, 200].map(|count| check([HEAD, &events(count), b"]}"]));
    assert_eq!(lens, [367, 632, 975, 1_673, 3_750, 14_098]);
}

#[test]
fn any_size_of_output_gives_the_same_bytes() {
    let mut numbers = Numbers(1);
    for middle in [events(4), numbers.bytes(500)] {
        let pieces: [&[u8]; 3] = [HEAD, &middle, b"]}"];
        for format in BOTH {
            let expected = encode(format, pieces);
            for size in 1..=17 {
                let mut table = [0; TABLE_LEN];
                let encoder = Encoder::new(format, &mut table);
                let read = read_all(encoder, pieces, || size);
                assert_eq!(read, expected, "{size} at a time");
            }
        }
    }
}

#[test]
fn an_empty_buffer_takes_nothing() {
    let mut table = [0; TABLE_LEN];
    let pieces: [&[u8]; 3] = [b"", b"abc", b""];
    let mut encoder = Encoder::new(Format::Gzip, &mut table);
    assert_eq!(encoder.read(pieces, &mut []), 0);
    assert!(!encoder.is_done());
    assert_eq!(read_all(encoder, pieces, || 1).len(), 23);
}

#[test]
fn runs_of_every_length_round_trip() {
    for len in (0..40).chain(250..270).chain(505..525) {
        check([b"", &vec![b'a'; len], b"a"]);
    }
    assert!(check([b"", &vec![b'a'; 100_000], b""]) < 1_000);
}

#[test]
fn matches_reach_back_32768_bytes_and_no_further() {
    let unique = Numbers(2).letters(64);
    let len_at = |distance: usize| {
        let filler = vec![b'_'; distance - unique.len()];
        check([b"", &[&unique[..], &filler, &unique].concat(), b""])
    };
    let farthest = usize::from(MAX_DISTANCE);
    assert!(len_at(farthest) + 40 < len_at(farthest + 1));
}

#[test]
fn batches_beyond_64_kib_stay_small() {
    let batch = events(500);
    assert!(batch.len() > 150_000);
    assert!(check([HEAD, &batch, b"]}"]) * 100 / batch.len() <= 25);
    let far = Numbers(3).letters(70_000);
    check([b"", &[&far[..], &far].concat(), b""]);
}

/// It grows by an eighth at most; a request then sends it as it is.
#[test]
fn what_does_not_compress_round_trips() {
    let mut numbers = Numbers(4);
    for len in [200, 1_000, 65_535, 65_536, 200_000] {
        let random = numbers.bytes(len);
        let (head, rest) = random.split_at(len / 3);
        let (batch, tail) = rest.split_at(len / 2);
        assert!(check([head, batch, tail]) > len);
    }
}

/// Whatever another body makes of the positions, the encoder gives bytes and comes to an end.
#[test]
fn another_body_makes_nonsense_and_no_harm() {
    let (long, short) = (events(4), events(1));
    for [first, then] in [[&long, &short], [&short, &long]] {
        let mut table = [0; TABLE_LEN];
        let mut encoder = Encoder::new(Format::Gzip, &mut table);
        encoder.read([HEAD, first, b"]}"], &mut [0; 700]);
        read_all(encoder, [HEAD, then, b"]}"], || 100);
    }
}

#[test]
fn text_in_another_script_is_compressed_still() {
    let text = "Съешь же ещё этих мягких французских булок, да выпей чаю. ".repeat(20);
    assert!(check([b"", text.as_bytes(), b""]) * 4 < text.len());
}

#[test]
fn checksums_do_not_depend_on_the_split() {
    let bytes = Numbers(5).bytes(20_000);
    let whole: [&[u8]; 3] = [&bytes, b"", b""];
    for format in BOTH {
        for at in [1, 7, 8, 9, 6_000, 19_999] {
            let (head, rest) = bytes.split_at(at);
            let (batch, tail) = rest.split_at(rest.len() / 2);
            let split = [head, batch, tail];
            assert_eq!(checksum(format, &whole), checksum(format, &split));
        }
    }
    let adler = checksum(Format::Zlib, &[&vec![0xff; 100_000], b"", b""]);
    assert_eq!(adler.swap_bytes(), 0x149a_302c);
}

#[test]
fn an_encoder_is_small() {
    assert!(size_of::<Encoder<'_>>() <= 96);
}

/// A mixture of what compresses, what does not, and what repeats.
fn mixture(numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..numbers.below(6) {
        let len = 1 + numbers.below(150);
        match numbers.below(6) {
            0 => bytes.extend(numbers.bytes(len)),
            1 => bytes.extend(numbers.letters(len)),
            2 => bytes.extend(vec![numbers.byte(); len]),
            3 => bytes.extend((0..len).map(|_| 138 + numbers.byte() % 12)),
            4 => bytes.extend(events(1)),
            _ if bytes.is_empty() => {}
            _ => {
                let start = numbers.below(bytes.len());
                (0..len).for_each(|index| bytes.push(bytes[start + index]));
            }
        }
    }
    bytes
}

#[test]
fn mixtures_round_trip() {
    for seed in 0..2_000 {
        let mut numbers = Numbers(seed);
        let raw = mixture(&mut numbers);
        let (head, rest) = raw.split_at(numbers.below(raw.len() + 1));
        let (batch, tail) = rest.split_at(numbers.below(rest.len() + 1));
        let pieces = [head, batch, tail];
        check(pieces);
        let format = BOTH[numbers.below(2)];
        let mut table = [0; TABLE_LEN];
        let encoder = Encoder::new(format, &mut table);
        let read = read_all(encoder, pieces, || numbers.below(40));
        assert_eq!(read, encode(format, pieces), "seed {seed}");
    }
}
