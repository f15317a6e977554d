//! What passes in an event stream (HTML Living Standard §9.2), as far as it tells use from a sign of life.

/// Reads an event stream as it passes.
#[derive(Debug)]
pub(super) struct Events {
    /// The begin of the line that is passing.
    line: [u8; ENOUGH],
    have: usize,
    judged: bool,
    /// Whether the present event is named as a sign of life.
    heartbeat: bool,
    /// Gradio's jobs that were begun on this stream and have not ended.
    jobs: usize,
}

/// Of a line, to judge it by.
const ENOUGH: usize = 96;

// === impl Events ===

impl Events {
    pub(super) fn new() -> Self {
        Self {
            line: [0; ENOUGH],
            have: 0,
            judged: false,
            heartbeat: false,
            jobs: 0,
        }
    }

    /// Whether there was something of use among these bytes. Comments and events named or shaped as heartbeats are
    /// none, but for those of a stream on which a job is under way: they say that it is still being worked on.
    pub(super) fn carry(&mut self, bytes: &[u8]) -> bool {
        let mut carried = false;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let taken = piece.len().min(ENOUGH - self.have);
            self.line[self.have..self.have + taken].copy_from_slice(&piece[..taken]);
            self.have += taken;
            let ended = piece.ends_with(b"\n");
            if !self.judged && (ended || self.have == ENOUGH) {
                carried |= self.judge();
                self.judged = true;
            }
            if ended {
                self.have = 0;
                self.judged = false;
            }
        }
        carried
    }

    fn judge(&mut self) -> bool {
        let line = self.line[..self.have].trim_ascii();
        if line.is_empty() {
            self.heartbeat = false;
            return false;
        }
        if let Some(name) = line.strip_prefix(b"event:") {
            let name = name.trim_ascii();
            let known: [&[u8]; 4] = [b"heartbeat", b"ping", b"keepalive", b"keep-alive"];
            self.heartbeat = known.contains(&name);
            return false;
        }
        let Some(data) = line.strip_prefix(b"data:") else {
            return false;
        };
        let data = data.trim_ascii();
        match gradio_message(data) {
            Some(b"heartbeat") => self.jobs > 0,
            Some(b"process_starts") => {
                self.jobs += 1;
                true
            }
            Some(b"process_completed") => {
                self.jobs = self.jobs.saturating_sub(1);
                true
            }
            Some(b"close_stream") => {
                self.jobs = 0;
                false
            }
            Some(_) => true,
            // `ALIVE` is what each of Gradio's open tabs is sent every few seconds.
            None => !self.heartbeat && !data.is_empty() && data != b"ALIVE",
        }
    }
}

/// The kind of one of Gradio's messages, `{"msg": "KIND", …`.
fn gradio_message(data: &[u8]) -> Option<&[u8]> {
    let rest = data.strip_prefix(b"{")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"msg\"")?.trim_ascii_start();
    let rest = rest.strip_prefix(b":")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    Some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether each of these events is use, one stream for all.
    fn judged(events: &[&str]) -> Vec<bool> {
        let mut stream = Events::new();
        events
            .iter()
            .map(|event| stream.carry(format!("{event}\n\n").as_bytes()))
            .collect()
    }

    #[test]
    fn heartbeats_are_no_use() {
        let events = [
            ": ping - 2026",
            "data: ALIVE",
            "event: heartbeat\ndata: {}",
            "event: ping\r\ndata: {\"at\": 1}\r",
            "data: {\"msg\":\"heartbeat\"}",
            "data: {\"msg\": \"heartbeat\", \"event_id\": null}",
            "retry: 1000",
            "id: 7",
            "data:",
        ];
        for (event, used) in events.iter().zip(judged(&events)) {
            assert!(!used, "{event}");
        }
        let mut long = Events::new();
        assert!(!long.carry(format!(": {}", "x".repeat(5000)).as_bytes()));
        assert!(!long.carry(b"data: still the comment\n"));
    }

    #[test]
    fn everything_else_is() {
        let long = format!("data: {}", "x".repeat(100_000));
        let events = [
            "data: hello",
            "data: {\"msg\":\"process_generating\"}",
            "event: heartbeat\ndata: x\n\nevent: token\ndata: y",
            &long,
        ];
        assert_eq!(judged(&events), [true; 4]);
    }

    #[test]
    fn a_job_under_way_is_use_though_it_is_silent() {
        let beat = "data: {\"msg\":\"heartbeat\"}";
        let events = [
            beat,
            "data: {\"msg\":\"process_starts\",\"event_id\":\"1\"}",
            beat,
            "data: {\"msg\":\"process_completed\",\"event_id\":\"1\"}",
            beat,
        ];
        assert_eq!(judged(&events), [false, true, true, true, false]);
    }

    proptest! {
        #[test]
        fn how_it_is_cut_does_not_matter(
            events in prop::collection::vec(prop_oneof![
                Just("data: x\n\n"), Just(": c\n"), Just("event: ping\n"), Just("data: ALIVE\n\n"),
                Just("data: {\"msg\":\"process_starts\"}\n\n"), Just("data: {\"msg\":\"heartbeat\"}\n\n"),
            ], 0..12),
            size in 1..20usize,
        ) {
            let text = events.concat();
            let (mut whole, mut cut) = (Events::new(), Events::new());
            let expected = whole.carry(text.as_bytes());
            let pieces: Vec<bool> = text.as_bytes().chunks(size).map(|piece| cut.carry(piece)).collect();
            prop_assert_eq!(pieces.contains(&true), expected);
        }
    }
}
