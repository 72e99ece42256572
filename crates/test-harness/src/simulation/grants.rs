//! Grants that are replaced while their connections live, and the passing of time for them.

use super::{
    client::Client,
    clock::time,
    session::{Core, Session},
    session_grant::SessionGrant,
    world::World,
};
use tidewire_broker::Grant;
use tidewire_connection::{Time, Worker};

impl Session {
    /// Gives its client another grant, unless the one it has is over; false if it did not.
    fn replace_grant(
        &mut self,
        grant: (SessionGrant, Grant),
        worker: &mut Worker,
        time: Time,
    ) -> bool {
        match &mut self.core {
            _ if self.grant.last.is_some() => return false,
            Core::Live(connection) => connection.handle_granted(grant.1, worker, time),
            Core::Poll(poll) => poll.handle_granted(&grant.1, time),
            Core::Asked(_) | Core::Answering(_) | Core::Over => return false,
        }
        self.grant = grant.0;
        self.alarm.ring();
        true
    }
}

impl World {
    /// Takes in that time has passed: some grants are over, and nothing from here on is for them.
    pub(crate) fn note_expiries(&mut self) {
        let head = self.engine.broker.position(self.engine.broker.head());
        self.sessions.values_mut().for_each(|it| it.grant.note_time(self.now_ms, head));
    }

    /// A client gets another grant in mid-life.
    pub(crate) fn replace_grant(&mut self, at: usize) {
        let Self { rng, workers, sessions, clients, tally, .. } = self;
        let number = clients.get(at).filter(|client| client.may_expire());
        let number = number.and_then(|client| client.session);
        let Some(session) = number.and_then(|number| sessions.get_mut(&number)) else { return };
        let Some(worker) = workers.get_mut(session.worker) else { return };
        let time = time(self.now_ms);
        let grant = SessionGrant::draw(rng, time);
        let has_replaced = session.replace_grant(grant, &mut worker.worker, time);
        tally.grants_replaced += u64::from(has_replaced);
    }

    /// Gives everybody a grant without an end, as the world comes to rest.
    pub(crate) fn prolong_grants(&mut self) {
        let time = time(self.now_ms);
        for session in self.sessions.values_mut() {
            if let Some(worker) = self.workers.get_mut(session.worker) {
                let endless = (SessionGrant::default(), Grant::open());
                session.replace_grant(endless, &mut worker.worker, time);
            }
        }
    }
}

impl Client {
    /// Whether its grants may expire. A program's do not: it would take that for the end of its subscription.
    pub(crate) fn may_expire(&self) -> bool {
        self.program.is_none()
    }
}
