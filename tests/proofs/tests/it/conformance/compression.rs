//! `Content-Encoding`: only when compressed.

use expect_test::expect;

use crate::{check, check_each};

/// `gzip`, `deflate` (zlib-wrapped).
#[test]
fn a_body_that_shrinks_is_compressed() {
    check_each(
        "flush_at=2 compression=@
         0  capture a pad=200
         0  capture b pad=200
         0  poll
         0  show b event timestamp",
        ["gzip", "deflate"],
        expect![[r#"
            0 send #1 batch[a,b]
            0 event="b" timestamp="1970-01-01T00:00:00.000Z""#]],
    );
    check(
        "flush_at=1 compression=deflate
         0  capture a pad=200
         0  poll
         0  header content-encoding",
        expect![[r#"
            0 send #1 batch[a]
            0 content-encoding: deflate"#]],
    );
}

/// One small event is compressed, too: that is what was asked for.
#[test]
fn a_single_event_is_compressed() {
    check(
        "flush_at=1 compression=gzip
         0  capture test_event
         0  poll
         0  header content-encoding",
        expect![[r#"
            0 send #1 batch[test_event]
            0 content-encoding: gzip"#]],
    );
    check(
        "capture_mode=v0 flush_at=1 compression=gzip
         0  capture test_event
         0  poll
         0  header content-encoding",
        expect![[r#"
            0 send #1 batch[test_event]
            0 content-encoding: gzip"#]],
    );
}

/// Without compression there is no `Content-Encoding`; a host that cannot do zstd sends the body as
/// it is.
#[test]
fn an_uncompressed_body_has_no_encoding() {
    check_each(
        "flush_at=1 compression=@
         0  capture a
         0  poll
         0  header content-encoding",
        ["none", "identity", "zstd"],
        expect![[r#"
            0 send #1 batch[a]
            0 content-encoding: none"#]],
    );
}

/// V0 has gzip only.
#[test]
fn v0_refuses_deflate_and_zstd() {
    check_each(
        "capture_mode=v0 compression=@
         0  poll",
        ["deflate", "zstd"],
        expect!["refused: deflate and zstd need capture_mode v1"],
    );
}
