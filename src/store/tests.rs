//! One suite for both engines: on SQLite always, on PostgreSQL when `GLASSHOUSE_TEST_POSTGRES` holds a URL whose user
//! may create schemas.

#![allow(clippy::unwrap_used, reason = "a test answers by panicking")]

mod builds;
mod identities;
mod listing;
mod migration;
mod repositories;
mod settings;
mod spaces;
mod sqlite;

use std::str::FromStr;

use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use tempfile::TempDir;
use uuid::Uuid;

use super::{Actor, NewRepository, Sealer, SpaceSettings, Store, StoreError};
use crate::domain::{
    Account, Artifact, ArtifactKind, Owner, RepoKind, RepoName, Repository, Revision, Role,
    RunSettings, Space, Visibility,
};

/// A database of its own for one test on one engine.
struct Bench {
    store: Store,
    url: String,
    folder: TempDir,
    /// The URL without, and the name of, the schema to drop at the end.
    schema: Option<(String, String)>,
}

/// Runs the test on each engine there is.
async fn on_each_engine<T, F>(test: T)
where
    T: Fn(Store) -> F,
    F: Future<Output = ()>,
{
    for bench in [Some(Bench::sqlite().await), Bench::postgres().await]
        .into_iter()
        .flatten()
    {
        test(bench.store.clone()).await;
        bench.end().await;
    }
}

// === impl Bench ===

impl Bench {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a ? strange # %41 name.db");
        let url = format!("sqlite://{}", path.display());
        Self::open(url, folder, None).await
    }

    async fn postgres() -> Option<Self> {
        let server = std::env::var("GLASSHOUSE_TEST_POSTGRES").ok()?;
        let schema = format!("glasshouse_test_{}", Uuid::now_v7().simple());
        administer(&server, format!("CREATE SCHEMA {schema}")).await;
        let joint = if server.contains('?') { '&' } else { '?' };
        let url = format!("{server}{joint}options[search_path]={schema}");
        let folder = tempfile::tempdir().unwrap();
        Some(Self::open(url, folder, Some((server, schema))).await)
    }

    async fn open(url: String, folder: TempDir, schema: Option<(String, String)>) -> Self {
        let store = Store::connect(&url, Sealer::new(&[7; 32])).await.unwrap();
        Self {
            store,
            url,
            folder,
            schema,
        }
    }

    async fn end(self) {
        self.store.close().await;
        if let Some((server, schema)) = self.schema {
            administer(&server, format!("DROP SCHEMA {schema} CASCADE")).await;
        }
    }
}

async fn administer(server: &str, statement: String) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

fn parsed<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

async fn user(store: &Store, name: &str) -> Account {
    store
        .create_account(&parsed::<Owner>(name), Role::User, Actor::Server)
        .await
        .unwrap()
}

fn wanted(owner: &Account, name: &str) -> NewRepository {
    NewRepository {
        kind: RepoKind::Space,
        owner: owner.id,
        name: parsed::<RepoName>(&format!("{}/{name}", owner.name)),
        visibility: Visibility::Public,
        settings: SpaceSettings::default(),
    }
}

async fn space(store: &Store, owner: &Account, name: &str) -> Space {
    made(store, wanted(owner, name)).await
}

async fn made(store: &Store, new: NewRepository) -> Space {
    let id = store.create_repository(new).await.unwrap().id;
    store.space_by_id(id.space()).await.unwrap().unwrap()
}

async fn model(store: &Store, owner: &Account, name: &str) -> Repository {
    let kind = RepoKind::Model;
    let new = NewRepository {
        kind,
        ..wanted(owner, name)
    };
    store.create_repository(new).await.unwrap()
}

/// A Space of an account of its own.
async fn lone_space(store: &Store) -> Space {
    let owner = user(store, "ada").await;
    space(store, &owner, "demo").await
}

fn revision(number: u32) -> Revision {
    parsed(&format!("{number:040x}"))
}

fn site(digest: &str) -> Artifact {
    Artifact {
        kind: ArtifactKind::Site {
            digest: digest.into(),
            app_file: "index.html".into(),
        },
        settings: RunSettings {
            instance_reuse: false,
            request_timeout: None,
            egress: vec![],
            internet: false,
            startup_timeout: None,
            storage_bytes: None,
            repositories: Vec::new(),
            headers: Vec::new(),
            oauth: None,
        },
    }
}

/// Writes past the store's own methods.
async fn damage(store: &Store, statement: &'static str) {
    let mut write = store.write().await.unwrap();
    sqlx::query(statement).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
}

#[track_caller]
fn assert_not_found<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
}
