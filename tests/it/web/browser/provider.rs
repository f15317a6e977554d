//! Signing in at an identity provider, there and back.

use std::fs;

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::identity::{CLIENT, IdentityProvider};
use crate::support::{Request, Server};

/// A hub whose people sign in there.
struct House {
    server: Server,
    provider: IdentityProvider,
    _secret: tempfile::NamedTempFile,
}

// === impl House ===

impl House {
    fn with(settings: &[(&str, &str)]) -> Self {
        let provider = IdentityProvider::start();
        let secret = tempfile::NamedTempFile::new().unwrap();
        fs::write(secret.path(), format!("{}\n", CLIENT.1)).unwrap();
        let file = secret.path().display().to_string();
        let own = [
            ("OIDC__ISSUER", provider.issuer.as_str()),
            ("OIDC__CLIENT_ID", CLIENT.0),
            ("OIDC__CLIENT_SECRET_FILE", &file),
            ("OIDC__TITLE", "Example <Lab>"),
        ];
        Self {
            server: Server::with(&[&own, settings].concat()),
            provider,
            _secret: secret,
        }
    }

    /// Begins at that page of the hub, signs in at the provider by that name, and comes back.
    fn sign_in_there(&self, browser: &Browser, page_of_hub: &str, link: &str, name: &str) {
        browser.visit(&page(&self.server, page_of_hub));
        browser.click(link);
        browser.fill("input[name=login]", name);
        browser.fill("input[name=password]", "anything");
        browser.click("button[type=submit]");
        // What the hub may know of them.
        browser.find("input[name=prompt][value=consent]");
        browser.click("button[type=submit]");
        let port = self.server.address.port();
        browser.waits_for(&format!("location.port === '{port}'"));
    }
}

const SIGN_IN: &str = "a[href^='/login/oidc']";

#[test]
fn whoever_is_known_there_gets_an_account_and_comes_back_to_it() {
    let house = House::with(&[]);
    let browser = Browser::open();
    house.sign_in_there(&browser, "/new", SIGN_IN, "Ada.L@example.org");
    // Where it began.
    browser.waits_for("location.pathname === '/new'");
    browser.shows("header nav", "Ada-L");
    let admin = house.server.admin();
    let audit = admin.get("/api/admin/audit").expect(200).text();
    assert!(audit.contains("account.create"), "{audit}");

    let elsewhere = Browser::open();
    house.sign_in_there(&elsewhere, "/login", SIGN_IN, "ada.l@example.org");
    elsewhere.shows("header nav", "Ada-L");
    let log = house.server.log();
    assert!(!log.contains("s3cret"), "{log}");
}

#[test]
fn an_account_is_not_taken_over_by_its_name_but_connected_by_its_owner() {
    let house = House::with(&[]);
    let alice = house.server.user("alice");
    let browser = Browser::open();
    house.sign_in_there(&browser, "/login", SIGN_IN, "alice");
    browser.shows("main", "The account `alice` already exists");

    let own = Browser::open();
    sign_in(&own, &alice);
    house.sign_in_there(&own, "/settings", "#connect", "alice");
    own.shows(
        "main",
        "Your identity at the provider is connected to this account.",
    );

    // The provider knows the first browser already and asks it for nothing.
    browser.visit(&page(&house.server, "/login"));
    browser.click(SIGN_IN);
    browser.shows("header nav", "alice");

    own.click("#disconnect");
    own.shows("main", "Connect your identity at the provider");
    let again = Browser::open();
    house.sign_in_there(&again, "/login", SIGN_IN, "alice");
    again.shows("main", "The account `alice` already exists");
}

#[test]
fn without_an_account_there_is_no_way_in_where_none_are_made() {
    let house = House::with(&[("OIDC__CREATE_ACCOUNTS", "false")]);
    let browser = Browser::open();
    house.sign_in_there(&browser, "/login", SIGN_IN, "bob");
    browser.shows("main", "no account here is connected to it");
    let admin = house.server.admin();
    let accounts = admin.get("/api/admin/users").expect(200).text();
    assert!(!accounts.contains("bob"), "{accounts}");
}

#[test]
fn whoever_turns_back_there_is_told_here() {
    let house = House::with(&[]);
    let browser = Browser::open();
    browser.visit(&page(&house.server, "/login"));
    browser.click(SIGN_IN);
    browser.find("input[name=login]");
    browser.click("a[href$='/abort']");
    browser.shows("main", "did not sign you in");
}

#[test]
fn an_answer_that_nobody_here_asked_for_signs_nobody_in() {
    let house = House::with(&[]);
    let server = &house.server;
    let leaving = Request::get("/login/oidc?next=/new")
        .send(server.address)
        .expect(303);
    let there = leaving.header("location").unwrap().to_owned();
    assert!(there.starts_with(&house.provider.issuer), "{there}");
    let of = |name: &str| {
        let query = there.split('?').nth(1).unwrap();
        let found = query.split('&').find_map(|pair| pair.strip_prefix(name));
        found.unwrap().to_owned()
    };
    let (state, cookie) = (of("state="), leaving.header("set-cookie").unwrap());
    let cookie = cookie.split(';').next().unwrap();
    let other = Request::get("/login/oidc").send(server.address).expect(303);
    let others = other.header("set-cookie").unwrap();
    let others = others.split(';').next().unwrap();
    for (cookie, state) in [
        ("", state.as_str()),
        (others, &state),
        (cookie, ""),
        (cookie, "0"),
    ] {
        let target = format!("/login/oidc/callback?code=x&state={state}");
        let answer = Request::get(&target)
            .header("cookie", cookie)
            .send(server.address);
        assert_eq!(answer.status, 400, "{cookie} {state}");
        assert_eq!(answer.header("set-cookie"), None);
    }
    // A code that the provider never gave: it refuses, and the operator reads why.
    let target = format!("/login/oidc/callback?code=never&state={state}");
    let answer = Request::get(&target)
        .header("cookie", cookie)
        .send(server.address);
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(server.log().contains("invalid_grant"), "{}", server.log());

    // Only a page of the session itself begins a connection.
    let alice = server.user("alice");
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(
        server,
        "/login/oidc?connect=0123456789abcdef0123456789abcdef",
    ));
    browser.shows("main", "form has expired");
}

#[test]
fn a_provider_that_is_gone_is_not_our_visitors_fault() {
    let mut house = House::with(&[]);
    house.provider.stop();
    let answer = Request::get("/login/oidc").send(house.server.address);
    assert_eq!(answer.status, 502);
    assert!(
        answer
            .text()
            .contains("identity provider did not respond properly")
    );
    let log = house.server.log();
    assert!(
        log.contains("identity provider did not answer the request for its description"),
        "{log}"
    );
    // The rest goes on.
    Request::get("/login")
        .send(house.server.address)
        .expect(200);
}
