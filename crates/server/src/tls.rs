//! TLS for clients, by rustls: the certificate with its key, how sessions resume, and what is negotiated.
//!
//! TLS 1.2 and 1.3, for HTTP/2 and HTTP/1.1. Sessions resume by tickets, so the server remembers none; the keys of tickets change
//! every six hours, and each is good for twelve. Data before the end of the handshake is not taken: it could be
//! sent twice by somebody else.

mod certificate;
mod watch;

pub use certificate::{CertificateError, TlsFiles};

use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use std::sync::{Arc, PoisonError, RwLock};
use watch::Fingerprint;

/// What all TLS listeners share; cloning gives another handle.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    /// The state of the files that were read at the start.
    read: Fingerprint,
    certificate: Arc<CurrentCertificate>,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Loads the certificate. Clients may choose HTTP/1.1, and if `http2` says so, HTTP/2.
    ///
    /// # Errors
    ///
    /// The files hold no certificate with its key, or the machine has no randomness.
    pub(crate) fn open(files: &TlsFiles, http2: bool) -> anyhow::Result<Self> {
        let read = Fingerprint::of(files);
        let certified = files.load()?;
        files.warn_of_validity(&certified);
        let certificate = Arc::new(CurrentCertificate(RwLock::new(Arc::new(certified))));
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?.with_no_client_auth();
        let mut config = builder.with_cert_resolver(Arc::<CurrentCertificate>::clone(&certificate));
        config.ticketer = ring::Ticketer::new()?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        let protocols = [HTTP_2, HTTP_1_1].into_iter().filter(|name| http2 || *name != HTTP_2);
        config.alpn_protocols = protocols.map(<[u8]>::to_vec).collect();
        Ok(Self { files: files.clone(), read, certificate, config: Arc::new(config) })
    }

    /// What each session begins with.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Reads the files again. Handshakes from now on show the new certificate; sessions go on as they are.
    ///
    /// # Errors
    ///
    /// The files hold no certificate with its key, and nothing changes.
    pub(crate) fn reload(&self) -> Result<(), CertificateError> {
        let loaded = self.files.load()?;
        self.files.warn_of_validity(&loaded);
        let mut current = self.certificate.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(loaded);
        Ok(())
    }
}

/// The certificate that handshakes show.
#[derive(Debug)]
struct CurrentCertificate(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

const HTTP_2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

#[cfg(test)]
mod tests;
