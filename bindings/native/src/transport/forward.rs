//! Requests to an `http://` host through a proxy that forwards them. Their request line names the
//! whole URL (RFC 9112, section 3.2.2). Proxies expect that for `http://`; many allow tunnels to
//! port 443 only.

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Makes connections whose request lines begin with `origin`.
#[derive(Debug)]
pub(crate) struct AbsoluteForm {
    /// `http://host[:port]`.
    pub(crate) origin: String,
}

impl<In: Transport> Connector<In> for AbsoluteForm {
    type Out = Forwarding<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(|transport| Forwarding {
            transport,
            origin: self.origin.clone(),
            is_at_head: true,
        }))
    }
}

/// A connection to a forwarding proxy.
#[derive(Debug)]
pub(crate) struct Forwarding<T> {
    transport: T,
    origin: String,
    /// Whether the next output begins a request.
    is_at_head: bool,
}

impl<T: Transport> Transport for Forwarding<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let mut amount = amount;
        if std::mem::take(&mut self.is_at_head) {
            let output = self.transport.buffers().output();
            amount = insert_origin(output, amount, &self.origin)
                .ok_or_else(|| ureq::Error::Other("the request's head is too large".into()))?;
        }
        self.transport.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        // The library reads only after it has sent a whole request, so the next output begins
        // another.
        self.is_at_head = true;
        self.transport.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.transport.is_open()
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
    }
}

/// Turns `POST /path …`, the first `len` bytes of `output`, into `POST http://host/path …`. Returns
/// the new length; `None` if it does not fit.
fn insert_origin(output: &mut [u8], len: usize, origin: &str) -> Option<usize> {
    let method = output.get(..len)?.iter().position(|byte| *byte == b' ')? + 1;
    let path = method + origin.len();
    let end = len + origin.len();
    if output.get(method) != Some(&b'/') || end > output.len() {
        return None;
    }
    output.copy_within(method..len, path);
    output
        .get_mut(method..path)?
        .copy_from_slice(origin.as_bytes());
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_line_names_the_whole_url() {
        let mut output = *b"POST /i?x HTTP/1.1\r\nhost: a\r\n..........";
        let len = output.len() - 10;
        let new = insert_origin(&mut output, len, "http://a:1");
        assert_eq!(new, Some(output.len()), "it just fits");
        assert_eq!(&output, b"POST http://a:1/i?x HTTP/1.1\r\nhost: a\r\n");
        assert_eq!(insert_origin(&mut output, len, "http://a:1"), None, "twice");
        let mut output = *b"POST / HTTP/1.1..";
        assert_eq!(
            insert_origin(&mut output, 15, "http://a:1"),
            None,
            "no room"
        );
    }
}
