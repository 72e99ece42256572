//! What all endpoints of the settings `listen` and `admin_listen` come to: addresses, each once and with its scheme.

use super::{
    Config, ConfigError, Endpoint, Listen, Opening, Settings, faults::Faults, listen::LISTEN,
};
use crate::socket::Scheme;

/// The addresses for clients, and those for operators.
pub(super) fn all(
    settings: &Settings,
    has_certificate: bool,
    faults: &mut Faults,
) -> (Vec<Listen>, Vec<Listen>) {
    let has_proxies =
        settings.trusted_proxies.as_ref().is_some_and(|proxies| !proxies.0.is_empty());
    let has = Has { certificate: has_certificate, proxies: has_proxies };
    let (scheme, opening) = (has.scheme(), Opening::Direct);
    let listens = match &settings.listen {
        Some(endpoints) => resolve("listen", endpoints, has, faults),
        None => vec![Listen { scheme, opening, address: LISTEN, name: None }],
    };
    let endpoints = settings.admin_listen.as_deref().unwrap_or_default();
    let admin_listens = resolve("admin_listen", endpoints, has, faults);
    for admin_listen in &admin_listens {
        let is_same = |listen: &Listen| listen.address == admin_listen.address;
        if admin_listen.address.port() != 0 && listens.iter().any(is_same) {
            let given = admin_listen.to_string();
            faults.push(ConfigError::value("admin_listen", &given, OTHERS));
        }
    }
    (listens, admin_listens)
}

/// The addresses on which a server listens since its start: a reload changes none, and asks for no name again.
pub(super) fn kept(
    start: &Config,
    settings: &Settings,
    faults: &mut Faults,
) -> (Vec<Listen>, Vec<Listen>) {
    let (listens, admin_listens) = (start.listen.clone(), start.admin_listen.clone());
    let has_proxies = settings.trusted_proxies.as_ref().is_some_and(|it| !it.0.is_empty());
    for (key, listens) in [("listen", &listens), ("admin_listen", &admin_listens)] {
        let is_for_proxies = |listen: &&Listen| listen.opening == Opening::ProxyHeader;
        for listen in listens.iter().filter(is_for_proxies).filter(|_| !has_proxies) {
            let given = format!("proxy+{}://{listen}", listen.scheme);
            faults.push(ConfigError::value(key, &given, WITH_PROXIES));
        }
    }
    (listens, admin_listens)
}

/// The addresses of all endpoints, each once. They speak TLS if there is a certificate, unless they say otherwise.
fn resolve(
    key: &'static str,
    endpoints: &[Endpoint],
    has: Has,
    faults: &mut Faults,
) -> Vec<Listen> {
    let mut listens: Vec<Listen> = Vec::new();
    for endpoint in endpoints {
        if endpoint.scheme() == Some(Scheme::Https) && !has.certificate {
            let given = endpoint.to_string();
            faults.push(ConfigError::value(key, &given, WITH_CERTIFICATE));
        }
        if endpoint.opening() == Opening::ProxyHeader && !has.proxies {
            faults.push(ConfigError::value(key, &endpoint.to_string(), WITH_PROXIES));
        }
        let resolved = endpoint.resolve(has.scheme()).unwrap_or_else(|cause| {
            faults.push(ConfigError::Unresolved { key, endpoint: endpoint.to_string(), cause });
            Vec::new()
        });
        for listen in resolved {
            // Port 0 is another one each time.
            let is_free = listen.address.port() == 0;
            let is_same = |other: &Listen| {
                (other.address, other.scheme, other.opening)
                    == (listen.address, listen.scheme, listen.opening)
            };
            if is_free || !listens.iter().any(is_same) {
                listens.push(listen);
            }
        }
    }
    listens
}

/// What other settings give.
#[derive(Clone, Copy)]
struct Has {
    certificate: bool,
    proxies: bool,
}

impl Has {
    /// What is spoken where an endpoint does not say it.
    fn scheme(self) -> Scheme {
        if self.certificate { Scheme::Https } else { Scheme::Http }
    }
}

const WITH_PROXIES: &str = "given with trusted_proxies, or without proxy+: the PROXY protocol counts only from listed proxies";

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
            let listens = {
                let has = Has { certificate: has_certificate, proxies: false };
                resolve("listen", &endpoints, has, &mut faults)
            };
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

    #[test]
    fn the_proxy_protocol_needs_proxies_that_are_listed() {
        let endpoints: Vec<Endpoint> = vec!["proxy+http://80".parse().unwrap()];
        let resolved = |proxies| {
            let mut faults = Faults::default();
            let has = Has { certificate: false, proxies };
            let listens = resolve("listen", &endpoints, has, &mut faults);
            faults.finish(listens)
        };
        let listens = resolved(true).unwrap();
        assert!(listens.iter().all(|listen| listen.opening == Opening::ProxyHeader));
        let errors = resolved(false).unwrap_err().to_string();
        let expected =
            "listen is proxy+http://127.0.0.1:80; it has to be given with trusted_proxies";
        assert!(errors.contains(expected), "{errors}");
    }
}
