//! Keys and rules, and the checks of a token in their order: its form, its key, its signature, its claims.
//!
//! Nothing of the claims is read before the signature has been checked.

use crate::{
    api_keys::{ApiKeys, KEY_PREFIX},
    claims::Claims,
    compact::{Compact, Header},
    error::TokenError,
    key::Key,
    key_source::{FetchState, Fetched, KeySource, Source},
    limits::{LEEWAY_MS_MAX, TOKEN_BYTES_MAX},
    verified::{KeyMark, Verified},
};
use serde_json::{Map, Value};
use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Verifies tokens: keys and rules. Clones share the keys, also when they are replaced.
#[derive(Clone, Debug)]
pub struct Verifier {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rules: Rules,
    /// Whether keys are fetched at all.
    is_fetching: bool,
    keys: RwLock<Keys>,
    api_keys: RwLock<Arc<ApiKeys>>,
    source: Source,
    generation: AtomicU64,
}

/// The keys in force.
#[derive(Clone, Debug)]
struct Keys {
    /// Those that are given.
    given: Arc<[Key]>,
    /// Those that are fetched; `None` before the first time.
    fetched: Option<Arc<[Key]>>,
}

/// What is asked of a token beside its signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Which `iss` is accepted; if empty, any and none.
    pub issuers: Vec<String>,
    /// Which audiences this server is; if empty, tokens must have no `aud`.
    pub audiences: Vec<String>,
    /// Which `typ` is accepted; if empty, `JWT`, `tidewire+jwt` and none.
    pub types: Vec<String>,
    /// How far clocks may differ, in milliseconds; at most [`LEEWAY_MS_MAX`] is given.
    pub leeway_ms: u64,
}

impl Verifier {
    /// A verifier of tokens that `keys` have signed.
    pub fn new(rules: Rules, keys: Vec<Key>) -> Self {
        Self::with(rules, false, Keys { given: keys.into(), fetched: Some(Arc::default()) })
    }

    /// The same, with keys that are fetched beside these. Before [`replace_fetched`](Self::replace_fetched), tokens of
    /// other keys are refused with [`TokenError::KeysUnavailable`].
    pub fn fetching(rules: Rules, keys: Vec<Key>) -> Self {
        Self::with(rules, true, Keys { given: keys.into(), fetched: None })
    }

    fn with(rules: Rules, is_fetching: bool, keys: Keys) -> Self {
        let (keys, api_keys) = (RwLock::new(keys), RwLock::default());
        let (source, generation) = (Source::default(), AtomicU64::new(0));
        let shared = Shared { rules, is_fetching, keys, api_keys, source, generation };
        Self { shared: Arc::new(shared) }
    }

    /// Asks `source` for each key that a token names and that is not known. A token whose key may come is refused with
    /// [`TokenError::KeysAwaited`]: after [`keys_awaited`](Self::keys_awaited) it is to be verified again.
    ///
    /// Only the first call of this counts.
    pub fn fetch_from(&self, source: impl KeySource + 'static) {
        self.shared.source.set(Box::new(source));
    }

    /// What to wait for before a token is verified again that was refused with [`TokenError::KeysAwaited`]. `None` if too many
    /// wait already.
    pub fn keys_awaited(&self) -> Option<Fetched> {
        self.shared.source.get()?.fetched()
    }

    /// Verifies with these keys from now on, in all clones, in place of those that were given.
    pub fn replace_keys(&self, keys: Vec<Key>) {
        self.shared.keys.write().unwrap_or_else(PoisonError::into_inner).given = keys.into();
        self.shared.generation.fetch_add(1, Ordering::Release);
    }

    /// Verifies with these keys too from now on, in all clones, in place of those that were fetched before.
    pub fn replace_fetched(&self, keys: Vec<Key>) {
        let mut shared = self.shared.keys.write().unwrap_or_else(PoisonError::into_inner);
        shared.fetched = Some(keys.into());
    }

    /// Takes over the keys that another verifier has fetched, until some are fetched for this one.
    pub fn adopt_fetched(&self, other: &Self) {
        let fetched =
            other.shared.keys.read().unwrap_or_else(PoisonError::into_inner).fetched.clone();
        let mut keys = self.shared.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.fetched.is_none() {
            keys.fetched = fetched;
        }
    }

    /// Accepts these API keys from now on, in all clones, in place of those before.
    pub fn replace_api_keys(&self, keys: ApiKeys) {
        *self.shared.api_keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        self.shared.generation.fetch_add(1, Ordering::Release);
    }

