//! What holds of repositories of every kind.

use super::super::{StoreError, Taken};
use super::*;

/// One repository of each kind, all of one name.
async fn one_of_each(store: &Store, owner: &Account) -> Vec<Repository> {
    let mut all = Vec::new();
    for kind in RepoKind::ALL {
        let new = NewRepository {
            kind,
            ..wanted(owner, "demo")
        };
        all.push(store.create_repository(new).await.unwrap());
    }
    all
}

#[tokio::test]
async fn a_name_is_taken_within_its_kind() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        for there in one_of_each(&store, &ada).await {
            let new = NewRepository {
                kind: there.kind,
                ..wanted(&ada, "DEMO")
            };
            let again = store.create_repository(new).await;
            assert!(
                matches!(&again, Err(StoreError::Taken { what: Taken::Repository(name) }) if *name == there.name),
                "{again:?}"
            );
            let found = store
                .repository_by_name(there.kind, &parsed("ADA/Demo"))
                .await
                .unwrap();
            assert_eq!(found, Some(there.clone()));
            assert_eq!(store.repository_by_id(there.id).await.unwrap(), Some(there));
        }
        // An address is a Space's alone.
        model(&store, &ada, "de.mo").await;
        model(&store, &ada, "de-mo").await;
    })
    .await;
}

#[tokio::test]
async fn every_former_name_leads_to_what_was_renamed_by_two_at_once() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        for one in one_of_each(&store, &ada).await {
            // The second one knows nothing of what the first has done.
            for to in ["ada/second", "ada/third"] {
                let to = parsed(to);
                let renamed = store
                    .rename_repository(one.id, ada.id, &to, Actor::Server)
                    .await
                    .unwrap();
                assert_eq!(renamed.name, to);
            }
            for former in ["ada/demo", "ada/SECOND"] {
                let found = store
                    .repository_by_former_name(one.kind, &parsed(former))
                    .await
                    .unwrap();
                assert_eq!(found.map(|found| found.id), Some(one.id), "{former}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_first_commit_does_not_undo_a_later_one() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        for one in one_of_each(&store, &ada).await {
            let (first, later) = (revision(1), revision(2));
            store.set_first_head(one.id, &first, None).await.unwrap();
            let head = store.repository_by_id(one.id).await.unwrap().unwrap().head;
            assert_eq!(head, Some(first.clone()));
            store.set_head(one.id, Some(&later)).await.unwrap();
            store.set_first_head(one.id, &first, None).await.unwrap();
            let head = store.repository_by_id(one.id).await.unwrap().unwrap().head;
            assert_eq!(head, Some(later));
        }
    })
    .await;
}

#[tokio::test]
async fn removal_takes_along_what_is_known_beside_the_row() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        for one in one_of_each(&store, &ada).await {
            store.like(ada.id, one.id).await.unwrap();
            store.set_creator(one.id, ada.id).await.unwrap();
            let to = parsed("ada/renamed");
            store
                .rename_repository(one.id, ada.id, &to, Actor::Server)
                .await
                .unwrap();
            store.begin_removal(one.id, Actor::Server).await.unwrap();
            let old = store.repository_by_former_name(one.kind, &one.name).await;
            assert_eq!(old.unwrap(), None, "it is being removed");
            store.finish_removal(one.id).await.unwrap();
            store.finish_removal(one.id).await.unwrap();
            // Too late: whoever likes what has just gone is told nothing.
            store.like(ada.id, one.id).await.unwrap();
            store.set_creator(one.id, ada.id).await.unwrap();
            assert_eq!(store.likes_of(ada.id).await.unwrap(), []);
            assert_eq!(store.created_by(ada.id).await.unwrap(), []);
        }
        assert_eq!(store.repository_ids().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn the_trail_says_what_was_done_to_every_kind() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        for one in one_of_each(&store, &ada).await {
            let by = Actor::from(ada.id);
            let (private, to) = (Visibility::Private, parsed("ada/renamed"));
            store.set_visibility(one.id, private, by).await.unwrap();
            store
                .rename_repository(one.id, ada.id, &to, by)
                .await
                .unwrap();
            store.begin_removal(one.id, by).await.unwrap();
            let events = store.events(3).await.unwrap();
            let told = events.iter().map(|event| (&*event.action, &*event.detail));
            let told: Vec<_> = told.collect();
            if one.kind == RepoKind::Space {
                assert_eq!(
                    told,
                    [
                        ("space.delete", "ada/renamed"),
                        ("space.move", "ada/demo -> ada/renamed"),
                        ("space.visibility", "ada/demo: private"),
                    ]
                );
            } else {
                let kind = one.kind.as_str();
                let details = [
                    format!("{kind} ada/renamed"),
                    format!("{kind} ada/demo -> ada/renamed"),
                    format!("{kind} ada/demo: private"),
                ];
                let actions = [
                    "repository.delete",
                    "repository.move",
                    "repository.visibility",
                ];
                let wanted = actions.iter().zip(&details);
                let wanted: Vec<_> = wanted.map(|(one, other)| (*one, &**other)).collect();
                assert_eq!(told, wanted);
            }
            assert!(events.iter().all(|event| event.actor == Some(ada.id)));
        }
    })
    .await;
}
