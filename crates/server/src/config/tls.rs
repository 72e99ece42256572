//! The settings of TLS, which go together: a certificate and its key, both of which can be read.

use super::{ConfigError, Settings, faults::Faults};
use crate::tls::TlsFiles;

/// The files, if both are given and hold what they should. What is wrong with them is found at the start, not at the
/// first handshake.
pub(super) fn files(settings: &Settings, faults: &mut Faults) -> Option<TlsFiles> {
    let (certificate, key) = match (&settings.tls_certificate, &settings.tls_key) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        (None, None) => return None,
        (Some(path), None) => {
            let given = path.display().to_string();
            faults.push(ConfigError::value("tls_certificate", &given, WITH_KEY));
            return None;
        }
        (None, Some(path)) => {
            let given = path.display().to_string();
            faults.push(ConfigError::value("tls_key", &given, WITH_CERTIFICATE));
            return None;
        }
    };
    let files = TlsFiles { certificate, key };
    if let Err(error) = files.load() {
        faults.push(error.into());
    }
    Some(files)
}

const WITH_KEY: &str = "given with tls_key, the file of its key";
const WITH_CERTIFICATE: &str = "given with tls_certificate, the file of the certificate";
