//! Publishing and building.

use super::*;
use crate::domain::{BuildError, BuildId, BuildState, Fault, SpaceId};

async fn state(store: &Store, build: BuildId) -> BuildState {
    store.build(build).await.unwrap().unwrap().state
}

/// A build of that revision that has made `artifact`.
async fn good_build(store: &Store, space: SpaceId, number: u32, artifact: &str) -> BuildId {
    let build = store
        .publish(space, &revision(number), None, true)
        .await
        .unwrap();
    assert!(store.begin_build(build).await.unwrap());
    assert!(
        store
            .finish_build(build, Ok(site(artifact)), 1)
            .await
            .unwrap()
    );
    build
}

/// Runs eight of the same at once and counts those that say yes.
async fn how_many_of_eight<F>(each: impl Fn() -> F) -> usize
where
    F: Future<Output = Result<bool, StoreError>> + Send + 'static,
{
    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(each())).collect();
    let mut count = 0;
    for task in tasks {
        count += usize::from(task.await.unwrap().unwrap());
    }
    count
}

#[tokio::test]
async fn a_publish_moves_the_head_and_queues_a_build() {
    on_each_engine(|store| async move {
        let before = lone_space(&store).await;
        let id = before.id;
        assert_eq!(store.newest_build(id).await.unwrap(), None);
        let build = store
            .publish(id, &revision(1), Some("wasi"), false)
            .await
            .unwrap();

        let after = store.space_by_id(id).await.unwrap().unwrap();
        assert_eq!(after.head, Some(revision(1)));
        assert_eq!(after.sdk.as_deref(), Some("wasi"));
        assert_eq!(after.generation, before.generation + 1);
        let queued = store.newest_build(id).await.unwrap().unwrap();
        assert_eq!((queued.id, queued.state), (build, BuildState::Queued));
        assert_eq!(
            (queued.revision, queued.cached, queued.tries),
            (revision(1), false, 0)
        );

        store.publish(id, &revision(2), None, true).await.unwrap();
        let unreadable = store.space_by_id(id).await.unwrap().unwrap();
        assert_eq!(unreadable.sdk.as_deref(), Some("wasi"));
        assert_not_found(
            store
                .publish(SpaceId::new(), &revision(1), None, true)
                .await,
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_publishes_at_once_the_last_one_counts() {
    on_each_engine(|store| async move {
        let id = lone_space(&store).await.id;
        let publishes: Vec<_> = (0..24)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    let build = store
                        .publish(id, &revision(number), None, true)
                        .await
                        .unwrap();
                    // A builder that takes whatever comes.
                    store.begin_build(build).await.unwrap();
                    build
                })
            })
            .collect();
        let mut builds = Vec::new();
        for publish in publishes {
            builds.push(publish.await.unwrap());
        }

        let newest = store.newest_build(id).await.unwrap().unwrap();
        let space = store.space_by_id(id).await.unwrap().unwrap();
        assert_eq!(
            space.head,
            Some(newest.revision.clone()),
            "head and build part ways"
        );
        assert_eq!(space.generation, 1 + 24);
        for build in builds {
            let facts = store.build(build).await.unwrap().unwrap();
            if build == newest.id {
                assert_eq!(facts.state, BuildState::Running);
            } else {
                assert_eq!(facts.state, BuildState::Superseded);
                assert!(facts.finished_at.is_some());
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_build_ends_once() {
    on_each_engine(|store| async move {
        let id = lone_space(&store).await.id;
        let build = store.publish(id, &revision(1), None, true).await.unwrap();
        let finish =
            |store: Store| async move { store.finish_build(build, Ok(site("a")), 5).await };
        let retry = |store: Store| async move { store.retry_build(build, 4).await };

        assert_eq!(
            how_many_of_eight(|| finish(store.clone())).await,
            0,
            "it was never begun"
        );
        assert!(store.begin_build(build).await.unwrap());
        assert_eq!(how_many_of_eight(|| retry(store.clone())).await, 1);
        let queued = store.build(build).await.unwrap().unwrap();
        assert_eq!((queued.state, queued.tries), (BuildState::Queued, 1));
        assert_eq!(queued.finished_at, Some(4));

        assert!(store.begin_build(build).await.unwrap());
        assert!(
            store.begin_build(build).await.unwrap(),
            "its maker may have died"
        );
        assert_eq!(how_many_of_eight(|| finish(store.clone())).await, 1);
        let done = store.build(build).await.unwrap().unwrap();
        assert_eq!((done.state, done.tries), (BuildState::Succeeded, 1));
        assert_eq!(
            (done.artifact, done.finished_at),
            (Some(site("a")), Some(5))
        );
        let begin = |store: Store| async move { store.begin_build(build).await };
        assert_eq!(how_many_of_eight(|| begin(store.clone())).await, 0);
        assert!(!retry(store.clone()).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_superseded_build_comes_too_late() {
    on_each_engine(|store| async move {
        let id = lone_space(&store).await.id;
        let old = store.publish(id, &revision(1), None, true).await.unwrap();
        store.begin_build(old).await.unwrap();
        let new = store.publish(id, &revision(2), None, true).await.unwrap();

        assert!(!store.finish_build(old, Ok(site("old")), 1).await.unwrap());
        assert!(!store.retry_build(old, 1).await.unwrap());
        assert!(!store.begin_build(old).await.unwrap());
        assert_eq!(state(&store, old).await, BuildState::Superseded);
        assert_eq!(state(&store, new).await, BuildState::Queued);
        assert_eq!(store.newest_good_build(id).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_failed_build_keeps_its_words_and_the_good_one_before_it() {
    on_each_engine(|store| async move {
        let id = lone_space(&store).await.id;
        let good = good_build(&store, id, 1, "a").await;
        let bad = store.publish(id, &revision(2), None, true).await.unwrap();
        store.begin_build(bad).await.unwrap();
        let error = BuildError {
            fault: Fault::Card,
            message: "README.md:3: `sdk: gradio`\n\"quoted\"".into(),
        };
        assert!(
            store
                .finish_build(bad, Err(error.clone()), 2)
                .await
                .unwrap()
        );

        let newest = store.newest_build(id).await.unwrap().unwrap();
        assert_eq!(
            (newest.state, newest.error),
            (BuildState::Failed, Some(error))
        );
        let kept = store.newest_good_build(id).await.unwrap().unwrap();
        assert_eq!((kept.id, kept.artifact), (good, Some(site("a"))));

        // Another try at it may end otherwise.
        assert!(store.begin_build(bad).await.unwrap());
        assert!(store.finish_build(bad, Ok(site("b")), 3).await.unwrap());
        let newest = store.newest_good_build(id).await.unwrap().unwrap();
        assert_eq!((newest.id, newest.tries, newest.error), (bad, 1, None));
    })
    .await;
}

#[tokio::test]
async fn pruning_leaves_what_may_still_run() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let id = space(&store, &ada, "demo").await.id;
        let other = space(&store, &ada, "other").await.id;
        for number in 1..=3 {
            good_build(&store, id, number, &format!("a{number}")).await;
        }
        for number in 4..=6 {
            let bad = store
                .publish(id, &revision(number), None, true)
                .await
                .unwrap();
            store.begin_build(bad).await.unwrap();
            store
                .finish_build(bad, Err(BuildError::author("no")), 1)
                .await
                .unwrap();
        }
        let other_build = good_build(&store, other, 1, "other").await;
        assert_eq!(store.artifacts_in_use().await.unwrap().len(), 4);

        assert_eq!(store.prune_builds(2).await.unwrap(), 3);
        let good = store.newest_good_build(id).await.unwrap().unwrap();
        assert_eq!(good.artifact, Some(site("a3")));
        let newest = store.newest_build(id).await.unwrap().unwrap();
        assert_eq!(newest.revision, revision(6));
        assert_eq!(state(&store, other_build).await, BuildState::Succeeded);
        assert_eq!(
            store.artifacts_in_use().await.unwrap(),
            [site("a3"), site("other")]
        );

        // Zero keeps what is needed all the same.
        assert_eq!(store.prune_builds(0).await.unwrap(), 1);
        assert!(store.newest_good_build(id).await.unwrap().is_some());
        store
            .begin_removal(other.into(), Actor::Server)
            .await
            .unwrap();
        assert_eq!(store.artifacts_in_use().await.unwrap(), [site("a3")]);
    })
    .await;
}

#[tokio::test]
async fn a_corrupt_build_names_itself() {
    let damages = [
        ("UPDATE builds SET state = 'happy'", "state"),
        ("UPDATE builds SET cached = 'perhaps'", "cached"),
        ("UPDATE builds SET artifact = NULL", "artifact"),
        ("UPDATE builds SET artifact = '{}'", "artifact"),
        ("UPDATE builds SET state = 'failed'", "error"),
    ];
    on_each_engine(|store| async move {
        let id = lone_space(&store).await.id;
        for (number, (statement, column)) in (1..).zip(damages) {
            let build = good_build(&store, id, number, "a").await;
            damage(&store, statement).await;
            match store.newest_build(id).await {
                Err(StoreError::Corrupt {
                    table: "builds",
                    id: named,
                    problem,
                }) => {
                    assert_eq!(named, build.to_string());
                    assert!(problem.starts_with(column), "{problem}");
                }
                other => panic!("{column}: {other:?}"),
            }
        }
        damage(
            &store,
            "UPDATE builds SET state = 'succeeded', artifact = '[]'",
        )
        .await;
        let in_use = store.artifacts_in_use().await;
        assert!(
            matches!(in_use, Err(StoreError::Corrupt { .. })),
            "{in_use:?}"
        );
    })
    .await;
}
