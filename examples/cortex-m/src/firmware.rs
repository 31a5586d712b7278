//! Ten readings become ten events, and the events reach the server, whatever it answers first.

use core::fmt::Write as _;

use cortex_m_rt::entry;
use cortex_m_semihosting::hprintln;
use embedded_io::{ErrorKind, Write as _};
use heapless::String;
use hoglet::deflate::{TABLE_LEN, Table};
use hoglet::{
    Action, Client, Compression, Config, Event, Ignore, Instant, RequestId, ResponseHead,
    StorageArray, TransportError, Value,
};

use crate::board;
use crate::http::{self, Connection, HttpError, Part, RequestHead};
use crate::net::{self, HOST_ADDRESS, Net, NetError};

const TOKEN: &str = "phc_cortex_m_example";
const DEVICE: &str = "device-0001";

const READINGS: u32 = 10;
const READING_INTERVAL_MS: u64 = 20;

/// Room for twelve events, or what fits into 4 KiB.
const ARENA_BYTES: usize = 4096;
const ARENA_EVENTS: usize = 12;

/// Bytes of a request's body that are made at once.
const BODY_PIECE_BYTES: usize = 128;

#[entry]
fn main() -> ! {
    static mut STORAGE: StorageArray<ARENA_BYTES, ARENA_EVENTS> = StorageArray::new();
    static mut TABLE: Table = [0; TABLE_LEN];
    static mut BUFFERS: net::Buffers = net::Buffers::new();
    static mut SOCKETS: net::Sockets = net::NO_SOCKETS;

    let Some(timer) = cortex_m::Peripherals::take().map(|peripherals| peripherals.SYST) else {
        unreachable!("main runs once")
    };
    board::start_clock(timer);
    let mut text = [0; 256];
    let Some(arguments) = board::command_line(&mut text).and_then(Arguments::parse) else {
        hprintln!("arguments: the server's port on the host, 32 hexadecimal digits of entropy");
        board::exit(false);
    };
    let Some(net) = Net::new(BUFFERS, SOCKETS, arguments.entropy()) else {
        hprintln!("no network chip");
        board::exit(false);
    };

    let mut config = Config::new(TOKEN, arguments.seed);
    config.flush_at = READINGS;
    config.compression = Compression::Gzip;
    let client = match Client::new(config, STORAGE.storage(), now()) {
        Ok(client) => client,
        Err(error) => {
            hprintln!("{}", error);
            board::exit(false);
        }
    };
    let request_timeout_ms = config.request_timeout_ms;
    let mut device = Device {
        client,
        net,
        table: TABLE,
        port: arguments.port,
        request_timeout_ms,
    };
    let success = device.run();
    hprintln!(
        "{} bytes sent, peak stack {} bytes",
        device.net.bytes_sent(),
        board::peak_stack()
    );
    board::exit(success);
}

struct Device {
    client: Client<'static>,
    net: Net,
    table: &'static mut Table,
    port: u16,
    request_timeout_ms: u32,
}

impl Device {
    /// The whole of the program's life; whether every reading was delivered.
    fn run(&mut self) -> bool {
        let mut readings = 0;
        let mut next_reading_ms = 0;
        loop {
            if readings < READINGS && board::uptime_ms() >= next_reading_ms {
                self.capture(readings);
                readings += 1;
                next_reading_ms = board::uptime_ms() + READING_INTERVAL_MS;
            }
            let reading_at_ms = if readings < READINGS {
                next_reading_ms
            } else {
                u64::MAX
            };
            match self.client.poll(now(), &mut Ignore) {
                Action::Send(id) => self.deliver(id),
                Action::SleepUntil(at, _) => board::sleep_until(reading_at_ms.min(at.as_millis())),
                Action::Idle if readings < READINGS => board::sleep_until(reading_at_ms),
                Action::Idle => break,
            }
        }
        let stats = self.client.stats();
        hprintln!(
            "{} of {} events delivered in {} requests",
            stats.delivered(),
            READINGS,
            stats.requests
        );
        stats.delivered() == READINGS
    }

