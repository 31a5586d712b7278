//! Builds what is measured, and measures it.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use hoglet_verify::Workspace;

use super::Figure;
use super::elf::Image;
use crate::firmware::Firmware;
use capture_server::{Fault, Options, Server};

/// A Cortex-M0 and a Cortex-M4.
const TARGETS: [&str; 2] = ["thumbv6m", "thumbv7em"];
const PROBE: &str = "cargo build --quiet -p size-probe --profile small \
                     --target thumbv6m-none-eabi --target thumbv7em-none-eabi";

const WASM: &str = "bindings/js/pkg/hoglet_wasm_bg.wasm";
/// What wasm-bindgen wrote, and what calls it.
const SCRIPTS: [&str; 2] = ["bindings/js/pkg/hoglet_wasm.js", "bindings/js/src/node.mjs"];

/// What hoglet adds to a firmware image that captures and delivers, and the types it keeps in memory.
pub(super) fn probe(workspace: &Workspace) -> Result<Vec<Figure>, String> {
    workspace.run_well(PROBE)?;
    let plain = probes(workspace)?;
    workspace.run_well(&format!("{PROBE} --features gzip"))?;
    let gzip = probes(workspace)?;

    let mut figures = Vec::new();
    for ((target, plain), gzip) in TARGETS.into_iter().zip(&plain).zip(&gzip) {
        let [added_code, added_ram] = [(gzip.code, plain.code), (gzip.ram, plain.ram)]
            .map(|(with, without)| with.saturating_sub(without));
        figures.extend([
            Figure::new(format!("{target}: code, V1"), plain.code),
            Figure::new(format!("{target}: code, V1 and gzip"), gzip.code),
            Figure::new(format!("{target}: code of gzip"), added_code),
            Figure::new(format!("{target}: code of panics"), gzip.panics),
            Figure::new(format!("{target}: RAM beside the arena, V1"), plain.ram),
            Figure::new(
                format!("{target}: RAM beside the arena, V1 and gzip"),
                gzip.ram,
            ),
            Figure::new(format!("{target}: RAM of gzip"), added_ram),
        ]);
    }
    // Both targets have 32 bits.
    let types = gzip
        .into_iter()
        .next()
        .map(|probe| probe.types)
        .unwrap_or_default();
    figures.extend(types);
    Ok(figures)
}

/// What was built for one target.
struct Probe {
    code: u64,
    ram: u64,
    /// What of the standard library only panics use: there is none where the compiler sees that nothing can panic.
    panics: u64,
    types: Vec<Figure>,
}

fn probes(workspace: &Workspace) -> Result<Vec<Probe>, String> {
    TARGETS
        .iter()
        .map(|target| Probe::read(&workspace.target().join(format!("{target}-none-eabi/small"))))
        .collect()
}

impl Probe {
    fn read(folder: &Path) -> Result<Self, String> {
        let [client, baseline, types] = ["size-client", "size-baseline", "size-types"]
            .map(|bin| Image::read(&folder.join(bin)));
        let (client, baseline, types) = (client?, baseline?, types?);
        let types = types
            .symbols()
            .filter(|(name, _)| name.starts_with("size of "));
        let mut types: Vec<_> = types.map(|(name, size)| Figure::new(name, size)).collect();
        types.sort_by(|a, b| a.name.cmp(&b.name));
        let known = types.iter().find(|figure| figure.name == "size of Client");
        // It lies on the stack of the probe.
        let object = known.ok_or("size-types has no symbol for Client")?.bytes;
        // The application chooses how large it is.
        let arena = client.symbols().find(|(name, _)| name.contains("STORAGE"));
        let (_, arena) = arena.ok_or("size-client has no symbol for its STORAGE")?;
        let panics = client
            .symbols()
            .filter(|(name, _)| name.contains("panicking"));
        Ok(Self {
            panics: panics.map(|(_, size)| size).sum(),
            code: client.flash.saturating_sub(baseline.flash),
            ram: (client.ram + object).saturating_sub(baseline.ram + arena),
            types,
        })
    }
}

/// A whole device on QEMU: smoltcp, a driver, HTTP, hoglet with gzip. It has to deliver, or its figures mean nothing.
pub(super) fn firmware(workspace: &Workspace, with_qemu: bool) -> Result<Vec<Figure>, String> {
    let firmware = Firmware::build(workspace)?;
    let image = Image::read(firmware.elf())?;
    let mut figures = vec![
        Figure::new("examples/cortex-m: flash", image.flash),
        Figure::new("examples/cortex-m: RAM without the stack", image.ram),
    ];
    if with_qemu {
        let server = Server::start(Options::default())
            .map_err(|error| format!("the capture server: {error}"))?;
        // A retry takes the longest way through the code.
        server.push(Fault::status(503));
        let run = firmware.run(workspace, &server)?;
        let peak = run.peak_stack().filter(|_| run.success);
        let peak = peak.ok_or_else(|| format!("the firmware failed:\n{}", run.console))?;
        figures.push(Figure::new("examples/cortex-m: peak stack", peak));
    }
    Ok(figures)
}

/// The first slice of the JavaScript hosts: Node's. Scripts are measured as they are written, not minified.
pub(super) fn wasm(workspace: &Workspace) -> Result<Vec<Figure>, String> {
    workspace.run_well("wasm/build.sh")?;
    let read =
        |path: &str| fs::read(workspace.file(path)).map_err(|error| format!("{path}: {error}"));
    let wasm = read(WASM)?;
    let scripts = SCRIPTS
        .map(read)
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    let packed = |bytes: &[u8]| gzip_len(bytes).map_err(|error| format!("gzip: {error}"));
    let (wasm_packed, scripts_packed) = (packed(&wasm)?, packed(&scripts)?);
    Ok(vec![
        Figure::new("Node: wasm", length(&wasm)),
        Figure::new("Node: wasm, gzip", wasm_packed),
        Figure::new("Node: JavaScript, gzip", scripts_packed),
        Figure::new("Node: both, gzip", wasm_packed + scripts_packed),
    ])
}

fn gzip_len(bytes: &[u8]) -> io::Result<u64> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(length(&encoder.finish()?))
}

fn length(bytes: &[u8]) -> u64 {
    // 64 bits hold any length.
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
