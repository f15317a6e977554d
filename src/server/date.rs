//! The `Date` of answers (RFC 9110, section 6.6.1). Hyper's own stands still after the clock was set back, until the time
//! of before has come again.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

thread_local! {
    static LAST: RefCell<Written> = const { RefCell::new(Written(None)) };
}

/// The second that was written last, and how.
struct Written(Option<(i64, HeaderValue)>);

/// The present, written once a second by each thread.
pub(super) fn date() -> HeaderValue {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0));
    LAST.with_borrow_mut(|last| last.at(seconds))
}

// === impl Written ===

impl Written {
    fn at(&mut self, seconds: i64) -> HeaderValue {
        if let Some((written, text)) = &self.0
            && *written == seconds
        {
            return text.clone();
        }
        let moment = Timestamp::from_second(seconds).unwrap_or_default();
        let text = DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&moment)
            .ok()
            .and_then(|text| HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok())
            .unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"));
        self.0 = Some((seconds, text.clone()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_clock_wherever_it_is_set() {
        let mut written = Written(None);
        assert_eq!(written.at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(written.at(784_111_778), "Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(written.at(784_025_377), "Sat, 05 Nov 1994 08:49:37 GMT");
    }
}
