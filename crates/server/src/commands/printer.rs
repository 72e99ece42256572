//! How messages look on standard output, and everything else on standard error.

use std::{
    borrow::Cow,
    fmt::Display,
    io::{self, BufWriter, ErrorKind, Write},
};
use tidewire_client::{Gap, Outage, RawMessage};
use tidewire_protocol::PublishedData;

/// What is printed of a message, each on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

/// Prints messages, and reports on standard error.
#[derive(Debug)]
pub(super) struct Printer<Out: Write, Err> {
    format: Format,
    names: Names,
    out: BufWriter<Out>,
    err: Err,
    /// Whether success is reported, too.
    is_quiet: bool,
    /// There is no connection, and that has been reported.
    outage: bool,
}

/// Whether a message's channel needs to be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Obvious,
    Shown,
}

impl<Out: Write, Err: Write> Printer<Out, Err> {
    /// Messages of these channels and patterns go to `out`, the rest to `err`.
    pub(super) fn new(format: Format, patterns: &[String], out: Out, err: Err) -> Self {
        let names = match patterns {
            [first, others @ ..]
                if is_channel(first) && others.iter().all(|other| other == first) =>
            {
                Names::Obvious
            }
            _ => Names::Shown,
        };
        Self { format, names, out: BufWriter::new(out), err, is_quiet: true, outage: false }
    }

    /// Reports success, too.
    pub(super) fn reporting(self, is_quiet: bool) -> Self {
        Self { is_quiet, ..self }
    }

    /// Prints a message, which may not be seen before [`flush`](Self::flush).
    pub(super) fn message(&mut self, message: &RawMessage) -> io::Result<()> {
        match self.format {
            Format::Json => serde_json::to_writer(&mut self.out, message)?,
            Format::Text => {
                if self.names == Names::Shown {
                    write!(self.out, "{}\t", message.channel)?;
                }
                self.out.write_all(payload_text(message)?.as_bytes())?;
            }
        }
        self.out.write_all(b"\n")
    }

    /// Shows everything printed so far.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Reports that messages are lost.
    pub(super) fn gap(&mut self, Gap { channel, from, to }: &Gap) {
        let _ = writeln!(self.err, "gap: messages between {from} and {to} are lost ({channel})");
    }

    /// Reports something that is not a message.
    pub(super) fn note(&mut self, text: &str) {
        let _ = writeln!(self.err, "tidewire: {text}");
    }

    /// Reports what has been done, unless that is switched off.
    pub(super) fn done(&mut self, text: impl Display) {
        if !self.is_quiet {
            let _ = writeln!(self.err, "{text}");
        }
    }

    /// Reports why there is no connection, once, until there is one.
    pub(super) fn outage(&mut self, outage: Option<&Outage>) {
        if let Some(Outage { cause, was_connected }) = outage
            && !self.outage
        {
            let what = if *was_connected { "connection lost" } else { "no connection" };
            self.note(&format!("{what}, retrying ({cause})"));
        }
        if self.outage && outage.is_none() {
            self.done("tidewire: connected again");
        }
        self.outage = outage.is_some();
    }
}

/// The reader of the output has closed it, as `head` does.
pub(super) fn is_closed_output(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(|error: &io::Error| error.kind() == ErrorKind::BrokenPipe)
}

/// Whether a name is that of one channel, not a pattern.
fn is_channel(name: &str) -> bool {
    name.split('.').all(|token| token != "*" && token != ">")
}

/// The payload as text; of a tombstone, none.
fn payload_text(message: &RawMessage) -> io::Result<Cow<'_, str>> {
    if message.encoding.is_some() {
        return Ok(message.json::<String>()?.into());
    }
    Ok(match message.payload().map_err(io::Error::other)? {
        PublishedData::Text(text) => text,
        PublishedData::Json(json) => json.into(),
        PublishedData::Binary(_) | PublishedData::Nothing => "".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"channel":"a.b","position":"k-1","time":5,"data":"say \"hi\""}"#;
    const JSON: &str =
        r#"{"channel":"a.b","position":"k-2","time":5,"event":"e","key":"7","data":{"a": 1}}"#;
    const BINARY: &str =
        r#"{"channel":"a.c","position":"k-3","time":5,"data":"AP8=","encoding":"base64"}"#;
    const TOMBSTONE: &str = r#"{"channel":"a.c","position":"k-4","time":5,"key":"7"}"#;

    fn printed(format: Format, patterns: &[&str]) -> String {
        let patterns: Vec<_> = patterns.iter().map(|&pattern| pattern.into()).collect();
        let mut out = Vec::new();
        let mut printer = Printer::new(format, &patterns, &mut out, io::sink());
        for json in [TEXT, JSON, BINARY, TOMBSTONE] {
            printer.message(&serde_json::from_str(json).unwrap()).unwrap();
        }
        printer.flush().unwrap();
        drop(printer);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn of_one_channel_only_payloads_are_printed() {
        let payloads = "say \"hi\"\n{\"a\": 1}\nAP8=\n\n";
        assert_eq!(printed(Format::Text, &["a.b"]), payloads);
        assert_eq!(printed(Format::Text, &["a.b", "a.b"]), payloads);
    }

    #[test]
    fn of_several_channels_or_a_pattern_the_channel_stands_before() {
        for patterns in [&["a.b", "a.c"][..], &["a.*"], &["a.>"], &[">"]] {
            assert_eq!(
                printed(Format::Text, patterns),
                "a.b\tsay \"hi\"\na.b\t{\"a\": 1}\na.c\tAP8=\na.c\t\n"
            );
        }
    }

    #[test]
    fn json_is_the_message_as_it_came() {
        let lines = [TEXT, JSON, BINARY, TOMBSTONE].join("\n") + "\n";
        assert_eq!(printed(Format::Json, &["a.b"]), lines);
    }

    #[test]
    fn a_gap_is_reported_on_standard_error() {
        let mut err = Vec::new();
        let to = "k-9".parse().unwrap();
        Printer::new(Format::Text, &[], io::sink(), &mut err).gap(&Gap {
            channel: "a.>".into(),
            from: "j-1".into(),
            to,
        });
        assert_eq!(err, b"gap: messages between j-1 and k-9 are lost (a.>)\n");
    }

    #[test]
    fn an_outage_is_reported_once_until_it_is_over() {
        let mut err = Vec::new();
        let mut printer = Printer::new(Format::Text, &[], io::sink(), &mut err);
        let outage = |was_connected| Outage { cause: "why".into(), was_connected };
        printer.outage(Some(&outage(false)));
        printer.outage(Some(&outage(false)));
        printer.outage(None);
        printer.outage(Some(&outage(true)));
        printer.outage(Some(&outage(false)));
        let expected = "tidewire: no connection, retrying (why)\n\
                    tidewire: connection lost, retrying (why)\n";
        assert_eq!(String::from_utf8(err).unwrap(), expected);
    }
}
