//! Secrets and variables.

use super::super::{Counted, NewSetting, NewToken, SettingValue};
use super::*;
use crate::domain::Scope;
use crate::domain::SecretValue;

#[tokio::test]
async fn secrets_are_listed_without_and_revealed_with_their_values() {
    on_each_engine(|store| async move {
        let before = lone_space(&store).await;
        let id = before.id;
        let set = async |key, value, description, now| {
            let value = SecretValue::new(value);
            store
                .set_secret(id, key, &value, description, now)
                .await
                .unwrap();
        };
        set("TOKEN", "first", Some("of the hub"), 1).await;
        set("ALPHA", "β\n", None, 2).await;
        set("TOKEN", "second", None, 3).await;

        let facts = store.list_secrets(id).await.unwrap();
        let facts: Vec<_> = facts
            .iter()
            .map(|fact| {
                (
                    fact.key.as_str(),
                    fact.description.as_deref(),
                    fact.updated_at,
                )
            })
            .collect();
        assert_eq!(facts, [("ALPHA", None, 2), ("TOKEN", None, 3)]);
        let revealed = store.reveal_secrets(id).await.unwrap();
        let revealed: Vec<_> = revealed
            .iter()
            .map(|(key, value)| (key.as_str(), value.expose()))
            .collect();
        assert_eq!(revealed, [("ALPHA", "β\n"), ("TOKEN", "second")]);

        assert!(store.delete_secret(id, "ALPHA", 4).await.unwrap());
        assert!(!store.delete_secret(id, "ALPHA", 5).await.unwrap());
        let after = store.space_by_id(id).await.unwrap().unwrap();
        assert_eq!(
            after.restarts,
            before.restarts + 4,
            "one for each change, none for no change"
        );
        assert_eq!(after.generation, before.generation + 4);
    })
    .await;
}

#[tokio::test]
async fn variables_are_read_back() {
    on_each_engine(|store| async move {
        let before = lone_space(&store).await;
        let id = before.id;
        store
            .set_variable(id, "B", "1", Some("why"), 1)
            .await
            .unwrap();
        store.set_variable(id, "A", "", None, 2).await.unwrap();
        store
            .set_variable(id, "B", "2", Some("why not"), 3)
            .await
            .unwrap();

        let variables = store.list_variables(id).await.unwrap();
        assert_eq!(variables.len(), 2);
        assert_eq!(
            (variables[0].key.as_str(), variables[0].value.as_str()),
            ("A", "")
        );
        let b = &variables[1];
        assert_eq!(
            (b.key.as_str(), b.value.as_str(), b.updated_at),
            ("B", "2", 3)
        );
        assert_eq!(b.description.as_deref(), Some("why not"));

        assert!(store.delete_variable(id, "B", 4).await.unwrap());
        assert!(!store.delete_variable(id, "B", 5).await.unwrap());
        let after = store.space_by_id(id).await.unwrap().unwrap();
        assert_eq!(after.restarts, before.restarts + 4);
    })
    .await;
}

#[tokio::test]
async fn a_secret_moved_to_another_space_does_not_open() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let mine = space(&store, &ada, "mine").await.id;
        space(&store, &ada, "other").await;
        let value = SecretValue::new("hunter2");
        store.set_secret(mine, "K", &value, None, 1).await.unwrap();
        damage(
            &store,
            "UPDATE secrets SET space_id = (SELECT id FROM repositories WHERE name = 'other')",
        )
        .await;
        let other = store
            .space_by_name(&parsed("ada/other"))
            .await
            .unwrap()
            .unwrap();
        let moved = store.reveal_secrets(other.id).await;
        assert!(
            matches!(&moved, Err(StoreError::Corrupt { table: "secrets", id, .. })
                if *id == format!("{} K", other.id)),
            "{moved:?}"
        );
        assert!(!format!("{moved:?}").contains("hunter2"));
    })
    .await;
}

