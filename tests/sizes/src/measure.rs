//! Builds what is measured, and measures it.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use hoglet_verify::Workspace;

use super::Figure;
use super::attribution::Attribution;
use super::elf::Image;
use crate::firmware::Firmware;
use capture_server::{Fault, Options, Server};

/// A Cortex-M0 and a Cortex-M4.
const TARGETS: [&str; 2] = ["thumbv6m", "thumbv7em"];

/// The features of hoglet in a device's whole API, beside which nothing costs anything unless it is
/// used.
pub const FULL: &str = "hoglet/drop-oldest,hoglet/http-date,hoglet/nested,hoglet/park,\
                    hoglet/persons,hoglet/placeholders";

/// Every feature that a device can have, each measured alone on top of the device profile, which
/// has none.
const FEATURES: [&str; 15] = [
    "details",
    "drop-oldest",
    "flag-payloads",
    "flags",
    "float",
    "gzip",
    "http-date",
    "leave",
    "nested",
    "os",
    "park",
    "persons",
    "placeholders",
    "text",
    "v0",
];

const WASM: &str = "hoglet_wasm_bg.wasm";

/// What hoglet adds to a firmware image that captures and delivers, and the types it keeps in
/// memory.
pub(super) fn probe(workspace: &Workspace) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    let mut types = Vec::new();
    for target in TARGETS {
        let build = |features: &str| Probe::build(workspace, target, features);
        let stock = build(FULL)?;
        let full = build(&format!("small-mem,{FULL}"))?;
        let gzip = build(&format!("small-mem,gzip,{FULL}"))?;
        let device = build("small-mem")?;
        let figure = |name: &str, bytes| Figure::new(format!("{target}: {name}"), bytes);
        figures.extend([
            figure("code, full", full.code),
            figure("code, device profile", device.code),
            figure("the probe's own code, beside full", full.own),
            figure("mem*, small, beside full", full.memory),
            figure("mem* of compiler_builtins, beside full", stock.memory),
            figure(
                "code, full, with both",
                stock.code + stock.memory + stock.own,
            ),
            figure("code of gzip", gzip.code.saturating_sub(full.code)),
            figure("code of panics", gzip.panics),
            figure("RAM beside the arena, full", full.ram),
            figure("RAM of gzip", gzip.ram.saturating_sub(full.ram)),
        ]);
        // Both targets have 32 bits.
        types = gzip.types;
    }
    figures.extend(types);
    Ok(figures)
}

/// What each feature costs on a Cortex-M4 that has no other, and uses it.
pub(super) fn features(workspace: &Workspace) -> Result<Vec<Figure>, String> {
    let build = |features: &str| Probe::build(workspace, "thumbv7em", features);
    let without = build("small-mem")?;
    let cost = |feature| {
        let with = build(&format!("small-mem,{feature}"))?;
        let bytes = with.code.saturating_sub(without.code);
        Ok(Figure::new(format!("thumbv7em: feature {feature}"), bytes))
    };
    FEATURES.into_iter().map(cost).collect()
}

/// The functions that a device with these features consists of, on a Cortex-M4.
pub(super) fn functions(workspace: &Workspace, features: &str) -> Result<Attribution, String> {
    Ok(Probe::build(workspace, "thumbv7em", &format!("small-mem,{features}"))?.attribution)
}

/// What was built for one target with one set of features.
struct Probe {
    /// What the program has on top of one without hoglet, apart from `mem*` and its own code.
    code: u64,
    /// `mem*`, whoever calls it.
    memory: u64,
    /// What of the code is the probe's own.
    own: u64,
    ram: u64,
    /// What of the standard library only panics use: there is none where the compiler sees that
    /// nothing can panic.
    panics: u64,
    types: Vec<Figure>,
    attribution: Attribution,
}

impl Probe {
    fn build(workspace: &Workspace, target: &str, features: &str) -> Result<Self, String> {
        workspace.run_well(&format!(
            "cargo build --quiet -p size-probe --profile small --config profile.small.debug=2 \
             --target {target}-none-eabi --features {features}"
        ))?;
        let folder = workspace.target().join(format!("{target}-none-eabi/small"));
        Self::read(workspace, &folder)
    }

    fn read(workspace: &Workspace, folder: &Path) -> Result<Self, String> {
        let [full, baseline, types] =
            ["size-full", "size-baseline", "size-types"].map(|bin| Image::read(&folder.join(bin)));
        let (full, baseline, types) = (full?, baseline?, types?);
        let attribution = Attribution::read(workspace, &folder.join("size-full"))?;
        let types = types
            .symbols()
            .filter(|(name, _)| name.starts_with("size of "));
        let mut types: Vec<_> = types.map(|(name, size)| Figure::new(name, size)).collect();
        types.sort_by(|a, b| a.name.cmp(&b.name));
        let known = types.iter().find(|figure| figure.name == "size of Client");
        // It lies on the stack of the probe.
        let object = known.ok_or("size-types has no symbol for Client")?.bytes;
        // The application chooses how large it is.
        let arena = full.symbols().find(|(name, _)| name.contains("STORAGE"));
        let (_, arena) = arena.ok_or("size-full has no symbol for its STORAGE")?;
        let panics = full
            .symbols()
            .filter(|(name, _)| name.contains("panicking"));
        let code = |image: &Image| image.flash.saturating_sub(image.memory_functions());
        let own = attribution.probe();
        Ok(Self {
            code: code(&full).saturating_sub(code(&baseline) + own),
            memory: full.memory_functions(),
            own,
            panics: panics.map(|(_, size)| size).sum(),
            ram: (full.ram + object).saturating_sub(baseline.ram + arena),
            types,
            attribution,
        })
    }
}

/// A whole device on QEMU: smoltcp, a driver, HTTP, hoglet with gzip. It has to deliver, or its
/// figures mean nothing.
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

/// The wasm that captures V1, as small as it gets; and what a program in Node or in a Worker weighs
/// with the npm package, minified.
pub(super) fn wasm(workspace: &Workspace) -> Result<Vec<Figure>, String> {
    let build = |name: &str, features: &str| {
        let folder = workspace.target().join(name);
        let path = folder.to_string_lossy();
        workspace.run_well(format!("wasm/build.sh {path} {features}").trim_end())?;
        fs::read(folder.join(WASM)).map_err(|error| format!("{path}: {error}"))
    };
    let least = build("wasm-without-leave", "--no-default-features")?;
    let wasm = build("wasm-lean", "")?;
    let packed = |bytes: &[u8]| gzip_len(bytes).map_err(|error| format!("gzip: {error}"));
    let mut figures = vec![
        Figure::new("wasm", length(&wasm)),
        Figure::new("wasm, gzip", packed(&wasm)?),
        Figure::new("wasm without leave, gzip", packed(&least)?),
    ];
    workspace.run_well("bindings/js/build.sh")?;
    let listed = workspace.run_well("node bindings/js/size.mjs")?;
    for line in listed.lines() {
        let figure = |(name, sizes): (&str, &str)| {
            let mut sizes = sizes.split_whitespace().map(str::parse);
            let (Some(Ok(_)), Some(Ok(gzip))) = (sizes.next(), sizes.next()) else {
                return None;
            };
            Some(Figure::new(format!("npm, {name}, gzip"), gzip))
        };
        let found = line.rsplit_once(": ").and_then(figure);
        figures.push(found.ok_or_else(|| format!("size.mjs says {line:?}"))?);
    }
    Ok(figures)
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
