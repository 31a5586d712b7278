//! Answers to requests that the server has not read to the end. A server that refuses a request by
//! its head (401, 413) may answer and close at once; the rest of the body then cannot be sent, but
//! the answer is there to read.

use std::io::ErrorKind;

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Makes connections whose answers are read although a request could not be sent whole.
#[derive(Debug)]
pub(crate) struct EarlyAnswers;

impl<In: Transport> Connector<In> for EarlyAnswers {
    type Out = Early<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(|transport| Early {
            transport,
            broken: None,
            is_closed: false,
        }))
    }
}

/// A connection that is read after a write has failed.
#[derive(Debug)]
pub(crate) struct Early<T> {
    transport: T,
    /// Why the rest of the request is not sent, until it is clear that there is no answer.
    broken: Option<ureq::Error>,
    is_closed: bool,
}

impl<T: Transport> Transport for Early<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if self.is_closed {
            return Ok(());
        }
        match self.transport.transmit_output(amount, timeout) {
            Err(error) if is_closed_by_peer(&error) => {
                self.is_closed = true;
                self.broken = Some(error);
                Ok(())
            }
            sent => sent,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        match self.transport.await_input(timeout) {
            Ok(false) | Err(_) if self.broken.is_some() => {
                // What failed first says more than that nothing came.
                self.broken.take().map_or(Ok(false), Err)
            }
            read => read,
        }
    }

    fn is_open(&mut self) -> bool {
        !self.is_closed && self.transport.is_open()
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
    }
}

fn is_closed_by_peer(error: &ureq::Error) -> bool {
    let ureq::Error::Io(error) = error else {
        return false;
    };
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
    )
}
