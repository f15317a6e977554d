//! What answers hold, for every kind of bearer and every route: what its token may read, and nothing else.

use std::collections::BTreeSet;

use glasshouse::api::{Access, Endpoint, endpoints};
use glasshouse::auth::Auth;
use glasshouse::keys::open_key;
use glasshouse::store::{Sealer, Store};
use serde_json::{Value, json};

use self::Reach::{Everything, Granted, Looking, Nobody};
use crate::endpoint_coverage::request;
use crate::support::{Answer, Hub, Request, Server, static_site};

/// Names of what is private; no answer holds one by chance.
const SPACES: [&str; 2] = ["alice/hidden-space", "alice/listed"];
const MODELS: [&str; 1] = ["alice/hidden-model"];
const DATASETS: [&str; 1] = ["alice/hidden-dataset"];
const LAB: [&str; 1] = ["none/inner"];
const BOBS: [&str; 1] = ["bob/theirs"];

/// Somebody with a token.
struct Bearer<'a> {
    who: &'static str,
    hub: Hub<'a>,
    /// What is private and may be read with it.
    sees: Vec<&'static str>,
    reach: Reach,
    /// The tokens that it learns about.
    tokens: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// All that its account may.
    Everything,
    Looking,
    /// What it was made for.
    Granted,
    Nobody,
}

// === impl Bearer ===

impl Bearer<'_> {
    fn operates(&self) -> bool {
        self.hub.name == "admin" && self.reach == Reach::Everything
    }

    fn seen_of(&self, names: &[&'static str]) -> Vec<&'static str> {
        let seen = names.iter().filter(|name| self.sees.contains(name));
        seen.copied().collect()
    }
}

fn all() -> Vec<&'static str> {
    [&SPACES[..], &MODELS, &DATASETS, &LAB, &BOBS].concat()
}

fn held(answer: &Answer) -> Vec<&'static str> {
    let text = format!("{}{:?}", answer.text(), answer.headers);
    all()
        .into_iter()
        .filter(|name| text.contains(name))
        .collect()
}

/// Everything that there is to be seen or not.
fn furnish(alice: &Hub<'_>, bob: &Hub<'_>) {
    let admin = alice.server.admin();
    admin
        .post(
            "/api/admin/organizations",
            &json!({"name": "none", "admin": "alice"}),
        )
        .expect(201);
    let private = |kind: &str| json!({"type": kind, "visibility": "private"});
    alice.publish("demo", &static_site("public"));
    for name in ["hidden-space", "listed"] {
        alice.create_with(name, private("space")).expect(200);
        let space = alice.space(name);
        space.commit(&static_site("secret"));
        space.wait_for("RUNNING");
        // For the book of what is used.
        let visit = Request::get("/").header("host", space.host());
        space.send(&visit.bearer(&alice.token)).expect(200);
        alice
            .post(&format!("/api/spaces/alice/{name}/like"), &json!({}))
            .expect(200);
    }
    alice.space("demo").visit("/").expect(200);
    for kind in ["model", "dataset"] {
        alice.create_with("demo", json!({"type": kind})).expect(200);
        alice
            .create_with(&format!("hidden-{kind}"), private(kind))
            .expect(200);
    }
    alice
        .create_with("none/inner", private("space"))
        .expect(200);
    bob.create_with("theirs", private("space")).expect(200);
    admin.create("tool").commit(&static_site("an operator's"));
}

/// The token that a Space's own container would have, signed by the server's key.
fn space_token(space: &Hub<'_>, name: &str) -> String {
    let id = space.space(name).info()["_id"].as_str().unwrap().to_owned();
    let data = space.server.data();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let sealer = Sealer::new(&open_key(&data.join("keys/secrets")).unwrap());
        let url = format!("sqlite://{}", data.join("glasshouse.db").display());
        let store = Store::connect(&url, sealer).await.unwrap();
        let token = Auth::new(store).space_token(id.parse().unwrap(), 0, &[]);
        token.expose().to_owned()
    })
}

