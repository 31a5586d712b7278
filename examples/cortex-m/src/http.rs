//! One HTTP/1.1 exchange over any byte stream: a request out, a response in pieces of whatever size
//! comes.
//!
//! It holds one header line, never a body, and must not know what the bodies mean.

use embedded_io::{Read, Write};
use heapless::Vec;

/// The longest header line that is looked at, in bytes; a longer one is skipped.
const LINE_BYTES: usize = 80;
/// The longest `Retry-After` or `Date` kept, in bytes: any HTTP date fits.
const VALUE_BYTES: usize = 40;
/// Bytes read from the stream at once.
const READ_BYTES: usize = 128;

/// Why an exchange broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpError<E> {
    /// The stream failed.
    Stream(E),
    /// The peer ended the stream before the response was whole.
    Truncated,
    /// What came is not HTTP/1.
    Malformed,
}

impl<E> From<E> for HttpError<E> {
    fn from(error: E) -> Self {
        Self::Stream(error)
    }
}

/// Where a request goes, and how long its body is.
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) host: &'a str,
    pub(crate) content_length: usize,
}

/// What a response says before its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResponseHead<'a> {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<&'a [u8]>,
    pub(crate) date: Option<&'a [u8]>,
}

/// A part of a response: the head once, then pieces of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Head(ResponseHead<'a>),
    Body(&'a [u8]),
}

/// Whether the stream can carry another exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    KeepAlive,
    Close,
}

/// Writes everything up to the body, which the caller writes next. A header's value is given in two
/// halves.
///
/// `read` gives a header's name, and its value in two parts.
pub(crate) fn send_head<S: Write, H>(
    stream: &mut S,
    head: &RequestHead<'_>,
    headers: impl Iterator<Item = H>,
    read: impl Fn(&H) -> (&str, [&[u8]; 2]),
) -> Result<(), S::Error> {
    let mut digits = [0; 10];
    let length = decimal(head.content_length, &mut digits);
    let line = [
        head.method,
        " ",
        head.path,
        " HTTP/1.1\r\nhost: ",
        head.host,
    ];
    for piece in line {
        stream.write_all(piece.as_bytes())?;
    }
    for header in headers {
        let (name, [first, second]) = read(&header);
        for piece in [b"\r\n", name.as_bytes(), b": ", first, second] {
            stream.write_all(piece)?;
        }
    }
    stream.write_all(b"\r\ncontent-length: ")?;
    stream.write_all(length)?;
    stream.write_all(b"\r\n\r\n")
}

/// Reads one response and hands over its parts as they come.
pub(crate) fn receive<S: Read>(
    stream: &mut S,
    on: &mut dyn FnMut(Part<'_>),
) -> Result<Connection, HttpError<S::Error>> {
    let mut decoder = Decoder::new();
    let mut buffer = [0; READ_BYTES];
    while decoder.state != State::Done {
        let len = stream.read(&mut buffer)?;
        match buffer.get(..len) {
            None | Some([]) if decoder.state == State::UntilEnd => return Ok(Connection::Close),
            None | Some([]) => return Err(HttpError::Truncated),
            Some(input) => decoder
                .feed(input, on)
                .map_err(|Malformed| HttpError::Malformed)?,
        }
    }
    Ok(if decoder.close {
        Connection::Close
    } else {
        Connection::KeepAlive
    })
}

/// Where in the response the next byte lies (RFC 9112).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    StatusLine,
    Header,
    /// In a body of known length; bytes left.
    Length(u32),
    /// In a body that ends with the stream.
    UntilEnd,
    ChunkSize,
    /// In a chunk; bytes left.
    Chunk(u32),
    ChunkEnd,
    Trailer,
    Done,
}

struct Malformed;

struct Decoder {
    state: State,
    /// What the head has said of the body so far.
    body: State,
    line: Vec<u8, LINE_BYTES>,
    /// The line is longer than what `line` holds of it.
    cut: bool,
    close: bool,
    status: u16,
    retry_after: Option<Vec<u8, VALUE_BYTES>>,
    date: Option<Vec<u8, VALUE_BYTES>>,
}

impl Decoder {
    const fn new() -> Self {
        Self {
            state: State::StatusLine,
            body: State::UntilEnd,
            line: Vec::new(),
            cut: false,
            close: false,
            status: 0,
            retry_after: None,
            date: None,
        }
    }

