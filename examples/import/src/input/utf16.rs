//! UTF-16, as PowerShell writes it, read as UTF-8.

use std::io::{self, Read};

/// Bytes read at once.
const BUFFER_BYTES: usize = 16 << 10;
/// Stands for what is no UTF-16; it is no UTF-8 either, so the line that has it is refused.
const INVALID: u8 = 0xff;

/// Reads UTF-16 and gives UTF-8.
pub(super) struct Utf16<R> {
    inner: R,
    is_big_endian: bool,
    /// The first byte of a unit whose second has not been read.
    half: Option<u8>,
    /// The first unit of a pair whose second has not been read.
    high: Option<u16>,
    text: Vec<u8>,
    /// Bytes of the text that have been given.
    given: usize,
    buffer: Vec<u8>,
}

impl<R: Read> Utf16<R> {
    pub(super) fn new(inner: R, is_big_endian: bool) -> Self {
        Self {
            inner,
            is_big_endian,
            half: None,
            high: None,
            text: Vec::new(),
            given: 0,
            buffer: vec![0; BUFFER_BYTES],
        }
    }

    /// Reads on; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.text.clear();
        self.given = 0;
        let mut buffer = std::mem::take(&mut self.buffer);
        let read = self.inner.read(&mut buffer);
        if let Ok(read) = read {
            for &byte in buffer.get(..read).unwrap_or_default() {
                self.byte(byte);
            }
        }
        self.buffer = buffer;
        let is_end = read? == 0;
        if is_end && (self.half.take().is_some() | self.high.take().is_some()) {
            self.text.push(INVALID);
        }
        Ok(!is_end || !self.text.is_empty())
    }

    fn byte(&mut self, byte: u8) {
        let Some(first) = self.half.take() else {
            self.half = Some(byte);
            return;
        };
        let unit = if self.is_big_endian {
            u16::from_be_bytes([first, byte])
        } else {
            u16::from_le_bytes([first, byte])
        };
        let is_high = matches!(unit, 0xd800..=0xdbff);
        match (self.high.take(), is_high) {
            (None, true) => self.high = Some(unit),
            (None, false) => self.push(&[unit]),
            (Some(high), false) => self.push(&[high, unit]),
            (Some(_), true) => {
                self.text.push(INVALID);
                self.high = Some(unit);
            }
        }
    }

    fn push(&mut self, units: &[u16]) {
        let mut utf8 = [0; 4];
        for c in char::decode_utf16(units.iter().copied()) {
            match c {
                Ok(c) => self
                    .text
                    .extend_from_slice(c.encode_utf8(&mut utf8).as_bytes()),
                Err(_) => self.text.push(INVALID),
            }
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        // A byte or two may be half of something.
        while self.given == self.text.len() {
            if !self.fill()? {
                return Ok(0);
            }
        }
        let mut rest = self.text.get(self.given..).unwrap_or_default();
        let read = rest.read(room)?;
        self.given += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let most = room.len().min(1);
            self.0.read(&mut room[..most])
        }
    }

    fn check(units: &[u16], odd: &[u8], expected: &[u8]) {
        for is_big_endian in [false, true] {
            let bytes = |unit: &u16| {
                if is_big_endian {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            };
            let mut text: Vec<u8> = units.iter().flat_map(bytes).collect();
            text.extend_from_slice(odd);
            let mut read = Vec::new();
            let mut utf16 = Utf16::new(Trickle(&text), is_big_endian);
            utf16.read_to_end(&mut read).expect("memory");
            assert_eq!(read, expected, "{units:x?}");
        }
    }

    #[test]
    fn characters_arrive_whole_wherever_the_bytes_are_cut() {
        let text = "\u{feff}{\"a\":\"é€😀\"}\r\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        check(&units, b"", text.as_bytes());
        check(&[], b"", b"");
    }

    #[test]
    fn what_is_no_utf_16_is_no_utf_8() {
        check(&[0xd800, 0x61], b"", b"\xffa");
        check(&[0xdc00, 0x61], b"", b"\xffa");
        check(&[0xd800, 0xd83d, 0xde00], b"", b"\xff\xf0\x9f\x98\x80");
        check(&[0x61, 0xd800], b"", b"a\xff");
        check(&[0x61], b"x", b"a\xff");
    }
}
