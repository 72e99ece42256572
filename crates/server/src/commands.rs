//! The commands of the binary beside serving: three clients, and a look at the configuration.

mod check_config;
mod history;
mod publish;
mod subscribe;

mod printer;
#[cfg(test)]
mod script;

pub use check_config::CheckConfig;
pub use history::History;
pub use publish::Publish;
pub use subscribe::Subscribe;

/// Where a server listens unless told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser};

    #[derive(Debug, Parser)]
    enum Cli {
        History(History),
        Publish(Publish),
        Subscribe(Subscribe),
        CheckConfig(Box<CheckConfig>),
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
            "subscribe a b.* --since k3f9a-1042 --url http://example.org",
        ] {
            assert_eq!(refused(arguments), "", "{arguments}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_is_allowed() {
        for (arguments, told) in [
            ("publish a hi --lines", "cannot be used with"),
            ("publish a --lines --id b", "cannot be used with"),
            ("check-config a.*", "a pattern was given where one channel is wanted"),
            ("subscribe", "<PATTERN>..."),
            ("subscribe a --since yesterday", "allowed are `now`, `earliest`, a position"),
            ("history a b", "unexpected argument"),
            ("history a --limit 0", "0 is not in 1.."),
            ("subscribe a --wire tcp", "auto, ws, sse, stream, poll"),
            ("subscribe a --count 0", "0 is not in 1.."),
        ] {
            let error = refused(arguments);
            assert!(error.contains(told), "{arguments}: {error}");
        }
    }
}
