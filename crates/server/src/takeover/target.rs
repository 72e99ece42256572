//! Follows the requests of a connection on their way to actix, for two reasons.
//!
//! `curl 'http://…/events?channel=logs.>'` sends the `>` as it is, and actix answers that with a bare 400: in the
//! target of each request the characters that clients send raw are escaped. And actix reads ahead without measure
//! what is pipelined: where a request ends, no byte of the next is passed on before it is being served.
//!
//! ```text
//!            space            line end          empty line           served, without a body
//!  Method ─────────▶ Target ───────────▶ Fields ───────────▶ Waiting ───────────────────▶ Method
//!    ▲                                                        │  │  └─ an upgrade ───────▶ Upgraded
//!    │                      all of it has passed              │  └─ of known length ─────▶ Body
//!    └────────────────────────────────────────────────────────┴───────────────────────────▶ Chunks
//! ```

use memchr::{memchr, memchr_iter};

/// Where in the requests of a connection the bytes are that come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Targets {
    /// In a request's method, or before it.
    Method,
    /// In the rest of its first line.
    Target,
    /// In the lines after it; `is_empty` as long as the line may be the empty one.
    Fields { is_empty: bool },
    /// After a head whose request is not served yet.
    Waiting,
    /// In a body of which `left` bytes are to come, at least one.
    Body { left: u64 },
    /// In a chunked body.
    Chunks(Chunk),
    /// After a request that may make something else of the connection.
    Upgraded,
}

/// What follows the head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestBody {
    /// This number of bytes.
    Sized(u64),
    /// Chunks ([RFC 9112 §7.1]).
    ///
    /// [RFC 9112 §7.1]: https://www.rfc-editor.org/rfc/rfc9112#section-7.1
    Chunked,
    /// Whatever the handler makes of it.
    Upgraded,
}

/// Where in a chunked body the bytes are that come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In the digits of a size.
    Size(u64),
    /// In the rest of that line.
    Extension(u64),
    /// In the content, of which this many bytes are to come, its line end included.
    Content(u64),
    /// In the lines after the last chunk; `is_empty` as long as the line may be the empty one.
    Trailer { is_empty: bool },
}

impl Targets {
    /// Before the first request.
    pub(super) const START: Self = Self::Method;

    /// Notes that the request whose head has passed is served, and the kind of its body.
    pub(super) fn serve(&mut self, body: RequestBody) {
        if *self == Self::Waiting {
            *self = match body {
                RequestBody::Sized(0) => Self::Method,
                RequestBody::Sized(left) => Self::Body { left },
                RequestBody::Chunked => Self::Chunks(Chunk::Size(0)),
                RequestBody::Upgraded => Self::Upgraded,
            };
        }
    }

    /// Whether the next byte begins a request.
    pub(super) fn is_between(&self) -> bool {
        *self == Self::Method
    }

    /// Whether the next byte is of a head, or waits behind one.
    pub(super) fn is_in_head(&self) -> bool {
        !matches!(*self, Self::Body { .. } | Self::Chunks(_) | Self::Upgraded)
    }

    /// Whether a head has passed whose request is not served yet.
    pub(super) fn is_waiting(&self) -> bool {
        *self == Self::Waiting
    }

    /// Whether at least the next `bytes` may pass as they are.
    pub(super) fn is_open_for(&self, bytes: usize) -> bool {
        match *self {
            Self::Upgraded => true,
            Self::Body { left } => left >= u64::try_from(bytes).unwrap_or(u64::MAX),
            _ => false,
        }
    }

    /// Counts bytes that passed as they are, no more than it is open for.
    pub(super) fn pass(&mut self, bytes: usize) {
        if let Self::Body { left } = *self {
            *self = match left.saturating_sub(u64::try_from(bytes).unwrap_or(u64::MAX)) {
                0 => Self::Method,
                left => Self::Body { left },
            };
        }
    }

