//! What happens in a world, drawn from its seed: the server, the clients, and steps with their times.

use super::outage::Outage;
use crate::proxy::Ending;
use fastrand::Rng;
use std::fmt;

/// All of it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) server: ServerPlan,
    /// The wires of each client, or none if it chooses.
    pub(super) clients: Vec<Option<&'static [&'static str]>>,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ServerPlan {
    /// Whether its log survives a restart.
    pub(super) keeps: bool,
    /// How many messages a channel keeps.
    pub(super) retention: Option<u32>,
    /// Whether it asks for tokens, which expire after some seconds.
    pub(super) tokens: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    /// After the beginning.
    pub(super) at_ms: u64,
    pub(super) act: Act,
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Subscriptions are numbered in this order.
    Subscribe {
        client: usize,
        channels: Vec<&'static str>,
        since: Beginning,
    },
    Unsubscribe {
        subscription: usize,
    },
    /// Asks for its position, up to which it claims to have delivered everything.
    Position {
        subscription: usize,
    },
    /// Somebody else publishes this many messages.
    Publish {
        count: usize,
    },
    /// A client does, some messages in a row.
    ClientPublish {
        client: usize,
        count: usize,
    },
    Begin {
        client: usize,
        outage: Outage,
    },
    End {
        client: usize,
        outage: Outage,
    },
    /// The server ends, in order or not, and starts again after some time.
    Restart {
        kill: bool,
        down_ms: u64,
    },
    Close {
        client: usize,
    },
}

/// From where a subscription wants messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beginning {
    Now,
    Earliest,
    /// Everything of the last hour, which is everything.
    Hour,
    /// Where another subscription has ended.
    Where {
        subscription: usize,
    },
}

impl Plan {
    /// The plan of a seed, for clients that can do this.
    pub fn draw(seed: u64, capabilities: &[&str]) -> Self {
        let mut rng = Rng::with_seed(seed);
        let can = |name: &str| capabilities.contains(&name);
        let server = ServerPlan {
            keeps: rng.bool(),
            retention: (rng.u8(..4) == 0).then(|| rng.u32(5..40)),
            tokens: rng.u8(..4) == 0 && can("tokens"),
        };
        let mut clients = Vec::new();
        for _ in 0..rng.usize(2..=4) {
            let pinned = PINNED.iter().find(|it| rng.u8(..5) == 0 && it.iter().all(|it| can(it)));
            clients.push(pinned.copied());
        }
        let publishes = can("publish");
        let mut draft = Draft { rng, clients: clients.len(), publishes, ..Draft::default() };
        draft.draw();
        draft.steps.sort_by_key(|step| step.at_ms);
        Self { server, clients, steps: draft.steps }
    }
}

/// A plan as far as it has come.
#[derive(Debug, Default)]
struct Draft {
    rng: Rng,
    clients: usize,
    publishes: bool,
    steps: Vec<Step>,
    at_ms: u64,
    /// By number, whose each subscription is, and whether it is open.
    subscriptions: Vec<(usize, bool)>,
    closed: Vec<usize>,
    /// Until then a link is broken, and the server is down.
    broken_until_ms: Vec<u64>,
    down_until_ms: u64,
}

impl Draft {
    fn draw(&mut self) {
        self.broken_until_ms = vec![0; self.clients];
        // Some of it is there before anybody comes.
        let count = self.rng.usize(0..60);
        self.push(Act::Publish { count });
        (0..self.clients).for_each(|client| self.subscribe(client));
        for _ in 0..STEPS {
            self.at_ms += self.rng.u64(10..120);
            match self.rng.u8(..20) {
                0..7 => {
                    let count = self.rng.usize(1..20);
                    self.push(Act::Publish { count });
                }
                7..10 if self.publishes => self.publish(),
                7..12 => {
                    let client = self.rng.usize(..self.clients);
                    self.subscribe(client);
                }
                12 => self.unsubscribe(),
                13 => {
                    if let Some(subscription) = self.open() {
                        self.push(Act::Position { subscription });
                    }
                }
                14 if self.rng.u8(..3) == 0 => self.restart(),
                15 if self.rng.u8(..8) == 0 => self.close(),
                _ => self.break_a_link(),
            }
        }
    }

    fn push(&mut self, act: Act) {
        self.push_at(self.at_ms, act);
    }

    fn push_at(&mut self, at_ms: u64, act: Act) {
        self.steps.push(Step { at_ms, act });
    }

    fn subscribe(&mut self, client: usize) {
        if self.closed.contains(&client) {
            return;
        }
        let count = self.rng.usize(1..=3);
        let mut channels: Vec<&str> =
            (0..count).filter_map(|_| self.rng.choice(PATTERNS)).collect();
        channels.sort_unstable();
        channels.dedup();
        let since = match self.rng.u8(..3) {
            0 => Beginning::Now,
            1 => Beginning::Earliest,
            _ => Beginning::Hour,
        };
        self.subscriptions.push((client, true));
        self.push(Act::Subscribe { client, channels, since });
    }

    fn open(&mut self) -> Option<usize> {
        let all = self.subscriptions.iter().enumerate();
        let open: Vec<usize> = all.filter(|(_, (_, is_open))| *is_open).map(|(it, _)| it).collect();
        self.rng.choice(open)
    }