fn bearers<'a>(alice: &Hub<'a>, bob: &Hub<'a>) -> Vec<Bearer<'a>> {
    let admin = alice.server.admin();
    let made = |hub: &Hub<'a>, scope: &str| {
        let grants = match scope {
            "fineGrained" => json!([{"type": "space", "repo": "alice/listed"}]),
            _ => json!([]),
        };
        let body = json!({"name": scope, "scope": scope, "grants": grants});
        let made = hub.post("/api/tokens", &body).expect(201).json();
        Hub::new(hub.server, &hub.name, made["token"].as_str().unwrap())
    };
    let own = |hub: &Hub<'a>, name| Hub::new(hub.server, &hub.name, &space_token(hub, name));
    let alices = [&SPACES[..], &MODELS, &DATASETS, &LAB].concat();
    let bearer = |who, hub: Hub<'a>, sees: &[&'static str], reach, tokens| Bearer {
        who,
        hub,
        sees: sees.to_vec(),
        reach,
        tokens,
    };
    let list = ["alice/listed"];
    vec![
        bearer("nobody", alice.server.anonymous(), &[], Nobody, &[]),
        bearer("bob", bob.clone(), &BOBS, Everything, &["first"]),
        bearer(
            "alice",
            alice.clone(),
            &alices,
            Everything,
            &["first", "read", "fineGrained"],
        ),
        bearer(
            "alice, reading",
            made(alice, "read"),
            &alices,
            Looking,
            &["read"],
        ),
        bearer(
            "alice, for one",
            made(alice, "fineGrained"),
            &list,
            Granted,
            &["fineGrained"],
        ),
        bearer(
            "a Space of alice's",
            own(alice, "hidden-space"),
            &SPACES[..1],
            Granted,
            &[],
        ),
        bearer(
            "admin",
            admin.clone(),
            &all(),
            Everything,
            &["first-start", "read", "fineGrained"],
        ),
        bearer(
            "admin, reading",
            made(&admin, "read"),
            &all(),
            Looking,
            &["read"],
        ),
        bearer(
            "admin, for one",
            made(&admin, "fineGrained"),
            &list,
            Granted,
            &["fineGrained"],
        ),
        bearer(
            "a Space of the admin's",
            own(&admin, "tool"),
            &[],
            Granted,
            &[],
        ),
    ]
}

type Check = fn(&Bearer<'_>, &Answer) -> Result<(), String>;

fn same<T: PartialEq + std::fmt::Debug>(is: T, wanted: T) -> Result<(), String> {
    if is == wanted {
        return Ok(());
    }
    Err(format!("{is:?}, wanted {wanted:?}"))
}

fn holds(bearer: &Bearer<'_>, answer: &Answer, names: &[&'static str]) -> Result<(), String> {
    same((answer.status, held(answer)), (200, bearer.seen_of(names)))
}

/// 401 for nobody, and else what is said.
fn known(bearer: &Bearer<'_>, answer: &Answer, names: &[&'static str]) -> Result<(), String> {
    match bearer.reach {
        Reach::Nobody => same(answer.status, 401),
        _ => holds(bearer, answer, names),
    }
}

fn counts(answer: &Answer, wanted: &[(&str, usize)]) -> Result<(), String> {
    let output = answer.json();
    wanted
        .iter()
        .try_for_each(|(field, count)| same(&output[field], &json!(count)))
}

