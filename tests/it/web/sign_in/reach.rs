//! How far a Space's token of somebody reaches: as far as they said, and never to their account.

use serde_json::{Value, json};

use super::super::session::Session;
use super::{Client, userinfo};
use crate::support::{Hub, Request, Server, hub::commit_body, static_site};

/// A Space of Alice's asks Bob for that.
fn with_scope<'a>(
    server: &'a Server,
    client: &Client<'a>,
    session: &Session<'_>,
    scope: &str,
) -> Hub<'a> {
    let tokens = client.tokens(session, &[("scope", &format!("openid profile {scope}"))]);
    Hub::new(server, "bob", tokens["access_token"].as_str().unwrap())
}

fn commit(hub: &Hub<'_>, space: &str) -> u16 {
    let request = Request::post(format!("/api/spaces/{space}/commit/main"))
        .header("content-type", "application/x-ndjson")
        .body(commit_body(None, &static_site("changed")));
    hub.send(request).status
}

#[test]
fn it_does_what_was_allowed_with_what_is_theirs_and_nothing_else() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let lab = json!({"name": "lab", "admin": "bob"});
    server
        .admin()
        .post("/api/admin/organizations", &lab)
        .expect(201);
    let private = json!({"visibility": "private"});
    for name in ["hidden", "lab/inner"] {
        bob.create_with(name, private.clone()).expect(200);
    }
    alice.create_with("secret", private).expect(200);
    bob.create("open").commit(&static_site("one"));
    let more = "hf_oauth_scopes: [email, read-repos, write-repos, manage-repos, inference-api]";
    let client = Client::publish(&alice, "demo", more);
    let session = Session::of(&server, &bob.token);

    let sees = |hub: &Hub<'_>, space: &str| hub.get(&format!("/api/spaces/{space}")).status;
    for (scope, reads, writes, manages) in [
        ("", false, false, false),
        ("email inference-api", false, false, false),
        ("read-repos", true, false, false),
        ("write-repos", true, true, false),
        ("manage-repos", true, true, true),
    ] {
        let app = with_scope(&server, &client, &session, scope);
        assert_eq!(sees(&app, "bob/hidden") == 200, reads, "{scope}");
        assert_eq!(sees(&app, "bob/open"), 200, "{scope}");
        // Neither what is an organisation's, nor what is others'.
        assert_ne!(sees(&app, "lab/inner"), 200, "{scope}");
        assert_ne!(sees(&app, "alice/secret"), 200, "{scope}");
        let listed = app.get("/api/spaces?author=bob").expect(200).text();
        assert_eq!(listed.contains("bob/hidden"), reads, "{scope}");
        assert_eq!(commit(&app, "bob/open") == 200, writes, "{scope}");
        assert_ne!(commit(&app, "alice/demo"), 200, "{scope}");
        let create = app.create_with(&format!("made-{}", u8::from(manages)), json!({}));
        assert_eq!(create.status == 200, manages, "{scope}: {create:?}");
        // Never the account.
        for (method, path, body) in [
            (
                "POST",
                "/api/tokens",
                json!({"name": "planted", "scope": "write"}),
            ),
            ("GET", "/api/quota", Value::Null),
            ("POST", "/api/spaces/alice/demo/like", json!({})),
            (
                "PUT",
                "/api/organizations/lab/members/alice",
                json!({"role": "admin"}),
            ),
            ("GET", "/api/admin/users", Value::Null),
        ] {
            let request = Request::new(method, path);
            let request = if body.is_null() {
                request
            } else {
                request.json(&body)
            };
            let answer = app.send(request);
            assert!(
                matches!(answer.status, 401 | 403 | 404),
                "{scope}: {method} {path}: {answer:?}"
            );
        }
        assert_eq!(app.get("/api/tokens").text(), "[]", "{scope}");
        let who = app.get("/api/whoami-v2").expect(200).json();
        assert_eq!((&who["name"], &who["orgs"]), (&json!("bob"), &json!([])));
        assert_eq!(who["isOperator"], false);
        let signed_in = crate::web::forms::form("/login", "", &format!("token={}", app.token));
        assert_eq!(signed_in.send(server.address).status, 401);
    }
}

#[test]
fn an_operators_token_operates_nothing() {
    let server = Server::start();
    let (admin, alice) = (server.admin(), server.user("alice"));
    alice
        .create_with("secret", json!({"visibility": "private"}))
        .expect(200);
    let client = Client::publish(&alice, "demo", "hf_oauth_scopes: [manage-repos]");
    let session = Session::of(&server, &admin.token);
    let tokens = client.tokens(&session, &[("scope", "openid profile manage-repos")]);
    let app = Hub::new(&server, "admin", tokens["access_token"].as_str().unwrap());
    let who = app.get("/api/whoami-v2").expect(200).json();
    assert_eq!(who["isOperator"], false, "{who}");
    for path in ["/api/admin/users", "/api/admin/audit", "/metrics"] {
        assert!(matches!(app.get(path).status, 401 | 403), "{path}");
    }
    assert_ne!(app.get("/api/spaces/alice/secret").status, 200);
    assert_ne!(commit(&app, "alice/demo"), 200);
}

#[test]
fn it_ends_with_what_it_was_made_for() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let client = Client::publish(&alice, "demo", "");
    let session = Session::of(&server, &bob.token);
    let tokens = || {
        let tokens = client.tokens(&session, &[]);
        tokens["access_token"].as_str().unwrap().to_owned()
    };
    // Forged, or a little changed.
    let access = tokens();
    for at in [9, 40, 45, 60, access.len() - 1] {
        let mut forged = access.clone().into_bytes();
        forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
        let forged = String::from_utf8(forged).unwrap();
        userinfo(&server, &forged).expect(401);
    }
    userinfo(&server, "hf_oauth_").expect(401);
    // The Space is stopped by an operator.
    let disable = json!({"reason": "abuse"});
    server
        .admin()
        .post("/api/admin/spaces/alice/demo/disable", &disable)
        .expect(200);
    userinfo(&server, &access).expect(401);
    session.look(&client.page(&[])).expect(400);
    server
        .admin()
        .post("/api/admin/spaces/alice/demo/enable", &json!({}))
        .expect(200);
    userinfo(&server, &access).expect(200);
    // The account is reset.
    server
        .admin()
        .post("/api/admin/users/bob/reset", &json!({}))
        .expect(200);
    userinfo(&server, &access).expect(401);
}