    fn feed(&mut self, mut input: &[u8], on: &mut dyn FnMut(Part<'_>)) -> Result<(), Malformed> {
        loop {
            match self.state {
                State::Length(0) => self.state = State::Done,
                State::Chunk(0) => self.state = State::ChunkEnd,
                State::Done => {
                    // Nobody asked for what follows.
                    self.close |= !input.is_empty();
                    return Ok(());
                }
                _ if input.is_empty() => return Ok(()),
                State::Length(left) => self.state = State::Length(body_piece(&mut input, left, on)),
                State::Chunk(left) => self.state = State::Chunk(body_piece(&mut input, left, on)),
                State::UntilEnd => {
                    body_piece(&mut input, u32::MAX, on);
                }
                _ => {
                    if self.take_line(&mut input) {
                        self.state = self.read_line(on)?;
                        self.line.clear();
                        self.cut = false;
                    }
                }
            }
        }
    }

    /// Moves bytes up to a line's end from `input` to `line`; whether the end is reached.
    fn take_line(&mut self, input: &mut &[u8]) -> bool {
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            match byte {
                b'\n' => return true,
                // Only the line's end may hold one.
                b'\r' => {}
                _ => self.cut |= self.line.push(byte).is_err(),
            }
        }
        false
    }

    /// What comes after the line.
    fn read_line(&mut self, on: &mut dyn FnMut(Part<'_>)) -> Result<State, Malformed> {
        match self.state {
            State::StatusLine => {
                self.read_status().ok_or(Malformed)?;
                Ok(State::Header)
            }
            State::Header if !self.line.is_empty() => {
                self.read_header()?;
                Ok(State::Header)
            }
            // An interim response; the real one follows.
            State::Header if self.status < 200 => {
                *self = Self::new();
                Ok(State::StatusLine)
            }
            State::Header => {
                on(Part::Head(ResponseHead {
                    status: self.status,
                    retry_after: self.retry_after.as_deref(),
                    date: self.date.as_deref(),
                }));
                Ok(if matches!(self.status, 204 | 304) {
                    State::Done
                } else {
                    self.body
                })
            }
            State::ChunkSize => {
                let size = self
                    .line
                    .split(|&byte| byte == b';')
                    .next()
                    .unwrap_or_default();
                match number(size.trim_ascii(), 16).ok_or(Malformed)? {
                    0 => Ok(State::Trailer),
                    size => Ok(State::Chunk(size)),
                }
            }
            State::ChunkEnd if self.line.is_empty() => Ok(State::ChunkSize),
            State::Trailer if self.line.is_empty() => Ok(State::Done),
            State::Trailer => Ok(State::Trailer),
            _ => Err(Malformed),
        }
    }

    fn read_status(&mut self) -> Option<()> {
        let (&minor, rest) = self.line.strip_prefix(b"HTTP/1.")?.split_first()?;
        let status = rest.strip_prefix(b" ")?.get(..3)?;
        self.status = u16::try_from(number(status, 10)?).ok()?;
        self.close = minor == b'0';
        (self.status >= 100).then_some(())
    }

    fn read_header(&mut self) -> Result<(), Malformed> {
        if self.cut {
            return Ok(());
        }
        let mut halves = self.line.splitn(2, |&byte| byte == b':');
        let (Some(name), Some(value)) = (halves.next(), halves.next()) else {
            return Err(Malformed);
        };
        let value = value.trim_ascii();
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        // A chunked body has no length of its own, whatever else is said.
        if is("content-length") && self.body != State::ChunkSize {
            self.body = State::Length(number(value, 10).ok_or(Malformed)?);
        } else if is("transfer-encoding") {
            self.body = if value.eq_ignore_ascii_case(b"chunked") {
                State::ChunkSize
            } else {
                State::UntilEnd
            };
        } else if is("connection") {
            self.close |= value.eq_ignore_ascii_case(b"close");
        } else if is("retry-after") {
            self.retry_after = Vec::from_slice(value).ok();
        } else if is("date") {
            self.date = Vec::from_slice(value).ok();
        }
        Ok(())
    }
}

/// Hands over what `input` holds of the `left` bytes; how many are left then.
fn body_piece(input: &mut &[u8], left: u32, on: &mut dyn FnMut(Part<'_>)) -> u32 {
    let len = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
    let (piece, rest) = input.split_at(len);
    *input = rest;
    on(Part::Body(piece));
    // `len` is at most `left`.
    left - u32::try_from(len).unwrap_or(left)
}

/// A number with nothing beside it.
fn number(text: &[u8], radix: u32) -> Option<u32> {
    let add = |sum: u32, &byte: &u8| {
        sum.checked_mul(radix)?
            .checked_add(char::from(byte).to_digit(radix)?)
    };
    if text.is_empty() {
        None
    } else {
        text.iter().try_fold(0, add)
    }
}

/// `number` in decimal, in the last of `digits`.
fn decimal(mut number: usize, digits: &mut [u8; 10]) -> &[u8] {
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        // The remainder is below ten.
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        start -= 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
