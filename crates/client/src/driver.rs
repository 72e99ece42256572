//! The task that runs a link: it opens what the link says, passes on what comes, and keeps its time.

use crate::{
    Client,
    hub::Hub,
    machine::{Action, Failure, Item, MemberId, PageRequest},
    wire::{self, Connection},
};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use std::{future::pending, sync::Arc, time::Duration};
use tidewire_protocol::PollAnswer;
use tokio::{select, time};

/// Runs until nobody is subscribed.
pub(crate) async fn run(client: Client, hub: Arc<Hub>) {
    let (connection, pages) = (None, FuturesUnordered::new());
    let mut driver = Driver { client, hub, connection, pages, has_ended: false };
    loop {
        driver.act();
        driver.hub.hand_out();
        if driver.hub.rest() {
            driver.has_ended = true;
            return;
        }
        driver.wait().await;
    }
}

struct Driver {
    client: Client,
    hub: Arc<Hub>,
    connection: Option<Connection>,
    pages: FuturesUnordered<BoxFuture<'static, Page>>,
    /// It has said so to the hub, which may have another driver since.
    has_ended: bool,
}

/// A page, and whose it is.
type Page = (MemberId, Result<PollAnswer, Failure>);

enum Event {
    Item(Result<Item, Failure>),
    Page(Page),
    Time,
}

impl Driver {
    /// Does all that the link says now.
    fn act(&mut self) {
        let now = self.hub.now();
        self.hub.lock().link.handle_time(now);
        loop {
            let action = self.hub.lock().link.poll_action(now);
            match action {
                None => return,
                Some(Action::Open(opening)) => {
                    self.connection = Some(Connection::open(self.client.clone(), opening));
                }
                Some(Action::Close) => self.connection = None,
                Some(Action::Send(text)) => {
                    self.connection.iter().for_each(|connection| connection.send(text.clone()));
                }
                Some(Action::Page(PageRequest { member, channels, since, limit })) => {
                    let client = self.client.clone();
                    let page = async move {
                        let page = wire::page(&client, &channels, since, Duration::ZERO);
                        let late = |_| Err(Failure::Cut("a page did not come in time".into()));
                        (member, time::timeout(limit, page).await.unwrap_or_else(late))
                    };
                    self.pages.push(page.boxed());
                }
                Some(Action::ForgetToken) => self.client.tokens().forget(),
            }
        }
    }

    /// Waits for something, and passes it on.
    async fn wait(&mut self) {
        let (wants_input, deadline) = {
            let locked = self.hub.lock();
            (locked.link.wants_input(), locked.link.deadline())
        };
        let event = {
            let connection = self.connection.as_mut().filter(|_| wants_input);
            let item = async {
                match connection {
                    Some(connection) => connection.next().await,
                    None => pending().await,
                }
            };
            let page = async {
                match self.pages.next().await {
                    Some(page) => page,
                    None => pending().await,
                }
            };
            let deadline = async {
                match deadline {
                    Some(time) => time::sleep_until(self.hub.instant(time).into()).await,
                    None => pending().await,
                }
            };
            select! {
                item = item => Event::Item(item),
                page = page => Event::Page(page),
                () = self.hub.news.notified() => Event::Time,
                () = deadline => Event::Time,
            }
        };
        self.take_in(event);
        // What has come together is taken in together.
        for _ in 1..TOGETHER_MAX {
            if !self.hub.lock().link.wants_input() {
                return;
            }
            let Some(item) = self.connection.as_mut().and_then(|it| it.next().now_or_never())
            else {
                return;
            };
            self.take_in(Event::Item(item));
        }
    }

    fn take_in(&mut self, event: Event) {
        let now = self.hub.now();
        match event {
            Event::Item(Ok(item)) => self.hub.lock().link.handle_item(item, now),
            Event::Item(Err(failure)) => {
                self.connection = None;
                self.hub.lock().link.handle_failure(failure, now);
            }
            Event::Page((member, page)) => self.hub.lock().link.handle_page(member, page, now),
            Event::Time => {}
        }
    }
}

/// The runtime ends, or something has panicked.
impl Drop for Driver {
    fn drop(&mut self) {
        if !self.has_ended {
            self.hub.abandon();
        }
    }
}

/// Items of one turn, so that pages and deadlines have theirs.
const TOGETHER_MAX: usize = 64;
