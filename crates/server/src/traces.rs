//! Traces of sampled publishes: a span for each delivery, exported by OpenTelemetry.
//!
//! A publisher names its span with `traceparent`, and the message carries it in memory. Only a build with the feature
//! `opentelemetry` has any of it; in another one, what is here does nothing, and a message has no room for it.

#[cfg(feature = "opentelemetry")]
mod otlp;

use actix_web::HttpRequest;
use anyhow::Result;
use tidewire_broker::Draft;
use tidewire_connection::{Page, Worker};
#[cfg(feature = "opentelemetry")]
use {
    std::sync::Arc,
    tidewire_connection::{TraceParent, Transport},
};

/// Where spans go; cloning gives another handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traces {
    #[cfg(feature = "opentelemetry")]
    exporter: Option<Arc<otlp::Exporter>>,
}

/// The trace that a request to publish names, if it is recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestTrace {
    #[cfg(feature = "opentelemetry")]
    parent: Option<TraceParent>,
}

impl Traces {
    /// Exports to where the variables of OpenTelemetry say, if they do.
    ///
    /// # Errors
    ///
    /// One of them has a value that it cannot have.
    pub(crate) fn from_environment() -> Result<Self> {
        Ok(Self {
            #[cfg(feature = "opentelemetry")]
            exporter: otlp::Exporter::from_environment()?.map(Arc::new),
        })
    }

    /// Has the connections of a worker make spans.
    #[cfg_attr(not(feature = "opentelemetry"), expect(unused_variables, reason = "there are none"))]
    pub(crate) fn watch(&self, worker: &mut Worker) {
        #[cfg(feature = "opentelemetry")]
        if let Some(exporter) = &self.exporter {
            let exporter: Arc<otlp::Exporter> = Arc::clone(exporter);
            worker.tracer = Some(exporter);
        }
    }

    /// Exports what is left. It waits for the collector, for some seconds at most.
    pub(crate) fn end(&self) {
        #[cfg(feature = "opentelemetry")]
        if let Some(exporter) = &self.exporter {
            exporter.end();
        }
    }
}

impl RequestTrace {
    #[cfg_attr(not(feature = "opentelemetry"), expect(unused_variables, reason = "there is none"))]
    pub(crate) fn of(request: &HttpRequest) -> Self {
        Self {
            #[cfg(feature = "opentelemetry")]
            parent: otlp::parent(request.headers()),
        }
    }

    /// Notes it with a message that names no other trace.
    #[cfg_attr(not(feature = "opentelemetry"), expect(unused_variables, reason = "there is none"))]
    pub(crate) fn note(self, draft: &mut Draft) {
        #[cfg(feature = "opentelemetry")]
        {
            draft.trace = draft.trace.or(self.parent);
        }
    }
}

/// Makes the spans of what a long-poll is answered.
#[cfg_attr(not(feature = "opentelemetry"), expect(unused_variables, reason = "there are none"))]
pub(crate) fn of_poll(page: &Page, worker: &Worker) {
    #[cfg(feature = "opentelemetry")]
    page.messages().for_each(|message| worker.trace_delivery(message, Transport::Poll, false));
}
