//! Requests to the server under examination, as a client would send them.

use super::advice::Proxy;
use crate::commands::server::ServerUrl;
use anyhow::{Context as _, Result};
use reqwest::{
    Client, Method, RequestBuilder, Response, Url,
    header::{self, HeaderValue},
    redirect::Policy,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tidewire_protocol::Problem;

/// Where the server is, and as whom to ask it.
#[derive(Debug)]
pub(super) struct Probe {
    http: Client,
    base: Url,
    token: Option<HeaderValue>,
    /// A channel that nobody else uses.
    pub(super) channel: String,
}

/// An answer with what was read of it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The body if it is JSON.
    pub(super) json: Option<Value>,
    /// Where a redirect leads.
    pub(super) location: Option<String>,
    /// Which proxy the headers name.
    pub(super) proxy: Option<Proxy>,
    pub(super) text: String,
}

impl Probe {
    /// Asks the server at `url`, with `token` if there is one.
    ///
    /// # Errors
    ///
    /// The system has no certificates, or the token cannot stand in a header.
    pub(super) fn new(url: &ServerUrl, token: Option<&str>) -> Result<Self> {
        let base = Url::parse(url.as_str())?;
        let builder = || {
            let provider = Arc::new(ring::default_provider());
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
        };
        let tls = match base.scheme() {
            "https" => builder()?.with_platform_verifier()?.with_no_client_auth(),
            _ => builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
        };
        let http = Client::builder()
            .user_agent(concat!("tidewire-doctor/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_WAIT)
            .tcp_nodelay(true)
            .tls_backend_preconfigured(tls)
            .build()?;
        let token = token.map(|token| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))?;
            value.set_sensitive(true);
            Ok::<_, header::InvalidHeaderValue>(value)
        });
        let token =
            token.transpose().context("the token holds a character that no header can have")?;
        let channel = format!("doctor.{:016x}", fastrand::u64(..));
        Ok(Self { http, base, token, channel })
    }

    /// The host, and the port if it is not the usual one: what `Host` has.
    pub(super) fn authority(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The origin of pages of this address.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.base.scheme(), self.authority())
    }

    /// A request without a token.
    pub(super) fn bare(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.request(method, url)
    }

    /// A request with the token.
    pub(super) fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> RequestBuilder {
        let request = self.bare(method, path, query);
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, token.clone()),
            None => request,
        }
    }

    /// What stands in `Authorization` to see whether it arrives.
    pub(super) fn authorization(&self) -> HeaderValue {
        let none = HeaderValue::from_static("Bearer tidewire-doctor");
        self.token.clone().unwrap_or(none)
    }

    /// Publishes a text to the channel, and returns its position.
    ///
    /// # Errors
    ///
    /// It was not published; the answer says why, if there was one.
    pub(super) async fn publish(
        &self,
        text: &str,
        origin: Option<&str>,
    ) -> Result<String, Box<Answer>> {
        let mut request = self.request(Method::POST, &["publish", &self.channel], &[]);
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        let answer = match finish(request.body(text.to_owned())).await {
            Ok(answer) => answer,
            Err(error) => Answer::none(format!("{error:#}")),
        };
        let position = answer.json.as_ref().and_then(|json| json.get("position")?.as_str());
        match position {
            Some(position) if answer.status == 200 => Ok(position.to_owned()),
            _ => Err(answer.into()),
        }
    }
}

/// Sends a request that is answered at once, and reads the answer.
///
/// # Errors
///
/// None came in time, or it broke off.
pub(super) async fn finish(request: RequestBuilder) -> Result<Answer> {
    let response =
        request.timeout(ANSWER_WAIT).send().await.map_err(reqwest::Error::without_url)?;
    Answer::read(response).await
}

impl Answer {
    /// No answer, and why.
    fn none(why: String) -> Self {
        Self { status: 0, json: None, location: None, proxy: None, text: why }
    }

    /// Reads an answer to its end.
    pub(super) async fn read(mut response: Response) -> Result<Self> {
        let status = response.status().as_u16();
        let proxy = proxy_of(&response);
        let text =
            |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let location = text(header::LOCATION).map(str::to_owned);
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            body.extend_from_slice(&piece);
            if body.len() > BODY_BYTES_MAX {
                break;
            }
        }
        let json = serde_json::from_slice(&body).ok();
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok(Self { status, json, location, proxy, text })
    }

    /// The problem document of a Tidewire server.
    pub(super) fn problem(&self) -> Option<Problem> {
        let problem: Problem = serde_json::from_value(self.json.clone()?).ok()?;
        (!problem.code.is_empty()).then_some(problem)
    }

    /// What was answered, in a few words.
    pub(super) fn describe(&self) -> String {
        match (self.problem(), self.status) {
            (Some(problem), status) => format!("{status}: {}", problem.detail),
            (None, 0) => self.text.clone(),
            (None, status) => format!("{status}, not in the words of a Tidewire server"),
        }
    }
}

/// The proxy that an answer names.
pub(super) fn proxy_of(response: &Response) -> Option<Proxy> {
    let headers = [header::SERVER, header::VIA].map(|name| response.headers().get(name));
    let mut texts = headers.into_iter().flatten().filter_map(|value| value.to_str().ok());
    texts.find_map(Proxy::recognise)
}

const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// For an answer that does not wait for anything.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 1 << 20;
