//! The library's own connections, including tunnels through a proxy.

use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, Transport};

/// Makes connections, and turns an unreadable answer of a proxy to `CONNECT` into an error of
/// connecting. The library would report it like an unreadable answer of the server, although no
/// request has been sent.
#[derive(Debug, Default)]
pub(crate) struct Connecting(DefaultConnector);

impl Connector<()> for Connecting {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let connected = self.0.connect(details, chained);
        connected.map_err(|error| match error {
            ureq::Error::Protocol(error) => ureq::Error::ConnectProxyFailed(error.to_string()),
            other => other,
        })
    }
}
