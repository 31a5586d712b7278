//! Lists of words that cost no pointers.

/// Words one after another and their lengths: a byte for each where a `&[&str]` costs eight on a
/// 32-bit device.
#[derive(Clone, Copy)]
pub(crate) struct Packed {
    /// The words.
    pub(crate) text: &'static str,
    /// Their lengths in bytes.
    pub(crate) lens: &'static [u8],
}

impl Packed {
    /// The word at `index`; `None` beyond the last.
    pub(crate) fn get(self, index: u8) -> Option<&'static str> {
        let index = usize::from(index);
        let len = usize::from(*self.lens.get(index)?);
        let before = self.lens.get(..index)?;
        let start = before.iter().map(|len| usize::from(*len)).sum::<usize>();
        self.text.get(start..)?.get(..len)
    }
}

/// The [`Packed`] of literals, none of which is longer than 255 bytes.
macro_rules! packed {
    ($($word:literal,)*) => {
        $crate::packed::Packed {
            text: concat!($($word),*),
            lens: &[$({
                let len = $word.len();
                assert!(len <= 255);
                #[expect(clippy::cast_possible_truncation, reason = "it has just been checked")]
                let len = len as u8;
                len
            }),*],
        }
    };
}
pub(crate) use packed;

#[cfg(test)]
mod tests {
    use super::Packed;

    const WORDS: Packed = packed!["one", "", "three",];

    #[test]
    fn words_are_found_by_their_index() {
        let found = [0, 1, 2, 3].map(|index| WORDS.get(index));
        assert_eq!(found, [Some("one"), Some(""), Some("three"), None]);
    }
}