/// What each route says that is open to many and says something else to each.
const HOLD: &[(&str, Check)] = &[
    ("/api/spaces", |bearer, answer| {
        holds(bearer, answer, &[&SPACES[..], &LAB, &BOBS].concat())
    }),
    ("/api/models", |bearer, answer| {
        holds(bearer, answer, &MODELS)
    }),
    ("/api/datasets", |bearer, answer| {
        holds(bearer, answer, &DATASETS)
    }),
    ("/api/spaces/semantic-search", |bearer, answer| {
        holds(bearer, answer, &[&SPACES[..], &LAB, &BOBS].concat())
    }),
    ("/api/users/{user}/overview", |bearer, answer| {
        let seen = |names: &[&'static str]| bearer.seen_of(names).len();
        let numbers = [
            ("numSpaces", 1 + seen(&SPACES)),
            ("numModels", 1 + seen(&MODELS)),
            ("numDatasets", 1 + seen(&DATASETS)),
            ("numLikes", seen(&SPACES)),
        ];
        counts(answer, &numbers)
    }),
    ("/api/users/{user}/likes", |bearer, answer| {
        holds(bearer, answer, &SPACES)
    }),
    ("/api/organizations/{name}/overview", |bearer, answer| {
        counts(answer, &[("numSpaces", bearer.seen_of(&LAB).len())])
    }),
    ("/api/whoami-v2", |bearer, answer| {
        known(bearer, answer, &[])?;
        let output = answer.json();
        let operator = output["isOperator"].as_bool().unwrap_or_default();
        same(operator, bearer.operates())
    }),
    // A token that somebody made tells no app who they are.
    ("/oauth/userinfo", |bearer, answer| {
        let wanted = match bearer.reach {
            Reach::Nobody => 401,
            _ => 403,
        };
        same(answer.status, wanted)
    }),
    ("/api/settings/repositories", |bearer, answer| {
        let own = format!("{}/", bearer.hub.name);
        let names = all().into_iter().filter(|name| name.starts_with(&own));
        known(bearer, answer, &names.collect::<Vec<_>>())
    }),
    ("/api/tokens", |bearer, answer| {
        known(bearer, answer, &[])?;
        let output = answer.json();
        let listed = output.as_array().into_iter().flatten();
        let listed: BTreeSet<_> = listed.filter_map(|token| token["name"].as_str()).collect();
        same(listed, bearer.tokens.iter().copied().collect())
    }),
    ("/api/quota", |bearer, answer| {
        let wanted = match bearer.reach {
            Reach::Nobody => 401,
            Reach::Granted => 403,
            Reach::Everything | Reach::Looking => 200,
        };
        same(answer.status, wanted)
    }),
    ("/api/usage", |bearer, answer| {
        let names = match bearer.who {
            "bob" | "admin, reading" | "admin, for one" => &SPACES[..0],
            _ => &SPACES[..],
        };
        known(bearer, answer, names)?;
        let all = ["alice", "alice, reading", "admin"].contains(&bearer.who);
        same(answer.text().contains("alice/demo"), all)
    }),
];

/// The targets of a route: of each kind what is public, what is hidden, and what somebody's token is made for.
fn targets(endpoint: &Endpoint) -> &'static [&'static str] {
    match endpoint.path.as_str() {
        path if !path.contains("{owner}") => &["demo"],
        path if path.contains("spaces") => &["demo", "hidden-space", "listed"],
        path if path.contains("datasets") => &["demo", "hidden-dataset"],
        _ => &["demo", "hidden-model"],
    }
}

/// What is wrong with the answer to a request for reading.
fn read(endpoint: &Endpoint, bearer: &Bearer<'_>, target: &str) -> Result<(), String> {
    // What is written to it goes on and on.
    if endpoint.path.contains("/logs/") && bearer.reach == Reach::Everything {
        return Ok(());
    }
    let answer = bearer.hub.send(request(endpoint, target));
    let named = format!("alice/{target}");
    let hidden = all().contains(&named.as_str()) && !bearer.sees.contains(&named.as_str());
    let of_one = endpoint.path.contains("{owner}") && endpoint.access != Access::Anyone;
    if of_one && hidden && !matches!(answer.status, 401 | 403 | 404) {
        return Err(format!("{}", answer.status));
    }
    let leaked = held(&answer)
        .into_iter()
        .filter(|name| !bearer.sees.contains(name) && *name != named);
    same(leaked.collect::<Vec<_>>(), Vec::new())?;
    match endpoint.access {
        Access::Operator => same(answer.status == 200, bearer.operates()),
        Access::Filtered | Access::Account => {
            let check = HOLD.iter().find(|(path, _)| *path == endpoint.path);
            let (_, check) = check.ok_or("nothing says what it may hold")?;
            check(bearer, &answer)
        }
        _ => Ok(()),
    }
}