    /// What is asked of a token beside its signature.
    pub fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    /// What `token` says, if it is to be believed at `now_ms`, in Unix milliseconds. An API key counts as a token
    /// that says what the key may do.
    ///
    /// # Errors
    ///
    /// It is not signed by one of the keys, has expired, is for somebody else, or is not as it has to be.
    pub fn verify(&self, token: &str, now_ms: u64) -> Result<Claims, TokenError> {
        self.identify(token, now_ms).map(|verified| verified.claims)
    }

    /// The same, with the key by which it is believed.
    ///
    /// # Errors
    ///
    /// As for [`verify`](Self::verify).
    pub fn identify(&self, token: &str, now_ms: u64) -> Result<Verified, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong { bytes: token.len() });
        }
        if token.starts_with(KEY_PREFIX) {
            let keys = &self.shared.api_keys;
            let keys = Arc::clone(&keys.read().unwrap_or_else(PoisonError::into_inner));
            let found = keys.find(token, now_ms).ok_or(TokenError::UnknownApiKey)?;
            return Ok(Verified {
                claims: found.claims.clone(),
                key: found.mark(),
                api_key_id: Some(found.id.clone()),
            });
        }
        let compact = Compact::split(token)?;
        let header = compact.header()?;
        self.shared.rules.check_type(header.kind.as_deref())?;
        let key = self.check_signature(&compact, &header)?;
        let members = compact.claims()?;
        let expires_ms = self.shared.rules.check_times(&members, now_ms)?;
        self.shared.rules.check_parties(&members)?;
        let claims = Claims::read(members, expires_ms)?;
        Ok(Verified { claims, key, api_key_id: None })
    }

    /// Whether what was believed by this key would still be: it is one of those that are given, or an API key, or was
    /// fetched and this verifier fetches keys.
    pub fn trusts(&self, key: KeyMark) -> bool {
        let given =
            Arc::clone(&self.shared.keys.read().unwrap_or_else(PoisonError::into_inner).given);
        let api_keys = &self.shared.api_keys;
        let api_keys = Arc::clone(&api_keys.read().unwrap_or_else(PoisonError::into_inner));
        (key == KeyMark::FETCHED && self.shared.is_fetching)
            || given.iter().any(|given| given.mark() == key)
            || api_keys.iter().any(|api_key| api_key.mark() == key)
    }

    /// How often its keys were replaced, but for fetched ones: as long as that is the same, [`trusts`](Self::trusts) is.
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    fn check_signature(
        &self,
        compact: &Compact<'_>,
        header: &Header,
    ) -> Result<KeyMark, TokenError> {
        // Signatures take long, so the lock is not held meanwhile.
        let keys = self.shared.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let candidates = keys.candidates(header).map_err(|error| self.may_come(error))?;
        let is_signed_by = |key: &&Key| key.verifies(header.algorithm, compact);
        let signer = candidates.into_iter().find(is_signed_by).ok_or(TokenError::BadSignature)?;
        let is_given = keys.given.iter().any(|given| given.mark() == signer.mark());
        Ok(if is_given { signer.mark() } else { KeyMark::FETCHED })
    }
}

impl Verifier {
    /// Asks for the key that is missing, if one is.
    fn may_come(&self, error: TokenError) -> TokenError {
        let is_missing = matches!(error, TokenError::UnknownKey | TokenError::KeysUnavailable);
        let source = self.shared.source.get().filter(|_| is_missing);
        match source.map(KeySource::ask) {
            Some(FetchState::UnderWay) => TokenError::KeysAwaited,
            Some(FetchState::Failed) => TokenError::KeysUnavailable,
            Some(FetchState::Done) | None => error,
        }
    }
}