    /// Ends a subscription, and sometimes goes on with another one where it was.
    fn unsubscribe(&mut self) {
        let Some(subscription) = self.open() else { return };
        let Some((client, is_open)) = self.subscriptions.get_mut(subscription) else { return };
        *is_open = false;
        let client = *client;
        self.push(Act::Unsubscribe { subscription });
        if self.rng.bool() {
            let mut steps = self.steps.iter().filter_map(|step| match &step.act {
                Act::Subscribe { channels, .. } => Some(channels),
                _ => None,
            });
            let Some(channels) = steps.nth(subscription).cloned() else { return };
            self.at_ms += self.rng.u64(0..100);
            self.subscriptions.push((client, true));
            self.push(Act::Subscribe {
                client,
                channels,
                since: Beginning::Where { subscription },
            });
        }
    }

    fn publish(&mut self) {
        let client = self.rng.usize(..self.clients);
        if !self.closed.contains(&client) {
            let count = self.rng.usize(1..=4);
            self.push(Act::ClientPublish { client, count });
        }
    }

    fn restart(&mut self) {
        if self.down_until_ms > self.at_ms {
            return;
        }
        let down_ms = self.rng.u64(0..400);
        // Starting takes some time too.
        self.down_until_ms = self.at_ms + down_ms + 200;
        let kill = self.rng.bool();
        self.push(Act::Restart { kill, down_ms });
    }

    fn close(&mut self) {
        if self.closed.len() + 1 < self.clients {
            let client = self.rng.usize(..self.clients);
            if !self.closed.contains(&client) {
                self.closed.push(client);
                let mine = self.subscriptions.iter_mut().filter(|(whose, _)| *whose == client);
                mine.for_each(|(_, is_open)| *is_open = false);
                self.push(Act::Close { client });
            }
        }
    }

    fn break_a_link(&mut self) {
        let client = self.rng.usize(..self.clients);
        let is_broken = self.broken_until_ms.get(client).is_some_and(|until| *until > self.at_ms);
        if is_broken || self.closed.contains(&client) {
            return;
        }
        let ending = match self.rng.u8(..3) {
            0 => Ending::End,
            1 => Ending::Reset,
            _ => Ending::Silence,
        };
        let outage = match self.rng.u8(..12) {
            0..4 => Outage::Cut(ending),
            4 | 5 => Outage::Broken { down_bytes: self.rng.u64(100..3_000), ending },
            6 => Outage::Stalled,
            7 => Outage::Dead,
            8 => Outage::BadGateway,
            9 if self.rng.bool() => Outage::NoWebSockets,
            9 => Outage::SilentWebSockets,
            10 => Outage::BufferedStreams,
            _ => Outage::Slow,
        };
        let lasts_ms = match outage {
            Outage::Cut(Ending::Silence) => OUTAGE_MS_MAX,
            Outage::Cut(_) => 0,
            _ => self.rng.u64(100..OUTAGE_MS_MAX),
        };
        self.push(Act::Begin { client, outage });
        let until_ms = self.at_ms + lasts_ms;
        self.push_at(until_ms, Act::End { client, outage });
        if let Some(until) = self.broken_until_ms.get_mut(client) {
            *until = until_ms + 1;
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.server)?;
        for (client, wires) in self.clients.iter().enumerate() {
            writeln!(f, "client {client}: wires {wires:?}")?;
        }
        self.steps.iter().try_for_each(|Step { at_ms, act }| writeln!(f, "{at_ms:>6} ms  {act:?}"))
    }
}

/// Every message goes to one of these.
pub(super) const CHANNELS: [&str; 4] = ["a", "a.b", "b", "a.b.c"];

/// They overlap.
const PATTERNS: [&str; 7] = ["a", "a.b", "a.*", "*", "a.>", "*.b", ">"];

/// Each client that does not choose has one of these.
const PINNED: [&[&str]; 4] = [&["websocket"], &["sse"], &["poll"], &["sse", "poll"]];

const STEPS: usize = 40;

/// More than two heartbeats, so that some of it has to be noticed.
const OUTAGE_MS_MAX: u64 = 1_200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_plan_again() {
        let all = ["websocket", "sse", "poll", "publish", "tokens"];
        let plan = |seed| Plan::draw(seed, &all).to_string();
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }

    #[test]
    fn nothing_is_planned_that_a_client_cannot_do() {
        for seed in 0..200 {
            let plan = Plan::draw(seed, &["websocket"]);
            assert!(!plan.server.tokens);
            assert!(plan.clients.iter().flatten().all(|wires| *wires == ["websocket"]));
            let publishes = |step: &Step| matches!(step.act, Act::ClientPublish { .. });
            assert!(!plan.steps.iter().any(publishes));
        }
    }

    #[test]
    fn what_is_broken_is_mended() {
        for seed in 0..200 {
            let plan = Plan::draw(seed, &[]);
            for client in 0..plan.clients.len() {
                let mut depth = 0;
                for step in &plan.steps {
                    match step.act {
                        Act::Begin { client: whose, .. } if whose == client => depth += 1,
                        Act::End { client: whose, .. } if whose == client => depth -= 1,
                        _ => {}
                    }
                    assert!((0..=1).contains(&depth), "seed {seed}, client {client}");
                }
                assert_eq!(depth, 0);
            }
        }
    }
}
