//! Accounts, tokens and the audit trail.

use super::super::{NewToken, StoreError, Taken};
use super::*;
use crate::domain::{
    AccountId, AccountKind, Grant, GrantTarget, Identity, MemberRole, RepoUid, Scope,
};

fn token(account: AccountId, name: &str, number: u8) -> NewToken {
    NewToken {
        account,
        name: name.into(),
        scope: Scope::Read,
        hash: [number; 32],
        expires_at: None,
        grants: Vec::new(),
    }
}

#[tokio::test]
async fn accounts_are_one_for_each_name_in_whatever_case() {
    on_each_engine(|store| async move {
        let ada = user(&store, "Ada").await;
        let again = store
            .create_account(&parsed("aDA"), Role::Operator, Actor::Server)
            .await;
        assert!(
            matches!(again, Err(StoreError::Taken { what: Taken::Owner })),
            "{again:?}"
        );
        let root = store
            .create_account(&parsed("Root"), Role::Operator, Actor::Server)
            .await
            .unwrap();

        let found = store.account_by_name(&parsed("ada")).await.unwrap();
        assert_eq!(found, Some(ada.clone()));
        assert_eq!(
            store.account_by_id(root.id).await.unwrap(),
            Some(root.clone())
        );
        assert_eq!(store.account_by_id(AccountId::new()).await.unwrap(), None);
        assert_eq!(store.list_accounts().await.unwrap(), [ada, root]);
    })
    .await;
}

