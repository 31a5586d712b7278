//! Appends JSON to a borrowed buffer, and keeps counting when the buffer is full.
//!
//! Running out of room is not an error here, because the caller needs the full length: for the
//! error that names it, or to make room for it. [`Writer::len`] goes past the buffer's end, and the
//! caller compares the two.

use crate::json::lexical::hex_letter;
use crate::json::plain::{copy_plain, plain_len};

/// Decimal digits of `u64::MAX`.
const MAX_DIGITS: usize = 20;

pub(crate) struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    /// Bytes written so far, or that would have been.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What was written, if all of it fitted.
    #[cfg(any(feature = "serde", test))]
    pub(crate) fn written(&self) -> Option<&[u8]> {
        self.buf.get(..self.len)
    }

    /// The byte at `at`, if it was written.
    #[cfg(feature = "serde")]
    pub(crate) fn get(&self, at: usize) -> Option<u8> {
        self.buf.get(at).copied().filter(|_| at < self.len)
    }

    /// Removes the quotes of the string that was written from `start` on.
    #[cfg(feature = "serde")]
    pub(crate) fn unquote(&mut self, start: usize) {
        if let Some(string) = self.buf.get_mut(start..self.len) {
            string.copy_within(1.., 0);
        }
        self.len = self.len.saturating_sub(2);
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.raw(&[byte]);
    }

    /// Appends bytes that are JSON already.
    #[inline]
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(room) = self.buf.get_mut(self.len..end) {
            room.copy_from_slice(bytes);
        }
        self.len = end;
    }

    /// Appends `text` as a JSON string with its quotes.
    pub(crate) fn string(&mut self, text: &str) {
        self.framed(*b"\"", text, *b"\"");
    }

    /// Appends `separator`, the name of an object's member and a colon.
    pub(crate) fn name(&mut self, separator: u8, name: &str) {
        self.framed([separator, b'"'], name, *b"\":");
    }

    /// Appends `text` escaped, with something before and after it.
    #[inline]
    fn framed<const A: usize, const B: usize>(
        &mut self,
        before: [u8; A],
        text: &str,
        after: [u8; B],
    ) {
        let end = self.len.saturating_add(A + text.len() + B);
        // The fast path: there is room, and nothing to escape, as in nearly every text.
        if let Some(room) = self.buf.get_mut(self.len..end)
            && let Some((start, room)) = room.split_first_chunk_mut()
            && let Some((room, end)) = room.split_last_chunk_mut()
            && copy_plain(room, text.as_bytes())
        {
            *start = before;
            *end = after;
            self.len += A + text.len() + B;
        } else {
            self.framed_in_runs(&before, text, &after);
        }
    }

    #[cold]
    fn framed_in_runs(&mut self, before: &[u8], text: &str, after: &[u8]) {
        self.raw(before);
        self.escaped(text);
        self.raw(after);
    }

    /// Appends `text` escaped, without quotes.
    pub(crate) fn escaped(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (plain, special) = rest
                .split_at_checked(plain_len(rest))
                .unwrap_or((rest, &[]));
            self.raw(plain);
            let Some((&byte, after)) = special.split_first() else {
                return;
            };
            self.escape(byte);
            rest = after;
        }
    }

    fn escape(&mut self, byte: u8) {
        let short = match byte {
            b'"' | b'\\' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            _ => {
                let (high, low) = (hex_letter(byte >> 4), hex_letter(byte & 0xf));
                self.raw(&[b'\\', b'u', b'0', b'0', high, low]);
                return;
            }
        };
        self.raw(&[b'\\', short]);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.fixed(value, 0);
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.number(value, 0);
    }

    /// Appends `mantissa` with its last `decimals` digits after the point: `(235, 1)` is `23.5`.
    pub(crate) fn fixed(&mut self, mantissa: i64, decimals: u8) {
        if mantissa < 0 {
            self.byte(b'-');
        }
        self.number(mantissa.unsigned_abs(), decimals);
    }

    fn number(&mut self, magnitude: u64, decimals: u8) {
        let mut digits = [0; MAX_DIGITS];
        let digits = decimal(magnitude, &mut digits);
        if decimals == 0 {
            self.raw(digits);
            return;
        }
        let decimals = usize::from(decimals);
        let whole = digits.len().saturating_sub(decimals);
        let (whole, fraction) = digits.split_at_checked(whole).unwrap_or((digits, &[]));
        self.raw(if whole.is_empty() { b"0" } else { whole });
        self.byte(b'.');
        for _ in fraction.len()..decimals {
            self.byte(b'0');
        }
        self.raw(fraction);
    }

    /// Appends the shortest text that reads back as `value`; `null` for NaN and infinities, which
    /// JSON cannot say.
    #[cfg(feature = "float")]
    pub(crate) fn f64(&mut self, value: f64) {
        if value.is_finite() {
            self.raw(zmij::Buffer::new().format_finite(value).as_bytes());
        } else {
            self.raw(b"null");
        }
    }
}

