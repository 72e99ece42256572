//! The files of a certificate and of its key, and everything that may be wrong with them.
//!
//! An error about the key's file never repeats anything of it.

use rustls::{
    Error, InconsistentKeys,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer, UnixTime,
        pem::{self, PemObject as _},
    },
    sign::CertifiedKey,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};
use webpki::{EndEntityCert, KeyUsage};

/// Where the certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, and after it those between it and a root: PEM.
    pub certificate: PathBuf,
    /// The key of the first of them: PEM.
    pub key: PathBuf,
}

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{setting} is {}, which cannot be read: {cause}", path.display())]
    Unreadable {
        /// Which setting named it.
        setting: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// The file of the certificate has none.
    #[error(
        "tls_certificate is {}, which holds no certificate{cause}; it has to be a PEM file with a \
         section BEGIN CERTIFICATE, the server's own certificate first",
        path.display()
    )]
    NoCertificate {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, as far as that is known.
        cause: String,
    },
    /// The file of the key has none that can be used.
    #[error(
        "tls_key is {}, which holds no key that can be used; it has to be a PEM file with a section \
         BEGIN PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY: RSA from 2048 bits on, P-256, P-384 \
         or Ed25519, not encrypted",
        path.display()
    )]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
    /// The two do not belong together.
    #[error(
        "tls_key is {}, which is not the key of the first certificate in {}; both have to be of the \
         same certificate, and the server's own has to come first",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// Whether a certificate is good at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Validity {
    Valid,
    /// For so long.
    Expired(Duration),
    /// It will be, after so long.
    NotYet(Duration),
}

impl TlsFiles {
    /// Reads both.
    ///
    /// # Errors
    ///
    /// They are not a certificate with its key.
    pub(crate) fn load(&self) -> Result<CertifiedKey, CertificateError> {
        let certificates = self.certificates()?;
        let no_key = || CertificateError::NoKey { path: self.key.clone() };
        let key = PrivateKeyDer::from_pem_slice(&read("tls_key", &self.key)?);
        let key = key.map_err(|_| no_key())?;
        let certified = CertifiedKey::from_der(certificates, key, &ring::default_provider());
        certified.map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => CertificateError::Mismatch {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            },
            Error::InvalidCertificate(cause) => CertificateError::NoCertificate {
                path: self.certificate.clone(),
                cause: format!(" that can be read ({cause})"),
            },
            _ => no_key(),
        })
    }

    /// Logs a warning if a certificate is out of its time.
    pub(super) fn warn_of_validity(&self, certified: &CertifiedKey) {
        let Some(own) = certified.cert.first() else { return };
        let path = self.certificate.display();
        match validity(own, UnixTime::now()) {
            Validity::Valid => {}
            Validity::Expired(ago) => tracing::warn!(
                "the certificate {path} expired {} ago: clients refuse it; replace the file, and it is \
                 taken without a restart",
                days(ago)
            ),
            Validity::NotYet(wait) => tracing::warn!(
                "the certificate {path} is not valid before another {} have passed: clients refuse it; \
                 compare this machine's clock",
                days(wait)
            ),
        }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
        let text = read("tls_certificate", &self.certificate)?;
        let none = |cause: String| {
            let path = self.certificate.clone();
            CertificateError::NoCertificate { path, cause }
        };
        let read: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
        let certificates = read.map_err(|cause| none(format!(" that can be read ({cause})")))?;
        if certificates.is_empty() { Err(none(String::new())) } else { Ok(certificates) }
    }
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|cause| {
        let path = path.to_owned();
        CertificateError::Unreadable { setting, path, cause }
    })
}

/// Asks the verifier that clients use, which looks at the time first. It trusts nobody here, so it always has something
/// to say.
fn validity(certificate: &CertificateDer<'_>, now: UnixTime) -> Validity {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Validity::Valid };
    let usage = KeyUsage::server_auth();
    let verified = certificate.verify_for_usage(&[], &[], &[], now, usage, None, None);
    match verified.err() {
        Some(webpki::Error::CertExpired { time, not_after }) => {
            Validity::Expired(between(not_after, time))
        }
        Some(webpki::Error::CertNotValidYet { time, not_before }) => {
            Validity::NotYet(between(time, not_before))
        }
        _ => Validity::Valid,
    }
}

fn between(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}

fn days(time: Duration) -> String {
    match time.as_secs() / (24 * 60 * 60) {
        0 => format!("{} minutes", time.as_secs() / 60),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

    #[test]
    fn a_certificate_out_of_its_time_is_found_whatever_else_it_is() {
        let day = Duration::from_secs(24 * 60 * 60);
        // 2020-01-01 and 2021-01-01.
        let (from, until) = (1_577_836_800, 1_609_459_200);
        for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
            let mut parameters = CertificateParams::new(["a.example".to_owned()]).unwrap();
            (parameters.not_before, parameters.not_after) =
                (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
            parameters.is_ca = is_ca;
            let certificate = parameters.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            let validity = |seconds| validity(certificate.der(), at(seconds));
            assert_eq!(validity(from - day.as_secs()), Validity::NotYet(day));
            assert_eq!(validity(from + 1), Validity::Valid);
            assert_eq!(validity(until + 3 * day.as_secs()), Validity::Expired(3 * day));
        }
        assert_eq!(days(3 * day), "3 days");
        assert_eq!(days(Duration::from_secs(120)), "2 minutes");
    }
}
