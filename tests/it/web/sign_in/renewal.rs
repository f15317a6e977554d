//! Refreshing, revoking, and what a crash of the server leaves.

use serde_json::Value;

use super::super::session::Session;
use super::{Client, open_post, userinfo};
use crate::support::{Answer, Server};

fn refresh(client: &Client<'_>, token: &Value) -> Answer {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token.as_str().unwrap()),
    ];
    client.post("/oauth/token", &fields)
}

#[test]
fn a_refresh_token_is_good_once() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let client = Client::publish(&alice, "demo", "");
    let other = Client::publish(&bob, "other", "");
    let session = Session::of(&server, &bob.token);
    let first = client.tokens(&session, &[]);
    refresh(&other, &first["refresh_token"]).expect(400);
    let without_secret = [
        ("grant_type", "refresh_token"),
        ("client_id", client.id.as_str()),
        ("refresh_token", first["refresh_token"].as_str().unwrap()),
    ];
    open_post("/oauth/token", &without_secret)
        .send(server.address)
        .expect(401);
    // It opens nothing by itself.
    userinfo(&server, first["refresh_token"].as_str().unwrap()).expect(401);

    let second = refresh(&client, &first["refresh_token"]).expect(200).json();
    assert_eq!(second["scope"], "openid profile");
    assert!(second["id_token"].is_string(), "{second}");
    userinfo(&server, second["access_token"].as_str().unwrap()).expect(200);
    let third = refresh(&client, &second["refresh_token"])
        .expect(200)
        .json();
    // Somebody else has the first one.
    let stolen = refresh(&client, &first["refresh_token"]).expect(400).json();
    assert_eq!(stolen["error"], "invalid_grant");
    userinfo(&server, third["access_token"].as_str().unwrap()).expect(401);
    refresh(&client, &third["refresh_token"]).expect(400);
}

#[test]
fn a_client_ends_its_own_tokens_and_no_others() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let client = Client::publish(&alice, "demo", "");
    let other = Client::publish(&bob, "other", "");
    let session = Session::of(&server, &bob.token);
    for kind in ["access_token", "refresh_token"] {
        let tokens = client.tokens(&session, &[]);
        let access = tokens["access_token"].as_str().unwrap();
        let token = [("token", tokens[kind].as_str().unwrap())];
        other.post("/oauth/revoke", &token).expect(200);
        open_post("/oauth/revoke", &token)
            .send(server.address)
            .expect(401);
        userinfo(&server, access).expect(200);
        client.post("/oauth/revoke", &token).expect(200);
        userinfo(&server, access).expect(401);
        refresh(&client, &tokens["refresh_token"]).expect(400);
    }
    client
        .post("/oauth/revoke", &[("token", "nonsense")])
        .expect(200);
}

#[test]
fn a_crash_loses_nothing_that_was_given() {
    let mut server = Server::start();
    let keys = |server: &Server| server.anonymous().get("/oauth/jwks").expect(200).json();
    let (before, secret, tokens) = {
        let alice = server.user("alice");
        let client = Client::publish(&alice, "demo", "");
        let session = Session::of(&server, &alice.token);
        (
            keys(&server),
            client.secret.clone(),
            client.tokens(&session, &[]),
        )
    };
    server.kill();
    server.launch();
    userinfo(&server, tokens["access_token"].as_str().unwrap()).expect(200);
    assert_eq!(keys(&server), before);
    let admin = server.admin();
    let client = Client::of(&crate::support::Space {
        hub: admin,
        id: "alice/demo".to_owned(),
    });
    assert_eq!(client.secret, secret);
    refresh(&client, &tokens["refresh_token"]).expect(200);
}
