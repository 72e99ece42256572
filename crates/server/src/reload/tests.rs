//! What a reload takes, what it leaves as it was at the start, and what it refuses.

use super::*;
use crate::config::tests::from_text;
use std::{
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
};
use tidewire_broker::Retention;
use tidewire_tokens::{ApiKeys, Claims};

const SECRET: &str = "[tokens]\nsecret = \"0123456789abcdef0123456789abcdef\"\n";

/// A server that others reach, by its keys.
const EXPOSED: &str = "listen = \"192.0.2.1:80\"\nallowed_hosts = \"push.example\"\n";

/// A server with a file that can be written again.
struct Reloading {
    text: Arc<Mutex<String>>,
    reloader: Reloader,
}

impl Reloading {
    fn start(text: &str) -> Self {
        let file = Arc::new(Mutex::new(text.to_owned()));
        let read = Arc::clone(&file);
        let load: Load =
            Arc::new(move || from_text(&read.lock().unwrap_or_else(PoisonError::into_inner)));
        let config = load().unwrap();
        let limits = limits::Limits::new(config.limits(10));
        let authenticator = Authenticator::new(None, None);
        authenticator.replace(policy(&config));
        let access = access(&config, config.is_local(), authenticator.clone(), &limits);
        let reloader = Reloader {
            load,
            start: config.clone(),
            settings: watch::Sender::new(LiveSettings::from(&config)),
            broker: Broker::new(1, config.broker.clone()),
            access: SharedAccess::new(access),
            proxies: watch::Sender::new(config.trusted_proxies.0.clone()),
            authenticator,
            key_tasks: KeyTasks::start(&config).unwrap(),
            tls: None,
            limits,
            room: 10,
            message_bytes_max: config.broker.rules.message_bytes_max(),
            config,
        };
        Self { text: file, reloader }
    }

    /// The keys that need a restart, or why nothing was taken.
    fn reload(&mut self, text: &str) -> Result<Vec<String>, String> {
        text.clone_into(&mut self.text.lock().unwrap());
        let changes = self.reloader.reload().map_err(|error| format!("{error:#}"))?;
        Ok(changes.needs_restart.into_iter().map(|change| change.key).collect())
    }

    /// Whether everybody may do everything.
    fn is_open(&self) -> bool {
        self.reloader.authenticator.identify_token("no token", None, 0).is_ok()
    }

    fn retention(&self) -> Retention {
        self.reloader.broker.rules().of(&"chat".parse().unwrap()).retention
    }
}

fn data(folder: &Path) -> String {
    format!("data = {folder:?}\n")
}

/// Writes a list with one API key into a data folder.
fn create_key(folder: &Path) {
    let mut keys = ApiKeys::default();
    let claims = Claims { history: true, expires_ms: u64::MAX, ..Claims::default() };
    keys.create("a", claims, 0, [1; 32]).unwrap();
    fs::write(folder.join("api-keys.json"), keys.to_json()).unwrap();
}

#[actix_web::test]
async fn a_log_on_disk_keeps_its_messages_though_the_file_names_it_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Reloading::start(&data(folder.path()));
    assert_eq!(server.retention(), Retention::UNBOUNDED);
    for text in ["", "data = \"elsewhere\"", ""] {
        assert_eq!(server.reload(text).unwrap(), ["data"]);
        assert_eq!(server.retention(), Retention::UNBOUNDED);
    }
    // What a reload may change goes on to change.
    server.reload("retention_messages = 5").unwrap();
    assert_eq!(server.retention(), Retention { messages_max: 5, ..Retention::UNBOUNDED });
}

#[actix_web::test]
async fn a_server_that_others_reach_is_judged_by_the_addresses_it_has() {
    let mut server = Reloading::start(&format!("{EXPOSED}{SECRET}"));
    for text in ["", "listen = 8080", "listen = 8080\nallowed_hosts = \"push.example\""] {
        let error = server.reload(text).unwrap_err();
        let reason = "restart changes: listen is 192.0.2.1:80";
        assert!(error.contains(reason) && error.contains("neither tokens"), "{error}");
        assert!(!server.is_open());
    }
    // What is not in force is not what the next reload goes by.
    let on_loopback = format!("allowed_hosts = \"push.example\"\n{SECRET}");
    for _ in 0..2 {
        assert_eq!(server.reload(&on_loopback).unwrap(), ["listen"]);
        assert!(!server.reloader.config.is_local());
    }
    assert_eq!(server.reload(&format!("{EXPOSED}{SECRET}")).unwrap(), [""; 0]);
}

#[actix_web::test]
async fn a_reload_opens_no_server_that_has_keys_unless_the_file_says_so() {
    for text in [SECRET, "[anonymous]\nsubscribe = \"news.>\""] {
        let mut server = Reloading::start(text);
        let error = server.reload("").unwrap_err();
        assert!(error.starts_with("no keys are configured any more"), "{error}");
        assert!(error.contains("or say with anonymous"), "{error}");
        assert!(!server.is_open());
        server.reload("anonymous = true").unwrap();
        assert!(server.is_open());
        // It was open before.
        server.reload("").unwrap();
        server.reload(SECRET).unwrap();
        assert!(!server.is_open());
    }
}

#[actix_web::test]
async fn without_its_last_api_key_a_server_is_not_open() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = data(folder.path());
    let mut server = Reloading::start(&text);
    assert!(server.is_open());
    // The first key of a data folder counts from a reload on.
    create_key(folder.path());
    server.reload(&text).unwrap();
    assert!(!server.is_open());
    // The list is that of the folder in use.
    assert_eq!(server.reload(&data(other.path())).unwrap(), ["data"]);
    assert!(!server.is_open());
    fs::remove_file(folder.path().join("api-keys.json")).unwrap();
    let error = server.reload(&text).unwrap_err();
    assert!(error.contains("set api_keys_file"), "{error}");
    assert!(!server.is_open());
    let list = folder.path().join("api-keys.json");
    server.reload(&format!("api_keys_file = {list:?}\n{text}")).unwrap();
    assert!(!server.is_open());
}

#[actix_web::test]
async fn listeners_for_proxies_take_another_list_but_none() {
    let text = "listen = \"proxy+http://127.0.0.1:80\"\ntrusted_proxies = ";
    let mut server = Reloading::start(&format!("{text}\"127.0.0.1\""));
    let is_listed = |server: &Reloading, address: &str| {
        server.reloader.proxies.borrow().contains(address.parse().unwrap())
    };
    server.reload(&format!("{text}\"10.0.0.0/8\"")).unwrap();
    assert!(is_listed(&server, "10.0.0.1") && !is_listed(&server, "127.0.0.1"));
    // The next start would need none.
    let error = server.reload("listen = 8080").unwrap_err();
    let part = "listen is proxy+http://127.0.0.1:80; it has to be given with trusted_proxies";
    assert!(error.contains(part), "{error}");
    assert!(is_listed(&server, "10.0.0.1"));
}
