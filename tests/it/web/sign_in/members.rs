//! Spaces that sign in the members of an organisation, and nobody else.

use serde_json::json;

use super::super::session::Session;
use super::{Client, userinfo};
use crate::support::Server;

#[test]
fn only_members_of_the_cards_organisation_sign_in() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let lab = json!({"name": "lab", "admin": "alice"});
    server
        .admin()
        .post("/api/admin/organizations", &lab)
        .expect(201);
    let more = "hf_oauth_authorized_org: [other, Lab]\nhf_oauth_scopes: [read-memberships]";
    let client = Client::publish(&alice, "demo", more);
    let stranger = Session::of(&server, &bob.token);
    let scope = [("scope", "openid profile read-memberships")];
    let page = stranger.look(&client.page(&scope)).expect(403).text();
    assert!(page.contains("Only members of other or Lab"), "{page}");
    client.answers(&stranger, "yes", &scope).expect(403);

    let member = Session::of(&server, &alice.token);
    let tokens = client.tokens(&member, &scope);
    let access = tokens["access_token"].as_str().unwrap();
    let known = userinfo(&server, access).expect(200).json();
    assert_eq!(known["orgs"][0]["preferred_username"], "lab");
    assert_eq!(known["orgs"][0]["roleInOrg"], "admin");
    assert_eq!(known["orgs"].as_array().map(Vec::len), Some(1));

    // Who has left signs in no more, and what they have is not renewed.
    let as_member = |hub: &crate::support::Hub<'_>| {
        let path = format!("/api/organizations/lab/members/{}", hub.name);
        let request = crate::support::Request::new("PUT", path).json(&json!({"role": "admin"}));
        alice.send(request)
    };
    assert!(as_member(&bob).status < 300);
    let bobs = client.tokens(&stranger, &scope);
    let gone = crate::support::Request::new("DELETE", "/api/organizations/lab/members/bob");
    assert!(alice.send(gone).status < 300);
    let refresh = bobs["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let answer = client.post("/oauth/token", &fields).expect(400).json();
    assert_eq!(answer["error"], "invalid_grant", "{answer}");
    let known = userinfo(&server, bobs["access_token"].as_str().unwrap())
        .expect(200)
        .json();
    assert_eq!(known["orgs"], json!([]));
}

#[test]
fn a_private_space_signs_in_those_who_may_visit_it() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice
        .create_with("demo", json!({"visibility": "private"}))
        .expect(200);
    let space = alice.space("demo");
    space.commit(&super::app(""));
    let client = Client::of(&space);
    Session::of(&server, &bob.token)
        .look(&client.page(&[]))
        .expect(404);
    Session::of(&server, &alice.token)
        .look(&client.page(&[]))
        .expect(200);
}
