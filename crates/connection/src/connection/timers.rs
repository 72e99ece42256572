//! The passing of time: heartbeats, pings, clients that take nothing, and the goodbye.

use super::{Connection, Dismissal, Phase, PlannedEnd};
use crate::{CloseReason, Ending, Limits, Time, Worker};
use std::mem;
use tidewire_broker::Position;

impl Connection {
    /// Takes in that time has passed, and that it is this connection's turn again.
    pub fn handle_time(&mut self, worker: &mut Worker, time: Time) {
        if mem::take(&mut self.is_spent) {
            self.subscribed = 0;
            self.resume_input(worker, time);
        }
        if self.is_too_slow {
            self.end(&Ending::TooSlow, worker.limits.retry_ms, worker, time);
        }
        let now = time.steady_ms;
        if self.planned_end.as_ref().is_some_and(|planned| now >= planned.next_ms()) {
            self.carry_out_plan(worker, time);
        }
        let limits = &worker.limits;
        if self.blocked_ms.is_some_and(|since| now >= since.saturating_add(limits.stall_ms)) {
            self.phase = Phase::Ended(CloseReason::Stalled);
        }
        match self.phase {
            Phase::Closing { until_ms, reason } if now >= until_ms => {
                self.phase = Phase::Ended(reason);
            }
            Phase::Open => {
                self.is_heartbeat_due |=
                    self.has_heartbeat && now >= self.sent_ms.saturating_add(limits.heartbeat_ms);
                if self.input.is_some() {
                    self.check_pulse(limits, now);
                }
            }
            _ => {}
        }
    }

    /// A silent client that can answer is asked whether it is there, and given time to answer.
    fn check_pulse(&mut self, limits: &Limits, now: u64) {
        let silent_ms = now.saturating_sub(self.received_ms);
        // One packet for the heartbeat and the ping wakes a phone once, not twice.
        let goes_along = self.is_heartbeat_due && silent_ms >= limits.heartbeat_ms / 2;
        match self.pinged_ms {
            // The ping itself may wait for output that the client reads slowly. Then `stall_ms` decides.
            _ if self.blocked_ms.is_some() => {}
            Some(pinged_ms) if now >= pinged_ms.saturating_add(limits.pong_wait_ms) => {
                self.phase = Phase::Ended(CloseReason::Silent);
            }
            None if silent_ms >= limits.heartbeat_ms || goes_along => {
                self.pinged_ms = Some(now);
                let before = self.replies.len();
                self.dialect.write_ping(&mut self.replies);
                self.unseen_bytes += self.replies.len() - before;
            }
            _ => {}
        }
    }

    /// When [`Connection::handle_time`] has to be called, on the steady clock.
    pub fn wake_at_ms(&self, limits: &Limits) -> u64 {
        let stall_ms = self.blocked_ms.map_or(NEVER, |since| since.saturating_add(limits.stall_ms));
        let close_ms = match self.phase {
            Phase::Open => self.planned_end.as_ref().map_or(NEVER, |planned| planned.next_ms()),
            Phase::Closing { until_ms, .. } => until_ms,
            Phase::Flushing(_) | Phase::Ended(_) => NEVER,
        };
        let until_ms = stall_ms.min(close_ms);
        // A client that takes no bytes, or has more to read, needs no ping and no heartbeat.
        if self.phase != Phase::Open || self.blocked_ms.is_some() {
            return until_ms;
        }
        let pulse_ms = match self.pinged_ms {
            _ if !self.input.is_some() => NEVER,
            Some(pinged_ms) => pinged_ms.saturating_add(limits.pong_wait_ms),
            None => self.received_ms.saturating_add(limits.heartbeat_ms),
        };
        let beats = self.has_heartbeat && !self.is_heartbeat_due;
        let beat_ms = if beats { self.sent_ms.saturating_add(limits.heartbeat_ms) } else { NEVER };
        until_ms.min(pulse_ms).min(beat_ms)
    }

    /// Makes it say goodbye once everything that the lane has sorted is delivered, or after `grace_ms` at the latest. The
    /// goodbye asks the client to reconnect after `retry_ms`.
    ///
    /// A log in memory is lost with the process, so clients get this time to receive the rest. The limit is for clients
    /// far behind, which could delay the shutdown without end.
    pub fn dismiss(&mut self, retry_ms: u64, grace_ms: u64, time: Time) {
        let by_ms = time.steady_ms.saturating_add(grace_ms);
        let planned = self.planned_end.get_or_insert_default();
        planned.dismissal.get_or_insert(Dismissal { retry_ms, by_ms });
    }

    /// Does what was planned for now: of the reasons to end, an expiry goes before the others; what does not end it is a
    /// notice.
    fn carry_out_plan(&mut self, worker: &Worker, time: Time) {
        let Some(PlannedEnd { grant_wait, dismissal, .. }) = self.planned_end.as_deref().copied()
        else {
            return;
        };
        let now = time.steady_ms;
        if self.end_if_expired(worker, time) {
            return;
        }
        if grant_wait.is_some_and(|wait| now >= wait.by_ms) {
            self.end_unauthenticated(worker, time);
        } else if dismissal.is_some_and(|dismissal| now >= dismissal.by_ms) {
            self.say_goodbye(None, worker, time);
        } else {
            self.notify_of_expiry(time);
        }
    }

    /// Says the goodbye that waits, if any does. `position` is where the client is, if it has been delivered everything.
    pub(super) fn say_goodbye(&mut self, position: Option<Position>, worker: &Worker, time: Time) {
        let dismissal = self.planned_end.as_deref().and_then(|planned| planned.dismissal);
        if let Some(Dismissal { retry_ms, .. }) = dismissal {
            self.end(&Ending::ShuttingDown { position }, retry_ms, worker, time);
        }
    }
}

impl PlannedEnd {
    /// When something of it is to be done next.
    fn next_ms(&self) -> u64 {
        let dismissed_ms = self.dismissal.map_or(NEVER, |dismissal| dismissal.by_ms);
        let granted_ms = self.grant_wait.map_or(NEVER, |wait| wait.by_ms);
        let notice_ms = self.notice_ms.unwrap_or(NEVER);
        self.expiry_ms.unwrap_or(NEVER).min(notice_ms).min(granted_ms).min(dismissed_ms)
    }
}

/// The time that never comes.
const NEVER: u64 = u64::MAX;
