//! TLS for `https` servers: rustls by `ring`, with the certificates that the platform trusts.
//!
//! `ring`, since what reqwest brings by default is a C library that takes a minute to compile.

use rustls::{ClientConfig, Error, RootCertStore, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::sync::Arc;

/// How servers are verified. Without certificates of the platform, no server can be.
///
/// # Errors
///
/// The platform has no certificates, and `is_needed`.
pub(crate) fn config(is_needed: bool) -> Result<ClientConfig, Error> {
    let builder = || {
        let provider = Arc::new(ring::default_provider());
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
    };
    match builder()?.with_platform_verifier() {
        Ok(config) => Ok(config.with_no_client_auth()),
        Err(error) if is_needed => Err(error),
        // A machine without certificates can verify no server over TLS, but plain HTTP works.
        Err(_) => {
            Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
        }
    }
}
