//! A list of API keys in a folder of the test's own.

use super::*;
use clap::Parser;
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    key: KeyCommand,
}

fn run(arguments: &[&str], file: &Path) -> Result<()> {
    let file = ["--file", file.to_str().unwrap()];
    let arguments = ["key"].iter().chain(arguments).chain(&file);
    Cli::try_parse_from(arguments)?.key.run()
}

#[test]
fn keys_are_created_and_revoked_in_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("api-keys.json");
    run(&["list"], &file).unwrap();
    assert!(!file.exists());
    run(&["create", "billing", "--publish", "invoices.>", "--for", "1h"], &file).unwrap();
    run(&["create", "logs", "--publish", "logs.>", "--history", "--admin"], &file).unwrap();
    let keys = read(&file).unwrap();
    let names: Vec<_> = keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["billing", "logs"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let ids: Vec<String> = keys.iter().map(|key| key.id.clone()).collect();
    let table = table(&keys, wall_ms());
    assert!(
        table.contains(&format!("{}  billing  publish invoices.>, expires", ids[0])),
        "{table}"
    );
    assert!(
        table.contains(&format!("{}  logs     publish logs.>, history, admin\n", ids[1])),
        "{table}"
    );
    run(&["revoke", &ids[0]], &file).unwrap();
    assert_eq!(read(&file).unwrap().iter().count(), 1);
    let error = run(&["revoke", &ids[0]], &file).unwrap_err().to_string();
    assert!(error.starts_with("there is no key"), "{error}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside it");
}

#[test]
fn commands_at_once_lose_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("api-keys.json");
    std::thread::scope(|scope| {
        for number in 0..20 {
            let file = &file;
            scope.spawn(move || {
                run(&["create", &format!("n{number}"), "--publish", "a"], file).unwrap()
            });
        }
    });
    assert_eq!(read(&file).unwrap().iter().count(), 20);
}

#[test]
fn a_key_that_could_do_nothing_or_has_no_place_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("api-keys.json");
    let error = run(&["create", "a"], &file).unwrap_err().to_string();
    assert!(error.starts_with("the key could do nothing"), "{error}");
    fs::write(&file, "{}").unwrap();
    let error = format!("{:#}", run(&["create", "a", "--history"], &file).unwrap_err());
    assert!(error.contains("a list of API keys has to be a JSON object"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{}", "it is left as it was");
    let error = Cli::try_parse_from(["key", "list"]).unwrap().key.run().unwrap_err().to_string();
    assert!(error.starts_with("no list of API keys is configured"), "{error}");
}

#[test]
fn what_the_command_prints_is_what_the_server_finds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("api-keys.json");
    let place = Place { file: Some(file.clone()), config: None };
    let allowed = Allowed::try_parse("--publish a.*").unwrap();
    let create = Create { name: "a".to_owned(), allowed, lifetime: None, place };
    let (text, _) = create.create(0).unwrap();
    let keys = read(&file).unwrap();
    let found = keys.find(&text, u64::MAX - 1).unwrap();
    assert_eq!(found.claims.publish[0].as_str(), "a.*");
}
