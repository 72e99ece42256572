//! A link that is shared: by its subscribers, by those who publish over it, and by the task that runs it.

use crate::{
    State,
    machine::{Link, LinkOptions, MemberId, PublishOutcome, Step},
};
use std::{
    collections::HashMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};
use tidewire_protocol::{Publish, Since};
use tokio::sync::{Notify, oneshot, watch};

/// The links of a client: one, unless subscriptions want to differ in their options.
#[derive(Debug, Default)]
pub(crate) struct Hubs {
    hubs: Mutex<Vec<Arc<Hub>>>,
}

/// A link, and who waits for it.
pub(crate) struct Hub {
    locked: Mutex<Locked>,
    /// Wakes the task that runs the link.
    pub(crate) news: Notify,
    /// Whether there is such a task.
    is_running: AtomicBool,
    state: watch::Sender<State>,
    began: Instant,
}

pub(crate) struct Locked {
    pub(crate) link: Link,
    wakers: HashMap<MemberId, Waker>,
    publishes: HashMap<u64, oneshot::Sender<PublishOutcome>>,
}

impl Hubs {
    /// The link for these options.
    pub(crate) fn hub(&self, options: LinkOptions) -> Arc<Hub> {
        let mut hubs = self.hubs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hub) = hubs.iter().find(|hub| *hub.lock().link.options() == options) {
            return Arc::clone(hub);
        }
        let hub = Arc::new(Hub::new(options));
        hubs.push(Arc::clone(&hub));
        hub
    }

    /// Publishes over a connection that is open, if there is one.
    pub(crate) fn publish(
        &self,
        message: &Publish<'_>,
    ) -> Option<oneshot::Receiver<PublishOutcome>> {
        let hubs = self.hubs.lock().unwrap_or_else(PoisonError::into_inner);
        hubs.iter().find_map(|hub| hub.publish(message))
    }
}

impl Hub {
    fn new(options: LinkOptions) -> Self {
        let link = Link::new(options, fastrand::u64(..));
        let (wakers, publishes) = (HashMap::new(), HashMap::new());
        Self {
            locked: Mutex::new(Locked { link, wakers, publishes }),
            news: Notify::new(),
            is_running: AtomicBool::new(false),
            state: watch::Sender::new(State::Idle),
            began: Instant::now(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Locked> {
        self.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, as the link counts it.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// When it is that time.
    pub(crate) fn instant(&self, time: Duration) -> Instant {
        self.began + time
    }

    pub(crate) fn states(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Begins a subscription. Returns its number, and whether a task has to be started that runs the link.
    pub(crate) fn subscribe(
        &self,
        channels: Vec<String>,
        since: Since,
        is_paged: bool,
    ) -> (MemberId, bool) {
        let mut locked = self.lock();
        let member = locked.link.subscribe(channels, since, is_paged);
        // Under the lock, as the task that ends looks for members under it.
        let was_running = self.is_running.swap(true, Ordering::AcqRel);
        drop(locked);
        self.news.notify_one();
        (member, !was_running)
    }

    pub(crate) fn unsubscribe(&self, member: MemberId) {
        let mut locked = self.lock();
        locked.link.unsubscribe(member);
        locked.wakers.remove(&member);
        drop(locked);
        self.news.notify_one();
    }

    /// The next step of a subscriber.
    pub(crate) fn poll_step(&self, member: MemberId, cx: &mut Context<'_>) -> Poll<Step> {
        let mut locked = self.lock();
        match locked.link.take(member) {
            Some(step) => {
                let is_drained = !locked.link.has_steps(member);
                drop(locked);
                if is_drained {
                    // It may have been too slow, and is ready for more now.
                    self.news.notify_one();
                }
                Poll::Ready(step)
            }
            None => {
                locked.wakers.insert(member, cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Hands out what has come: wakes subscribers, answers publishers, publishes the state.
    pub(crate) fn hand_out(&self) {
        let mut locked = self.lock();
        let Locked { link, wakers, publishes } = &mut *locked;
        while let Some((id, outcome)) = link.poll_outcome() {
            if let Some(publisher) = publishes.remove(&id) {
                // It may have gone.
                let _ = publisher.send(outcome);
            }
        }
        let state = link.state();
        let is_new = self.state.send_if_modified(|had| mem::replace(had, state.clone()) != state);
        // Subscribers show the state, too.
        let woken = wakers.extract_if(|member, _| is_new || link.has_steps(*member));
        let woken: Vec<Waker> = woken.map(|(_, waker)| waker).collect();
        drop(locked);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Ends the task that runs the link, if there is nothing to do. Returns whether it has ended.
    pub(crate) fn rest(&self) -> bool {
        let locked = self.lock();
        // The last subscription may have gone a moment ago. Then the connection still has to be closed.
        let is_done = locked.link.is_idle() && !locked.link.has_connection();
        if is_done {
            self.is_running.store(false, Ordering::Release);
        }
        is_done
    }

    /// Takes in that the task that ran the link has not ended by itself. The next subscription starts another one, which
    /// goes on for all.
    pub(crate) fn abandon(&self) {
        let mut locked = self.lock();
        locked.link.handle_abandonment();
        self.is_running.store(false, Ordering::Release);
        drop(locked);
        self.hand_out();
    }

    fn publish(&self, message: &Publish<'_>) -> Option<oneshot::Receiver<PublishOutcome>> {
        let mut locked = self.lock();
        let id = locked.link.publish(message.clone())?;
        let (sender, outcome) = oneshot::channel();
        locked.publishes.insert(id, sender);
        drop(locked);
        self.news.notify_one();
        Some(outcome)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hub").field("state", &*self.state.borrow()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, machine::Action};

    #[test]
    fn the_task_that_runs_the_link_stays_until_the_connection_is_closed() {
        let client = Client::new("http://127.0.0.1:1").unwrap();
        let hub = Hub::new(client.subscribe_raw("chat").options());
        let subscribe = || hub.subscribe(vec!["chat".into()], Since::Now, false);
        let [(first, is_first), (second, is_second)] = [subscribe(), subscribe()];
        assert!(is_first && !is_second);
        let poll_action = || hub.lock().link.poll_action(Duration::ZERO);
        assert!(matches!(poll_action(), Some(Action::Open(_))));
        hub.unsubscribe(first);
        assert!(!hub.rest());
        hub.unsubscribe(second);
        // Between what it did last and its rest.
        assert!(!hub.rest(), "a connection is left that nobody reads");
        assert_eq!(poll_action(), Some(Action::Close));
        assert!(hub.rest() && subscribe().1);
        hub.abandon();
        assert!(subscribe().1, "after the end of a runtime, nobody runs the link");
    }
}
