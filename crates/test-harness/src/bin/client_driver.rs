//! Runs Rust clients for one world of `cargo xtask clients`: commands come as JSON lines on standard input, and what the
//! clients report leaves as JSON lines on standard output. `src/clients/driver.rs` describes both.

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    future::poll_fn,
    io::Write as _,
    task::Poll,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tidewire_client::{
    Backoff, Bookmark, Client, Delivery, Outbox, Since, State, SubscribeRequest, Subscription,
    TokenError, Wire,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    runtime::Handle,
    select,
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

/// A client, and what it has to do with.
struct Tested {
    client: Client,
    wire: Wire,
    outbox: Outbox,
    subscriptions: HashMap<u64, mpsc::UnboundedSender<Order>>,
    asked: mpsc::UnboundedSender<(u64, String)>,
    /// Ends when the client is closed.
    _states: oneshot::Sender<()>,
}

/// What a subscription has to do.
enum Order {
    ReportPosition,
    End,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    say(
        json!({"event": "ready", "can": ["websocket", "sse", "poll", "publish", "outbox", "tokens"]}),
    );
    tokio::spawn(watch_lateness());
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut clients: HashMap<u64, Tested> = HashMap::new();
    // An outbox goes on after its client is closed, also where no server is left to take what is in it.
    let mut has_unsent = false;
    while let Some(line) = lines.next_line().await? {
        let command: Value = serde_json::from_str(&line)?;
        if command.get("do").is_some_and(|it| it == "close") {
            let closed = command.get("client").and_then(Value::as_u64);
            let closed = closed.and_then(|id| clients.get(&id));
            has_unsent |= closed.is_some_and(|it| !it.outbox.is_empty());
        }
        obey(&command, &mut clients).with_context(|| line.clone())?;
    }
    has_unsent |= clients.values().any(|it| !it.outbox.is_empty());
    // A client that is closed leaves nothing running, apart from the watch.
    let ended = timeout(ENDING, async {
        while Handle::current().metrics().num_alive_tasks() > 1 {
            sleep(LOOK).await;
        }
    });
    if ended.await.is_err() && !has_unsent {
        say(json!({"event": "fault", "error": "tasks of closed clients go on"}));
    }
    Ok(())
}

fn obey(command: &Value, clients: &mut HashMap<u64, Tested>) -> Result<()> {
    let number = |name: &str| command[name].as_u64().with_context(|| format!("no {name}"));
    let text = |name: &str| command[name].as_str().with_context(|| format!("no {name}"));
    let id = number("client")?;
    match text("do")? {
        "connect" => {
            clients.insert(id, Tested::connect(id, command)?);
            return Ok(());
        }
        "close" => {
            clients.remove(&id);
            say(json!({"event": "state", "client": id, "state": "closed"}));
            return Ok(());
        }
        // It was asked for before the client was closed.
        "token" if !clients.contains_key(&id) => return Ok(()),
        _ => {}
    }
    let tested = clients.get_mut(&id).context("no such client")?;
    match text("do")? {
        // As long as the client needs one.
        "token" => _ = tested.asked.send((number("ask")?, text("token")?.to_owned())),
        "subscribe" => {
            let channels = command["channels"].as_array().context("no channels")?;
            let channels = channels.iter().filter_map(|it| it.as_str().map(String::from));
            let request = tested.client.subscribe_raw(channels.collect::<Vec<_>>());
            let since: Since = command["since"].as_str().unwrap_or("now").parse()?;
            let request = shortened(request, tested.wire).since(since);
            let (orders, received) = mpsc::unbounded_channel();
            let subscription = number("subscription")?;
            tested.subscriptions.insert(subscription, orders);
            tokio::spawn(follow(id, subscription, request.stream(), received));
        }
        "unsubscribe" => {
            let orders = tested.subscriptions.remove(&number("subscription")?);
            orders.context("no such subscription")?.send(Order::End)?;
        }
        "position" => {
            let orders = tested.subscriptions.get(&number("subscription")?);
            orders.context("no such subscription")?.send(Order::ReportPosition)?;
        }
        "publish" => {
            let request = tested.client.publish(text("channel")?).json(&command["data"])?;
            let publish = number("publish")?;
            let receipt = tested.outbox.publish(request)?;
            tokio::spawn(async move {
                match receipt.await {
                    Ok(position) => say(json!({
                        "event": "published", "client": id, "publish": publish, "position": position
                    })),
                    Err(error) => say(json!({
                        "event": "failed", "client": id, "publish": publish, "error": error.to_string()
                    })),
                }
            });
        }
        other => anyhow::bail!("{other} is no command"),
    }
    Ok(())
}

impl Tested {
    fn connect(id: u64, command: &Value) -> Result<Self> {
        let url = command["url"].as_str().context("no url")?;
        let names = command["wires"].as_array().map(Vec::as_slice).unwrap_or_default();
        let wire = match names {
            [one] => wire(one.as_str().unwrap_or_default()),
            _ => Wire::Auto,
        };
        let (asked, answers) = mpsc::unbounded_channel();
        let mut builder = Client::builder(url).request_timeout(Duration::from_secs(1));
        if command["tokens"].as_bool() == Some(true) {
            builder = builder.token_from(token_source(id, answers));
        }
        let client = builder.build()?;
        let outbox = client.outbox(10_000);
        let (states, closed) = oneshot::channel();
        // Its link, before anything is subscribed.
        let states_of = shortened(client.subscribe_raw(Vec::<String>::new()), wire).stream();
        tokio::spawn(report_states(id, states_of, closed));
        let subscriptions = HashMap::new();
        Ok(Self { client, wire, outbox, subscriptions, asked, _states: states })
    }
}

/// Asks the rig for each token.
fn token_source(
    id: u64,
    answers: mpsc::UnboundedReceiver<(u64, String)>,
) -> impl Fn() -> futures_util::future::BoxFuture<'static, Result<String, TokenError>> + Send + Sync
{
    let state = std::sync::Arc::new(tokio::sync::Mutex::new((0_u64, answers)));
    move || {
        let state = std::sync::Arc::clone(&state);
        Box::pin(async move {
            let mut state = state.lock().await;
            state.0 += 1;
            let ask = state.0;
            say(json!({"event": "asks", "client": id, "ask": ask}));
            while let Some((answered, token)) = state.1.recv().await {
                if answered == ask {
                    return Ok(token);
                }
            }
            Err(TokenError::Refused("the client was closed".into()))
        })
    }
}

/// With times that a world of a few seconds can wait for.
fn shortened(request: SubscribeRequest, wire: Wire) -> SubscribeRequest {
    let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
    let request = request.wire(wire).heartbeat(Duration::from_millis(200)).backoff(backoff);
    request.patience(Duration::from_secs(1))
}

fn wire(name: &str) -> Wire {
    match name {
        "websocket" => Wire::WebSocket,
        "sse" => Wire::Sse,
        "poll" => Wire::Poll,
        _ => Wire::Auto,
    }
}

async fn report_states(id: u64, subscription: Subscription, mut closed: oneshot::Receiver<()>) {
    let mut states = subscription.states();
    loop {
        let state = states.borrow_and_update().clone();
        let name = match &state {
            State::Idle | State::Connecting => "connecting",
            State::CatchingUp { .. } => "catching up",
            State::Live(_) => "live",
            State::Waiting { .. } => "waiting",
            State::Refused(_) => "refused",
        };
        say(json!({"event": "state", "client": id, "state": name, "detail": format!("{state:?}")}));
        select! {
            changed = states.changed() => if changed.is_err() { return },
            _ = &mut closed => return,
        }
    }
}

async fn follow(
    client: u64,
    number: u64,
    mut subscription: Subscription,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let mut has_begun = false;
    let say_of = |mut event: Value| {
        if let Some(members) = event.as_object_mut() {
            members.insert("client".to_owned(), client.into());
            members.insert("subscription".to_owned(), number.into());
        }
        say(event);
    };
    let report = |event: &str, position: Option<String>, error: Option<String>| {
        say_of(json!({"event": event, "position": position, "error": error}));
    };
    loop {
        let order = async {
            // If there is none any more, the client was closed.
            orders.recv().await.unwrap_or(Order::End)
        };
        select! {
            biased;
            next = next(&mut subscription, has_begun) => {
                let position = place(subscription.position());
                if !has_begun && position.is_some() {
                    has_begun = true;
                    report("begun", position.clone(), None);
                }
                match next {
                    Next::Begun => {}
                    Next::Step(Some(Ok(Delivery::Message(message)))) => {
                        say_of(json!({"event": "message", "message": message, "position": position}));
                    }
                    Next::Step(Some(Ok(Delivery::Gap(gap)))) => {
                        say_of(json!({"event": "gap", "gap": gap}));
                    }
                    Next::Step(ended) => {
                        let error = ended.and_then(Result::err).map(|error| error.to_string());
                        return report("ended", position, error);
                    }
                }
            }
            order = order => match order {
                Order::ReportPosition => report("position", place(subscription.position()), None),
                Order::End => {
                    let position = place(subscription.position());
                    drop(subscription);
                    return report("ended", position, None);
                }
            }
        }
    }
}

/// The next step, or that it has begun, which it does without a message.
async fn next(subscription: &mut Subscription, has_begun: bool) -> Next {
    poll_fn(|cx| {
        let polled = subscription.poll_next_unpin(cx);
        let is_placed = place(subscription.position()).is_some();
        match polled {
            Poll::Pending if !has_begun && is_placed => Poll::Ready(Next::Begun),
            polled => polled.map(Next::Step),
        }
    })
    .await
}

/// What a subscription brings.
enum Next {
    Begun,
    Step(Option<Result<Delivery, tidewire_client::SubscribeError>>),
}

/// From where it would resume, once that is a position and not one inside a state.
fn place(position: Option<Bookmark>) -> Option<String> {
    position.filter(|it| it.state.is_none()).map(|it| it.after.to_string())
}

/// Times that the clients report are late by as much as this process is.
async fn watch_lateness() {
    loop {
        let before = Instant::now();
        sleep(LOOK).await;
        let late = before.elapsed().saturating_sub(LOOK);
        if late > LATE {
            say(json!({"event": "lag", "ms": u64::try_from(late.as_millis()).unwrap_or(u64::MAX)}));
        }
    }
}

/// Prints an event.
fn say(mut event: Value) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if let Some(members) = event.as_object_mut() {
        members.retain(|_, value| !value.is_null());
        let at = u64::try_from(since.as_millis()).unwrap_or_default();
        members.insert("at".to_owned(), at.into());
    }
    let mut out = std::io::stdout().lock();
    // The rig has ended: nobody reads it.
    let _ = writeln!(out, "{event}").and_then(|()| out.flush());
}

const LOOK: Duration = Duration::from_millis(20);
const ENDING: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_millis(20);