    /// Gives to `output`, piece by piece, the part of `input` that may pass now, at most [`GROWTH`] times as long.
    /// Returns the length of that part: zero while a request waits to be served, and after the end of one.
    pub(super) fn take(&mut self, input: &[u8], mut output: impl FnMut(&[u8])) -> usize {
        let (mut taken, was_between) = (0, self.is_between());
        while let Some(rest) = input.get(taken..).filter(|rest| !rest.is_empty()) {
            if self.is_between() && !was_between {
                break;
            }
            let [byte, ..] = rest else { break };
            // At once what changes nothing: a head may have a hundred thousand bytes.
            let run = match *self {
                Self::Waiting => break,
                Self::Body { .. } | Self::Upgraded | Self::Chunks(Chunk::Content(_)) => {
                    self.run(rest.len())
                }
                Self::Method => memchr(b' ', rest).unwrap_or(rest.len()),
                Self::Target => rest
                    .iter()
                    .position(|byte| escape(*byte).is_some() || *byte == b'\n')
                    .unwrap_or(rest.len()),
                Self::Fields { is_empty: false } => within_lines(rest),
                _ => 0,
            };
            if run > 0 {
                output(rest.get(..run).unwrap_or_default());
                taken += run;
                continue;
            }
            match escape(*byte).filter(|_| *self == Self::Target) {
                Some(escaped) => output(escaped),
                None => output(&[*byte]),
            }
            *self = self.after(*byte);
            taken += 1;
        }
        taken
    }

    /// Passes over content at once, at most `bytes_max`; returns how many bytes.
    fn run(&mut self, bytes_max: usize) -> usize {
        let within =
            |left: u64| usize::try_from(left).map_or(bytes_max, |left| left.min(bytes_max));
        match *self {
            Self::Body { left } => {
                let run = within(left);
                self.pass(run);
                run
            }
            Self::Chunks(Chunk::Content(left)) => {
                let run = within(left);
                let left = left.saturating_sub(u64::try_from(run).unwrap_or(u64::MAX));
                let next = if left == 0 { Chunk::Size(0) } else { Chunk::Content(left) };
                *self = Self::Chunks(next);
                run
            }
            _ => bytes_max,
        }
    }

    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Method, b' ') => Self::Target,
            (Self::Target, b'\n') => Self::Fields { is_empty: true },
            (Self::Fields { is_empty: true }, b'\n') => Self::Waiting,
            (Self::Fields { .. }, b'\n') => Self::Fields { is_empty: true },
            (Self::Fields { is_empty: true }, b'\r') => self,
            (Self::Fields { .. }, _) => Self::Fields { is_empty: false },
            (Self::Chunks(Chunk::Trailer { is_empty: true }), b'\n') => Self::Method,
            (Self::Chunks(chunk), _) => Self::Chunks(chunk.after(byte)),
            (other, _) => other,
        }
    }
}

impl Chunk {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Size(0) | Self::Extension(0), b'\n') => Self::Trailer { is_empty: true },
            (Self::Size(size) | Self::Extension(size), b'\n') => {
                Self::Content(size.saturating_add(LINE_END_BYTES))
            }
            (Self::Size(size), _) => match char::from(byte).to_digit(16) {
                Some(digit) => Self::Size(size.saturating_mul(16).saturating_add(digit.into())),
                None => Self::Extension(size),
            },
            (Self::Trailer { .. }, b'\n') => Self::Trailer { is_empty: true },
            (Self::Trailer { is_empty: true }, b'\r') => self,
            (Self::Trailer { .. }, _) => Self::Trailer { is_empty: false },
            (other, _) => other,
        }
    }
}

/// How a byte is spelled in a target, if not as it is.
const fn escape(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'>' => Some(b"%3E"),
        b'<' => Some(b"%3C"),
        b'"' => Some(b"%22"),
        b'`' => Some(b"%60"),
        _ => None,
    }
}

/// How many bytes from within a line on come before an end of line that an empty line may follow.
fn within_lines(bytes: &[u8]) -> usize {
    let is_last = |end: &usize| matches!(bytes.get(end + 1), None | Some(b'\r' | b'\n'));
    memchr_iter(b'\n', bytes).find(is_last).unwrap_or(bytes.len())
}

/// How much longer an escaped byte is.
pub(super) const GROWTH: usize = 3;

