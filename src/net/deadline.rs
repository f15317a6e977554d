//! A timer for waits that nearly all end in time.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep};

/// A timer that is set for one wait after another. A wait for a moment no earlier than the one it is set to already costs
/// nothing: it is set anew only when it rings too soon. So whoever waits again and again has the runtime's list of timers
/// changed once in a while, and not at each wait.
///
/// Between two waits it may wake whoever waited last, for nothing.
#[derive(Debug, Default)]
pub struct Deadline(Option<Pin<Box<Sleep>>>);

// === impl Deadline ===

impl Deadline {
    /// Ready at that moment or later. A wait is abandoned by not polling it any more.
    pub fn poll_until(&mut self, until: Instant, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if sleep.deadline() > until {
            sleep.as_mut().reset(until);
        }
        while sleep.as_mut().poll(context).is_ready() {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(until);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    const STEP: Duration = Duration::from_millis(20);
    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn it_rings_at_the_moment_last_asked_for() {
        let mut deadline = Deadline::default();
        for (first, second) in [(STEP, 3 * STEP), (HOUR, STEP), (STEP, STEP)] {
            let began = Instant::now();
            poll_fn(|context| {
                assert!(deadline.poll_until(began + first, context).is_pending());
                Poll::Ready(())
            })
            .await;
            let ring = poll_fn(|context| deadline.poll_until(began + second, context));
            let rung = tokio::time::timeout(HOUR / 100, ring).await;
            assert!(rung.is_ok() && began.elapsed() >= second);
        }
    }
}
