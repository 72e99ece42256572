//! The exporter: spans in the SDK of OpenTelemetry, which sends them as OTLP over HTTP from a thread of its own.
//!
//! The variables that OpenTelemetry has for every program configure it. Without an endpoint nothing is exported.

use actix_web::http::header::HeaderMap;
use anyhow::{Context as _, Result, anyhow};
use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{
        Span as _, SpanBuilder, SpanContext, SpanKind, TraceContextExt as _, TraceState,
        TracerProvider as _,
    },
};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use reqwest::blocking;
use std::{
    env, thread,
    time::{Duration, SystemTime},
};
use tidewire_connection::{DeliveryTracer, TraceParent, TracedDelivery};

/// Makes spans and exports them.
#[derive(Debug)]
pub(super) struct Exporter {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Exporter {
    /// One for the endpoint that the environment names; none if it names none, or says that there is to be none.
    pub(super) fn from_environment() -> Result<Option<Self>> {
        let is = |name: &str, value: &str| {
            env::var(name).is_ok_and(|it| it.trim().eq_ignore_ascii_case(value))
        };
        let has = |name: &str| env::var(name).is_ok_and(|it| !it.trim().is_empty());
        if !ENDPOINTS.iter().any(|name| has(name))
            || is("OTEL_SDK_DISABLED", "true")
            || is("OTEL_TRACES_EXPORTER", "none")
        {
            return Ok(None);
        }
        let exporter =
            SpanExporter::builder().with_http().with_http_client(client()?).build().context(
                "traces cannot be exported: a variable OTEL_EXPORTER_OTLP_… is not valid",
            )?;
        // The name of the service can be another one by OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
        let named = has("OTEL_SERVICE_NAME")
            || env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|it| it.contains("service.name="));
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_attribute(version);
        let resource = if named { resource } else { resource.with_service_name("tidewire") };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("tidewire");
        Ok(Some(Self { provider, tracer }))
    }

    /// Exports what is left.
    pub(super) fn end(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(END_MAX) {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

impl DeliveryTracer for Exporter {
    fn delivered(&self, delivery: &TracedDelivery<'_>) {
        let TracedDelivery { message, trace, position, transport, is_replayed } = delivery;
        let parent = SpanContext::new(
            TraceId::from_bytes(trace.trace_id),
            SpanId::from_bytes(trace.span_id),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        );
        let ended = SystemTime::now();
        let begun = SystemTime::UNIX_EPOCH + Duration::from_millis(message.time_ms());
        let bytes = i64::try_from(message.content().as_bytes().len()).unwrap_or(i64::MAX);
        let mut span = SpanBuilder::from_name("deliver")
            .with_kind(SpanKind::Producer)
            // The time of a message is of another clock than this one, and whole milliseconds.
            .with_start_time(begun.min(ended))
            .with_attributes([
                KeyValue::new("messaging.system", "tidewire"),
                KeyValue::new("messaging.operation.name", "deliver"),
                KeyValue::new("messaging.destination.name", message.channel().as_str().to_owned()),
                KeyValue::new("messaging.message.id", position.to_string()),
                KeyValue::new("messaging.message.body.size", bytes),
                KeyValue::new("tidewire.transport", transport.as_str()),
                KeyValue::new("tidewire.replay", *is_replayed),
            ])
            .start_with_context(&self.tracer, &Context::new().with_remote_span_context(parent));
        span.end_with_timestamp(ended);
    }
}

/// The span that a request names, if it does so once, by the rules, and it is recorded.
pub(super) fn parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all("traceparent");
    let value = values.next().filter(|_| values.next().is_none())?;
    TraceParent::sampled(value.to_str().ok()?)
}

/// What sends, with the certificates of the machine. It has a runtime of its own, which cannot be made on one of actix.
fn client() -> Result<blocking::Client> {
    let made = thread::spawn(|| {
        let builder = blocking::Client::builder().user_agent(USER_AGENT);
        anyhow::Ok(
            builder
                .tls_backend_preconfigured(crate::keys::tls_of_this_machine()?)
                .timeout(SEND_MAX)
                .build()?,
        )
    });
    made.join().map_err(|_| anyhow!("the client for traces has panicked"))?
}

/// Any of them turns the exporter on.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

const USER_AGENT: &str = concat!("tidewire/", env!("CARGO_PKG_VERSION"));

/// How long a batch of spans may take. OTEL_EXPORTER_OTLP_TIMEOUT shortens it.
const SEND_MAX: Duration = Duration::from_secs(10);

/// How long the end of the server waits for the last batch.
const END_MAX: Duration = Duration::from_secs(5);
