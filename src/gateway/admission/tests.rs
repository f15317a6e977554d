//! Who gets a place, who waits for one, and who is turned away.

use super::*;
use crate::domain::{AccountId, InstanceId, RepoName, Visibility};
use crate::routes::{EntrySettings, RouteTable};
use crate::upstream::Upstream;

fn entry(table: &RouteTable, name: &str) -> Arc<Entry> {
    let name: RepoName = name.parse().expect("valid");
    let settings = EntrySettings {
        name: name.clone(),
        owner: AccountId::new(),
        visibility: Visibility::Public,
    };
    let entry = table.put(SpaceId::new(), name.subdomain().expect("short"), settings);
    let nobody = Upstream::Tcp(([127, 0, 0, 1], 1).into());
    entry.set(Route::Serving(entry.serving(InstanceId::new(), nobody)));
    entry
}

fn admission(places: usize, queue: usize) -> Admission {
    Admission {
        limits: Limits {
            places,
            places_of_one: places,
            watchers: 2,
            watchers_of_one: 1,
            queue,
        },
        patience: Duration::from_millis(200),
        wake_patience: Duration::from_millis(600),
        rate_per_visitor: RateLimit::per_second(0.0),
        rate_per_space: RateLimit::per_second(0.0),
        visitors: RateClocks::default(),
        spaces: RateClocks::default(),
        known: RwLock::default(),
    }
}

fn who(number: u8) -> ClientKey {
    ClientKey::of([192, 0, 2, number].into())
}

#[tokio::test]
async fn places_then_a_queue_then_nothing() {
    let (table, _nudges) = RouteTable::new();
    let (space, other) = (entry(&table, "a/b"), entry(&table, "a/c"));
    let admission = Arc::new(admission(2, 1));
    let first = admission.admit(&space, who(1)).await.expect("room");
    let _second = admission.admit(&space, who(1)).await.expect("room");
    let third = tokio::spawn({
        let (admission, space) = (Arc::clone(&admission), Arc::clone(&space));
        async move { admission.admit(&space, who(1)).await }
    });
    tokio::task::yield_now().await;
    let own_fault = admission.admit(&space, who(1)).await;
    assert!(matches!(own_fault, Err(Rejection::TooMany)));
    assert!(matches!(
        admission.admit(&space, who(2)).await,
        Err(Rejection::Full)
    ));
    let _elsewhere = admission
        .admit(&other, who(1))
        .await
        .expect("its own limit");
    drop(first);
    let _third = third.await.expect("ended").expect("its turn came");
    // The queue is free again, but nobody leaves: the wait ends by itself.
    assert!(matches!(
        admission.admit(&space, who(1)).await,
        Err(Rejection::Full)
    ));
    assert!(admission.limit(&space).visits.lock().next().is_none());
}

#[tokio::test]
async fn a_wait_that_is_lost_to_another_visitor_ends_at_once() {
    let (table, _nudges) = RouteTable::new();
    let space = entry(&table, "a/b");
    let admission = Arc::new(admission(1, 2));
    let place = admission.admit(&space, who(1)).await.expect("room");
    let wait = |visitor| {
        let (admission, space) = (Arc::clone(&admission), Arc::clone(&space));
        tokio::spawn(async move { admission.admit(&space, visitor).await })
    };
    let (first, second) = (wait(who(1)), wait(who(1)));
    tokio::task::yield_now().await;
    let other = wait(who(2));
    let lost = second.await.expect("ended");
    assert!(matches!(lost, Err(Rejection::TooMany)), "{lost:?}");
    drop(place);
    drop(other.await.expect("ended").expect("its turn came"));
    first.await.expect("ended").expect("its turn came");
}

/// A visitor who leaves at the very moment at which the turn comes must not take the place along.
#[tokio::test]
async fn a_turn_that_nobody_takes_is_passed_on() {
    let (table, _nudges) = RouteTable::new();
    let space = entry(&table, "a/b");
    let admission = admission(1, 2);
    let place = admission.admit(&space, who(1)).await.expect("room");
    let mut gone = Box::pin(admission.admit(&space, who(2)));
    let mut next = Box::pin(admission.admit(&space, who(3)));
    assert!(futures_util::poll!(&mut gone).is_pending());
    assert!(futures_util::poll!(&mut next).is_pending());
    drop(place);
    drop(gone);
    drop(next.await.expect("passed on"));
    assert!(admission.limit(&space).visits.lock().is_empty());
}

#[tokio::test]
async fn those_who_wait_for_a_sleeping_space_are_given_its_time_to_wake() {
    let (table, _nudges) = RouteTable::new();
    let space = entry(&table, "a/b");
    space.set(Route::Asleep);
    let admission = admission(1, 1);
    let _first = admission.admit(&space, who(1)).await.expect("room");
    let began = tokio::time::Instant::now();
    let second = admission.admit(&space, who(1)).await;
    assert!(matches!(second, Err(Rejection::Waking(_))));
    assert!(began.elapsed() >= admission.wake_patience);
}

#[tokio::test]
async fn those_who_stay_have_places_of_their_own() {
    let (table, _nudges) = RouteTable::new();
    let space = entry(&table, "a/b");
    let admission = admission(1, 0);
    let watcher = admission.admit_watcher(&space, who(1)).expect("room");
    let second = admission.admit_watcher(&space, who(1));
    assert!(matches!(second, Err(Rejection::TooMany)));
    let _other = admission.admit_watcher(&space, who(2)).expect("room");
    let third = admission.admit_watcher(&space, who(3));
    assert!(matches!(third, Err(Rejection::Full)));
    let _request = admission.admit(&space, who(1)).await.expect("room");
    drop(watcher);
    assert!(admission.admit_watcher(&space, who(1)).is_ok());
}

#[tokio::test]
async fn gates_of_spaces_that_are_gone_are_swept() {
    let (table, _nudges) = RouteTable::new();
    let admission = admission(1, 1);
    for number in 0..500 {
        let space = entry(&table, &format!("a/b{number}"));
        drop(admission.admit(&space, who(1)).await.expect("room"));
        let settings = space.settings();
        table.remove(space.id, &settings.name.subdomain().expect("short"));
    }
    let known = admission.known.read();
    assert!(known.spaces.len() <= 64, "{}", known.spaces.len());
}
