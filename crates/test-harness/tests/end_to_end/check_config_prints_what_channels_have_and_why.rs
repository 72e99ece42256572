//! `tidewire check-config`: each option of a channel with who decided it, or what is wrong.

use crate::common::within;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::fs;
use tidewire_test_harness::server::{Server, command};

const FILE: &str = r#"
retention_age = "15m"

[channels."chat.>"]
retention_messages = 100
compact = true
keys_max = 500

[channels."chat.room1"]
message_bytes_max = "16KiB"
publishers = "http"
"#;

/// Runs the command beside a file `tidewire.toml`; gives its success, output and errors.
async fn check(file: &str, arguments: &[&str]) -> Result<(bool, String, String)> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("tidewire.toml"), file)?;
    let mut command = command()?;
    command.args(["check-config", "--config", "tidewire.toml"]).args(arguments);
    let output = command.env("TIDEWIRE_TOTAL_BYTES_MAX", "64MiB");
    let output = output.env("TIDEWIRE_RETENTION_BYTES", "1MiB");
    let output = output.current_dir(folder.path()).output().await?;
    let text = |bytes| String::from_utf8(bytes);
    Ok((output.status.success(), text(output.stdout)?, text(output.stderr)?))
}

#[tokio::test]
async fn each_option_is_printed_with_what_decided_it() -> Result<()> {
    within(30, async {
        let arguments = ["--message-bytes-max", "2MiB", "chat.room1", "news"];
        let (sound, printed, errors) = check(FILE, &arguments).await?;
        assert!(sound && errors.is_empty(), "{errors}");
        let expected = r#"the configuration is sound

chat.room1
  retention_messages  100        [channels."chat.>"] in tidewire.toml
  retention_bytes     1MiB       TIDEWIRE_RETENTION_BYTES
  retention_age       15m        retention_age in tidewire.toml
  message_bytes_max   16KiB      [channels."chat.room1"] in tidewire.toml
  compact             true       [channels."chat.>"] in tidewire.toml
  keys_max            500        [channels."chat.>"] in tidewire.toml
  keys_bytes_max      16MiB      default
  keys_age            unbounded  default
  presence            false      default
  slow_readers        gap        default
  publishers          http       [channels."chat.room1"] in tidewire.toml
  ids_max             1000       default
  ids_age             2m         default

news
  retention_messages  10000   default
  retention_bytes     1MiB    TIDEWIRE_RETENTION_BYTES
  retention_age       15m     retention_age in tidewire.toml
  message_bytes_max   2MiB    --message-bytes-max
  compact             false   default
  presence            false   default
  slow_readers        gap     default
  publishers          anyone  default
  ids_max             1000    default
  ids_age             2m      default
"#;
        assert_eq!(printed, expected);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_log_on_disk_has_other_defaults_and_settings_win() -> Result<()> {
    within(30, async {
        let file = "[channels.\"state.*\"]\ncompact = true";
        let arguments = ["--data", "log", "--retention-age", "1d", "news", "state.a"];
        let (sound, printed, errors) = check(file, &arguments).await?;
        assert!(sound && errors.is_empty(), "{errors}");
        let printed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in [
            "news retention_messages unbounded default with data",
            "retention_bytes 1MiB TIDEWIRE_RETENTION_BYTES",
            "retention_age 1d --retention-age",
            "state.a retention_messages 10000 default",
        ] {
            assert!(printed.contains(line), "{line} in {printed}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn json_says_the_same() -> Result<()> {
    within(30, async {
        let (_, printed, _) = check(FILE, &["chat.room2", "--json"]).await?;
        let printed: Value = serde_json::from_str(&printed)?;
        assert_eq!(printed["channels"][0]["channel"], "chat.room2");
        let reason = json!({"from": "table", "pattern": "chat.>", "file": "tidewire.toml"});
        let option = json!({"option": "retention_messages", "value": 100, "reason": reason});
        assert_eq!(printed["channels"][0]["options"][0], option);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn errors_are_those_of_the_server() -> Result<()> {
    within(30, async {
        let wrong = "[channels.\"chat.>\"]\nretention_messages = 0";
        let (sound, printed, errors) = check(wrong, &["chat.room1"]).await?;
        assert!(!sound && printed.is_empty(), "{printed}");
        let expected = "tidewire: tidewire.toml: [channels.\"chat.>\"] retention_messages is 0; it has to be above zero\n";
        assert_eq!(errors, expected);

        let folder = tempfile::tempdir()?;
        let file = folder.path().join("tidewire.toml");
        fs::write(&file, wrong)?;
        let path = file.to_str().context("the folder is not UTF-8")?;
        let refused = Server::start(&["--config", path]).await.err().context("it serves")?;
        let refused = format!("{refused:#}");
        assert!(refused.contains("[channels.\"chat.>\"] retention_messages is 0"), "{refused}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn every_error_says_what_may_have_been_meant() -> Result<()> {
    within(30, async {
        let wrong = "lisen = 80\nheartbeat = \"soon\"\n[channels.\"chat.>\"]\nkeys_mx = 5\n\
                     retention_messages = 0\nretention_age = \"0s\"\n[channels.news]\ncompact = 1\n";
        let (sound, printed, errors) = check(wrong, &[]).await?;
        assert!(!sound && printed.is_empty(), "{printed}");
        let mut lines = errors.lines();
        assert_eq!(lines.next(), Some("tidewire: the configuration has 6 errors:"), "{errors}");
        for line in [
            "heartbeat: \"soon\" is ",
            "there is no setting lisen; did you mean listen?",
            "[channels.\"chat.>\"] has no option keys_mx; did you mean keys_max?",
            "[channels.\"news\"] compact: invalid type: integer `1`, expected a boolean",
            "[channels.\"chat.>\"] retention_messages is 0; it has to be above zero",
            "[channels.\"chat.>\"] retention_age is 0; it has to be above zero",
        ] {
            let said = lines.next().context("it says too little")?;
            assert!(said.starts_with(&format!("  tidewire.toml: {line}")), "{said}");
        }
        assert_eq!(lines.next(), None);
        Ok(())
    })
    .await
}
