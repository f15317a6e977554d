#![allow(clippy::unwrap_used, reason = "a test answers by panicking")]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::domain::{AccountId, Desired, Owner, Role, Space, SpaceId, SpaceName, Visibility};
use crate::store::{NewToken, Sealer};

const ACTIONS: [Action; 4] = [
    Action::See,
    Action::Visit,
    Action::Write,
    Action::Administer,
];
const LOOKING: [Action; 2] = [Action::See, Action::Visit];

fn account(name: &str, role: Role) -> Account {
    Account {
        id: AccountId::new(),
        name: name.parse().unwrap(),
        role,
    }
}

fn principal(account: &Account, scope: Scope) -> Principal {
    Principal {
        account: Some(account.clone()),
        scope: Some(scope),
    }
}

fn space(owner: &Account, visibility: Visibility) -> Space {
    let name: SpaceName = format!("{}/demo", owner.name).parse().unwrap();
    Space {
        id: SpaceId::new(),
        owner: owner.id,
        subdomain: name.subdomain().unwrap(),
        name,
        visibility,
        desired: Desired::Running,
        disabled: None,
        generation: 1,
        restarts: 0,
        head: None,
        sdk: None,
        hardware: None,
        sleep_after: Some(Duration::ZERO),
        created_at: 0,
        updated_at: 0,
    }
}

fn visibilities() -> impl Strategy<Value = Visibility> {
    prop_oneof![
        Just(Visibility::Public),
        Just(Visibility::Protected),
        Just(Visibility::Private)
    ]
}

fn scopes() -> impl Strategy<Value = Scope> {
    prop_oneof![Just(Scope::Read), Just(Scope::Write)]
}

fn roles() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::User), Just(Role::Operator)]
}

proptest! {
    #[test]
    fn rights_follow_from_owner_role_scope_and_visibility(
        visibility in visibilities(), scope in scopes(), role in roles(), owns in any::<bool>(),
    ) {
        let owner = account("owner", role);
        let asker = if owns { owner.clone() } else { account("asker", role) };
        let asker = principal(&asker, scope);
        let space = space(&owner, visibility);
        let anybody = Principal::anonymous();

        // What is open to anybody is open to everybody, and no more than looking is.
        for action in ACTIONS {
            if may(&anybody, action, &space) {
                prop_assert!(LOOKING.contains(&action));
                prop_assert!(may(&asker, action, &space));
            }
        }
        prop_assert_eq!(may(&anybody, Action::See, &space), visibility == Visibility::Public);
        prop_assert_eq!(may(&anybody, Action::Visit, &space), visibility != Visibility::Private);

        // Who owns it or runs the server sees it, and changes it with a token for writing.
        let at_home = owns || role == Role::Operator;
        for action in ACTIONS {
            let looking = LOOKING.contains(&action);
            let wanted = if at_home {
                looking || scope == Scope::Write
            } else {
                may(&anybody, action, &space)
            };
            prop_assert_eq!(may(&asker, action, &space), wanted, "{:?}", action);
        }
    }

    #[test]
    fn spaces_are_created_under_ones_own_name(scope in scopes(), role in roles(), own in any::<bool>()) {
        let asker = principal(&account("Ada", role), scope);
        let under: Owner = if own { "aDa" } else { "bob" }.parse().unwrap();
        let wanted = scope == Scope::Write && (own || role == Role::Operator);
        prop_assert_eq!(asker.may_create(&under), wanted);
        prop_assert!(!Principal::anonymous().may_create(&under));
    }
}

struct Bench {
    auth: Auth,
    account: Account,
    token: String,
    expired: String,
    _folder: tempfile::TempDir,
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("data.db").display());
    let store = Store::connect(&url, Sealer::new(&[7; 32])).await.unwrap();
    let account = store
        .create_account(&"ada".parse().unwrap(), Role::User)
        .await
        .unwrap();
    let mut texts = Vec::new();
    for (name, expires_at) in [("good", None), ("expired", Some(1))] {
        let (token, hash) = new_token();
        let new = NewToken {
            account: account.id,
            name: name.into(),
            scope: Scope::Write,
            hash,
            expires_at,
        };
        store.create_token(new).await.unwrap();
        texts.push(token.expose().to_owned());
    }
    let expired = texts.pop().unwrap();
    let token = texts.pop().unwrap();
    Bench {
        auth: Auth::new(store),
        account,
        token,
        expired,
        _folder: folder,
    }
}

fn headers(lines: &[(&'static str, String)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        })
        .collect()
}

fn basic(text: &str) -> String {
    format!("Basic {}", STANDARD.encode(text))
}

#[tokio::test]
async fn a_token_is_taken_wherever_clients_put_it() {
    let bench = bench().await;
    let token = &bench.token;
    let known = principal(&bench.account, Scope::Write);
    for lines in [
        vec![("authorization", format!("Bearer {token}"))],
        vec![("authorization", format!("bearer  {token}"))],
        vec![("authorization", basic(&format!("ada:{token}")))],
        vec![("x-hf-authorization", format!("Bearer {token}"))],
        vec![
            ("x-hf-authorization", format!("Bearer {token}")),
            ("authorization", "Bearer for-the-space".into()),
        ],
    ] {
        let headers = headers(&lines);
        let who = bench.auth.authenticate(&headers).await;
        assert_eq!(who.unwrap(), known, "{lines:?}");
        let visitor = bench.auth.authenticate_visitor(&headers).await;
        assert_eq!(visitor.unwrap(), known, "{lines:?}");
    }
    let nobody = bench.auth.authenticate(&HeaderMap::new()).await.unwrap();
    assert_eq!(nobody, Principal::anonymous());
}

#[tokio::test]
async fn anything_else_in_its_place_is_refused() {
    let bench = bench().await;
    let token = &bench.token;
    let unknown = new_token().0;
    for lines in [
        vec![("authorization", String::new())],
        vec![("authorization", token.clone())],
        vec![("authorization", "Bearer ".into())],
        vec![("authorization", "Bearer hf_somebody_elses".into())],
        vec![("authorization", format!("Bearer {}", unknown.expose()))],
        vec![("authorization", format!("Bearer {}", bench.expired))],
        vec![("authorization", format!("Digest {token}"))],
        vec![("authorization", "Basic %%%".into())],
        vec![("authorization", basic(token))],
        vec![("authorization", format!("Bearer ü{token}"))],
        vec![
            ("authorization", format!("Bearer {token}")),
            ("authorization", format!("Bearer {}", bench.expired)),
        ],
        vec![
            ("x-hf-authorization", "Bearer nonsense".into()),
            ("authorization", format!("Bearer {token}")),
        ],
    ] {
        let refused = bench.auth.authenticate(&headers(&lines)).await;
        assert!(
            matches!(refused, Err(AuthError::BadToken)),
            "{lines:?}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn what_a_visitor_says_to_the_space_is_not_for_us() {
    let bench = bench().await;
    for value in ["Bearer for-the-space", "Digest x", "nonsense", ""] {
        let headers = headers(&[("authorization", value.into())]);
        let visitor = bench.auth.authenticate_visitor(&headers).await;
        assert_eq!(visitor.unwrap(), Principal::anonymous(), "{value}");
    }
    for lines in [
        vec![("authorization", format!("Bearer {}", bench.expired))],
        vec![("x-hf-authorization", "Bearer nonsense".into())],
    ] {
        let refused = bench.auth.authenticate_visitor(&headers(&lines)).await;
        assert!(
            matches!(refused, Err(AuthError::BadToken)),
            "{lines:?}: {refused:?}"
        );
    }
}
