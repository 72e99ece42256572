//! What the worlds have seen: a run that has seen too little has proved too little.

use std::fmt;

/// Counts over any number of worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages in the logs.
    pub published: usize,
    /// Those among them that clients published.
    pub by_clients: usize,
    /// Messages that subscriptions were given.
    pub given: usize,
    /// Gap notices that they were given.
    pub gaps: usize,
    /// Subscriptions.
    pub subscriptions: usize,
    /// Those that went on where another one had ended.
    pub resumed: usize,
    /// How often a client came to be live again.
    pub returns: usize,
    /// What links went through.
    pub outages: usize,
    /// How often the server ended and came back.
    pub restarts: usize,
    /// Tokens that clients asked for.
    pub tokens: usize,
}

impl Tally {
    /// Adds the counts of another world.
    pub fn add(&mut self, other: &Self) {
        for ((_, sum), (_, count)) in self.counts_mut().into_iter().zip(other.counts()) {
            *sum += count;
        }
    }

    /// What never happened, though many worlds have run.
    pub fn missing(&self, worlds: u64, capabilities: &[&str]) -> Vec<&'static str> {
        if worlds < WORLDS_MIN {
            return Vec::new();
        }
        let can = |name: &str| match name {
            "publishes of clients" => capabilities.contains(&"publish"),
            "tokens" => capabilities.contains(&"tokens"),
            _ => true,
        };
        let counts = self.counts().into_iter().filter(|(name, count)| *count == 0 && can(name));
        counts.map(|(name, _)| name).collect()
    }

    fn counts(&self) -> [(&'static str, usize); 10] {
        let mut copy = *self;
        copy.counts_mut().map(|(name, count)| (name, *count))
    }

    fn counts_mut(&mut self) -> [(&'static str, &mut usize); 10] {
        [
            ("messages", &mut self.published),
            ("publishes of clients", &mut self.by_clients),
            ("messages given", &mut self.given),
            ("gaps", &mut self.gaps),
            ("subscriptions", &mut self.subscriptions),
            ("subscriptions resumed by their position", &mut self.resumed),
            ("returns to live", &mut self.returns),
            ("outages", &mut self.outages),
            ("restarts", &mut self.restarts),
            ("tokens", &mut self.tokens),
        ]
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (name, count)) in self.counts().into_iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{count} {name}")?;
        }
        Ok(())
    }
}

/// That many worlds have seen everything at least once.
const WORLDS_MIN: u64 = 20;
