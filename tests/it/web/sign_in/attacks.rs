//! Stolen codes, false clients, addresses that lead elsewhere.

use super::super::session::Session;
use super::{Client, challenge, open_post, parameter, userinfo};
use crate::support::{Request, Server};

#[test]
fn nobody_is_led_to_an_address_that_is_not_the_spaces_own() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let client = Client::publish(&alice, "demo", "");
    let other = Client::publish(&bob, "trap", "");
    let session = Session::of(&server, &bob.token);
    let (own, port) = (&client.origin, server.address.port());
    let host = own.strip_prefix("http://").unwrap();
    for uri in [
        String::new(),
        "/login/callback".into(),
        format!("//{host}/"),
        other.callback(),
        format!("http://localhost:{port}/run/alice/demo/"),
        format!("http://127.0.0.1:{port}/run/bob/trap/"),
        format!("http://localhost:{port}/settings"),
        format!("{own}.evil.example/"),
        format!("{own}@evil.example/"),
        format!("http://evil.example/{host}"),
        format!("http://evil.example\\@{host}/"),
        format!("http://{host}\\.evil.example/"),
        format!("http://x@{host}/"),
        format!("http://alice-demo.localhost:{}/", port ^ 1),
        "http://alice-demo.localhost/".into(),
        format!("{own}/#fragment"),
        format!("{own}/\r\nset-cookie: a=b"),
        format!("{own}/ b"),
        "javascript:alert(1)".into(),
        "data:text/html,x".into(),
    ] {
        for more in [
            vec![("redirect_uri", uri.as_str())],
            // What else is wrong is told to nobody elsewhere either.
            vec![("redirect_uri", uri.as_str()), ("response_type", "token")],
        ] {
            let page = session.look(&client.page(&more));
            assert_eq!(page.status, 400, "{uri:?}: {page:?}");
            assert_eq!(page.header("location"), None, "{uri:?}");
            let answer = client.answers(&session, "yes", &more);
            assert_eq!(
                (answer.status, answer.header("location")),
                (400, None),
                "{uri:?}"
            );
        }
    }
    // Given twice, one could be looked at and the other used.
    let twice = format!(
        "{}&redirect_uri=http%3A%2F%2Fevil.example",
        client.page(&[])
    );
    session.look(&twice).expect(400);
    for id in [
        "",
        "x",
        &client.id.to_uppercase(),
        &format!("{}0", client.id),
    ] {
        let page = session.look(&client.page(&[("client_id", id)]));
        assert_eq!((page.status, page.header("location")), (400, None), "{id}");
    }
    // A state that would break the line stays in it.
    let state =
        session.look(&client.page(&[("state", "x\r\nset-cookie: a=b"), ("prompt", "none")]));
    let location = state.expect(303).header("location").unwrap().to_owned();
    assert_eq!(
        parameter(&location, "state").as_deref(),
        Some("x%0D%0Aset-cookie%3A%20a%3Db")
    );
}

#[test]
fn a_stolen_code_is_worth_nothing() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let client = Client::publish(&alice, "demo", "");
    let thief = Client::publish(&bob, "trap", "");
    let session = Session::of(&server, &bob.token);
    let callback = client.callback();
    let refused = |fields: &[(&str, &str)], word: &str| {
        let answer = open_post("/oauth/token", fields).send(server.address);
        assert!(matches!(answer.status, 400 | 401), "{answer:?}");
        assert_eq!(answer.json()["error"], word, "{fields:?}: {answer:?}");
    };
    let with = |code: &str, id: &str, secret: &str, uri: &str, verifier: &str, word: &str| {
        let all = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", id),
            ("client_secret", secret),
            ("redirect_uri", uri),
            ("code_verifier", verifier),
        ];
        refused(&all, word);
    };
    let (id, secret) = (client.id.as_str(), client.secret.as_str());
    let (grant, own) = ("invalid_grant", callback.as_str());
    let code = client.code(&session, &[]);
    with(&code, &thief.id, &thief.secret, own, "", grant);
    with(
        &code,
        &thief.id,
        &thief.secret,
        &thief.callback(),
        "",
        grant,
    );
    with(&code, id, &thief.secret, own, "", "invalid_client");
    with(&code, id, "", own, "", grant);
    with(&code, "", "", own, "", "invalid_client");
    with(&code, id, secret, &thief.callback(), "", grant);
    with(&code, id, secret, &format!("{own}?x"), "", grant);
    // It was asked for without a proof, so that one who has a proof is not the one who asked.
    with(&code, id, secret, own, &"v".repeat(50), grant);
    client.redeem(&code).expect(200);

    let verifier = "v".repeat(50);
    let challenge = challenge(&verifier);
    let proved = [
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let code = client.code(&session, &proved);
    with(&code, id, secret, own, "", grant);
    with(&code, id, secret, own, &challenge, grant);
    with(&code, id, "", own, &"w".repeat(50), grant);

    // Whom the client names twice, it names once too often.
    let named = [
        ("grant_type", "authorization_code"),
        ("client_secret", secret),
        ("code", &code),
    ];
    let answer = client.post("/oauth/token", &named).expect(400);
    assert_eq!(answer.json()["error"], "invalid_request");
    refused(&[("grant_type", "password")], "unsupported_grant_type");
}

#[test]
fn a_code_that_is_used_twice_ends_what_came_of_it() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let client = Client::publish(&alice, "demo", "");
    let thief = Client::publish(&bob, "trap", "");
    let session = Session::of(&server, &bob.token);
    let code = client.code(&session, &[]);
    let tokens = client.redeem(&code).expect(200).json();
    let access = tokens["access_token"].as_str().unwrap();
    // Another client cannot end it.
    thief.redeem(&code).expect(400);
    userinfo(&server, access).expect(200);
    client.redeem(&code).expect(400);
    userinfo(&server, access).expect(401);
}

#[test]
fn nobody_says_yes_in_anothers_place() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let client = Client::publish(&alice, "demo", "");
    let session = Session::of(&server, &bob.token);
    let stranger = Session::of(&server, &alice.token);
    let callback = client.callback();
    let mut fields = client.asked(&[], &callback);
    fields.push(("answer", "yes"));
    let sent = |header: Option<(&str, &str)>, carried: &str| {
        let mut body = super::form(&fields);
        body.push_str(&format!("&form={carried}"));
        let request = crate::web::forms::form("/oauth/authorize", &session.cookie, &body);
        let request = header.iter().fold(request, |request, (name, value)| {
            request.header(name, *value)
        });
        request.send(server.address)
    };
    sent(None, "").expect(403);
    sent(None, &stranger.carried).expect(403);
    sent(Some(("origin", &client.origin)), &session.carried).expect(403);
    sent(Some(("sec-fetch-site", "same-site")), &session.carried).expect(403);
    sent(None, &session.carried).expect(303);
}

#[test]
fn guesses_are_counted_and_honest_clients_are_not() {
    let server = Server::start();
    let alice = server.user("alice");
    let client = Client::publish(&alice, "demo", "");
    let session = Session::of(&server, &alice.token);
    for _ in 0..100 {
        client.redeem("guess").expect(400);
    }
    let answer = client.redeem("guess").expect(429);
    assert!(answer.header("retry-after").is_some());
    let _ = client.code(&session, &[]);
    // Elsewhere nobody is kept out: programs that wait for their code are another matter.
    let waits = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", "x"),
    ];
    open_post("/oauth/token", &waits)
        .send(server.address)
        .expect(400);
    Request::get("/oauth/jwks").send(server.address).expect(200);
}
