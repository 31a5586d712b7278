//! Lists of words that cost no pointers.

/// Words one after another and their lengths: a byte for each where a `&[&str]` costs eight on a
/// 32-bit device.
#[derive(Clone, Copy)]
pub(crate) struct Packed {
    /// The words.
    text: &'static str,
    /// Their lengths in bytes.
    lens: &'static [u8],
}

impl Packed {
    /// What [`packed!`] makes of `text` and `lens`.
    #[expect(clippy::panic, reason = "the compiler evaluates it")]
    pub(crate) const fn new(text: &'static [u8], lens: &'static [u8]) -> Self {
        match core::str::from_utf8(text) {
            Ok(text) => Self { text, lens },
            Err(_) => panic!("words are text"),
        }
    }

    /// The words as bytes, in order.
    pub(crate) fn words(self) -> impl Iterator<Item = &'static [u8]> {
        let mut rest = self.text.as_bytes();
        self.lens.iter().map_while(move |&len| {
            let (word, after) = rest.split_at_checked(usize::from(len))?;
            rest = after;
            Some(word)
        })
    }

    /// The word at `index`; `None` beyond the last.
    pub(crate) fn get(self, index: u8) -> Option<&'static str> {
        let index = usize::from(index);
        let len = usize::from(*self.lens.get(index)?);
        let before = self.lens.get(..index)?;
        let start = before.iter().map(|len| usize::from(*len)).sum::<usize>();
        self.text.get(start..)?.get(..len)
    }
}

/// The bytes of all `words`, each list of which is known when the crate is built.
pub(crate) const fn total_len(words: &[&str]) -> usize {
    let mut total = 0;
    let mut rest = words;
    while let [word, after @ ..] = rest {
        total += word.len();
        rest = after;
    }
    total
}

/// The words one after another.
#[expect(clippy::indexing_slicing, reason = "the compiler evaluates it")]
pub(crate) const fn text<const LEN: usize>(words: &[&str]) -> [u8; LEN] {
    let mut text = [0; LEN];
    let mut at = 0;
    let mut rest = words;
    while let [word, after @ ..] = rest {
        let mut bytes = word.as_bytes();
        while let [byte, more @ ..] = bytes {
            text[at] = *byte;
            at += 1;
            bytes = more;
        }
        rest = after;
    }
    text
}

/// The lengths of the words, none of which is longer than 255 bytes.
#[expect(clippy::indexing_slicing, reason = "the compiler evaluates it")]
#[expect(clippy::cast_possible_truncation, reason = "it has just been checked")]
pub(crate) const fn lens<const COUNT: usize>(words: &[&str]) -> [u8; COUNT] {
    let mut lens = [0; COUNT];
    let mut at = 0;
    while at < COUNT {
        assert!(words[at].len() <= 255, "a length is a byte");
        lens[at] = words[at].len() as u8;
        at += 1;
    }
    lens
}

/// The [`Packed`] of literals, each of which may depend on a feature.
macro_rules! packed {
    ($($(#[$feature:meta])* $word:literal,)*) => {{
        const WORDS: &[&str] = &[$($(#[$feature])* $word),*];
        const TEXT: [u8; $crate::packed::total_len(WORDS)] = $crate::packed::text(WORDS);
        const LENS: [u8; WORDS.len()] = $crate::packed::lens(WORDS);
        $crate::packed::Packed::new(&TEXT, &LENS)
    }};
}
pub(crate) use packed;

#[cfg(test)]
mod tests {
    use super::Packed;

    const WORDS: Packed = packed![
        "one",
        "",
        #[cfg(any())]
        "two",
        "three",
    ];

    #[test]
    fn words_are_found_by_their_index() {
        let found = [0, 1, 2, 3].map(|index| WORDS.get(index));
        assert_eq!(found, [Some("one"), Some(""), Some("three"), None]);
    }
}
