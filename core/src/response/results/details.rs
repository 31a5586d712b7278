//! The text that the parser keeps of an entry's details; before them, of the entry's uuid.

#[cfg(feature = "details")]
pub(crate) use utf8::Details;

#[cfg(not(feature = "details"))]
pub(crate) use ascii::Details;

/// UTF-8, in memory lent for it or the client's own.
#[cfg(feature = "details")]
mod utf8 {
    use crate::json::lexical::surrogate_pair;
    use crate::response::results::MAX_DETAILS_LEN;

    pub(crate) struct Details<'buf> {
        own: [u8; MAX_DETAILS_LEN],
        lent: &'buf mut [u8],
        len: usize,
    }

    impl<'buf> Details<'buf> {
        pub(crate) const fn new(lent: &'buf mut [u8]) -> Self {
            Self {
                own: [0; MAX_DETAILS_LEN],
                lent,
                len: 0,
            }
        }

        pub(crate) const fn clear(&mut self) {
            self.len = 0;
        }

        pub(crate) fn bytes(&self) -> &[u8] {
            let memory = if self.lent.len() < MAX_DETAILS_LEN {
                &self.own
            } else {
                &*self.lent
            };
            memory.get(..self.len).unwrap_or_default()
        }

        /// [`MAX_DETAILS_LEN`] bytes or more, always the same.
        const fn memory(&mut self) -> &mut [u8] {
            if self.lent.len() < MAX_DETAILS_LEN {
                &mut self.own
            } else {
                self.lent
            }
        }

        /// Takes a byte of UTF-8. What does not fit is cut.
        pub(crate) fn push(&mut self, byte: u8) {
            let byte = if matches!(byte, ..b' ' | 0x7f) {
                b'?'
            } else {
                byte
            };
            let len = self.len;
            if let Some(place) = self.memory().get_mut(len) {
                *place = byte;
                self.len += 1;
            }
        }

        /// Takes a unit of UTF-16. Half of a surrogate pair is kept in the three bytes it would
        /// have in UTF-8, which are no UTF-8, until its other half comes.
        pub(crate) fn unit(&mut self, unit: u16) {
            const HALF: usize = 3;
            let (len, start) = (self.len, self.len.saturating_sub(HALF));
            let room = self.memory().len().saturating_sub(len);
            let first = match self.bytes().get(start..) {
                Some(&[0xed, high @ 0xa0..0xb0, low]) => {
                    Some(0xd000 | u16::from(high & 0x3f) << 6 | u16::from(low & 0x3f))
                }
                _ => None,
            };
            let mut utf8 = [0; 4];
            let pair = first.and_then(|first| surrogate_pair(first, unit));
            if pair.is_some() {
                self.len = start;
            }
            let bytes = match pair.or_else(|| char::from_u32(unit.into())) {
                Some(char) => char.encode_utf8(&mut utf8).as_bytes(),
                // There would be no room for the pair: what begins like one, and is cut.
                None if room < utf8.len() => &[0xf0, 0x90, 0x80],
                None => {
                    let bits = [unit >> 6 & 0x3f, unit & 0x3f];
                    let [high, low] = bits.map(|bits| bits.to_le_bytes()[0]);
                    utf8 = [0xed, 0x80 | high, 0x80 | low, 0];
                    &utf8[..HALF]
                }
            };
            for &byte in bytes {
                self.push(byte);
            }
        }

        /// The text, cut to whole characters; what is no UTF-8 becomes `?`.
        pub(crate) fn text(&mut self) -> &str {
            while let Err(error) = core::str::from_utf8(self.bytes()) {
                let start = error.valid_up_to();
                match error.error_len() {
                    Some(len) => self
                        .memory()
                        .iter_mut()
                        .skip(start)
                        .take(len)
                        .for_each(|byte| *byte = b'?'),
                    None => self.len = start,
                }
            }
            core::str::from_utf8(self.bytes()).unwrap_or_default()
        }
    }
}

/// Printable ASCII in the client's own memory: reading UTF-8 costs half a kilobyte on a device.
#[cfg(not(feature = "details"))]
mod ascii {
    use core::marker::PhantomData;

    use heapless::String;

    use crate::response::results::MAX_DETAILS_LEN;

    pub(crate) struct Details<'buf>(String<MAX_DETAILS_LEN, u8>, PhantomData<&'buf mut [u8]>);

    impl<'buf> Details<'buf> {
        pub(crate) const fn new(_: &'buf mut [u8]) -> Self {
            Self(String::new(), PhantomData)
        }

        pub(crate) fn clear(&mut self) {
            self.0.clear();
        }

        pub(crate) fn bytes(&self) -> &[u8] {
            self.0.as_bytes()
        }

        /// Takes a byte of UTF-8; a character that is not printable ASCII becomes `?`. What does
        /// not fit is cut.
        pub(crate) fn push(&mut self, byte: u8) {
            super::super::push(self.0.as_mut_view(), byte);
        }

        /// Takes a unit of UTF-16.
        pub(crate) fn unit(&mut self, _: u16) {
            self.push(b'\0');
        }

        pub(crate) fn text(&mut self) -> &str {
            &self.0
        }
    }
}
