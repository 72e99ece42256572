//! The cryptography that `jsonwebtoken` uses here: ring, which rustls has brought into the tree already.
//!
//! ring verifies RSA of 2048 to 8192 bits only, compares in constant time, and checks that a point is on its curve
//! and a key is of its kind.

use jsonwebtoken::{
    self as jwt, DecodingKey, DecodingKeyKind, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature::{self, Signer, Verifier},
};
use ring::{
    error::Unspecified,
    hmac,
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{
        self as schemes, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaEncoding,
        RsaKeyPair, RsaParameters, UnparsedPublicKey, VerificationAlgorithm,
    },
};

/// Has `jsonwebtoken` use ring, in the whole process. If a program has chosen something else before, that is used.
pub(crate) fn install() {
    // An error says that it is installed.
    let _ = PROVIDER.install_default();
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match key.family() == algorithm.family() {
        true => Ok(Box::new(RingSigner { algorithm: *algorithm, key: key.clone() })),
        false => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    verifier_factory: |algorithm, key| match key.family() == algorithm.family() {
        true => Ok(Box::new(RingVerifier { algorithm: *algorithm, key: key.clone() })),
        false => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: |_, _| Err(unsupported()),
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: |_, _| Err(unsupported()),
    },
};

/// Keys are only read here, never made into JWKs.
fn unsupported() -> Error {
    ErrorKind::UnsupportedAlgorithm.into()
}

/// What of ring an algorithm is.
enum Scheme {
    Hmac(hmac::Algorithm),
    Rsa(&'static RsaParameters, &'static dyn RsaEncoding),
    Ec(&'static dyn VerificationAlgorithm, &'static EcdsaSigningAlgorithm),
    Ed,
}

impl Scheme {
    /// `None` for what this version of `jsonwebtoken` does not have yet.
    fn of(algorithm: jwt::Algorithm) -> Option<Self> {
        use jwt::Algorithm;
        Some(match algorithm {
            Algorithm::HS256 => Self::Hmac(hmac::HMAC_SHA256),
            Algorithm::HS384 => Self::Hmac(hmac::HMAC_SHA384),
            Algorithm::HS512 => Self::Hmac(hmac::HMAC_SHA512),
            Algorithm::RS256 => {
                Self::Rsa(&schemes::RSA_PKCS1_2048_8192_SHA256, &schemes::RSA_PKCS1_SHA256)
            }
            Algorithm::RS384 => {
                Self::Rsa(&schemes::RSA_PKCS1_2048_8192_SHA384, &schemes::RSA_PKCS1_SHA384)
            }
            Algorithm::RS512 => {
                Self::Rsa(&schemes::RSA_PKCS1_2048_8192_SHA512, &schemes::RSA_PKCS1_SHA512)
            }
            Algorithm::PS256 => {
                Self::Rsa(&schemes::RSA_PSS_2048_8192_SHA256, &schemes::RSA_PSS_SHA256)
            }
            Algorithm::PS384 => {
                Self::Rsa(&schemes::RSA_PSS_2048_8192_SHA384, &schemes::RSA_PSS_SHA384)
            }
            Algorithm::PS512 => {
                Self::Rsa(&schemes::RSA_PSS_2048_8192_SHA512, &schemes::RSA_PSS_SHA512)
            }
            Algorithm::ES256 => Self::Ec(
                &schemes::ECDSA_P256_SHA256_FIXED,
                &schemes::ECDSA_P256_SHA256_FIXED_SIGNING,
            ),
            Algorithm::ES384 => Self::Ec(
                &schemes::ECDSA_P384_SHA384_FIXED,
                &schemes::ECDSA_P384_SHA384_FIXED_SIGNING,
            ),
            Algorithm::EdDSA => Self::Ed,
            _ => return None,
        })
    }
}

struct RingVerifier {
    algorithm: jwt::Algorithm,
    key: DecodingKey,
}

impl RingVerifier {
    fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), Unspecified> {
        let scheme = Scheme::of(self.algorithm).ok_or(Unspecified)?;
        match (scheme, self.key.kind()) {
            (Scheme::Hmac(algorithm), DecodingKeyKind::SecretOrDer(secret)) => {
                hmac::verify(&hmac::Key::new(algorithm, secret), message, signature)
            }
            (Scheme::Rsa(parameters, _), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                PublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Scheme::Rsa(parameters, _), DecodingKeyKind::SecretOrDer(der)) => {
                UnparsedPublicKey::new(parameters, der).verify(message, signature)
            }
            (Scheme::Ec(algorithm, _), DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(algorithm, point).verify(message, signature)
            }
            (Scheme::Ed, DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(&schemes::ED25519, point).verify(message, signature)
            }
            (_, DecodingKeyKind::RsaModulusExponent { .. }) => Err(Unspecified),
        }
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.check(message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> jwt::Algorithm {
        self.algorithm
    }
}

struct RingSigner {
    algorithm: jwt::Algorithm,
    key: EncodingKey,
}

impl RingSigner {
    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let (key, random) = (self.key.as_bytes(), SystemRandom::new());
        match Scheme::of(self.algorithm)? {
            Scheme::Hmac(algorithm) => {
                Some(hmac::sign(&hmac::Key::new(algorithm, key), message).as_ref().to_vec())
            }
            Scheme::Rsa(_, encoding) => {
                let pair = RsaKeyPair::from_der(key).ok()?;
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Scheme::Ec(_, algorithm) => {
                let pair = EcdsaKeyPair::from_pkcs8(algorithm, key, &random).ok()?;
                Some(pair.sign(&random, message).ok()?.as_ref().to_vec())
            }
            Scheme::Ed => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key).ok()?;
                Some(pair.sign(message).as_ref().to_vec())
            }
        }
    }
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        self.sign(message).ok_or_else(signature::Error::new)
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> jwt::Algorithm {
        self.algorithm
    }
}
