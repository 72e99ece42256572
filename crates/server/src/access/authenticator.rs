//! Finds out who sends a request, by its credentials and by what the operator has configured.

use super::{
    Caller, CredentialError, Identity, Who,
    cors::Cookies,
    credential_error::Ignored,
    credentials::{self, Credential},
    identity::{Carrier, Words},
};
use crate::{
    admission::Admission,
    clock::Clock,
    problem::ProblemResponse,
    tickets::{Bounds, TICKET_BYTES, Tickets},
};
use actix_web::dev::RequestHead;
use serde::{Deserialize, Deserializer, de};
use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tidewire_broker::{Grant, Label};
use tidewire_client_address::ClientAddress;
use tidewire_protocol::ErrorCode;
use tidewire_tokens::{Fetched, KeyMark, TokenError, Verifier};
use tokio::time::timeout;

/// The keys that credentials are checked with, where they may be, and what a request without any may do.
///
/// Clones share all of it, also what an operator changes while the server runs.
#[derive(Clone, Debug)]
pub(crate) struct Authenticator {
    policy: Arc<RwLock<Arc<Policy>>>,
    /// How often that was replaced.
    replaced: Arc<AtomicU64>,
    /// What stands for credentials that were checked before.
    tickets: Arc<Mutex<Tickets<Identity>>>,
    /// How many credentials of an address may be wrong, and when the server ends.
    admission: Option<Admission>,
    clock: Clock,
}

/// What the configuration says of credentials.
#[derive(Debug)]
pub(crate) struct Policy {
    /// What checks tokens, if there are keys.
    pub(crate) verifier: Option<Verifier>,
    /// What requests without credentials may do, if they may do anything.
    pub(crate) anonymous: Option<Grant>,
    /// The cookie in which pages may send a token.
    pub(crate) cookie: Option<CookieName>,
    /// What one in a query is good for.
    pub(crate) in_query: TokensInQuery,
}

/// What requests without credentials may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StrangersMay {
    Nothing,
    Something,
    Everything,
}

/// When the parameter `token` of a query counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokensInQuery {
    /// It is refused.
    Never,
    /// It allows everything that its token does, but publishing.
    #[default]
    Reading,
    /// It counts like one in a header, but is no operator's.
    Always,
}

/// The name of a cookie: a token of RFC 9110.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieName(String);

impl Authenticator {
    /// One that checks tokens with `verifier`, and answers requests without credentials by `anonymous`.
    pub(crate) fn new(verifier: Option<Verifier>, anonymous: Option<Grant>) -> Self {
        let tickets = Arc::new(Mutex::new(Tickets::new(Bounds::default())));
        let policy =
            Policy { verifier, anonymous, cookie: None, in_query: TokensInQuery::default() };
        let policy = Arc::new(RwLock::new(Arc::new(policy)));
        let replaced = Arc::default();
        Self { policy, replaced, tickets, admission: None, clock: Clock::start() }
    }

    /// Judges by another policy from now on, in all clones. Tickets that were issued stay good.
    pub(crate) fn replace(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        self.replaced.fetch_add(1, Ordering::Release);
    }

    /// How often keys were replaced: as long as this is the same, [`trusts`](Self::trusts) is.
    pub(crate) fn key_generation(&self) -> (u64, u64) {
        let replaced = self.replaced.load(Ordering::Acquire);
        let policy = self.policy();
        (replaced, policy.verifier.as_ref().map_or(0, Verifier::generation))
    }

    /// Whether credentials that were believed by this key still would be.
    pub(crate) fn trusts(&self, key: KeyMark) -> bool {
        // Without keys nobody is known by one.
        self.policy().verifier.as_ref().is_some_and(|verifier| verifier.trusts(key))
    }

    /// Uses up the ticket of a sender that has one, for what it opens.
    ///
    /// # Errors
    ///
    /// It was used meanwhile, or has expired.
    pub(crate) fn use_ticket(&self, identity: &Identity) -> Result<(), CredentialError> {
        let Some(ticket) = identity.ticket() else { return Ok(()) };
        let now_ms = self.clock.now().steady_ms;
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.redeem(ticket, now_ms).map(drop).ok_or(CredentialError::Ticket)
    }

    fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same, which takes tokens in this cookie and in queries too.
    #[cfg(test)]
    pub(crate) fn taking(self, cookie: Option<CookieName>, in_query: TokensInQuery) -> Self {
        let Policy { verifier, anonymous, .. } = &*self.policy();
        let policy =
            Policy { verifier: verifier.clone(), anonymous: anonymous.clone(), cookie, in_query };
        Self { policy: Arc::new(RwLock::new(Arc::new(policy))), ..self }
    }

    /// The same, which looks at no more credentials from an address than these allow.
    pub(crate) fn within(self, admission: Admission) -> Self {
        Self { admission: Some(admission), ..self }
    }

    /// Whether pages may send a token in a cookie.
    pub(super) fn cookies(&self) -> Cookies {
        if self.policy().cookie.is_some() { Cookies::Count } else { Cookies::AreIgnored }
    }

    /// What requests without credentials may do.
    pub(super) fn strangers(&self) -> StrangersMay {
        match &self.policy().anonymous {
            None => StrangersMay::Nothing,
            Some(grant) if grant.is_open() => StrangersMay::Everything,
            Some(_) => StrangersMay::Something,
        }
    }

    /// Who sends a request, whose client has this `address`.
    ///
    /// Without keys, and where everybody may do everything, nobody looks at credentials: a front-end in development may send
    /// some.
    ///
    /// # Errors
    ///
    /// Credentials are missing, or they are not valid.
    pub(super) fn identify(
        &self,
        head: &RequestHead,
        caller: &Caller,
        address: Option<ClientAddress>,
        now_ms: u64,
    ) -> Result<Identity, CredentialError> {
        let policy = self.policy();
        if let Some(everybody) = policy.everybody() {
            return Ok(everybody);
        }
        let cookie = policy.cookie.as_ref().map(|CookieName(name)| &**name);
        let ticket = credentials::ticket(head)?;
        match credentials::find(head, caller, cookie)? {
            Ok(_) if ticket.is_some() => {
                Err(CredentialError::TooMany { places: "as ticket= and as a token" })
            }
            Err(_) if let Some(ticket) = ticket => self.judge(address, || self.look_up(&ticket)),
            Err(ignored) => policy.anonymous(ignored),
            Ok(Credential { text, carrier: Carrier::Private }) => {
                self.identify_token(&text, address, now_ms)
            }
            Ok(Credential { text, .. }) => {
                let carrier = match policy.in_query {
                    TokensInQuery::Never => return Err(CredentialError::InQuery),
                    TokensInQuery::Reading => Carrier::Query,
                    TokensInQuery::Always => Carrier::PublishingQuery,
                };
                self.judge(address, || policy.verify(&text, carrier, now_ms))
            }
        }
    }

    /// Who has a token that came in a frame or a body; nobody asks for the origin of a page again.
    ///
    /// # Errors
    ///
    /// The token is not valid.
    pub(crate) fn identify_token(
        &self,
        token: &str,
        address: Option<ClientAddress>,
        now_ms: u64,
    ) -> Result<Identity, CredentialError> {
        let policy = self.policy();
        let verify = || policy.verify(token, Carrier::Private, now_ms);
        policy.everybody().map_or_else(|| self.judge(address, verify), Ok)
    }

    /// What to wait for before a credential is refused by this `error`. If it [awaits keys](CredentialError::awaits_keys), it is
    /// judged once more then.
    pub(crate) fn awaited(&self, error: &CredentialError) -> Option<Fetched> {
        match error {
            CredentialError::Token(TokenError::KeysAwaited) => {
                self.policy().verifier.as_ref()?.keys_awaited()
            }
            CredentialError::TooManyFailures(_) => {
                let admission = self.admission.clone()?;
                Some(Box::pin(async move {
                    // A server that ends waits for nobody.
                    let _ = timeout(GUESS_PAUSE, admission.shutdown_begun()).await;
                }))
            }
            _ => None,
        }
    }

