//! Transcripts: each command of a page is run, and has to answer as the page says.
//!
//! Positions, times and connections differ from run to run; but what is one epoch on the page has to
//! be one epoch here, and offsets are the page's.

use super::{
    blocks::{Block, Note, settings_of},
    shell::{Running, Sandbox},
};
use anyhow::{Context as _, Result, ensure};
use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};
use tidewire_test_harness::peers::http::publish;
use tokio::time::sleep;

/// A command and what the page shows of its answer.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    command: String,
    expected: Vec<String>,
    /// Whether the page interrupts it.
    is_interrupted: bool,
}

/// Names of the page, and what stands for them here.
pub(super) type Names = BTreeMap<String, String>;

/// Runs the transcripts of all pages; those of one page share a server, unless they say otherwise.
pub(super) async fn run(transcripts: &[Block], all: &[Block]) -> Result<()> {
    let mut shared: Option<(String, Sandbox, Names)> = None;
    for block in transcripts {
        let own = settings_of(&block.page, all);
        if shared.as_ref().is_none_or(|(page, ..)| *page != block.page) {
            shared = Some((block.page.clone(), Sandbox::new(own).await?, Names::new()));
        }
        let (_, sandbox, names) = shared.as_mut().context("no server")?;
        let settings = all.iter().find(|one| one.language == "toml" && one.page == block.page);
        let outcome = match block.note {
            Note::None => run_block(block, sandbox, names, settings).await,
            // The positions of the life before are still known then.
            Note::AfterRestart => {
                run_block(block, &Sandbox::new(own).await?, &mut names.clone(), settings).await
            }
            Note::OnItsOwn
            | Note::NotRun(_)
            | Note::PrintsToken
            | Note::OneScript
            | Note::By(_) => {
                run_block(block, &Sandbox::new(own).await?, &mut Names::new(), settings).await
            }
        };
        outcome.with_context(|| block.to_string())?;
    }
    Ok(())
}

async fn run_block(
    block: &Block,
    sandbox: &Sandbox,
    names: &mut Names,
    settings: Option<&Block>,
) -> Result<()> {
    if let Some(settings) = settings {
        fs::write(sandbox.folder.path().join("tidewire.toml"), &settings.text)?;
    }
    let mut in_background = Vec::new();
    for mut step in steps(&block.text)? {
        // A file that the page shows is there.
        if let Some(shown) =
            step.command.strip_prefix("cat ").map(|name| sandbox.folder.path().join(name))
            && !shown.exists()
        {
            fs::write(shown, step.expected.join("\n") + "\n")?;
        }
        // Where the page's server listens is said here with our port.
        let address = sandbox.address().to_string();
        for line in &mut step.expected {
            *line = line.replace("127.0.0.1:8080", &address);
        }
        let running = run_step(&step, sandbox, names).await;
        let running = running.with_context(|| step.command.clone())?;
        // The others have ended, or are interrupted here.
        in_background.extend(step.command.ends_with('&').then_some(running));
    }
    Ok(())
}

/// Runs a command until it has said what it should. One that only reads may need a moment until
/// what came before it has arrived.
async fn run_step(step: &Step, sandbox: &Sandbox, names: &mut Names) -> Result<Running> {
    let mut command = step.command.clone();
    for (of_the_page, here) in names.iter() {
        command = command.replace(of_the_page, here);
    }
    let is_stream = step.is_interrupted || command.contains("curl -N");
    let may_be_repeated = !command.contains(" -d ") && !command.contains("-X");
    let start = Instant::now();
    let mut running = sandbox.spawn(&command, false)?;
    let mut news = step.expected.iter().filter_map(|line| line.strip_prefix("data: "));
    let mut is_open = false;
    loop {
        let said = running.output()?;
        let lines: Vec<&str> = said.lines().collect();
        let has_ended = running.child.try_wait()?.is_some();
        let (complete, seen) = match lines.len() {
            count if is_stream && count >= step.expected.len() => {
                (true, &lines[..step.expected.len()])
            }
            _ => (has_ended && !is_stream, &lines[..]),
        };
        if complete {
            match unify(&step.expected, seen, names) {
                Ok(()) => return Ok(running),
                Err(error) => {
                    let is_over = start.elapsed() > PATIENCE || !may_be_repeated || is_stream;
                    ensure!(!is_over, "{error:#}");
                    running = sandbox.spawn(&command, false)?;
                }
            }
        }
        // Somebody else publishes what an interrupted stream shows, once it is open.
        if step.is_interrupted && !is_open && lines.iter().any(|line| line.starts_with("id: ")) {
            is_open = true;
            let channel = command.split("channel=").nth(1).unwrap_or_default();
            let channel = channel.split(['&', '\'', ' ']).next().unwrap_or_default();
            for text in news.by_ref() {
                publish(sandbox.address(), channel, text).await?;
            }
        }
        ensure!(start.elapsed() < PATIENCE, "instead of {:#?} came {said}", step.expected);
        sleep(Duration::from_millis(30)).await;
    }
}

