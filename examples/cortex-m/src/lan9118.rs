//! The LAN9118 Ethernet chip, polled. QEMU's MPS2 boards have one at [`MPS2_BASE`].

#![expect(unsafe_code, reason = "registers are memory")]

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// Where the MPS2 boards map the chip.
pub(crate) const MPS2_BASE: usize = 0x4020_0000;

/// The longest frame sent or taken, in bytes: an Ethernet header and 576 bytes of IP, which every
/// host must be able to send in. TCP announces it to the peer, so nothing longer comes; two buffers
/// of this size are all the chip needs.
pub(crate) const FRAME_BYTES: usize = 14 + 576;

/// A hardware address.
pub(crate) type Mac = [u8; 6];

/// Byte offsets in the register block.
#[derive(Clone, Copy)]
#[repr(usize)]
enum Register {
    RxData = 0x00,
    TxData = 0x20,
    RxStatus = 0x40,
    ByteTest = 0x64,
    TxConfig = 0x70,
    HwConfig = 0x74,
    RxFifoInfo = 0x7C,
    TxFifoInfo = 0x80,
    MacCommand = 0xA4,
    MacData = 0xA8,
}

/// What [`Register::ByteTest`] reads as: the chip is there, and bytes are in order.
const BYTE_ORDER: u32 = 0x8765_4321;
const SOFT_RESET: u32 = 1;
const STORE_AND_FORWARD: u32 = 1 << 20;
/// The transmit FIFO's share of the chip's memory, in KiB, where the field lies.
const TX_FIFO_5_KIB: u32 = 5 << 16;
const TX_ON: u32 = 1 << 1;
const MAC_BUSY: u32 = 1 << 31;
const FIRST_AND_LAST_SEGMENT: u32 = (1 << 13) | (1 << 12);
const RX_ERROR: u32 = 1 << 15;
/// Frames end with a checksum of this many bytes, which the chip checks.
const CRC_BYTES: usize = 4;

/// Registers of the MAC, reached through [`Register::MacCommand`].
const MAC_CONTROL: u32 = 1;
const MAC_ADDRESS_HIGH: u32 = 2;
const MAC_ADDRESS_LOW: u32 = 3;
const FULL_DUPLEX_TX_RX: u32 = (1 << 20) | (1 << 3) | (1 << 2);

/// Room for one frame each way.
pub(crate) struct Frames {
    rx: [u8; FRAME_BYTES],
    tx: [u8; FRAME_BYTES],
}

impl Frames {
    pub(crate) const fn new() -> Self {
        Self {
            rx: [0; FRAME_BYTES],
            tx: [0; FRAME_BYTES],
        }
    }
}

#[derive(Clone, Copy)]
struct Registers {
    base: usize,
}

impl Registers {
    fn read(self, register: Register) -> u32 {
        // SAFETY: `Lan9118::new` was promised that the chip's registers are here, and they are
        // words.
        unsafe { ((self.base + register as usize) as *const u32).read_volatile() }
    }

    fn write(self, register: Register, value: u32) {
        // SAFETY: as for `read`.
        unsafe { ((self.base + register as usize) as *mut u32).write_volatile(value) }
    }

    fn write_mac(self, index: u32, value: u32) {
        self.write(Register::MacData, value);
        self.write(Register::MacCommand, MAC_BUSY | index);
        while self.read(Register::MacCommand) & MAC_BUSY != 0 {}
    }
}

/// A started chip.
pub(crate) struct Lan9118<'a> {
    registers: Registers,
    frames: &'a mut Frames,
}

impl<'a> Lan9118<'a> {
    /// Resets the chip and starts it; `None` if there is none at `base`.
    ///
    /// # Safety
    /// `base` is readable, and if the chip is there, nothing else uses it.
    pub(crate) unsafe fn new(base: usize, mac: Mac, frames: &'a mut Frames) -> Option<Self> {
        let registers = Registers { base };
        if registers.read(Register::ByteTest) != BYTE_ORDER {
            return None;
        }
        registers.write(Register::HwConfig, SOFT_RESET);
        while registers.read(Register::HwConfig) & SOFT_RESET != 0 {}
        registers.write(Register::HwConfig, STORE_AND_FORWARD | TX_FIFO_5_KIB);
        registers.write(Register::TxConfig, TX_ON);
        let [low @ .., fifth, sixth] = mac;
        registers.write_mac(MAC_ADDRESS_LOW, u32::from_le_bytes(low));
        registers.write_mac(MAC_ADDRESS_HIGH, u32::from_le_bytes([fifth, sixth, 0, 0]));
        registers.write_mac(MAC_CONTROL, FULL_DUPLEX_TX_RX);
        Some(Self { registers, frames })
    }

    /// Takes the next good frame out of the chip into `frames.rx`; its length without the checksum.
    fn pull(&mut self) -> Option<usize> {
        while (self.registers.read(Register::RxFifoInfo) >> 16) & 0xFF != 0 {
            let status = self.registers.read(Register::RxStatus);
            // Fourteen bits, so it fits.
            let len = ((status >> 16) & 0x3FFF) as usize;
            let mut room = self.frames.rx.chunks_mut(4);
            for _ in 0..len.div_ceil(4) {
                // What finds no room is read all the same, to reach the next frame.
                let word = self.registers.read(Register::RxData).to_le_bytes();
                for (to, from) in room.next().into_iter().flatten().zip(word) {
                    *to = from;
                }
            }
            let len = len.saturating_sub(CRC_BYTES);
            if status & RX_ERROR == 0 && (1..=FRAME_BYTES).contains(&len) {
                return Some(len);
            }
        }
        None
    }
}

impl Device for Lan9118<'_> {
    type RxToken<'t>
        = RxToken<'t>
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'t>
    where
        Self: 't;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        let len = self.pull()?;
        let frame = self.frames.rx.get(..len)?;
        Some((
            RxToken { frame },
            TxToken {
                registers: self.registers,
                buffer: &mut self.frames.tx,
            },
        ))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        // Sixteen bits, so it fits. A frame needs two command words beside its bytes.
        let free = (self.registers.read(Register::TxFifoInfo) & 0xFFFF) as usize;
        (free >= FRAME_BYTES + 16).then_some(TxToken {
            registers: self.registers,
            buffer: &mut self.frames.tx,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES;
        capabilities.max_burst_size = Some(1);
        capabilities
    }
}

/// A frame that has come.
pub(crate) struct RxToken<'t> {
    frame: &'t [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, use_frame: F) -> R {
        use_frame(self.frame)
    }
}

/// Leave to send a frame.
pub(crate) struct TxToken<'t> {
    registers: Registers,
    buffer: &'t mut [u8; FRAME_BYTES],
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        // The stack keeps to `max_transmission_unit`.
        let len = len.min(FRAME_BYTES);
        let frame = &mut self.buffer[..len];
        let result = fill(frame);
        // At most 590, so it fits.
        let bits = u32::try_from(len).unwrap_or_default();
        self.registers
            .write(Register::TxData, FIRST_AND_LAST_SEGMENT | bits);
        self.registers.write(Register::TxData, bits);
        for chunk in frame.chunks(4) {
            let mut word = [0; 4];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.registers
                .write(Register::TxData, u32::from_le_bytes(word));
        }
        result
    }
}
