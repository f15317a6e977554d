//! What is SQLite's own: the file, its settings, and one writer at a time.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::super::StoreError;
use super::*;
use crate::domain::SecretValue;
use crate::domain::SpaceId;

#[tokio::test]
async fn no_secret_reaches_the_disk_in_the_clear() {
    let bench = Bench::sqlite().await;
    let id = lone_space(&bench.store).await.id;
    let value = SecretValue::new("a-secret-nobody-may-read");
    bench
        .store
        .set_secret(id, "K", &value, None, 1)
        .await
        .unwrap();
    bench
        .store
        .set_variable(id, "V", "a-variable-anybody-may-read", None, 1)
        .await
        .unwrap();

    let held = |text: &str| {
        std::fs::read_dir(bench.folder.path()).unwrap().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        })
    };
    assert!(
        held("a-variable-anybody-may-read"),
        "the search itself is blind"
    );
    assert!(!held(value.expose()));
}

#[tokio::test]
async fn the_file_is_this_users_alone_and_comes_back() {
    let bench = Bench::sqlite().await;
    let made = lone_space(&bench.store).await;
    let value = SecretValue::new("v");
    bench
        .store
        .set_secret(made.id, "K", &value, None, 1)
        .await
        .unwrap();
    for file in std::fs::read_dir(bench.folder.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
    bench.store.close().await;

    let again = Store::connect(&bench.url, Sealer::new(&[7; 32]))
        .await
        .unwrap();
    let found = again.space_by_id(made.id).await.unwrap().unwrap();
    assert_eq!(found.name, made.name);
    again.health().await.unwrap();
    let stranger = Store::connect(&bench.url, Sealer::new(&[8; 32]))
        .await
        .unwrap();
    let refused = stranger.reveal_secrets(made.id).await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn connections_are_set_up_for_durability() {
    let bench = Bench::sqlite().await;
    let mut write = bench.store.write().await.unwrap();
    let pragma = async |write: &mut sqlx::Transaction<'static, sqlx::Any>, query| {
        sqlx::query_scalar::<_, i64>(query)
            .fetch_one(&mut **write)
            .await
            .unwrap()
    };
    assert_eq!(pragma(&mut write, "PRAGMA synchronous").await, 2, "FULL");
    assert_eq!(pragma(&mut write, "PRAGMA foreign_keys").await, 1);
    assert_eq!(pragma(&mut write, "PRAGMA busy_timeout").await, 5000);
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut *write)
        .await
        .unwrap();
    assert_eq!(mode, "wal");

    let refused = sqlx::query("DELETE FROM accounts")
        .execute(&bench.store.readers)
        .await;
    assert!(refused.is_err(), "a reader wrote");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_and_writers_crowd_without_an_error() {
    let bench = Bench::sqlite().await;
    let ada = user(&bench.store, "ada").await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(space(&bench.store, &ada, &format!("s{number}")).await.id);
    }
    let tasks: Vec<_> = (0..32)
        .map(|number| {
            let (store, id) = (bench.store.clone(), ids[number % ids.len()]);
            tokio::spawn(async move {
                for round in 0..8 {
                    store.publish(id, &revision(round), None, true).await?;
                    store.newest_build(id).await?;
                    store.set_variable(id, "V", "v", None, 1).await?;
                    store
                        .list_spaces(&super::super::ListRepositories::default())
                        .await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    for id in ids {
        let space = bench.store.space_by_id(id).await.unwrap().unwrap();
        assert_eq!((space.generation, space.restarts), (1 + 8 * 16, 8 * 8));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_caller_who_leaves_half_way_holds_nobody_up() {
    let bench = Bench::sqlite().await;
    let id = lone_space(&bench.store).await.id;
    for number in 0..100 {
        let store = bench.store.clone();
        let publish =
            tokio::spawn(async move { store.publish(id, &revision(number), None, true).await });
        tokio::time::sleep(Duration::from_micros(u64::from(number) * 20)).await;
        publish.abort();
    }
    let patience = Duration::from_secs(10);
    tokio::time::timeout(patience, bench.store.health())
        .await
        .unwrap()
        .unwrap();
    let last = bench
        .store
        .publish(id, &revision(500), None, true)
        .await
        .unwrap();
    let newest = bench.store.newest_build(id).await.unwrap().unwrap();
    assert_eq!((newest.id, newest.revision), (last, revision(500)));
    let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM builds WHERE state = 'queued'")
        .fetch_one(&bench.store.readers)
        .await
        .unwrap();
    assert_eq!(waiting, 1, "half a publish was kept");
}

#[tokio::test]
async fn a_change_that_found_no_room_spoils_no_other() {
    let bench = Bench::sqlite().await;
    let id = lone_space(&bench.store).await.id;
    // To SQLite a file that may not grow is a full disk; the connection's next change would be refused for ever.
    sqlx::query("PRAGMA max_page_count = 1")
        .execute(&bench.store.writer)
        .await
        .unwrap();
    let large = "v".repeat(1 << 20);
    let refused = bench.store.set_variable(id, "V", &large, None, 1).await;
    assert!(matches!(refused, Err(StoreError::DiskFull)), "{refused:?}");
    let kept = bench.store.list_variables(id).await.unwrap();
    assert!(kept.is_empty(), "{kept:?}");
    bench
        .store
        .set_variable(id, "V", &large, None, 1)
        .await
        .unwrap();
}

#[tokio::test]
async fn room_for_deletions_is_set_aside() {
    let bench = Bench::sqlite().await;
    let log = std::fs::read_dir(bench.folder.path())
        .unwrap()
        .map(|file| file.unwrap())
        .find(|file| file.file_name().to_string_lossy().ends_with("-wal"))
        .expect("there is a log");
    let before = log.metadata().unwrap();
    let allocated = std::os::unix::fs::MetadataExt::blocks(&before) * 512;
    assert!(allocated > before.len(), "{allocated} {}", before.len());
    bench.store.keep_reserve();
    assert_eq!(log.metadata().unwrap().len(), before.len());
}

#[tokio::test]
async fn other_urls_are_refused() {
    for url in [
        "",
        "mysql://x/y",
        "data.db",
        "sqlite:data.db",
        "sqlite:///no/such/folder/data.db",
    ] {
        let refused = Store::connect(url, Sealer::new(&[7; 32])).await;
        assert!(
            matches!(refused, Err(StoreError::Database(_))),
            "{url}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    std::fs::write(&path, "Dear diary, ".repeat(1000)).unwrap();
    let url = format!("sqlite://{}", path.display());
    let refused = Store::connect(&url, Sealer::new(&[7; 32])).await;
    assert!(
        matches!(refused, Err(StoreError::Database(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_row_of_the_wrong_kind_names_itself() {
    let bench = Bench::sqlite().await;
    let id = lone_space(&bench.store).await.id;
    damage(&bench.store, "UPDATE spaces SET restarts = 'many'").await;
    let read = bench.store.space_by_id(id).await;
    assert!(
        matches!(&read, Err(StoreError::Corrupt { table: "spaces", id: named, .. }) if *named == id.to_string()),
        "{read:?}"
    );
    assert!(
        bench
            .store
            .space_by_id(SpaceId::new())
            .await
            .unwrap()
            .is_none()
    );
}
