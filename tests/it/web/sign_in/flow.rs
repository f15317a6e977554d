//! There and back: what is asked, what is answered, what is remembered.

use super::super::session::Session;
use super::{Client, challenge, open_post, parameter, payload, userinfo};
use crate::support::{Request, Server, card};

#[test]
fn a_space_learns_who_signed_in_and_nothing_else() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let client = Client::publish(&alice, "demo", "");
    let page = client.page(&[("nonce", "n-1")]);
    let stranger = server.anonymous().get(&page);
    let location = stranger.header("location").unwrap().to_owned();
    assert!(
        location.starts_with("/login?next=%2Foauth%2Fauthorize%3Fclient_id"),
        "{location}"
    );
    // The form there may lead on to the Space.
    let policy = server.anonymous().get(&location).expect(200);
    let policy = policy.header("content-security-policy").unwrap();
    assert!(
        policy.contains(&format!("form-action 'self' {};", client.origin)),
        "{policy}"
    );

    let session = Session::of(&server, &bob.token);
    let asked = session.look(&page).expect(200);
    for words in [
        "alice/demo",
        "<bdi>bob</bdi>",
        "recognise you",
        "account’s name",
        &client.origin,
    ] {
        assert!(asked.text().contains(words), "{words}: {}", asked.text());
    }
    let policy = asked.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(
        policy.contains(&format!("form-action 'self' {};", client.origin)),
        "{policy}"
    );

    let answer = client
        .answers(&session, "yes", &[("nonce", "n-1")])
        .expect(303);
    let location = answer.header("location").unwrap();
    assert!(
        location.starts_with(&format!("{}?code=", client.callback())),
        "{location}"
    );
    assert_eq!(parameter(location, "state").as_deref(), Some("a%20b%26c"));
    let answer = client
        .redeem(&parameter(location, "code").unwrap())
        .expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "bearer");
    assert_eq!(tokens["scope"], "openid profile");
    assert_eq!(tokens["expires_in"], 480 * 60);

    let claims = payload(tokens["id_token"].as_str().unwrap());
    assert_eq!(claims["iss"], format!("http://{}", server.address));
    assert_eq!(claims["aud"], client.id.as_str());
    assert_eq!(claims["nonce"], "n-1");
    let access = tokens["access_token"].as_str().unwrap();
    let known = userinfo(&server, access).expect(200).json();
    for claims in [&claims, &known] {
        assert_eq!(claims["preferred_username"], "bob");
        assert_eq!(claims["name"], "bob");
        assert_eq!(claims["isPro"], false);
        assert!(claims["profile"].as_str().unwrap().ends_with("/spaces/bob"));
        assert_eq!(claims["sub"], known["sub"]);
        assert!(
            claims["orgs"].is_null() && claims["email"].is_null(),
            "{claims}"
        );
    }
    let who = Request::get("/api/whoami-v2")
        .bearer(access)
        .send(server.address)
        .expect(200)
        .json();
    assert_eq!((&who["name"], &who["id"]), (&"bob".into(), &known["sub"]));

    // Whoever has said yes once is led on at once, unless the app wants them to be asked.
    let again = session.look(&page).expect(303);
    assert!(
        again
            .header("location")
            .unwrap()
            .starts_with(&client.callback())
    );
    session
        .look(&client.page(&[("prompt", "consent")]))
        .expect(200);
    let silent = session
        .look(&client.page(&[("prompt", "none")]))
        .expect(303);
    assert!(parameter(silent.header("location").unwrap(), "code").is_some());

    // It can be taken back.
    let settings = session.look("/settings").expect(200).text();
    assert!(
        settings.contains("Spaces you are signed in at"),
        "{settings}"
    );
    session.send("/settings", &[("do", "sign-out"), ("space", &client.id)]);
    userinfo(&server, access).expect(401);
    session.look(&page).expect(200);
}

#[test]
fn what_is_not_answered_with_a_code_is_said_in_oauths_words() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let client = Client::publish(&alice, "demo", "");
    let session = Session::of(&server, &bob.token);
    let said = |location: &str| {
        assert!(location.starts_with(&client.callback()), "{location}");
        assert_eq!(parameter(location, "state").as_deref(), Some("a%20b%26c"));
        parameter(location, "error").unwrap_or_default()
    };
    for (more, word) in [
        ([("response_type", "token")], "unsupported_response_type"),
        ([("response_type", "")], "unsupported_response_type"),
        ([("scope", "openid manage-repos")], "invalid_scope"),
        ([("scope", "openid all")], "invalid_scope"),
        ([("response_mode", "fragment")], "invalid_request"),
        ([("code_challenge", "short")], "invalid_request"),
        ([("code_challenge_method", "S256")], "invalid_request"),
        ([("prompt", "none")], "consent_required"),
    ] {
        let answer = session.look(&client.page(&more)).expect(303);
        assert_eq!(said(answer.header("location").unwrap()), word, "{more:?}");
    }
    let nobody = server.anonymous().get(&client.page(&[("prompt", "none")]));
    assert_eq!(said(nobody.header("location").unwrap()), "login_required");
    let denied = client.answers(&session, "no", &[]).expect(303);
    assert_eq!(said(denied.header("location").unwrap()), "access_denied");
}

#[test]
fn a_page_without_a_server_signs_in_by_its_proof() {
    let server = Server::start();
    let alice = server.user("alice");
    let client = Client::publish(&alice, "demo", "hf_oauth_expiration_minutes: 5");
    let session = Session::of(&server, &alice.token);
    let verifier = "v".repeat(50);
    let challenge = challenge(&verifier);
    let asked = [
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let code = client.code(&session, &asked);
    let callback = client.callback();
    let redeem = |verifier: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", client.id.as_str()),
            ("code", &code),
            ("redirect_uri", &callback),
            ("code_verifier", verifier),
        ];
        let request = open_post("/oauth/token", &fields).header("origin", &client.origin);
        request.send(server.address)
    };
    let answer = redeem(&verifier).expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let tokens = answer.json();
    assert!(tokens["refresh_token"].is_null(), "{tokens}");
    assert_eq!(tokens["expires_in"], 300);
    userinfo(&server, tokens["access_token"].as_str().unwrap()).expect(200);
    let asks = Request::new("OPTIONS", "/oauth/userinfo").header("origin", &client.origin);
    let asks = asks.send(server.address).expect(204);
    let allowed = asks.header("access-control-allow-headers").unwrap();
    assert!(allowed.contains("authorization"), "{allowed}");
}

#[test]
fn a_space_that_does_not_ask_for_it_signs_nobody_in() {
    let server = Server::start();
    let alice = server.user("alice");
    let client = Client::publish(&alice, "demo", "");
    let session = Session::of(&server, &alice.token);
    let code = client.code(&session, &[]);
    alice.space("demo").commit(&[card("sdk: static")]);
    let page = session.look(&client.page(&[])).expect(400).text();
    assert!(page.contains("hf_oauth: true"), "{page}");
    let answer = client.redeem(&code).expect(401).json();
    assert_eq!(answer["error"], "invalid_client", "{answer}");
}
