//! What all endpoints of the settings `listen` and `admin_listen` come to: addresses, each once and with its scheme.

use super::{ConfigError, Endpoint, Listen, Settings, faults::Faults, listen::LISTEN};
use crate::socket::Scheme;

/// The addresses for clients, and those for operators.
pub(super) fn all(
    settings: &Settings,
    has_certificate: bool,
    faults: &mut Faults,
) -> (Vec<Listen>, Vec<Listen>) {
    let listens = match &settings.listen {
        Some(endpoints) => resolve("listen", endpoints, has_certificate, faults),
        None => vec![Listen { scheme: scheme(has_certificate), address: LISTEN, name: None }],
    };
    let endpoints = settings.admin_listen.as_deref().unwrap_or_default();
    let admin_listens = resolve("admin_listen", endpoints, has_certificate, faults);
    for admin_listen in &admin_listens {
        let is_same = |listen: &Listen| listen.address == admin_listen.address;
        if admin_listen.address.port() != 0 && listens.iter().any(is_same) {
            let given = admin_listen.to_string();
            faults.push(ConfigError::value("admin_listen", &given, OTHERS));
        }
    }
    (listens, admin_listens)
}

/// The addresses of all endpoints, each once. They speak TLS if there is a certificate, unless they say otherwise.
fn resolve(
    key: &'static str,
    endpoints: &[Endpoint],
    has_certificate: bool,
    faults: &mut Faults,
) -> Vec<Listen> {
    let mut listens: Vec<Listen> = Vec::new();
    for endpoint in endpoints {
        if endpoint.scheme() == Some(Scheme::Https) && !has_certificate {
            let given = endpoint.to_string();
            faults.push(ConfigError::value(key, &given, WITH_CERTIFICATE));
        }
        let resolved = endpoint.resolve(scheme(has_certificate)).unwrap_or_else(|cause| {
            faults.push(ConfigError::Unresolved { key, endpoint: endpoint.to_string(), cause });
            Vec::new()
        });
        for listen in resolved {
            // Port 0 is another one each time.
            let is_free = listen.address.port() == 0;
            let is_same =
                |other: &Listen| other.address == listen.address && other.scheme == listen.scheme;
            if is_free || !listens.iter().any(is_same) {
                listens.push(listen);
            }
        }
    }
    listens
}

fn scheme(has_certificate: bool) -> Scheme {
    if has_certificate { Scheme::Https } else { Scheme::Http }
}

const OTHERS: &str = "another address than those of listen: one port has either the routes for clients or also those for operators";

const WITH_CERTIFICATE: &str = "given with tls_certificate and tls_key, or without https://";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_certificate_an_address_speaks_tls_unless_it_says_otherwise() {
        let endpoints: Vec<Endpoint> = ["80", "http://81", "HTTPS://127.0.0.1:82", "https://80"]
            .map(|text| text.parse().unwrap())
            .into();
        let urls = |has_certificate| {
            let mut faults = Faults::default();
            let listens = resolve("listen", &endpoints, has_certificate, &mut faults);
            let urls =
                listens.iter().map(|listen| format!("{}://{}", listen.scheme, listen.address));
            faults.finish(urls.collect::<Vec<_>>())
        };
        assert_eq!(
            urls(true).unwrap(),
            ["https://127.0.0.1:80", "http://127.0.0.1:81", "https://127.0.0.1:82"]
        );
        let errors = urls(false).unwrap_err().to_string();
        let expected = "listen is https://127.0.0.1:82; it has to be given with tls_certificate";
        assert!(errors.contains(expected) && errors.contains("2 errors"), "{errors}");
    }
}