    /// Has a credential from `address` judged, unless too many from there were wrong: judging one takes time.
    fn judge(
        &self,
        address: Option<ClientAddress>,
        judge: impl FnOnce() -> Result<Identity, CredentialError>,
    ) -> Result<Identity, CredentialError> {
        let Some(limits) = self.admission.as_ref().map(Admission::limits) else { return judge() };
        limits.check_failed_tokens(address)?;
        judge().inspect_err(|error| {
            if error.is_a_guess() {
                limits.note_failed_token(address);
            }
        })
    }

    /// Issues a ticket by which one request is sent as if by `identity`.
    ///
    /// # Errors
    ///
    /// It has no credentials, though there are keys; or there are too many tickets.
    pub(crate) fn issue_ticket(&self, identity: &Identity) -> Result<String, ProblemResponse> {
        if self.policy().verifier.is_some() && *identity.who() == Who::Anonymous {
            return Err(CredentialError::Missing { ignored: Ignored::Nothing }.into());
        }
        let mut random = [0; TICKET_BYTES];
        getrandom::fill(&mut random)
            .map_err(|error| ProblemResponse::new(ErrorCode::Internal, error.to_string()))?;
        let now_ms = self.clock.now().steady_ms;
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        tickets
            .issue(identity.clone(), identity.subject(), random, now_ms)
            .map_err(|error| ProblemResponse::new(ErrorCode::Overloaded, error.to_string()))
    }

    /// Whom a ticket stands for. It is used up by [`use_ticket`](Self::use_ticket) only: a request may be refused for another
    /// reason, or ask for the head alone.
    fn look_up(&self, ticket: &str) -> Result<Identity, CredentialError> {
        let now_ms = self.clock.now().steady_ms;
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = tickets.holder(ticket, now_ms).ok_or(CredentialError::Ticket)?;
        Ok(holder.clone().by_ticket(ticket))
    }
}

impl Policy {
    /// The sender of any request, if nobody has a token and everybody may do everything.
    fn everybody(&self) -> Option<Identity> {
        let grant =
            self.anonymous.as_ref().filter(|grant| self.verifier.is_none() && grant.is_open())?;
        Some(Identity::anonymous(grant.clone(), Words::Shown))
    }

    fn anonymous(&self, ignored: Ignored) -> Result<Identity, CredentialError> {
        let grant = self.anonymous.clone().ok_or(CredentialError::Missing { ignored })?;
        let words = if self.verifier.is_some() { Words::Marked } else { Words::Shown };
        Ok(Identity::anonymous(grant, words))
    }

    fn verify(
        &self,
        token: &str,
        carrier: Carrier,
        now_ms: u64,
    ) -> Result<Identity, CredentialError> {
        let verifier = self.verifier.as_ref().ok_or(CredentialError::NoKeys)?;
        let verified = verifier.identify(token, now_ms)?;
        // It is shown as the user of a member.
        let subject = verified.claims.subject.as_deref().map(str::parse::<Label>);
        subject.transpose().map_err(CredentialError::Subject)?;
        Ok(Identity::of_token(verified, carrier))
    }
}

impl FromStr for TokensInQuery {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            "reading" => Ok(Self::Reading),
            "always" => Ok(Self::Always),
            other => Err(format!("{other:?} is not never, reading or always")),
        }
    }
}

impl FromStr for CookieName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_in_names =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        match !text.is_empty() && text.bytes().all(is_in_names) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "{text:?} is not the name of a cookie: letters, digits, - and _, such as tidewire_token"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for TokensInQuery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for CookieName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

fn from_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

/// How long the refusal of a credential waits that was not looked at. Who guesses over kept connections gets four answers a
/// second on each, or on each stream of HTTP/2, so that a flood of guesses takes next to no time of a worker.
const GUESS_PAUSE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
