//! What may not grow, and what is still to shrink.

/// The compiler that the budgets were set with. Another makes other code, of which a few percent
/// more or less may come.
pub(super) const COMPILER: &str = "rustc 1.95";

/// A limit on a figure, and where the design (DESIGN section 4) wants it. All are bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    name: &'static str,
    /// More fails the build. Where the target is not met yet this is what there is, rounded up a
    /// little.
    pub(super) limit: u64,
    /// The design's figure, if it names one.
    pub(super) target: Option<u64>,
}

impl Budget {
    /// The budget of the figure of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        BUDGETS.iter().find(|budget| budget.name == name).copied()
    }
}

const fn row(name: &'static str, limit: u64, target: Option<u64>) -> Budget {
    Budget {
        name,
        limit,
        target,
    }
}

const KIB: u64 = 1024;

#[rustfmt::skip]
const BUDGETS: &[Budget] = &[
    row("thumbv6m: code, full",                       15_872, None),
    row("thumbv6m: code, device profile",             13_568, None),
    row("thumbv6m: code of gzip",                      2_048, Some(2 * KIB)),
    // A slice is copied only into one of its length; the compiler does not see it, and keeps a call
    // for the other case.
    row("thumbv6m: code of panics",                       16, None),
    row("thumbv6m: RAM beside the arena, full",        1_024, Some(KIB)),
    row("thumbv6m: RAM of gzip",                       2_048, Some(2 * KIB)),
    row("thumbv7em: code, full",                      14_336, Some(14 * KIB)),
    row("thumbv7em: code, device profile",            11_776, Some(12 * KIB)),
    row("thumbv7em: code of gzip",                     2_048, Some(2 * KIB)),
    row("thumbv7em: code of panics",                      16, None),
    row("thumbv7em: RAM beside the arena, full",       1_024, Some(KIB)),
    row("thumbv7em: RAM of gzip",                      2_048, Some(2 * KIB)),
    row("thumbv7em: feature flags",                   12_288, Some(4 * KIB)),
    row("thumbv7em: feature flag-payloads",           13_056, None),
    row("size of Client",                                480, Some(480)),
    row("size of Request",                                32, Some(128)),
    row("examples/cortex-m: flash",                   59_392, None),
    row("examples/cortex-m: RAM without the stack",    8_704, None),
    row("examples/cortex-m: peak stack",               5_120, None),
    row("wasm, gzip",                                 10_368, Some(8 * KIB)),
    row("wasm without leave, gzip",                    9_344, Some(8 * KIB)),
    row("npm, Node: both, gzip",                      22_016, None),
    row("npm, Workers: both, gzip",                   20_736, Some(20 * KIB)),
];