const LINE_END_BYTES: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &[u8] =
        b"\r\nGET /a.>?b=<\"`> HTTP/1.1\r\nHost: >\r\nX: \r\r\nY: \"\r\n\r\nbody > ` \" <\r\n\r\n";
    const ESCAPED: &[u8] =
        b"\r\nGET /a.%3E?b=%3C%22%60%3E HTTP/1.1\r\nHost: >\r\nX: \r\r\nY: \"\r\n\r\nbody > ` \" <\r\n\r\n";
    const BODY: RequestBody = RequestBody::Sized(16);

    /// Passes `input` on, and serves each request as soon as its head has passed.
    fn passed(targets: &mut Targets, mut input: &[u8], body: RequestBody) -> Vec<u8> {
        let mut output = Vec::new();
        while !input.is_empty() {
            let taken = targets.take(input, |piece| output.extend_from_slice(piece));
            input = &input[taken..];
            targets.serve(body);
        }
        output
    }

    #[test]
    fn a_target_is_escaped_and_no_byte_after_its_line_is_touched() {
        let mut targets = Targets::START;
        assert_eq!(passed(&mut targets, RAW, BODY), ESCAPED);
        assert_eq!(targets, Targets::START);
    }

    #[test]
    fn every_cut_of_a_request_is_the_same_request() {
        for end in 0..=RAW.len() {
            let mut targets = Targets::START;
            let (first, second) = RAW.split_at(end);
            let first = passed(&mut targets, first, BODY);
            assert_eq!(
                [first, passed(&mut targets, second, BODY)].concat(),
                ESCAPED,
                "cut at {end}"
            );
        }
        let mut targets = Targets::START;
        let bytes = RAW.iter().flat_map(|byte| passed(&mut targets, &[*byte], BODY));
        assert_eq!(bytes.collect::<Vec<_>>(), ESCAPED);
    }

    #[test]
    fn any_bytes_pass_the_same_at_once_and_one_by_one() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..5_000 {
            let bytes: Vec<u8> = (0..40).map(|_| b"\r\n >`a0"[random.usize(..7)]).collect();
            let body = [BODY, RequestBody::Chunked, RequestBody::Sized(0)][random.usize(..3)];
            let (mut at_once, mut one_by_one) = (Targets::START, Targets::START);
            let whole = passed(&mut at_once, &bytes, body);
            let singles = bytes.iter().flat_map(|byte| passed(&mut one_by_one, &[*byte], body));
            assert_eq!(whole, singles.collect::<Vec<_>>(), "{:?}", String::from_utf8_lossy(&bytes));
            assert_eq!(at_once, one_by_one);
        }
    }

    #[test]
    fn nothing_passes_between_a_head_and_the_serving_of_its_request() {
        let mut targets = Targets::START;
        let input = b"GET /a HTTP/1.1\r\n\r\nGET /> HTTP/1.1\r\n\r\n";
        let mut output = Vec::new();
        assert_eq!(targets.take(input, |piece| output.extend_from_slice(piece)), 19);
        assert_eq!(targets.take(&input[19..], |_| panic!("it waits")), 0);
        targets.serve(RequestBody::Sized(0));
        let rest = passed(&mut targets, &input[19..], RequestBody::Sized(0));
        assert_eq!((&*output, &*rest), (&input[..19], &b"GET /%3E HTTP/1.1\r\n\r\n"[..]));
    }

    #[test]
    fn a_chunked_body_is_followed_to_its_end_at_every_cut() {
        let first = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = b"B;x=\"1\"\r\n0\r\n\r\nGET />\r\n1\r\n>\r\n0\r\nX: >\r\n\r\n";
        let next = b"GET /> HTTP/1.1\r\n\r\n";
        let wire = [&first[..], body, next].concat();
        let escaped = [&first[..], body, b"GET /%3E HTTP/1.1\r\n\r\n"].concat();
        for cut in 0..=wire.len() {
            let mut targets = Targets::START;
            let begin = passed(&mut targets, &wire[..cut], RequestBody::Chunked);
            let end = passed(&mut targets, &wire[cut..], RequestBody::Chunked);
            assert_eq!([begin, end].concat(), escaped, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_certainly_a_request_is_left_alone() {
        let mut upgraded = Targets::START;
        let input = b"GET /ws HTTP/1.1\r\n\r\nGET /> ";
        assert_eq!(passed(&mut upgraded, input, RequestBody::Upgraded), input);
        assert!(upgraded.is_open_for(usize::MAX));
    }

    #[test]
    fn a_body_is_open_for_what_is_left_of_it() {
        let mut targets = Targets::Waiting;
        targets.serve(RequestBody::Sized(5));
        assert!(targets.is_open_for(5) && !targets.is_open_for(6));
        targets.pass(3);
        assert!(targets.is_open_for(2) && !targets.is_open_for(3));
        targets.pass(2);
        assert_eq!(targets, Targets::START);
    }
}
