//! Tokens and keys that others have made: RFC 7515 appendix A, RFC 8037 appendix A.

use tidewire_tokens::{Algorithm, Claims, KeySet, KeySetOrigin, Rules, TokenError, Verifier};

/// Of each token of RFC 7515: `{"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}`.
const EXPIRES_MS: u64 = 1_300_819_380_000;

const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

#[test]
fn the_examples_of_the_rfcs_are_accepted() {
    for (key, header, signature) in EXAMPLES {
        let verifier = verifier(key);
        let token = format!("{header}.{CLAIMS}.{signature}");
        let claims = Claims { expires_ms: EXPIRES_MS, ..Claims::default() };
        assert_eq!(verifier.verify(&token, EXPIRES_MS - 1), Ok(claims), "{key}");
        assert_eq!(verifier.verify(&token, EXPIRES_MS), Err(TokenError::Expired));
    }
}

/// RFC 8037 A.4 signs a text that is no token, so its signature is accepted and its claims are not.
#[test]
fn the_example_of_ed25519_is_accepted() {
    let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
        hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(verifier(key).verify(token, 0), Err(TokenError::NotJson { part: "claims" }));
    let changed = token.replacen(".hgyY", ".hgyZ", 1);
    assert_eq!(verifier(key).verify(&changed, 0), Err(TokenError::BadSignature));
}

fn verifier(key: &str) -> Verifier {
    let set = format!(r#"{{"keys":[{key}]}}"#);
    let usual: [Algorithm; 0] = [];
    let set = KeySet::parse(set.as_bytes(), &usual, KeySetOrigin::File).unwrap();
    Verifier::new(Rules::default(), set.keys)
}

const EXAMPLES: [(&str, &str, &str); 3] = [
    (
        r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ),
    (
        r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#,
        "eyJhbGciOiJSUzI1NiJ9",
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    ),
    (
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        "eyJhbGciOiJFUzI1NiJ9",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
];