#[tokio::test]
async fn an_identity_is_of_one_account() {
    on_each_engine(|store| async move {
        let of = |issuer: &str, subject: &str| Identity {
            issuer: issuer.into(),
            subject: subject.into(),
            name: None,
        };
        let here = of("https://login.example", "1");
        assert_eq!(store.account_by_identity(&here).await.unwrap(), None);
        let ada = store
            .create_account_of(&here, &parsed("ada"))
            .await
            .unwrap();
        let bob = user(&store, "bob").await;
        let found = store.account_by_identity(&here).await.unwrap();
        assert_eq!(found, Some(ada.clone()));
        for other in [
            of("https://login.example", "2"),
            of("https://other.example", "1"),
        ] {
            assert_eq!(store.account_by_identity(&other).await.unwrap(), None);
        }

        let again = store.create_account_of(&here, &parsed("eve")).await;
        let taken = |what: &Result<_, StoreError>| match what {
            Err(StoreError::Taken { what }) => Some(what.clone()),
            _ => None,
        };
        assert_eq!(taken(&again.map(|_| ())), Some(Taken::Identity));
        // Nothing is left of what was refused.
        let eve = store.account_by_name(&parsed("eve")).await.unwrap();
        assert_eq!(eve, None);
        let second = of("https://login.example", "2");
        let named = store.create_account_of(&second, &parsed("ADA")).await;
        assert_eq!(taken(&named.map(|_| ())), Some(Taken::Owner));
        let tied = store.add_identity(&here, &bob).await;
        assert_eq!(taken(&tied), Some(Taken::Identity));

        store.add_identity(&second, &bob).await.unwrap();
        let issuer = "https://login.example";
        assert!(store.has_identity(bob.id, issuer).await.unwrap());
        let (kept, other) = ([1; 32], [2; 32]);
        for (session, account) in [(kept, bob.id), (other, bob.id), ([3; 32], ada.id)] {
            store
                .create_session(account, &session, i64::MAX)
                .await
                .unwrap();
        }
        store.remove_identities(&bob, issuer, &kept).await.unwrap();
        let known = async |hash: [u8; 32]| store.session(&hash, 0).await.unwrap().is_some();
        assert!(known(kept).await && known([3; 32]).await && !known(other).await);
        assert!(!store.has_identity(bob.id, issuer).await.unwrap());
        assert!(store.has_identity(ada.id, issuer).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn tokens_are_found_by_hash_until_they_expire() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let laptop = NewToken {
            scope: Scope::Write,
            expires_at: Some(1000),
            ..token(ada.id, "laptop", 1)
        };
        store.create_token(laptop).await.unwrap();
        store.create_token(token(ada.id, "robot", 2)).await.unwrap();

        let found = store.token_by_hash(&[1; 32], 999).await.unwrap().unwrap();
        assert_eq!((found.account, found.scope), (ada.clone(), Scope::Write));
        assert_eq!(store.token_by_hash(&[1; 32], 1000).await.unwrap(), None);
        assert!(
            store
                .token_by_hash(&[2; 32], i64::MAX)
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(store.token_by_hash(&[3; 32], 0).await.unwrap(), None);

        let names = store.list_tokens(ada.id).await.unwrap();
        let names: Vec<_> = names.into_iter().map(|token| token.name).collect();
        assert_eq!(names, ["laptop", "robot"]);
        assert!(store.delete_token(ada.id, "robot").await.unwrap());
        assert!(!store.delete_token(ada.id, "robot").await.unwrap());
        assert_eq!(store.token_by_hash(&[2; 32], 0).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_token_needs_an_account_and_a_name_of_its_own() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let bob = user(&store, "bob").await;
        store.create_token(token(ada.id, "t", 1)).await.unwrap();
        store.create_token(token(bob.id, "t", 2)).await.unwrap();
        let again = store.create_token(token(ada.id, "t", 3)).await;
        assert!(
            matches!(again, Err(StoreError::Taken { what: Taken::Token })),
            "{again:?}"
        );
        assert_not_found(store.create_token(token(AccountId::new(), "t", 4)).await);
    })
    .await;
}

#[tokio::test]
async fn the_trail_has_what_was_done_and_nothing_else_newest_first() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let demo = space(&store, &ada, "demo").await.id;
        let by = Actor::from(ada.id);
        store.pause_space(demo, by).await.unwrap();
        store
            .set_disabled(demo, Some("it mines"), Actor::Server)
            .await
            .unwrap();
        store.begin_removal(demo.into(), by).await.unwrap();
        // Too late: nothing was done.
        assert_not_found(store.pause_space(demo, by).await);
        assert_not_found(store.begin_removal(demo.into(), by).await);
        let again = store.create_account(&parsed("ADA"), Role::User, by).await;
        again.unwrap_err();
        assert!(!store.close_report("none", by).await.unwrap());
        let events = store.events(10).await.unwrap();
        let told = events.iter().map(|event| (&*event.action, &*event.detail));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("space.delete", "ada/demo"),
                ("space.disable", "ada/demo: it mines"),
                ("space.pause", "ada/demo"),
                ("account.create", "ada"),
            ]
        );
        assert_eq!(
            (events[0].actor, events[0].space),
            (Some(ada.id), Some(demo))
        );
        assert_eq!(events[1].actor, None);
        assert_eq!(store.events(1).await.unwrap(), events[..1]);
        assert_eq!(store.events(-1).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn organisations_have_members_and_never_lose_their_last_admin() {
    on_each_engine(|store| async move {
        let (ada, bob) = (user(&store, "ada").await, user(&store, "bob").await);
        let lab = store
            .create_organization(&parsed("Lab"), &ada, Actor::Server)
            .await
            .unwrap();
        assert_eq!(lab.kind, AccountKind::Organization);
        let again = store
            .create_organization(&parsed("ADA"), &bob, Actor::Server)
            .await;
        assert!(matches!(again, Err(StoreError::Taken { .. })), "{again:?}");
        store
            .set_member(lab.id, bob.id, MemberRole::Write)
            .await
            .unwrap();
        let lose = store.set_member(lab.id, ada.id, MemberRole::Read).await;
        assert!(matches!(lose, Err(StoreError::LastAdmin)), "{lose:?}");
        let lose = store.remove_member(lab.id, ada.id).await;
        assert!(matches!(lose, Err(StoreError::LastAdmin)), "{lose:?}");
        let members = store.members(lab.id).await.unwrap();
        let roles: Vec<_> = members.iter().map(|one| (one.account, one.role)).collect();
        assert_eq!(
            roles,
            [(ada.id, MemberRole::Admin), (bob.id, MemberRole::Write)]
        );
        let of_bob = store.memberships(bob.id).await.unwrap();
        assert_eq!((of_bob.len(), of_bob[0].organization), (1, lab.id));
        assert!(store.remove_member(lab.id, bob.id).await.unwrap());
        assert!(!store.remove_member(lab.id, bob.id).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn tokens_keep_their_grants_and_their_last_use() {
    on_each_engine(|store| async move {
        let ada = user(&store, "ada").await;
        let grants = vec![
            Grant {
                on: GrantTarget::Repo(RepoUid::new()),
                write: true,
            },
            Grant {
                on: GrantTarget::Owner(ada.id),
                write: false,
            },
        ];
        let fine = NewToken {
            scope: Scope::FineGrained,
            grants: grants.clone(),
            ..token(ada.id, "fine", 1)
        };
        store.create_token(fine).await.unwrap();
        let found = store.token_by_hash(&[1; 32], 0).await.unwrap().unwrap();
        assert_eq!((found.grants, found.last_used_at), (grants, None));
        store.touch_token(&[1; 32], 1000).await.unwrap();
        let found = store.token_by_hash(&[1; 32], 0).await.unwrap().unwrap();
        assert_eq!(found.last_used_at, Some(1000));
    })
    .await;
}
