//! The table as a document of OpenAPI 3.2, which knows the method `QUERY` and streams of items.
//!
//! [OpenAPI 3.2](https://spec.openapis.org/oas/v3.2.0.html)

use super::{
    ENDPOINTS, add,
    endpoint::{Answer, Body, Content, Endpoint, Needs, Operation},
    parameters::{Parameter, in_path},
};
use crate::access::{TICKET, TOKEN};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::LazyLock};
use tidewire_protocol::{ErrorCode, Problem};

/// The document, made once.
pub(crate) fn openapi() -> Bytes {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| super::written(&document()));
    DOCUMENT.clone()
}

pub(super) fn document() -> Value {
    let paths: Map<_, _> =
        ENDPOINTS.iter().map(|endpoint| (endpoint.path.to_owned(), path_item(endpoint))).collect();
    json!({
        "openapi": "3.2.0",
        "info": {
            "title": "Tidewire",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Publish over HTTP; subscribe over SSE, NDJSON, long-poll or WebSocket",
            "description": "Streams and WebSockets are described in `/asyncapi.json`.",
            "license": {"name": "MIT or Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": security_schemes(),
        },
    })
}

/// The schemas of bodies, and that of errors, whose codes are those of the protocol.
pub(super) fn schemas() -> Value {
    // A file of the source, which a test reads too.
    let mut schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    let (codes, types): (Vec<_>, Vec<_>) =
        ErrorCode::ALL.iter().map(|code| (code.as_str(), code.problem_type())).unzip();
    add(&mut schemas, "ErrorCode", json!({"type": "string", "enum": codes}));
    let problem = json!({
        "description": "Why a request was refused (RFC 9457)",
        "type": "object",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "enum": types},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "For people; may change"},
            "code": {"$ref": "#/components/schemas/ErrorCode"},
            "request_id": {"type": "string", "description": "As in the header `X-Request-Id`"},
        },
    });
    add(&mut schemas, "Problem", problem);
    schemas
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A JSON Web Token or an API key",
        },
        "token": {
            "type": "apiKey",
            "in": "query",
            "name": TOKEN,
            "description": "A token in the query; not for publishing, unless `in_query` says otherwise",
        },
        "ticket": {
            "type": "apiKey",
            "in": "query",
            "name": TICKET,
            "description": "A ticket of `POST /tickets`, good for one connection",
        },
    })
}

fn path_item(endpoint: &Endpoint) -> Value {
    let operations = endpoint
        .operations
        .iter()
        .map(|operation| (operation.method.to_ascii_lowercase(), describe(endpoint, operation)));
    Value::Object(operations.collect())
}

fn describe(endpoint: &Endpoint, operation: &Operation) -> Value {
    let mut value = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters(endpoint, operation),
        "responses": responses(operation),
        "security": security(endpoint, operation.needs),
    });
    let description = [operation.description, needed(operation.needs)].join("\n\n");
    if !description.trim().is_empty() {
        add(&mut value, "description", json!(description.trim()));
    }
    if let Some(Body { media_types, schema, example }) = &operation.body {
        let content: Map<_, _> = media_types
            .iter()
            .map(|media_type| ((*media_type).to_owned(), content_of(media_type, schema, example)))
            .collect();
        add(&mut value, "requestBody", json!({"required": true, "content": content}));
    }
    value
}

/// The content of a request. Only JSON has the example as a value.
fn content_of(media_type: &str, schema: &str, example: &str) -> Value {
    let example: Value = serde_json::from_str(example).unwrap_or_default();
    match media_type {
        "application/octet-stream" => json!({}),
        _ => json!({"schema": reference(schema), "example": example}),
    }
}

/// All but tokens and tickets, which are ways to authenticate.
fn parameters(endpoint: &Endpoint, operation: &Operation) -> Vec<Value> {
    let names = endpoint.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let in_path = names.filter_map(|name| Some(in_path(name)?.describe("path")));
    let in_query = endpoint.parameters.iter().filter(|name| ![TICKET, TOKEN].contains(name));
    let in_query =
        in_query.filter_map(|name| Some(Parameter::named(endpoint.path, name)?.describe("query")));
    let in_header = operation.headers.iter();
    let in_header = in_header
        .filter_map(|name| Some(Parameter::named(endpoint.path, name)?.describe("header")));
    in_path.chain(in_query).chain(in_header).collect()
}

/// A server without keys, or with anonymous grants, asks for nothing.
fn security(endpoint: &Endpoint, needs: Needs) -> Value {
    let takes = |name| endpoint.parameters.contains(&name);
    match needs {
        Needs::Nothing => json!([]),
        _ => {
            let mut ways = vec![json!({}), json!({"bearer": []})];
            ways.extend(takes(TOKEN).then(|| json!({"token": []})));
            ways.extend(takes(TICKET).then(|| json!({"ticket": []})));
            json!(ways)
        }
    }
}

const fn needed(needs: Needs) -> &'static str {
    match needs {
        Needs::Nothing => "",
        Needs::Token => "A server with keys wants a valid token.",
        Needs::Subscribe => "The token has to name the channels in `tidewire.subscribe`.",
        Needs::Publish => "The token has to name the channel in `tidewire.publish`.",
        Needs::History => {
            "The token has to name the channel in `tidewire.subscribe`, and to allow `history`."
        }
        Needs::Presence => "The token has to name the channel in `tidewire.presence`.",
        Needs::Operator => "For operators, and programs on the machine of the server.",
    }
}

fn responses(operation: &Operation) -> Value {
    let Answer { status, description, .. } = operation.answer;
    let mut responses = Map::new();
    let mut answer = json!({"description": description});
    if let Some(content) = content(&operation.answer) {
        add(&mut answer, "content", content);
    }
    responses.insert(status.to_string(), answer);
    let mut refusals: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    let of_needs: &[ErrorCode] = match operation.needs {
        Needs::Nothing => &[],
        _ => &[ErrorCode::Unauthorized, ErrorCode::Expired, ErrorCode::Forbidden],
    };
    for code in operation.errors.iter().chain(of_needs).chain(OF_ALL) {
        let codes = refusals.entry(code.status()).or_default();
        if !codes.contains(code) {
            codes.push(*code);
        }
    }
    for (status, codes) in refusals {
        let titles: Vec<_> =
            codes.iter().map(|code| format!("`{code}`: {}", code.title())).collect();
        let refusal = json!({
            "description": titles.join(". "),
            "content": {Problem::CONTENT_TYPE: {"schema": reference("Problem")}},
        });
        responses.insert(status.to_string(), refusal);
    }
    Value::Object(responses)
}

fn content(answer: &Answer) -> Option<Value> {
    if answer.media_type.is_empty() {
        return None;
    }
    let body = match answer.content {
        Content::Document(schema) => json!({"schema": reference(schema)}),
        Content::Items(schema) => json!({"itemSchema": reference(schema)}),
        Content::Bytes => json!({}),
    };
    Some(json!({answer.media_type: body}))
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// What any request may be refused with.
const OF_ALL: &[ErrorCode] = &[
    ErrorCode::BadRequest,
    ErrorCode::Timeout,
    ErrorCode::Misdirected,
    ErrorCode::HeadTooLarge,
    ErrorCode::LimitReached,
    ErrorCode::Internal,
    ErrorCode::Unavailable,
];

pub(super) const SCHEMAS: &str = include_str!("schemas.json");
