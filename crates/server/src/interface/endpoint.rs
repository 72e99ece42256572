//! What a description of a path is made of.

use crate::query::Parameters;
use tidewire_protocol::ErrorCode;

/// A path, and what can be done there.
pub(crate) struct Endpoint {
    /// As the router has it, with names in braces.
    pub(crate) path: &'static str,
    /// The parameters of its query, in the order in which an error names them.
    pub(crate) parameters: Parameters,
    pub(crate) operations: &'static [Operation],
}

/// What a method does.
pub(crate) struct Operation {
    /// `GET` stands for `HEAD` too.
    pub(crate) method: &'static str,
    /// A name for programs: that of a function which clients are generated with.
    pub(crate) id: &'static str,
    /// One line, without a full stop.
    pub(crate) summary: &'static str,
    /// More, in Markdown; may be empty.
    pub(crate) description: &'static str,
    pub(crate) needs: Needs,
    /// Headers of the request that say something.
    pub(crate) headers: &'static [&'static str],
    pub(crate) body: Option<Body>,
    pub(crate) answer: Answer,
    /// What it may be refused with, beside what every request may be.
    pub(crate) errors: &'static [ErrorCode],
}

/// What a caller needs where tokens are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing.
    Nothing,
    /// Any valid token or API key.
    Token,
    /// A token that allows to subscribe to the channels.
    Subscribe,
    /// A token that allows to publish to the channel.
    Publish,
    /// A token that allows to subscribe to the channel, and to read history.
    History,
    /// A token that allows to see the members of the channel.
    Presence,
    /// To be on the machine of the server, or to be one of its operators.
    Operator,
}

/// What a request has in its body.
pub(crate) struct Body {
    pub(crate) media_types: &'static [&'static str],
    /// A schema of `schemas.json`, or one for any bytes.
    pub(crate) schema: &'static str,
    pub(crate) example: &'static str,
}

/// What is answered to a request that succeeds.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) description: &'static str,
    /// Empty where there is no body.
    pub(crate) media_type: &'static str,
    pub(crate) content: Content,
}

/// What the body of an answer is.
pub(crate) enum Content {
    /// One document, by a schema of `schemas.json`.
    Document(&'static str),
    /// Events or lines without end, each by a schema of `schemas.json`.
    Items(&'static str),
    /// Something that has no schema.
    Bytes,
}

impl Endpoint {
    /// Whether listeners for operators alone have it, where there are some.
    pub(crate) fn is_for_operators(&self) -> bool {
        let needs_one = |operation: &Operation| operation.needs == Needs::Operator;
        self.operations.iter().any(needs_one) || self.path == CONSOLE
    }

    /// Whether it is a file that the page loads.
    pub(crate) fn is_file(&self) -> bool {
        ["/assets/{name}", "/favicon.ico"].contains(&self.path)
    }

    /// The methods that the path takes, as `Allow` names them.
    pub(crate) fn allowed(&self) -> String {
        let described = |method| self.operations.iter().any(|operation| operation.method == method);
        let methods = METHODS.into_iter().filter(|method| match *method {
            "HEAD" => described("GET"),
            "OPTIONS" => true,
            method => described(method),
        });
        methods.collect::<Vec<_>>().join(", ")
    }
}

/// In the order in which `Allow` names them.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "QUERY", "DELETE", "OPTIONS"];

/// It holds no data, but it is for operators.
const CONSOLE: &str = "/";
