//! Text out of a file, as an error shows it.

/// Bytes of a value that an error shows, at most.
const MAX_BYTES: usize = 40;

/// The text on one line: cut to 40 bytes, and nothing in it that a terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    let cut = text.floor_char_boundary(MAX_BYTES);
    let (kept, left) = text.split_at_checked(cut).unwrap_or((text, ""));
    let mut shown = String::with_capacity(kept.len());
    for c in kept.chars() {
        if c.is_control() || is_hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    if !left.is_empty() {
        shown.push('…');
    }
    shown
}

/// Whether it cannot be seen, or changes how its neighbours are.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_between_characters() {
        assert_eq!(shown("2024-13-01"), "2024-13-01");
        assert_eq!(shown(&"é".repeat(20)), "é".repeat(20));
        assert_eq!(
            shown(&format!("a{}", "é".repeat(20))),
            format!("a{}…", "é".repeat(19))
        );
    }

    #[test]
    fn nothing_is_obeyed_or_hidden() {
        assert_eq!(shown("a\u{1b}[2J\n"), "a\\u{1b}[2J\\u{a}");
        assert_eq!(shown("\u{feff}a\u{202e}"), "\\u{feff}a\\u{202e}");
    }
}
