//! Spaces and changes to them.

use std::time::Duration;

use super::super::{StoreError, Taken};
use super::*;
use crate::domain::SecretValue;
use crate::domain::{AccountId, Desired, SpaceId};

#[tokio::test]
async fn a_space_is_read_back_as_it_was_created() {
    on_each_engine(|store| async move {
        let ada = user(&store, "Ada").await;
        let new = NewRepository {
            name: parsed("aDa/My.Demo_1"),
            visibility: Visibility::Protected,
            settings: SpaceSettings {
                hardware: Some("cpu-nano".into()),
                sleep_after: Some(Duration::from_secs(300)),
            },
            ..wanted(&ada, "x")
        };
        let made = made(&store, new).await;
        assert_eq!(made.name.to_string(), "Ada/My.Demo_1");
        assert_eq!(made.subdomain.as_str(), "ada-my-demo-1");

        assert_eq!(
            store.space_by_id(made.id).await.unwrap(),
            Some(made.clone())
        );
        let found = store.space_by_name(&parsed("ADA/MY.DEMO_1")).await.unwrap();
        assert_eq!(found, Some(made));
        assert_eq!(
            store.space_by_name(&parsed("ada/other")).await.unwrap(),
            None
        );
        assert_eq!(store.space_by_id(SpaceId::new()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_taken_name_says_whose_it_is() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let ada_b = user(&store, "ada-b").await;
        let there = space(&store, &ada, "B.c").await;

        let same = store.create_repository(wanted(&ada, "b.C")).await;
        assert!(
            matches!(&same, Err(StoreError::Taken { what: Taken::Repository(name) }) if *name == there.name),
            "{same:?}"
        );
        for (owner, name) in [(&ada, "b-c"), (&ada, "b_c"), (&ada_b, "c")] {
            let folded = store.create_repository(wanted(owner, name)).await;
            assert!(
                matches!(&folded, Err(StoreError::Taken { what: Taken::Subdomain(name) }) if *name == there.name),
                "{folded:?}"
            );
        }
        let long = store.create_repository(wanted(&ada, &"x".repeat(96))).await;
        assert!(matches!(long, Err(StoreError::Name(_))), "{long:?}");
        assert_eq!(store.count_repositories(ada.id, RepoKind::Space).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn of_many_who_want_one_name_one_gets_it() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let tries: Vec<_> = (0..8)
            .map(|_| {
                let (store, new) = (store.clone(), wanted(&ada, "demo"));
                tokio::spawn(async move { store.create_repository(new).await })
            })
            .collect();
        let mut made = 0;
        for outcome in tries {
            match outcome.await.unwrap() {
                Ok(_) => made += 1,
                Err(StoreError::Taken {
                    what: Taken::Repository(_),
                }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(made, 1);
    })
    .await;
}

#[tokio::test]
async fn a_space_begins_with_its_owners_name() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let bob = user(&store, "bob").await;
        let foreign = NewRepository {
            owner: bob.id,
            ..wanted(&ada, "demo")
        };
        assert_not_found(store.create_repository(foreign).await);
        let ownerless = NewRepository {
            owner: AccountId::new(),
            ..wanted(&ada, "demo")
        };
        assert_not_found(store.create_repository(ownerless).await);
    })
    .await;
}

#[tokio::test]
async fn every_change_raises_the_generation() {
    on_each_engine(|store| async move {
        let first = lone_space(&store).await;
        let id = first.id;
        let paused = store.pause_space(id, Actor::Server).await.unwrap();
        assert_eq!((paused.desired, paused.restarts), (Desired::Paused, 0));
        let restarted = store.restart_space(id).await.unwrap();
        assert_eq!(
            (restarted.desired, restarted.restarts),
            (Desired::Running, 1)
        );
        let sized = store.set_hardware(id, Some("cpu-basic")).await.unwrap();
        assert_eq!(
            (sized.hardware.as_deref(), sized.restarts),
            (Some("cpu-basic"), 2)
        );
        let unsized_again = store.set_hardware(id, None).await.unwrap();
        assert_eq!((unsized_again.hardware, unsized_again.restarts), (None, 3));
        let nap = Some(Duration::from_millis(1500));
        assert_eq!(
            store.set_sleep_after(id, nap).await.unwrap().sleep_after,
            nap
        );
        store
            .set_visibility(id.into(), Visibility::Private, Actor::Server)
            .await
            .unwrap();
        let hidden = store.space_by_id(id).await.unwrap().unwrap();
        assert_eq!(hidden.visibility, Visibility::Private);
        assert_eq!(
            (hidden.restarts, hidden.generation),
            (3, first.generation + 6)
        );
    })
    .await;
}

#[tokio::test]
async fn a_space_being_removed_refuses_changes_and_frees_its_name() {
    on_each_engine(|store| async move {
        let old = lone_space(&store).await;
        let id = old.id;
        store.begin_removal(id.into(), Actor::Server).await.unwrap();

        assert_not_found(store.begin_removal(id.into(), Actor::Server).await);
        assert_not_found(store.pause_space(id, Actor::Server).await);
        assert_not_found(store.restart_space(id).await);
        assert_not_found(store.set_hardware(id, None).await);
        assert_not_found(store.set_sleep_after(id, None).await);
        assert_not_found(
            store
                .set_visibility(id.into(), Visibility::Public, Actor::Server)
                .await,
        );
        assert_not_found(store.publish(id, &revision(1), None, true).await);
        let value = SecretValue::new("v");
        assert_not_found(store.set_secret(id, "K", &value, None, 0).await);
        assert_not_found(store.delete_variable(id, "K", 0).await);

        let going = store.space_by_id(id).await.unwrap().unwrap();
        assert_eq!(going.desired, Desired::Deleted);
        assert_eq!(store.space_by_name(&old.name).await.unwrap(), None);
        assert_eq!(store.repository_by_id(id.into()).await.unwrap(), None);
        assert_eq!(store.repositories_to_stay().await.unwrap(), []);
        assert_eq!(
            store
                .count_repositories(old.owner, RepoKind::Space)
                .await
                .unwrap(),
            0
        );
        assert_eq!(store.space_ids().await.unwrap(), [id]);

        let owner = store.account_by_id(old.owner).await.unwrap().unwrap();
        let new = space(&store, &owner, "demo").await;
        assert_eq!(new.subdomain, old.subdomain);
        store.finish_removal(id.into()).await.unwrap();
        store.finish_removal(id.into()).await.unwrap();
        assert_eq!(store.space_by_name(&old.name).await.unwrap(), Some(new));
    })
    .await;
}

#[tokio::test]
async fn removal_takes_along_all_that_hangs_on_a_space() {
    on_each_engine(|store| async move {
        let id = lone_space(&store).await.id;
        let build = store.publish(id, &revision(1), None, true).await.unwrap();
        store
            .set_secret(id, "K", &SecretValue::new("v"), None, 0)
            .await
            .unwrap();
        store.set_variable(id, "V", "v", None, 0).await.unwrap();

        store.finish_removal(id.into()).await.unwrap();
        assert_eq!(store.space_by_id(id).await.unwrap(), None);
        assert_eq!(store.build(build).await.unwrap(), None);
        assert_eq!(store.list_secrets(id).await.unwrap(), []);
        assert_eq!(store.list_variables(id).await.unwrap(), []);
        assert!(!store.begin_build(build).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_corrupt_space_names_itself() {
    let damages = [
        ("UPDATE spaces SET desired = 'dormant'", "spaces", "desired"),
        ("UPDATE spaces SET subdomain = '..'", "spaces", "subdomain"),
        (
            "UPDATE spaces SET sleep_after_ms = -1",
            "spaces",
            "sleep_after_ms",
        ),
        (
            "UPDATE repositories SET kind = 'film'",
            "repositories",
            "kind",
        ),
        (
            "UPDATE repositories SET visibility = ''",
            "repositories",
            "visibility",
        ),
        (
            "UPDATE repositories SET head = 'HEAD'",
            "repositories",
            "head",
        ),
        (
            "UPDATE repositories SET name = '../x'",
            "repositories",
            "name",
        ),
        (
            "UPDATE accounts SET name = 'a/b'",
            "repositories",
            "owner_name",
        ),
    ];
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        for (statement, of, column) in damages {
            let id = space(&store, &ada, "demo").await.id;
            damage(&store, statement).await;
            match store.space_by_id(id).await {
                Err(StoreError::Corrupt {
                    table,
                    id: named,
                    problem,
                }) => {
                    assert_eq!((table, named), (of, id.to_string()));
                    assert!(problem.starts_with(column), "{problem}");
                }
                other => panic!("{column}: {other:?}"),
            }
            store.finish_removal(id.into()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_goes_with_the_reason_it_was_to() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let space = space(&store, &ada, "demo").await.id;
        assert!(!store.answer(space, "why me?").await.unwrap());
        store
            .set_disabled(space, Some("it mines"), Actor::Server)
            .await
            .unwrap();
        assert!(store.answer(space, "it does not").await.unwrap());
        let told = store.answer_of(space).await.unwrap();
        assert_eq!(told.as_deref(), Some("it does not"));
        for reason in [Some("it spams"), None] {
            store
                .set_disabled(space, reason, Actor::Server)
                .await
                .unwrap();
            assert_eq!(store.answer_of(space).await.unwrap(), None);
        }
    })
    .await;
}
