//! What of a firmware image lies in flash and what in RAM.

use std::collections::BTreeMap;
use std::path::Path;

use object::elf::{SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use object::read::elf::{ElfFile32, SectionHeader as _};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

/// A linked program for a 32-bit part. All figures are bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Image {
    /// Code, constants, and the first values of variables.
    pub(super) flash: u64,
    /// Variables. The stack is not in it.
    pub(super) ram: u64,
    symbols: Vec<Symbol>,
}

/// A function or a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Symbol {
    /// Mangled.
    name: String,
    address: u64,
    size: u64,
}

impl Image {
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        let broken = |error: &dyn ToString| format!("{}: {}", file.display(), error.to_string());
        let bytes = std::fs::read(file).map_err(|error| broken(&error))?;
        Self::parse(&bytes).map_err(|error| broken(&error))
    }

    fn parse(bytes: &[u8]) -> object::Result<Self> {
        let elf = ElfFile32::<object::Endianness>::parse(bytes)?;
        let mut image = Self::default();
        for section in elf.sections() {
            let header = section.elf_section_header();
            let flags = header.sh_flags(elf.endian());
            if flags.0 & SHF_ALLOC.0 == 0 {
                continue;
            }
            if flags.0 & SHF_WRITE.0 != 0 {
                image.ram += section.size();
            }
            if header.sh_type(elf.endian()) != SHT_NOBITS {
                image.flash += section.size();
            }
        }
        for symbol in elf.symbols().filter(|symbol| symbol.size() > 0) {
            image.symbols.push(Symbol {
                name: symbol.name()?.to_owned(),
                address: symbol.address(),
                size: symbol.size(),
            });
        }
        Ok(image)
    }

    /// The names and sizes of what the program consists of; names are mangled.
    pub(super) fn symbols(&self) -> impl Iterator<Item = (&str, u64)> {
        let symbols = self.symbols.iter();
        symbols.map(|symbol| (symbol.name.as_str(), symbol.size))
    }

    /// Bytes of the functions that copy, fill and compare memory. Several names of one function
    /// count once.
    pub(super) fn memory_functions(&self) -> u64 {
        const NAMES: [&str; 6] = [
            "__aeabi_mem",
            "bcmp",
            "memcmp",
            "memcpy",
            "memmove",
            "memset",
        ];
        let is_one = |name: &str| {
            NAMES.iter().any(|known| name.starts_with(known))
                || name.contains("compiler_builtins3mem")
        };
        let functions = self.symbols.iter().filter(|symbol| is_one(&symbol.name));
        let by_address: BTreeMap<_, _> = functions
            .map(|symbol| (symbol.address, symbol.size))
            .collect();
        by_address.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGBITS: u32 = 1;
    const STRTAB: u32 = 3;
    const NOBITS: u32 = 8;
    const WRITE: u32 = 1;
    const ALLOC: u32 = 2;

    /// An image with these sections, each a type, flags and a size.
    fn elf(sections: &[[u32; 3]]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x01\x01\x01".to_vec();
        bytes.resize(16, 0);
        let word = u32::to_le_bytes;
        // An executable for Arm, whose section headers follow its header.
        bytes.extend([2, 0, 40, 0]);
        bytes.extend([1, 0, 0, 52, 5 << 24].map(word).as_flattened());
        let count = u16::try_from(sections.len() + 1).expect("few sections");
        let [low, high] = count.to_le_bytes();
        // The last of them holds the names, all empty.
        bytes.extend([52, 0, 32, 0, 0, 0, 40, 0, low, high, low - 1, high]);
        bytes.extend([0; 40]);
        for &[kind, flags, size] in sections {
            bytes.extend(
                [0, kind, flags, 0, 0, size, 0, 0, 4, 0]
                    .map(word)
                    .as_flattened(),
            );
        }
        bytes
    }

    #[test]
    fn variables_with_first_values_are_in_flash_and_in_ram() {
        let sections = [
            [PROGBITS, ALLOC, 1],
            [PROGBITS, ALLOC | WRITE, 20],
            [NOBITS, ALLOC | WRITE, 300],
            [PROGBITS, 0, 4000],
            [STRTAB, 0, 1],
        ];
        let image = Image::parse(&elf(&sections)).expect("an image");
        assert_eq!((image.flash, image.ram), (21, 320));
    }

    #[test]
    fn what_is_no_image_is_an_error() {
        assert!(Image::parse(b"#!/bin/sh").is_err());
    }
}
