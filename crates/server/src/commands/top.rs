//! `tidewire top`: what a server does and who is connected, again and again in a terminal, or once as text.

mod figures;
mod order;
mod report;
mod screen;
mod text;

use super::server::Server;
use crate::{config::Span, terminal::TerminalOutput};
use anyhow::{Context as _, Result, ensure};
use figures::Figures;
use order::Order;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use report::Report;
use screen::{Panel, View};
use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};
use tidewire_client::Client;
use tokio::{task::spawn_blocking, time::sleep};

/// Show what a server does and who is connected, once a second
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct TopCommand {
    #[command(flatten)]
    server: Server,
    /// Print the figures once and end; so it is too if standard output is not a terminal.
    #[arg(long)]
    once: bool,
    /// How long rates are measured, and how often the screen changes.
    #[arg(long, value_name = "TIME", default_value = "1s")]
    interval: Span,
    /// The order of the connections.
    #[arg(long, value_enum, default_value_t)]
    sort: Order,
}

impl TopCommand {
    /// Shows the figures until the person at the terminal has seen enough.
    ///
    /// # Errors
    ///
    /// The server refuses or does not answer at the beginning, or the terminal cannot be used.
    pub async fn run(self) -> Result<()> {
        let interval = self.interval.duration();
        ensure!(
            (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval),
            "--interval is {}; it has to be between 100ms and 1m",
            self.interval
        );
        let client = self.server.client()?;
        let first = Figures::fetch(&client).await?;
        if self.once || !io::stdout().is_terminal() {
            sleep(interval).await;
            let report = Report::between(&first, Figures::fetch(&client).await?, self.sort);
            let text = text::print(&report, &self.server.url.to_string());
            // If standard output is closed, nobody reads it.
            let _ = TerminalOutput::stdout().write_all(text.as_bytes());
            return Ok(());
        }
        let url = self.server.url.to_string();
        let view =
            View { url, order: self.sort, panel: Panel::Connections, from: 0, failure: None };
        let mut terminal = ratatui::try_init().context("the terminal cannot be used")?;
        let shown = show(&mut terminal, &client, first, view, interval).await;
        ratatui::try_restore().context("the terminal cannot be put back")?;
        shown
    }
}

/// Draws, waits for a key or the next figures, and draws again.
async fn show(
    terminal: &mut ratatui::DefaultTerminal,
    client: &Client,
    first: Figures,
    mut view: View,
    interval: Duration,
) -> Result<()> {
    let mut report = Report::between(&first.clone(), first, view.order);
    let mut due = Instant::now() + interval;
    loop {
        terminal.draw(|frame| screen::draw(frame, &report, &mut view))?;
        let wait = due.saturating_duration_since(Instant::now());
        if let Some(key) = next_key(wait).await? {
            if !view.press(key) {
                return Ok(());
            }
            report.sort(view.order);
        }
        if Instant::now() < due {
            continue;
        }
        match Figures::fetch(client).await {
            Ok(figures) => {
                report = Report::between(&report.into_figures(), figures, view.order);
                view.failure = None;
            }
            // It may come back; what was there before stays on the screen.
            Err(error) => view.failure = Some(format!("{error:#}")),
        }
        due = Instant::now() + interval;
    }
}

/// The next key, unless none is pressed in time.
async fn next_key(wait: Duration) -> Result<Option<KeyCode>> {
    spawn_blocking(move || {
        if !event::poll(wait)? {
            return Ok(None);
        }
        Ok(match event::read()? {
            Event::Key(KeyEvent { code: KeyCode::Char('c'), modifiers, .. })
                if modifiers.contains(KeyModifiers::CONTROL) =>
            {
                Some(KeyCode::Char('q'))
            }
            Event::Key(KeyEvent { code, kind: KeyEventKind::Press, .. }) => Some(code),
            _ => None,
        })
    })
    .await?
}

const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_secs(60);

const EXAMPLES: &str = "\
It reads /connections, /metrics and /channels, which are for operators: run it on the machine of the server, or
with a token or API key that has admin.

Keys: q ends; l, a, u, o order connections by lag, age, user or channels; c shows channels; arrows scroll.

Examples:
  tidewire top
  tidewire top --url http://127.0.0.1:9090 --sort age
  tidewire top --once | head -20";
