//! The specification once more, as it is written and with no thought of speed: decode it all, split
//! it into lines, follow the steps. What the parser is compared with.
//!
//! https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

use crate::feed::{Outcome, Seen, retry};

pub(crate) fn interpret(wire: &[u8]) -> Outcome {
    let decoded = String::from_utf8_lossy(wire);
    let text = decoded.strip_prefix('\u{FEFF}').unwrap_or(&decoded);
    let mut model = Model::default();
    for line in lines(text) {
        model.take_line(&line);
    }
    Outcome { seen: model.seen, last_event_id: model.last_event_id, refused: None }
}

/// The lines that have an end.
fn lines(text: &str) -> Vec<String> {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<String> = unified.split('\n').map(String::from).collect();
    lines.pop();
    lines
}

#[derive(Default)]
struct Model {
    seen: Vec<Seen>,
    data_buffer: String,
    event_type_buffer: String,
    last_event_id_buffer: String,
    last_event_id: String,
}

impl Model {
    fn take_line(&mut self, line: &str) {
        if line.is_empty() {
            self.dispatch();
        } else if line.starts_with(':') {
            // A comment.
        } else if let Some((field, value)) = line.split_once(':') {
            self.process(field, value.strip_prefix(' ').unwrap_or(value));
        } else {
            self.process(line, "");
        }
    }

    fn process(&mut self, field: &str, value: &str) {
        match field {
            "event" => self.event_type_buffer = value.into(),
            "data" => {
                self.data_buffer.push_str(value);
                self.data_buffer.push('\n');
            }
            "id" if !value.contains('\0') => self.last_event_id_buffer = value.into(),
            "retry" if !value.is_empty() && value.chars().all(|char| char.is_ascii_digit()) => {
                self.seen.push(retry(value.parse().unwrap_or(u64::MAX).into()));
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        self.last_event_id = self.last_event_id_buffer.clone();
        let mut data = std::mem::take(&mut self.data_buffer);
        let mut event = std::mem::take(&mut self.event_type_buffer);
        if data.is_empty() {
            return;
        }
        data.pop();
        if event.is_empty() {
            event = "message".into();
        }
        let last_event_id = self.last_event_id.clone();
        self.seen.push(Seen::Event { event, data, last_event_id });
    }
}