/// The commands of a block and their answers, blank lines at an answer's end aside.
fn steps(text: &str) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            let command = command.to_owned();
            steps.push(Step { command, expected: Vec::new(), is_interrupted: false });
            continue;
        }
        let step = steps.last_mut().context("a transcript begins with a command: `$ …`")?;
        match line {
            "^C" => step.is_interrupted = true,
            line => step.expected.push(line.to_owned()),
        }
    }
    for step in &mut steps {
        while step.expected.last().is_some_and(String::is_empty) {
            step.expected.pop();
        }
    }
    Ok(steps)
}

/// Checks that `seen` is what the page says, but for names and times; learns which name is which.
pub(super) fn unify(expected: &[String], seen: &[&str], names: &mut Names) -> Result<()> {
    ensure!(expected.len() == seen.len(), "instead of {expected:#?} came {seen:#?}");
    let mut learnt = names.clone();
    for (expected, seen) in expected.iter().zip(seen) {
        let (of_the_page, here) = (words(expected), words(seen));
        let is_alike = of_the_page.len() == here.len()
            && of_the_page.iter().zip(&here).all(|(one, other)| is_same(one, other, &mut learnt));
        ensure!(is_alike, "instead of\n{expected}\ncame\n{seen}");
    }
    *names = learnt;
    Ok(())
}

/// Runs of letters and digits, and everything between them.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), line);
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_ascii_alphanumeric();
        let end = rest.find(|c: char| c.is_ascii_alphanumeric() != is_word).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after;
    }
    words
}

fn is_same(of_the_page: &str, here: &str, names: &mut Names) -> bool {
    let is_time = |word: &str| word.len() == 13 && word.bytes().all(|byte| byte.is_ascii_digit());
    // An epoch in base 36, or a connection in hexadecimal digits. The page's names contain a digit, which
    // distinguishes them from words; ours may have none.
    let may_be_name = |word: &str| {
        [8, 16].contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
    };
    let has_digit = of_the_page.bytes().any(|byte| byte.is_ascii_digit());
    if has_digit && may_be_name(of_the_page) && may_be_name(here) {
        return names.entry(of_the_page.to_owned()).or_insert_with(|| here.to_owned()) == here;
    }
    of_the_page == here || (is_time(of_the_page) && is_time(here))
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn one_name_of_the_page_is_one_name_here() {
    let mut names = Names::new();
    let expected = ["mws2fei1-1 mws2fei1-2 1795365777169".to_owned()];
    assert!(unify(&expected, &["abcdefgh-1 abcdefgh-2 1795365777170"], &mut names.clone()).is_ok());
    assert!(unify(&expected, &["abcdefg1-1 abcdefg1-2 1795365777170"], &mut names).is_ok());
    assert_eq!(names["mws2fei1"], "abcdefg1");
    for seen in [
        "abcdefg1-1 abcdefg1-3 1795365777170",
        "abcdefg1-1 abcdefg2-2 1795365777170",
        "abcdefg1-1 abcdefg1-2 179536577717",
        "abcdefg1-1 abcdefg1-2",
    ] {
        assert!(unify(&expected, &[seen], &mut names.clone()).is_err(), "{seen}");
    }
}

#[test]
fn a_transcript_is_commands_and_their_answers() -> Result<()> {
    let steps = steps("$ a\n1\n\n2\n\n^C\n$ b\n")?;
    assert_eq!((steps[0].expected.join("|"), steps[0].is_interrupted), ("1||2".to_owned(), true));
    assert_eq!(
        steps[1],
        Step { command: "b".to_owned(), expected: Vec::new(), is_interrupted: false }
    );
    Ok(())
}
