#![allow(clippy::unwrap_used, reason = "a test answers by panicking")]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::domain::{
    AccountId, AccountKind, Desired, Grant, GrantTarget, MemberRole, Membership, Owner, RepoName,
    Role, Scope, Space, SpaceId, Visibility,
};
use crate::store::{Actor, NewToken, Sealer};

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
        kind: AccountKind::User,
        name: name.parse().unwrap(),
        role,
    }
}

fn principal(account: &Account, scope: Scope) -> Principal {
    Principal {
        account: Some(account.clone()),
        credential: Some(Credential::Token(scope)),
        ..Principal::default()
    }
}

fn space(owner: &Account, visibility: Visibility) -> Space {
    let name: RepoName = format!("{}/demo", owner.name).parse().unwrap();
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

/// Every kind of what something is done with: a repository, its owner, somebody else, the server.
fn objects(space: &Space) -> [Object; 4] {
    [
        space.into(),
        Object::Account(space.owner),
        Object::Account(AccountId::new()),
        Object::Server,
    ]
}

proptest! {
    #[test]
    fn a_narrower_credential_never_may_more(
        visibility in visibilities(), role in roles(), owns in any::<bool>(), member_of in 0..5_usize,
        on in 0..4_usize, write in any::<bool>(),
    ) {
        let owner = account("owner", Role::User);
        let asker = if owns { Account { role, ..owner.clone() } } else { account("asker", role) };
        let space = space(&owner, visibility);
        let memberships = MemberRole::ALL.get(member_of).map(|role| Membership {
            organization: owner.id, name: owner.name.clone(), role: *role,
        });
        let other = SpaceId::new();
        let on = [
            GrantTarget::Repo(space.id.into()), GrantTarget::Owner(owner.id),
            GrantTarget::Repo(other.into()), GrantTarget::Owner(AccountId::new()),
        ][on];
        let with = |credential| Principal {
            account: Some(asker.clone()),
            credential: Some(credential),
            grants: vec![Grant { on, write }],
            memberships: memberships.iter().cloned().collect(),
            created: Default::default(),
            evidence: None,
        };
        let session = with(Credential::Session);
        let token = with(Credential::Token(Scope::Write));
        let narrow = [
            with(Credential::Token(Scope::Read)),
            with(Credential::Token(Scope::FineGrained)),
            with(Credential::Space(space.id)),
        ];
        for object in objects(&space) {
            for action in Action::ALL {
                let full = may(&session, action, object);
                prop_assert_eq!(full, may(&token, action, object));
                let anybody = may(&Principal::anonymous(), action, object);
                prop_assert!(full || !anybody, "{:?}", action);
                for narrow in &narrow {
                    let may = may(narrow, action, object);
                    prop_assert!(full || !may, "{:?} {:?}", action, object);
                    prop_assert!(may || !anybody, "{:?} {:?}", action, object);
                    // What is an account's own, or the server's, is never theirs to change or to look into.
                    let kept = matches!(
                        action,
                        Action::ManageTokens | Action::Like | Action::ChooseMembers | Action::ReadMetrics | Action::Operate
                    );
                    prop_assert!(!(kept && may), "{:?} {:?}", action, object);
                }
            }
        }
        // What is said of usage is nobody's who only passes by.
        prop_assert!(!may(&Principal::anonymous(), Action::ReadUsage, &space));
    }
}

fn member(account: &Account, organization: &Account, role: MemberRole) -> Principal {
    let membership = Membership {
        organization: organization.id,
        name: organization.name.clone(),
        role,
    };
    Principal {
        memberships: vec![membership],
        ..principal(account, Scope::Write)
    }
}

#[test]
fn members_do_what_their_role_says() {
    let (ada, lab) = (account("ada", Role::User), account("lab", Role::User));
    let space = space(&lab, Visibility::Private);
    let other = Space {
        id: SpaceId::new(),
        ..space.clone()
    };
    for (role, writes, writes_own, creates) in [
        (MemberRole::Read, false, false, false),
        (MemberRole::Contributor, false, true, true),
        (MemberRole::Write, true, true, true),
        (MemberRole::Admin, true, true, true),
    ] {
        let mut asker = member(&ada, &lab, role);
        asker.created.insert(other.id.into());
        assert!(may(&asker, Action::See, &space), "{role:?}");
        assert_eq!(may(&asker, Action::Write, &space), writes, "{role:?}");
        assert_eq!(may(&asker, Action::Write, &other), writes_own, "{role:?}");
        assert_eq!(asker.may_create(&lab.name), creates, "{role:?}");
        assert_eq!(asker.may_choose_members(lab.id), role == MemberRole::Admin);
        // A token for reading reads, whatever the role.
        asker.credential = Some(Credential::Token(Scope::Read));
        assert!(may(&asker, Action::Visit, &space) && !may(&asker, Action::Write, &other));
        assert!(!asker.may_create(&lab.name) && !asker.may_choose_members(lab.id));
    }
    let stranger = principal(&ada, Scope::Write);
    assert!(!may(&stranger, Action::See, &space) && !stranger.may_create(&lab.name));
}

#[test]
fn fine_grained_tokens_do_what_they_were_made_for() {
    let (ada, bob) = (account("ada", Role::User), account("bob", Role::User));
    let (mine, theirs) = (
        space(&ada, Visibility::Private),
        space(&bob, Visibility::Private),
    );
    let with = |on, write| Principal {
        grants: vec![Grant { on, write }],
        ..principal(&ada, Scope::FineGrained)
    };
    let one = GrantTarget::Repo(mine.id.into());
    assert!(may(&with(one, true), Action::Write, &mine));
    assert!(may(&with(one, false), Action::See, &mine));
    assert!(!may(&with(one, false), Action::Write, &mine));
    assert!(!with(one, true).may_create(&ada.name));
    let all = GrantTarget::Owner(ada.id);
    assert!(may(&with(all, true), Action::Administer, &mine));
    assert!(with(all, true).may_create(&ada.name) && !with(all, false).may_create(&ada.name));
    // Never more than the account itself may.
    for on in [
        GrantTarget::Repo(theirs.id.into()),
        GrantTarget::Owner(bob.id),
    ] {
        assert!(!may(&with(on, true), Action::See, &theirs), "{on:?}");
        assert!(!with(on, true).may_create(&bob.name), "{on:?}");
    }
    let nothing = principal(&ada, Scope::FineGrained);
    assert!(!may(&nothing, Action::See, &mine));
    assert!(may(&nothing, Action::See, &space(&bob, Visibility::Public)));
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
        .create_account(&"ada".parse().unwrap(), Role::User, Actor::Server)
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
            grants: Vec::new(),
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
        let bare = |who: Principal| Principal {
            evidence: None,
            ..who
        };
        let who = bench.auth.authenticate(&headers).await.unwrap();
        assert_eq!(bare(who), known, "{lines:?}");
        let visitor = bench.auth.authenticate_visitor(&headers).await.unwrap();
        assert_eq!(bare(visitor), known, "{lines:?}");
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
