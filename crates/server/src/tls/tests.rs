//! Certificates as files: what is wrong with them, and what happens when they change.

use super::{watch::Watch, *};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

#[test]
fn what_is_wrong_with_the_files_is_said_with_what_has_to_be_there() {
    let folder = Folder::new();
    let (certificate, key) = self_signed(2_000, 3_000);
    let (_, other) = self_signed(2_000, 3_000);
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    let not_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (certificate, key, expected) in [
        (&*certificate, &*other, "which is not the key of the first certificate in"),
        ("", &key, "which holds no certificate; it has to be a PEM file with a section BEGIN"),
        (&key, &key, "which holds no certificate; it has to be"),
        (broken, &key, "which holds no certificate that can be read ("),
        (not_der, &key, "which holds no certificate that can be read ("),
        (&certificate, "", "which holds no key that can be used; it has to be a PEM file with"),
        (&certificate, &certificate, "which holds no key that can be used"),
        (&certificate, &encrypted, "EC PRIVATE KEY: RSA from 2048 bits on, P-256, P-384 or"),
    ] {
        folder.write(certificate, key);
        let error = folder.files.load().unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!error.contains(key.lines().nth(1).unwrap_or("-----")), "{error}");
    }
    folder.write(&certificate, &key);
    folder.files.load().unwrap();
    fs::remove_file(&folder.files.key).unwrap();
    let error = folder.files.load().unwrap_err().to_string();
    assert!(
        error.contains("tls_key is ") && error.contains("which cannot be read: No such"),
        "{error}"
    );
}

#[test]
fn a_certificate_that_changes_is_taken_and_one_that_is_bad_changes_nothing() {
    let folder = Folder::new();
    let (certificate, key) = self_signed(2_000, 3_000);
    folder.write(&certificate, &key);
    let tls = Tls::open(&folder.files, true).unwrap();
    let shown = || tls.certificate.0.read().unwrap().cert.clone();
    let mut watch = Watch::new(tls.clone(), tls.read.clone());
    let first = shown();
    assert!(watch.look().is_none());
    folder.write("nonsense", &key);
    assert!(matches!(watch.look(), Some(Err(CertificateError::NoCertificate { .. }))));
    assert!(watch.look().is_none(), "the same files are tried once");
    assert_eq!(shown(), first);
    let (certificate, key) = self_signed(2_000, 3_000);
    folder.write(&certificate, &key);
    assert!(matches!(watch.look(), Some(Ok(()))));
    assert!(watch.look().is_none());
    assert_ne!(shown(), first);
}

#[test]
fn clients_may_choose_http2_unless_the_configuration_says_otherwise() {
    let folder = Folder::new();
    let (certificate, key) = self_signed(2_000, 3_000);
    folder.write(&certificate, &key);
    for (http2, offered) in [(true, &["h2", "http/1.1"][..]), (false, &["http/1.1"])] {
        let offers = Tls::open(&folder.files, http2).unwrap().config().alpn_protocols.clone();
        assert_eq!(offers, offered.iter().map(|name| name.as_bytes()).collect::<Vec<_>>());
    }
}

/// Files of a certificate in a folder of their own.
struct Folder {
    _folder: TempDir,
    files: TlsFiles,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| -> PathBuf { folder.path().join(name) };
        let files = TlsFiles { certificate: path("certificate.pem"), key: path("key.pem") };
        Self { _folder: folder, files }
    }

    /// New files, as the old ones are removed first: no clock is so coarse that they look alike.
    fn write(&self, certificate: &str, key: &str) {
        for (path, text) in [(&self.files.certificate, certificate), (&self.files.key, key)] {
            let new = path.with_extension("new");
            fs::write(&new, text).unwrap();
            fs::rename(new, path).unwrap();
        }
    }
}

/// A certificate for localhost that is good between two years, and its key.
fn self_signed(from: i32, until: i32) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
    parameters.not_before = date_time_ymd(from, 1, 1);
    parameters.not_after = date_time_ymd(until, 1, 1);
    let certificate = parameters.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}
