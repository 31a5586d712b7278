//! A server that gives scripted answers byte by byte, and remembers the requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) struct Raw {
    /// `127.0.0.1:port`.
    pub(crate) address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    /// Gives every request this answer, on connections that stay open.
    pub(crate) fn answering(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::start(move |mut reader, heads| {
            while let Some((head, len)) = read_head(&mut reader) {
                reader.read_exact(&mut vec![0; len]).ok()?;
                heads.lock().ok()?.push(head);
                reader.get_mut().write_all(answer.as_bytes()).ok()?;
            }
            None
        })
    }

    /// Gives every request this answer after its head, and closes without having read its body.
    pub(crate) fn refusing(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::start(move |mut reader, heads| {
            let (head, _) = read_head(&mut reader)?;
            heads.lock().ok()?.push(head);
            reader.get_mut().write_all(answer.as_bytes()).ok()
        })
    }

    /// A proxy that opens the tunnels that `CONNECT` asks for.
    #[cfg(feature = "tls")]
    pub(crate) fn tunnelling() -> Self {
        Self::start(|mut reader, heads| {
            let (head, _) = read_head(&mut reader)?;
            let target = head.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
            heads.lock().ok()?.push(head);
            let target = TcpStream::connect(target).ok()?;
            reader
                .get_mut()
                .write_all(b"HTTP/1.1 200 OK\r\n\r\n")
                .ok()?;
            join(reader, target)
        })
    }

    /// A proxy that speaks SOCKS5, for IPv4 addresses.
    pub(crate) fn socks5() -> Self {
        Self::start(|mut reader, heads| {
            let mut hello = [0; 2];
            reader.read_exact(&mut hello).ok()?;
            reader
                .read_exact(&mut vec![0; usize::from(hello[1])])
                .ok()?;
            reader.get_mut().write_all(&[5, 0]).ok()?;
            let mut ask = [0; 10];
            reader.read_exact(&mut ask).ok()?;
            let address = [ask[4], ask[5], ask[6], ask[7]];
            let port = u16::from_be_bytes([ask[8], ask[9]]);
            heads.lock().ok()?.push(format!("{ask:?}"));
            let target = TcpStream::connect((std::net::Ipv4Addr::from(address), port)).ok()?;
            let answer = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            reader.get_mut().write_all(&answer).ok()?;
            join(reader, target)
        })
    }

    fn start(
        serve: impl Fn(BufReader<TcpStream>, &Mutex<Vec<String>>) -> Option<()> + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let shared = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (serve, shared) = (serve.clone(), Arc::clone(&shared));
                thread::spawn(move || serve(BufReader::new(stream), &shared));
            }
        });
        Self { address, heads }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The heads of the requests so far, in lower case but for the first line.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }
}

/// A request's head and the length of its body.
fn read_head(reader: &mut impl BufRead) -> Option<(String, usize)> {
    let (mut head, mut len) = (String::new(), 0);
    reader.read_line(&mut head).ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let lower = line.trim().to_ascii_lowercase();
        if lower.is_empty() {
            return Some((head, len));
        }
        if let Some(value) = lower.strip_prefix("content-length:") {
            len = value.trim().parse().ok()?;
        }
        let value = line.trim().split_once(':').map_or("", |(_, value)| value);
        let name = lower.split(':').next().unwrap_or_default();
        head.extend([name, ":", value, "\n"]);
    }
}

/// Passes bytes on in both directions.
fn join(mut client: BufReader<TcpStream>, target: TcpStream) -> Option<()> {
    let mut back = (target.try_clone().ok()?, client.get_ref().try_clone().ok()?);
    thread::spawn(move || std::io::copy(&mut back.0, &mut back.1));
    let mut target = target;
    std::io::copy(&mut client, &mut target).ok()?;
    target.shutdown(std::net::Shutdown::Write).ok()
}
