//! From where the server can be reached, and what everybody who reaches it may do.

use super::{Anonymous, Config, ConfigError, Listen, Missing, faults::Faults, tokens};
use tidewire_broker::Grant;

impl Config {
    /// Whether only this machine can reach the server.
    pub fn is_local(&self) -> bool {
        !self.listen.iter().chain(&self.admin_listen).any(|listen| is_exposed(&listen))
    }

    /// What a request without credentials may do; `None` if it may do nothing.
    pub fn anonymous_grant(&self) -> Option<Grant> {
        match &self.anonymous {
            Anonymous::Everything => Some(Grant::open()),
            Anonymous::Limited(permissions) => Some(Grant::limited_to(permissions.clone())),
            // Development mode: `check` has refused it where others could reach the server.
            Anonymous::Nothing => self.tokens.is_none().then(Grant::open),
        }
    }

    /// Whether everybody may do everything only because no keys are configured: development mode.
    pub(crate) fn is_open_by_default(&self) -> bool {
        self.tokens.is_none() && self.anonymous == Anonymous::Nothing
    }

    /// Refuses to be reached from other machines without a word on who may do what there.
    pub(super) fn check_exposure(&self, faults: &mut Faults) {
        if !faults.knows(&["anonymous", "allowed_hosts"]) || !faults.knows(&tokens::KEYS) {
            return;
        }
        let hosts = self.allowed_hosts.is_empty().then_some(Missing::Hosts);
        let missing = match (&self.anonymous, &self.tokens) {
            (Anonymous::Everything, _) => None,
            (Anonymous::Nothing, None) => Some(Missing::Keys),
            _ => hosts,
        };
        // Anonymous access does not reach this far.
        let admin_missing = match (&self.anonymous, &self.tokens) {
            (_, None) => Some(Missing::AdminKeys),
            (Anonymous::Everything, _) => None,
            _ => hosts,
        };
        let settings = [
            ("listen", &self.listen, missing),
            ("admin_listen", &self.admin_listen, admin_missing),
        ];
        for (key, listens, missing) in settings {
            let Some(missing) = missing else { continue };
            for listen in listens.iter().filter(is_exposed) {
                faults.push(ConfigError::Exposed { key, listen: listen.clone(), missing });
            }
        }
    }
}

/// Whether other machines may reach it.
fn is_exposed(listen: &&Listen) -> bool {
    !listen.address.ip().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::from_text;

    #[test]
    fn listening_to_the_world_takes_keys_and_hosts_or_a_word() {
        let [keys, hosts, some] = [
            "[tokens]\nsecret = \"0123456789abcdef0123456789abcdef\"",
            "allowed_hosts = \"push.example\"",
            "[anonymous]\nsubscribe = \"news.>\"",
        ];
        for (text, missing) in [
            (String::new(), Some("neither tokens nor anonymous access")),
            (hosts.to_owned(), Some("neither tokens nor anonymous access")),
            (format!("anonymous = false\n{hosts}"), Some("neither tokens nor anonymous access")),
            (keys.to_owned(), Some("allowed_hosts names no host")),
            (some.to_owned(), Some("allowed_hosts names no host")),
            (format!("{hosts}\n{keys}"), None),
            (format!("{hosts}\n{some}"), None),
            ("anonymous = true".to_owned(), None),
            (format!("anonymous = true\n{keys}"), None),
        ] {
            let config = from_text(&format!("listen = \"192.0.2.1:80\"\n{text}"));
            match (config, missing) {
                (Ok(config), None) => assert!(!config.is_local()),
                (Err(error), Some(missing)) => {
                    let error = error.to_string();
                    assert!(error.contains(missing) && error.contains("--anonymous"), "{error}");
                    assert!(error.contains("allowed_hosts = [\"push.example.com\"]"), "{error}");
                }
                (config, _) => panic!("{text}: {:?}", config.map(drop)),
            }
            assert!(from_text(&text).is_ok(), "on this machine: {text}");
        }
    }

    #[test]
    fn listening_to_the_world_for_operators_takes_keys_and_hosts() {
        let keys = "[tokens]\nsecret = \"0123456789abcdef0123456789abcdef\"";
        let hosts = "allowed_hosts = \"push.example\"";
        let admin = "admin_listen = \"192.0.2.1:90\"";
        for (text, missing) in [
            (admin.to_owned(), Some("no keys are configured")),
            (format!("{admin}\nanonymous = true"), Some("no keys are configured")),
            (format!("{admin}\n{keys}"), Some("allowed_hosts names no host")),
            (format!("{admin}\n{hosts}\n{keys}"), None),
            (format!("{admin}\nanonymous = true\n{keys}"), None),
            (
                "admin_listen = 8080".to_owned(),
                Some("admin_listen is 127.0.0.1:8080; it has to be another"),
            ),
            ("admin_listen = [9000, \"[::1]:9000\"]".to_owned(), None),
        ] {
            match (from_text(&text), missing) {
                (Ok(config), None) => assert_eq!(config.is_local(), !text.contains("192.0.2.1")),
                (Err(error), Some(missing)) => {
                    let error = error.to_string();
                    assert!(
                        error.starts_with("admin_listen is ") && error.contains(missing),
                        "{error}"
                    );
                }
                (config, _) => panic!("{text}: {:?}", config.map(drop)),
            }
        }
    }

    #[test]
    fn without_keys_this_machine_may_do_everything_and_with_keys_only_what_is_said() {
        let keys = "[tokens]\nsecret = \"0123456789abcdef0123456789abcdef\"";
        let grant = |text: &str| from_text(text).unwrap().anonymous_grant();
        assert_eq!(grant(""), Some(Grant::open()));
        assert_eq!(grant(keys), None);
        assert_eq!(grant(&format!("anonymous = true\n{keys}")), Some(Grant::open()));
        let limited = grant(&format!("{keys}\n[anonymous]\nsubscribe = \"news.>\"")).unwrap();
        assert!(limited.permit_subscribe(&"news.a".parse().unwrap()).is_ok());
        assert!(limited.permit_subscribe(&"other".parse().unwrap()).is_err());
        assert!(limited.permit(&"news.a".parse().unwrap()).is_err());
    }
}
