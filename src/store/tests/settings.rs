//! Secrets and variables.

use super::super::SecretValue;
use super::*;

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
            "UPDATE secrets SET space_id = (SELECT id FROM spaces WHERE name = 'other')",
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