    /// Takes one reading. A full arena refuses it, which a product would count.
    fn capture(&mut self, reading: u32) {
        let properties = [
            ("reading", Value::from(reading)),
            (
                "celsius",
                Value::Fixed {
                    mantissa: 215 + i64::from(reading),
                    decimals: 1,
                },
            ),
            ("valve", Value::from("open")),
            ("battery_low", Value::from(false)),
        ];
        let event = Event::new("reading", DEVICE).properties(&properties);
        if let Err(error) = self.client.capture(&event, now(), &mut Ignore) {
            hprintln!("reading {} refused: {}", reading, error);
        }
    }

    /// Sends a request and feeds the answer, or the lack of one, to the client. An answer that
    /// comes too late is nobody's: the client has given up the request by itself, and says
    /// `UnknownRequest`, which is ignored here.
    fn deliver(&mut self, id: RequestId) {
        match self.exchange(id) {
            Ok(connection) => {
                if connection == Connection::Close {
                    self.net.disconnect();
                }
                let _ = self.client.handle_response_end(id, now(), &mut Ignore);
            }
            Err(why) => {
                hprintln!("{} ms: no answer ({})", board::uptime_ms(), why.name());
                self.net.disconnect();
                let _ = self.client.handle_failure(id, why, now(), &mut Ignore);
            }
        }
    }

    fn exchange(&mut self, id: RequestId) -> Result<Connection, TransportError> {
        self.net
            .set_deadline(board::uptime_ms() + u64::from(self.request_timeout_ms));
        self.net
            .connect(self.port)
            .map_err(|why| why_failed(why, TransportError::Connect))?;
        self.send(id)
            .map_err(|why| why_failed(why, TransportError::Interrupted))?;
        let client = &mut self.client;
        let answer = http::receive(&mut self.net, &mut |part| {
            let _ = match part {
                Part::Head(head) => {
                    hprintln!("{} ms: answer {}", board::uptime_ms(), head.status);
                    let head = ResponseHead::read(head.status, head.retry_after, head.date);
                    client.handle_response_head(id, head, now())
                }
                Part::Body(piece) => client
                    .handle_response_body(id, piece, &mut Ignore)
                    .map(|_| ()),
            };
        });
        answer.map_err(|error| match error {
            HttpError::Stream(why) => why_failed(why, TransportError::Interrupted),
            HttpError::Truncated | HttpError::Malformed => TransportError::Interrupted,
        })
    }

    /// Compresses the request as it goes: neither the request nor its body is anywhere in memory as
    /// a whole.
    fn send(&mut self, id: RequestId) -> Result<(), NetError> {
        let Some(request) = self.client.request(id) else {
            return Ok(());
        };
        let mut host = String::<24>::new();
        // An address and a port take 21 characters at most.
        let _ = write!(host, "{HOST_ADDRESS}:{}", self.port);
        let mut body = request.body_encoder(self.table);
        let head = RequestHead {
            method: request.method(),
            path: request.path(),
            host: &host,
            content_length: body.len(),
        };
        let headers = request.headers(body.compression());
        http::send_head(&mut self.net, &head, headers, |header| {
            (header.name, header.value())
        })?;
        let mut piece = [0; BODY_PIECE_BYTES];
        loop {
            let len = body.read(&request, &mut piece);
            match piece.get(..len) {
                None | Some([]) => return self.net.flush(),
                Some(bytes) => self.net.write_all(bytes)?,
            }
        }
    }
}

fn why_failed(error: NetError, otherwise: TransportError) -> TransportError {
    match embedded_io::Error::kind(&error) {
        ErrorKind::TimedOut => TransportError::Timeout,
        _ => otherwise,
    }
}

fn now() -> Instant {
    Instant::from_millis(board::uptime_ms())
}

/// What differs between runs of the same binary.
struct Arguments {
    port: u16,
    seed: [u8; 16],
}

impl Arguments {
    /// The last two words. QEMU puts the program's name, which may hold spaces, before them.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.rsplit(' ');
        let seed = words.next().filter(|digits| digits.len() == 32)?;
        let seed = u128::from_str_radix(seed, 16).ok()?.to_be_bytes();
        Some(Self {
            port: words.next()?.parse().ok()?,
            seed,
        })
    }

    /// What the network may know of the seed.
    fn entropy(&self) -> u64 {
        let (half, _) = self.seed.split_at(8);
        half.iter()
            .fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
    }
}
