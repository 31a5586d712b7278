//! Foreign texts, made safe for a log.

use std::fmt;

/// Displays a text so that it can neither forge a line of a log nor steer a terminal: control
/// characters, line and paragraph separators and changes of direction are escaped (`\n`, `\u{1b}`).
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            let is_bad = c.is_control()
                || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
            if is_bad {
                write!(f, "{}", c.escape_debug())
            } else {
                fmt::Write::write_char(f, c)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_steers_is_escaped() {
        let text = "é 🐘 \"quoted\" \\ ok\r\n\x1b[31mred\x07\u{85}\u{202e}\u{2028}\0";
        assert_eq!(
            Escaped(text).to_string(),
            "é 🐘 \"quoted\" \\ ok\\r\\n\\u{1b}[31mred\\u{7}\\u{85}\\u{202e}\\u{2028}\\0"
        );
    }
}
