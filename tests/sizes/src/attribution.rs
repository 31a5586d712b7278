//! What an image's code is for, by its debug information: code is inlined so freely that its
//! symbols say little.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use addr2line::{Context, gimli};
use gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};
use hoglet_verify::Workspace;
use object::read::elf::ElfFile32;
use object::{Object as _, ObjectSection as _};

/// Bytes of code for each function of each file. An instruction counts for the innermost function
/// of hoglet that it was inlined from; where there is none, for the probe's.
#[derive(Debug, Default)]
pub struct Attribution {
    files: BTreeMap<String, BTreeMap<String, u64>>,
}

/// Where hoglet is, and where the probe is.
const HOGLET: &str = "core/src/";
const PROBE: &str = "tests/sizes/probe/src/";

/// What is neither: the runtime, the standard library, `mem*`.
const OTHER: &str = "other";

impl Attribution {
    /// Reads an image that was built with debug information.
    pub(super) fn read(workspace: &Workspace, file: &Path) -> Result<Self, String> {
        let broken = |error: &dyn ToString| format!("{}: {}", file.display(), error.to_string());
        let bytes = fs::read(file).map_err(|error| broken(&error))?;
        let elf =
            ElfFile32::<object::Endianness>::parse(&*bytes).map_err(|error| broken(&error))?;
        let root = workspace.file("").display().to_string();
        Self::of(&elf, &root).map_err(|error| broken(&error))
    }

    fn of(elf: &ElfFile32<'_, object::Endianness>, root: &str) -> Result<Self, gimli::Error> {
        let section = |id: SectionId| {
            let data = elf.section_by_name(id.name());
            let data = data.and_then(|section| section.data().ok()).unwrap_or(&[]);
            Ok::<_, gimli::Error>(EndianSlice::new(data, LittleEndian))
        };
        let context = Context::from_dwarf(Dwarf::load(section)?)?;
        let mut attribution = Self::default();
        let text = elf.section_by_name(".text");
        let code = text.map_or(0..0, |text| text.address()..text.address() + text.size());
        // Instructions have two bytes, or twice two.
        for address in code.step_by(2) {
            let mut frames = context.find_frames(address).skip_all_loads()?;
            let mut found = [const { None }; 2];
            let mut innermost = None;
            while let Some(frame) = frames.next()? {
                let name = frame
                    .function
                    .as_ref()
                    .and_then(|name| name.demangle().ok());
                let name =
                    name.map_or_else(|| "?".to_owned(), |name| without_hash(&name).to_owned());
                let file = frame.location.and_then(|location| location.file);
                let file = file
                    .and_then(|file| file.strip_prefix(root))
                    .unwrap_or_default();
                for (place, known) in found.iter_mut().zip([HOGLET, PROBE]) {
                    if place.is_none() && file.starts_with(known) {
                        *place = Some((file.to_owned(), name.clone()));
                    }
                }
                innermost.get_or_insert((OTHER.to_owned(), name));
            }
            let [hoglet, probe] = found;
            let (file, name) = hoglet.or(probe).or(innermost).unwrap_or_default();
            let file = attribution.files.entry(file).or_default();
            *file.entry(name).or_default() += 2;
        }
        Ok(attribution)
    }

    /// Bytes of the probe's own code.
    pub(super) fn probe(&self) -> u64 {
        let files = self.files.iter();
        let probe = files.filter(|(file, _)| file.starts_with(PROBE));
        probe.flat_map(|(_, functions)| functions.values()).sum()
    }
}

impl fmt::Display for Attribution {
    /// Files and functions, the largest first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = self.files.iter();
        let files = files.map(|(file, functions)| (functions.values().sum(), file, functions));
        let mut files: Vec<(u64, _, _)> = files.collect();
        files.sort_unstable_by(|a, b| b.cmp(a));
        for (bytes, file, functions) in files {
            writeln!(f, "{bytes:>6}  {file}")?;
            let mut functions: Vec<_> = functions
                .iter()
                .map(|(name, bytes)| (bytes, name))
                .collect();
            functions.sort_unstable_by(|a, b| b.cmp(a));
            for (bytes, name) in functions {
                writeln!(f, "  {bytes:>6}  {name}")?;
            }
        }
        Ok(())
    }
}

/// A function's name, without what tells it from others of the same name.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 => name,
        _ => name,
    }
}