#[tokio::test]
async fn nobody_fills_the_database_with_rows() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let id = space(&store, &ada, "demo").await.id;
        let is_full = |kept: Result<(), StoreError>, what: Counted| {
            matches!(kept, Err(StoreError::TooMany { what: full }) if full == what)
        };
        let set = async |key: &str| store.set_variable(id, key, "v", None, 1).await;
        for number in 0..Counted::Variables.most() {
            set(&format!("V{number}")).await.unwrap();
        }
        assert!(is_full(set("ONE_MORE").await, Counted::Variables));
        // What is there can be changed, and what goes makes room.
        set("V0").await.unwrap();
        store.delete_variable(id, "V0", 1).await.unwrap();
        set("ONE_MORE").await.unwrap();

        let value = SecretValue::new("hunter2");
        let seal = async |key: &str| store.set_secret(id, key, &value, None, 1).await;
        for number in 0..Counted::Secrets.most() {
            seal(&format!("S{number}")).await.unwrap();
        }
        assert!(is_full(seal("ONE_MORE").await, Counted::Secrets));

        let new = |number: u8, expires_at| NewToken {
            account: ada.id,
            name: format!("token {number}"),
            scope: Scope::Read,
            hash: [number; 32],
            expires_at,
            grants: Vec::new(),
        };
        let most = u8::try_from(Counted::Tokens.most()).unwrap();
        store.create_token(new(most, Some(1))).await.unwrap();
        for number in 1..most {
            store.create_token(new(number, None)).await.unwrap();
        }
        // One that has expired makes room, the others do not.
        store.create_token(new(0, None)).await.unwrap();
        let full = store.create_token(new(most, None)).await;
        assert!(is_full(full, Counted::Tokens));
        assert_eq!(store.list_tokens(ada.id).await.unwrap().len(), usize::from(most));

        assert_eq!(Counted::Likes.most(), 1000);
        for statement in [
            "INSERT INTO repositories (id, kind, owner_id, name, name_key, visibility, created_at, updated_at) \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999) \
             SELECT 'r' || i, 'model', a.id, 'r' || i, 'r' || i, 'public', 0, 0 FROM n CROSS JOIN accounts a",
            "INSERT INTO likes (account_id, repo_id, liked_at) SELECT owner_id, id, 0 FROM repositories \
             WHERE kind = 'model'",
        ] {
            damage(&store, statement).await;
        }
        let last = model(&store, &ada, "last").await.id;
        let further = model(&store, &ada, "further").await.id;
        store.like(ada.id, last).await.unwrap();
        store.like(ada.id, last).await.unwrap();
        assert!(is_full(store.like(ada.id, further).await, Counted::Likes));
    })
    .await;
}

#[tokio::test]
async fn an_account_has_a_hundred_sessions_and_the_oldest_goes() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let later = i64::from(u32::MAX) * 1000;
        for number in 0..101_u8 {
            let until = later + i64::from(number);
            store
                .create_session(ada.id, &[number; 32], until)
                .await
                .unwrap();
        }
        assert_eq!(store.session(&[0; 32], 1).await.unwrap(), None);
        for kept in [1, 50, 100] {
            assert!(store.session(&[kept; 32], 1).await.unwrap().is_some());
        }
    })
    .await;
}

#[tokio::test]
async fn settings_are_set_together_or_not_at_all() {
    on_each_engine(|store| async move {
        let before = lone_space(&store).await;
        let id = before.id;
        let variable = |name: &str, value: &str| NewSetting {
            name: name.to_owned(),
            value: SettingValue::Variable(value.to_owned()),
        };
        let secret = |name: &str, value: &str| NewSetting {
            name: name.to_owned(),
            value: SettingValue::Secret(SecretValue::new(value)),
        };
        let described = store.set_variable(id, "A", "0", Some("why"), 1);
        described.await.unwrap();
        let both = [variable("A", "1"), secret("S", "s"), variable("V", "v")];
        store.set_all(id, &both, 2).await.unwrap();
        let variables = async || {
            let listed = store.list_variables(id).await.unwrap();
            let listed = listed.into_iter();
            listed
                .map(|variable| (variable.key, variable.value))
                .collect::<Vec<_>>()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(variables().await, [pair("A", "1"), pair("V", "v")]);
        let kept = store.list_variables(id).await.unwrap();
        assert_eq!(kept[0].description.as_deref(), Some("why"));

        // What was a variable is a secret now, and the other way round.
        let turned = [secret("V", "v2"), variable("S", "s2")];
        store.set_all(id, &turned, 3).await.unwrap();
        assert_eq!(variables().await, [pair("A", "1"), pair("S", "s2")]);
        let secrets = store.reveal_secrets(id).await.unwrap();
        let secrets: Vec<_> = secrets
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        assert_eq!(secrets, [("V", "v2")]);

        let most = usize::try_from(Counted::Variables.most()).unwrap();
        let many: Vec<_> = (0..most)
            .map(|index| variable(&format!("N{index}"), "x"))
            .chain([secret("NEW", "x")])
            .collect();
        let refused = store.set_all(id, &many, 4).await;
        assert!(matches!(refused, Err(StoreError::TooMany { .. })));
        assert_eq!(variables().await.len(), 2);
        assert_eq!(store.list_secrets(id).await.unwrap().len(), 1);
        let after = store.space_by_id(id).await.unwrap().unwrap();
        assert_eq!(after.restarts, before.restarts + 3, "one for each change");
    })
    .await;
}