/// The decimal digits of `value`, at the end of `digits`.
fn decimal(mut value: u64, digits: &mut [u8; MAX_DIGITS]) -> &[u8] {
    let mut start = MAX_DIGITS;
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        start = at;
        let (quotient, last) = div_rem_10(value);
        value = quotient;
        *digit = b'0' + last;
        if value == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or_default()
}

/// `value` divided by ten, and the rest.
#[cfg(any(target_pointer_width = "64", target_arch = "wasm32"))]
fn div_rem_10(value: u64) -> (u64, u8) {
    (value / 10, u8::try_from(value % 10).unwrap_or(0))
}

/// `value` divided by ten, and the rest; byte by byte, because 64-bit division is a library
/// function of a kilobyte on a 32-bit machine.
#[cfg(not(any(target_pointer_width = "64", target_arch = "wasm32")))]
fn div_rem_10(value: u64) -> (u64, u8) {
    let (mut quotient, mut rest) = (0, 0);
    for byte in value.to_be_bytes() {
        let part = rest << 8 | u32::from(byte);
        quotient = quotient << 8 | u64::from(part / 10);
        rest = part % 10;
    }
    (quotient, u8::try_from(rest).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> String {
        let mut buf = [0; 256];
        let mut writer = Writer::new(&mut buf);
        write(&mut writer);
        String::from_utf8(writer.written().expect("it fits").to_vec()).expect("UTF-8")
    }

    #[test]
    fn strings_are_escaped_as_serde_json_does() {
        let long = "plain text that is longer than a word, then \"quoted\"";
        for text in [
            "",
            "a",
            "ü€😀",
            "tab\tnl\ncr\r\u{8}\u{c}",
            "\u{0}\u{1f}\u{7f}",
            "a\\b",
            long,
        ] {
            let expected = serde_json::to_string(text).expect("a string");
            assert_eq!(written(|w| w.string(text)), expected);
        }
        for at in 0..20 {
            let mut text = String::from("abcdefghijklmnopqrst");
            text.insert(at, '"');
            let expected = serde_json::to_string(&text).expect("a string");
            assert_eq!(written(|w| w.string(&text)), expected);
        }
    }

    #[test]
    fn integers_reach_both_ends() {
        for value in [0, 1, 9, 10, 4_294_967_295, 4_294_967_296, u64::MAX] {
            assert_eq!(written(|w| w.u64(value)), std::format!("{value}"));
        }
        for value in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(written(|w| w.i64(value)), std::format!("{value}"));
        }
    }

    #[test]
    fn fixed_point_needs_no_float() {
        let cases = [
            (235, 1, "23.5"),
            (-5, 2, "-0.05"),
            (7, 0, "7"),
            (100, 2, "1.00"),
            (0, 3, "0.000"),
        ];
        for (mantissa, decimals, text) in cases {
            assert_eq!(written(|w| w.fixed(mantissa, decimals)), text);
        }
    }

    #[cfg(feature = "float")]
    #[test]
    fn floats_read_back_and_the_impossible_is_null() {
        for value in [0.0, -0.0, 1.5, 1e300, 5e-324, 0.1 + 0.2] {
            let text = written(|w| w.f64(value));
            assert_eq!(
                text.parse::<f64>().expect("a number").to_bits(),
                value.to_bits()
            );
        }
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(written(|w| w.f64(value)), "null");
        }
    }

    #[test]
    fn a_full_buffer_keeps_counting() {
        let mut buf = [0; 3];
        let mut writer = Writer::new(&mut buf);
        writer.string("abcdef");
        assert_eq!(writer.len(), 8);
        assert_eq!(writer.written(), None);
    }
}
