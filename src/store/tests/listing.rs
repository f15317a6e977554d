//! Pages of Spaces.

use std::collections::HashSet;

use super::super::listing::{repositories_query, spaces_query};
use super::super::showcase::showcase_query;
use super::super::{ListRepositories, ListShowcase, Order};
use super::*;
use crate::domain::{AccountId, SpaceId};
use sqlx::Row;

async fn names(store: &Store, list: ListRepositories) -> Vec<String> {
    let spaces = store.list_spaces(&list).await.unwrap();
    spaces.iter().map(|space| space.name.to_string()).collect()
}

fn search(text: &str) -> ListRepositories {
    ListRepositories {
        search: Some(text.into()),
        ..ListRepositories::default()
    }
}

#[tokio::test]
async fn pages_are_complete_and_in_order() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let mut made = HashSet::new();
        for number in 0..23 {
            made.insert(space(&store, &ada, &format!("s{number}")).await.id);
        }
        // Many of one moment: the identifier decides.
        damage(
            &store,
            "UPDATE repositories SET updated_at = updated_at / 8",
        )
        .await;
        let gone = *made.iter().next().unwrap();
        store
            .begin_removal(gone.into(), Actor::Server)
            .await
            .unwrap();
        made.remove(&gone);

        let mut seen: Vec<Space> = Vec::new();
        loop {
            let list = ListRepositories {
                after: seen.last().map(|last| (last.updated_at, last.id.into())),
                limit: 5,
                ..ListRepositories::default()
            };
            let page = store.list_spaces(&list).await.unwrap();
            assert!(page.len() <= 5);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        let places: Vec<_> = seen
            .iter()
            .map(|space| (space.updated_at, space.id))
            .collect();
        assert!(places.is_sorted_by(|one, next| one > next), "{places:?}");
        assert_eq!(
            seen.iter()
                .map(|space| space.id)
                .collect::<HashSet<SpaceId>>(),
            made
        );
        assert_eq!(seen.len(), made.len());

        let none = ListRepositories {
            limit: -1,
            ..ListRepositories::default()
        };
        assert_eq!(names(&store, none).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn private_spaces_are_listed_to_those_who_may_know() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let bob = user(&store, "bob").await;
        for (owner, visibility) in [(&ada, Visibility::Private), (&bob, Visibility::Private)] {
            let id = space(&store, owner, "private").await.id;
            store
                .set_visibility(id.into(), visibility, Actor::Server)
                .await
                .unwrap();
        }
        let id = space(&store, &ada, "protected").await.id;
        store
            .set_visibility(id.into(), Visibility::Protected, Actor::Server)
            .await
            .unwrap();
        space(&store, &bob, "public").await;

        let listed = async |visible_to: Option<AccountId>, everything, owner: Option<&str>| {
            let list = ListRepositories {
                visible_to,
                everything,
                owner: owner.map(parsed),
                ..ListRepositories::default()
            };
            let mut names = names(&store, list).await;
            names.sort();
            names
        };
        assert_eq!(
            listed(None, false, None).await,
            ["ada/protected", "bob/public"]
        );
        let adas = ["ada/private", "ada/protected", "bob/public"];
        assert_eq!(listed(Some(ada.id), false, None).await, adas);
        assert_eq!(
            listed(Some(ada.id), false, Some("BOB")).await,
            ["bob/public"]
        );
        assert_eq!(
            listed(Some(bob.id), false, Some("bob")).await,
            ["bob/private", "bob/public"]
        );
        assert_eq!(listed(None, true, None).await.len(), 4);
        assert_eq!(listed(None, true, Some("nobody")).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_search_finds_names_that_hold_every_word() {
    on_each_engine(|store| async move {
        let ada = user(&store, "Ada").await;
        for name in ["K-Means", "digits", "a_b", "axb"] {
            space(&store, &ada, name).await;
        }

        assert_eq!(names(&store, search("MEANS ada")).await, ["Ada/K-Means"]);
        assert_eq!(names(&store, search("ada/dig")).await, ["Ada/digits"]);
        assert_eq!(names(&store, search("a_b")).await, ["Ada/a_b"]);
        assert_eq!(names(&store, search("  ")).await.len(), 4);
        for hopeless in [
            "%",
            "'; --",
            "\0",
            "ü",
            "means digits",
            &"a".repeat(100_000),
        ] {
            assert_eq!(
                names(&store, search(hopeless)).await,
                [""; 0],
                "{hopeless:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_listing_on_sqlite_walks_an_index() {
    let bench = Bench::sqlite().await;
    let account = Some(AccountId::new());
    let after = Some((1, crate::domain::RepoUid::new()));
    let owner = Some(parsed("ada"));
    let lists = [
        (
            "repositories_seen",
            ListRepositories {
                after,
                ..ListRepositories::default()
            },
        ),
        (
            "repositories_all",
            ListRepositories {
                after,
                visible_to: account,
                ..ListRepositories::default()
            },
        ),
        (
            "repositories_all",
            ListRepositories {
                after,
                everything: true,
                ..ListRepositories::default()
            },
        ),
        (
            "repositories_owned",
            ListRepositories {
                after,
                visible_to: account,
                owner,
                ..ListRepositories::default()
            },
        ),
        ("repositories_seen", search("ada")),
    ];
    let queries = lists.into_iter().flat_map(|(index, list)| {
        let models = repositories_query(RepoKind::Model, &list);
        [spaces_query(&list), models].map(|query| (index, query.unwrap().unwrap()))
    });
    let orders = [
        ("showcase_trending", Order::Trending),
        ("showcase_new", Order::New),
        ("showcase_likes", Order::Likes),
    ];
    let gallery = orders.map(|(index, order)| {
        let list = ListShowcase {
            order,
            limit: 25,
            after: Some((1, SpaceId::new())),
            ..ListShowcase::default()
        };
        (index, showcase_query(&list).unwrap())
    });
    for (index, (text, arguments)) in queries.chain(gallery) {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
        let rows = sqlx::query_with(explain, arguments)
            .fetch_all(&bench.store.readers)
            .await
            .unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let plan = plan.join("\n");
        assert!(plan.contains(index), "{plan}");
        assert!(
            !plan.contains("TEMP B-TREE") && !plan.contains("SCAN a"),
            "{plan}"
        );
    }
}
