//! Every block of README.md, of `docs/` and of the crates' READMEs is run, or says why it is not.
//!
//! A page has a server of its own: a stock one, or one with the first file of settings that the page shows.
//! A comment right before a block says what is special about it:
//! `<!-- not run: REASON -->`, `<!-- run: on a server of its own -->`,
//! `<!-- run: after a restart -->`, `<!-- run: it prints a token -->`, `<!-- run: as one script -->`. A comment that says nothing any more is an error.
//! A block with `<!-- run: by web/tests/docs/NAME.mjs -->` is run by that program: see `the_recipes_run`.

mod blocks;
mod conversation;
mod program;
mod rust;
mod shell;
mod transcript;
mod walk;

use crate::{browser::Page, common::within};
use anyhow::{Context as _, Result, bail, ensure};
use blocks::{Block, Note, documentation, root, settings_of};
use serde_json::json;
use std::{
    fs,
    time::{Duration, Instant},
};
use tidewire_test_harness::{
    peers::http::publish,
    server::{Server, command},
};
use tokio::time::sleep;

/// The blocks of that language, each by what its page says before it.
fn blocks(language: &str) -> Result<(Vec<Block>, Vec<Block>)> {
    let is_ours = |block: &Block| block.language == language && !matches!(block.note, Note::By(_));
    let blocks = documentation()?.into_iter().filter(is_ours);
    Ok(blocks.partition(|block| !matches!(block.note, Note::NotRun(_))))
}

#[test]
fn each_block_is_of_a_kind_that_is_run() -> Result<()> {
    for block in documentation()? {
        if let Note::By(program) = &block.note {
            let text = fs::read_to_string(root().join(program));
            let text = text.with_context(|| format!("{block}: reading {program}"))?;
            ensure!(
                text.contains(&format!("'{}'", block.page)),
                "{block}: {program} runs no such page"
            );
            continue;
        }
        let is_known = match block.language.as_str() {
            "sh" | "console" | "js" | "json" | "toml" | "tidewire" => true,
            language if program::runner(language).is_some() => true,
            // rustdoc runs what the crate's own page takes in.
            "rust" | "rust,no_run" => block.is_doctest || rust::is_compiled_here(&block),
            "text" => {
                ensure!(block.note == Note::None, "{block} is never run, so the comment is stale");
                true
            }
            _ => false,
        };
        let is_excused = matches!(block.note, Note::NotRun(_));
        ensure!(is_known || is_excused, "{block} is of a kind that nobody runs: give the reason");
    }
    Ok(())
}

#[tokio::test]
async fn settings_are_sound_and_json_is_json() -> Result<()> {
    within(60, async {
        let (run, excused) = blocks("json")?;
        for block in run {
            serde_json::from_str::<serde_json::Value>(&block.text)
                .with_context(|| block.to_string())?;
        }
        for block in excused {
            let is_json = serde_json::from_str::<serde_json::Value>(&block.text).is_ok();
            ensure!(!is_json, "{block} is sound, so the reason before it is stale");
        }
        let (run, excused) = blocks("toml")?;
        ensure!(!run.is_empty(), "no page shows a file of settings");
        for block in run {
            check_config(&block).await?;
        }
        for block in excused {
            let is_sound = check_config(&block).await.is_ok();
            ensure!(!is_sound, "{block} is sound, so the reason before it is stale");
        }
        Ok(())
    })
    .await
}

async fn check_config(block: &Block) -> Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("tidewire.toml"), &block.text)?;
    let mut check = command()?;
    check.args(["check-config", "--config", "tidewire.toml"]).current_dir(folder.path());
    let output = check.output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{block}: {said}");
    Ok(())
}

#[tokio::test]
async fn scripts_in_the_page_receive_what_is_published() -> Result<()> {
    within(240, async {
        let (run, excused) = blocks("js")?;
        ensure!(!run.is_empty(), "no page shows a script");
        for block in run {
            run_script(&block, PATIENCE).await?;
        }
        for block in excused {
            ensure!(
                run_script(&block, GLANCE).await.is_err(),
                "{block} runs, so the reason is stale"
            );
        }
        Ok(())
    })
    .await
}

