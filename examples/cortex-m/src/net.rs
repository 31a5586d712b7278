//! One TCP connection at a time, as a blocking byte stream with a deadline.
//!
//! It must not know what is said over the connection.

use core::fmt;

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{self, Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address};

use crate::board;
use crate::lan9118::{FRAME_BYTES, Frames, Lan9118, MPS2_BASE, Mac};

/// A locally administered hardware address. A product has one from its maker.
const MAC: Mac = [0x02, 0, 0, 0, 0, 1];
/// QEMU's user network: this machine, and the machine QEMU runs on (its 127.0.0.1).
const OWN_ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
pub(crate) const HOST_ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);
const SUBNET_BITS: u8 = 24;

/// Bytes that may be on their way to the peer at once: two full frames.
const SEND_BUFFER_BYTES: usize = 1072;
/// And from the peer: what one frame holds. QEMU's network fills the window whatever segment size
/// was announced, so a larger window would bring frames that are too long.
const RECEIVE_BUFFER_BYTES: usize = FRAME_BYTES - 14 - 20 - 20;

/// The first of the ports that a system hands out to clients (RFC 6335), and how many there are.
const FIRST_CLIENT_PORT: u16 = 49_152;
const CLIENT_PORTS: u16 = 16_384;

/// The bytes under way, for a `static`. All zeroes, so that it takes no flash.
pub(crate) struct Buffers {
    frames: Frames,
    send: [u8; SEND_BUFFER_BYTES],
    receive: [u8; RECEIVE_BUFFER_BYTES],
}

impl Buffers {
    pub(crate) const fn new() -> Self {
        Self {
            frames: Frames::new(),
            send: [0; SEND_BUFFER_BYTES],
            receive: [0; RECEIVE_BUFFER_BYTES],
        }
    }
}

/// The network's only connection, for another `static`: it is not all zeroes.
pub(crate) type Sockets = [SocketStorage<'static>; 1];
pub(crate) const NO_SOCKETS: Sockets = [SocketStorage::EMPTY];

/// Why the network did not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetError {
    /// Nobody listens at the peer's port.
    Refused,
    /// The peer ended the connection while more was to be sent or expected.
    Reset,
    /// The deadline has passed.
    TimedOut,
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Reset => "connection reset",
            Self::TimedOut => "timed out",
        })
    }
}

impl core::error::Error for NetError {}

impl embedded_io::Error for NetError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused => ErrorKind::ConnectionRefused,
            Self::Reset => ErrorKind::ConnectionReset,
            Self::TimedOut => ErrorKind::TimedOut,
        }
    }
}

/// The network, with one connection.
pub(crate) struct Net {
    nic: Lan9118<'static>,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    next_port: u16,
    deadline_ms: u64,
    bytes_sent: usize,
}

impl Net {
    /// Starts the network; `None` if the chip does not answer. `entropy` keeps this boot's ports
    /// and sequence numbers apart from the last one's.
    pub(crate) fn new(
        buffers: &'static mut Buffers,
        sockets: &'static mut Sockets,
        entropy: u64,
    ) -> Option<Self> {
        #[expect(
            unsafe_code,
            reason = "the address of the chip is a promise that only the board can make"
        )]
        // SAFETY: the board has the chip here, and this is its only driver.
        let mut nic = unsafe { Lan9118::new(MPS2_BASE, MAC, &mut buffers.frames) }?;
        let mut config = Config::new(EthernetAddress(MAC).into());
        config.random_seed = entropy;
        let mut interface = Interface::new(config, &mut nic, now());
        interface.update_ip_addrs(|addresses| {
            // There is room: the list is empty.
            let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(OWN_ADDRESS), SUBNET_BITS));
        });

        let mut socket = Socket::new(
            SocketBuffer::new(buffers.receive.as_mut_slice()),
            SocketBuffer::new(buffers.send.as_mut_slice()),
        );
        // Requests end with a short segment that must not wait for an acknowledgement.
        socket.set_nagle_enabled(false);
        let mut sockets = SocketSet::new(sockets.as_mut_slice());
        let socket = sockets.add(socket);
        let [low, high, ..] = entropy.to_le_bytes();
        let next_port = u16::from_le_bytes([low, high]) % CLIENT_PORTS;
        Some(Self {
            nic,
            interface,
            sockets,
            socket,
            next_port,
            deadline_ms: 0,
            bytes_sent: 0,
        })
    }

    /// From now on, whatever is not done when the clock reads `at_ms` fails with
    /// [`NetError::TimedOut`].
    pub(crate) fn set_deadline(&mut self, at_ms: u64) {
        self.deadline_ms = at_ms;
    }

    /// Connects to the host's `port`, unless the last connection is still good.
    pub(crate) fn connect(&mut self, port: u16) -> Result<(), NetError> {
        self.poll();
        if self.socket().may_send() && self.socket().may_recv() {
            return Ok(());
        }
        self.disconnect();
        let local_port = FIRST_CLIENT_PORT + self.next_port;
        self.next_port = (self.next_port + 1) % CLIENT_PORTS;
        let socket = self.sockets.get_mut::<Socket<'_>>(self.socket);
        socket
            .connect(self.interface.context(), (HOST_ADDRESS, port), local_port)
            .map_err(|_| NetError::Refused)?;
        loop {
            self.poll();
            match self.socket().state() {
                tcp::State::Established => return Ok(()),
                tcp::State::Closed => return Err(NetError::Refused),
                _ => self.wait()?,
            }
        }
    }

    /// Drops the connection, if there is one.
    pub(crate) fn disconnect(&mut self) {
        self.socket().abort();
        self.poll();
    }

    /// Bytes handed to TCP since the start.
    pub(crate) fn bytes_sent(&self) -> usize {
        self.bytes_sent
    }

    fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.socket)
    }

    /// Moves frames both ways until there is nothing more to do.
    fn poll(&mut self) {
        while self.interface.poll(now(), &mut self.nic, &mut self.sockets)
            == PollResult::SocketStateChanged
        {}
    }

    fn wait(&mut self) -> Result<(), NetError> {
        if board::uptime_ms() >= self.deadline_ms {
            return Err(NetError::TimedOut);
        }
        board::wait_for_tick();
        Ok(())
    }
}

impl ErrorType for Net {
    type Error = NetError;
}

impl Read for Net {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, NetError> {
        loop {
            self.poll();
            let socket = self.socket();
            if socket.can_recv() || buffer.is_empty() {
                return socket.recv_slice(buffer).map_err(|_| NetError::Reset);
            }
            if !socket.may_recv() {
                return Ok(0);
            }
            self.wait()?;
        }
    }
}

impl Write for Net {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, NetError> {
        loop {
            let sent = self
                .socket()
                .send_slice(bytes)
                .map_err(|_| NetError::Reset)?;
            if sent > 0 || bytes.is_empty() {
                self.bytes_sent = self.bytes_sent.wrapping_add(sent);
                return Ok(sent);
            }
            self.poll();
            if !self.socket().can_send() {
                self.wait()?;
            }
        }
    }

    /// Puts what was written on the wire; does not wait for it to arrive.
    fn flush(&mut self) -> Result<(), NetError> {
        self.poll();
        Ok(())
    }
}

fn now() -> Instant {
    // 292 million years fit.
    Instant::from_millis(board::uptime_ms().cast_signed())
}
