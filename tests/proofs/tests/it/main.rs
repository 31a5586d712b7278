//! The core, proved from outside.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

mod answers;
mod capturing;
mod clocks;
mod config;
mod conformance;
mod exhaustive;
mod flags;
mod golden;
mod laws;
mod leaving;
mod outages;
mod panics;
mod refused;
mod refused_json;
mod sizes;

use std::fmt::Display;

use expect_test::Expect;
use proofs::script::Script;

/// Runs `script` on the core with every law asserted, and compares the trace.
#[expect(
    clippy::needless_pass_by_value,
    reason = "`expect!` reads best in place"
)]
fn check(script: &str, expect: Expect) {
    expect.assert_eq(&trace(script));
}

/// Runs `template` with each of `values` in place of `@`. All must lead to the same, but for the
/// value itself, which shows as `(@)` where it stands in brackets.
#[expect(
    clippy::needless_pass_by_value,
    reason = "`expect!` reads best in place"
)]
fn check_each<T: Display, const N: usize>(template: &str, values: [T; N], expect: Expect) {
    let traces = values.map(|value| {
        let trace = trace(&template.replace('@', &value.to_string()));
        (trace.replace(&format!("({value})"), "(@)"), value)
    });
    let [(first, _), ..] = &traces[..] else {
        panic!("no values")
    };
    for (trace, value) in &traces {
        assert_eq!(trace, first, "with {value}");
    }
    expect.assert_eq(first);
}

/// How an answer's body is cut into pieces must make no difference.
fn trace(script: &str) -> String {
    let script = Script::new(script);
    let trace = script.run_on_core();
    for pieces in ["1", "7"] {
        let in_pieces = script.clone().with("pieces", pieces).run_on_core();
        assert_eq!(in_pieces, trace, "in pieces of {pieces}");
    }
    trace
}
