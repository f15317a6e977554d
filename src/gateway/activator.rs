//! From a visit to an instance that answers it.

use std::sync::Arc;
use std::time::Duration;

use super::trouble::Trouble;
use crate::routes::{Entry, Route, Serving, Visit};

/// An instance that answers, held awake by the visit.
pub(super) struct Answering {
    pub(super) serving: Arc<Serving>,
    pub(super) visit: Visit,
    /// How long it took to wake, if it had to.
    pub(super) woke: Option<Duration>,
}

/// Begins a visit. A Space that sleeps is told that somebody wants it, and has `patience` to wake up.
pub(super) async fn visit(space: &Entry, patience: Duration) -> Result<Answering, Trouble> {
    if let Some(answer) = look(space) {
        return answer;
    }
    let began = tokio::time::Instant::now();
    let woken = async {
        let mut changes = space.watch();
        loop {
            if let Some(answer) = look(space) {
                return answer;
            }
            // Said at every change, for it may have gone back to sleep without ever answering.
            space.demand();
            if changes.changed().await.is_err() {
                return Err(Trouble::NotFound);
            }
        }
    };
    let answer = tokio::time::timeout(patience, woken).await;
    let answering = answer.unwrap_or(Err(Trouble::Waking))?;
    Ok(Answering {
        woke: Some(began.elapsed()),
        ..answering
    })
}

/// What there is to say right now; `None` while it sleeps or starts.
fn look(space: &Entry) -> Option<Result<Answering, Trouble>> {
    loop {
        let serving = match space.route() {
            Route::Serving(serving) => serving,
            Route::Asleep | Route::Starting => return None,
            Route::Refused(refusal) => return Some(Err(Trouble::Refused(refusal))),
        };
        let visit = serving.visit();
        // It may have been sent to sleep before the visit was counted: then it is not there to answer. After this
        // second look it cannot be, for it is put to sleep by changing the route first and counting visits then.
        if let Route::Serving(now) = space.route()
            && Arc::ptr_eq(&now, &serving)
        {
            return Some(Ok(Answering {
                serving,
                visit,
                woke: None,
            }));
        }
    }
}
