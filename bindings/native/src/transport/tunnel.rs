//! Connections as the library makes them, tunnels through a proxy among them.

use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, Transport};

/// Makes connections. A proxy's answer to `CONNECT` that cannot be read is an error of the
/// connecting: the library has the same error for the server's answer to the request, which has not
/// been sent yet.
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
