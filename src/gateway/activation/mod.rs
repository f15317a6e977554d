//! From a visit to an instance that answers it.

use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) mod interim;
pub(super) mod wake_events;

use super::rejection::{Progress, Rejection};
use crate::routes::{Entry, Route, Serving, Visit};

/// How long a visitor waits to learn whether there is room by now.
const TRY: Duration = Duration::from_secs(2);

/// An instance that answers, held awake by the visit.
pub(super) struct Answering {
    pub(super) serving: Arc<Serving>,
    pub(super) visit: Visit,
    /// How long it took to wake, if it had to.
    pub(super) woke: Option<Duration>,
}

/// Begins a visit. A Space that sleeps is told that somebody wants it, and has `patience` to wake up.
pub(super) async fn visit(space: &Entry, patience: Duration) -> Result<Answering, Rejection> {
    if let Some(answer) = look(space, Serving::visit) {
        return answer;
    }
    let began = tokio::time::Instant::now();
    let woken = async {
        let mut changes = space.watch();
        let mut asked = false;
        loop {
            if let Some(answer) = look(space, Serving::visit) {
                return answer;
            }
            if let Route::Blocked { again } = space.route() {
                if asked || again > Instant::now() {
                    return Err(Rejection::Waking(Progress::Blocked));
                }
                space.demand();
                // It is tried once; that takes no longer than this.
                let _ = tokio::time::timeout(TRY, changes.changed()).await;
                asked = true;
                continue;
            }
            asked = true;
            // Said at every change, for it may have gone back to sleep without ever answering.
            space.demand();
            if changes.changed().await.is_err() {
                return Err(Rejection::NotFound);
            }
        }
    };
    let answer = tokio::time::timeout(patience, woken).await;
    let late = || Err(Rejection::Waking(Progress::of(&space.route())));
    let answering = answer.unwrap_or_else(|_| late())?;
    Ok(Answering {
        woke: Some(began.elapsed()),
        ..answering
    })
}

/// A visit of what comes after `gone`, which did not answer. It has `notice` to be known as gone, for if it is there it is
/// the app that does not answer; then what follows has `patience` to wake up.
pub(super) async fn successor(
    space: &Entry,
    gone: &Arc<Serving>,
    notice: Duration,
    patience: Duration,
) -> Option<Answering> {
    let mut changes = space.watch();
    let is_gone = |route: &Route| !matches!(route, Route::Serving(now) if Arc::ptr_eq(now, gone));
    let change = async { changes.wait_for(is_gone).await.is_ok() };
    if !matches!(tokio::time::timeout(notice, change).await, Ok(true)) {
        return None;
    }
    let answering = visit(space, patience).await.ok()?;
    (!Arc::ptr_eq(&answering.serving, gone)).then_some(answering)
}

/// A visit that wakes no Space.
pub(super) fn visit_awake(space: &Entry) -> Result<Answering, Rejection> {
    look(space, Serving::visit).unwrap_or(Err(Rejection::Asleep))
}

/// A visit that neither wakes a Space nor keeps it awake.
pub(super) fn glance(space: &Entry) -> Result<Answering, Rejection> {
    look(space, Serving::glance).unwrap_or(Err(Rejection::Asleep))
}

/// What there is to say right now; `None` while it sleeps or starts.
fn look(space: &Entry, begin: fn(&Arc<Serving>) -> Visit) -> Option<Result<Answering, Rejection>> {
    loop {
        let serving = match space.route() {
            Route::Serving(serving) => serving,
            Route::Asleep
            | Route::Building
            | Route::Starting
            | Route::Queued { .. }
            | Route::Blocked { .. } => return None,
            Route::Refused(refusal) => return Some(Err(Rejection::Refused(refusal))),
        };
        let visit = begin(&serving);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, InstanceId, RepoName, SpaceId, Stage, Visibility};
    use crate::routes::{EntrySettings, Nudges, Refusal, RouteTable};
    use crate::upstream::Upstream;

    const SOON: Duration = Duration::from_millis(50);

    fn space() -> (Arc<Entry>, Nudges) {
        let (table, nudges) = RouteTable::new();
        let name: RepoName = "a/b".parse().expect("valid");
        let settings = EntrySettings {
            name: name.clone(),
            owner: AccountId::new(),
            visibility: Visibility::Public,
        };
        let subdomain = name.subdomain().expect("short");
        (table.put(SpaceId::new(), subdomain, settings), nudges)
    }

    fn instance(space: &Entry) -> Arc<Serving> {
        let address = ([127, 0, 0, 1], 1).into();
        space.serving(InstanceId::new(), Upstream::Tcp(address))
    }

    #[tokio::test]
    async fn a_visit_wakes_waits_and_holds() {
        let (space, mut nudges) = space();
        space.set(Route::Asleep);
        let waking = visit(&space, SOON).await;
        assert!(matches!(waking, Err(Rejection::Waking(Progress::Waking))));
        assert_eq!(nudges.try_recv(), Ok(space.id));
        let waker = tokio::spawn({
            let space = Arc::clone(&space);
            async move {
                space.set(Route::Starting);
                tokio::time::sleep(SOON).await;
                space.set(Route::Serving(instance(&space)));
            }
        });
        let answering = visit(&space, 100 * SOON).await.expect("woken");
        assert!(answering.woke.is_some_and(|woke| woke >= SOON / 2));
        assert_eq!(answering.serving.visits(), 1);
        let again = visit(&space, SOON).await.expect("awake");
        assert!(again.woke.is_none());
        let Answering { serving, visit, .. } = answering;
        drop((visit, again));
        assert_eq!(serving.visits(), 0);
        waker.await.expect("ended");
    }

    #[tokio::test]
    async fn a_refusal_ends_the_wait() {
        let (space, _nudges) = space();
        space.set(Route::Asleep);
        let refuse = async {
            tokio::task::yield_now().await;
            space.set(Route::Refused(Refusal {
                stage: Stage::RuntimeError,
                message: "broken".into(),
            }));
        };
        let (answer, ()) = tokio::join!(visit(&space, 100 * SOON), refuse);
        let Err(Rejection::Refused(refusal)) = answer else {
            panic!("not refused");
        };
        assert_eq!(refusal.message, "broken");
    }
}
