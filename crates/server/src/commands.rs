//! The commands of the binary beside serving: three clients, tokens and keys, a look at the configuration, and what
//! shells and manuals say of all of them.

mod check_config;
mod completions;
mod data;
mod doctor;
mod health;
mod history;
mod key;
mod publish;
mod subscribe;
mod token;
mod top;

mod allowed;
mod printer;
mod reader;
mod refused;
mod reload;
#[cfg(test)]
mod script;
mod server;

pub use check_config::CheckConfig;
pub use completions::{Completions, Man};
pub use data::DataCommand;
pub use doctor::DoctorCommand;
pub use health::HealthCommand;
pub use history::HistoryCommand;
pub use key::KeyCommand;
pub use publish::PublishCommand;
pub use reload::ReloadCommand;
pub use subscribe::SubscribeCommand;
pub use token::TokenCommand;
pub use top::TopCommand;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser};

    #[derive(Debug, Parser)]
    enum Cli {
        History(HistoryCommand),
        Publish(PublishCommand),
        Subscribe(SubscribeCommand),
        CheckConfig(Box<CheckConfig>),
        Data(DataCommand),
        Doctor(DoctorCommand),
        Health(HealthCommand),
        Token(Box<TokenCommand>),
        Key(KeyCommand),
        Top(TopCommand),
        Completions(Completions),
        Man(Man),
    }

    fn refused(arguments: &str) -> String {
        let arguments = ["tidewire"].into_iter().chain(arguments.split(' '));
        match Cli::try_parse_from(arguments) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn arguments_are_as_documented() {
        Cli::command().debug_assert();
        for arguments in [
            "publish chat.room1 Hello! --event said",
            "publish host.vmstat --lines --verbose",
            "publish host.load -1.5 --key a --json",
            "publish a hi --id order-17",
            "check-config --retention-age 15m chat.room1 news --json",
            "subscribe logs.> --since 10m --wire ws --format json --count 5",
            "history logs.> --since @1763790000000 --before 5m --limit 20 --format json",
            "history a",
            "data backup a.backup --url http://127.0.0.1:9000",
            "data backup a.backup --data /var/lib/tidewire",
            "data restore a.backup /var/lib/tidewire",
            "data new-epoch /var/lib/tidewire",
            "subscribe a b.* --since k3f9a-1042 --url http://example.org",
            "publish a hi --url localhost:8080 --quiet",
            "subscribe a --token-file token.txt",
            "history a -q --url wss://example.org/tide",
            "token --subscribe logs.>,chat.* --history --sub u7 --for 1h --config a.toml",
            "token --key private.pem --algorithm PS256 --kid a --info {}",
            "key create billing --publish invoices.> --for 30d",
            "key list --json --file keys.json",
            "key revoke 3f9a0c52b1d7",
            "doctor https://push.example.com --proxy haproxy --quick --json --token-file token",
            "health",
            "health --url :9000 --timeout 2s -q",
            "top --once --interval 2s --sort user --url 9090",
            "completions fish",
            "man publish",
        ] {
            assert_eq!(refused(arguments), "", "{arguments}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_is_allowed() {
        for (arguments, expected) in [
            ("publish a hi --lines", "cannot be used with"),
            ("publish a --lines --id b", "cannot be used with"),
            ("check-config a.*", "a pattern was given where one channel is wanted"),
            ("subscribe", "<PATTERN>..."),
            ("data restore a", "<DIR>"),
            ("data backup a --data d --url http://b", "--url and --data exclude each other"),
            ("subscribe a --since yesterday", "allowed are `now`, `earliest`, a position"),
            ("history a b", "unexpected argument"),
            ("publish a hi --token eyJ", "put it into the variable TIDEWIRE_TOKEN"),
            ("history a --limit 0", "0 is not in 1.."),
            ("subscribe a --wire tcp", "auto, ws, sse, stream, poll"),
            ("subscribe a --count 0", "0 is not in 1.."),
            ("history a --url ftp://b", "`ftp://b` is not a server's address"),
            ("token --subscribe a..b", "a channel name has an empty token"),
            ("token --for soon", "\"soon\" is "),
            ("token --algorithm none", "\"none\" is not an algorithm"),
            ("token --info {", "it is not JSON"),
            ("key create", "<NAME>"),
            ("top --sort name", "lag, age, user, channels"),
            ("completions tcsh", "bash, elvish, fish, powershell, zsh"),
        ] {
            let error = refused(arguments);
            assert!(error.contains(expected), "{arguments}: {error}");
        }
    }
}
