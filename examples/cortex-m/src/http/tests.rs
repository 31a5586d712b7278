use super::*;

/// What a response comes to: head, body, and whether the stream can be used again.
fn read(response: &[u8], piece: usize) -> Result<String, HttpError<embedded_io::ErrorKind>> {
    let mut seen = String::new();
    let connection = receive(&mut Pieces(response, piece), &mut |part| match part {
        Part::Head(head) => {
            let text = |value: Option<&[u8]>| {
                value.map_or("-".into(), |v| String::from_utf8_lossy(v).into_owned())
            };
            seen = format!(
                "{} {} {} ",
                head.status,
                text(head.retry_after),
                text(head.date)
            );
        }
        Part::Body(piece) => seen += &String::from_utf8_lossy(piece),
    })?;
    Ok(format!("{seen} {connection:?}"))
}

/// A stream that gives at most so many bytes at once.
struct Pieces<'a>(&'a [u8], usize);

impl embedded_io::ErrorType for Pieces<'_> {
    type Error = embedded_io::ErrorKind;
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let len = self.0.len().min(self.1).min(buffer.len());
        let (now, later) = self.0.split_at(len);
        buffer[..len].copy_from_slice(now);
        self.0 = later;
        Ok(len)
    }
}

const RESPONSES: &[(&str, Result<&str, HttpError<embedded_io::ErrorKind>>)] = &[
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        Ok("200 - - hello KeepAlive"),
    ),
    (
        "HTTP/1.1 200\ncontent-length:5\n\nhello",
        Ok("200 - - hello KeepAlive"),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: Close\r\n\r\nhello",
        Ok("200 - - hello Close"),
    ),
    (
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        Ok("200 - - hello Close"),
    ),
    ("HTTP/1.1 200 OK\r\n\r\nhello", Ok("200 - - hello Close")),
    ("HTTP/1.1 204 No Content\r\n\r\n", Ok("204 - -  KeepAlive")),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        Ok("200 - -  KeepAlive"),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore",
        Ok("200 - -  Close"),
    ),
    (
        "HTTP/1.1 100 Continue\r\nDate: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        Ok("204 - -  KeepAlive"),
    ),
    (
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After:  2 \r\nDate: Tue, 24 Nov 2026 05:00:00 GMT\r\nContent-Length: 2\r\n\r\n{}",
        Ok("503 2 Tue, 24 Nov 2026 05:00:00 GMT {} KeepAlive"),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n02\r\nlo\r\n0\r\nTrailer: t\r\n\r\n",
        Ok("200 - - hello KeepAlive"),
    ),
    (
        "HTTP/1.1 200 OK\r\nX: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\nContent-Length: 1\r\n\r\nh",
        Ok("200 - - h KeepAlive"),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        Err(HttpError::Truncated),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        Err(HttpError::Truncated),
    ),
    ("", Err(HttpError::Truncated)),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n",
        Err(HttpError::Malformed),
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        Err(HttpError::Malformed),
    ),
    (
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        Err(HttpError::Malformed),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        Err(HttpError::Malformed),
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhello\r\n",
        Err(HttpError::Malformed),
    ),
    ("HTTP/1.1 99 Low\r\n\r\n", Err(HttpError::Malformed)),
    ("HTTP/2 200\r\n\r\n", Err(HttpError::Malformed)),
    ("SSH-2.0-OpenSSH_9.2\r\n", Err(HttpError::Malformed)),
];

#[test]
fn response_reads_the_same_in_pieces_of_any_size() {
    for (response, expected) in RESPONSES {
        for piece in [1, 2, 3, 7, 1000] {
            let seen = read(response.as_bytes(), piece);
            // What follows a response is noticed only when it comes in the same piece.
            if !(response.ends_with("more") && piece < 1000) {
                assert_eq!(
                    seen.as_deref().map_err(|&error| error),
                    *expected,
                    "{response:?} by {piece}"
                );
            }
        }
    }
}

#[test]
fn response_cut_anywhere_is_an_error() {
    let whole =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".as_bytes();
    assert!(read(whole, 9).is_ok());
    for end in 0..whole.len() {
        let cut = read(&whole[..end], 9);
        assert_eq!(cut, Err(HttpError::Truncated), "{end}");
    }
}

#[test]
fn request_head_joins_the_halves_of_a_value() {
    let mut room = [0; 200];
    let mut stream = room.as_mut_slice();
    let head = RequestHead {
        method: "POST",
        path: "/a",
        host: "10.0.2.2:80",
        content_length: 1234,
    };
    let headers = [
        ("authorization", [&b"Bearer "[..], b"phc_x"]),
        ("user-agent", [&b"hoglet"[..], b""]),
    ];
    send_head(&mut stream, &head, headers.into_iter(), |header| *header).expect("there is room");
    let left = stream.len();
    let text = str::from_utf8(&room[..room.len() - left]).expect("text");
    assert_eq!(
        text,
        "POST /a HTTP/1.1\r\nhost: 10.0.2.2:80\r\nauthorization: Bearer phc_x\r\nuser-agent: hoglet\r\ncontent-length: 1234\r\n\r\n"
    );
}

#[test]
fn decimal_writes_every_length_of_number() {
    for number in [0, 9, 10, 1_000_000_000, 4_294_967_295] {
        assert_eq!(decimal(number, &mut [0; 10]), number.to_string().as_bytes());
    }
}
