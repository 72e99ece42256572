//! What can be found, and how it is reported: as text for a person, as JSON for a program.

use super::{
    advice::{Proxy, lines},
    fault::Fault,
};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A fault that was seen, with what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) fault: Fault,
    /// One sentence for each wire or request that shows it.
    pub(super) evidence: Vec<String>,
}

/// Everything found.
#[derive(Debug)]
pub(super) struct Report {
    proxy: Option<Proxy>,
    findings: Vec<Finding>,
    /// What could be examined and is right.
    sound: Vec<String>,
    /// What could not be examined, and why.
    skipped: Vec<String>,
}

impl Report {
    /// Of a way on which lies `proxy`, if that is known.
    pub(super) fn new(proxy: Option<Proxy>) -> Self {
        Self { proxy, findings: Vec::new(), sound: Vec::new(), skipped: Vec::new() }
    }

    /// Notes a proxy that an answer names, unless one is known.
    pub(super) fn recognise(&mut self, proxy: Option<Proxy>) {
        self.proxy = self.proxy.or(proxy);
    }

    /// Adds what shows a fault.
    pub(super) fn add(&mut self, fault: Fault, evidence: impl Into<String>) {
        let evidence = evidence.into();
        match self.findings.iter_mut().find(|finding| finding.fault == fault) {
            Some(finding) => finding.evidence.push(evidence),
            None => self.findings.push(Finding { fault, evidence: vec![evidence] }),
        }
        self.findings.sort_by_key(|finding| finding.fault.rank());
    }

    /// Whether that fault was seen.
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.findings.iter().any(|finding| finding.fault == fault)
    }

    /// Notes what is right.
    pub(super) fn note(&mut self, sound: impl Into<String>) {
        self.sound.push(sound.into());
    }

    /// Notes what could not be examined.
    pub(super) fn skip(&mut self, what: impl Into<String>) {
        self.skipped.push(what.into());
    }

    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether everything could be examined.
    pub(super) fn is_complete(&self) -> bool {
        self.skipped.is_empty()
    }

    /// For a person.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        for sound in &self.sound {
            let _ = writeln!(text, "ok       {sound}");
        }
        for skipped in &self.skipped {
            let _ = writeln!(text, "skipped  {skipped}");
        }
        for Finding { fault, evidence } in &self.findings {
            let _ = writeln!(text, "\nFOUND    {}: {}", fault.name(), fault.consequence());
            for line in evidence {
                let _ = writeln!(text, "         {line}");
            }
            for (proxy, line) in lines(*fault, self.proxy) {
                let _ = writeln!(text, "  change {proxy}: {line}");
            }
        }
        if self.findings.is_empty() && self.is_complete() {
            text.push_str("\nNothing is wrong on the way to this server.");
        }
        text.trim_end().to_owned()
    }

    /// For a program.
    pub(super) fn to_json(&self) -> String {
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| {
                let change: serde_json::Map<String, Value> = lines(finding.fault, self.proxy)
                    .map(|(proxy, line)| (proxy.to_owned(), line.into()))
                    .collect();
                json!({
                    "fault": finding.fault.name(),
                    "consequence": finding.fault.consequence(),
                    "evidence": finding.evidence,
                    "change": change,
                })
            })
            .collect();
        json!({ "findings": findings, "ok": self.sound, "skipped": self.skipped }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_reported_once_with_all_that_shows_it() {
        let mut report = Report::new(Some(Proxy::Nginx));
        report.add(Fault::Buffering, "SSE: nothing came within 3 s");
        report.add(Fault::Http10, "the server was asked by HTTP/1.0");
        report.add(Fault::Buffering, "NDJSON: nothing came within 3 s");
        let text = report.to_text();
        let [first, second] = [text.find("http_1_0"), text.find("buffering")].map(Option::unwrap);
        assert!(first < second && text.matches("FOUND").count() == 2, "{text}");
        assert!(text.contains("change nginx: proxy_buffering off;"), "{text}");
        assert!(!text.contains("HAProxy") && !text.contains("Nothing is wrong"), "{text}");
        let json: Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["findings"][1]["fault"], "buffering");
        assert_eq!(json["findings"][1]["evidence"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn a_way_that_is_sound_is_said_to_be() {
        let mut report = Report::new(None);
        report.note("SSE: a message arrived after 2 ms");
        assert!(report.to_text().ends_with("Nothing is wrong on the way to this server."));
        report.skip("WebSocket: no token");
        assert!(!report.to_text().contains("Nothing is wrong"));
    }
}
