//! `cargo sizes`: what hoglet costs, in bytes, and what it may.

mod attribution;
mod budget;
mod elf;
pub mod firmware;
mod measure;
mod report;

use hoglet_verify::Workspace;

pub use attribution::Attribution;
pub use measure::FULL;
pub use report::Report;

/// Something measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What.
    pub name: String,
    /// How much of it.
    pub bytes: u64,
}

impl Figure {
    fn new(name: impl Into<String>, bytes: u64) -> Self {
        let name = name.into();
        Self { name, bytes }
    }
}

/// Builds and measures everything; what the firmware takes of its stack only `with_qemu`. An error
/// holds what a build printed, or why the firmware did not do its job.
pub fn measure(with_qemu: bool) -> Result<Report, String> {
    let workspace = Workspace::find()?;
    let compiler = workspace.run_well("rustc --version")?;
    let figures = [
        measure::probe(&workspace)?,
        measure::features(&workspace)?,
        measure::firmware(&workspace, with_qemu)?,
        measure::wasm(&workspace)?,
    ];
    Ok(Report::new(compiler.trim(), figures.concat()))
}

/// Measures only the program that calls all of a device's API.
pub fn measure_device() -> Result<Report, String> {
    let workspace = Workspace::find()?;
    let compiler = workspace.run_well("rustc --version")?;
    let figures = measure::probe(&workspace)?;
    Ok(Report::new(compiler.trim(), figures))
}

/// What a device's code with these features of hoglet consists of, file by file and function by
/// function.
pub fn functions(features: &str) -> Result<Attribution, String> {
    measure::functions(&Workspace::find()?, features)
}
