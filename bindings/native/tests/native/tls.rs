//! https against a server with its own certificate, made once with `rcgen` for `localhost` and
//! `127.0.0.1`. The key in this file protects nothing.

use hoglet_native::{CaptureMode, Cause, ClientOptions, Error, Outcome, TransportError};

use crate::tiny::Tiny;
use crate::{client, event, lost};

const CERTIFICATE: &str = include_str!("tls/certificate.pem");

/// Options for `tiny` with a single attempt.
fn options(tiny: &Tiny) -> ClientOptions {
    ClientOptions::new("phc_test")
        .host(&tiny.url)
        .capture_mode(CaptureMode::V0)
        .max_retries(0)
}

#[test]
fn events_go_to_a_server_whose_root_is_trusted() {
    let tiny = Tiny::start_tls(CERTIFICATE);
    let client = client(options(&tiny).root_certificates(CERTIFICATE));
    for _ in 0..3 {
        assert_eq!(
            client.capture_immediate(event("secret")),
            Ok(Outcome::Delivered)
        );
    }
    assert_eq!(tiny.connections(), 1);
}

#[test]
fn no_event_goes_to_a_server_whose_root_is_not() {
    let tiny = Tiny::start_tls(CERTIFICATE);
    let outcome = lost(client(options(&tiny)).capture_immediate(event("secret")));
    let failed = Cause::Transport(TransportError::Tls);
    assert_eq!(outcome, Outcome::Exhausted(failed));
    assert_eq!(tiny.requests(), 0);
}

#[test]
fn roots_that_cannot_be_read_are_refused() {
    let cut = CERTIFICATE.get(..100).expect("it is longer");
    for pem in ["", "a", cut, include_str!("tls/key.pem")] {
        let options = ClientOptions::new("phc_test").root_certificates(pem);
        let refused = hoglet_native::Client::new(options).map(drop);
        assert_eq!(refused, Err(Error::RootCertificates), "{pem}");
    }
}