/// What is wrong with the answer to a request for a change, by one who may change nothing.
fn write(endpoint: &Endpoint, bearer: &Bearer<'_>, target: &str) -> Result<(), String> {
    let changes = matches!(
        endpoint.access,
        Access::Writer | Access::Account | Access::Operator | Access::OrganizationAdmin
    );
    if !changes || bearer.reach == Reach::Everything {
        return Ok(());
    }
    let answer = bearer.hub.send(request(endpoint, target));
    // 409 is what making something says that is there.
    match matches!(answer.status, 401 | 403 | 404 | 409) {
        true => same(
            held(&answer)
                .iter()
                .all(|name| bearer.sees.contains(name) || name.ends_with(target)),
            true,
        ),
        false => Err(format!("{answer:?}")),
    }
}

#[test]
fn an_answer_holds_what_its_bearer_may_read() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    furnish(&alice, &bob);
    let bearers = bearers(&alice, &bob);
    let mut wrong = Vec::new();
    for endpoint in &endpoints() {
        for bearer in &bearers {
            for target in targets(endpoint) {
                let reads = matches!(endpoint.method, "GET" | "HEAD" | "*");
                let check = if reads { read } else { write };
                if let Err(problem) = check(endpoint, bearer, target) {
                    let Endpoint { method, path, .. } = endpoint;
                    wrong.push(format!(
                        "{}, {target}: {method} {path}: {problem}",
                        bearer.who
                    ));
                }
            }
        }
    }
    for bearer in &bearers {
        let opened = bearer.hub.get("/metrics").status == 200;
        if opened != bearer.operates() {
            wrong.push(format!("{}: /metrics is open: {opened}", bearer.who));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_token_opens_no_page_that_is_not_everybodys() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    furnish(&alice, &bob);
    for bearer in &bearers(&alice, &bob) {
        for page in [
            "/",
            "/spaces/alice",
            "/spaces/alice/hidden-space",
            "/spaces/alice/hidden-space/files",
            "/spaces/alice/demo",
            "/spaces/alice/demo/settings",
            "/operator",
            "/settings",
            "/usage",
            "/new",
            "/docs",
            "/docs/publishing",
        ] {
            let nobodys = server.anonymous().get(page);
            let answer = bearer.hub.get(page);
            assert_eq!(answer.status, nobodys.status, "{}: {page}", bearer.who);
            let shown = held(&answer)
                .into_iter()
                .filter(|name| !page.contains(name));
            assert_eq!(shown.count(), 0, "{}: {page}", bearer.who);
        }
    }
}

/// Bodies of what is ours alone say nothing that is not read: a wish misspelt is not a wish left out.
#[test]
fn unknown_fields_are_refused() {
    let server = Server::start();
    let alice = server.user("alice");
    let admin = server.admin();
    admin
        .post(
            "/api/admin/organizations",
            &json!({"name": "lab", "admin": "alice"}),
        )
        .expect(201);
    alice.create("demo");
    let refused = |hub: &Hub<'_>, method: &str, path: &str, body: Value| {
        let answer = hub.send(Request::new(method, path).json(&body)).expect(400);
        assert!(answer.text().contains("unknown field"), "{answer:?}");
    };
    refused(
        &alice,
        "POST",
        "/api/tokens",
        json!({"name": "x", "role": "read", "days": 1}),
    );
    let grant = json!([{"owner": "alice", "read": true}]);
    refused(
        &alice,
        "POST",
        "/api/tokens",
        json!({"name": "x", "scope": "fineGrained", "grants": grant}),
    );
    refused(
        &alice,
        "PUT",
        "/api/organizations/lab/members/admin",
        json!({"role": "read", "days": 1}),
    );
    refused(
        &admin,
        "POST",
        "/api/admin/users",
        json!({"name": "carol", "role": "operator"}),
    );
    refused(
        &admin,
        "POST",
        "/api/admin/organizations",
        json!({"name": "club", "admins": ["alice"]}),
    );
    refused(
        &admin,
        "POST",
        "/api/admin/spaces/alice/demo/disable",
        json!({"reason": "no", "until": 1}),
    );
    refused(&admin, "PUT", "/api/admin/quotas/alice", json!({"disc": 1}));
    let tokens = alice.get("/api/tokens").expect(200).json();
    assert_eq!(tokens.as_array().unwrap().len(), 1, "{tokens:#}");
}