/// Runs a block as if it were pasted into the console of the server's page, until it logs something, for at most `patience`.
async fn run_script(block: &Block, patience: Duration) -> Result<()> {
    let server = Server::start(&[]).await?;
    let address = server.address();
    let rule = format!("--host-resolver-rules=MAP localhost:8080 {address}");
    let mut page = Page::start(&[&rule]).await?;
    page.call("goto", json!(["http://localhost:8080/"])).await?;
    // A script that never ends is not waited for: within a second it has shown what is wrong with it.
    let script = format!(
        "Promise.race([(async () => {{\n{}\n}})(), new Promise((resolve) => setTimeout(resolve, 1000))])",
        block.text
    );
    page.call("evaluate", json!([script])).await.with_context(|| block.to_string())?;
    let publishing = async {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            for channel in ["lobby", "chat.room1"] {
                publish(address, channel, "something new").await?;
            }
            sleep(Duration::from_millis(200)).await;
        }
        bail!("{block} logs nothing of what is published")
    };
    tokio::select! {
        line = page.console_line() => drop(line.with_context(|| block.to_string())?),
        outcome = publishing => outcome?,
    }
    ensure!(page.failures.is_empty(), "{block}: {:?}", page.failures);
    Ok(())
}

#[tokio::test]
async fn commands_do_what_they_are_there_for() -> Result<()> {
    within(240, async {
        let (run, excused) = blocks("sh")?;
        ensure!(!run.is_empty(), "no page shows a command");
        let all = documentation()?;
        for block in run.iter().filter(|block| block.note != Note::OneScript) {
            let settings = settings_of(&block.page, &all);
            shell::run(block, settings).await.with_context(|| block.to_string())?;
        }
        for block in excused {
            // What may do anything to a machine is not tried.
            let is_stale = shell::is_harmless(&block) && shell::run(&block, None).await.is_ok();
            ensure!(!is_stale, "{block} runs, so the reason before it is stale");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_walk_goes_from_its_first_command_to_its_last() -> Result<()> {
    within(60, async {
        let (run, _) = blocks("sh")?;
        let walks: Vec<_> = run.iter().filter(|block| block.note == Note::OneScript).collect();
        ensure!(!walks.is_empty(), "no page shows a walk");
        for block in walks {
            walk::run(block).await.with_context(|| block.to_string())?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn transcripts_are_what_happens() -> Result<()> {
    within(180, async {
        let (run, excused) = blocks("console")?;
        ensure!(!run.is_empty(), "no page shows a transcript");
        ensure!(excused.is_empty(), "{} is a transcript, which can be run", excused[0]);
        transcript::run(&run, &documentation()?).await
    })
    .await
}

#[tokio::test]
async fn programs_in_other_languages_publish_and_subscribe() -> Result<()> {
    within(240, async {
        let all = documentation()?;
        for block in &all {
            let Some(runner) = program::runner(&block.language) else { continue };
            let is_left_out = program::is_optional(&block.language) && !program::is_here(runner.0);
            let is_by_others = matches!(block.note, Note::PrintsToken | Note::By(_));
            if is_by_others || is_left_out {
                continue;
            }
            ensure!(block.note == Note::None, "{block} is a program, which can be run");
            let settings = settings_of(&block.page, &all);
            program::run(block, runner, settings).await.with_context(|| block.to_string())?;
        }
        for language in ["mjs", "python", "php"] {
            let is_shown = all.iter().any(|block| block.language == language);
            ensure!(is_shown, "no page shows a program in {language}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn programs_that_sign_print_a_token_that_the_server_accepts() -> Result<()> {
    within(120, async {
        let all = documentation()?;
        let signing = all.iter().filter(|block| block.note == Note::PrintsToken);
        let mut languages = Vec::new();
        for block in signing {
            let runner = program::runner(&block.language);
            let runner = runner.with_context(|| format!("{block} is no program"))?;
            if program::is_optional(&block.language) && !program::is_here(runner.0) {
                continue;
            }
            let settings = settings_of(&block.page, &all).context("its page has no settings")?;
            let signed = program::sign(block, runner, settings).await;
            signed.with_context(|| block.to_string())?;
            languages.push(block.language.as_str());
        }
        for language in ["mjs", "python", "php"] {
            ensure!(languages.contains(&language), "no page signs a token in {language}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn conversations_of_the_protocol_are_what_happens() -> Result<()> {
    within(180, async {
        let (run, excused) = blocks("tidewire")?;
        ensure!(!run.is_empty(), "no page shows a conversation");
        ensure!(excused.is_empty(), "{} is a conversation, which can be run", excused[0]);
        for block in run {
            conversation::run(&block).await.with_context(|| block.to_string())?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_rust_block_delivers() -> Result<()> {
    within(60, rust::run()).await
}

/// How long a script may take until it logs what is published.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long one that is said not to run is looked at: long enough for a reason that is stale to show.
const GLANCE: Duration = Duration::from_secs(2);