impl Keys {
    /// The keys that may have signed a token with this header: at least one, and at most [`KEYS_TRIED_MAX`].
    ///
    /// A key with an id is asked only for tokens that name it, or name none; a key without an id for those that name no
    /// other.
    fn candidates(&self, header: &Header) -> Result<Vec<&Key>, TokenError> {
        let fits = |key: &&Key| key.is_for(header.algorithm);
        let named: Vec<&Key> = match &header.key_id {
            None => self.iter().collect(),
            Some(id) => self.iter().filter(|key| key.id() == Some(id)).collect(),
        };
        let (fitting, otherwise): (Vec<&Key>, _) = match named.is_empty() {
            false => (named.into_iter().filter(fits).collect(), TokenError::AlgorithmNotAllowed),
            true => {
                let nameless = self.iter().filter(|key| key.id().is_none());
                (nameless.filter(fits).collect(), TokenError::UnknownKey)
            }
        };
        match fitting.len() {
            0 if self.fetched.is_none() => Err(TokenError::KeysUnavailable),
            0 => Err(otherwise),
            1..=KEYS_TRIED_MAX => Ok(fitting),
            _ => Err(TokenError::NoKeyId),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Key> {
        self.given.iter().chain(self.fetched.iter().flat_map(|keys| keys.iter()))
    }
}

impl Rules {
    /// Tokens of other kinds, such as those for an API or proofs of possession, say so:
    /// <https://www.rfc-editor.org/rfc/rfc8725#section-3.11>
    fn check_type(&self, kind: Option<&str>) -> Result<(), TokenError> {
        let is_allowed = match (kind, self.types.is_empty()) {
            (None, is_usual) => is_usual,
            (Some(kind), true) => USUAL_TYPES.iter().any(|usual| is_type(kind, usual)),
            (Some(kind), false) => self.types.iter().any(|allowed| is_type(kind, allowed)),
        };
        if is_allowed {
            return Ok(());
        }
        let allowed = match self.types.is_empty() {
            true => "JWT, tidewire+jwt or left out".to_owned(),
            false => self.types.join(" or "),
        };
        Err(TokenError::WrongType { allowed })
    }

    /// When the token ends, if that is to come, and its beginning is not.
    fn check_times(&self, members: &Map<String, Value>, now_ms: u64) -> Result<u64, TokenError> {
        let leeway_ms = self.leeway_ms.min(LEEWAY_MS_MAX);
        let expires_ms = time(members, "exp")?.ok_or(TokenError::NoExpiry)?;
        let expires_ms = expires_ms.saturating_add(leeway_ms);
        if expires_ms <= now_ms {
            return Err(TokenError::Expired);
        }
        match time(members, "nbf")? {
            Some(begins_ms) if begins_ms > now_ms.saturating_add(leeway_ms) => {
                Err(TokenError::NotYetValid)
            }
            _ => Ok(expires_ms),
        }
    }

    fn check_parties(&self, members: &Map<String, Value>) -> Result<(), TokenError> {
        let issuer = match members.get("iss") {
            None => None,
            Some(Value::String(issuer)) => Some(issuer),
            Some(_) => return Err(TokenError::BadClaim { claim: "iss", allowed: "a text" }),
        };
        let is_issued = |issuer: &String| self.issuers.contains(issuer);
        if !self.issuers.is_empty() && !issuer.is_some_and(is_issued) {
            return Err(TokenError::WrongIssuer);
        }
        let audiences = audiences(members.get("aud"))?;
        if self.audiences.is_empty() {
            // https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3: a server that is not in it must refuse.
            return if audiences.is_empty() { Ok(()) } else { Err(TokenError::UnexpectedAudience) };
        }
        let is_ours = |audience: &&str| self.audiences.iter().any(|ours| ours == audience);
        match audiences.iter().any(is_ours) {
            true => Ok(()),
            false => Err(TokenError::WrongAudience),
        }
    }
}

/// The audiences that `aud` names: one, or a list.
fn audiences(value: Option<&Value>) -> Result<Vec<&str>, TokenError> {
    let is_none = TokenError::BadClaim { claim: "aud", allowed: "a text or an array of texts" };
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(several)) => {
            several.iter().map(|one| one.as_str().ok_or_else(|| is_none.clone())).collect()
        }
        Some(_) => Err(is_none),
    }
}

/// A time in Unix milliseconds, from one in seconds that may have a fraction.
fn time(members: &Map<String, Value>, claim: &'static str) -> Result<Option<u64>, TokenError> {
    let Some(value) = members.get(claim) else { return Ok(None) };
    let is_none = TokenError::BadClaim { claim, allowed: SECONDS };
    let Value::Number(seconds) = value else { return Err(is_none) };
    if let Some(seconds) = seconds.as_u64() {
        return Ok(Some(seconds.saturating_mul(1_000)));
    }
    let seconds = seconds.as_f64().ok_or(is_none)?;
    // What is before 1970 is long ago; what no duration can hold is far ahead.
    let since_1970 = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
    Ok(Some(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)))
}

/// Media types are compared without case, and `application/` may be left out:
/// <https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9>
fn is_type(given: &str, wanted: &str) -> bool {
    let bare = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.strip_prefix("application/").map(str::to_owned).unwrap_or(text)
    };
    bare(given) == bare(wanted)
}

/// How many keys are tried for one token: a token without `kid` must not cost as much as all keys.
const KEYS_TRIED_MAX: usize = 4;

const USUAL_TYPES: [&str; 2] = ["JWT", "tidewire+jwt"];

const SECONDS: &str = "a number of seconds since 1970";
