//! Forms are taken from our own pages, of a session that lives, and from nobody else.

use crate::support::{Answer, Request, Server, static_site};

/// Signs in as a browser does; its cookie, and what its forms carry.
pub fn sign_in(server: &Server, token: &str) -> (String, String) {
    let signed_in = form("/login", "", &format!("token={token}")).send(server.address);
    let cookie = signed_in.header("set-cookie").expect("a session");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let page = Request::get("/settings").header("cookie", &cookie);
    let text = page.send(server.address).expect(200).text();
    let carried = text.split("name=\"form\" value=\"").nth(1).unwrap();
    (cookie, carried.split('"').next().unwrap().to_owned())
}

pub fn form(target: &str, cookie: &str, body: &str) -> Request {
    let request = Request::post(target)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    match cookie {
        "" => request,
        cookie => request.header("cookie", cookie),
    }
}

fn tokens(server: &Server, token: &str) -> usize {
    let hub = crate::support::Hub::new(server, "", token);
    let listed = hub.get("/api/tokens").expect(200).json();
    let text = listed.to_string();
    text.matches("\"name\"").count()
}

#[test]
fn a_form_from_elsewhere_changes_nothing() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice.publish("demo", &static_site("one"));
    let (cookie, carried) = sign_in(&server, &alice.token);
    let (_, other) = sign_in(&server, &bob.token);
    let before = tokens(&server, &alice.token);
    let body = |carried: &str| format!("form={carried}&do=token&name=planted&scope=write");
    for wrong in ["", &other, &carried[1..], "%00"] {
        let answer = form("/settings", &cookie, &body(wrong)).send(server.address);
        assert_eq!(answer.status, 403, "{wrong}: {answer:?}");
    }
    // The right token from a page of another origin, a Space's among them.
    let space = format!("http://alice-demo.localhost:{}", server.address.port());
    for (name, value) in [
        ("origin", space.as_str()),
        ("origin", "null"),
        ("origin", "https://elsewhere.example"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "none"),
    ] {
        let request = form("/settings", &cookie, &body(&carried)).header(name, value);
        let answer = request.send(server.address);
        assert_eq!(answer.status, 403, "{name}: {value}: {answer:?}");
    }
    assert_eq!(tokens(&server, &alice.token), before);
    let taken = form("/settings", &cookie, &body(&carried)).send(server.address);
    taken.expect(200);
    assert_eq!(tokens(&server, &alice.token), before + 1);
}

#[test]
fn a_form_of_a_session_that_has_ended_leads_to_the_sign_in() {
    let server = Server::start();
    let alice = server.user("alice");
    let (cookie, carried) = sign_in(&server, &alice.token);
    let body = format!("form={carried}");
    let out = form("/logout", &cookie, &body).send(server.address);
    assert!(matches!(out.status, 302 | 303), "{out:?}");
    for (target, back) in [
        ("/settings", "%2Fsettings"),
        ("/operator", "%2Foperator"),
        (
            "/spaces/alice/demo/settings",
            "%2Fspaces%2Falice%2Fdemo%2Fsettings",
        ),
    ] {
        for cookie in [cookie.as_str(), "", "glasshouse-session=made-up"] {
            let answer = form(target, cookie, &body).send(server.address);
            assert!(matches!(answer.status, 302 | 303), "{answer:?}");
            let to = answer.header("location").unwrap();
            assert_eq!(to, format!("/login?next={back}"));
        }
    }
}

#[test]
fn the_console_is_for_operators() {
    let server = Server::start();
    let alice = server.user("alice");
    let (cookie, carried) = sign_in(&server, &alice.token);
    let look = |target: &str| -> Answer {
        let request = Request::get(target).header("cookie", &cookie);
        request.send(server.address)
    };
    look("/operator").expect(404);
    look("/operator?owner=alice").expect(404);
    for what in [
        "quota&owner=alice&spaces=99",
        "account&name=eve",
        "close&report=x",
    ] {
        let body = format!("form={carried}&do={what}");
        let answer = form("/operator", &cookie, &body).send(server.address);
        assert_eq!(answer.status, 404, "{what}: {answer:?}");
    }
    let quota = alice.get("/api/quota").expect(200).json();
    assert_eq!(quota["quotas"]["spaces"]["set"], false);
}

#[test]
fn nonsense_in_an_address_is_no_error_of_ours() {
    let server = Server::start();
    let (cookie, _) = sign_in(&server, &server.admin_token());
    let large = "9".repeat(3000);
    for query in [
        "hours=-1".to_owned(),
        format!("hours={large}"),
        "hours=168&hours=24".to_owned(),
        format!("owner={large}"),
        "owner=%00%F0%9F&done=quota".to_owned(),
        "owner=%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        "sort=%27%22&search=%25_".to_owned(),
    ] {
        for page in ["/operator", "/settings"] {
            let request = Request::get(format!("{page}?{query}")).header("cookie", &cookie);
            let answer = request.send(server.address);
            assert!(answer.status < 500, "{page}?{query}: {answer:?}");
            assert!(!answer.text().contains("<script>alert"), "{page}?{query}");
        }
    }
}

#[test]
fn no_other_site_begins_a_sign_in_and_none_is_begun_within_a_session() {
    // Nobody answers there.
    let server = Server::with(&[("OIDC__ISSUER", "http://localhost:1")]);
    let alice = server.user("alice");
    let leave = |site, cookie: &str| {
        let request = Request::get("/login/oidc?next=/new").header("sec-fetch-site", site);
        request.header("cookie", cookie).send(server.address)
    };
    for site in ["cross-site", "same-site"] {
        let answer = leave(site, "").expect(303);
        assert_eq!(answer.header("location"), Some("/login?next=%2Fnew"));
    }
    leave("same-origin", "").expect(502);
    let (cookie, _) = sign_in(&server, &alice.token);
    for site in ["cross-site", "same-origin", "none"] {
        let answer = leave(site, &cookie).expect(303);
        assert_eq!(answer.header("location"), Some("/new"), "{site}");
    }
    let page = Request::get("/settings").header("cookie", &cookie);
    page.send(server.address).expect(200);
}
