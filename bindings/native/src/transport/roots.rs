//! The caller's root certificates, checked.

use crate::types::error::Error;

/// The trusted root certificates.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    #[cfg(feature = "tls")]
    pub(super) config: ureq::tls::TlsConfig,
}

impl Roots {
    /// Parses the caller's certificates; `None` gives Mozilla's.
    #[cfg(feature = "tls")]
    pub(crate) fn new(pem: Option<&[u8]>) -> Result<Self, Error> {
        use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
        let Some(pem) = pem else {
            return Ok(Self::default());
        };
        let certificates: Option<Vec<_>> = parse_pem(pem)
            .map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        let certificates = certificates.filter(|certificates| !certificates.is_empty());
        let roots = RootCerts::from(certificates.ok_or(Error::RootCertificates)?);
        let config = TlsConfig::builder().root_certs(roots).build();
        Ok(Self { config })
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) fn new(pem: Option<&[u8]>) -> Result<Self, Error> {
        pem.map_or(Ok(Self::default()), |_| Err(Error::Feature("tls")))
    }
}
